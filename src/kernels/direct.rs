//! The convolution as it is written: every product of the sum.

use super::conv::{Desk, Work};
use super::geometry::{Geometry, Order};
use super::isa::Isa;
use super::panel::Panel;
use super::tile::Tile;

/// Packed weights, by panels.
#[derive(Clone)]
pub(super) struct Direct {
    panels: Vec<Panel>,
    /// Most pixels of a tile.
    pixels: usize,
    /// Where the runs of a tile lie in the input, from the first one on.
    runs: Vec<usize>,
}

/// The pixels `x..x + pixels` of row `y`, and where their input lies.
struct Span<'a> {
    y: usize,
    x: usize,
    pixels: usize,
    input: *const f32,
    runs: &'a [usize],
    /// The first run, counted from the kernel's first row.
    first_run: usize,
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
        let [height, width] = geometry.from;
        let run = |index: usize| match geometry.from_order {
            Order::Planes => (index / rows * height + index % rows) * width,
            Order::Interleaved => index * width * inputs,
        };
        let runs = (0..geometry.runs()).map(run).collect();
        Ok(Self { panels, pixels, runs })
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
            let span = self.span(work, y, x, end - x, &mut desk.edge, &mut desk.runs);
            let mut rests = desk.rest.as_mut_slice();
            for panel in &self.panels {
                let own = if is_whole(geometry, panel) { 0 } else { width * panel.width };
                let (rest, others) = rests.split_at_mut(own);
                self.tile(work, panel, &span, &mut rest[x.min(own) * panel.width.min(own)..]);
                rests = others;
            }
        }
        let mut rests = desk.rest.as_mut_slice();
        for panel in self.panels.iter().filter(|panel| !is_whole(geometry, panel)) {
            let (rest, others) = rests.split_at_mut(width * panel.width);
            finish(work, panel, y, rest);
            rests = others;
        }
    }

    /// Finds the input of a row's part: in place, or copied to `edge` with the zeros around it.
    fn span<'a>(
        &'a self,
        work: &'a Work<'_>,
        y: usize,
        x: usize,
        pixels: usize,
        edge: &mut Vec<f32>,
        runs: &'a mut Vec<usize>,
    ) -> Span<'a> {
        let geometry = work.geometry;
        let ([height, width], [rows, columns]) = (geometry.from, geometry.kernel);
        let unit = geometry.unit();
        let top = (y * geometry.stride[0]) as isize - geometry.pad[0] as isize;
        let left = (x * geometry.stride[1]) as isize - geometry.pad[1] as isize;
        let across = (pixels - 1) * geometry.stride[1] + columns;
        let skipped = ((-top).max(0) as usize).min(rows);
        let live = ((height as isize - top).clamp(0, rows as isize) as usize).max(skipped) - skipped;
        let inside = left >= 0 && left as usize + across <= width;
        let (first_run, count) = match geometry.from_order {
            Order::Interleaved => (skipped, live),
            Order::Planes => (0, self.runs.len()),
        };
        if inside && (live == rows || geometry.from_order == Order::Interleaved && live > 0) {
            let start = ((top + skipped as isize) as usize * width + left as usize) * unit;
            let input = work.input[start..].as_ptr();
            return Span { y, x, pixels, input, runs: &self.runs[..count], first_run };
        }
        edge.clear();
        edge.resize(count * across * unit, 0.0);
        let from = (-left).max(0) as usize;
        let to = ((width as isize - left).max(0) as usize).min(across);
        for (index, line) in edge.chunks_exact_mut(across * unit).enumerate() {
            let (plane, row) = match geometry.from_order {
                Order::Interleaved => (0, first_run + index),
                Order::Planes => (index / rows, index % rows),
            };
            let row = top + row as isize;
            if row < 0 || row as usize >= height || from >= to {
                continue;
            }
            let start = (plane * height + row as usize) * width + (left + from as isize) as usize;
            line[from * unit..to * unit].copy_from_slice(&work.input[start * unit..(start + to - from) * unit]);
        }
        runs.clear();
        runs.extend((0..count).map(|index| index * across * unit));
        Span { y, x, pixels, input: edge.as_ptr(), runs, first_run }
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
        // Lengths are as the geometry says (`Conv::run`), so that within the runs found by `span`, in the input or in
        // the copy of its edge, `pixels` windows of `run_len` values lie inside; weights and bias are those of the panel. A whole panel's
        // channels are there in the addends and in the output, which this job alone writes at this row; others go to the rest.
        unsafe { panel.kernels[span.pixels - 1](&tile) };
    }
}

/// Whether a kernel can store the panel's results where they belong.
fn is_whole(geometry: &Geometry, panel: &Panel) -> bool {
    panel.first + panel.width <= geometry.outputs && geometry.to_order == Order::Interleaved
}

/// Stores a row of a panel that is not whole, after what a kernel does for whole ones.
fn finish(work: &Work<'_>, panel: &Panel, y: usize, rest: &mut [f32]) {
    let geometry = work.geometry;
    let [height, width] = geometry.to;
    let live = panel.width.min(geometry.outputs - panel.first);
    let (addends, count) = work.addends(panel.first, y, 0);
    if count > 0 {
        for (p, results) in rest.chunks_exact_mut(panel.width).enumerate() {
            for addend in &addends[..count] {
                // SAFETY: the addend has these channels, the live ones of the panel, for every pixel of the output.
                let values = unsafe { std::slice::from_raw_parts(addend.at(p), live) };
                results.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            if geometry.relu {
                results.iter_mut().for_each(|sum| *sum = sum.max(0.0));
            }
        }
    }
    match geometry.to_order {
        Order::Planes => {
            let plane = |channel| ((panel.first + channel) * height + y) * width;
            for channel in (0..live).step_by(BLOCK) {
                let mut store = |c: usize, x: usize, values: &[f32]| work.store(plane(channel + c) + x, values);
                transpose(rest, panel.width, channel, live.min(channel + BLOCK) - channel, &mut store);
            }
        }
        Order::Interleaved => {
            for (x, results) in rest.chunks_exact(panel.width).enumerate() {
                work.store((y * width + x) * geometry.outputs + panel.first, &results[..live]);
            }
        }
    }
}

/// Channels, and pixels, that are turned around at once.
const BLOCK: usize = 4;

/// Gives `store` the values of `channels` channels from `first` on, each of many pixels side by side: channel, first pixel, values.
fn transpose(rest: &[f32], width: usize, first: usize, channels: usize, store: &mut impl FnMut(usize, usize, &[f32])) {
    let mut blocks = rest.chunks_exact(BLOCK * width);
    for (index, block) in blocks.by_ref().enumerate() {
        let pixel = |p: usize| block[p * width + first..].first_chunk().copied().unwrap_or([0.0; BLOCK]);
        let [a, b, c, d] = [pixel(0), pixel(1), pixel(2), pixel(3)];
        // Written out, it becomes shuffles of registers.
        let lines =
            [[a[0], b[0], c[0], d[0]], [a[1], b[1], c[1], d[1]], [a[2], b[2], c[2], d[2]], [a[3], b[3], c[3], d[3]]];
        for (c, line) in lines.iter().enumerate().take(channels) {
            store(c, index * BLOCK, line);
        }
    }
    let done = rest.len() / (BLOCK * width) * BLOCK;
    for (p, results) in blocks.remainder().chunks_exact(width).enumerate() {
        for (c, value) in results[first..].iter().enumerate().take(channels) {
            store(c, done + p, std::slice::from_ref(value));
        }
    }
}
