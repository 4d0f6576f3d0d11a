//! Bayer rows to red, green and blue planes by bilinear interpolation.
//!
//! A missing colour is the mean of the nearest samples of that colour: two or four of them. At the borders the picture is mirrored around its
//! outermost pixels, which keeps the filter's pattern; a picture of one row or column is repeated instead.

use super::rows::thirds_mut;
use super::yuv::store;
use crate::frame::{BayerPattern, Frame};

/// Pixels that are interpolated together; even, so that every block starts alike.
const LANES: usize = 16;

/// The row and its neighbours, each with a mirrored pixel at both ends.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    above: Vec<u8>,
    here: Vec<u8>,
    below: Vec<u8>,
}

/// Converts row `y` into three planes.
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
    let [red, green, blue] = thirds_mut(out);
    let (near, far) = if with_red { (red, blue) } else { (blue, red) };
    if green_first {
        interpolate::<0>(scratch, near, green, far);
    } else {
        interpolate::<1>(scratch, near, green, far);
    }
}

/// Copies a row, puts a mirrored pixel before and behind it, and fills the last block.
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

/// Fills three planes from a row whose green samples lie at `x % 2 == GREEN`; `near` is the colour between them, `far` the one of the rows above
/// and below.
fn interpolate<const GREEN: usize>(rows: &Scratch, near: &mut [u8], green: &mut [u8], far: &mut [u8]) {
    let above = blocks(&rows.above);
    let here = blocks(&rows.here);
    let below = blocks(&rows.below);
    let planes = near.chunks_mut(LANES).zip(green.chunks_mut(LANES)).zip(far.chunks_mut(LANES));
    for (((a, h), b), ((near, green), far)) in above.zip(here).zip(below).zip(planes) {
        let mut block = [[0; LANES]; 3];
        for x in 0..LANES {
            let across = mean2(h[0][x], h[2][x]);
            let along = mean2(a[1][x], b[1][x]);
            let plus = mean4(h[0][x], h[2][x], a[1][x], b[1][x]);
            let corners = mean4(a[0][x], a[2][x], b[0][x], b[2][x]);
            let at_green = x % 2 == GREEN;
            block[0][x] = if at_green { across } else { h[1][x] };
            block[1][x] = if at_green { h[1][x] } else { plus };
            block[2][x] = if at_green { along } else { corners };
        }
        for (plane, from) in [near, green, far].into_iter().zip(block) {
            store(from, plane);
        }
    }
}

/// The left, middle and right neighbours of the pixels of a widened row, block by block.
fn blocks(wide: &[u8]) -> impl Iterator<Item = [&[u8; LANES]; 3]> {
    let from = |k: usize| wide.get(k..).unwrap_or_default().as_chunks::<LANES>().0;
    from(0).iter().zip(from(1)).zip(from(2)).map(|((left, middle), right)| [left, middle, right])
}

fn mean2(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

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
                    let mut out = vec![0; 3 * width];
                    row(&frame, pattern, y, &mut Scratch::default(), &mut out);
                    let [red, green, blue] = thirds_mut(&mut out);
                    assert_eq!(red, vec![200; width], "{pattern:?} {size} row {y}");
                    assert_eq!(green, vec![90; width], "{pattern:?} {size} row {y}");
                    assert_eq!(blue, vec![10; width], "{pattern:?} {size} row {y}");
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
        let mut out = vec![0; 9];
        row(&frame, pattern, 1, &mut Scratch::default(), &mut out);
        let [red, green, blue] = thirds_mut(&mut out);
        assert_eq!(red, [20, 25, 30]);
        assert_eq!(green, [3, 4, 5]);
        assert_eq!(blue, [99, 99, 99]);
    }

    #[test]
    fn a_single_pixel_does_not_panic() {
        let frame = mosaic(BayerPattern::Bggr, Size::new(1, 1), [1, 2, 3]);
        let mut out = [0; 3];
        row(&frame, BayerPattern::Bggr, 0, &mut Scratch::default(), &mut out);
        assert_eq!(out, [3; 3]);
    }
}
