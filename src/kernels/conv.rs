//! A convolution with what follows it: bias, sums with other tensors, ReLU.

use std::cell::RefCell;

use super::crew::Crew;
use super::isa::Isa;
use super::tile::{Kernel, MAX_ADDENDS, Tile, TileAddend};

/// Products below which a convolution is not worth waking other threads for.
const WORTH_SHARING: usize = 1 << 19;
/// Bands of rows a thread, so that one that was held up leaves some to the others.
const BANDS: usize = 4;

/// The largest side of a kernel, and the largest stride.
const MAX_KERNEL: usize = 32;
/// The most channels.
const MAX_CHANNELS: usize = 1 << 14;
/// The largest height or width of an image.
const MAX_SIDE: usize = 1 << 16;

/// How the values of `channels` by `height` by `width` follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// `[channels, height, width]`.
    Planes,
    /// `[height, width, channels]`.
    Interleaved,
}

/// Values that are added to a convolution's: interleaved, as many channels as its output has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addend {
    /// Height and width.
    pub size: [usize; 2],
    /// Its pixel `(y >> shift, x >> shift)` goes to output pixel `(y, x)`: 0 for one as large as the output, 1 for one that is to be
    /// enlarged by two, each value to a square of four.
    pub shift: u32,
}

/// What a convolution is, all but its weights. Pairs are height and width; images are single, dilation is one, all channels mix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Sides of the kernel.
    pub kernel: [usize; 2],
    /// Input pixels from one output pixel to the next.
    pub stride: [usize; 2],
    /// Zeros above and left of the input. Below and right there are as many as the output's size asks for.
    pub pad: [usize; 2],
    /// Sides of the input.
    pub from: [usize; 2],
    /// Sides of the output.
    pub to: [usize; 2],
    /// Order of the input.
    pub from_order: Order,
    /// Order of the output.
    pub to_order: Order,
    /// What is added, in this order; at most two.
    pub addends: Vec<Addend>,
    /// Whether negative results become zero, after all else.
    pub relu: bool,
}

/// A convolution that is ready to run; immutable.
#[derive(Clone)]
pub struct Conv {
    geometry: Geometry,
    /// For each panel: its bias and its weights, a row of the panel's width a product.
    panels: Vec<Panel>,
    /// Most pixels of a tile.
    pixels: usize,
    /// Where the runs of a tile lie in the input, from the first one on.
    runs: Vec<usize>,
    isa: Isa,
}

#[derive(Clone)]
struct Panel {
    first: usize,
    width: usize,
    bias: Vec<f32>,
    weights: Vec<f32>,
    /// By number of pixels less one.
    kernels: Vec<Kernel>,
}

impl Geometry {
    fn input_len(&self) -> usize {
        self.inputs * self.from[0] * self.from[1]
    }

    /// Number of values of its output.
    pub fn output_len(&self) -> usize {
        self.outputs * self.to[0] * self.to[1]
    }

    fn weights_len(&self) -> usize {
        self.outputs * self.inputs * self.kernel[0] * self.kernel[1]
    }

    /// Values from one pixel of the input to the next.
    fn unit(&self) -> usize {
        match self.from_order {
            Order::Planes => 1,
            Order::Interleaved => self.inputs,
        }
    }

    /// Rows of the kernel that are runs of their own.
    fn runs(&self) -> usize {
        match self.from_order {
            Order::Planes => self.inputs * self.kernel[0],
            Order::Interleaved => self.kernel[0],
        }
    }

    /// Products of a run.
    fn run_len(&self) -> usize {
        self.kernel[1] * self.unit()
    }

    /// Whether the kernels can do it: every side at least 1 and not beyond reason, so that no product of sides is too large for a number,
    /// and addends that cover the output.
    pub fn check(&self) -> Result<(), String> {
        let within = |sides: &[usize], most: usize| sides.iter().all(|side| (1..=most).contains(side));
        let small = within(&self.kernel, MAX_KERNEL) && within(&self.stride, MAX_KERNEL);
        let padded = self.pad[0] < self.kernel[0] && self.pad[1] < self.kernel[1];
        let channels = within(&[self.inputs, self.outputs], MAX_CHANNELS);
        let sides = within(&self.from, MAX_SIDE) && within(&self.to, MAX_SIDE);
        if !(small && padded && channels && sides) {
            return Err(format!("not a convolution that the kernels can do: {self:?}"));
        }
        if self.addends.len() > MAX_ADDENDS {
            return Err(format!("{} addends, at most {MAX_ADDENDS} can be", self.addends.len()));
        }
        let covers = |addend: &Addend| {
            let reach = |axis: usize| (self.to[axis] - 1) >> addend.shift;
            addend.shift < 16 && within(&addend.size, MAX_SIDE) && (0..2).all(|axis| reach(axis) < addend.size[axis])
        };
        match self.addends.iter().find(|addend| !covers(addend)) {
            Some(addend) => Err(format!("{addend:?} does not cover an output of {:?}", self.to)),
            None => Ok(()),
        }
    }

