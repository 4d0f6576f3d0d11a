//! Weights in the order in which kernels read them.

use super::isa::Isa;
use super::precision::Precision;
use super::tile::{Kernel, Range, Scaling};
use super::value::half;

/// The largest byte of a weight.
const LEVELS: f32 = 127.0;

/// What a byte stands for where bytes stand for all these weights, and its reciprocal. What is no number makes it none, and so every result.
fn scale(weights: impl Iterator<Item = f32>) -> [f32; 2] {
    let scale = weights.map(f32::abs).max_by(f32::total_cmp).unwrap_or(0.0) / LEVELS;
    [scale, if scale >= f32::MIN_POSITIVE { 1.0 / scale } else { 0.0 }]
}

/// The byte of a weight.
fn byte(weight: f32, reciprocal: f32) -> i8 {
    (weight * reciprocal).round_ties_even() as i8
}

/// The bytes of an output channel's weights, and what they stand for.
#[cfg(target_arch = "x86_64")]
pub(super) fn bytes(weights: &[f32]) -> (Vec<i8>, f32) {
    let [scale, reciprocal] = scale(weights.iter().copied());
    (weights.iter().map(|weight| byte(*weight, reciprocal)).collect(), scale)
}

/// Rounds the weights of an output channel to what their bytes will stand for, `area` of each input.
///
/// Some are rounded the other way, so that the errors of an input's weights add up to as good as nothing, and then those of all: neighbouring pixels
/// are much alike, and so, by and large, are channels, and what they have in common is then multiplied as if no weight was rounded. (Guo et al.,
/// SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian Approximation, 2022.)
pub(super) fn round_to_bytes(weights: &mut [f32], area: usize) {
    let [scale, reciprocal] = scale(weights.iter().copied());
    weights.iter_mut().for_each(|weight| *weight *= reciprocal);
    let mut rounded: Vec<f32> = weights.iter().map(|weight| weight.round_ties_even()).collect();
    for (weights, rounded) in weights.chunks_exact(area).zip(rounded.chunks_exact_mut(area)) {
        balance(weights, rounded);
    }
    balance(weights, &mut rounded);
    weights.iter_mut().zip(rounded).for_each(|(weight, rounded)| *weight = scale * rounded);
}

/// Rounds some weights the other way, those that are farthest from what they were, until their errors add up to half a level at most.
fn balance(weights: &[f32], rounded: &mut [f32]) {
    let errors: Vec<f32> = weights.iter().zip(&*rounded).map(|(weight, rounded)| weight - rounded).collect();
    let sum = errors.iter().sum::<f32>().round_ties_even();
    let count = sum.abs() as usize;
    if count == 0 {
        return;
    }
    let mut worst: Vec<usize> = (0..errors.len()).collect();
    worst.sort_by(|a, b| f32::total_cmp(&(errors[*b] * sum), &(errors[*a] * sum)));
    worst.into_iter().take(count).for_each(|at| rounded[at] += sum.signum());
}

/// Some output channels side by side. Where there are less than the kernels' width, the last vector begins as much earlier, and has some in
/// common with the one before; where there are less than one vector has, zeros follow them.
#[derive(Clone)]
pub(super) struct Panel {
    /// Its first output channel.
    pub first: usize,
    /// Channels of a row.
    pub width: usize,
    /// Those of them that are there twice: in the last vector, and in the one before.
    pub overlap: usize,
    /// One value a channel.
    pub bias: Vec<f32>,
    /// A row a word of the input.
    pub weights: Vec<u32>,
    /// By number of pixels less one.
    pub kernels: Vec<Kernel>,
    /// Of bytes: what the weights' stand for, and their sums, one a channel in each group of rows.
    scales: Vec<f32>,
    sums: Vec<i32>,
}

impl Panel {
    /// Panels for as many output channels as there is bias; `weight` gives the weight of a value of a word for an output channel. The words of
    /// each of `groups` are summed apart, and what their bytes stand for is their own. With `rounds`, kernels can also write and add bf16.
    pub fn all(
        bias: &[f32],
        [groups, words]: [usize; 2],
        weight: impl Fn(usize, usize, usize) -> f32,
        isa: Isa,
        (precision, rounds): (Precision, bool),
    ) -> Result<Vec<Self>, String> {
        let mut panels = Vec::new();
        let mut first = 0;
        while first < bias.len() {
            let width = isa.panel(bias.len() - first);
            let (live, lanes) = (width.min(bias.len() - first), isa.lanes(width));
            let overlap = if live < lanes { 0 } else { width - live };
            let mut panel = Self {
                first,
                width,
                overlap,
                bias: vec![0.0; width],
                weights: vec![0; groups * words * width],
                kernels: Vec::new(),
                scales: vec![0.0; groups * width],
                sums: vec![0; groups * width],
            };
            for lane in 0..live + overlap {
                let channel = first + if lane < width - lanes { lane } else { lane - overlap };
                panel.bias[lane] = bias[channel];
                for group in 0..groups {
                    let words = group * words..(group + 1) * words;
                    panel.fill(group, words, lane, precision, |word, part| weight(word, part, channel));
                }
            }
            for pixels in 1..=isa.pixels(width) {
                let kernel = isa.kernel(width, pixels, precision, rounds);
                let missing = || format!("{isa:?} has no kernel for {width} by {pixels} in {precision:?}");
                panel.kernels.push(kernel.ok_or_else(missing)?);
            }
            panels.push(panel);
            first += width;
        }
        Ok(panels)
    }

    /// Channels that are there, of an output with so many.
    pub fn live(&self, outputs: usize) -> usize {
        self.width.min(outputs - self.first)
    }

    /// Channels that a kernel stores.
    pub fn stored(&self) -> usize {
        self.width - self.overlap
    }

    /// Rounds and packs the weights of a lane in a group of words.
    fn fill(
        &mut self,
        group: usize,
        words: std::ops::Range<usize>,
        lane: usize,
        precision: Precision,
        weight: impl Fn(usize, usize) -> f32,
    ) {
        let (parts, at) = (0..precision.values(), group * self.width + lane);
        let all = words.clone().flat_map(|word| parts.clone().map(move |part| (word, part)));
        let [scale, reciprocal] = scale(all.map(|(word, part)| weight(word, part)));
        for word in words {
            let part = |part: usize| weight(word, part);
            self.weights[word * self.width + lane] = match precision {
                Precision::F32 => part(0).to_bits(),
                Precision::Bf16 => (u32::from(half(part(0))) | u32::from(half(part(1))) << 16).to_le(),
                Precision::Int8 => {
                    let bytes = [0, 1, 2, 3].map(|index| byte(part(index), reciprocal));
                    self.sums[at] += bytes.iter().map(|byte| i32::from(*byte)).sum::<i32>();
                    u32::from_ne_bytes(bytes.map(|byte| byte as u8))
                }
            };
        }
        self.scales[at] = scale;
    }

    /// What the sums of a group mean over an input whose bytes mean `range`.
    pub fn scaling(&self, group: usize, range: Range) -> Scaling {
        let at = group * self.width;
        Scaling { range, scales: self.scales[at..].as_ptr(), sums: self.sums[at..].as_ptr() }
    }
}
