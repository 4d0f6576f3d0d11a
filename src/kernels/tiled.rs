//! The convolution as it is written, in bf16 or bytes, on a unit that multiplies matrices.
//!
//! Pixels are the rows of one matrix and output channels the columns of the other. A part is a block of rows of the output: the rows of the
//! input under it are laid out once, rounded, where they lie if they are what is multiplied, as an image's bytes are, and each panel of weights then
//! meets all of them.

use std::ops::Range;

use super::amx::{Tiles, multiply};
use super::geometry::{Geometry, Order};
use super::isa::Isa;
use super::lines::{Packing, strips, tiles};
use super::precision::Precision;
use super::product::{Line, Product, Results, SIDE, Strip};
use super::rows::Rows;
use super::tile::{self, Scaling};
use super::work::{Desk, Work};

mod weights;

use weights::{Panel, pair_of, paired};

/// For outputs of at least so many rows, the rows of a block whose input is not packed as bytes: many share what is laid out around it, few leave enough
/// blocks to threads.
const BLOCKS: [(usize, usize); 3] = [(64, 8), (24, 4), (1, 2)];
/// Products of a sum from which on bytes save more than it takes to make them, as measured; of shorter ones only where they take half as many tiles.
const WORTH_BYTES: usize = 400;

/// Packed weights, by panels, and where they meet the input.
#[derive(Clone)]
pub(super) struct Tiled {
    panels: Vec<Panel>,
    source: Source,
    precision: Precision,
    /// What is computed, by [`paired`] perhaps.
    geometry: Geometry,
    /// Columns of the output by strips of neighbours.
    strips: Vec<Range<usize>>,
    /// Words from one pixel of the output to the next.
    step: usize,
    /// Words of a row of the kernel, and tiles of them.
    words: usize,
    tiles: usize,
}

/// Where the input is read.
#[derive(Clone)]
enum Source {
    /// As it is laid out for so many rows of the output at once: bf16, or an image's bytes.
    Laid(Packing, usize),
    /// In bytes, packed row by row.
    Bytes(Rows),
}

impl Tiled {
    /// Whether the convolution can be done in this way; in bytes only where they are faster than bf16.
    pub fn fits(geometry: &Geometry, precision: Precision) -> bool {
        // Results are rounded two by two.
        let rounded = |order| order == Order::Rounded;
        let whole = !rounded(geometry.to_order) && !geometry.addends.iter().any(|addend| rounded(addend.order));
        let even = whole || geometry.outputs.is_multiple_of(2);
        let summed = geometry.to_order != Order::Planes || geometry.addends.is_empty();
        let read = match (precision, geometry.from_order) {
            (Precision::F32, _) | (Precision::Bf16, Order::Bytes) | (Precision::Int8, Order::Planes) => false,
            (Precision::Bf16, _) | (Precision::Int8, Order::Bytes) => Packing::fits(geometry),
            (Precision::Int8, Order::Interleaved) => pays_in_bytes(geometry),
            (Precision::Int8, Order::Rounded) => geometry.inputs.is_multiple_of(2) && pays_in_bytes(geometry),
        };
        !geometry.depthwise && summed && even && read
    }

    /// The convolution in this way, in bf16 or bytes; `isa` packs these.
    pub fn new(
        geometry: &Geometry,
        [weights, bias]: [&[f32]; 2],
        isa: Isa,
        precision: Precision,
    ) -> Result<Self, String> {
        if precision != Precision::Int8 {
            return Ok(Self::laid(geometry, [weights, bias], 0, Precision::Bf16));
        }
        let packer = Rows::new(geometry, isa, Precision::Int8)?;
        let unit = packer.unit();
        let panels = Panel::of_bytes(geometry, weights, bias, unit);
        Ok(Self::of(geometry, panels, (Source::Bytes(packer), Precision::Int8), unit))
    }

