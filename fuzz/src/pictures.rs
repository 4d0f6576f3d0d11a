//! Pixels: raw frames of every encoding, JPEG and PNG files, run lengths.

use std::sync::{Arc, LazyLock};

use itnet::camera::overlay_image;
use itnet::decode::{MAX_DECODED, MAX_RATIO, compressed};
use itnet::frame::{Encoding, Frame, Header, Size};
use itnet::kernels::{Crew, ValuesMut, round};
use itnet::mask::{Mask, rle_decode, rle_encode};
use itnet::render::{png_gray, to_rgb};
use itnet::tensor::{InputSpec, TensorMaker};

/// Size, encoding, padding of the rows, byte order and the network's size, then pixels, which are repeated as often as needed.
pub fn frame(data: &[u8]) {
    let Some((&[encoding, order, width, height, padding, across, down], pixels)) = data.split_first_chunk::<7>() else {
        return;
    };
    let encoding = Encoding::ALL[usize::from(encoding) % Encoding::ALL.len()];
    let size = Size::new(u32::from(width % 48) + 1, u32::from(height % 48) + 1);
    let step = encoding.row_bytes(size.width) as u32 + u32::from(padding % 8);
    let expected = encoding.data_bytes(size, step) as usize;
    let bytes: Vec<u8> = pixels.iter().copied().cycle().take(if pixels.is_empty() { 0 } else { expected }).collect();
    let Ok(frame) = Frame::encoded(Header::default(), size, encoding, order % 2 == 1, step, bytes) else {
        assert!(pixels.is_empty(), "a {size} {encoding} frame of {expected} bytes is refused");
        return;
    };
    tensor_of(&frame, Size::new(u32::from(across % 48) + 1, u32::from(down % 48) + 1));
    look_at(&frame);
}

/// Everything that is done to a frame before a network sees it.
pub fn look_at(frame: &Frame<'_>) {
    if frame.size().pixels() > 1 << 20 {
        return;
    }
    tensor_of(frame, Size::new(12, 9));
    let mut mask = Mask::unlabelled(Size::new(3, 2));
    mask.classes_mut().copy_from_slice(&[0, 1, 0, 1, 255, 7]);
    let picture = overlay_image(frame, &mask, &[[200; 3], [9; 3]], 0.5);
    assert_eq!(picture.data.len(), 3 * frame.size().pixels());
    if frame.size().pixels() <= 1 << 12 {
        same_as_rgb(frame);
    }
}

/// Threads that share tensors.
static CREW: LazyLock<Arc<Crew>> = LazyLock::new(|| Arc::new(Crew::new(3).expect("three threads")));

/// The planes of one thread; pixels of rounded values and of bytes, which several threads make, are compared with them.
fn filled(frame: &Frame<'_>, size: Size) -> Vec<f32> {
    let spec = InputSpec { size, mean: [0.0; 3], std: [1.0; 3] };
    let maker = || TensorMaker::new(spec).expect("a size and a normalisation that are allowed");
    let mut alone = maker();
    let mut tensor = vec![f32::NAN; alone.len()];
    alone.fill(frame, ValuesMut::Whole(&mut tensor)).expect("a tensor of the right size");
    let mut maker = maker().on(Some(&CREW));
    let mut rounded = vec![u16::MAX; 4 * size.pixels()];
    maker.fill(frame, ValuesMut::Rounded(&mut rounded)).expect("pixels of the right size");
    for (at, pixel) in rounded.chunks_exact(4).enumerate() {
        let colour = |colour: usize| round(tensor[colour * size.pixels() + at]);
        assert_eq!(pixel, [colour(0), colour(1), colour(2), 0], "pixel {at} rounded");
    }
    let mut bytes = vec![u32::MAX; size.pixels()];
    maker.fill(frame, ValuesMut::Bytes(&mut bytes)).expect("bytes of the right size");
    for (at, pixel) in bytes.iter().enumerate() {
        let levels = (0..3).map(|colour| 255.0 * tensor[colour * size.pixels() + at]).chain([0.0]);
        for (byte, level) in pixel.to_ne_bytes().into_iter().zip(levels) {
            assert!((f32::from(byte) - level).abs() < 0.51, "pixel {at}: {byte} for a level of {level}");
        }
    }
    tensor
}

fn tensor_of(frame: &Frame<'_>, size: Size) {
    let tensor = filled(frame, size);
    assert!(tensor.iter().all(|v| (-0.01..=1.01).contains(v)), "a value out of range");
}

