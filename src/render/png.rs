//! A plane of bytes as a PNG file.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::frame::Size;

/// Why there is no PNG file.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The bytes do not fill the picture, or overflow it.
    #[error("png: expected {expected} bytes for a {size} grey picture, got {got}")]
    Bytes {
        /// The picture's size.
        size: Size,
        /// Bytes that it takes.
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
    /// The encoder refused, as it does a picture without pixels.
    #[error("png: a {size} grey picture cannot be encoded: {reason}")]
    Encoder {
        /// The picture's size.
        size: Size,
        /// The encoder's own words.
        reason: String,
    },
}

/// Replaces `out` by a grey PNG file of `size` with 8 bits a pixel, row by row from `plane`. Lossless, quick rather than small.
pub fn png_gray(size: Size, plane: &[u8], out: &mut Vec<u8>) -> Result<(), PngError> {
    out.clear();
    if plane.len() != size.pixels() {
        return Err(PngError::Bytes { size, expected: size.pixels(), got: plane.len() });
    }
    // A mask repeats the row above nearly everywhere: what is left after `Up` are zeros.
    PngEncoder::new_with_quality(out, CompressionType::Fast, FilterType::Up)
        .write_image(plane, size.width, size.height, ExtendedColorType::L8)
        .map_err(|error| PngError::Encoder { size, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_survives_its_png_file_unchanged() {
        let size = Size::new(37, 21);
        let plane: Vec<u8> = (0..size.pixels()).map(|i| if i % 37 < 20 { 255 } else { (i / 100) as u8 }).collect();
        let mut file = b"what was there before".to_vec();
        png_gray(size, &plane, &mut file).unwrap();
        let read = image::load_from_memory_with_format(&file, image::ImageFormat::Png).unwrap();
        assert_eq!(read.color(), image::ColorType::L8);
        assert_eq!((read.width(), read.height()), (size.width, size.height));
        assert_eq!(read.into_luma8().into_raw(), plane);
    }

    #[test]
    fn a_plane_of_another_size_is_refused_with_both_counts() {
        let error = png_gray(Size::new(4, 3), &[0; 11], &mut Vec::new()).unwrap_err().to_string();
        assert_eq!(error, "png: expected 12 bytes for a 4x3 grey picture, got 11");
    }

    #[test]
    fn an_empty_picture_is_an_error_and_no_panic() {
        assert!(matches!(png_gray(Size::new(0, 0), &[], &mut Vec::new()), Err(PngError::Encoder { .. })));
    }
}
