//! YUV rows to red, green and blue: BT.601 in limited range.
//!
//! The coefficients are ITU-R BT.601's, as in OpenCV's conversions that cv_bridge calls for these encodings: with `y = 255/219 (Y - 16)`,
//! `R = y + 1.596 (V - 128)`, `G = y - 0.813 (V - 128) - 0.391 (U - 128)`, `B = y + 2.018 (U - 128)`. Here they have six bits behind
//! the point, so that a row is computed in 16-bit lanes; the result is within one level of the formula. Chroma is repeated over the pixels
//! that share it, as OpenCV does.

use super::pixel::pixel;
use crate::frame::{Encoding, Frame};

/// One row, filled up to whole pairs of pixels.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    luma: Vec<u8>,
    /// `U V U V ...` or `V U V U ...`, as it was in the frame.
    chroma: Vec<u8>,
}

impl Scratch {
    fn fit(&mut self, width: usize) {
        let width = width.next_multiple_of(2);
        self.luma.resize(width, 0);
        self.chroma.resize(width, 0);
    }
}

/// Converts row `y` of a YUV frame into pixels of four samples; `out` takes whole pairs of them.
#[inline(always)]
pub(super) fn row(frame: &Frame<'_>, y: u32, scratch: &mut Scratch, out: &mut [u8]) {
    scratch.fit(frame.size().width as usize);
    let row = frame.row(y);
    let Scratch { luma, chroma } = scratch;
    match frame.encoding() {
        Encoding::Uyvy => split_pairs(row, chroma, luma),
        Encoding::Yuyv => split_pairs(row, luma, chroma),
        _ => {
            copy(row, luma);
            copy(frame.row(frame.size().height + y / 2), chroma);
        }
    }
    match frame.encoding() {
        Encoding::Nv21 => convert::<true>(luma, chroma, out),
        _ => convert::<false>(luma, chroma, out),
    }
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

/// Chroma is `V U V U ...` where `VU`. Everything in 16-bit lanes, one a pair, so that chroma is worked out once for two pixels.
#[inline(always)]
fn convert<const VU: bool>(luma: &[u8], chroma: &[u8], out: &mut [u8]) {
    let words = luma.as_chunks().0.iter().zip(chroma.as_chunks().0);
    let pairs = out.as_chunks_mut::<4>().0.as_chunks_mut::<2>().0;
    for ((luma, chroma), pair) in words.zip(pairs) {
        let (luma, chroma) = (u16::from_le_bytes(*luma), u16::from_le_bytes(*chroma));
        let (low, high) = ((chroma & 0xFF) as i16 - 128, (chroma >> 8) as i16 - 128);
        let tint = if VU { tint(high, low) } else { tint(low, high) };
        *pair = [pixel(colour(luma & 0xFF, tint)), pixel(colour(luma >> 8, tint))];
    }
}

/// What chroma adds to red, green and blue, in 64ths.
#[inline(always)]
fn tint(u: i16, v: i16) -> [i16; 3] {
    [102 * v, -52 * v - 25 * u, 129 * u]
}

/// One pixel in 16-bit steps; the sums saturate, which the clamp at the end hides.
#[inline(always)]
fn colour(y: u16, tint: [i16; 3]) -> [u16; 3] {
    // 18997 / 65536 * 257 = 74.50 = 64 * 255 / 219; the product of two u16 halves stays exact.
    let y = ((u32::from(y * 257) * 18_997) >> 16) as i16 - 1_192 + 32;
    tint.map(|tint| (y.saturating_add(tint) >> 6).clamp(0, 255) as u16)
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

    fn bytes(y: u8, u: u8, v: u8) -> [u8; 3] {
        colour(y.into(), tint(i16::from(u) - 128, i16::from(v) - 128)).map(|c| c as u8)
    }

    #[test]
    fn every_yuv_triple_is_within_one_level_of_the_bt601_formula() {
        let mut worst = 0.0f64;
        for y in 0..=255 {
            for u in 0..=255 {
                for v in 0..=255 {
                    let want = formula(y, u, v);
                    let got = bytes(y, u, v);
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
        assert_eq!(bytes(16, 128, 128), [0, 0, 0]);
        assert_eq!(bytes(235, 128, 128), [255, 255, 255]);
    }
}
