use std::io::Cursor;

use image::{DynamicImage, ExtendedColorType, ImageBuffer, Luma, Rgb};
use proptest::prelude::*;

use super::*;
use crate::frame::BayerPattern;

fn written(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(bytes: &[u8]) -> Result<Frame<'static>, DecodeError> {
    compressed(Header::default(), "some format", bytes)
}

fn picture() -> ImageBuffer<Rgb<u8>, Vec<u8>> {
    ImageBuffer::from_fn(17, 9, |x, y| Rgb([10 * x as u8, 20 * y as u8, 77]))
}

/// The bytes of a PNG's signature and header chunk for 8-bit colour, without any data.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut ihdr = b"IHDR".to_vec();
    ihdr.extend(width.to_be_bytes());
    ihdr.extend(height.to_be_bytes());
    ihdr.extend([8, 2, 0, 0, 0]);
    let mut crc = !0u32;
    for byte in &ihdr {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut png = b"\x89PNG\r\n\x1A\n\0\0\0\x0D".to_vec();
    png.extend(ihdr);
    png.extend((!crc).to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
    png
}

#[test]
fn a_png_of_colour_comes_back_exactly() {
    let frame = decoded(&written(picture(), ImageFormat::Png)).unwrap();
    assert_eq!(frame.encoding(), Encoding::Rgb8);
    assert_eq!(frame.size(), Size::new(17, 9));
    assert_eq!(frame.data(), picture().as_raw().as_slice());
}

#[test]
fn a_jpeg_comes_back_closely_and_keeps_the_header_of_its_message() {
    let header = Header { frame_id: "camera".into(), ..Header::default() };
    let grey = ImageBuffer::from_pixel(20, 10, Rgb([120u8, 90, 60]));
    let bytes = written(grey, ImageFormat::Jpeg);
    let frame = compressed(header.clone(), "rgb8; jpeg compressed bgr8", &bytes).unwrap();
    assert_eq!(frame.header(), &header);
    assert_eq!(frame.encoding(), Encoding::Rgb8);
    for pixel in frame.data().chunks(3) {
        for (got, want) in pixel.iter().zip([120u8, 90, 60]) {
            assert!(got.abs_diff(want) <= 3, "{pixel:?}");
        }
    }
}

#[test]
fn grey_images_stay_grey() {
    let grey = ImageBuffer::from_fn(5, 3, |x, y| Luma([(50 * x + y) as u8]));
    let png = decoded(&written(grey.clone(), ImageFormat::Png)).unwrap();
    assert_eq!(png.encoding(), Encoding::Mono8);
    assert_eq!(png.data(), grey.as_raw().as_slice());
    let jpeg = decoded(&written(grey, ImageFormat::Jpeg)).unwrap();
    assert_eq!(jpeg.encoding(), Encoding::Mono8);
}

#[test]
fn grey_that_is_said_to_be_a_bayer_mosaic_is_one() {
    let grey = ImageBuffer::from_fn(6, 4, |x, y| Luma([(40 * x + y) as u8]));
    let png = written(grey.clone(), ImageFormat::Png);
    let frame = compressed(Header::default(), "bayer_grbg8; png compressed ", &png).unwrap();
    assert_eq!(frame.encoding(), Encoding::Bayer8(BayerPattern::Grbg));
    assert_eq!(frame.data(), grey.as_raw().as_slice());
    // What became colour before it was packed is none any more.
    let frame =
        compressed(Header::default(), "bayer_grbg8; jpeg compressed bgr8", &written(picture(), ImageFormat::Jpeg));
    assert_eq!(frame.unwrap().encoding(), Encoding::Rgb8);
    let refused = compressed(Header::default(), "bayer_rggb16; png compressed ", &png).unwrap_err().to_string();
    assert!(refused.contains("bayer_rggb16"), "{refused}");
}

#[test]
fn sixteen_bit_grey_keeps_its_words_and_sixteen_bit_colour_becomes_eight() {
    let grey = ImageBuffer::from_fn(2, 1, |x, _| Luma([0x1234u16 + x as u16]));
    let frame = decoded(&written(grey, ImageFormat::Png)).unwrap();
    assert_eq!(frame.encoding(), Encoding::Mono16);
    assert_eq!(frame.data(), [0x34, 0x12, 0x35, 0x12]);

    let colour = ImageBuffer::from_pixel(2, 1, Rgb([65_535u16, 257 * 7, 0]));
    let frame = decoded(&written(colour, ImageFormat::Png)).unwrap();
    assert_eq!(frame.encoding(), Encoding::Rgb8);
    assert_eq!(frame.data(), [255, 7, 0, 255, 7, 0]);
}

#[test]
fn alpha_never_counts() {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    image::ImageEncoder::write_image(encoder, &[9, 0, 8, 128], 2, 1, ExtendedColorType::La8).unwrap();
    let frame = decoded(&bytes).unwrap();
    assert_eq!(frame.encoding(), Encoding::Mono8);
    assert_eq!(frame.data(), [9, 8]);

    let colour = ImageBuffer::from_pixel(1, 1, image::Rgba([1u8, 2, 3, 0]));
    let frame = decoded(&written(colour, ImageFormat::Png)).unwrap();
    assert_eq!(frame.encoding(), Encoding::Rgba8);
    assert_eq!(frame.data(), [1, 2, 3, 0]);
}

#[test]
fn a_small_message_cannot_claim_a_huge_image() {
    let png = png_header(16_384, 16_384);
    let error = decoded(&png).unwrap_err();
    let expected = png.len() as u64 * MAX_RATIO;
    assert_eq!(
        error,
        DecodeError::Claim { size: Size::new(16_384, 16_384), bytes: png.len(), expected, got: 3 * 16_384 * 16_384 }
    );
}

#[test]
fn an_absurd_or_empty_side_is_refused() {
    for (width, height) in [(MAX_SIDE + 1, 4), (4, 4_000_000), (0, 5)] {
        assert!(decoded(&png_header(width, height)).is_err());
    }
}

#[test]
fn other_formats_are_named_with_their_first_bytes() {
    let error = compressed(Header::default(), "16UC1; compressedDepth", b"RIFF1234WEBP");
    let message = error.unwrap_err().to_string();
    assert!(message.contains("16UC1; compressedDepth"), "{message}");
    assert!(message.contains("[52, 49, 46, 46]"), "{message}");
    assert!(decoded(&[]).is_err());
}

#[test]
fn cut_images_are_errors_or_pictures_but_never_a_panic() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let bytes = written(picture(), format);
        for end in 0..bytes.len() {
            if let Ok(frame) = decoded(&bytes[..end]) {
                assert_eq!(frame.size(), Size::new(17, 9));
            }
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(
        start in 0usize..3,
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let magic: [&[u8]; 3] = [&[], &[0xFF, 0xD8, 0xFF], b"\x89PNG\r\n\x1A\n"];
        let data = [magic[start], &bytes].concat();
        let _ = decoded(&data);
    }

    #[test]
    fn damaged_images_never_panic(
        jpeg in any::<bool>(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let format = if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png };
        let mut bytes = written(picture(), format);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = decoded(&bytes);
    }
}

/// The first row of a one-row frame, as RGB.
fn rgb_row(width: u32, encoding: Encoding, big_endian: bool, data: &[u8]) -> Vec<u8> {
    let size = Size::new(width, 1);
    let step = encoding.row_bytes(width) as u32;
    let frame = Frame::encoded(Header::default(), size, encoding, big_endian, step, data).unwrap();
    let mut out = vec![0; 3 * width as usize];
    Rows::default().rgb(&frame, 0, &mut out);
    out
}

#[test]
fn samples_are_found_in_every_order() {
    let want = [1, 2, 3, 4, 5, 6];
    let row = |encoding, data: &[u8]| rgb_row(2, encoding, false, data);
    assert_eq!(row(Encoding::Rgb8, &[1, 2, 3, 4, 5, 6]), want);
    assert_eq!(row(Encoding::Bgr8, &[3, 2, 1, 6, 5, 4]), want);
    assert_eq!(row(Encoding::Rgba8, &[1, 2, 3, 99, 4, 5, 6, 98]), want);
    assert_eq!(row(Encoding::Bgra8, &[3, 2, 1, 99, 6, 5, 4, 98]), want);
    assert_eq!(row(Encoding::Mono8, &[7, 9]), [7, 7, 7, 9, 9, 9]);
}

#[test]
fn mono16_is_read_in_the_byte_order_of_its_message_and_rounded() {
    let little = rgb_row(2, Encoding::Mono16, false, &[0x00, 0x80, 0xFF, 0xFF]);
    let big = rgb_row(2, Encoding::Mono16, true, &[0x80, 0x00, 0xFF, 0xFF]);
    assert_eq!(little, [128, 128, 128, 255, 255, 255]);
    assert_eq!(big, little);
}

#[test]
fn yuv_samples_are_found_in_every_order() {
    // Y 81, U 90, V 240 is pure red.
    let red = [254, 0, 0, 254, 0, 0];
    let close = |got: Vec<u8>| got.iter().zip(red).all(|(g, w)| g.abs_diff(w) <= 2);
    let row = |encoding, data: &[u8]| rgb_row(2, encoding, false, data);
    assert!(close(row(Encoding::Uyvy, &[90, 81, 240, 81])));
    assert!(close(row(Encoding::Yuyv, &[81, 90, 81, 240])));
    assert!(close(row(Encoding::Nv12, &[81, 81, 90, 240])));
    assert!(close(row(Encoding::Nv21, &[81, 81, 240, 90])));
}

#[test]
fn an_odd_last_pixel_takes_the_chroma_of_its_half_pair() {
    let row = rgb_row(3, Encoding::Uyvy, false, &[128, 16, 128, 16, 90, 81, 240, 0]);
    assert_eq!(row[..6], [0; 6]);
    assert!(row[6] > 250 && row[7] < 3 && row[8] < 3, "{row:?}");
}

#[test]
fn rows_past_the_end_are_empty() {
    for encoding in [Encoding::Rgb8, Encoding::Nv12, Encoding::Bayer8(BayerPattern::Rggb)] {
        let data = vec![0; encoding.data_bytes(Size::new(2, 2), 6) as usize];
        let frame = Frame::encoded(Header::default(), Size::new(2, 2), encoding, false, 6, data).unwrap();
        assert!(Rows::default().row(&frame, 2).is_empty());
    }
}

/// Fuzzing found it; the file is a tag and the message.
#[test]
fn a_picture_on_which_its_decoder_panics_is_refused_like_others_that_do_not_decode() {
    let file = "fuzz/regressions/image/jpeg_of_single_scans_whose_rows_are_too_short";
    let bytes = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let message: crate::message::CompressedImage<'_> = crate::message::decode(&bytes[1..]).unwrap();
    let error = compressed(message.header, &message.format, &message.data).unwrap_err();
    assert!(matches!(error, DecodeError::Corrupt { bytes: 953, .. }), "{error}");
}
