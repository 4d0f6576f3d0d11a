//! The lines of a tensor, as planes, rounded pixels or bytes, in bands that threads share.

use crate::kernels::{PIXEL, ValuesMut, interleave};

/// Lines of a tensor that follow each other.
pub(super) enum Band<'a> {
    Planes([&'a mut [f32]; 3]),
    Rounded(&'a mut [u16]),
    Bytes(&'a mut [u32]),
}

impl<'a> Band<'a> {
    /// All lines of a tensor.
    pub fn all(out: ValuesMut<'a>) -> Self {
        match out {
            ValuesMut::Whole(values) => Self::Planes(planes(values)),
            ValuesMut::Rounded(values) => Self::Rounded(values),
            ValuesMut::Bytes(pixels) => Self::Bytes(pixels),
        }
    }

    /// Takes the lines of the first `pixels` off.
    pub fn take(&mut self, pixels: usize) -> Self {
        match self {
            Self::Planes(planes) => Self::Planes(planes.each_mut().map(|plane| first(plane, pixels))),
            Self::Rounded(values) => Self::Rounded(first(values, PIXEL * pixels)),
            Self::Bytes(values) => Self::Bytes(first(values, pixels)),
        }
    }

    /// Has `fill` write line `y` of the band, `width` pixels wide, to red, green and blue, or `bytes` where the tensor is of bytes. Planes on their
    /// way to pixels lie in `line`.
    #[inline(always)]
    pub fn fill(
        &mut self,
        (y, width): (usize, usize),
        line: &mut Vec<f32>,
        fill: impl FnOnce([&mut [f32]; 3]),
        bytes: impl FnOnce(&mut [u32]),
    ) {
        match self {
            Self::Planes(planes) => fill(planes.each_mut().map(|plane| row(plane, width, y))),
            Self::Rounded(values) => {
                line.resize(3 * width, 0.0);
                fill(planes(line));
                let [red, green, blue] = planes(line);
                interleave(&[red, green, blue], row(values, PIXEL * width, y));
            }
            Self::Bytes(pixels) => bytes(row(pixels, width, y)),
        }
    }
}

/// Red, green and blue, one after another.
#[inline(always)]
fn planes(values: &mut [f32]) -> [&mut [f32]; 3] {
    let plane = values.len() / 3;
    let (red, rest) = values.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    [red, green, blue]
}

/// Takes the first values off.
fn first<'a, T>(values: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    values.split_off_mut(..count).unwrap_or_default()
}

/// Row `y` of so many values.
#[inline(always)]
pub(super) fn row<T>(values: &mut [T], width: usize, y: usize) -> &mut [T] {
    values.get_mut(y * width..(y + 1) * width).unwrap_or_default()
}
