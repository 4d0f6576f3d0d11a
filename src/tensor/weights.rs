//! Which source pixels make a target pixel along one axis, and by how much each counts.

/// What quantised weights of one target pixel add up to.
pub(super) const WHOLE: u16 = 256;

/// Taps of all target pixels along one axis.
#[derive(Debug, Default)]
pub(super) struct Axis<W> {
    /// First source pixel, and where the weights begin and end.
    spans: Vec<(u32, u32, u32)>,
    weights: Vec<W>,
}

/// The taps of one target pixel: consecutive source pixels from `start` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taps<'a, W> {
    pub start: u32,
    pub weights: &'a [W],
}

impl<W> Axis<W> {
    /// Taps of the target pixels in order; every source pixel they name exists.
    pub fn spans(&self) -> impl Iterator<Item = Taps<'_, W>> {
        self.spans.iter().map(|&(start, from, to)| Taps {
            start,
            weights: self.weights.get(from as usize..to as usize).unwrap_or_default(),
        })
    }

    fn push(&mut self, start: u32, weights: impl IntoIterator<Item = W>) {
        let from = self.weights.len() as u32;
        self.weights.extend(weights);
        self.spans.push((start, from, self.weights.len() as u32));
    }
}

impl Axis<f32> {
    /// Taps from `source` to `target` pixels, both at least 1; the weights of a target pixel add up to 1.
    ///
    /// Linear between pixel centres up to a twofold reduction, the mean of the covered area beyond.
    pub fn new(source: u32, target: u32) -> Self {
        let mut axis = Self { spans: Vec::new(), weights: Vec::new() };
        for at in 0..u64::from(target) {
            if source <= 2 * target {
                axis.push_linear(at, source.into(), target.into());
            } else {
                axis.push_area(at, source.into(), target.into());
            }
        }
        axis
    }

    fn push_linear(&mut self, at: u64, source: u64, target: u64) {
        // In units of 1 / (2 * target) of a source pixel, so that whole positions are met exactly.
        let unit = 2 * target;
        let centre = ((2 * at + 1) * source).saturating_sub(target);
        let centre = centre.min((source - 1) * unit);
        let start = (centre / unit) as u32;
        let part = (centre % unit) as f32 / unit as f32;
        if part == 0.0 {
            self.push(start, [1.0]);
        } else {
            self.push(start, [1.0 - part, part]);
        }
    }

    fn push_area(&mut self, at: u64, source: u64, target: u64) {
        // In units of 1 / target of a source pixel: this target pixel covers from..to, a source pixel `target` of them.
        let (from, to) = (at * source, (at + 1) * source);
        let pixels = from / target..to.div_ceil(target);
        let start = pixels.start as u32;
        let weights = pixels.map(|pixel| {
            let covered = to.min((pixel + 1) * target) - from.max(pixel * target);
            covered as f32 / source as f32
        });
        self.push(start, weights);
    }

    /// The same taps in units of 1 / [`WHOLE`]. Rounding is carried along, so that every sum is exactly `WHOLE`.
    pub fn quantised(&self) -> Axis<u16> {
        let mut axis = Axis::default();
        for taps in self.spans() {
            let mut sum = 0.0;
            let mut done = 0;
            let weights = taps.weights.iter().map(|weight| {
                sum += weight;
                let upto = ((sum * f32::from(WHOLE)).round() as u16).min(WHOLE);
                let weight = upto - done;
                done = upto;
                weight
            });
            axis.push(taps.start, weights);
        }
        axis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [u32; 9] = [1, 2, 3, 7, 90, 480, 481, 1080, 16_384];

    #[test]
    fn weights_add_up_to_one_and_stay_inside_the_source() {
        for source in SIZES {
            for target in SIZES {
                let axis = Axis::new(source, target);
                assert_eq!(axis.spans().count(), target as usize);
                for taps in axis.spans() {
                    let sum: f32 = taps.weights.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-4, "{source} to {target}: {sum}");
                    assert!(taps.start + taps.weights.len() as u32 <= source);
                }
            }
        }
    }

    #[test]
    fn quantised_weights_add_up_exactly() {
        for source in SIZES {
            for target in SIZES {
                for taps in Axis::new(source, target).quantised().spans() {
                    let sum: u16 = taps.weights.iter().sum();
                    assert_eq!(sum, WHOLE, "{source} to {target}");
                }
            }
        }
    }

    #[test]
    fn equal_sizes_copy() {
        for (at, taps) in Axis::new(7, 7).spans().enumerate() {
            assert_eq!((taps.start as usize, taps.weights), (at, &[1.0][..]));
        }
    }

    #[test]
    fn half_the_size_is_the_mean_of_two_and_a_third_the_mean_of_three() {
        for taps in Axis::new(8, 4).spans() {
            assert_eq!(taps.weights, [0.5, 0.5]);
        }
        for taps in Axis::new(9, 3).quantised().spans() {
            assert_eq!(taps.weights, [85, 86, 85]);
        }
    }

    #[test]
    fn twice_the_size_mixes_neighbours_by_quarters_and_repeats_the_border() {
        let axis = Axis::new(2, 4);
        let all: Vec<_> = axis.spans().map(|taps| (taps.start, taps.weights.to_vec())).collect();
        assert_eq!(all, [(0, vec![1.0]), (0, vec![0.75, 0.25]), (0, vec![0.25, 0.75]), (1, vec![1.0])]);
    }
}
