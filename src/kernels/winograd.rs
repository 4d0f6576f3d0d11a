//! The convolution of three by three without stride, by Winograd's minimal filtering: F(2x2, 3x3) with 16 products instead of 36 for four pixels,
//! F(4x4, 3x3) with 36 instead of 144 for sixteen.
//!
//! A square of the input is transformed (sums and differences), multiplied with transformed weights, channels summed as ever, and transformed
//! back to a square of the output: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015. Weights are transformed once.
//! The products of one place of the square are a convolution of one pixel, for the same kernels as any other.
//!
//! The larger square takes the points 0, ±√½ and ±√2 for the usual 0, ±1 and ±2: a fifth of their rounding errors, and twice those of the plain
//! sum. It is for weights that stay small, since it makes four times as many of them.

use super::geometry::{Geometry, Order, Values};
use super::isa::Isa;
use super::loops::widest;
use super::pack::Packer;
use super::panel::Panel;
use super::precision::Precision;
use super::tile::{LANES, MAX_PIXELS, Range, Tile};
use super::transforms::{Line, MAX_SIDE, MAX_WINDOW, Results, Transforms};
use super::value::Widen;
use super::work::{Desk, Work};

/// Channels of which there must be a multiple, so that words of any precision are whole.
const WORD: usize = 4;
/// Channels below which the transforms cost more than they save.
const MIN_CHANNELS: usize = 16;
/// Output channels below which it takes longer to make bytes of transformed inputs than multiplying them saves.
const MIN_OUTPUTS: usize = 96;
/// Transformed weights up to which the larger square pays: they are read once for every few squares, and must stay close for that.
const MAX_WEIGHTS: usize = 384 << 10;

/// Transformed weights, by panels: for each place, a row an input channel.
#[derive(Clone)]
pub(super) struct Winograd {
    panels: Vec<Panel>,
    /// One value an output channel.
    bias: Vec<f32>,
    /// Most squares at once.
    squares: usize,
    /// Pixels of the output along a side of a square.
    side: usize,
    /// The same of the input.
    window: usize,
    /// Words of a place of a square of the input, as they are multiplied and as transforms leave them.
    unit: usize,
    raw_unit: usize,
    /// For lines and pixels beyond the edges; there are more than a panel's channels, which have no bias at this point.
    zeros: Vec<f32>,
    transforms: Transforms,
    /// Makes bytes of transformed inputs.
    packer: Option<Packer>,
    precision: Precision,
}

impl Winograd {
    /// The convolution in this way, where it can be done and pays.
    pub fn new(
        geometry: &Geometry,
        weights: &[f32],
        bias: &[f32],
        isa: Isa,
        precision: Precision,
    ) -> Result<Option<Self>, String> {
        if !Self::fits(geometry) || !Self::pays(geometry, precision) {
            return Ok(None);
        }
        let (inputs, each, window) = (geometry.inputs, precision.values(), MAX_WINDOW);
        let unit = inputs / each;
        let large = window * window * unit * geometry.outputs <= MAX_WEIGHTS;
        let side = if large { MAX_SIDE } else { 2 };
        let Some(transforms) = isa.transforms(side, precision, geometry.rounds()) else { return Ok(None) };
        let (window, rows) = (side + 2, if large { large_rows() } else { SMALL_ROWS.to_vec() });
        let transformed: Vec<Vec<f32>> =
            weights.chunks_exact(9).map(|kernel| transform_weights(&rows, kernel)).collect();
        let weight = |word: usize, part: usize, output: usize| {
            transformed[output * inputs + word % unit * each + part][word / unit]
        };
        let panels = Panel::all(bias, [window * window, unit], weight, isa, (precision, false))?;
        // The transforms take whole vectors.
        if panels.iter().any(|panel| panel.live(geometry.outputs) < LANES) {
            return Ok(None);
        }
        let packer = (precision == Precision::Int8).then(|| Packer::new(precision, isa)).transpose()?;
        let raw_unit = if packer.is_some() { inputs } else { unit };
        let squares = panels.iter().map(|panel| panel.kernels.len()).min().unwrap_or(1);
        // A line under the most squares.
        let zeros = vec![0.0; (side * MAX_PIXELS + window) * inputs];
        let bias = bias.to_vec();
        Ok(Some(Self { panels, bias, squares, side, window, unit, raw_unit, zeros, transforms, packer, precision }))
    }

