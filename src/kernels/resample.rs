//! A row of pixels, resampled into three planes, or into bytes pixel by pixel.
//!
//! The compiler finds no vectors here, because where a pixel comes from is only known at run time; hence the kernel. All ways give the same.

use super::loops::{LINE, fetch_ahead};
#[cfg(target_arch = "x86_64")]
use super::{resample_picks::Picks, resample_x86};

/// Target pixels that are made together.
pub(super) const BLOCK: usize = 8;
/// Samples that a kernel loads at once, at most: those of a few target pixels, and what follows them.
pub(super) const LOAD: usize = 64;

/// Which samples of a row make each target pixel, and by how much each counts.
#[derive(Clone, Debug)]
pub struct Resample {
    /// From a pixel to the next: 1, 3 or 4.
    pub(super) samples: usize,
    width: usize,
    /// Taps are taken two by two; one pair at least.
    pub(super) pairs: usize,
    /// The first sample of each target pixel, block by block.
    pub(super) firsts: Vec<[u32; BLOCK]>,
    /// `pairs` for each block.
    pub(super) weights: Vec<Pairs>,
    reach: usize,
    /// Where samples can be picked from vectors.
    #[cfg(target_arch = "x86_64")]
    picks: Option<Picks>,
}

/// Two weights of each target pixel of a block.
pub(super) type Pairs = [[i16; 2]; BLOCK];

/// A block of target pixels: the first samples of each, and `pairs` of weights.
pub(super) type Block<'a> = (&'a [u32; BLOCK], &'a [Pairs]);

/// One row: its samples, and what is soon needed for others.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub table: &'a Resample,
    pub samples: &'a [i16],
    pub ahead: &'a [u8],
}

/// What the sums become: `sum * scale + bias` for each plane.
#[derive(Clone, Copy)]
pub(super) struct Scaled {
    pub scale: [f32; 3],
    pub bias: [f32; 3],
}

impl Resample {
    /// The table for rows whose pixels have `samples` samples, of which the first three count, or one for all planes.
    ///
    /// `taps` gives the first source pixel of each target pixel and the weights from there on, as many for all.
    pub fn new<'a>(samples: usize, taps: impl Iterator<Item = (usize, &'a [i16])>) -> Self {
        assert!(matches!(samples, 1 | 3 | 4), "{samples} samples a pixel");
        let taps: Vec<_> = taps.collect();
        let pairs = taps.iter().map(|(_, weights)| weights.len().div_ceil(2)).max().unwrap_or(0).max(1);
        let far = taps.iter().map(|(start, _)| *start).max().unwrap_or(0);
        let reach = far.checked_add(2 * pairs - 2).and_then(|last| last.checked_mul(samples)?.checked_add(LOAD));
        let reach = reach.filter(|reach| u32::try_from(*reach).is_ok()).expect("samples that can be counted");
        let mut table = Self {
            samples,
            width: taps.len(),
            pairs,
            firsts: vec![],
            weights: vec![],
            reach,
            #[cfg(target_arch = "x86_64")]
            picks: None,
        };
        for block in taps.chunks(BLOCK) {
            // Pixels that are not there are made of what the last one is made of.
            let mut firsts = [block.last().map_or(0, |(start, _)| (start * samples) as u32); BLOCK];
            let from = table.weights.len();
            table.weights.resize(from + pairs, Pairs::default());
            for (p, (start, weights)) in block.iter().enumerate() {
                firsts[p] = (start * samples) as u32;
                for (k, weight) in weights.iter().enumerate() {
                    table.weights[from + k / 2][p][k % 2] = *weight;
                }
            }
            table.firsts.push(firsts);
        }
        #[cfg(target_arch = "x86_64")]
        {
            table.picks = Picks::new(samples, pairs, &table.firsts);
        }
        table
    }

    /// Samples that a row must have: some behind its last pixel are read, and count for nothing.
    pub fn reach(&self) -> usize {
        self.reach
    }

    /// The weighted sums of a row's samples, times `scale` plus `bias` of each plane. Each sum has to fit into 32 bits. On the way memory is asked for the
    /// bytes `ahead`: all at once would make the processor wait.
    ///
    /// Panics where there are less samples than [`reach`](Self::reach), or planes of another width.
    pub fn row(&self, row: (&[i16], &[u8]), scale: [f32; 3], bias: [f32; 3], planes: [&mut [f32]; 3]) {
        assert!(planes.iter().all(|plane| plane.len() == self.width), "planes are not {} wide", self.width);
        let (row, scaled) = (self.checked(row), Scaled { scale, bias });
        #[cfg(target_arch = "x86_64")]
        if let Some(picks) = &self.picks {
            // SAFETY: the length of the samples was checked.
            return unsafe { picks.row(row, scaled, planes) };
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has these instructions, and the length of the samples was checked.
            return unsafe {
                match self.samples {
                    1 => resample_x86::grey(row, scaled, planes),
                    3 => resample_x86::pixels::<3>(row, scaled, planes),
                    _ => resample_x86::pixels::<4>(row, scaled, planes),
                }
            };
        }
        row.portable(scaled, planes);
    }

    /// The same sums rounded to bytes, the nearest to `sum / 2^shift`, pixel by pixel as [`Order::Bytes`](super::Order::Bytes) has them; `order` says which
    /// sample of a pixel is each colour. No sum may be negative, or come to more than 255.
    ///
    /// Panics where there are less samples than [`reach`](Self::reach), or pixels of another width.
    pub fn bytes(&self, row: (&[i16], &[u8]), shift: u32, order: [usize; 3], pixels: &mut [u32]) {
        assert!(pixels.len() == self.width, "{} pixels, the row has {}", pixels.len(), self.width);
        assert!(order.iter().all(|place| *place < self.samples) && (1..32).contains(&shift), "{order:?}, {shift}");
        let row = self.checked(row);
        #[cfg(target_arch = "x86_64")]
        if let Some(picks) = &self.picks {
            // SAFETY: the length of the samples and the places of the colours were checked.
            return unsafe { picks.bytes(row, (shift, order), pixels) };
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has these instructions, and the length of the samples and the places of the colours were checked.
            return unsafe {
                match self.samples {
                    1 => resample_x86::grey_bytes(row, shift, pixels),
                    3 => resample_x86::pixel_bytes::<3>(row, shift, order, pixels),
                    _ => resample_x86::pixel_bytes::<4>(row, shift, order, pixels),
                }
            };
        }
        row.portable_bytes(shift, order, pixels);
    }

    fn checked<'a>(&'a self, (samples, ahead): (&'a [i16], &'a [u8])) -> Row<'a> {
        assert!(samples.len() >= self.reach, "{} samples, {} are read", samples.len(), self.reach);
        Row { table: self, samples, ahead }
    }
}

