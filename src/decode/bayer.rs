//! Bayer rows to red, green and blue planes by bilinear interpolation.
//!
//! A missing colour is the mean of the nearest samples of that colour: two or four of them. At the borders the picture is mirrored around its
//! outermost pixels, which keeps the filter's pattern; a picture of one row or column is repeated instead.

use super::rows::thirds_mut;
use crate::frame::{BayerPattern, Frame};

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

/// Copies a row and puts a mirrored pixel before and behind it.
fn widen(row: &[u8], wide: &mut Vec<u8>) {
    let (Some(&first), Some(&last)) = (row.first(), row.last()) else {
        wide.clear();
        return;
    };
    wide.clear();
    wide.push(row.get(1).copied().unwrap_or(first));
    wide.extend_from_slice(row);
    wide.push(row.iter().rev().nth(1).copied().unwrap_or(last));
}

/// Fills three planes from a row whose green samples lie at `x % 2 == GREEN`; `near` is the colour between them, `far` the one of the rows above
/// and below.
fn interpolate<const GREEN: usize>(rows: &Scratch, near: &mut [u8], green: &mut [u8], far: &mut [u8]) {
    let width = near.len();
    let [a0, a1, a2] = windows(&rows.above, width);
    let [h0, h1, h2] = windows(&rows.here, width);
    let [b0, b1, b2] = windows(&rows.below, width);
    let (green, far) = (&mut green[..width], &mut far[..width]);
    for x in 0..width {
        let across = mean2(h0[x], h2[x]);
        let along = mean2(a1[x], b1[x]);
        let plus = mean4(h0[x], h2[x], a1[x], b1[x]);
        let corners = mean4(a0[x], a2[x], b0[x], b2[x]);
        let at_green = x % 2 == GREEN;
        near[x] = if at_green { across } else { h1[x] };
        green[x] = if at_green { h1[x] } else { plus };
        far[x] = if at_green { along } else { corners };
    }
}

/// Left, middle and right neighbour of every pixel of a widened row.
fn windows(wide: &[u8], width: usize) -> [&[u8]; 3] {
    [0, 1, 2].map(|k| &wide[k..k + width])
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