    /// Whether it can be done in this way, and may pay in some precision.
    pub fn fits(geometry: &Geometry) -> bool {
        let channels = [geometry.inputs, geometry.outputs];
        let orders = [geometry.from_order, geometry.to_order];
        let interleaved = orders.iter().all(|order| [Order::Interleaved, Order::Rounded].contains(order));
        let enough = channels.iter().all(|channels| *channels >= MIN_CHANNELS && channels % WORD == 0);
        geometry.kernel == [3, 3] && geometry.stride == [1, 1] && interleaved && enough
    }

    /// Whether it is then faster than the plain sum in this precision.
    pub fn pays(geometry: &Geometry, precision: Precision) -> bool {
        precision != Precision::Int8 || geometry.outputs >= MIN_OUTPUTS
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// How many batches of squares an image has: as few as the kernels allow, so that the weights are read as few times.
    pub fn batches(&self, geometry: &Geometry) -> usize {
        let [down, across] = self.grid(geometry);
        (down * across).div_ceil(self.squares)
    }

    /// Squares down and across an image.
    fn grid(&self, geometry: &Geometry) -> [usize; 2] {
        geometry.to.map(|side| side.div_ceil(self.side))
    }

    /// Computes the pixels of the output that a batch of squares makes, which follow each other along a row and go on in the next.
    pub fn batch(&self, work: &Work<'_>, batch: usize, desk: &mut Desk) {
        let [down, across] = self.grid(work.geometry);
        let batches = self.batches(work.geometry);
        let start = |batch: usize| batch * down * across / batches;
        let batch = Batch { first: start(batch), end: start(batch + 1), across };
        let widest = self.panels.iter().map(|panel| panel.width).max().unwrap_or(0);
        let room = self.window * self.window * self.squares;
        desk.inputs.resize(room * self.raw_unit, 0);
        desk.packed.resize(room * self.unit, 0);
        desk.results.resize(room * widest, 0.0);
        for strip in batch.strips() {
            self.forth(work, &batch, &strip, desk);
        }
        desk.ranges.clear();
        if let Some(packer) = self.packer {
            self.pack(packer, batch.len(), desk);
        }
        let inputs = if self.packer.is_some() { &desk.packed } else { &desk.inputs };
        for panel in &self.panels {
            self.multiply(panel, batch.len(), inputs, &desk.ranges, &mut desk.results);
            for strip in batch.strips() {
                self.back(work, panel, &batch, &strip, &desk.results);
            }
        }
    }

    /// Transforms the input of a strip: squares over the left or right edge from copies with zeros, the others in place.
    fn forth(&self, work: &Work<'_>, batch: &Batch, strip: &Strip, desk: &mut Desk) {
        let geometry = work.geometry;
        let ([height, width], channels) = (geometry.from, geometry.inputs);
        let Strip { row, first, end, .. } = *strip;
        let step = batch.len() * self.raw_unit;
        let at = |square: usize| (strip.before + square - first) * self.raw_unit;
        let (side, window) = (self.side, self.window);
        assert!(desk.inputs.len() >= window * window * step);
        // Of each line the pixels `base..` under the strip.
        let base = (first * side).saturating_sub(geometry.pad[1]).min(width);
        let pixels = (end * side + window - side).saturating_sub(geometry.pad[1]).clamp(base, width) - base;
        let y = |dy: usize| Some((row * side + dy).wrapping_sub(geometry.pad[0])).filter(|y| *y < height);
        let part = |y: usize| (y * width + base) * channels..(y * width + base + pixels) * channels;
        let Desk { edge, whole, inputs, .. } = desk;
        if let Values::Rounded(values) = work.input {
            whole.resize(window * pixels * channels, 0.0);
            let lines = whole.chunks_exact_mut((pixels * channels).max(1)).zip((0..window).map(y));
            for (to, y) in lines.filter_map(|(to, y)| Some((to, y?))) {
                widest(Widen { from: &values[part(y)], to });
            }
        }
        let line = |dy: usize| match work.input {
            Values::Rounded(_) => y(dy).map(|_| &whole[dy.min(window - 1) * pixels * channels..][..pixels * channels]),
            _ => y(dy).map(|y| &work.whole()[part(y)]),
        };
        let lines: [Option<&[f32]>; MAX_WINDOW] = std::array::from_fn(line);
        // As counted from there.
        let left = |square: usize| (square * side).checked_sub(geometry.pad[1] + base);
        let inside = |square: &usize| left(*square).is_some_and(|left| left + window <= pixels);
        let middle = (first..end).find(inside).unwrap_or(end);
        let last = (middle..end).find(|square| !inside(square)).unwrap_or(end);
        for square in (first..middle).chain(last..end) {
            edge.clear();
            for line in &lines[..window] {
                for dx in 0..window {
                    let x = (square * side + dx).wrapping_sub(geometry.pad[1] + base);
                    let pixel = line.filter(|_| x < pixels).map(|line| &line[x * channels..][..channels]);
                    edge.extend_from_slice(pixel.unwrap_or(&self.zeros[..channels]));
                }
            }
            let lines = std::array::from_fn(|dy| edge[dy.min(window - 1) * window * channels..].as_ptr());
            let output = inputs[at(square)..].as_mut_ptr();
            // SAFETY: the copy has the window's lines of as many pixels; `inputs` has room for all places of all squares. `new` has checked channels and
            // instructions.
            unsafe { (self.transforms.forth)(&lines, 1, channels, output, step) };
        }
        if let Some(left) = left(middle).filter(|_| middle < last) {
            let lines = lines.map(|line| line.map_or(self.zeros.as_ptr(), |line| line[left * channels..].as_ptr()));
            let output = inputs[at(middle)..].as_mut_ptr();
            // SAFETY: all pixels of these squares lie between the edges of their lines, or in a line of as many zeros; `inputs` has room for
            // all places of all squares. `new` has checked channels and instructions.
            unsafe { (self.transforms.forth)(&lines, last - middle, channels, output, step) };
        }
    }

    /// Makes bytes of transformed inputs; each place has a scale of its own.
    fn pack(&self, packer: Packer, squares: usize, desk: &mut Desk) {
        let channels = self.raw_unit;
        // SAFETY: every word is a value that was transformed; both have 32 bits.
        let values = unsafe { std::slice::from_raw_parts(desk.inputs.as_ptr().cast::<f32>(), desk.inputs.len()) };
        let places = values.chunks_exact(squares * channels).zip(desk.packed.chunks_exact_mut(squares * self.unit));
        for (values, words) in places.take(self.window * self.window) {
            let range = Range::of(packer.bounds(values, [0.0; 2]));
            packer.pixels(values, channels, range, words);
            desk.ranges.push(range);
        }
    }

    /// Sums the channels' products at every place.
    fn multiply(&self, panel: &Panel, squares: usize, inputs: &[u32], ranges: &[Range], results: &mut [f32]) {
        let unit = self.unit;
        let places = inputs.chunks_exact(squares * unit).zip(results.chunks_exact_mut(squares * panel.width));
        let weights = panel.weights.chunks_exact(unit * panel.width);
        for (place, ((inputs, results), weights)) in places.zip(weights).enumerate() {
            let range = ranges.get(place).copied().unwrap_or(Range::NONE);
            let tile = Tile {
                input: inputs.as_ptr(),
                step: unit,
                runs: &[0],
                len: unit,
                weights: weights.as_ptr(),
                bias: self.zeros.as_ptr(),
                scaling: panel.scaling(place, range),
                addends: &[],
                relu: false,
                output: results.as_mut_ptr(),
                rounded: false,
                output_step: panel.width,
                overlap: panel.overlap,
            };
            // SAFETY: the slices have the lengths that the tile speaks of; zeros are as many as the widest panel's channels. Panels
            // have kernels for `squares` squares and this processor.
            unsafe { panel.kernels[squares - 1](&tile) };
        }
    }

    /// Makes the output of a strip from its squares' results.
    fn back(&self, work: &Work<'_>, panel: &Panel, batch: &Batch, strip: &Strip, results: &[f32]) {
        let geometry = work.geometry;
        let Strip { row, first, end, .. } = *strip;
        let ([height, width], channels) = (geometry.to, geometry.outputs);
        let (top, left) = (row * self.side, first * self.side);
        let rounded = geometry.to_order == Order::Rounded;
        let line = |dy: usize| {
            let y = (top + dy).min(height - 1);
            let at = (y * width + left) * channels + panel.first;
            let output = if rounded { work.output.rounded_at(at).cast() } else { work.output.at(at) };
            Line { output, addends: work.addends(panel.first, y, left).0 }
        };
        let lines: [Line; MAX_SIDE] = std::array::from_fn(line);
        let results = Results {
            squares: end - first,
            places: results[strip.before * panel.width..].as_ptr(),
            step: batch.len() * panel.width,
            width: panel.width,
            channels: panel.live(channels),
            bias: self.bias[panel.first..].as_ptr(),
            lines: &lines[..(height - top).min(self.side)],
            addends: geometry.addends.len(),
            pixels: (width - left).min((end - first) * self.side),
            output_step: channels,
            relu: geometry.relu,
            rounded,
        };
        // SAFETY: `multiply` has filled all places of these squares. The lines and pixels are those within the output's edges, this job's
        // alone, and the addends cover them. `new` has checked channels and instructions.
        unsafe { (self.transforms.back)(&results) };
    }
}

/// Squares that are multiplied at once, `first..end` counted along the rows of an image.
struct Batch {
    first: usize,
    end: usize,
    /// Squares of a row.
    across: usize,
}

/// Those of a batch that lie in one row.
struct Strip {
    row: usize,
    /// The row's squares `first..end`.
    first: usize,
    end: usize,
    /// Squares of the batch before it.
    before: usize,
}

impl Batch {
    fn len(&self) -> usize {
        self.end - self.first
    }

