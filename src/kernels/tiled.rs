//! The convolution as it is written, in bf16, on a unit that multiplies matrices.
//!
//! Pixels are the rows of one matrix and output channels the columns of the other. A part is a block of rows of the output: the rows of the
//! input under it are laid out once, rounded, where they lie if they are, and each panel of weights then meets all of them.

use std::ops::Range;

use super::amx::{Tiles, multiply};
use super::geometry::{Geometry, Order};
use super::lines::Packing;
use super::product::{Line, Product, Results, SIDE, Strip, VECTORS};
use super::value::half;
use super::work::{Desk, Work};

/// Output channels of a panel.
const PANEL: usize = VECTORS * SIDE;
/// For outputs of at least so many rows, the rows of a block: many share the packing of the input around them, few leave enough blocks to
/// threads.
const BLOCKS: [(usize, usize); 3] = [(64, 8), (24, 4), (1, 2)];

/// Packed weights, by panels.
#[derive(Clone)]
pub(super) struct Tiled {
    panels: Vec<Panel>,
    packing: Packing,
    /// What is computed, by [`paired`] perhaps.
    geometry: Geometry,
    /// Rows of a block.
    block: usize,
}

/// Some output channels side by side.
#[derive(Clone)]
struct Panel {
    first: usize,
    channels: usize,
    bias: Vec<f32>,
    /// As [`Product`] has them.
    weights: Vec<Line>,
}

impl Tiled {
    /// Whether the convolution can be done in this way.
    pub fn fits(geometry: &Geometry) -> bool {
        // Results are rounded two by two.
        let rounded = |order| order == Order::Rounded;
        let whole = !rounded(geometry.to_order) && !geometry.addends.iter().any(|addend| rounded(addend.order));
        let even = whole || geometry.outputs.is_multiple_of(2);
        let summed = geometry.to_order != Order::Planes || geometry.addends.is_empty();
        !geometry.depthwise && summed && Packing::fits(geometry) && even
    }

    pub fn new(geometry: &Geometry, weights: &[f32], bias: &[f32]) -> Self {
        match paired(geometry, weights, bias) {
            Some((geometry, weights, bias)) => Self::of(&geometry, &weights, &bias),
            None => Self::of(geometry, weights, bias),
        }
    }

    fn of(geometry: &Geometry, weights: &[f32], bias: &[f32]) -> Self {
        let ([rows, columns], inputs) = (geometry.kernel, geometry.inputs);
        let packing = Packing::new(geometry);
        let half_of = |output: usize, row: usize, value: usize| {
            let place = packing.place(geometry, value).filter(|_| output < geometry.outputs);
            place.map_or(0, |[column, input]| {
                u32::from(half(weights[((output * inputs + input) * rows + row) * columns + column]))
            })
        };
        let panel = |first: usize| {
            let channels = (geometry.outputs - first).min(PANEL);
            let vectors = channels.div_ceil(SIDE);
            let mut lines = Vec::with_capacity(rows * packing.tiles * vectors * SIDE);
            for (row, tile) in (0..rows).flat_map(|row| (0..packing.tiles).map(move |tile| (row, tile))) {
                for (vector, word) in (0..vectors).flat_map(|vector| (0..SIDE).map(move |word| (vector, word))) {
                    lines.push(Line(std::array::from_fn(|channel| {
                        let part =
                            |part| half_of(first + vector * SIDE + channel, row, 2 * (tile * SIDE + word) + part);
                        part(0) | part(1) << 16
                    })));
                }
            }
            let mut bias = bias[first..first + channels].to_vec();
            bias.resize(PANEL, 0.0);
            Panel { first, channels, bias, weights: lines }
        };
        let panels = (0..geometry.outputs).step_by(PANEL).map(panel).collect();
        let block = BLOCKS.iter().find(|(rows, _)| geometry.to[0] >= *rows).map_or(1, |(_, block)| *block);
        Self { panels, packing, block, geometry: geometry.clone() }
    }

