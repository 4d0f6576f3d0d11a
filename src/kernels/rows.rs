//! The rows of the input under some rows of the output, rounded and packed, with the zeros around them.

use std::ops;

use super::geometry::{Geometry, Order, Values};
use super::isa::Isa;
use super::pack::Packer;
use super::precision::Precision;
use super::span::Span;
use super::tile::Range;
use super::value::Value;
use super::work::Work;

/// About how many rows a block has. With more, fewer rows are packed twice (those that two blocks share), but packed rows should stay in the innermost
/// caches.
const ROWS: usize = 8;
/// The number of blocks is a multiple of this, for threads to share them evenly, and at least twice it, where there are as many rows.
const BLOCKS: usize = 8;

/// Packs rows. They lie as the input does, a word in place of a few channels.
#[derive(Clone)]
pub(super) struct Rows {
    packer: Packer,
    precision: Precision,
    /// Pixels of a row.
    across: usize,
    /// Blocks of neighbouring rows of the output that are computed from the same packed rows.
    blocks: usize,
    /// Planes of words, rows of the input under a block at most, and words of a row.
    packed: [usize; 3],
    /// Where the runs of a block's first pixel begin.
    runs: Vec<usize>,
}

impl Rows {
    pub fn new(geometry: &Geometry, isa: Isa, precision: Precision) -> Result<Self, String> {
        let words = geometry.inputs.div_ceil(precision.values());
        let across = (geometry.to[1] - 1) * geometry.stride[1] + geometry.kernel[1];
        let height = geometry.to[0];
        // Where rows share nothing, it is best to have each on a scale of its own.
        let shares = geometry.kernel[0] > geometry.stride[0];
        let some = height.div_ceil(ROWS).next_multiple_of(BLOCKS).max(2 * BLOCKS);
        let blocks = if shares { height.min(some) } else { height };
        let rows = (height.div_ceil(blocks) - 1) * geometry.stride[0] + geometry.kernel[0];
        let (planes, row) = match geometry.from_order {
            Order::Planes => (words, across),
            _ => (1, across * words),
        };
        let runs = (0..planes * geometry.kernel[0]).map(|run| (run / geometry.kernel[0], run % geometry.kernel[0]));
        let runs = runs.map(|(plane, run)| (plane * rows + run) * row).collect();
        Ok(Self { packer: Packer::new(precision, isa)?, precision, across, blocks, packed: [planes, rows, row], runs })
    }

    /// In how many blocks of rows the output is computed, each from its own packed rows.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// How many words a block's rows take.
    pub fn words(&self) -> usize {
        self.packed.iter().product()
    }

    /// Words from one pixel to the next.
    pub fn unit(&self) -> usize {
        let [.., row] = self.packed;
        row / self.across
    }

    /// Where a pixel's words begin, or those of its first planes: of a packed row, counted with the zeros before it.
    pub fn place(&self, row: usize, pixel: usize) -> usize {
        let [.., across] = self.packed;
        row * across + pixel * self.unit()
    }

    /// Packs what some rows of the output depend on, a block of them at most, run by run, into the first of [`words`](Self::words), and says how bytes
    /// stand for values.
    pub fn pack(&self, work: &Work<'_>, rows: ops::Range<usize>, packed: &mut [u32]) -> Range {
        match work.input {
            Values::Whole(values) => self.pack_values(work.geometry, values, rows, packed),
            Values::Rounded(values) => self.pack_values(work.geometry, values, rows, packed),
            // They are multiplied where they lie.
            Values::Bytes(_) => Range::NONE,
        }
    }

    fn pack_values<T: Value>(
        &self,
        geometry: &Geometry,
        values: &[T],
        rows: ops::Range<usize>,
        packed: &mut [u32],
    ) -> Range {
        let [height, width] = geometry.from;
        let top = (rows.start * geometry.stride[0]) as isize - geometry.pad[0] as isize;
        let row = |index: usize| usize::try_from(top + index as isize).ok().filter(|row| *row < height);
        let line = |plane: usize, row: usize| match geometry.from_order {
            Order::Planes => &values[(plane * height + row) * width..][..width],
            _ => &values[row * width * geometry.inputs..][..width * geometry.inputs],
        };
        let needed = rows.len().saturating_sub(1) * geometry.stride[0] + geometry.kernel[0];
        let mut range = Range::NONE;
        if self.precision == Precision::Int8 {
            let inside = |row: isize| row.clamp(0, height as isize) as usize;
            let (from, to) = (inside(top), inside(top + needed as isize));
            let (planes, pixel) = match geometry.from_order {
                Order::Planes => (geometry.inputs, 1),
                _ => (1, geometry.inputs),
            };
            let lines =
                |plane: usize| &values[(plane * height + from) * width * pixel..][..(to - from) * width * pixel];
            range = Range::of((0..planes).fold([0.0; 2], |bounds, plane| self.packer.bounds(lines(plane), bounds)));
        }
        let [planes, most, across] = self.packed;
        let (unit, left) = (self.unit(), geometry.pad[1].min(self.across));
        let live = width.min(self.across - left);
        let places = (0..planes).flat_map(|plane| (0..most).map(move |row| (plane, row)));
        for ((plane, index), words) in places.zip(packed.chunks_exact_mut(across)).filter(|((_, row), _)| *row < needed)
        {
            let Some(row) = row(index) else {
                words.fill(self.packer.zeros(range));
                continue;
            };
            let (before, words) = words.split_at_mut(left * unit);
            let (words, after) = words.split_at_mut(live * unit);
            before.fill(self.packer.zeros(range));
            after.fill(self.packer.zeros(range));
            if geometry.from_order == Order::Planes {
                let each = self.precision.values();
                let plane = |part: usize| line((plane * each + part).min(geometry.inputs - 1), row);
                self.packer.planes(&std::array::from_fn(plane), range, words);
            } else {
                self.packer.pixels(&line(0, row)[..live * geometry.inputs], geometry.inputs, range, words);
            }
        }
        range
    }

    /// The pixels `x..x + pixels` of row `y` of the output, which is over `row` of what was packed for its block and those below; `stride` pixels of the
    /// input lie between them.
    pub fn span<'a>(&'a self, packed: &[u32], [row, y, x]: [usize; 3], pixels: usize, stride: usize) -> Span<'a> {
        let first = self.place(row, x * stride);
        Span { y, x, pixels, input: packed[first..].as_ptr(), runs: &self.runs, first_run: 0 }
    }
}
