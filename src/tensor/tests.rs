use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::frame::{BayerPattern, Encoding, Header};
use crate::kernels::round;

/// No normalisation but for the scale: values from 0 to 1.
fn plain(width: u32, height: u32) -> InputSpec {
    InputSpec { size: Size::new(width, height), mean: [0.0; 3], std: [1.0; 3] }
}

static CREW: LazyLock<Arc<Crew>> = LazyLock::new(|| Arc::new(Crew::new(3).unwrap()));

/// A tensor in levels of 255, which several threads make alike.
fn levels(frame: &Frame<'_>, width: u32, height: u32) -> Vec<f32> {
    let made = |crew: Option<&Arc<Crew>>| {
        let mut maker = TensorMaker::new(plain(width, height)).unwrap().on(crew);
        let mut out = vec![f32::NAN; maker.len()];
        maker.fill(frame, ValuesMut::Whole(&mut out)).unwrap();
        out
    };
    let alone = made(None);
    assert_eq!(made(Some(&CREW)), alone, "{} {}x{}", frame.encoding(), frame.size(), Size::new(width, height));
    alone.iter().map(|v| v * 255.0).collect()
}

fn rgb_frame(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Frame<'static> {
    let data: Vec<u8> =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [(x, y)])).flat_map(|(x, y)| pixel(x, y)).collect();
    Frame::packed(Header::default(), Size::new(width, height), Encoding::Rgb8, data).unwrap()
}

/// The same picture in another encoding, with some bytes of padding after each row.
fn encode(rgb: &Frame<'_>, encoding: Encoding, big_endian: bool, padding: u32) -> Frame<'static> {
    let size = rgb.size();
    let step = encoding.row_bytes(size.width) as u32 + padding;
    let mut data = vec![0xA5; step as usize * encoding.rows(size.height) as usize];
    let clamped = |x: u32, y: u32| {
        let (x, y) = (x.min(size.width - 1), y.min(size.height - 1));
        let at = 3 * x as usize;
        let row = rgb.row(y);
        [row[at], row[at + 1], row[at + 2]]
    };
    for (y, row) in (0..).zip(data.chunks_mut(step as usize)) {
        write_row(encoding, big_endian, size, y, &clamped, row);
    }
    Frame::encoded(Header::default(), size, encoding, big_endian, step, data).unwrap()
}

fn write_row(
    encoding: Encoding,
    big_endian: bool,
    size: Size,
    y: u32,
    pixel: &impl Fn(u32, u32) -> [u8; 3],
    row: &mut [u8],
) {
    let pairs = size.width.div_ceil(2);
    match encoding {
        Encoding::Nv12 | Encoding::Nv21 if y >= size.height => {
            for x in 0..pairs {
                let [_, u, v] = yuv(pixel(2 * x, 2 * (y - size.height)));
                let pair = if encoding == Encoding::Nv12 { [u, v] } else { [v, u] };
                row[2 * x as usize..][..2].copy_from_slice(&pair);
            }
        }
        Encoding::Uyvy | Encoding::Yuyv => {
            for x in 0..pairs {
                let [y0, u, v] = yuv(pixel(2 * x, y));
                let [y1, ..] = yuv(pixel(2 * x + 1, y));
                let four = if encoding == Encoding::Uyvy { [u, y0, v, y1] } else { [y0, u, y1, v] };
                row[4 * x as usize..][..4].copy_from_slice(&four);
            }
        }
        _ => {
            for x in 0..size.width {
                let bytes = samples(encoding, big_endian, x, y, pixel(x, y));
                let at = x as usize * bytes.len();
                row[at..][..bytes.len()].copy_from_slice(&bytes);
            }
        }
    }
}

fn samples(encoding: Encoding, big_endian: bool, x: u32, y: u32, [r, g, b]: [u8; 3]) -> Vec<u8> {
    let tile = |tile: [u8; 4]| vec![tile[(y % 2 * 2 + x % 2) as usize]];
    match encoding {
        Encoding::Rgb8 => vec![r, g, b],
        Encoding::Bgr8 => vec![b, g, r],
        Encoding::Rgba8 => vec![r, g, b, 17],
        Encoding::Bgra8 => vec![b, g, r, 17],
        Encoding::Mono8 => vec![g],
        Encoding::Mono16 if big_endian => (u16::from(g) * 257).to_be_bytes().to_vec(),
        Encoding::Mono16 => (u16::from(g) * 257).to_le_bytes().to_vec(),
        Encoding::Bayer8(BayerPattern::Rggb) => tile([r, g, g, b]),
        Encoding::Bayer8(BayerPattern::Bggr) => tile([b, g, g, r]),
        Encoding::Bayer8(BayerPattern::Gbrg) => tile([g, b, r, g]),
        Encoding::Bayer8(BayerPattern::Grbg) => tile([g, r, b, g]),
        _ => vec![yuv([r, g, b])[0]],
    }
}

/// BT.601, limited range.
fn yuv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(f64::from);
    let luma = 0.299 * r + 0.587 * g + 0.114 * b;
    let y = 16.0 + luma * 219.0 / 255.0;
    let u = 128.0 + (b - luma) / 1.772 * 224.0 / 255.0;
    let v = 128.0 + (r - luma) / 1.402 * 224.0 / 255.0;
    [y, u, v].map(|c| c.round() as u8)
}

