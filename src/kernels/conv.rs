//! A convolution with what follows it: bias, sums with other tensors, ReLU.

use std::cell::RefCell;

use super::crew::Crew;
use super::isa::Isa;
use super::tile::{Kernel, MAX_ADDENDS, MAX_PANEL, MAX_PIXELS, Tile, TileAddend};

/// Products below which a convolution is not worth waking other threads for.
const WORTH_SHARING: usize = 1 << 19;
/// Bands of rows a thread, so that one that was held up leaves some to the others.
const BANDS: usize = 4;

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

    fn check(&self, weights: &[f32], bias: &[f32]) -> Result<(), String> {
        let sides = [self.kernel, self.stride, self.from, self.to];
        if self.inputs == 0 || self.outputs == 0 || sides.iter().flatten().any(|side| *side == 0) {
            return Err(format!("a convolution without size: {self:?}"));
        }
        if self.addends.len() > MAX_ADDENDS {
            return Err(format!("{} addends, at most {MAX_ADDENDS} can be", self.addends.len()));
        }
        let covers = |addend: &Addend| {
            let reach = |axis: usize| (self.to[axis] - 1).checked_shr(addend.shift).unwrap_or(0);
            (0..2).all(|axis| reach(axis) < addend.size[axis])
        };
        if let Some(addend) = self.addends.iter().find(|addend| !covers(addend)) {
            return Err(format!("{addend:?} does not cover an output of {:?}", self.to));
        }
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
        geometry.check(weights, bias)?;
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
            return Err(format!("{} values, {addends:?} to add, {} of output for {geometry:?}", input.len(), output.len()));
        }
        let macs = geometry.weights_len() * geometry.to[0] * geometry.to[1];
        let rows = geometry.to[0];
        let shared = crew.threads() > 1 && macs >= WORTH_SHARING;
        let bands = if shared { rows.min(BANDS * crew.threads()) } else { 1 };
        let work = Work { conv: self, input, addends, output: Output(output.as_mut_ptr()) };
        crew.run(bands, &|band| {
            SCRATCH.with_borrow_mut(|scratch| {
                for y in band * rows / bands..(band + 1) * rows / bands {
                    work.row(y, scratch);
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

thread_local! {
    /// A tile's input where it reaches over an edge.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
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
    fn row(&self, y: usize, scratch: &mut Vec<f32>) {
        let width = self.conv.geometry.to[1];
        let tiles = width.div_ceil(self.conv.pixels);
        let mut runs = Vec::new();
        for tile in 0..tiles {
            let (x, end) = (tile * width / tiles, (tile + 1) * width / tiles);
            let span = self.span(y, x, end - x, scratch, &mut runs);
            for panel in &self.conv.panels {
                self.tile(panel, &span);
            }
        }
    }

    /// Finds the input of a row's part: in place, or copied into `scratch` with the zeros around it.
    fn span<'a>(
        &'a self,
        y: usize,
        x: usize,
        pixels: usize,
        scratch: &mut Vec<f32>,
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
        scratch.clear();
        scratch.resize(count * across * unit, 0.0);
        let from = (-left).max(0) as usize;
        let to = ((width as isize - left).max(0) as usize).min(across);
        for (index, line) in scratch.chunks_exact_mut(across * unit).enumerate() {
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
        Span { y, x, pixels, input: scratch.as_ptr(), runs, first_run }
    }

    fn tile(&self, panel: &Panel, span: &Span<'_>) {
        let geometry = &self.conv.geometry;
        let (channels, width) = (geometry.outputs, geometry.to[1]);
        let whole = panel.first + panel.width <= channels && geometry.to_order == Order::Interleaved;
        let run_len = geometry.run_len();
        let weights = &panel.weights[span.first_run * run_len * panel.width..];
        let nothing = TileAddend { values: std::ptr::null(), step: 0, phase: 0, shift: 0 };
        let mut addends = [nothing; MAX_ADDENDS];
        for ((slot, addend), values) in addends.iter_mut().zip(&geometry.addends).zip(self.addends) {
            let shift = addend.shift;
            let pixel = (span.y >> shift) * addend.size[1] + (span.x >> shift);
            let phase = span.x - (span.x >> shift << shift);
            *slot = TileAddend { values: values[pixel * channels + panel.first..].as_ptr(), step: channels, phase, shift };
        }
        let mut buffer = [0.0; MAX_PIXELS * MAX_PANEL];
        let (output, output_step) = if whole {
            let first = (span.y * width + span.x) * channels + panel.first;
            (self.output.0.wrapping_add(first), channels)
        } else {
            (buffer.as_mut_ptr(), panel.width)
        };
        let tile = Tile {
            input: span.input,
            step: geometry.stride[1] * geometry.unit(),
            runs: span.runs,
            len: run_len,
            weights: weights.as_ptr(),
            bias: panel.bias.as_ptr(),
            addends: if whole { &addends[..geometry.addends.len()] } else { &[] },
            relu: whole && geometry.relu,
            output,
            output_step,
        };
        // SAFETY: `Conv::new` has checked the instruction set, and chosen the kernels for this panel's width and the number of pixels.
        // Lengths are as the geometry says (`Conv::run`), so that within the runs found by `span`, in the input or in
        // the scratch, `pixels` windows of `run_len` values lie inside; weights and bias are those of the panel. A whole panel's channels
        // are there in the addends and in the output, which this job alone writes at this row; others go to the buffer.
        unsafe { panel.kernels[span.pixels - 1](&tile) };
        if !whole {
            self.finish(panel, span, &buffer, &addends[..geometry.addends.len()]);
        }
    }

    /// What the kernel does for whole interleaved panels: adds, cuts off and stores those channels that there are.
    fn finish(&self, panel: &Panel, span: &Span<'_>, buffer: &[f32], addends: &[TileAddend]) {
        let geometry = &self.conv.geometry;
        let [height, width] = geometry.to;
        let live = panel.width.min(geometry.outputs - panel.first);
        for channel in 0..live {
            let (first, step) = match geometry.to_order {
                Order::Planes => ((panel.first + channel) * height * width + span.y * width + span.x, 1),
                Order::Interleaved => {
                    ((span.y * width + span.x) * geometry.outputs + panel.first + channel, geometry.outputs)
                }
            };
            for p in 0..span.pixels {
                let mut sum = buffer[p * panel.width + channel];
                for addend in addends {
                    // SAFETY: the addend has this channel, one of the live ones, for every pixel of the output.
                    sum += unsafe { addend.at(p).add(channel).read() };
                }
                if geometry.relu {
                    sum = sum.max(0.0);
                }
                // SAFETY: within the output, whose length is checked, in this job's row.
                unsafe { self.output.0.add(first + p * step).write(sum) };
            }
        }
    }
}
