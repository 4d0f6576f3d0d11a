//! Bayer rows to red, green and blue by bilinear interpolation.
//!
//! A missing colour is the mean of the nearest samples of that colour: two or four of them. At the borders the picture is mirrored around its
//! outermost pixels, which keeps the filter's pattern; a picture of one row or column is repeated instead.

use super::rows::join;
use crate::frame::{BayerPattern, Frame};

/// Pixels that are interpolated together; even, so that every block starts alike.
const LANES: usize = 32;

/// The row and its neighbours, each with a mirrored pixel at both ends.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    above: Vec<u8>,
    here: Vec<u8>,
    below: Vec<u8>,
}

/// Converts row `y` into pixels of four samples.
#[inline(always)]
pub(super) fn row(frame: &Frame<'_>, pattern: BayerPattern, y: u32, scratch: &mut Scratch, out: &mut [u8]) {
    let last = frame.size().height.saturating_sub(1);
    let above = if y == 0 { 1.min(last) } else { y - 1 };
    let below = if y == last { last.saturating_sub(1) } else { y + 1 };
    widen(frame.row(above), &mut scratch.above);
    widen(frame.row(y), &mut scratch.here);
    widen(frame.row(below), &mut scratch.below);

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

/// Copies a row, puts a mirrored pixel before and behind it, and fills the last block.
#[inline(always)]
fn widen(row: &[u8], wide: &mut Vec<u8>) {
    let (Some(&first), Some(&last)) = (row.first(), row.last()) else {
        return;
    };
    wide.clear();
    wide.push(row.get(1).copied().unwrap_or(first));
    wide.extend_from_slice(row);
    wide.push(row.iter().rev().nth(1).copied().unwrap_or(last));
    wide.resize(row.len().next_multiple_of(LANES) + 2, 0);
}

/// Fills a row whose green samples lie at `x % 2 == GREEN`, and between them those of red where `RED`, else of blue.
#[inline(always)]
fn interpolate<const GREEN: usize, const RED: bool>(rows: &Scratch, pixels: &mut [[u8; 4]]) {
    let above = blocks(&rows.above);
    let here = blocks(&rows.here);
    let below = blocks(&rows.below);
    for (((a, h), b), pixels) in above.zip(here).zip(below).zip(pixels.chunks_mut(LANES)) {
        // The colour between the green samples, and the one of the rows above and below.
        let (mut near, mut green, mut far) = ([0; LANES], [0; LANES], [0; LANES]);
        for x in 0..LANES {
            let across = mean2(h[0][x], h[2][x]);
            let along = mean2(a[1][x], b[1][x]);
            let plus = mean4(h[0][x], h[2][x], a[1][x], b[1][x]);
            let corners = mean4(a[0][x], a[2][x], b[0][x], b[2][x]);
            let at_green = x % 2 == GREEN;
            near[x] = if at_green { across } else { h[1][x] };
            green[x] = if at_green { h[1][x] } else { plus };
            far[x] = if at_green { along } else { corners };
        }
        join(if RED { [near, green, far] } else { [far, green, near] }, pixels);
    }
}

/// The left, middle and right neighbours of the pixels of a widened row, block by block.
#[inline(always)]
fn blocks(wide: &[u8]) -> impl Iterator<Item = [&[u8; LANES]; 3]> {
    let from = |k: usize| wide.get(k..).unwrap_or_default().as_chunks::<LANES>().0;
    from(0).iter().zip(from(1)).zip(from(2)).map(|((left, middle), right)| [left, middle, right])
}

#[inline(always)]
fn mean2(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

#[inline(always)]
fn mean4(a: u8, b: u8, c: u8, d: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d) + 2) >> 2) as u8
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

    #[test]
    fn one_colour_stays_that_colour_up_to_the_borders_in_all_patterns() {
        for pattern in [BayerPattern::Rggb, BayerPattern::Bggr, BayerPattern::Gbrg, BayerPattern::Grbg] {
            for size in [Size::new(2, 2), Size::new(5, 3), Size::new(16, 9)] {
                let frame = mosaic(pattern, size, [200, 90, 10]);
                let width = size.width as usize;
                for y in 0..size.height {
                    let mut out = vec![0; 4 * width];
                    row(&frame, pattern, y, &mut Scratch::default(), &mut out);
                    assert_eq!(out, [200, 90, 10, 0].repeat(width), "{pattern:?} {size} row {y}");
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
        let mut out = vec![0; 12];
        row(&frame, pattern, 1, &mut Scratch::default(), &mut out);
        assert_eq!(out, [20, 3, 99, 0, 25, 4, 99, 0, 30, 5, 99, 0]);
    }

    #[test]
    fn a_single_pixel_does_not_panic() {
        let frame = mosaic(BayerPattern::Bggr, Size::new(1, 1), [1, 2, 3]);
        let mut out = [0; 4];
        row(&frame, BayerPattern::Bggr, 0, &mut Scratch::default(), &mut out);
        assert_eq!(out, [3, 3, 3, 0]);
    }
}
