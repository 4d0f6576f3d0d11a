//! The convolution as it is written, in bf16 or bytes, on a unit that multiplies matrices.
//!
//! Pixels are the rows of one matrix and output channels the columns of the other. A part is a block of rows of the output: the rows of the
//! input under it are laid out once, rounded, where they lie if they are what is multiplied, and each panel of weights then meets all of them.

use std::ops::Range;

use super::amx::{Tiles, multiply};
use super::geometry::{Geometry, Order};
use super::isa::Isa;
use super::lines::{Packing, strips};
use super::panel::{bytes, round_to_bytes};
use super::precision::Precision;
use super::product::{Line, Product, Results, SIDE, Strip, VECTORS};
use super::rows::Rows;
use super::tile::{self, Scaling};
use super::value::half;
use super::work::{Desk, Work};

/// Output channels of a panel.
const PANEL: usize = VECTORS * SIDE;
/// For outputs of at least so many rows, the rows of a block in bf16: many share the packing of the input around them, few leave enough blocks to
/// threads.
const BLOCKS: [(usize, usize); 3] = [(64, 8), (24, 4), (1, 2)];
/// Products of a sum from which on bytes save more than it takes to make them, as measured.
const WORTH_BYTES: usize = 400;

/// Packed weights, by panels.
#[derive(Clone)]
pub(super) struct Tiled {
    panels: Vec<Panel>,
    source: Source,
    /// What is computed, by [`paired`] perhaps.
    geometry: Geometry,
    /// Columns of the output by strips of neighbours.
    strips: Vec<Range<usize>>,
    /// Words from one pixel of the output to the next.
    step: usize,
    /// Tiles of a row of the kernel.
    tiles: usize,
}

/// Where the input is read.
#[derive(Clone)]
enum Source {
    /// In halves, for so many rows of the output at once.
    Halves(Packing, usize),
    /// In bytes, packed row by row.
    Bytes(Rows),
}

/// Some output channels side by side.
#[derive(Clone)]
struct Panel {
    first: usize,
    channels: usize,
    bias: Vec<f32>,
    /// As [`Product`] has them.
    weights: Vec<Line>,
    /// What the bytes of weights stand for, and their sums.
    scales: Vec<f32>,
    sums: Vec<i32>,
}

impl Tiled {
    /// Whether the convolution can be done in this way; in bytes only where they are faster than bf16.
    pub fn fits(geometry: &Geometry, precision: Precision) -> bool {
        // Results are rounded two by two.
        let rounded = |order| order == Order::Rounded;
        let whole = !rounded(geometry.to_order) && !geometry.addends.iter().any(|addend| rounded(addend.order));
        let even = whole || geometry.outputs.is_multiple_of(2);
        let summed = geometry.to_order != Order::Planes || geometry.addends.is_empty();
        let read = match precision {
            Precision::F32 => false,
            Precision::Bf16 => Packing::fits(geometry),
            Precision::Int8 => match geometry.from_order {
                Order::Interleaved => pays_in_bytes(geometry),
                Order::Rounded => geometry.inputs.is_multiple_of(2) && pays_in_bytes(geometry),
                Order::Planes | Order::Bytes => false,
            },
        };
        !geometry.depthwise && summed && even && read
    }

    /// The convolution in this way; `isa` packs bytes.
    pub fn new(
        geometry: &Geometry,
        [weights, bias]: [&[f32]; 2],
        isa: Isa,
        precision: Precision,
    ) -> Result<Self, String> {
        if precision == Precision::Int8 {
            return Self::of_bytes(geometry, weights, bias, isa);
        }
        Ok(match paired(geometry, weights, bias) {
            Some((geometry, weights, bias)) => Self::of_halves(&geometry, &weights, &bias),
            None => Self::of_halves(geometry, weights, bias),
        })
    }

    fn of_halves(geometry: &Geometry, weights: &[f32], bias: &[f32]) -> Self {
        let ([rows, columns], inputs) = (geometry.kernel, geometry.inputs);
        let packing = Packing::new(geometry);
        let half_of = |output: usize, row: usize, value: usize| {
            packing.place(geometry, value).map_or(0, |[column, input]| {
                u32::from(half(weights[((output * inputs + input) * rows + row) * columns + column]))
            })
        };
        let word = |output: usize, row: usize, word: usize| {
            let part = |part| half_of(output, row, 2 * word + part);
            part(0) | part(1) << 16
        };
        let panel = |first| Panel::new(geometry, bias, packing.tiles, first, word);
        let panels = (0..geometry.outputs).step_by(PANEL).map(panel).collect();
        let block = BLOCKS.iter().find(|(rows, _)| geometry.to[0] >= *rows).map_or(1, |(_, block)| *block);
        let (step, tiles) = (packing.step / 2, packing.tiles);
        let source = Source::Halves(packing, block);
        Self { panels, source, geometry: geometry.clone(), strips: strips(geometry.to[1]), step, tiles }
    }