/// At the frame's own size the tensor has the colours that people are shown.
fn same_as_rgb(frame: &Frame<'_>) {
    let tensor = filled(frame, frame.size());
    let pixels = frame.size().pixels();
    for (at, rgb) in to_rgb(frame).chunks_exact(3).enumerate() {
        for (channel, byte) in rgb.iter().enumerate() {
            let v = tensor[channel * pixels + at] * 255.0;
            assert!((v - f32::from(*byte)).abs() < 1.01, "pixel {at}: {v} in the tensor, {byte} in the picture");
        }
    }
}

/// A JPEG or PNG file.
pub fn picture(data: &[u8]) {
    let frame = match compressed(Header::default(), "jpeg", data) {
        Ok(frame) => frame,
        Err(fault) => {
            assert!(fault.to_string().len() < 1000, "a fault must not grow with the file: {fault}");
            return;
        }
    };
    let believed = MAX_DECODED.min((data.len() as u64).saturating_mul(MAX_RATIO));
    assert!(frame.data().len() as u64 <= believed, "{} bytes became {}", data.len(), frame.data().len());
    look_at(&frame);
    if frame.encoding() == Encoding::Mono8 && frame.size().pixels() < 1 << 16 {
        let mut file = Vec::new();
        png_gray(frame.size(), frame.data(), &mut file).expect("what was read can be written");
        let again = compressed(Header::default(), "", &file).expect("what was written can be read");
        assert_eq!(again, frame);
    }
}

/// Width and height, then runs.
pub fn rle(data: &[u8]) {
    let Some((&[width, height], runs)) = data.split_first_chunk::<2>() else { return };
    let pixels = usize::from(width) * usize::from(height);
    let Ok(classes) = rle_decode(runs, pixels) else { return };
    assert_eq!(classes.len(), pixels);
    let mut shortest = Vec::new();
    rle_encode(&classes, &mut shortest);
    assert!(shortest.len() <= runs.len());
    assert_eq!(rle_decode(&shortest, pixels), Ok(classes));
}

/// A small frame of every encoding.
pub fn frames() -> Vec<(Size, Encoding, u32, Vec<u8>)> {
    let frame = |encoding: Encoding| {
        let size = Size::new(5, 3);
        let step = encoding.row_bytes(size.width) as u32 + 1;
        let data = (0..encoding.data_bytes(size, step)).map(|i| (i * 37) as u8).collect();
        (size, encoding, step, data)
    };
    Encoding::ALL.map(frame).into()
}

pub fn frame_seeds() -> Vec<Vec<u8>> {
    let frames = frames().into_iter().zip(0u8..);
    frames.map(|((.., data), encoding)| [&[encoding, encoding, 4, 2, 1, 7, 5], &data[..]].concat()).collect()
}

pub fn picture_seeds() -> Vec<Vec<u8>> {
    use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, ImageFormat, Luma, RgbImage, RgbaImage};
    let ramp = |values: usize| (0..values).map(|i| (i * 29) as u8).collect::<Vec<u8>>();
    let words = |values: usize| (0..values).map(|i| (i * 2999) as u16).collect::<Vec<u16>>();
    let all: [Option<DynamicImage>; 7] = [
        GrayImage::from_raw(7, 5, ramp(35)).map(Into::into),
        GrayAlphaImage::from_raw(7, 5, ramp(70)).map(Into::into),
        RgbImage::from_raw(7, 5, ramp(105)).map(Into::into),
        RgbImage::from_raw(17, 16, ramp(816)).map(Into::into),
        RgbaImage::from_raw(7, 5, ramp(140)).map(Into::into),
        ImageBuffer::<Luma<u16>, _>::from_raw(7, 5, words(35)).map(Into::into),
        ImageBuffer::<image::Rgb<u16>, _>::from_raw(4, 3, words(36)).map(Into::into),
    ];
    let write = |image: &DynamicImage, format: ImageFormat| {
        let mut file = std::io::Cursor::new(Vec::new());
        image.write_to(&mut file, format).is_ok().then(|| file.into_inner())
    };
    let both = |image: DynamicImage| [write(&image, ImageFormat::Png), write(&image, ImageFormat::Jpeg)];
    all.into_iter().flatten().flat_map(both).flatten().collect()
}

pub fn rle_seeds() -> Vec<Vec<u8>> {
    let runs = |size: [u8; 2], classes: &[u8]| {
        let mut out = Vec::new();
        rle_encode(classes, &mut out);
        [&size, &out[..]].concat()
    };
    vec![runs([3, 2], &[7, 7, 7, 7, 0, 255]), runs([200, 200], &[3; 40_000]), runs([0, 0], &[])]
}
