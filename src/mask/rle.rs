//! Run lengths of class ids, as Autoware's segmentation_pointcloud_fusion reads them.
//!
//! The layout is that of `perception_utils/run_length_encoder.cpp` and `tensorrt_yolox_node.cpp` of Autoware Universe (2024 and since): for every
//! run, row by row through the whole image and across the ends of rows, the class id in one byte and the run's length in pixels as
//! a 32-bit integer in the machine's order, here always little endian. There is no header; the sizes are those of the image message around it.
//! The decoder there stops only behind the last pixel, so the lengths have to sum up to exactly the pixels of the image: here they do.

/// Bytes of one run.
const RUN: usize = 5;

/// Why bytes are no runs of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RleError {
    /// The last run is cut off.
    #[error("run lengths: expected a multiple of {RUN} bytes, got {got}")]
    Bytes {
        /// Bytes there are.
        got: usize,
    },
    /// A run has no pixels, or less.
    #[error("run {run}: expected a length of at least 1, got {got}")]
    Length {
        /// The run, from 0.
        run: usize,
        /// Its length.
        got: i32,
    },
    /// The runs do not fill the image, or overflow it.
    #[error("run lengths: expected {expected} pixels, got {got}")]
    Pixels {
        /// Pixels of the image.
        expected: usize,
        /// Pixels of the runs; where they overflow the image, of those up to and with the first that does.
        got: usize,
    },
}

/// Replaces `out` by the runs of `classes`, five bytes each; nothing for an empty image.
pub fn rle_encode(classes: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = classes;
    while let Some(&class) = rest.first() {
        // No frame has more than 2^28 pixels; a longer run would only be parted.
        let length = leading(rest, class).min(i32::MAX as usize);
        out.push(class);
        out.extend_from_slice(&(length as i32).to_le_bytes());
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// How many pixels at the start are of `class`. Compares many at a time: most runs are long.
fn leading(pixels: &[u8], class: u8) -> usize {
    let (blocks, _) = pixels.as_chunks::<16>();
    let whole = 16 * blocks.iter().take_while(|block| **block == [class; 16]).count();
    whole + pixels.iter().skip(whole).take_while(|&&pixel| pixel == class).count()
}

/// The class ids of an image of `pixels` pixels from its runs.
pub fn rle_decode(bytes: &[u8], pixels: usize) -> Result<Vec<u8>, RleError> {
    let (runs, rest) = bytes.as_chunks::<RUN>();
    if !rest.is_empty() {
        return Err(RleError::Bytes { got: bytes.len() });
    }
    let mut classes = Vec::new();
    for (run, &[class, a, b, c, d]) in runs.iter().enumerate() {
        let length = i32::from_le_bytes([a, b, c, d]);
        let pixels_of_run = usize::try_from(length).ok().filter(|&length| length > 0);
        let got = classes.len() + pixels_of_run.ok_or(RleError::Length { run, got: length })?;
        if got > pixels {
            return Err(RleError::Pixels { expected: pixels, got });
        }
        classes.resize(got, class);
    }
    match classes.len() == pixels {
        true => Ok(classes),
        false => Err(RleError::Pixels { expected: pixels, got: classes.len() }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(classes: &[u8]) -> Vec<u8> {
        let mut out = vec![9; 3];
        rle_encode(classes, &mut out);
        out
    }

    #[test]
    fn a_run_is_a_class_and_a_little_endian_length_and_does_not_end_with_the_row() {
        // 3 x 2 pixels: 7 7 7 / 7 0 255.
        assert_eq!(encoded(&[7, 7, 7, 7, 0, 255]), [7, 4, 0, 0, 0, 0, 1, 0, 0, 0, 255, 1, 0, 0, 0]);
        assert_eq!(encoded(&[3; 0x01_02_03]), [3, 3, 2, 1, 0]);
        assert!(encoded(&[]).is_empty());
    }

    #[test]
    fn runs_that_do_not_fit_the_image_are_refused_with_both_counts() {
        let runs = encoded(&[1, 1, 2]);
        assert_eq!(rle_decode(&runs, 4), Err(RleError::Pixels { expected: 4, got: 3 }));
        assert_eq!(rle_decode(&runs, 2), Err(RleError::Pixels { expected: 2, got: 3 }));
        let huge = [1, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(rle_decode(&huge, 4), Err(RleError::Pixels { expected: 4, got: i32::MAX as usize }));
    }

    #[test]
    fn a_cut_run_and_a_run_without_pixels_are_refused() {
        assert_eq!(rle_decode(&[1, 1, 0, 0], 1), Err(RleError::Bytes { got: 4 }));
        let error = rle_decode(&[1, 1, 0, 0, 0, 2, 0, 0, 0, 0], 1);
        assert_eq!(error, Err(RleError::Length { run: 1, got: 0 }));
        assert_eq!(rle_decode(&[1, 255, 255, 255, 255], 1), Err(RleError::Length { run: 0, got: -1 }));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(runs in prop::collection::vec((any::<u8>(), 1usize..400), 0..40)) {
            let classes: Vec<u8> = runs.iter().flat_map(|&(class, n)| std::iter::repeat_n(class, n)).collect();
            prop_assert_eq!(rle_decode(&encoded(&classes), classes.len()), Ok(classes));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), pixels in 0usize..2000) {
            if let Ok(classes) = rle_decode(&bytes, pixels) {
                prop_assert_eq!(classes.len(), pixels);
            }
        }
    }
}
