//! The convolution in which every channel has a kernel of its own.

use super::geometry::Geometry;
use super::isa::Isa;
use super::span::Spans;
use super::tile::{Kernel, Scaling, Tile};
use super::work::{Desk, Work};

/// Most pixels of a tile.
const PIXELS: usize = 8;

/// Packed weights: for each place of the kernel, those of all channels. Kernels are given tiles of all channels, whose runs count
/// pixels, so that a row of weights goes with a pixel of the input.
#[derive(Clone)]
pub(super) struct Depthwise {
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// By number of pixels less one.
    kernels: Vec<Kernel>,
    spans: Spans,
}

impl Depthwise {
    pub fn new(geometry: &Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Result<Self, String> {
        let (channels, area) = (geometry.outputs, geometry.kernel[0] * geometry.kernel[1]);
        let missing = || format!("{isa:?} has no kernel for {channels} channels");
        let kernel = |pixels| isa.depthwise(channels, pixels).ok_or_else(missing);
        Ok(Self {
            weights: (0..area * channels).map(|i| weights[i % channels * area + i / channels]).collect(),
            bias: bias.to_vec(),
            kernels: (1..=PIXELS).map(kernel).collect::<Result<_, _>>()?,
            spans: Spans::new(geometry, 0),
        })
    }

    /// Computes row `y`.
    pub fn row(&self, work: &Work<'_>, y: usize, desk: &mut Desk) {
        let geometry = work.geometry;
        let (channels, width) = (geometry.outputs, geometry.to[1]);
        let tiles = width.div_ceil(PIXELS);
        for tile in 0..tiles {
            let (x, end) = (tile * width / tiles, (tile + 1) * width / tiles);
            let span = self.spans.find(work, y, x, end - x, &mut desk.packed, &mut desk.runs);
            let (addends, count) = work.addends(0, y, x);
            let tile = Tile {
                input: span.input,
                step: geometry.stride[1] * channels,
                runs: span.runs,
                len: geometry.kernel[1],
                weights: self.weights[span.first_run * geometry.kernel[1] * channels..].as_ptr().cast(),
                bias: self.bias.as_ptr(),
                scaling: Scaling::NONE,
                addends: &addends[..count],
                relu: geometry.relu,
                output: work.output.at((y * width + x) * channels),
                rounded: false,
                output_step: channels,
                overlap: 0,
            };
            // SAFETY: `Conv::new` has checked the instruction set, that channels are a multiple of `LANES`, and that input and output are
            // interleaved; lengths are as the geometry says (`Conv::run`). Runs are found within the input or the copy of its edge. The
            // row of the output is this job's alone.
            unsafe { self.kernels[span.pixels - 1](&tile) };
        }
    }
}
