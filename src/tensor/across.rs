//! One row in any layout to one row of each plane: as it is, or resized along the row.

use super::Normalise;
use super::weights::{Axis, WHOLE};
use crate::decode::Layout;

/// Normalises a row of samples; `planes` have its width.
pub(super) fn normalise(row: &[u8], layout: Layout, normalise: &Normalise, planes: [&mut [f32]; 3]) {
    match layout {
        Layout::Grey => normalise_planes([row; 3], normalise, planes),
        Layout::Planes => {
            let (red, rest) = row.split_at(row.len() / 3);
            let (green, blue) = rest.split_at(rest.len() / 2);
            normalise_planes([red, green, blue], normalise, planes);
        }
        Layout::Rgb(order) => normalise_pixels::<3>(row, order, normalise, planes),
        Layout::Rgba(order) => normalise_pixels::<4>(row, order, normalise, planes),
    }
}

fn normalise_planes(rows: [&[u8]; 3], normalise: &Normalise, planes: [&mut [f32]; 3]) {
    let factors = normalise.scale.into_iter().zip(normalise.bias);
    for ((row, plane), (scale, bias)) in rows.into_iter().zip(planes).zip(factors) {
        for (out, &v) in plane.iter_mut().zip(row) {
            *out = f32::from(v) * scale + bias;
        }
    }
}

fn normalise_pixels<const N: usize>(row: &[u8], order: [usize; 3], normalise: &Normalise, planes: [&mut [f32]; 3]) {
    let (pixels, _) = row.as_chunks::<N>();
    let factors = normalise.scale.into_iter().zip(normalise.bias);
    for ((k, plane), (scale, bias)) in order.into_iter().zip(planes).zip(factors) {
        for (out, pixel) in plane.iter_mut().zip(pixels) {
            *out = f32::from(pixel[k]) * scale + bias;
        }
    }
}

/// Resizes and normalises a row of sums, which are samples times [`WHOLE`] with one value more at the end.
pub(super) fn resize(
    sums: &[u16],
    layout: Layout,
    columns: &Axis<f32>,
    normalise: &Normalise,
    planes: [&mut [f32]; 3],
) {
    let scale = normalise.scale.map(|scale| scale / f32::from(WHOLE));
    let samples = sums.len() - 1;
    match layout {
        Layout::Grey => {
            let [red, green, blue] = planes;
            resize_plane(sums, columns, red);
            for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
                let grey = *red;
                *red = grey * scale[0] + normalise.bias[0];
                *green = grey * scale[1] + normalise.bias[1];
                *blue = grey * scale[2] + normalise.bias[2];
            }
        }
        Layout::Planes => {
            for (k, plane) in planes.into_iter().enumerate() {
                resize_plane(&sums[k * samples / 3..], columns, plane);
                for out in plane {
                    *out = *out * scale[k] + normalise.bias[k];
                }
            }
        }
        Layout::Rgb(order) => {
            resize_pixels::<3>(sums, order, columns, scale, normalise.bias, planes);
        }
        Layout::Rgba(order) => {
            resize_pixels::<4>(sums, order, columns, scale, normalise.bias, planes);
        }
    }
}

fn resize_plane(sums: &[u16], columns: &Axis<f32>, plane: &mut [f32]) {
    for (out, taps) in plane.iter_mut().zip(columns.spans()) {
        let samples = sums.get(taps.start as usize..).unwrap_or_default();
        *out = samples.iter().zip(taps.weights).map(|(&v, weight)| f32::from(v) * weight).sum();
    }
}

/// Pixels of `N` samples, always read as four lanes.
fn resize_pixels<const N: usize>(
    sums: &[u16],
    order: [usize; 3],
    columns: &Axis<f32>,
    scale: [f32; 3],
    bias: [f32; 3],
    [red, green, blue]: [&mut [f32]; 3],
) {
    let outs = red.iter_mut().zip(green).zip(blue);
    for (((red, green), blue), taps) in outs.zip(columns.spans()) {
        let samples = sums.get(taps.start as usize * N..).unwrap_or_default();
        let mut lanes = [0.0f32; 4];
        for (pixel, &weight) in samples.windows(4).step_by(N).zip(taps.weights) {
            for (lane, &v) in lanes.iter_mut().zip(pixel) {
                *lane += f32::from(v) * weight;
            }
        }
        *red = lanes[order[0]] * scale[0] + bias[0];
        *green = lanes[order[1]] * scale[1] + bias[1];
        *blue = lanes[order[2]] * scale[2] + bias[2];
    }
}
