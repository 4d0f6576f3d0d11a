//! Pixels of three colours: rounded to bf16, as [`Order::Rounded`] has them, out of planes or samples; or bytes, as [`Order::Bytes`] has them, out of
//! samples; and what is made of a colour before a network sees it.

use super::geometry::{COLOURS, Order};
use super::pack::half;
use super::panel::round_to_bytes;
#[cfg(target_arch = "x86_64")]
use super::pixels_x86;

/// Rounds rows of planes, `[width] f32` each, and writes them pixel by pixel.
///
/// Panics where the rows are not of one width, or `to` has not just the room for their pixels.
pub fn interleave(rows: &[&[f32]], to: &mut [u16]) {
    let (width, unit) = (rows.first().map_or(0, |row| row.len()), Order::Rounded.unit(rows.len()));
    let fits = rows.iter().all(|row| row.len() == width) && to.len() == width * unit;
    assert!(fits, "{} values for {} rows, the first {width} wide", to.len(), rows.len());
    #[cfg(target_arch = "x86_64")]
    if let &[red, green, blue] = rows
        && pixels_x86::is_there()
    {
        // SAFETY: the processor has the instructions, and the lengths were checked.
        return unsafe { pixels_x86::colours(red, green, blue, to) };
    }
    for (x, to) in to.chunks_exact_mut(unit.max(1)).enumerate() {
        to.fill(0);
        to.iter_mut().zip(rows).for_each(|(to, row)| *to = half(row[x]));
    }
}

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

/// Values of a pixel of three colours, with the zero behind them, in [`Order::Rounded`].
pub const PIXEL: usize = Order::Rounded.unit(COLOURS);

/// How samples of 8 bits become the colours of a pixel.
#[derive(Clone, Copy, Debug)]
pub struct Colours {
    /// Samples of a pixel: 1 to 4.
    pub samples: usize,
    /// Which of them is each colour.
    pub order: [usize; 3],
    /// What becomes of them.
    pub normalise: Normalise,
}

impl Colours {
    /// Rounds the colours of a row of samples and writes them pixel by pixel.
    ///
    /// Panics where a colour is none of the samples, or `to` has not just the room for the row's pixels.
    pub fn row(&self, row: &[u8], to: &mut [u16]) {
        let Self { samples, order, normalise } = *self;
        self.check(row, to.len() / PIXEL);
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if pixels_x86::is_there() {
            // SAFETY: the processor has the instructions, and the lengths were checked.
            done = unsafe { pixels_x86::samples(self, row, to) };
        }
        let rest = row[done * samples..].chunks_exact(samples).zip(to[done * PIXEL..].chunks_exact_mut(PIXEL));
        for (from, to) in rest {
            to.fill(0);
            for (colour, to) in to.iter_mut().enumerate().take(3) {
                *to = half(f32::from(from[order[colour]]) * normalise.scale[colour] + normalise.bias[colour]);
            }
        }
    }

    /// Writes a row of samples pixel by pixel as [`Order::Bytes`] has them.
    ///
    /// Panics as [`row`](Self::row) does.
    pub fn bytes(&self, row: &[u8], to: &mut [u32]) {
        let Self { samples, order, .. } = *self;
        self.check(row, to.len());
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if pixels_x86::shuffles() {
            // SAFETY: the processor has the instructions, and the lengths were checked.
            done = unsafe { pixels_x86::words(self, row, to) };
        }
        for (from, to) in row[done * samples..].chunks_exact(samples).zip(&mut to[done..]) {
            let [red, green, blue] = order.map(|place| from[place]);
            *to = u32::from_ne_bytes([red, green, blue, 0]);
        }
    }

    fn check(&self, row: &[u8], pixels: usize) {
        let Self { samples, order, .. } = *self;
        assert!((1..=4).contains(&samples) && order.iter().all(|place| *place < samples), "{self:?}");
        assert_eq!(row.len(), pixels * samples, "samples of as many pixels as there is room for");
    }
}
