//! The lines of a tensor, as planes to be filled one by one, however they lie in the end.

use crate::kernels::{PIXEL, ValuesMut, interleave};

/// A tensor, `width` pixels wide.
pub(super) struct Lines<'a> {
    pub out: ValuesMut<'a>,
    pub width: usize,
    /// A line of planes on its way to pixels.
    pub line: &'a mut Vec<f32>,
}

impl Lines<'_> {
    /// Has `fill` write line `y` of red, green and blue.
    #[inline(always)]
    pub fn fill(&mut self, y: usize, fill: impl FnOnce([&mut [f32]; 3])) {
        let Self { out, width, line } = self;
        match out {
            ValuesMut::Whole(values) => fill(row_of_planes(values, *width, y)),
            ValuesMut::Rounded(pixels) => {
                line.resize(3 * *width, 0.0);
                fill(row_of_planes(line, *width, 0));
                let [red, green, blue] = row_of_planes(line, *width, 0);
                let pixels = pixels.chunks_exact_mut(PIXEL * *width).nth(y).unwrap_or_default();
                interleave(&[red, green, blue], pixels);
            }
            ValuesMut::Bytes(pixels) => {
                line.resize(3 * *width, 0.0);
                fill(row_of_planes(line, *width, 0));
                let pixels = pixels.chunks_exact_mut(*width).nth(y).unwrap_or_default();
                round(row_of_planes(line, *width, 0), pixels);
            }
        }
    }
}

/// Rounds a row of samples in planes, and writes it pixel by pixel.
#[inline(always)]
fn round([red, green, blue]: [&mut [f32]; 3], pixels: &mut [u32]) {
    // f32 has no fractions next to so large a number: adding it leaves the nearest whole one in the lowest bits.
    let byte = |sample: f32| (sample + 12_582_912.0).to_bits() & 0xff;
    for (((pixel, red), green), blue) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
        *pixel = (byte(*red) | byte(*green) << 8 | byte(*blue) << 16).to_le();
    }
}

/// Row `y` of three planes.
#[inline(always)]
fn row_of_planes(values: &mut [f32], width: usize, y: usize) -> [&mut [f32]; 3] {
    rows_of_planes(values, width).nth(y).unwrap_or_default()
}

/// The same row of the three planes, row by row.
#[inline(always)]
pub(super) fn rows_of_planes(values: &mut [f32], width: usize) -> impl Iterator<Item = [&mut [f32]; 3]> {
    let plane = values.len() / 3;
    let (red, rest) = values.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    red.chunks_exact_mut(width)
        .zip(green.chunks_exact_mut(width))
        .zip(blue.chunks_exact_mut(width))
        .map(|((red, green), blue)| [red, green, blue])
}
