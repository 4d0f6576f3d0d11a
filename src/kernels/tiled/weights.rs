//! Weights as tiles are multiplied with them.

use super::{Packing, tiles};
use crate::kernels::geometry::{Geometry, Order};
use crate::kernels::panel::{bytes, round_to_bytes};
use crate::kernels::precision::Precision;
use crate::kernels::product::{Line, SIDE, VECTORS};
use crate::kernels::value::half;

/// Output channels of a panel.
const PANEL: usize = VECTORS * SIDE;

/// Some output channels side by side.
#[derive(Clone)]
pub(super) struct Panel {
    pub first: usize,
    pub channels: usize,
    pub bias: Vec<f32>,
    /// As [`Product`](crate::kernels::product::Product) has them.
    pub weights: Vec<Line>,
    /// What the bytes of weights stand for, and their sums.
    pub scales: Vec<f32>,
    pub sums: Vec<i32>,
}

impl Panel {
    /// Those of bf16, for an input that is packed so.
    pub fn of_halves(geometry: &Geometry, weights: &[f32], bias: &[f32], packing: &Packing) -> Vec<Self> {
        let ([rows, columns], inputs) = (geometry.kernel, geometry.inputs);
        let half_of = |output: usize, row: usize, value: usize| {
            packing.place(geometry, value).map_or(0, |[column, input]| {
                u32::from(half(weights[((output * inputs + input) * rows + row) * columns + column]))
            })
        };
        let word = |output: usize, row: usize, word: usize| {
            let part = |part| half_of(output, row, 2 * word + part);
            part(0) | part(1) << 16
        };
        let panel = |first| Self::new(geometry, bias, packing.tiles, first, word);
        (0..geometry.outputs).step_by(PANEL).map(panel).collect()
    }

    /// Those of bytes, for an input whose pixels have `unit` words.
    pub fn of_bytes(geometry: &Geometry, weights: &[f32], bias: &[f32], unit: usize) -> Vec<Self> {
        let ([rows, columns], inputs) = (geometry.kernel, geometry.inputs);
        let tiles = tiles(geometry, unit);
        let rounded = weights.chunks_exact(inputs * rows * columns).map(|weights| {
            let mut weights = weights.to_vec();
            round_to_bytes(&mut weights, rows * columns);
            bytes(&weights)
        });
        let rounded: Vec<(Vec<i8>, f32)> = rounded.collect();
        let word = |output: usize, row: usize, word: usize| {
            let (column, first) = (word / unit, word % unit * Precision::Int8.values());
            let byte = |part: usize| {
                let input = first + part;
                let there = column < columns && input < inputs;
                if there { rounded[output].0[(input * rows + row) * columns + column].cast_unsigned() } else { 0 }
            };
            u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
        };
        let panel = |first| {
            let mut panel = Self::new(geometry, bias, tiles, first, word);
            let channels = &rounded[first..first + panel.channels];
            panel.scales = channels.iter().map(|(_, scale)| *scale).collect();
            panel.sums = channels.iter().map(|(bytes, _)| bytes.iter().map(|byte| i32::from(*byte)).sum()).collect();
            panel.scales.resize(PANEL, 0.0);
            panel.sums.resize(PANEL, 0);
            panel
        };
        (0..geometry.outputs).step_by(PANEL).map(panel).collect()
    }

    /// The panel from channel `first` on, with no scales; `word` gives an output channel's word of a row of the kernel.
    fn new(
        geometry: &Geometry,
        bias: &[f32],
        tiles: usize,
        first: usize,
        word: impl Fn(usize, usize, usize) -> u32,
    ) -> Self {
        let channels = (geometry.outputs - first).min(PANEL);
        let vectors = channels.div_ceil(SIDE);
        let mut weights = Vec::with_capacity(geometry.kernel[0] * tiles * vectors * SIDE);
        for (row, tile) in (0..geometry.kernel[0]).flat_map(|row| (0..tiles).map(move |tile| (row, tile))) {
            for (vector, index) in (0..vectors).flat_map(|vector| (0..SIDE).map(move |index| (vector, index))) {
                let output =
                    |channel| Some(first + vector * SIDE + channel).filter(|output| *output < geometry.outputs);
                let of = |channel| output(channel).map_or(0, |output| word(output, row, tile * SIDE + index));
                weights.push(Line(std::array::from_fn(of)));
            }
        }
        let mut bias = bias[first..first + channels].to_vec();
        bias.resize(PANEL, 0.0);
        Self { first, channels, bias, weights, scales: Vec::new(), sums: Vec::new() }
    }
}

/// The convolution that computes pairs of pixels as single ones of twice the channels, from a kernel that is wider by the way between them.
///
/// Where one pixel fills half a panel, that halves the tiles of input to be loaded; where it leaves half a vector empty, it spares those products. It pays where both
/// pixels fit into the tiles of one.
pub(super) fn pair_of(geometry: &Geometry) -> Option<Geometry> {
    let (outputs, [rows, columns], stride) = (geometry.outputs, geometry.kernel, geometry.stride[1]);
    let [height, width] = geometry.to;
    let paired = Geometry {
        outputs: 2 * outputs,
        kernel: [rows, columns + stride],
        stride: [geometry.stride[0], 2 * stride],
        to: [height, width / 2],
        ..geometry.clone()
    };
    let planes = geometry.to_order == Order::Planes;
    let vectors = |outputs: usize| outputs.div_ceil(SIDE);
    let better = outputs == SIDE || vectors(2 * outputs) < 2 * vectors(outputs);
    let fits = better && width.is_multiple_of(2) && geometry.addends.is_empty() && !planes;
    (fits && Packing::new(&paired, 0).tiles <= Packing::new(geometry, 0).tiles).then_some(paired)
}

/// The same with its weights and bias.
pub(super) fn paired(geometry: &Geometry, weights: &[f32], bias: &[f32]) -> Option<(Geometry, Vec<f32>, Vec<f32>)> {
    let (paired, stride) = (pair_of(geometry)?, geometry.stride[1]);
    let mut wide = Vec::with_capacity(2 * weights.len());
    for pixel in 0..2 {
        for row in weights.chunks_exact(geometry.kernel[1]) {
            let (before, after) = (pixel * stride, (1 - pixel) * stride);
            wide.extend(
                std::iter::repeat_n(0.0, before).chain(row.iter().copied()).chain(std::iter::repeat_n(0.0, after)),
            );
        }
    }
    Some((paired, wide, [bias, bias].concat()))
}
