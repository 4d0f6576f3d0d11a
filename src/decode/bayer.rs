//! Bayer rows to red, green and blue by bilinear interpolation.
//!
//! A missing colour is the mean of the nearest samples of that colour: two or four of them. At the borders the picture is mirrored around its
//! outermost pixels, which keeps the filter's pattern; a picture of one row or column is repeated instead.

use super::pixel::pixel;
use crate::frame::{BayerPattern, Frame};

/// A row and its neighbours above and below.
#[derive(Clone, Copy)]
struct Three<'a> {
    above: &'a [u8],
    here: &'a [u8],
    below: &'a [u8],
}

/// Converts row `y` into pixels of four samples; `out` takes whole pairs of them.
#[inline(always)]
pub(super) fn row(frame: &Frame<'_>, pattern: BayerPattern, y: u32, out: &mut [u8]) {
    let [above, below] = neighbours(y, frame.size().height.saturating_sub(1));
    let rows = Three { above: frame.row(above), here: frame.row(y), below: frame.row(below) };

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
        (true, true) => rows.interpolate::<0, true>(pixels),
        (true, false) => rows.interpolate::<0, false>(pixels),
        (false, true) => rows.interpolate::<1, true>(pixels),
        (false, false) => rows.interpolate::<1, false>(pixels),
    }
}

impl Three<'_> {
    /// Fills a row whose green samples lie at `x % 2 == GREEN`, and between them those of red where `RED`, else of blue.
    #[inline(always)]
    fn interpolate<const GREEN: usize, const RED: bool>(self, pixels: &mut [[u8; 4]]) {
        let width = self.here.len();
        // All pairs but the first that have another one beside them.
        let inside = (width / 2).saturating_sub(2);
        let (first, rest) = pixels.split_at_mut(pixels.len().min(2));
        let (pairs, rest) = rest.split_at_mut(rest.len().min(2 * inside));
        self.pairs::<GREEN, RED>(pairs.as_chunks_mut().0);
        let edges = first.iter_mut().enumerate().chain((2 + 2 * inside..).zip(rest));
        for (x, pixel) in edges.take_while(|(x, _)| *x < width) {
            *pixel = self.at_edge::<GREEN, RED>(x);
        }
    }

    /// Fills the pairs of pixels from the second one on, each of which has a pair on either side. Every lane of 16 bits is a pair's: one of both pixels is
    /// green, so that each colour is worked out once.
    #[inline(always)]
    fn pairs<const GREEN: usize, const RED: bool>(self, pairs: &mut [[[u8; 4]; 2]]) {
        // The pixel before the pair, in the lower byte, or the one behind it: what is beside the pixel that is not green.
        let beside = |row| if GREEN == 0 { words(row, 4) } else { words(row, 1) };
        let here = words(self.here, 2).iter().zip(words(self.here, 1)).zip(words(self.here, 4));
        let above = words(self.above, 2).iter().zip(beside(self.above));
        let below = words(self.below, 2).iter().zip(beside(self.below));
        for (((pair, ((here, before), behind)), above), below) in pairs.iter_mut().zip(here).zip(above).zip(below) {
            let [here, before, behind] = [here, before, behind].map(|word| u16::from_le_bytes(*word));
            let (before, behind) = (before & 0xFF, behind & 0xFF);
            let [(above, above_beside), (below, below_beside)] =
                [above, below].map(|(word, beside)| (u16::from_le_bytes(*word), u16::from_le_bytes(*beside) & 0xFF));
            // The lower byte is the pixel on the left.
            let (left, right) = (here & 0xFF, here >> 8);
            let column = |pixel: usize| {
                let of = |word: u16| if pixel == 0 { word & 0xFF } else { word >> 8 };
                of(above) + of(below)
            };
            let (green, other) = if GREEN == 0 { (left, right) } else { (right, left) };
            // Green and beside the pixel that is not; and of its colour, beside the green one.
            let (next_green, next_other) = if GREEN == 0 { (behind, before) } else { (before, behind) };
            let at_green = [half(other + next_other), green, half(column(GREEN))];
            let at_other = [
                other,
                quarter(green + next_green + column(1 - GREEN)),
                quarter(column(GREEN) + above_beside + below_beside),
            ];
            let (left, right) = if GREEN == 0 { (at_green, at_other) } else { (at_other, at_green) };
            *pair = [colours::<RED>(left), colours::<RED>(right)];
        }
    }

    /// A pixel that has the row's end beside it, or the pair there.
    #[inline(always)]
    fn at_edge<const GREEN: usize, const RED: bool>(self, x: usize) -> [u8; 4] {
        let [left, right] = neighbours(x as u32, self.here.len().saturating_sub(1) as u32).map(|x| x as usize);
        let [above, here, below] = [self.above, self.here, self.below]
            .map(|row| [left, x, right].map(|x| u16::from(row.get(x).copied().unwrap_or_default())));
        colours::<RED>(if x % 2 == GREEN {
            [half(here[0] + here[2]), here[1], half(above[1] + below[1])]
        } else {
            let plus = here[0] + here[2] + above[1] + below[1];
            [here[1], quarter(plus), quarter(above[0] + above[2] + below[0] + below[2])]
        })
    }
}

