//! The convolution as it is written: every product of the sum.

use super::geometry::{Geometry, Order};
use super::isa::Isa;
use super::panel::{Panel, round_to_bytes};
use super::precision::Precision;
use super::rest::finish;
use super::rows::Rows;
use super::span::{Span, Spans};
use super::tile::{MAX_ADDENDS, Range, Tile, TileAddend};
use super::work::{Desk, Work};

/// Packed weights, by panels.
#[derive(Clone)]
pub(super) struct Direct {
    panels: Vec<Panel>,
    /// Most pixels of a tile.
    pixels: usize,
    precision: Precision,
    source: Source,
    /// Words from a pixel of the input to the next, and those of a run.
    unit: usize,
    run_len: usize,
}

/// Where the input is read.
#[derive(Clone)]
enum Source {
    /// Where it lies.
    There(Spans),
    /// In rounded copies of its rows.
    Packed(Rows),
}

impl Direct {
    /// The convolution in this way, for input that lies there as it is multiplied to have `blank` around it.
    pub fn new(
        geometry: &Geometry,
        [weights, bias]: [&[f32]; 2],
        isa: Isa,
        precision: Precision,
        blank: u32,
    ) -> Result<Self, String> {
        let [rows, columns] = geometry.kernel;
        let (inputs, each) = (geometry.inputs, precision.values());
        let words = inputs.div_ceil(each);
        let mut rounded = Vec::new();
        let weights = if precision == Precision::Int8 {
            rounded.extend_from_slice(weights);
            let outputs = rounded.chunks_exact_mut(inputs * rows * columns);
            outputs.for_each(|weights| round_to_bytes(weights, rows * columns));
            &rounded
        } else {
            weights
        };
        let weight = |word: usize, part: usize, output: usize| {
            let (input, row, column) = match geometry.from_order {
                Order::Planes => (word / columns / rows, word / columns % rows, word % columns),
                _ => (word % words, word / words / columns, word / words % columns),
            };
            let input = input * each + part;
            if input < inputs { weights[((output * inputs + input) * rows + row) * columns + column] } else { 0.0 }
        };
        let panels = Panel::all(bias, [1, words * rows * columns], weight, isa, (precision, geometry.rounds()))?;
        let pixels = panels.iter().map(|panel| panel.kernels.len()).min().unwrap_or(1);
        let source = if precision == Precision::F32 || geometry.from_order == Order::Bytes {
            Source::There(Spans::new(geometry, blank))
        } else {
            Source::Packed(Rows::new(geometry, isa, precision)?)
        };
        let unit = if geometry.from_order == Order::Planes { 1 } else { words };
        Ok(Self { panels, pixels, precision, source, unit, run_len: columns * unit })
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The blocks of rows that it computes one by one.
    pub fn blocks(&self, geometry: &Geometry) -> usize {
        match &self.source {
            Source::There(_) => geometry.to[0],
            Source::Packed(rows) => rows.blocks(),
        }
    }

    /// Computes the rows of a block.
    pub fn block(&self, work: &Work<'_>, block: usize, desk: &mut Desk) {
        let (height, blocks) = (work.geometry.to[0], self.blocks(work.geometry));
        let rows = block * height / blocks..(block + 1) * height / blocks;
        let range = match &self.source {
            Source::There(_) => Range::NONE,
            Source::Packed(packer) => {
                desk.packed.resize(packer.words(), 0);
                packer.pack(work, rows.clone(), &mut desk.packed)
            }
        };
        for (row, y) in rows.enumerate() {
            self.row(work, [row, y], range, desk);
        }
    }

    /// Computes row `y`, which is `row` of its block.
    fn row(&self, work: &Work<'_>, [row, y]: [usize; 2], range: Range, desk: &mut Desk) {
        let geometry = work.geometry;
        let width = geometry.to[1];
        let tiles = width.div_ceil(self.pixels);
        let rest: usize = self.panels.iter().filter(|panel| !is_whole(geometry, panel)).map(|panel| panel.width).sum();
        desk.rest.resize(width * rest, 0.0);
        for tile in 0..tiles {
            let (x, end) = (tile * width / tiles, (tile + 1) * width / tiles);
            let span = match &self.source {
                Source::There(spans) => spans.find(work, y, x, end - x, &mut desk.packed, &mut desk.runs),
                Source::Packed(rows) => {
                    let [down, across] = geometry.stride;
                    rows.span(&desk.packed, [row * down, y, x], end - x, across)
                }
            };
            let mut rests = desk.rest.as_mut_slice();
            for panel in &self.panels {
                if is_whole(geometry, panel) {
                    self.tile(work, panel, &span, range, &mut []);
                } else {
                    let (rest, others) = rests.split_at_mut(width * panel.width);
                    self.tile(work, panel, &span, range, &mut rest[x * panel.width..]);
                    rests = others;
                }
            }
        }
        let mut rests = desk.rest.as_mut_slice();
        for panel in self.panels.iter().filter(|panel| !is_whole(geometry, panel)) {
            let (rest, others) = rests.split_at_mut(width * panel.width);
            finish(work, panel, y, rest);
            rests = others;
        }
    }

    /// Computes a tile; into `rest` where the panel is not whole.
    fn tile(&self, work: &Work<'_>, panel: &Panel, span: &Span<'_>, range: Range, rest: &mut [f32]) {
        let geometry = work.geometry;
        let whole = is_whole(geometry, panel);
        let (mut addends, count) = ([TileAddend::NONE; MAX_ADDENDS], geometry.addends.len());
        if count > 0 {
            work.set_addends(&mut addends, panel.first, span.y, span.x);
        }
        let rounded = whole && geometry.to_order == Order::Rounded;
        let (output, output_step) = if whole {
            let first = (span.y * geometry.to[1] + span.x) * geometry.outputs + panel.first;
            let output = if rounded { work.output.rounded_at(first).cast() } else { work.output.at(first) };
            (output, geometry.outputs)
        } else {
            (rest[..span.pixels * panel.width].as_mut_ptr(), panel.width)
        };
        let tile = Tile {
            input: span.input,
            step: geometry.stride[1] * self.unit,
            runs: span.runs,
            len: self.run_len,
            weights: panel.weights[span.first_run * self.run_len * panel.width..].as_ptr(),
            bias: panel.bias.as_ptr(),
            scaling: panel.scaling(0, range),
            addends: if whole { &addends[..count] } else { &[] },
            relu: geometry.relu && (whole || count == 0),
            output,
            rounded,
            output_step,
            overlap: panel.overlap,
        };
        // SAFETY: `Conv::new` has checked the instruction set, and chosen the kernels for this panel's width and the number of pixels.
        // Lengths are as the geometry says (`Conv::run`), so that within the runs that are found, in the input, in the copy of its edge or
        // in the packed rows, `pixels` windows of `run_len` words lie inside; weights and bias are those of the panel. A whole panel's
        // channels are there in the addends and in the output, which this job alone writes at this row; others go to the rest.
        unsafe { panel.kernels[span.pixels - 1](&tile) };
    }
}

/// Whether a kernel can store the panel's results where they belong.
fn is_whole(geometry: &Geometry, panel: &Panel) -> bool {
    let side_by_side = [Order::Interleaved, Order::Rounded].contains(&geometry.to_order);
    panel.first + panel.stored() <= geometry.outputs && side_by_side
}
