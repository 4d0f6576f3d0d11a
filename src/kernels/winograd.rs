//! The convolution of three by three without stride, by Winograd's minimal filtering F(2x2, 3x3): 16 products instead of 36 for four pixels.
//!
//! Four by four pixels of the input are transformed (sums and differences), multiplied with transformed weights, channels summed as ever, and
//! transformed back to two by two pixels of the output: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015. Weights
//! are transformed once. The products of one of the 16 places are a convolution of one pixel, for the same kernels as any other.

use super::conv::{Desk, Work};
use super::geometry::{Geometry, Order};
use super::isa::Isa;
use super::panel::Panel;
use super::tile::{MAX_PIXELS, Tile, TileAddend};

/// Pixels of the output along a side of a square.
pub(super) const SIDE: usize = 2;
/// Pixels of the input along a side of a square, and transformed values.
pub(super) const WINDOW: usize = 4;
/// Places of a transformed square.
const PLACES: usize = WINDOW * WINDOW;
/// The place whose value goes to all four results with the factor one: the bias is added there.
const COMMON: usize = 5;
/// Channels below which the transforms cost more than they save.
const MIN_CHANNELS: usize = 16;

/// Channels that transforms take at once: inputs and outputs are multiples.
pub(super) const LANES: usize = 8;

/// Transformed weights, by panels: for each place, a row an input channel.
#[derive(Clone)]
pub(super) struct Winograd {
    panels: Vec<Panel>,
    /// Most squares at once.
    squares: usize,
    /// For lines and pixels beyond the edges, and for places without bias.
    zeros: Vec<f32>,
    transforms: Transforms,
}

/// The transforms of an instruction set.
#[derive(Clone, Copy)]
pub(super) struct Transforms {
    pub forth: Forth,
    pub back: Back,
}

/// Transforms squares of the input. Pixel `(y, x)` of square `s` has its channels at `lines[y][(2 * s + x) * channels..]`; place `p` of
/// channel `c` goes to `output[p * step + s * channels + c]`.
///
/// # Safety
/// All that is there to be read and written, `channels` is a multiple of [`LANES`], and the processor has the instructions.
pub(super) type Forth = unsafe fn(lines: &Lines, squares: usize, channels: usize, output: *mut f32, step: usize);

/// The lines of the input under a row of squares.
pub(super) type Lines = [*const f32; WINDOW];

/// Transforms a row of squares back, adds, cuts off, and stores.
///
/// # Safety
/// All that the fields speak of is there to be read and written, `channels` is a multiple of [`LANES`], and the processor has the
/// instructions.
pub(super) type Back = unsafe fn(&Results<'_>);

/// A row of squares of results.
pub(super) struct Results<'a> {
    pub squares: usize,
    /// Place `p` of channel `c` of square `s` is at `places[p * step + s * width + c]`.
    pub places: *const f32,
    pub step: usize,
    pub width: usize,
    /// Channels to store, at most `width`.
    pub channels: usize,
    /// Lines of the output, one or two.
    pub lines: &'a [Line<'a>],
    /// Pixels of a line, at most two a square.
    pub pixels: usize,
    /// From one pixel of the output to the next.
    pub output_step: usize,
    pub relu: bool,
}

/// A line of the output: where its first pixel goes, and what is added.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub output: *mut f32,
    pub addends: &'a [TileAddend],
}

