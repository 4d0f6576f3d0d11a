//! The lines of a tensor, to be filled one by one, as planes or bytes.

use crate::kernels::{PIXEL, ValuesMut, interleave};

/// A tensor, `width` pixels wide.
pub(super) struct Lines<'a> {
    pub out: ValuesMut<'a>,
    pub width: usize,
    /// A line of planes on its way to pixels.
    pub line: &'a mut Vec<f32>,
}

impl Lines<'_> {
    /// Has `fill` write line `y` of red, green and blue, or `bytes` where the tensor is of bytes.
    #[inline(always)]
    pub fn fill(&mut self, y: usize, fill: impl FnOnce([&mut [f32]; 3]), bytes: impl FnOnce(&mut [u32])) {
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
            ValuesMut::Bytes(pixels) => bytes(pixels.chunks_exact_mut(*width).nth(y).unwrap_or_default()),
        }
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