/// What stands before and behind `at`, of places up to `last`; mirrored at both ends.
#[inline(always)]
fn neighbours(at: u32, last: u32) -> [u32; 2] {
    [if at == 0 { 1.min(last) } else { at - 1 }, if at == last { last.saturating_sub(1) } else { at + 1 }]
}

/// Two by two samples of a row from its `k`-th on.
#[inline(always)]
fn words(row: &[u8], k: usize) -> &[[u8; 2]] {
    row.get(k..).unwrap_or_default().as_chunks().0
}

/// The mean of two, of their sum.
#[inline(always)]
fn half(sum: u16) -> u16 {
    (sum + 1) >> 1
}

/// The mean of four.
#[inline(always)]
fn quarter(sum: u16) -> u16 {
    (sum + 2) >> 2
}

/// A pixel from the colour that its row has beside green, from green, and from the colour of the rows above and below.
#[inline(always)]
fn colours<const RED: bool>([near, green, far]: [u16; 3]) -> [u8; 4] {
    if RED { pixel([near, green, far]) } else { pixel([far, green, near]) }
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
        row(frame, pattern, y, &mut out);
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

    /// What the head of this file says, pixel by pixel: the colour's own sample, or the mean of those beside it, or else of those at the corners.
    fn by_the_book(data: &[u8], [width, height]: [i32; 2], [red_x, red_y]: [i32; 2], [x, y]: [i32; 2]) -> [u8; 4] {
        let mirrored = |at: i32, side: i32| if at < 0 { -at } else { side - 1 - (side - 1 - at).abs() };
        let sample = |x: i32, y: i32| u32::from(data[(mirrored(y, height) * width + mirrored(x, width)) as usize]);
        let colour = |x: i32, y: i32| match ((x - red_x) & 1, (y - red_y) & 1) {
            (0, 0) => 0,
            (1, 1) => 2,
            _ => 1,
        };
        let around = [vec![[0, 0]], vec![[-1, 0], [1, 0], [0, -1], [0, 1]], vec![[-1, -1], [1, -1], [-1, 1], [1, 1]]];
        let mean = |wanted: i32| {
            let of = |places: &Vec<[i32; 2]>| {
                let there = places.iter().map(|[dx, dy]| (x + dx, y + dy)).filter(|(x, y)| colour(*x, *y) == wanted);
                there.map(|(x, y)| sample(x, y)).collect::<Vec<_>>()
            };
            let samples = around.iter().map(of).find(|samples| !samples.is_empty()).unwrap();
            let count = samples.len() as u32;
            ((samples.iter().sum::<u32>() + count / 2) / count) as u8
        };
        [mean(0), mean(1), mean(2), 0]
    }

    proptest::proptest! {
        #[test]
        fn every_pixel_of_every_pattern_is_what_the_book_says(
            width in 2u32..90, height in 2u32..5, samples in proptest::collection::vec(proptest::prelude::any::<u8>(), 90 * 5)
        ) {
            let size = Size::new(width, height);
            let data = &samples[..size.pixels()];
            for (pattern, red) in [
                (BayerPattern::Rggb, [0, 0]),
                (BayerPattern::Grbg, [1, 0]),
                (BayerPattern::Gbrg, [0, 1]),
                (BayerPattern::Bggr, [1, 1]),
            ] {
                let frame = Frame::packed(Header::default(), size, Encoding::Bayer8(pattern), data.to_vec()).unwrap();
                for y in 0..height {
                    let sides = [width, height].map(|side| side as i32);
                    let want = (0..width as i32).flat_map(|x| by_the_book(data, sides, red, [x, y as i32]));
                    proptest::prop_assert_eq!(converted(&frame, pattern, y), want.collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn a_picture_of_one_row_or_column_is_repeated_around_itself() {
        let row =
            Frame::packed(Header::default(), Size::new(4, 1), Encoding::Bayer8(BayerPattern::Rggb), vec![10, 2, 20, 4]);
        // Red and green by turns; what would be rows of blue are these again.
        assert_eq!(
            converted(&row.unwrap(), BayerPattern::Rggb, 0),
            [10, 6, 2, 0, 15, 2, 2, 0, 20, 12, 3, 0, 20, 4, 4, 0]
        );
        let column =
            Frame::packed(Header::default(), Size::new(1, 3), Encoding::Bayer8(BayerPattern::Rggb), vec![10, 2, 30]);
        assert_eq!(converted(&column.unwrap(), BayerPattern::Rggb, 1), [20, 2, 2, 0]);
    }

    #[test]
    fn a_single_pixel_does_not_panic() {
        let frame = mosaic(BayerPattern::Bggr, Size::new(1, 1), [1, 2, 3]);
        assert_eq!(converted(&frame, BayerPattern::Bggr, 0), [3, 3, 3, 0]);
    }
}
