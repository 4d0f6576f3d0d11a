//! The convolution as it is written: every product of the sum.

use super::conv::{Desk, Work};
use super::geometry::{Geometry, Order};
use super::isa::Isa;
use super::panel::Panel;
use super::rest::finish;
use super::span::{Span, Spans};
use super::tile::Tile;

/// Packed weights, by panels.
#[derive(Clone)]
pub(super) struct Direct {
    panels: Vec<Panel>,
    /// Most pixels of a tile.
    pixels: usize,
    spans: Spans,
}

impl Direct {
    pub fn new(geometry: &Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Result<Self, String> {
        let [rows, columns] = geometry.kernel;
        let inputs = geometry.inputs;
        let weight = |product: usize, output: usize| {
            let (input, row, column) = match geometry.from_order {
                Order::Planes => (product / columns / rows, product / columns % rows, product % columns),
                Order::Interleaved => (product % inputs, product / inputs / columns, product / inputs % columns),
            };
            weights[((output * inputs + input) * rows + row) * columns + column]
        };
        let panels = Panel::all(bias, inputs * rows * columns, weight, isa)?;
        let pixels = panels.iter().map(|panel| panel.kernels.len()).min().unwrap_or(1);
        Ok(Self { panels, pixels, spans: Spans::new(geometry) })
    }

    /// Computes row `y`.
    pub fn row(&self, work: &Work<'_>, y: usize, desk: &mut Desk) {
        let geometry = work.geometry;
        let width = geometry.to[1];
        let tiles = width.div_ceil(self.pixels);
        let rest: usize = self.panels.iter().filter(|panel| !is_whole(geometry, panel)).map(|panel| panel.width).sum();
        desk.rest.resize(width * rest, 0.0);
        for tile in 0..tiles {
            let (x, end) = (tile * width / tiles, (tile + 1) * width / tiles);
            let span = self.spans.find(work, y, x, end - x, &mut desk.edge, &mut desk.runs);
            let mut rests = desk.rest.as_mut_slice();
            for panel in &self.panels {
                if is_whole(geometry, panel) {
                    self.tile(work, panel, &span, &mut []);
                } else {
                    let (rest, others) = rests.split_at_mut(width * panel.width);
                    self.tile(work, panel, &span, &mut rest[x * panel.width..]);
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
    fn tile(&self, work: &Work<'_>, panel: &Panel, span: &Span<'_>, rest: &mut [f32]) {
        let geometry = work.geometry;
        let run_len = geometry.run_len();
        let whole = is_whole(geometry, panel);
        let (addends, count) = work.addends(panel.first, span.y, span.x);
        let (output, output_step) = if whole {
            let first = (span.y * geometry.to[1] + span.x) * geometry.outputs + panel.first;
            (work.output.at(first), geometry.outputs)
        } else {
            (rest[..span.pixels * panel.width].as_mut_ptr(), panel.width)
        };
        let tile = Tile {
            input: span.input,
            step: geometry.stride[1] * geometry.unit(),
            runs: span.runs,
            len: run_len,
            weights: panel.weights[span.first_run * run_len * panel.width..].as_ptr(),
            bias: panel.bias.as_ptr(),
            addends: if whole { &addends[..count] } else { &[] },
            relu: geometry.relu && (whole || count == 0),
            output,
            output_step,
        };
        // SAFETY: `Conv::new` has checked the instruction set, and chosen the kernels for this panel's width and the number of pixels.
        // Lengths are as the geometry says (`Conv::run`), so that within the runs that are found, in the input or in
        // the copy of its edge, `pixels` windows of `run_len` values lie inside; weights and bias are those of the panel. A whole panel's
        // channels are there in the addends and in the output, which this job alone writes at this row; others go to the rest.
        unsafe { panel.kernels[span.pixels - 1](&tile) };
    }
}

/// Whether a kernel can store the panel's results where they belong.
fn is_whole(geometry: &Geometry, panel: &Panel) -> bool {
    panel.first + panel.width <= geometry.outputs && geometry.to_order == Order::Interleaved
}