    fn check_weights(&self, weights: &[f32], bias: &[f32]) -> Result<(), String> {
        if weights.len() != self.weights_len() || bias.len() != self.outputs {
            let (weights, bias) = (weights.len(), bias.len());
            return Err(format!("{weights} weights and {bias} of bias for {self:?}"));
        }
        Ok(())
    }
}

impl Conv {
    /// A convolution with `weights[output][input][row][column]` and one `bias` an output channel, on `isa`.
    ///
    /// Fails where the sizes do not fit together or this processor lacks `isa`.
    pub fn new(geometry: Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Result<Self, String> {
        geometry.check()?;
        geometry.check_weights(weights, bias)?;
        if !isa.is_there() {
            return Err(format!("this processor has no {isa:?}"));
        }
        let mut panels = Vec::new();
        let mut first = 0;
        while first < geometry.outputs {
            let width = isa.panel(geometry.outputs - first);
            panels.push(Panel::new(&geometry, weights, bias, first, width, isa)?);
            first += width;
        }
        let pixels = panels.iter().map(|panel| panel.kernels.len()).min().unwrap_or(1);
        let [height, width] = geometry.from;
        let run = |index: usize| match geometry.from_order {
            Order::Planes => {
                let (channel, row) = (index / geometry.kernel[0], index % geometry.kernel[0]);
                (channel * height + row) * width
            }
            Order::Interleaved => index * width * geometry.inputs,
        };
        let runs = (0..geometry.runs()).map(run).collect();
        Ok(Self { panels, pixels, runs, geometry, isa })
    }

    /// What it is.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Computes `output` from `input` and the addends, which come in the geometry's order, on the threads of `crew`.
    ///
    /// Fails where a length is not that of the geometry.
    pub fn run(&self, input: &[f32], addends: &[&[f32]], output: &mut [f32], crew: &Crew) -> Result<(), String> {
        let geometry = &self.geometry;
        let len = |addend: &Addend| addend.size[0] * addend.size[1] * geometry.outputs;
        let fits = input.len() == geometry.input_len()
            && output.len() == geometry.output_len()
            && addends.iter().map(|addend| addend.len()).eq(geometry.addends.iter().map(len));
        if !fits {
            let addends: Vec<usize> = addends.iter().map(|addend| addend.len()).collect();
            return Err(format!(
                "{} values, {addends:?} to add, {} of output for {geometry:?}",
                input.len(),
                output.len()
            ));
        }
        let macs = geometry.weights_len() * geometry.to[0] * geometry.to[1];
        let rows = geometry.to[0];
        let shared = crew.threads() > 1 && macs >= WORTH_SHARING;
        let bands = if shared { rows.min(BANDS * crew.threads()) } else { 1 };
        let work = Work { conv: self, input, addends, output: Output(output.as_mut_ptr()) };
        crew.run(bands, &|band| {
            DESK.with_borrow_mut(|desk| {
                for y in band * rows / bands..(band + 1) * rows / bands {
                    work.row(y, desk);
                }
            });
        });
        Ok(())
    }
}

impl std::fmt::Debug for Conv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} on {:?}", self.geometry, self.isa)
    }
}

impl Panel {
    fn new(
        geometry: &Geometry,
        weights: &[f32],
        bias: &[f32],
        first: usize,
        width: usize,
        isa: Isa,
    ) -> Result<Self, String> {
        let live = width.min(geometry.outputs - first);
        let [rows, columns] = geometry.kernel;
        let mut panel = Self {
            first,
            width,
            bias: vec![0.0; width],
            weights: vec![0.0; geometry.inputs * rows * columns * width],
            kernels: Vec::new(),
        };
        panel.bias[..live].copy_from_slice(&bias[first..first + live]);
        for output in 0..live {
            for input in 0..geometry.inputs {
                for row in 0..rows {
                    for column in 0..columns {
                        let from = (((first + output) * geometry.inputs + input) * rows + row) * columns + column;
                        let to = match geometry.from_order {
                            Order::Planes => (input * rows + row) * columns + column,
                            Order::Interleaved => (row * columns + column) * geometry.inputs + input,
                        };
                        panel.weights[to * width + output] = weights[from];
                    }
                }
            }
        }
        for pixels in 1..=isa.pixels(width) {
            let kernel = isa.kernel(width, pixels);
            panel.kernels.push(kernel.ok_or_else(|| format!("{isa:?} has no kernel for {width} by {pixels}"))?);
        }
        Ok(panel)
    }
}

/// Memory that a thread keeps from one convolution to the next.
struct Desk {
    /// A tile's input where it reaches over an edge, with the zeros there, and its runs.
    edge: Vec<f32>,
    runs: Vec<usize>,
    /// A row's results where they cannot be stored as a kernel leaves them.
    rest: Vec<f32>,
}

thread_local! {
    static DESK: RefCell<Desk> = const { RefCell::new(Desk { edge: Vec::new(), runs: Vec::new(), rest: Vec::new() }) };
}

/// Where the results go. Rows are computed by one thread each.
struct Output(*mut f32);

// SAFETY: every row of the output is written by one job alone.
unsafe impl Sync for Output {}

/// One run of a convolution, its lengths checked.
struct Work<'a> {
    conv: &'a Conv,
    input: &'a [f32],
    addends: &'a [&'a [f32]],
    output: Output,
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