    fn strips(&self) -> impl Iterator<Item = Strip> {
        (self.first / self.across..self.end.div_ceil(self.across)).map(|row| {
            let start = row * self.across;
            let (first, end) = (self.first.max(start), self.end.min(start + self.across));
            Strip { row, first: first - start, end: end - start, before: first - self.first }
        })
    }
}

/// What a line of three weights becomes: the sums of products with these rows.
type Rows = [[f64; 3]];

/// `G` of F(2, 3), for the points 0, ±1 and infinity.
const SMALL_ROWS: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// `G` of F(4, 3), for the points 0, ±√½, ±√2 and infinity.
fn large_rows() -> Vec<[f64; 3]> {
    let (p, q) = (0.5f64.sqrt(), 2f64.sqrt());
    let row = |point: f64, scale: f64| [1.0 / scale, point / scale, point * point / scale];
    vec![[1.0, 0.0, 0.0], row(p, -1.5), row(-p, -1.5), row(q, 6.0), row(-q, 6.0), [0.0, 0.0, 1.0]]
}

/// `G g G'` of a kernel of three by three, row by row.
fn transform_weights(rows: &Rows, kernel: &[f32]) -> Vec<f32> {
    let mut places = Vec::with_capacity(rows.len() * rows.len());
    for vertical in rows {
        for horizontal in rows {
            let product = |(i, weight): (usize, &f32)| vertical[i / 3] * horizontal[i % 3] * f64::from(*weight);
            places.push(kernel.iter().enumerate().map(product).sum::<f64>() as f32);
        }
    }
    places
}
