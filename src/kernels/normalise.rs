//! What a network sees of a colour, and weights that make up for it where a convolution multiplies the camera's bytes.

use super::geometry::COLOURS;
use super::panel::round_to_bytes;

/// What a network sees of a sample of 8 bits: `sample * scale + bias`, one of each for red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalise {
    /// What it is multiplied with.
    pub scale: [f32; COLOURS],
    /// What is added.
    pub bias: [f32; COLOURS],
}

impl Normalise {
    /// `(sample / 255 - mean) / std`.
    pub fn new(mean: [f32; COLOURS], std: [f32; COLOURS]) -> Self {
        let each = |value: fn(f32, f32) -> f32| std::array::from_fn(|colour| value(mean[colour], std[colour]));
        Self { scale: each(|_, std| 1.0 / (255.0 * std)), bias: each(|mean, std| -mean / std) }
    }

    /// The pixel that is nearest to zero in every colour; none where a colour has its zero beyond black and white.
    pub(super) fn blank(&self) -> Option<u32> {
        let zero = |colour: usize| (-self.bias[colour] / self.scale[colour]).round();
        let zeros: [f32; COLOURS] = std::array::from_fn(zero);
        let there = zeros.iter().all(|zero| (0.0..=255.0).contains(zero)) && self.scale.iter().all(|s| s.is_finite());
        let [red, green, blue] = zeros.map(|zero| zero as u8);
        there.then_some(u32::from_ne_bytes([red, green, blue, 0]))
    }

    /// Weights `[output][colour][row][column]` and bias that give for samples what these give for normalised ones, the weights rounded to bytes.
    pub(super) fn folded(&self, weights: &[f32], bias: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let area = (weights.len() / bias.len().max(1) / COLOURS).max(1);
        let (mut folded, mut shifted) = (weights.to_vec(), Vec::with_capacity(bias.len()));
        for (weights, bias) in folded.chunks_exact_mut(COLOURS * area).zip(bias) {
            for (weights, scale) in weights.chunks_exact_mut(area).zip(self.scale) {
                weights.iter_mut().for_each(|weight| *weight *= scale);
            }
            // Before the bias is made of them: an error of a weight then counts by how far a sample is from zero, not from black.
            round_to_bytes(weights, area);
            let zeros = self.bias.iter().zip(self.scale).map(|(bias, scale)| f64::from(*bias) / f64::from(scale));
            let sum = |weights: &[f32]| weights.iter().map(|weight| f64::from(*weight)).sum::<f64>();
            let shift: f64 = weights.chunks_exact(area).zip(zeros).map(|(weights, zero)| zero * sum(weights)).sum();
            shifted.push((f64::from(*bias) + shift) as f32);
        }
        (folded, shifted)
    }
}