fn assert_close(got: &[f32], want: &[f32], tolerance: f32, what: &str) {
    assert_eq!(got.len(), want.len());
    for (k, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= tolerance, "{what}: value {k} is {g}, not {w}");
    }
}

const SIDES: [u32; 6] = [1, 2, 3, 5, 16, 31];

#[test]
fn equal_sizes_only_normalise() {
    let frame = rgb_frame(3, 2, |x, y| [x as u8, 10 * y as u8, 255]);
    let spec = InputSpec { size: Size::new(3, 2), mean: [0.5, 0.25, 0.1], std: [0.5, 0.2, 0.4] };
    let mut maker = TensorMaker::new(spec).unwrap();
    let mut out = vec![0.0; maker.len()];
    maker.fill(&frame, ValuesMut::Whole(&mut out)).unwrap();
    let want = |v: f32, k: usize| (v / 255.0 - spec.mean[k]) / spec.std[k];
    let red = [0.0, 1.0, 2.0, 0.0, 1.0, 2.0].map(|v| want(v, 0));
    let green = [0.0, 0.0, 0.0, 10.0, 10.0, 10.0].map(|v| want(v, 1));
    let blue = [255.0; 6].map(|v| want(v, 2));
    assert_close(&out, &[red, green, blue].concat(), 1e-5, "tensor");
}

#[test]
fn a_constant_picture_stays_constant_at_every_pair_of_sizes() {
    for width in SIDES {
        for height in SIDES {
            let grey = rgb_frame(width, height, |_, _| [200; 3]);
            for encoding in Encoding::ALL {
                let frame = encode(&grey, encoding, false, 0);
                for (w, h) in [(1, 1), (2, 2), (7, 3), (31, 16)] {
                    // Limited-range luma has 219 levels for 255.
                    let got = levels(&frame, w, h);
                    let what = format!("{encoding} {width}x{height} to {w}x{h}");
                    assert_close(&got, &vec![200.0; got.len()], 1.01, &what);
                    assert_close(&got, &vec![got[0]; got.len()], 1e-3, &what);
                }
            }
        }
    }
}

#[test]
fn a_linear_gradient_stays_linear_and_is_not_shifted() {
    let (width, height) = (120, 90);
    let frame = rgb_frame(width, height, |x, y| [2 * x as u8, 2 * y as u8, (x + y) as u8]);
    for network in [(240, 180), (120, 45), (80, 60), (33, 20), (17, 181), (119, 91)] {
        let network = Size::new(network.0, network.1);
        let got = levels(&frame, network.width, network.height);
        let geometry = Geometry { source: frame.size(), network };
        for y in 1..network.height - 1 {
            for x in 1..network.width - 1 {
                let (sx, sy) = geometry.to_source((f64::from(x), f64::from(y)));
                // Outside the outermost centres the border is repeated.
                let sx = sx.clamp(0.0, f64::from(width - 1));
                let sy = sy.clamp(0.0, f64::from(height - 1));
                let at = (y * network.width + x) as usize;
                for (k, want) in [2.0 * sx, 2.0 * sy, sx + sy].into_iter().enumerate() {
                    let got = got[k * network.pixels() + at];
                    // Covered areas, being made of whole pixels, have their centres up to an eighth of a pixel off.
                    assert!((f64::from(got) - want).abs() < 0.15, "{network}: {got}, not {want}, at {x}, {y}");
                }
            }
        }
    }
}