    /// How many blocks of rows the output has.
    pub fn blocks(&self) -> usize {
        self.geometry.to[0].div_ceil(self.block)
    }

    /// Computes blocks of rows.
    pub fn blocks_of(&self, work: &Work<'_>, blocks: Range<usize>, desk: &mut Desk) {
        let Some(tiles) = Tiles::open() else { unreachable!("`new` was called where there are tiles") };
        let work = Work { geometry: &self.geometry, output: work.output, ..*work };
        // Blocks that one thread has are taken together, as far as they are not longer than the longest.
        let rows = blocks.start * self.block..self.geometry.to[0].min(blocks.end * self.block);
        let count = rows.len().div_ceil(BLOCKS[0].1);
        let start = |part: usize| rows.start + part * rows.len() / count;
        (0..count).for_each(|part| self.rows(&work, start(part)..start(part + 1), desk, &tiles));
    }

    fn rows(&self, work: &Work<'_>, rows: Range<usize>, desk: &mut Desk, _: &Tiles) {
        let geometry = work.geometry;
        let count = self.packing.lay(work, &rows, desk);
        desk.strips.resize(rows.len() * self.packing.strips.len(), Strip::EMPTY);
        let lines = rows.clone().zip(desk.strips.chunks_exact_mut(self.packing.strips.len()));
        for (y, line) in lines {
            for ((index, columns), strip) in self.packing.strips.iter().enumerate().zip(line) {
                let pixel = y * geometry.to[1] + columns.start;
                strip.input = desk.begins[index * count + (y - rows.start) * geometry.stride[0]..].as_ptr();
                strip.pixels = columns.len();
                strip.output = match geometry.to_order {
                    Order::Rounded => Results::Rounded(work.output.rounded_at(pixel * geometry.outputs)),
                    Order::Interleaved | Order::Bytes => Results::Whole(work.output.at(pixel * geometry.outputs)),
                    Order::Planes => Results::Planes(work.output.at(pixel), geometry.to[0] * geometry.to[1]),
                };
                work.set_addends(&mut strip.addends, 0, y, columns.start);
            }
        }
        for panel in &self.panels {
            let product = Product {
                strips: &desk.strips,
                step: self.packing.step,
                runs: geometry.kernel[0],
                tiles: self.packing.tiles,
                weights: panel.weights.as_ptr(),
                first: panel.first,
                bias: panel.bias.as_ptr(),
                channels: panel.channels,
                addends: geometry.addends.len(),
                relu: geometry.relu,
                output_step: geometry.outputs,
            };
            // SAFETY: `lay` gives a beginning for every run, with sixteen pixels of whole tiles behind it; weights and bias are as long as `new` has made
            // them. The strips' pixels and the panel's channels lie in the output, in rows that are this job's alone, and in the addends, which
            // cover it. There are tiles, so there is AMX, and with it AVX-512.
            unsafe { multiply(&product) };
        }
    }
}

/// The convolution that computes pairs of pixels as single ones of twice the channels, from a kernel that is wider by the way between them.
///
/// Where one pixel fills half a panel, and both fit into the tiles of one, that halves the tiles to be loaded.
fn paired(geometry: &Geometry, weights: &[f32], bias: &[f32]) -> Option<(Geometry, Vec<f32>, Vec<f32>)> {
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
    let fits = outputs == SIDE && width.is_multiple_of(2) && geometry.addends.is_empty() && !planes;
    if !fits || Packing::new(&paired).tiles > Packing::new(geometry).tiles {
        return None;
    }
    let mut wide = Vec::with_capacity(2 * weights.len());
    for pixel in 0..2 {
        for row in weights.chunks_exact(columns) {
            let (before, after) = (pixel * stride, (1 - pixel) * stride);
            wide.extend(
                std::iter::repeat_n(0.0, before).chain(row.iter().copied()).chain(std::iter::repeat_n(0.0, after)),
            );
        }
    }
    Some((paired, wide, [bias, bias].concat()))
}
