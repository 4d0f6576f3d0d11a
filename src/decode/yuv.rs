//! YUV rows to red, green and blue: BT.601 in limited range.
//!
//! The coefficients are ITU-R BT.601's, as in OpenCV's conversions that cv_bridge calls for these encodings: with `y = 255/219 (Y - 16)`,
//! `R = y + 1.596 (V - 128)`, `G = y - 0.813 (V - 128) - 0.391 (U - 128)`, `B = y + 2.018 (U - 128)`. Here they have six bits behind
//! the point, so that a row is computed in 16-bit lanes; the result is within one level of the formula. Chroma is repeated over the pixels
//! that share it, as OpenCV does.

use super::rows::join;
use crate::frame::{Encoding, Frame};

/// Pixels that are converted together.
const LANES: usize = 32;

/// One row as three planes of the same length; chroma already repeated.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
    /// `U V U V ...` or `V U V U ...`, as it was in the frame.
    chroma: Vec<u8>,
}

impl Scratch {
    fn fit(&mut self, width: usize) {
        let width = width.next_multiple_of(LANES);
        for plane in [&mut self.y, &mut self.u, &mut self.v, &mut self.chroma] {
            plane.resize(width, 0);
        }
    }
}

/// Converts row `y` of a YUV frame into pixels of four samples.
#[inline(always)]
pub(super) fn row(frame: &Frame<'_>, y: u32, scratch: &mut Scratch, out: &mut [u8]) {
    scratch.fit(frame.size().width as usize);
    let luma = frame.row(y);
    let Scratch { y: ys, u, v, chroma } = scratch;
    match frame.encoding() {
        Encoding::Uyvy => split_pairs(luma, chroma, ys),
        Encoding::Yuyv => split_pairs(luma, ys, chroma),
        _ => {
            copy(luma, ys);
            copy(frame.row(frame.size().height + y / 2), chroma);
        }
    }
    match frame.encoding() {
        Encoding::Nv21 => repeat_pairs(chroma, v, u),
        _ => repeat_pairs(chroma, u, v),
    }
    convert(scratch, out);
}

#[inline(always)]
fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Sorts `A B A B ...` into two rows.
#[inline(always)]
fn split_pairs(row: &[u8], first: &mut [u8], second: &mut [u8]) {
    let (pairs, _) = row.as_chunks::<2>();
    for ((pair, first), second) in pairs.iter().zip(first).zip(second) {
        let pair = u16::from_le_bytes(*pair);
        *first = pair as u8;
        *second = (pair >> 8) as u8;
    }
}

/// Sorts `A B A B ...` into two rows, in which each value stands for two pixels.
#[inline(always)]
fn repeat_pairs(row: &[u8], first: &mut [u8], second: &mut [u8]) {
    let (firsts, _) = first.as_chunks_mut::<2>();
    let (seconds, _) = second.as_chunks_mut::<2>();
    let (pairs, _) = row.as_chunks::<2>();
    for ((pair, first), second) in pairs.iter().zip(firsts).zip(seconds) {
        // As words, so that nothing is sorted byte by byte.
        let pair = u16::from_le_bytes(*pair);
        *first = ((pair & 0xFF) | pair << 8).to_le_bytes();
        *second = ((pair & 0xFF00) | pair >> 8).to_le_bytes();
    }
}

#[inline(always)]
fn convert(scratch: &Scratch, out: &mut [u8]) {
    let (ys, _) = scratch.y.as_chunks::<LANES>();
    let (us, _) = scratch.u.as_chunks::<LANES>();
    let (vs, _) = scratch.v.as_chunks::<LANES>();
    let (pixels, _) = out.as_chunks_mut::<4>();
    for (((y, u), v), pixels) in ys.iter().zip(us).zip(vs).zip(pixels.chunks_mut(LANES)) {
        let mut rgb = [[0; LANES]; 3];
        for k in 0..LANES {
            let [r, g, b] = pixel(y[k], u[k], v[k]);
            (rgb[0][k], rgb[1][k], rgb[2][k]) = (r, g, b);
        }
        join(rgb, pixels);
    }
}

/// One pixel in 16-bit steps; the sums saturate, which the clamp at the end hides.
#[inline(always)]
fn pixel(y: u8, u: u8, v: u8) -> [u8; 3] {
    // 18997 / 65536 * 257 = 74.50 = 64 * 255 / 219; the product of two u16 halves stays exact.
    let y = ((u32::from(u16::from(y) * 257) * 18_997) >> 16) as i16 - 1_192 + 32;
    let u = i16::from(u) - 128;
    let v = i16::from(v) - 128;
    let red = y.saturating_add(102 * v);
    let green = y.saturating_sub(52 * v).saturating_sub(25 * u);
    let blue = y.saturating_add(129 * u);
    [red, green, blue].map(|c| (c >> 6).clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formula(y: u8, u: u8, v: u8) -> [f64; 3] {
        let y = 255.0 / 219.0 * (f64::from(y) - 16.0);
        let (u, v) = (f64::from(u) - 128.0, f64::from(v) - 128.0);
        // Derived from the luma weights 0.299, 0.587, 0.114 and the chroma range of 224 levels.
        let (kr, kb) = (0.299, 0.114);
        let kg = 1.0 - kr - kb;
        let scale = 255.0 / 224.0 * 2.0;
        let red = y + scale * (1.0 - kr) * v;
        let blue = y + scale * (1.0 - kb) * u;
        let green = y - scale * (1.0 - kr) * kr / kg * v - scale * (1.0 - kb) * kb / kg * u;
        [red, green, blue].map(|c| c.clamp(0.0, 255.0))
    }

    #[test]
    fn every_yuv_triple_is_within_one_level_of_the_bt601_formula() {
        let mut worst = 0.0f64;
        for y in 0..=255 {
            for u in 0..=255 {
                for v in 0..=255 {
                    let want = formula(y, u, v);
                    let got = pixel(y, u, v);
                    for (w, g) in want.into_iter().zip(got) {
                        worst = worst.max((w - f64::from(g)).abs());
                    }
                }
            }
        }
        assert!(worst <= 1.25, "{worst}");
    }

    #[test]
    fn limited_range_black_and_white_are_black_and_white() {
        assert_eq!(pixel(16, 128, 128), [0, 0, 0]);
        assert_eq!(pixel(235, 128, 128), [255, 255, 255]);
    }
}
