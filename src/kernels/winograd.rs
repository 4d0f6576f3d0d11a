//! The convolution of three by three without stride, by Winograd's minimal filtering F(2x2, 3x3): 16 products instead of 36 for four pixels.
//!
//! Four by four pixels of the input are transformed (sums and differences), multiplied with transformed weights, channels summed as ever, and
//! transformed back to two by two pixels of the output: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015. Weights
//! are transformed once. The products of one of the 16 places are a convolution of one pixel, for the same kernels as any other.

use super::conv::{Desk, Work};
use super::geometry::{Geometry, Order};
use super::isa::Isa;
use super::panel::Panel;
use super::tile::{MAX_ADDENDS, MAX_PIXELS, Tile};

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
    /// For pixels beyond the edges, and for panels without bias.
    zeros: Vec<f32>,
    transforms: Transforms,
}

/// The transforms of an instruction set.
#[derive(Clone, Copy)]
pub(super) struct Transforms {
    pub forth: Forth,
    pub back: Back,
}

/// Transforms squares of the input, `channels` values behind each pointer. Place `p` of channel `c` of square `s` goes to
/// `output[p * step + s * channels + c]`.
///
/// # Safety
/// All that is there to be read and written, `channels` is a multiple of [`LANES`], and the processor has the instructions.
pub(super) type Forth = unsafe fn(squares: &[Square<*const f32>], channels: usize, output: *mut f32, step: usize);

/// Transforms a square of results back, adds, cuts off, and stores.
///
/// # Safety
/// All that the fields speak of is there to be read and written, `channels` is a multiple of [`LANES`], and the processor has the
/// instructions.
pub(super) type Back = unsafe fn(&Results<'_>);

/// Pixels of the input, row by row.
pub(super) type Square<T> = [[T; WINDOW]; WINDOW];

/// A square of results.
pub(super) struct Results<'a> {
    /// Place `p` of channel `c` is at `places[p * step + c]`.
    pub places: *const f32,
    pub step: usize,
    pub channels: usize,
    /// Number of addends.
    pub addends: usize,
    pub relu: bool,
    /// Row by row.
    pub pixels: &'a [[Pixel; SIDE]; SIDE],
}

/// A pixel of the output: where its channels go, and where those lie that are added.
#[derive(Clone, Copy)]
pub(super) struct Pixel {
    /// Null for a pixel beyond the edges.
    pub output: *mut f32,
    pub addends: [*const f32; MAX_ADDENDS],
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
        let zeros = vec![0.0; inputs.max(geometry.outputs).max(LANES * LANES)];
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
            self.forth(work, row, first, end, &mut desk.inputs);
            for panel in &self.panels {
                self.multiply(work.geometry.inputs, panel, end - first, &desk.inputs, &mut desk.results);
                self.back(work, panel, row, first, end, &desk.results);
            }
        }
    }

    /// Transforms the input of squares `first..end`.
    fn forth(&self, work: &Work<'_>, row: usize, first: usize, end: usize, inputs: &mut [f32]) {
        let geometry = work.geometry;
        let ([height, width], channels) = (geometry.from, geometry.inputs);
        let mut squares = [[[self.zeros.as_ptr(); WINDOW]; WINDOW]; MAX_PIXELS];
        for (index, square) in squares.iter_mut().enumerate().take(end - first) {
            let (top, left) = (row * SIDE, (first + index) * SIDE);
            for (dy, line) in square.iter_mut().enumerate() {
                let y = (top + dy).wrapping_sub(geometry.pad[0]);
                for (dx, pixel) in line.iter_mut().enumerate() {
                    let x = (left + dx).wrapping_sub(geometry.pad[1]);
                    if y < height && x < width {
                        *pixel = work.input[(y * width + x) * channels..].as_ptr();
                    }
                }
            }
        }
        let squares = &squares[..end - first];
        let step = squares.len() * channels;
        assert!(inputs.len() >= PLACES * step);
        // SAFETY: each pointer leads to the channels of a pixel of the input, whose length is checked, or to as many zeros; `inputs` has room
        // for all places. `new` has checked channels and instructions.
        unsafe { (self.transforms.forth)(squares, channels, inputs.as_mut_ptr(), step) };
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
        let top = row * SIDE;
        let addends: [_; SIDE] =
            std::array::from_fn(|dy| work.addends(panel.first, (top + dy).min(height - 1), first * SIDE));
        for square in first..end {
            let left = square * SIDE;
            let pixel = |dy: usize, dx: usize| {
                let inside = top + dy < height && left + dx < width;
                let index = ((top + dy) * width + left + dx) * channels + panel.first;
                let output = if inside { work.output.at(index) } else { std::ptr::null_mut() };
                let p = (left + dx).min(width - 1) - first * SIDE;
                Pixel { output, addends: addends[dy].0.map(|addend| addend.at(p)) }
            };
            let results = Results {
                places: results[(square - first) * panel.width..].as_ptr(),
                step: (end - first) * panel.width,
                channels: panel.width.min(channels - panel.first),
                addends: addends[0].1,
                relu: geometry.relu,
                pixels: &[[pixel(0, 0), pixel(0, 1)], [pixel(1, 0), pixel(1, 1)]],
            };
            // SAFETY: `multiply` has filled all places of these squares. Pixels of the output are this job's alone, those beyond its edges
            // null, and what is added to those is read from a pixel within. `new` has checked channels and instructions.
            unsafe { (self.transforms.back)(&results) };
        }
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