impl Work<'_> {
    fn row(&self, y: usize, desk: &mut Desk) {
        let width = self.conv.geometry.to[1];
        let tiles = width.div_ceil(self.conv.pixels);
        let rest: usize = self.conv.panels.iter().filter(|panel| !self.is_whole(panel)).map(|panel| panel.width).sum();
        desk.rest.resize(width * rest, 0.0);
        for tile in 0..tiles {
            let (x, end) = (tile * width / tiles, (tile + 1) * width / tiles);
            let span = self.span(y, x, end - x, &mut desk.edge, &mut desk.runs);
            let mut rests = desk.rest.as_mut_slice();
            for panel in &self.conv.panels {
                let own = if self.is_whole(panel) { 0 } else { width * panel.width };
                let (rest, others) = rests.split_at_mut(own);
                self.tile(panel, &span, &mut rest[x.min(own) * panel.width.min(own)..]);
                rests = others;
            }
        }
        let mut rests = desk.rest.as_mut_slice();
        for panel in self.conv.panels.iter().filter(|panel| !self.is_whole(panel)) {
            let (rest, others) = rests.split_at_mut(width * panel.width);
            self.finish(panel, y, rest);
            rests = others;
        }
    }

    /// Whether a kernel can store the panel's results where they belong.
    fn is_whole(&self, panel: &Panel) -> bool {
        let geometry = &self.conv.geometry;
        panel.first + panel.width <= geometry.outputs && geometry.to_order == Order::Interleaved
    }

    /// Finds the input of a row's part: in place, or copied to `edge` with the zeros around it.
    fn span<'a>(
        &'a self,
        y: usize,
        x: usize,
        pixels: usize,
        edge: &mut Vec<f32>,
        runs: &'a mut Vec<usize>,
    ) -> Span<'a> {
        let geometry = &self.conv.geometry;
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
            Order::Planes => (0, self.conv.runs.len()),
        };
        if inside && (live == rows || geometry.from_order == Order::Interleaved && live > 0) {
            let start = ((top + skipped as isize) as usize * width + left as usize) * unit;
            let input = self.input[start..].as_ptr();
            return Span { y, x, pixels, input, runs: &self.conv.runs[..count], first_run };
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
            line[from * unit..to * unit].copy_from_slice(&self.input[start * unit..(start + to - from) * unit]);
        }
        runs.clear();
        runs.extend((0..count).map(|index| index * across * unit));
        Span { y, x, pixels, input: edge.as_ptr(), runs, first_run }
    }

    /// Where the addends of the pixels from `(y, x)` on lie, from a panel's first channel on.
    fn addends(&self, panel: &Panel, y: usize, x: usize) -> ([TileAddend; MAX_ADDENDS], usize) {
        let geometry = &self.conv.geometry;
        let mut addends = [TileAddend { values: std::ptr::null(), step: 0, phase: 0, shift: 0 }; MAX_ADDENDS];
        for ((slot, addend), values) in addends.iter_mut().zip(&geometry.addends).zip(self.addends) {
            let shift = addend.shift;
            let pixel = (y >> shift) * addend.size[1] + (x >> shift);
            let values = values[pixel * geometry.outputs + panel.first..].as_ptr();
            *slot = TileAddend { values, step: geometry.outputs, phase: x - (x >> shift << shift), shift };
        }
        (addends, geometry.addends.len())
    }

    /// Computes a tile; into `rest` where the panel is not whole.
    fn tile(&self, panel: &Panel, span: &Span<'_>, rest: &mut [f32]) {
        let geometry = &self.conv.geometry;
        let run_len = geometry.run_len();
        let whole = self.is_whole(panel);
        let (addends, count) = self.addends(panel, span.y, span.x);
        let (output, output_step) = if whole {
            let first = (span.y * geometry.to[1] + span.x) * geometry.outputs + panel.first;
            (self.output.0.wrapping_add(first), geometry.outputs)
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

    /// Stores a row of a panel that is not whole, after what a kernel does for whole ones.
    fn finish(&self, panel: &Panel, y: usize, rest: &mut [f32]) {
        let geometry = &self.conv.geometry;
        let [height, width] = geometry.to;
        let live = panel.width.min(geometry.outputs - panel.first);
        let (addends, count) = self.addends(panel, y, 0);
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
                    let mut store = |c: usize, x: usize, values: &[f32]| self.store(plane(channel + c) + x, values);
                    transpose(rest, panel.width, channel, live.min(channel + BLOCK) - channel, &mut store);
                }
            }
            Order::Interleaved => {
                for (x, results) in rest.chunks_exact(panel.width).enumerate() {
                    self.store((y * width + x) * geometry.outputs + panel.first, &results[..live]);
                }
            }
        }
    }

    fn store(&self, at: usize, values: &[f32]) {
        debug_assert!(at + values.len() <= self.conv.geometry.output_len());
        // SAFETY: callers stay within the output, whose length is checked, in their job's row.
        unsafe { self.output.0.add(at).copy_from_nonoverlapping(values.as_ptr(), values.len()) };
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