impl Winograd {
    /// The convolution in this way, where it can be done and pays.
    pub fn new(geometry: &Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Result<Option<Self>, String> {
        let Some(transforms) = isa.transforms() else { return Ok(None) };
        let channels = [geometry.inputs, geometry.outputs];
        let interleaved = [geometry.from_order, geometry.to_order] == [Order::Interleaved; 2];
        let fits = geometry.kernel == [3, 3] && geometry.stride == [1, 1] && interleaved;
        if !fits || channels.iter().any(|channels| *channels < MIN_CHANNELS || channels % LANES != 0) {
            return Ok(None);
        }
        let inputs = geometry.inputs;
        let transformed: Vec<[f32; PLACES]> = weights.chunks_exact(9).map(transform_weights).collect();
        let weight = |product: usize, output: usize| transformed[output * inputs + product % inputs][product / inputs];
        let panels = Panel::all(bias, PLACES * inputs, weight, isa)?;
        let squares = panels.iter().map(|panel| panel.kernels.len()).min().unwrap_or(1);
        // A line under the most squares, which is more than a panel.
        let zeros = vec![0.0; (SIDE * MAX_PIXELS + WINDOW) * inputs];
        Ok(Some(Self { panels, squares, zeros, transforms }))
    }

    /// Computes the rows of the output that row `row` of squares makes.
    pub fn row(&self, work: &Work<'_>, row: usize, desk: &mut Desk) {
        let across = work.geometry.to[1].div_ceil(SIDE);
        let parts = across.div_ceil(self.squares);
        let widest = self.panels.iter().map(|panel| panel.width).max().unwrap_or(0);
        desk.inputs.resize(PLACES * MAX_PIXELS * work.geometry.inputs, 0.0);
        desk.results.resize(PLACES * MAX_PIXELS * widest, 0.0);
        for part in 0..parts {
            let (first, end) = (part * across / parts, (part + 1) * across / parts);
            self.forth(work, row, first, end, desk);
            for panel in &self.panels {
                self.multiply(work.geometry.inputs, panel, end - first, &desk.inputs, &mut desk.results);
                self.back(work, panel, row, first, end, &desk.results);
            }
        }
    }

    /// Transforms the input of squares `first..end`: those over the left or right edge from copies with zeros, the others in place.
    fn forth(&self, work: &Work<'_>, row: usize, first: usize, end: usize, desk: &mut Desk) {
        let geometry = work.geometry;
        let ([height, width], channels) = (geometry.from, geometry.inputs);
        let step = (end - first) * channels;
        assert!(desk.inputs.len() >= PLACES * step);
        let line = |dy: usize| {
            let y = (row * SIDE + dy).wrapping_sub(geometry.pad[0]);
            (y < height).then(|| &work.input[y * width * channels..][..width * channels])
        };
        let lines: [Option<&[f32]>; WINDOW] = std::array::from_fn(line);
        let left = |square: usize| (square * SIDE).checked_sub(geometry.pad[1]);
        let inside = |square: &usize| left(*square).is_some_and(|left| left + WINDOW <= width);
        let middle = (first..end).find(inside).unwrap_or(end);
        let last = (middle..end).find(|square| !inside(square)).unwrap_or(end);
        for square in (first..middle).chain(last..end) {
            desk.edge.clear();
            for line in &lines {
                for dx in 0..WINDOW {
                    let x = (square * SIDE + dx).wrapping_sub(geometry.pad[1]);
                    let pixel = line.filter(|_| x < width).map(|line| &line[x * channels..][..channels]);
                    desk.edge.extend_from_slice(pixel.unwrap_or(&self.zeros[..channels]));
                }
            }
            let lines = std::array::from_fn(|dy| desk.edge[dy * WINDOW * channels..].as_ptr());
            let output = desk.inputs[(square - first) * channels..].as_mut_ptr();
            // SAFETY: the copy has four lines of four pixels; `inputs` has room for all places of all squares. `new` has checked channels and
            // instructions.
            unsafe { (self.transforms.forth)(&lines, 1, channels, output, step) };
        }
        if let Some(left) = left(middle).filter(|_| middle < last) {
            let lines = lines.map(|line| line.map_or(self.zeros.as_ptr(), |line| line[left * channels..].as_ptr()));
            let output = desk.inputs[(middle - first) * channels..].as_mut_ptr();
            // SAFETY: all pixels of these squares lie between the edges of their lines, or in a line of as many zeros; `inputs` has room for
            // all places of all squares. `new` has checked channels and instructions.
            unsafe { (self.transforms.forth)(&lines, last - middle, channels, output, step) };
        }
    }

    /// Sums the channels' products at every place.
    fn multiply(&self, channels: usize, panel: &Panel, squares: usize, inputs: &[f32], results: &mut [f32]) {
        let places = inputs.chunks_exact(squares * channels).zip(results.chunks_exact_mut(squares * panel.width));
        let weights = panel.weights.chunks_exact(channels * panel.width);
        for (place, ((inputs, results), weights)) in places.zip(weights).enumerate() {
            let bias = if place == COMMON { &panel.bias } else { &self.zeros };
            let tile = Tile {
                input: inputs.as_ptr(),
                step: channels,
                runs: &[0],
                len: channels,
                weights: weights.as_ptr(),
                bias: bias.as_ptr(),
                addends: &[],
                relu: false,
                output: results.as_mut_ptr(),
                output_step: panel.width,
            };
            // SAFETY: the slices have the lengths that the tile speaks of; zeros are as many as the widest panel's channels. Panels
            // have kernels for `squares` squares and this processor.
            unsafe { panel.kernels[squares - 1](&tile) };
        }
    }

    /// Makes the output of squares `first..end` from their results.
    fn back(&self, work: &Work<'_>, panel: &Panel, row: usize, first: usize, end: usize, results: &[f32]) {
        let geometry = work.geometry;
        let ([height, width], channels) = (geometry.to, geometry.outputs);
        let (top, left) = (row * SIDE, first * SIDE);
        let below = (top + 1).min(height - 1);
        let (addends, count) = work.addends(panel.first, top, left);
        let (addends_below, _) = work.addends(panel.first, below, left);
        let output = |y: usize| work.output.at((y * width + left) * channels + panel.first);
        let lines = [
            Line { output: output(top), addends: &addends[..count] },
            Line { output: output(below), addends: &addends_below[..count] },
        ];
        let results = Results {
            squares: end - first,
            places: results.as_ptr(),
            step: (end - first) * panel.width,
            width: panel.width,
            channels: panel.width.min(channels - panel.first),
            lines: &lines[..(height - top).min(SIDE)],
            pixels: (width - left).min((end - first) * SIDE),
            output_step: channels,
            relu: geometry.relu,
        };
        // SAFETY: `multiply` has filled all places of these squares. The lines and pixels are those within the output's edges, this job's alone, and
        // the addends cover them. `new` has checked channels and instructions.
        unsafe { (self.transforms.back)(&results) };
    }
}

/// `G g G'` of a kernel of three by three, row by row.
fn transform_weights(kernel: &[f32]) -> [f32; PLACES] {
    let line = |a: f64, b: f64, c: f64| [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c];
    let at = |row: usize, column: usize| f64::from(kernel[row * 3 + column]);
    let columns: [[f64; WINDOW]; 3] = std::array::from_fn(|column| line(at(0, column), at(1, column), at(2, column)));
    let mut places = [0.0; PLACES];
    for row in 0..WINDOW {
        let values = line(columns[0][row], columns[1][row], columns[2][row]);
        for (column, value) in values.into_iter().enumerate() {
            places[row * WINDOW + column] = value as f32;
        }
    }
    places
}