impl<'a> Row<'a> {
    /// The blocks of the target row, in order.
    #[inline(always)]
    pub fn blocks(self) -> impl Iterator<Item = Block<'a>> {
        let Resample { firsts, weights, pairs, .. } = self.table;
        let mut ahead = self.ahead.chunks((self.ahead.len() / firsts.len().max(1)).next_multiple_of(LINE).max(LINE));
        firsts.iter().zip(weights.chunks_exact(*pairs)).inspect(move |_| fetch_ahead(ahead.next().unwrap_or_default()))
    }

    fn portable(self, Scaled { scale, bias }: Scaled, planes: [&mut [f32]; 3]) {
        let values = |block| {
            std::array::from_fn(|c| {
                let place = c.min(self.table.samples - 1);
                std::array::from_fn(|p| self.sum(block, p, place) as f32 * scale[c] + bias[c])
            })
        };
        put_planes(planes, self.blocks().map(values));
    }

    fn portable_bytes(self, shift: u32, order: [usize; 3], pixels: &mut [u32]) {
        let words = |block| {
            std::array::from_fn(|p| {
                let byte = |place: usize| ((self.sum(block, p, place) + (1 << (shift - 1))) >> shift) as u8;
                let [red, green, blue] = order.map(byte);
                u32::from_ne_bytes([red, green, blue, 0])
            })
        };
        put(pixels, self.blocks().map(words));
    }

    /// The sum of a target pixel of a block, of the samples at `place` in their pixels.
    fn sum(self, (firsts, weights): Block<'_>, p: usize, place: usize) -> i32 {
        let samples = self.samples[firsts[p] as usize + place..].iter().step_by(self.table.samples);
        let weights = weights.iter().flat_map(|pair| pair[p]);
        samples.zip(weights).map(|(sample, weight)| i32::from(*sample) * i32::from(weight)).sum()
    }
}

/// Writes blocks one after another, of the last one as much as there is room for.
#[inline(always)]
pub(super) fn put<T: Copy>(to: &mut [T], mut blocks: impl Iterator<Item = [T; BLOCK]>) {
    let (whole, rest) = to.as_chunks_mut();
    for (to, block) in whole.iter_mut().zip(&mut blocks) {
        *to = block;
    }
    if let Some(block) = blocks.next() {
        rest.iter_mut().zip(block).for_each(|(to, from)| *to = from);
    }
}

