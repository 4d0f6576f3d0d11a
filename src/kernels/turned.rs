//! The convolution of one pixel into planes, as for logits: the other way round, vectors of pixels times single weights.
//!
//! Pixels are turned into planes first, a vector's length of them at a time; then the kernels take outputs for pixels, and pixels for
//! channels. So results come out in planes, and no vector has lanes for channels that are not there.

use super::geometry::{Geometry, Order, Values};
use super::isa::Isa;
use super::loops::widest;
use super::precision::Precision;
use super::rest::{BLOCK, turn};
use super::tile::{Kernel, MAX_PIXELS, Scaling, Tile};
use super::value::Widen;
use super::work::{Desk, Work};

/// Pixels of a stretch.
const STRETCH: usize = 16;

/// For each output, its bias and its weights: the bias is the weight of a plane of ones.
#[derive(Clone)]
pub(super) struct Turned {
    weights: Vec<f32>,
    /// By number of outputs less one.
    kernels: Vec<Kernel>,
}

impl Turned {
    /// Whether the convolution can be done in this way.
    pub fn fits(geometry: &Geometry) -> bool {
        let turns =
            [Order::Interleaved, Order::Rounded].contains(&geometry.from_order) && geometry.to_order == Order::Planes;
        let single = geometry.kernel == [1, 1] && geometry.stride == [1, 1] && geometry.from == geometry.to;
        turns && single && geometry.addends.is_empty() && geometry.inputs.is_multiple_of(BLOCK) && !geometry.depthwise
    }

    /// The convolution in this way, where it can be done.
    pub fn new(geometry: &Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Result<Option<Self>, String> {
        if !Self::fits(geometry) {
            return Ok(None);
        }
        let rows = bias.iter().zip(weights.chunks_exact(geometry.inputs));
        let weights = rows.flat_map(|(bias, weights)| std::iter::once(bias).chain(weights)).copied().collect();
        let kernel = |outputs| {
            isa.kernel(STRETCH, outputs, Precision::F32, false)
                .ok_or_else(|| format!("{isa:?} has no kernel for {STRETCH}"))
        };
        let kernels = (1..=isa.pixels(STRETCH)).map(kernel).collect::<Result<_, _>>()?;
        Ok(Some(Self { weights, kernels }))
    }

    /// How many stretches an image has.
    pub fn stretches(geometry: &Geometry) -> usize {
        (geometry.to[0] * geometry.to[1]).div_ceil(STRETCH)
    }

    /// Computes the pixels of a stretch.
    pub fn stretch(&self, work: &Work<'_>, stretch: usize, desk: &mut Desk) {
        let geometry = work.geometry;
        let (inputs, plane) = (geometry.inputs, geometry.to[0] * geometry.to[1]);
        let first = stretch * STRETCH;
        let pixels = STRETCH.min(plane - first);
        let planes = &mut desk.rest;
        planes.resize((1 + inputs) * STRETCH, 0.0);
        planes[..STRETCH].fill(1.0);
        let range = first * inputs..(first + pixels) * inputs;
        match work.input {
            Values::Whole(values) => turn_pixels(&values[range], inputs, &mut planes[STRETCH..]),
            Values::Rounded(values) => {
                desk.whole.resize(range.len(), 0.0);
                widest(Widen { from: &values[range], to: &mut desk.whole });
                turn_pixels(&desk.whole, inputs, &mut planes[STRETCH..]);
            }
            // `fits` has refused them.
            Values::Bytes(_) => {}
        }
        let len = 1 + inputs;
        let mut results = [0.0; MAX_PIXELS * STRETCH];
        for (chunk, weights) in self.weights.chunks(self.kernels.len() * len).enumerate() {
            let (output, outputs) = (chunk * self.kernels.len(), weights.len() / len);
            let whole = pixels == STRETCH;
            let (target, step) =
                if whole { (work.output.at(output * plane + first), plane) } else { (results.as_mut_ptr(), STRETCH) };
            let tile = Tile {
                input: weights.as_ptr().cast(),
                step: len,
                runs: &[0],
                len,
                weights: planes.as_ptr().cast(),
                bias: [0.0; STRETCH].as_ptr(),
                scaling: Scaling::NONE,
                addends: &[],
                relu: geometry.relu,
                output: target,
                rounded: false,
                output_step: step,
                overlap: 0,
            };
            // SAFETY: `weights` has `len` values an output, `planes` as many rows of a stretch. A whole stretch lies within each output's
            // plane, and is this job's alone; others go to `results`. `Conv::new` has checked the instruction set.
            unsafe { self.kernels[outputs - 1](&tile) };
            if !whole {
                for (i, results) in results.chunks_exact(STRETCH).enumerate().take(outputs) {
                    work.store((output + i) * plane + first, &results[..pixels]);
                }
            }
        }
    }
}

/// Turns at most a stretch of pixels into `planes`; where there are less, the rest of the planes stays.
fn turn_pixels(values: &[f32], channels: usize, planes: &mut [f32]) {
    let mut blocks = values.chunks_exact(BLOCK * channels);
    for (x, block) in blocks.by_ref().enumerate() {
        let (first, others) = block.split_at(channels);
        let (second, others) = others.split_at(channels);
        let (third, fourth) = others.split_at(channels);
        let rows = first
            .as_chunks()
            .0
            .iter()
            .zip(second.as_chunks().0)
            .zip(third.as_chunks().0.iter().zip(fourth.as_chunks().0));
        for (((a, b), (c, d)), planes) in rows.zip(planes.chunks_exact_mut(BLOCK * STRETCH)) {
            for (line, plane) in turn(&[*a, *b, *c, *d]).iter().zip(planes.chunks_exact_mut(STRETCH)) {
                plane[x * BLOCK..(x + 1) * BLOCK].copy_from_slice(line);
            }
        }
    }
    let done = values.len() / (BLOCK * channels) * BLOCK;
    for (x, pixel) in blocks.remainder().chunks_exact(channels).enumerate() {
        for (value, plane) in pixel.iter().zip(planes.chunks_exact_mut(STRETCH)) {
            plane[done + x] = *value;
        }
    }
}