    fn of_bytes(geometry: &Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Result<Self, String> {
        let ([rows, columns], inputs) = (geometry.kernel, geometry.inputs);
        let packer = Rows::new(geometry, isa, Precision::Int8)?;
        let unit = packer.unit();
        let tiles = (columns * unit).div_ceil(SIDE);
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
            let mut panel = Panel::new(geometry, bias, tiles, first, word);
            let channels = &rounded[first..first + panel.channels];
            panel.scales = channels.iter().map(|(_, scale)| *scale).collect();
            panel.sums = channels.iter().map(|(bytes, _)| bytes.iter().map(|byte| i32::from(*byte)).sum()).collect();
            panel.scales.resize(PANEL, 0.0);
            panel.sums.resize(PANEL, 0);
            panel
        };
        let panels = (0..geometry.outputs).step_by(PANEL).map(panel).collect();
        let (step, strips) = (geometry.stride[1] * unit, strips(geometry.to[1]));
        Ok(Self { panels, source: Source::Bytes(packer), geometry: geometry.clone(), strips, step, tiles })
    }

    pub fn precision(&self) -> Precision {
        match self.source {
            Source::Halves(..) => Precision::Bf16,
            Source::Bytes(_) => Precision::Int8,
        }
    }

    /// How many blocks of rows the output has.
    pub fn blocks(&self) -> usize {
        match &self.source {
            Source::Halves(_, block) => self.geometry.to[0].div_ceil(*block),
            Source::Bytes(packer) => packer.blocks(),
        }
    }

    /// Computes blocks of rows.
    pub fn blocks_of(&self, work: &Work<'_>, blocks: Range<usize>, desk: &mut Desk) {
        let Some(tiles) = Tiles::open() else { unreachable!("`new` was called where there are tiles") };
        let work = Work { geometry: &self.geometry, output: work.output, ..*work };
        let height = self.geometry.to[0];
        match &self.source {
            Source::Halves(packing, block) => {
                // Blocks that one thread has are taken together, as far as they are not longer than the longest.
                let rows = blocks.start * block..height.min(blocks.end * block);
                let count = rows.len().div_ceil(BLOCKS[0].1);
                let start = |part: usize| rows.start + part * rows.len() / count;
                for rows in (0..count).map(|part| start(part)..start(part + 1)) {
                    let count = packing.lay(&work, &self.strips, &rows, desk);
                    self.rows(&work, rows, (count, None), desk, &tiles);
                }
            }
            Source::Bytes(packer) => {
                let count = packer.blocks();
                for rows in blocks.map(|block| block * height / count..(block + 1) * height / count) {
                    let (count, range) = self.lay_bytes(packer, &work, &rows, desk);
                    self.rows(&work, rows, (count, Some(range)), desk, &tiles);
                }
            }
        }
    }

    /// Packs bytes as [`Packing::lay`] does halves, and says how many rows, and how they stand for values.
    fn lay_bytes(&self, packer: &Rows, work: &Work<'_>, rows: &Range<usize>, desk: &mut Desk) -> (usize, tile::Range) {
        let [down, across] = work.geometry.stride;
        let count = (rows.len() - 1) * down + work.geometry.kernel[0];
        // What is loaded behind the last pixel meets weights of zero, or makes sums that are not stored.
        let beyond = SIDE * (self.step + self.tiles);
        desk.lines.resize((packer.words() + beyond).div_ceil(SIDE), Line::ZERO);
        let packed = Line::words(&mut desk.lines);
        let range = packer.pack(work, rows.clone(), packed);
        desk.begins.clear();
        for columns in &self.strips {
            let begin = |row| packed[packer.place(row, columns.start * across)..].as_ptr();
            desk.begins.extend((0..count).map(begin));
        }
        (count, range)
    }

    /// Computes rows under which so many rows of the input were laid out, bytes that stand for values in that way or halves.
    fn rows(
        &self,
        work: &Work<'_>,
        rows: Range<usize>,
        (count, range): (usize, Option<tile::Range>),
        desk: &mut Desk,
        _: &Tiles,
    ) {
        let geometry = work.geometry;
        desk.strips.resize(rows.len() * self.strips.len(), Strip::EMPTY);
        let lines = rows.clone().zip(desk.strips.chunks_exact_mut(self.strips.len()));
        for (y, line) in lines {
            for ((index, columns), strip) in self.strips.iter().enumerate().zip(line) {
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
            let (scales, sums) = (panel.scales.as_ptr(), panel.sums.as_ptr());
            let product = Product {
                strips: &desk.strips,
                step: self.step,
                runs: geometry.kernel[0],
                tiles: self.tiles,
                weights: panel.weights.as_ptr(),
                first: panel.first,
                bias: panel.bias.as_ptr(),
                scaling: range.map(|range| Scaling { range, scales, sums }),
                channels: panel.channels,
                addends: geometry.addends.len(),
                relu: geometry.relu,
                output_step: geometry.outputs,
            };
            // SAFETY: there is a beginning for every run, with sixteen pixels of whole tiles behind it; weights, bias and scaling are as long as they were
            // made. The strips' pixels and the panel's channels lie in the output, in rows that are this job's alone, and in the addends, which
            // cover it. There are tiles, so there is AMX, and with it AVX-512.
            unsafe { multiply(&product) };
        }
    }
}

impl Panel {
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

/// Whether bytes are faster than bf16: they are made anew for each convolution, and for each row of the output where rows share nothing.
fn pays_in_bytes(geometry: &Geometry) -> bool {
    geometry.kernel[0] > geometry.stride[0] && geometry.weights_len() / geometry.outputs >= WORTH_BYTES
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
