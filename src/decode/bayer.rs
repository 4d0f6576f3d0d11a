//! Bayer rows to red, green and blue by bilinear interpolation.
//!
//! A missing colour is the mean of the nearest samples of that colour: two or four of them. At the borders the picture is mirrored around its
//! outermost pixels, which keeps the filter's pattern; a picture of one row or column is repeated instead.

use super::rows::pixel;
use crate::frame::{BayerPattern, Frame};

/// The row and its neighbours, each with a mirrored pixel at both ends, and means of the pixels around each of the row's.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    above: Vec<u8>,
    here: Vec<u8>,
    below: Vec<u8>,
    across: Vec<u8>,
    along: Vec<u8>,
    plus: Vec<u8>,
    corners: Vec<u8>,
}

/// Converts row `y` into pixels of four samples; `out` takes whole pairs of them.
#[inline(always)]
pub(super) fn row(frame: &Frame<'_>, pattern: BayerPattern, y: u32, scratch: &mut Scratch, out: &mut [u8]) {
    let last = frame.size().height.saturating_sub(1);
    let above = if y == 0 { 1.min(last) } else { y - 1 };
    let below = if y == last { last.saturating_sub(1) } else { y + 1 };
    widen(frame.row(above), &mut scratch.above);
    widen(frame.row(y), &mut scratch.here);
    widen(frame.row(below), &mut scratch.below);
    scratch.average();

    let (red_x, red_y) = match pattern {
        BayerPattern::Rggb => (0, 0),
        BayerPattern::Grbg => (1, 0),
        BayerPattern::Gbrg => (0, 1),
        BayerPattern::Bggr => (1, 1),
    };
    let with_red = y % 2 == red_y;
    let green_first = with_red == (red_x == 1);
    let (pixels, _) = out.as_chunks_mut::<4>();
    match (green_first, with_red) {
        (true, true) => interpolate::<0, true>(scratch, pixels),
        (true, false) => interpolate::<0, false>(scratch, pixels),
        (false, true) => interpolate::<1, true>(scratch, pixels),
        (false, false) => interpolate::<1, false>(scratch, pixels),
    }
}

/// Copies a row, puts a mirrored pixel before and behind it, and fills the last pair.
#[inline(always)]
fn widen(row: &[u8], wide: &mut Vec<u8>) {
    let (Some(&first), Some(&last)) = (row.first(), row.last()) else {
        return;
    };
    wide.clear();
    wide.push(row.get(1).copied().unwrap_or(first));
    wide.extend_from_slice(row);
    wide.push(row.iter().rev().nth(1).copied().unwrap_or(last));
    wide.resize(row.len().next_multiple_of(2) + 2, 0);
}

impl Scratch {
    /// Fills in the means.
    #[inline(always)]
    fn average(&mut self) {
        let Self { above, here, below, across, along, plus, corners } = self;
        for means in [&mut *across, along, plus, corners] {
            means.resize(here.len().saturating_sub(2), 0);
        }
        mean2(across, shifted(here, 0), shifted(here, 2));
        mean2(along, shifted(above, 1), shifted(below, 1));
        mean4(plus, [shifted(here, 0), shifted(here, 2), shifted(above, 1), shifted(below, 1)]);
        mean4(corners, [shifted(above, 0), shifted(above, 2), shifted(below, 0), shifted(below, 2)]);
    }
}

/// The widened row from its `k`-th pixel on: left neighbours from 0 on, the pixels themselves from 1, right neighbours from 2.
#[inline(always)]
fn shifted(wide: &[u8], k: usize) -> &[u8] {
    wide.get(k..).unwrap_or_default()
}

#[inline(always)]
fn mean2(out: &mut [u8], a: &[u8], b: &[u8]) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;
    }
}

#[inline(always)]
fn mean4(out: &mut [u8], [a, b, c, d]: [&[u8]; 4]) {
    for ((((out, &a), &b), &c), &d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *out = ((u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d) + 2) >> 2) as u8;
    }
}