    /// The convolution of an image's bytes, with words of `blank` around it.
    pub fn of_image(geometry: &Geometry, weights_and_bias: [&[f32]; 2], blank: u32) -> Self {
        Self::laid(geometry, weights_and_bias, blank, Precision::Int8)
    }

    /// The convolution of an input that is laid out as it is multiplied, by pairs of pixels where that is better.
    fn laid(geometry: &Geometry, [weights, bias]: [&[f32]; 2], blank: u32, precision: Precision) -> Self {
        let pairs = paired(geometry, weights, bias);
        let (geometry, weights, bias) = match &pairs {
            Some((geometry, weights, bias)) => (geometry, weights.as_slice(), bias.as_slice()),
            None => (geometry, weights, bias),
        };
        let packing = Packing::new(geometry, blank);
        let unit = packing.unit / 2;
        let panels = match precision {
            Precision::Int8 => Panel::of_bytes(geometry, weights, bias, unit),
            _ => Panel::of_halves(geometry, weights, bias, &packing),
        };
        let block = BLOCKS.iter().find(|(rows, _)| geometry.to[0] >= *rows).map_or(1, |(_, block)| *block);
        Self::of(geometry, panels, (Source::Laid(packing, block), precision), unit)
    }

    /// The convolution of an input whose pixels have `unit` words.
    fn of(geometry: &Geometry, panels: Vec<Panel>, (source, precision): (Source, Precision), unit: usize) -> Self {
        let (step, words) = (geometry.stride[1] * unit, geometry.kernel[1] * unit);
        let (strips, tiles) = (strips(geometry.to[1]), tiles(geometry, unit));
        Self { panels, source, precision, geometry: geometry.clone(), strips, step, words, tiles }
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// How many blocks of rows the output has.
    pub fn blocks(&self) -> usize {
        match &self.source {
            Source::Laid(_, block) => self.geometry.to[0].div_ceil(*block),
            Source::Bytes(packer) => packer.blocks(),
        }
    }

    /// Computes blocks of rows.
    pub fn blocks_of(&self, work: &Work<'_>, blocks: Range<usize>, desk: &mut Desk) {
        let pixels = self.strips.iter().map(Range::len).max().unwrap_or(0);
        let Some(tiles) = Tiles::open(pixels, self.words) else {
            unreachable!("`new` was called where there are tiles")
        };
        let work = Work { geometry: &self.geometry, output: work.output, ..*work };
        let height = self.geometry.to[0];
        match &self.source {
            Source::Laid(packing, block) => {
                let range = (self.precision == Precision::Int8).then_some(tile::Range::NONE);
                // Blocks that one thread has are taken together, as far as they are not longer than the longest.
                let rows = blocks.start * block..height.min(blocks.end * block);
                let count = rows.len().div_ceil(BLOCKS[0].1);
                let start = |part: usize| rows.start + part * rows.len() / count;
                for rows in (0..count).map(|part| start(part)..start(part + 1)) {
                    let count = packing.lay(&work, &self.strips, &rows, desk);
                    self.rows(&work, rows, (count, range), desk, &tiles);
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
            // cover it. There are tiles, opened for these strips and runs, so there is AMX, and with it AVX-512.
            unsafe { multiply(&product) };
        }
    }
}

/// Whether bytes are faster than bf16: they are made anew for each convolution, and for each row of the output where rows share nothing. They are where sums are long,
/// and where they take half as many tiles as bf16 does, pixel by pixel, if rows share enough.
fn pays_in_bytes(geometry: &Geometry) -> bool {
    let shared = geometry.kernel[0] > geometry.stride[0];
    let long = geometry.weights_len() / geometry.outputs >= WORTH_BYTES;
    let tiles = |precision: Precision| tiles(geometry, geometry.inputs.div_ceil(precision.values()));
    let halved = 2 * tiles(Precision::Int8) <= tiles(Precision::Bf16);
    shared && (long || geometry.stride[0] == 1 && halved && pair_of(geometry).is_none())
}