/// The same for three planes.
#[inline(always)]
pub(super) fn put_planes([red, green, blue]: [&mut [f32]; 3], mut blocks: impl Iterator<Item = [[f32; BLOCK]; 3]>) {
    let [(red, reds), (green, greens), (blue, blues)] = [red, green, blue].map(|plane| plane.as_chunks_mut());
    for (((red, green), blue), block) in red.iter_mut().zip(green).zip(blue).zip(&mut blocks) {
        [*red, *green, *blue] = block;
    }
    if let Some(block) = blocks.next() {
        for (rest, block) in [reds, greens, blues].into_iter().zip(block) {
            rest.iter_mut().zip(block).for_each(|(to, from)| *to = from);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Samples a pixel, first pixels and weights of each target pixel, and the samples of a row.
    type Drawn = (usize, Vec<(usize, Vec<i16>)>, Vec<i16>);

    fn rows() -> impl Strategy<Value = Drawn> {
        let samples = prop_oneof![Just(1usize), Just(3), Just(4)];
        // Target pixels that are near each other in the source, and others.
        let source = prop_oneof![1usize..8, 1usize..40];
        (samples, 1usize..7, source, 1usize..40).prop_flat_map(|(samples, taps, source, width)| {
            let source = source + taps;
            // Sums of any taps fit into 32 bits.
            let weights = proptest::collection::vec(-5_000i16..=5_000, taps);
            let taps = proptest::collection::vec((0..=source - taps, weights), width);
            let row = proptest::collection::vec(any::<i16>(), source * samples + LOAD + samples);
            (Just(samples), taps, row)
        })
    }

    fn table(samples: usize, taps: &[(usize, Vec<i16>)]) -> Resample {
        Resample::new(samples, taps.iter().map(|(start, weights)| (*start, weights.as_slice())))
    }

    const SCALE: [f32; 3] = [0.1, 0.2, 0.3];
    const BIAS: [f32; 3] = [1.0, -2.0, 3.0];

    proptest! {
        #[test]
        fn a_row_is_the_sum_of_its_taps_on_this_processor_and_on_every_other((samples, taps, row) in rows()) {
            let table = table(samples, &taps);
            let mut here = vec![vec![f32::NAN; taps.len()]; 3];
            let mut portable = here.clone();
            let [red, green, blue] = here.get_disjoint_mut([0, 1, 2]).unwrap();
            table.row((&row, &[]), SCALE, BIAS, [red, green, blue]);
            let [red, green, blue] = portable.get_disjoint_mut([0, 1, 2]).unwrap();
            Row { table: &table, samples: &row, ahead: &[] }.portable(Scaled { scale: SCALE, bias: BIAS }, [red, green, blue]);
            prop_assert_eq!(&here, &portable);
            for (c, plane) in here.iter().enumerate() {
                for (got, (start, weights)) in plane.iter().zip(&taps) {
                    let colour = if samples == 1 { 0 } else { c };
                    let at = |k: usize| i32::from(row[(start + k) * samples + colour]);
                    let sum: i32 = weights.iter().enumerate().map(|(k, weight)| at(k) * i32::from(*weight)).sum();
                    prop_assert_eq!(*got, sum as f32 * SCALE[c] + BIAS[c]);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_row_of_bytes_is_the_nearest_to_the_sums_in_any_order_of_colours((samples, taps, row) in rows(), swapped in any::<bool>()) {
            // Weights that come to 2^14, of samples up to 255.
            let taps: Vec<(usize, Vec<i16>)> = taps
                .into_iter()
                .map(|(start, weights)| {
                    let all: i32 = weights.iter().map(|weight| i32::from(weight.unsigned_abs()) + 1).sum();
                    let share = |weight: i16| ((i32::from(weight.unsigned_abs()) + 1) * (1 << 14) / all) as i16;
                    let mut weights: Vec<i16> = weights.into_iter().map(share).collect();
                    weights[0] += (1 << 14) - weights.iter().sum::<i16>();
                    (start, weights)
                })
                .collect();
            let row: Vec<i16> = row.iter().map(|sample| sample.rem_euclid(256)).collect();
            let order = if samples == 1 { [0; 3] } else if swapped { [2, 1, 0] } else { [0, 1, 2] };
            let table = table(samples, &taps);
            let (mut here, mut portable) = (vec![u32::MAX; taps.len()], vec![u32::MAX; taps.len()]);
            table.bytes((&row, &[]), 14, order, &mut here);
            Row { table: &table, samples: &row, ahead: &[] }.portable_bytes(14, order, &mut portable);
            prop_assert_eq!(&here, &portable);
            for (pixel, (start, weights)) in here.iter().zip(&taps) {
                let [red, green, blue, zero] = pixel.to_ne_bytes();
                prop_assert_eq!(zero, 0);
                for (byte, place) in [red, green, blue].into_iter().zip(order) {
                    let at = |k: usize| f64::from(row[(start + k) * samples + place]);
                    let sum: f64 = weights.iter().enumerate().map(|(k, weight)| at(k) * f64::from(*weight)).sum();
                    prop_assert!((f64::from(byte) - sum / f64::from(1 << 14)).abs() <= 0.5);
                }
            }
        }
    }

    #[test]
    fn a_row_that_ends_before_the_last_samples_that_are_read_is_refused() {
        let table = table(3, &[(4, vec![1, 1])]);
        assert_eq!(table.reach(), 4 * 3 + LOAD);
        let short = vec![0; table.reach() - 1];
        let mut planes = [[0.0]; 3];
        let [red, green, blue] = planes.each_mut().map(|plane| plane.as_mut_slice());
        let run = std::panic::AssertUnwindSafe(|| table.row((&short, &[]), SCALE, BIAS, [red, green, blue]));
        assert!(std::panic::catch_unwind(run).is_err());
    }

    #[test]
    fn pixels_that_cannot_be_counted_are_refused() {
        let one = [1i16, 1];
        for far in [1usize << 62, 1 << 31] {
            let made =
                std::panic::catch_unwind(|| Resample::new(4, [(far, &one[..]), (9, &one[..])].into_iter()).reach());
            assert!(made.is_err(), "{far}: {made:?}");
        }
    }
}
