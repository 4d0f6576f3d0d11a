//! The convolution as it is written, in bf16, on a unit that multiplies matrices.
//!
//! Pixels are the rows of one matrix and output channels the columns of the other. A part is a block of rows of the output: the rows of the
//! input under it are rounded and packed once, and each panel of weights then meets all of them.

use std::ops::Range;

use super::amx::{Line, Product, Results, SIDE, STRIPS, Strip, Tiles, VECTORS, multiply};
use super::geometry::{Geometry, Order, Values};
use super::isa::Isa;
use super::pack::{Packer, half};
use super::precision::Precision;
use super::tile;
use super::work::{Desk, Work};

/// Output channels of a panel.
const PANEL: usize = VECTORS * SIDE;
/// Planes that are packed pixel by pixel, at most.
const MAX_PLANES: usize = 4;
/// Rows of a block, and of one where there are so few rows that threads would have too few blocks to share.
const BLOCK: usize = 4;
const SMALL_BLOCK: usize = 2;
const FEW_ROWS: usize = 24;

/// Packed weights, by panels.
#[derive(Clone)]
pub(super) struct Tiled {
    panels: Vec<Panel>,
    packer: Packer,
    /// Words of a pixel, of a packed row, and tiles of words of a run.
    unit: usize,
    row: usize,
    tiles: usize,
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
        let many_planes = geometry.from_order == Order::Planes && geometry.inputs > MAX_PLANES;
        // Two rounded values are a word.
        let even = |order: Order, channels: usize| order != Order::Rounded || channels.is_multiple_of(2);
        let even = even(geometry.from_order, geometry.inputs) && even(geometry.to_order, geometry.outputs);
        !geometry.depthwise && geometry.to_order != Order::Planes && !many_planes && even
    }

    pub fn new(geometry: &Geometry, weights: &[f32], bias: &[f32]) -> Result<Self, String> {
        let ([rows, columns], inputs) = (geometry.kernel, geometry.inputs);
        let unit = inputs.div_ceil(2);
        let tiles = (columns * unit).div_ceil(SIDE);
        let half_of = |output: usize, row: usize, word: usize, part: usize| {
            let (column, input) = (word / unit, word % unit * 2 + part);
            let there = column < columns && input < inputs && output < geometry.outputs;
            u32::from(if there {
                half(weights[((output * inputs + input) * rows + row) * columns + column])
            } else {
                0
            })
        };
        let panel = |first: usize| {
            let channels = (geometry.outputs - first).min(PANEL);
            let vectors = channels.div_ceil(SIDE);
            let mut lines = Vec::with_capacity(rows * tiles * vectors * SIDE);
            for (row, tile) in (0..rows).flat_map(|row| (0..tiles).map(move |tile| (row, tile))) {
                for (vector, word) in (0..vectors).flat_map(|vector| (0..SIDE).map(move |word| (vector, word))) {
                    lines.push(Line(std::array::from_fn(|channel| {
                        let part = |part| half_of(first + vector * SIDE + channel, row, tile * SIDE + word, part);
                        part(0) | part(1) << 16
                    })));
                }
            }
            let mut bias = bias[first..first + channels].to_vec();
            bias.resize(PANEL, 0.0);
            Panel { first, channels, bias, weights: lines }
        };
        let across = (geometry.to[1] - 1) * geometry.stride[1] + columns;
        Ok(Self {
            panels: (0..geometry.outputs).step_by(PANEL).map(panel).collect(),
            packer: Packer::new(Precision::Bf16, Isa::Avx512)?,
            unit,
            row: across * unit,
            tiles,
            block: if geometry.to[0] > FEW_ROWS { BLOCK } else { SMALL_BLOCK },
        })
    }

    /// How many blocks of rows the output has.
    pub fn blocks(&self, geometry: &Geometry) -> usize {
        geometry.to[0].div_ceil(self.block)
    }

    /// Computes blocks of rows.
    pub fn blocks_of(&self, work: &Work<'_>, blocks: Range<usize>, desk: &mut Desk) {
        let Some(tiles) = Tiles::open() else { unreachable!("`new` was called where there are tiles") };
        blocks.for_each(|block| self.block(work, block, desk, &tiles));
    }

    fn block(&self, work: &Work<'_>, block: usize, desk: &mut Desk, _: &Tiles) {
        let geometry = work.geometry;
        let rows = block * self.block..geometry.to[0].min((block + 1) * self.block);
        self.pack(work, &rows, &mut desk.lines);
        let packed = Line::words(&mut desk.lines);
        let across = geometry.to[1].div_ceil(SIDE);
        let start = |strip: usize| strip * geometry.to[1] / across;
        desk.strips.clear();
        for (row, strip) in (0..rows.len()).flat_map(|row| (0..across).map(move |strip| (row, strip))) {
            let (y, x) = (rows.start + row, start(strip));
            let input = row * geometry.stride[0] * self.row + x * geometry.stride[1] * self.unit;
            let to = (y * geometry.to[1] + x) * geometry.outputs;
            desk.strips.push(Strip {
                input: packed[input..].as_ptr(),
                pixels: start(strip + 1) - x,
                output: match geometry.to_order {
                    Order::Rounded => Results::Rounded(work.output.rounded_at(to)),
                    _ => Results::Whole(work.output.at(to)),
                },
                addends: work.addends(0, y, x).0,
            });
        }
        for panel in &self.panels {
            for strips in desk.strips.chunks(STRIPS) {
                let product = Product {
                    strips,
                    step: geometry.stride[1] * self.unit,
                    runs: geometry.kernel[0],
                    run_step: self.row,
                    tiles: self.tiles,
                    weights: panel.weights.as_ptr(),
                    first: panel.first,
                    bias: panel.bias.as_ptr(),
                    channels: panel.channels,
                    addends: geometry.addends.len(),
                    relu: geometry.relu,
                    output_step: geometry.outputs,
                };
                // SAFETY: `pack` leaves room behind the last strip for sixteen pixels of whole tiles; weights and bias are as long as `new` has made
                // them. The strips' pixels and the panel's channels lie in the output, in rows that are this job's alone, and in the addends, which
                // cover it. There are tiles, so there is AMX, and with it AVX-512.
                unsafe { multiply(&product) };
            }
        }
    }

    /// Rounds and packs the rows of the input under `rows` of the output, with the zeros around them.
    fn pack(&self, work: &Work<'_>, rows: &Range<usize>, lines: &mut Vec<Line>) {
        let geometry = work.geometry;
        let ([height, width], channels) = (geometry.from, geometry.inputs);
        let count = (rows.len() - 1) * geometry.stride[0] + geometry.kernel[0];
        // What lies behind is read where a strip or a run is no whole tile, and multiplied with zero: it has to be a number.
        let behind = SIDE * geometry.stride[1] * self.unit + self.tiles * SIDE;
        lines.resize((count * self.row + behind).div_ceil(SIDE), Line::ZERO);
        let packed = Line::words(lines);
        packed[count * self.row..].fill(0);
        let left = geometry.pad[1] * self.unit;
        let live = (width * self.unit).min(self.row - left.min(self.row));
        for (index, words) in packed.chunks_exact_mut(self.row).take(count).enumerate() {
            let y = (rows.start * geometry.stride[0] + index).wrapping_sub(geometry.pad[0]);
            if y >= height {
                words.fill(0);
                continue;
            }
            words[..left].fill(0);
            words[left + live..].fill(0);
            let (words, pixels) = (&mut words[left..left + live], live / self.unit);
            match work.input {
                Values::Rounded(values) => pairs_of(&values[y * width * channels..][..pixels * channels], words),
                Values::Whole(values) if geometry.from_order == Order::Planes => {
                    let line = |plane: usize| &values[(plane.min(channels - 1) * height + y) * width..][..pixels];
                    self.packer.pairs(&std::array::from_fn(line), words);
                }
                Values::Whole(values) => {
                    let line = &values[y * width * channels..][..pixels * channels];
                    self.packer.pixels(line, channels, tile::Range::NONE, words);
                }
            }
        }
    }
}

/// The words of values that are rounded already.
fn pairs_of(values: &[u16], words: &mut [u32]) {
    for (word, pair) in words.iter_mut().zip(values.as_chunks::<2>().0) {
        *word = u32::from(pair[0]) | u32::from(pair[1]) << 16;
    }
}