/// Fills a row whose green samples lie at `x % 2 == GREEN`, and between them those of red where `RED`, else of blue.
///
/// Pairs of pixels are 16-bit words, whose bytes are picked by a mask: no branch, and no bytes to sort.
#[inline(always)]
fn interpolate<const GREEN: usize, const RED: bool>(rows: &Scratch, pixels: &mut [[u8; 4]]) {
    let (pairs, _) = pixels.as_chunks_mut::<2>();
    let at_green: u16 = if GREEN == 0 { 0x00FF } else { 0xFF00 };
    let here = pairs.iter_mut().zip(shifted(&rows.here, 1).as_chunks().0);
    let means = rows.across.as_chunks().0.iter().zip(rows.along.as_chunks().0);
    let others = rows.plus.as_chunks().0.iter().zip(rows.corners.as_chunks().0);
    for (((pair, here), (across, along)), (plus, corners)) in here.zip(means).zip(others) {
        let here = u16::from_le_bytes(*here);
        let pick = |green: u16, other: u16| green & at_green | other & !at_green;
        // The colour between the green samples, and the one of the rows above and below.
        let near = pick(u16::from_le_bytes(*across), here);
        let green = pick(here, u16::from_le_bytes(*plus));
        let far = pick(u16::from_le_bytes(*along), u16::from_le_bytes(*corners));
        let (red, blue) = if RED { (near, far) } else { (far, near) };
        *pair = [pixel([red & 0xFF, green & 0xFF, blue & 0xFF]), pixel([red >> 8, green >> 8, blue >> 8])];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Encoding, Header, Size};

    /// A mosaic of one colour.
    fn mosaic(pattern: BayerPattern, size: Size, [r, g, b]: [u8; 3]) -> Frame<'static> {
        let tile = match pattern {
            BayerPattern::Rggb => [r, g, g, b],
            BayerPattern::Bggr => [b, g, g, r],
            BayerPattern::Gbrg => [g, b, r, g],
            BayerPattern::Grbg => [g, r, b, g],
        };
        let data: Vec<u8> = (0..size.height as usize)
            .flat_map(|y| (0..size.width as usize).map(move |x| tile[y % 2 * 2 + x % 2]))
            .collect();
        Frame::packed(Header::default(), size, Encoding::Bayer8(pattern), data).unwrap()
    }

    /// Row `y`, without what fills up the last pair.
    fn converted(frame: &Frame<'_>, pattern: BayerPattern, y: u32) -> Vec<u8> {
        let width = frame.size().width as usize;
        let mut out = vec![0; 4 * width.next_multiple_of(2)];
        row(frame, pattern, y, &mut Scratch::default(), &mut out);
        out.truncate(4 * width);
        out
    }

    #[test]
    fn one_colour_stays_that_colour_up_to_the_borders_in_all_patterns() {
        for pattern in [BayerPattern::Rggb, BayerPattern::Bggr, BayerPattern::Gbrg, BayerPattern::Grbg] {
            for size in [Size::new(2, 2), Size::new(5, 3), Size::new(16, 9)] {
                let frame = mosaic(pattern, size, [200, 90, 10]);
                let width = size.width as usize;
                for y in 0..size.height {
                    let got = converted(&frame, pattern, y);
                    assert_eq!(got, [200, 90, 10, 0].repeat(width), "{pattern:?} {size} row {y}");
                }
            }
        }
    }

    #[test]
    fn a_missing_colour_is_the_mean_of_its_neighbours() {
        // R G R
        // G B G
        // R G R
        let data = vec![10, 1, 20, 3, 99, 5, 30, 7, 40];
        let size = Size::new(3, 3);
        let pattern = BayerPattern::Rggb;
        let frame = Frame::packed(Header::default(), size, Encoding::Bayer8(pattern), data).unwrap();
        assert_eq!(converted(&frame, pattern, 1), [20, 3, 99, 0, 25, 4, 99, 0, 30, 5, 99, 0]);
    }

    #[test]
    fn a_single_pixel_does_not_panic() {
        let frame = mosaic(BayerPattern::Bggr, Size::new(1, 1), [1, 2, 3]);
        assert_eq!(converted(&frame, BayerPattern::Bggr, 0), [3, 3, 3, 0]);
    }
}