#[test]
fn fine_stripes_become_their_mean_beyond_twofold_reduction() {
    let frame = rgb_frame(90, 90, |x, _| [if x % 2 == 0 { 0 } else { 200 }; 3]);
    let got = levels(&frame, 15, 30);
    assert_close(&got, &vec![100.0; got.len()], 1.0, "stripes");
}

#[test]
fn the_maker_follows_changes_of_size_and_encoding() {
    let mut maker = TensorMaker::new(plain(8, 6)).unwrap();
    let mut out = vec![0.0; maker.len()];
    for (width, height) in [(16, 12), (8, 6), (5, 40), (16, 12), (100, 3)] {
        let rgb = rgb_frame(width, height, |x, y| [(x * y) as u8, x as u8, y as u8]);
        for encoding in Encoding::ALL {
            let frame = encode(&rgb, encoding, false, 0);
            maker.fill(&frame, ValuesMut::Whole(&mut out)).unwrap();
            let fresh = levels(&frame, 8, 6);
            let got: Vec<f32> = out.iter().map(|v| v * 255.0).collect();
            assert_eq!(got, fresh, "{encoding} {width}x{height}");
        }
    }
}

#[test]
fn a_rounded_tensor_has_the_planes_values_pixel_by_pixel() {
    let mut maker = TensorMaker::new(plain(8, 6)).unwrap().on(Some(&CREW));
    let (mut planes, mut pixels) = (vec![0.0; maker.len()], vec![u16::MAX; 4 * 8 * 6]);
    for (width, height) in [(8, 6), (16, 12), (5, 40)] {
        let rgb = rgb_frame(width, height, |x, y| [(x * y) as u8, 9 * x as u8, 7 * y as u8]);
        for encoding in Encoding::ALL {
            let frame = encode(&rgb, encoding, false, 0);
            maker.fill(&frame, ValuesMut::Whole(&mut planes)).unwrap();
            maker.fill(&frame, ValuesMut::Rounded(&mut pixels)).unwrap();
            for (at, pixel) in pixels.chunks_exact(4).enumerate() {
                let [red, green, blue] = [0, 1, 2].map(|colour| round(planes[colour * 48 + at]));
                assert_eq!(pixel, [red, green, blue, 0], "{encoding} {width}x{height}, pixel {at}");
            }
        }
    }
}

#[test]
fn a_tensor_of_bytes_has_the_nearest_level_of_each_colour() {
    let spec = InputSpec { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], ..plain(8, 6) };
    let [mut maker, mut levels] = [spec, plain(8, 6)].map(|spec| TensorMaker::new(spec).unwrap().on(Some(&CREW)));
    let (mut planes, mut pixels) = (vec![0.0; maker.len()], vec![u32::MAX; 8 * 6]);
    for (width, height) in [(8, 6), (16, 12), (5, 40)] {
        let rgb = rgb_frame(width, height, |x, y| [(x * y) as u8, 9 * x as u8, 7 * y as u8]);
        for encoding in Encoding::ALL {
            let frame = encode(&rgb, encoding, false, 0);
            levels.fill(&frame, ValuesMut::Whole(&mut planes)).unwrap();
            maker.fill(&frame, ValuesMut::Bytes(&mut pixels)).unwrap();
            for (at, pixel) in pixels.iter().enumerate() {
                let [red, green, blue, zero] = pixel.to_ne_bytes();
                for (colour, byte) in [red, green, blue].into_iter().enumerate() {
                    let level = 255.0 * planes[colour * 48 + at];
                    let off = (f32::from(byte) - level).abs();
                    assert!(off < 0.501, "{encoding} {width}x{height}, pixel {at}: {byte} for {level}");
                }
                assert_eq!(zero, 0);
            }
        }
    }
}

