//! Compressed images become frames, and the rows of any frame become colours.
//!
//! Knows JPEG, PNG and what each [`Encoding`] means; knows nothing of sizes wanted later, networks or messages. A raw image needs no
//! decoding: [`Frame::new`] checks its fields, and [`Rows`] reads it.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::caught::caught;
use crate::frame::{Encoding, Frame, FrameError, Header, MAX_SIDE, Size, check_size};

mod bayer;
mod pixel;
mod rows;
mod yuv;

pub use rows::{Layout, Rows};

/// The most bytes that a decoded image may take; enough for 89 megapixels of colour.
pub const MAX_DECODED: u64 = 256 << 20;

/// The most decoded bytes that one compressed byte is believed to hold.
///
/// Deflate packs at most 1032 bytes into one, and a PNG of one bit a pixel becomes eight times as large. JPEG stays far below.
pub const MAX_RATIO: u64 = 8 * 1032;

/// Decodes a compressed image (sensor_msgs/CompressedImage).
///
/// JPEG and PNG are told apart by their first bytes. ROS fills `format` in many ways: of it counts only that it begins with the name of a Bayer encoding, as
/// compressed_image_transport then packs the mosaic as grey. Colour becomes rgb8 or rgba8, other grey mono8 or mono16; 16-bit colour is reduced to 8 bits, and alpha
/// never counts. EXIF orientation is not applied.
///
/// Size and memory are bounded by the image's header before anything is decoded: [`MAX_SIDE`], [`MAX_DECODED`] and [`MAX_RATIO`]. Where a decoder panics
/// on what it did not expect, that is an error like any other.
pub fn compressed(header: Header, format: &str, data: &[u8]) -> Result<Frame<'static>, DecodeError> {
    let kind = sniff(data).ok_or_else(|| DecodeError::Format {
        format: shortened(format),
        start: data.iter().take(4).copied().collect(),
        bytes: data.len(),
    })?;
    let corrupt = |reason: String| DecodeError::Corrupt {
        format: shortened(format),
        bytes: data.len(),
        reason: shortened(&reason),
    };
    let refused = |e: ImageError| corrupt(e.to_string());
    let decoded = || -> Result<DynamicImage, DecodeError> {
        let mut reader = ImageReader::with_format(Cursor::new(data), kind);
        reader.limits(limits());
        let mut decoder = reader.into_decoder().map_err(refused)?;
        check_claim(&decoder, data.len())?;
        decoder.set_limits(limits()).map_err(refused)?;
        DynamicImage::from_decoder(decoder).map_err(refused)
    };
    let image = caught(decoded).map_err(|words| corrupt(format!("the decoder panicked: {words}")))??;
    Ok(to_frame(header, image, mosaic(format))?)
}

/// The Bayer encoding that `format` begins with: `bayer_rggb8; png compressed `.
fn mosaic(format: &str) -> Option<&str> {
    let (encoding, _) = format.split_once(';')?;
    Some(encoding.trim()).filter(|encoding| encoding.starts_with("bayer_"))
}

fn sniff(data: &[u8]) -> Option<ImageFormat> {
    if data.starts_with(&[0xFF, 0xD8, 0xFF]) {
        Some(ImageFormat::Jpeg)
    } else if data.starts_with(b"\x89PNG\r\n\x1A\n") {
        Some(ImageFormat::Png)
    } else {
        None
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    // The decoded image and as much again for the decoder's own buffers.
    limits.max_alloc = Some(2 * MAX_DECODED);
    limits
}

/// Refuses what the image's header claims when no honest image of so few bytes could hold it.
fn check_claim(decoder: &impl ImageDecoder, bytes: usize) -> Result<(), DecodeError> {
    let (width, height) = decoder.dimensions();
    let size = Size::new(width, height);
    check_size(size)?;
    let expected = MAX_DECODED.min((bytes as u64).saturating_mul(MAX_RATIO));
    let got = decoder.total_bytes();
    if got > expected {
        return Err(DecodeError::Claim { size, bytes, expected, got });
    }
    Ok(())
}

fn to_frame(header: Header, image: DynamicImage, mosaic: Option<&str>) -> Result<Frame<'static>, FrameError> {
    let size = Size::new(image.width(), image.height());
    if let (Some(encoding), DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_)) = (mosaic, &image) {
        return Frame::new(header, size, encoding, false, size.width, image.into_luma8().into_raw());
    }
    match image {
        DynamicImage::ImageLuma8(grey) => Frame::packed(header, size, Encoding::Mono8, grey.into_raw()),
        DynamicImage::ImageLumaA8(_) => {
            let grey = image.into_luma8();
            Frame::packed(header, size, Encoding::Mono8, grey.into_raw())
        }
        DynamicImage::ImageLuma16(_) | DynamicImage::ImageLumaA16(_) => {
            let words = image.into_luma16().into_raw();
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            Frame::packed(header, size, Encoding::Mono16, bytes)
        }
        DynamicImage::ImageRgba8(colour) => Frame::packed(header, size, Encoding::Rgba8, colour.into_raw()),
        other => Frame::packed(header, size, Encoding::Rgb8, other.into_rgb8().into_raw()),
    }
}

/// The beginning of a text that came with the data: messages must not grow with hostile input.
fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

/// What can be wrong with a compressed image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Neither JPEG nor PNG.
    #[error("data: expected a JPEG or PNG image; got {bytes} bytes that start with {start:02x?}, format \"{format}\"")]
    Format {
        /// The message's format field.
        format: String,
        /// The first bytes.
        start: Vec<u8>,
        /// Bytes in the message.
        bytes: usize,
    },
    /// The image's header claims more than its bytes can hold, or more than is allowed.
    #[error(
        "data: {bytes} compressed bytes may hold at most {expected} decoded ones; the header claims {got} ({size})"
    )]
    Claim {
        /// The size in the image's header.
        size: Size,
        /// Bytes in the message.
        bytes: usize,
        /// The most decoded bytes that are believed.
        expected: u64,
        /// Decoded bytes as claimed.
        got: u64,
    },
    /// The decoder gave up.
    #[error("data: {bytes} bytes of format \"{format}\" do not decode: {reason}")]
    Corrupt {
        /// The message's format field.
        format: String,
        /// Bytes in the message.
        bytes: usize,
        /// The decoder's own words.
        reason: String,
    },
    /// The image's size is not supported.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

#[cfg(test)]
mod tests;
