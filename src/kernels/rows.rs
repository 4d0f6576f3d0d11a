//! The rows of the input under a row of the output, rounded and packed, with the zeros around them.

use super::geometry::{Geometry, Order};
use super::isa::Isa;
use super::pack::Packer;
use super::precision::Precision;
use super::span::Span;
use super::tile::Range;
use super::work::Work;

/// Packs rows. They lie as the input does, a word in place of a few channels.
#[derive(Clone)]
pub(super) struct Rows {
    packer: Packer,
    precision: Precision,
    /// Words of a pixel, or planes of them.
    words: usize,
    /// Pixels of a row.
    across: usize,
    /// Where the runs of the row's first pixel begin.
    runs: Vec<usize>,
}

impl Rows {
    pub fn new(geometry: &Geometry, isa: Isa, precision: Precision) -> Result<Self, String> {
        let words = geometry.inputs.div_ceil(precision.values());
        let across = (geometry.to[1] - 1) * geometry.stride[1] + geometry.kernel[1];
        let (runs, len) = match geometry.from_order {
            Order::Planes => (words * geometry.kernel[0], across),
            _ => (geometry.kernel[0], across * words),
        };
        let runs = (0..runs).map(|run| run * len).collect();
        Ok(Self { packer: Packer::new(precision, isa)?, precision, words, across, runs })
    }

    /// Packs what row `y` of the output depends on, run by run, and says how bytes stand for values.
    pub fn pack(&self, work: &Work<'_>, y: usize, packed: &mut Vec<u32>) -> Range {
        let geometry = work.geometry;
        let [height, width] = geometry.from;
        let top = (y * geometry.stride[0]) as isize - geometry.pad[0] as isize;
        let row = |index: usize| usize::try_from(top + index as isize).ok().filter(|row| *row < height);
        let line = |plane: usize, row: usize| match geometry.from_order {
            Order::Planes => &work.whole()[(plane * height + row) * width..][..width],
            _ => &work.whole()[row * width * geometry.inputs..][..width * geometry.inputs],
        };
        let planes = if geometry.from_order == Order::Planes { geometry.inputs } else { 1 };
        let mut range = Range::NONE;
        if self.precision == Precision::Int8 {
            let mut bounds = [0.0; 2];
            for row in (0..geometry.kernel[0]).filter_map(row) {
                for plane in 0..planes {
                    bounds = self.packer.bounds(line(plane, row), bounds);
                }
            }
            range = Range::of(bounds);
        }
        let unit = if geometry.from_order == Order::Planes { 1 } else { self.words };
        let (left, from) = (geometry.pad[1].min(self.across), self.across * unit);
        let live = width.min(self.across - left);
        packed.resize(self.runs.len() * from, 0);
        for (index, words) in packed.chunks_exact_mut(from).enumerate() {
            let (plane, row) = (index / geometry.kernel[0], row(index % geometry.kernel[0]));
            let Some(row) = row else {
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

    /// The pixels `x..x + pixels` of row `y` of the output, in what was packed for it; `step` words lie between them.
    pub fn span<'a>(&'a self, packed: &[u32], y: usize, x: usize, pixels: usize, step: usize) -> Span<'a> {
        Span { y, x, pixels, input: packed[x * step..].as_ptr(), runs: &self.runs, first_run: 0 }
    }
}
