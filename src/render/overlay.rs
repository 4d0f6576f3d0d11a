//! Pictures for people: a frame as plain colours, and a mask laid over it.

use crate::decode::Rows;
use crate::frame::{Frame, Size};
use crate::mask::Mask;

/// The frame as `R G B` bytes, row by row, at its own size.
pub fn to_rgb(frame: &Frame<'_>) -> Vec<u8> {
    let mut rows = Rows::default();
    let width = frame.size().width as usize;
    let mut rgb = vec![0; 3 * frame.size().pixels()];
    for (y, out) in (0..).zip(rgb.chunks_exact_mut(3 * width)) {
        rows.rgb(frame, y, out);
    }
    rgb
}

/// Lays the colours of a mask's classes over a picture of the same size.
///
/// `alpha` 0 leaves the picture, 1 leaves the colours. Pixels without a colour (unlabelled, or past the end of `colors`) stay as they are, as do
/// those that the shorter of both has not.
pub fn overlay(rgb: &[u8], mask: &Mask, colors: &[[u8; 3]], alpha: f32) -> Vec<u8> {
    let mut out = rgb.to_vec();
    let part = (alpha.clamp(0.0, 1.0) * 256.0) as u32;
    for (pixel, &class) in out.chunks_exact_mut(3).zip(mask.classes()) {
        let Some(color) = colors.get(usize::from(class)) else {
            continue;
        };
        for (v, &c) in pixel.iter_mut().zip(color) {
            *v = ((u32::from(*v) * (256 - part) + u32::from(c) * part + 128) >> 8) as u8;
        }
    }
    out
}

/// The mask at another size, each pixel from the one below its centre: classes are never mixed.
pub fn stretched(mask: &Mask, size: Size) -> Mask {
    let place = |at: u32, from: u32, to: u32| (u64::from(2 * at + 1) * u64::from(from) / u64::from(2 * to)) as usize;
    let columns: Vec<usize> = (0..size.width).map(|x| place(x, mask.size().width, size.width)).collect();
    let mut out = Mask::unlabelled(size);
    let width = (mask.size().width as usize).max(1);
    let rows = out.classes_mut().chunks_exact_mut((size.width as usize).max(1));
    for (y, row) in (0..size.height).zip(rows) {
        let mut from = mask.classes().chunks_exact(width);
        let source = from.nth(place(y, mask.size().height, size.height)).unwrap_or_default();
        for (out, &x) in row.iter_mut().zip(&columns) {
            *out = source.get(x).copied().unwrap_or(*out);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Encoding, Header};

    fn two_pixels() -> Mask {
        let mut mask = Mask::unlabelled(Size::new(2, 1));
        mask.classes_mut()[0] = 1;
        mask
    }

    #[test]
    fn an_overlay_colours_classes_and_leaves_unlabelled_pixels() {
        let rgb = [10, 20, 30, 40, 50, 60];
        let colors = [[0, 0, 0], [200, 100, 50]];
        let full = overlay(&rgb, &two_pixels(), &colors, 1.0);
        assert_eq!(full, [200, 100, 50, 40, 50, 60]);
        let half = overlay(&rgb, &two_pixels(), &colors, 0.5);
        assert_eq!(half, [105, 60, 40, 40, 50, 60]);
        assert_eq!(overlay(&rgb, &two_pixels(), &colors, f32::NAN), rgb);
    }

    #[test]
    fn a_stretched_mask_repeats_its_pixels_and_an_equal_one_is_itself() {
        let mask = two_pixels();
        assert_eq!(stretched(&mask, Size::new(4, 2)).classes(), [1, 1, 255, 255, 1, 1, 255, 255]);
        assert_eq!(stretched(&mask, mask.size()), mask);
        assert_eq!(stretched(&mask, Size::new(1, 1)).classes(), [255]);
        assert_eq!(stretched(&Mask::unlabelled(Size::new(0, 0)), Size::new(1, 1)).classes(), [255]);
        assert!(stretched(&mask, Size::new(0, 0)).classes().is_empty());
    }

    #[test]
    fn a_bgra_frame_becomes_rgb() {
        let data = vec![1, 2, 3, 0, 4, 5, 6, 0];
        let size = Size::new(2, 1);
        let frame = Frame::packed(Header::default(), size, Encoding::Bgra8, data).unwrap();
        assert_eq!(to_rgb(&frame), [3, 2, 1, 6, 5, 4]);
    }
}