#[test]
fn an_output_of_another_size_is_refused_with_both_numbers() {
    let mut maker = TensorMaker::new(plain(4, 2)).unwrap();
    let frame = rgb_frame(4, 2, |_, _| [0; 3]);
    let error = maker.fill(&frame, ValuesMut::Whole(&mut [0.0; 23])).unwrap_err();
    assert_eq!(error.to_string(), "output: expected 24 values for 3 planes of 4x2; got 23");
    let error = maker.fill(&frame, ValuesMut::Rounded(&mut [0; 24])).unwrap_err();
    assert_eq!(error.to_string(), "output: expected 32 values for pixels of 4 of 4x2; got 24");
    let error = maker.fill(&frame, ValuesMut::Bytes(&mut [0; 24])).unwrap_err();
    assert_eq!(error.to_string(), "output: expected 8 values for pixels of bytes of 4x2; got 24");
}

#[test]
fn absurd_specs_are_refused() {
    assert!(TensorMaker::new(plain(0, 2)).is_err());
    let mut spec = plain(4, 2);
    spec.std[1] = 0.0;
    let error = TensorMaker::new(spec).unwrap_err().to_string();
    assert!(error.starts_with("std: expected a finite number above 0"), "{error}");
    let mut spec = plain(4, 2);
    spec.mean[2] = f32::NAN;
    assert!(TensorMaker::new(spec).is_err());
}

fn sizes() -> impl Strategy<Value = Size> {
    (1u32..40, 1u32..40).prop_map(|(w, h)| Size::new(w, h))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_encoding_of_the_same_smooth_picture_gives_the_same_tensor(
        source in sizes(),
        network in sizes(),
        slope in 0.0f64..1.5,
    ) {
        // Grey, so that shared chroma loses nothing; smooth, so that a mosaic loses little.
        let rgb = rgb_frame(source.width, source.height, |x, y| {
            [(60.0 + slope * f64::from(x) + f64::from(y)) as u8; 3]
        });
        let want = levels(&rgb, network.width, network.height);
        for encoding in Encoding::ALL {
            let tolerance = match encoding {
                Encoding::Uyvy | Encoding::Yuyv | Encoding::Nv12 | Encoding::Nv21 => 1.5,
                // In a corner all neighbours of a colour lie on one side, a pixel away in x and y: a slope of 1.5 + 1, and both are rounded.
                Encoding::Bayer8(_) => 3.6,
                _ => 0.01,
            };
            let frame = encode(&rgb, encoding, false, 0);
            let got = levels(&frame, network.width, network.height);
            assert_close(&got, &want, tolerance, encoding.name());
        }
    }

    #[test]
    fn colours_survive_every_colour_encoding(
        colour in proptest::array::uniform3(20u8..235),
        source in sizes(),
        network in sizes(),
    ) {
        prop_assume!(source.width > 1 && source.height > 1);
        let rgb = rgb_frame(source.width, source.height, |_, _| colour);
        let want = levels(&rgb, network.width, network.height);
        for encoding in Encoding::ALL {
            if matches!(encoding, Encoding::Mono8 | Encoding::Mono16) {
                continue;
            }
            let frame = encode(&rgb, encoding, false, 0);
            let got = levels(&frame, network.width, network.height);
            assert_close(&got, &want, 3.0, encoding.name());
        }
    }

    #[test]
    fn padding_and_byte_order_do_not_matter(
        source in sizes(),
        network in sizes(),
        padding in 1u32..20,
        seed in any::<u32>(),
    ) {
        let rgb = rgb_frame(source.width, source.height, |x, y| {
            let v = seed.wrapping_mul(2_654_435_761).wrapping_add(x * 7919 + y * 104_729);
            [v as u8, (v >> 8) as u8, (v >> 16) as u8]
        });
        for encoding in Encoding::ALL {
            let packed = levels(&encode(&rgb, encoding, false, 0), network.width, network.height);
            let padded = encode(&rgb, encoding, true, padding);
            prop_assert_eq!(&levels(&padded, network.width, network.height), &packed);
        }
    }

    #[test]
    fn the_geometry_comes_back(source in sizes(), network in sizes(), x in 0.0..40.0, y in 0.0..40.0) {
        let geometry = Geometry { source, network };
        let (bx, by) = geometry.to_source(geometry.to_network((x, y)));
        prop_assert!((bx - x).abs() < 1e-9 && (by - y).abs() < 1e-9);
    }
}
