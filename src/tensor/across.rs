//! One row in any layout to one row of each plane: as it is, or resized along the row.
//!
//! The loops work on small arrays of fixed length, which the compiler turns into vectors.

use super::Normalise;
use super::weights::{Axis, WHOLE};
use crate::decode::Layout;

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

/// Memory that is kept from row to row.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The row's sums, converted once instead of once a tap.
    sums: Vec<f32>,
    /// Resized pixels.
    lanes: Vec<[f32; 4]>,
}

/// Resizes and normalises a row of sums, which are samples times [`WHOLE`] with one value more at the end.
#[inline(always)]
pub(super) fn resize(
    sums: &[u16],
    layout: Layout,
    columns: &Axis<f32>,
    normalise: &Normalise,
    planes: [&mut [f32]; 3],
    scratch: &mut Scratch,
) {
    let normalise = Normalise { scale: normalise.scale.map(|scale| scale / f32::from(WHOLE)), bias: normalise.bias };
    // The usual numbers of taps are known to the compiler, so that their loops unroll: two for the linear case, the others for areas.
    match columns.taps() {
        2 => resize_known::<2>(sums, layout, columns, &normalise, planes, scratch),
        3 => resize_known::<3>(sums, layout, columns, &normalise, planes, scratch),
        4 => resize_known::<4>(sums, layout, columns, &normalise, planes, scratch),
        5 => resize_known::<5>(sums, layout, columns, &normalise, planes, scratch),
        _ => resize_known::<0>(sums, layout, columns, &normalise, planes, scratch),
    }
}

/// `TAPS` as the axis has them, or 0 where they are known at run time only.
#[inline(always)]
fn resize_known<const TAPS: usize>(
    sums: &[u16],
    layout: Layout,
    columns: &Axis<f32>,
    normalise: &Normalise,
    planes: [&mut [f32]; 3],
    scratch: &mut Scratch,
) {
    match layout {
        Layout::Grey => {
            let [red, green, blue] = planes;
            resize_plane::<TAPS>(sums, columns, red);
            for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
                [*red, *green, *blue] = normalise.pixel([*red; 3]);
            }
        }
        Layout::Rgb(order) => {
            let planes = ordered(planes, order);
            resize_pixels::<3, TAPS>(sums, columns, &normalise.ordered(order), planes, scratch);
        }
        Layout::Rgba(order) => {
            let planes = ordered(planes, order);
            resize_pixels::<4, TAPS>(sums, columns, &normalise.ordered(order), planes, scratch);
        }
    }
}

impl Normalise {
    #[inline(always)]
    fn pixel(&self, samples: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|k| samples[k] * self.scale[k] + self.bias[k])
    }
}

#[inline(always)]
fn resize_plane<const TAPS: usize>(sums: &[u16], columns: &Axis<f32>, plane: &mut [f32]) {
    for (out, (start, weights)) in plane.iter_mut().zip(columns.spans()) {
        let taps = if TAPS == 0 { weights.len() } else { TAPS };
        let Some(samples) = sums.get(start..start + taps) else { continue };
        let mut sum = 0.0;
        for (&v, weight) in samples.iter().zip(weights) {
            sum += f32::from(v) * weight;
        }
        *out = sum;
    }
}

/// Pixels of `N` samples, always read and summed as four lanes, then sorted into the planes.
#[inline(always)]
fn resize_pixels<const N: usize, const TAPS: usize>(
    sums: &[u16],
    columns: &Axis<f32>,
    normalise: &Normalise,
    planes: [&mut [f32]; 3],
    scratch: &mut Scratch,
) {
    let Scratch { lanes, sums: floats } = scratch;
    floats.resize(sums.len(), 0.0);
    for (float, sum) in floats.iter_mut().zip(sums) {
        *float = f32::from(*sum);
    }
    lanes.resize(columns.len(), [0.0; 4]);
    for (sum, (start, weights)) in lanes.iter_mut().zip(columns.spans()) {
        let taps = if TAPS == 0 { weights.len() } else { TAPS };
        let Some(weights) = weights.get(..taps) else { continue };
        // The sample behind the last pixel is there to be read as its fourth.
        let Some(samples) = floats.get(start * N..(start + taps) * N + (4 - N)) else { continue };
        let mut lane = [0.0; 4];
        for (k, weight) in weights.iter().enumerate() {
            let Some(pixel) = samples.get(k * N..).and_then(<[f32]>::first_chunk::<4>) else { continue };
            lane = std::array::from_fn(|c| lane[c] + pixel[c] * weight);
        }
        *sum = lane;
    }
    let [first, second, third] = planes;
    let outs = first.iter_mut().zip(second).zip(third);
    for (((first, second), third), &[a, b, c, _]) in outs.zip(lanes.iter()) {
        [*first, *second, *third] = normalise.pixel([a, b, c]);
    }
}
