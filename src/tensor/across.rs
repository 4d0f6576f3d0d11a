//! One row in any layout to one row of each plane: as it is, or resized along the row.
//!
//! The loops work on small arrays of fixed length, which the compiler turns into vectors.

use super::weights::{COLUMNS, ROWS};
use crate::decode::Layout;
use crate::kernels::{Colours, Normalise, Resample};

/// Normalises a row of samples; `planes` have its width.
#[inline(always)]
pub(super) fn normalise(row: &[u8], layout: Layout, normalise: &Normalise, planes: [&mut [f32]; 3]) {
    match layout {
        Layout::Grey => normalise_grey(row, normalise, planes),
        Layout::Rgb(order) => normalise_pixels::<3>(row, &normalise.ordered(order), ordered(planes, order)),
        Layout::Rgba(order) => normalise_pixels::<4>(row, &normalise.ordered(order), ordered(planes, order)),
    }
}

/// The planes in the order of the samples. Red and blue at most are swapped, so that the order is its own inverse.
#[inline(always)]
fn ordered<T>([red, green, blue]: [T; 3], order: [usize; 3]) -> [T; 3] {
    if order[0] == 0 { [red, green, blue] } else { [blue, green, red] }
}

impl Normalise {
    #[inline(always)]
    fn ordered(&self, order: [usize; 3]) -> Self {
        Self { scale: ordered(self.scale, order), bias: ordered(self.bias, order) }
    }
}

#[inline(always)]
fn normalise_grey(row: &[u8], normalise: &Normalise, planes: [&mut [f32]; 3]) {
    let factors = normalise.scale.into_iter().zip(normalise.bias);
    for (plane, (scale, bias)) in planes.into_iter().zip(factors) {
        for (out, &v) in plane.iter_mut().zip(row) {
            *out = f32::from(v) * scale + bias;
        }
    }
}

/// Pixels of `N` samples, of which the first three count.
#[inline(always)]
fn normalise_pixels<const N: usize>(row: &[u8], normalise: &Normalise, planes: [&mut [f32]; 3]) {
    let [first, second, third] = planes;
    let (pixels, _) = row.as_chunks::<N>();
    let outs = first.iter_mut().zip(second).zip(third);
    for (((first, second), third), pixel) in outs.zip(pixels) {
        let samples = std::array::from_fn(|k| f32::from(pixel[k]));
        [*first, *second, *third] = normalise.pixel(samples);
    }
}

/// Resizes and normalises a row of samples times half of [`ROWS`], with as many values more as the columns reach.
#[inline(always)]
pub(super) fn resample(
    row: (&[i16], &[u8]),
    layout: Layout,
    columns: &Resample,
    normalise: &Normalise,
    planes: [&mut [f32]; 3],
) {
    let whole = f32::from(ROWS / 2) * f32::from(COLUMNS);
    let scale = normalise.scale.map(|scale| scale / whole);
    match layout {
        Layout::Grey => columns.row(row, scale, normalise.bias, planes),
        Layout::Rgb(order) | Layout::Rgba(order) => {
            columns.row(row, ordered(scale, order), ordered(normalise.bias, order), ordered(planes, order));
        }
    }
}

/// The same to bytes, which are samples still.
#[inline(always)]
pub(super) fn bytes(row: (&[i16], &[u8]), layout: Layout, columns: &Resample, pixels: &mut [u32]) {
    const { assert!(ROWS.is_positive() && ROWS & (ROWS - 1) == 0 && COLUMNS & (COLUMNS - 1) == 0) };
    let shift = (ROWS / 2).trailing_zeros() + COLUMNS.trailing_zeros();
    columns.bytes(row, shift, places(layout), pixels);
}

/// Which sample of a pixel is each colour.
fn places(layout: Layout) -> [usize; 3] {
    match layout {
        Layout::Grey => [0; 3],
        Layout::Rgb(order) | Layout::Rgba(order) => order,
    }
}

impl Normalise {
    /// The same for whole pixels at once.
    pub(super) fn colours(&self, layout: Layout) -> Colours {
        let order = places(layout);
        Colours { samples: layout.samples(), order, normalise: *self }
    }

    #[inline(always)]
    fn pixel(&self, samples: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|k| samples[k] * self.scale[k] + self.bias[k])
    }
}
