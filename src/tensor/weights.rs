//! Which source pixels make a target pixel along one axis, and by how much each counts.

/// What the weights of the rows that make a row add up to: with samples of 8 bits a sum fits into 16.
pub(super) const ROWS: i16 = 1 << 8;
/// What the weights of the pixels that make a pixel add up to: below the sign of 16 bits.
pub(super) const COLUMNS: i16 = 1 << 14;

/// Taps of all target pixels along one axis: the same number for each of them, so that loops over them are even.
#[derive(Debug, Default)]
pub(super) struct Axis<W> {
    taps: usize,
    /// First source pixel of each target pixel.
    starts: Vec<u32>,
    /// `taps` of them for each target pixel; some are zero.
    weights: Vec<W>,
}

impl<W> Axis<W> {
    /// First source pixel and weights of the target pixels in order; every source pixel they name exists.
    #[inline(always)]
    pub fn spans(&self) -> impl Iterator<Item = (usize, &[W])> {
        let starts = self.starts.iter().map(|start| *start as usize);
        starts.zip(self.weights.chunks_exact(self.taps.max(1)))
    }
}

impl Axis<f32> {
    /// Taps from `source` to `target` pixels, both at least 1; the weights of a target pixel add up to 1.
    ///
    /// Linear between pixel centres up to a twofold reduction, the mean of the covered area beyond.
    pub fn new(source: u32, target: u32) -> Self {
        let linear = source <= 2 * target;
        let (source, target) = (u64::from(source), u64::from(target));
        let spread = match (linear, source.is_multiple_of(target)) {
            (true, _) => 2,
            (false, true) => source / target,
            // Some target pixels begin and end inside of a source pixel.
            (false, false) => source / target + 2,
        };
        let taps = spread.min(source);
        let mut axis = Self { taps: taps as usize, starts: Vec::new(), weights: Vec::new() };
        for at in 0..target {
            let (first, weigh): (u64, &dyn Fn(u64) -> f32) = if linear {
                let (cell, part) = linear_place(at, source, target);
                (cell, &move |pixel| match pixel {
                    _ if pixel == cell => 1.0 - part,
                    _ if pixel == cell + 1 => part,
                    _ => 0.0,
                })
            } else {
                (at * source / target, &move |pixel| covered(pixel, at, source, target))
            };
            let start = first.min(source - taps);
            axis.starts.push(start as u32);
            axis.weights.extend((start..start + taps).map(weigh));
        }
        axis
    }

    /// The same taps in units of 1 / `whole`. Rounding is carried along, so that every sum is exactly `whole`.
    pub fn quantised(&self, whole: i16) -> Axis<i16> {
        let mut weights = Vec::new();
        for (_, taps) in self.spans() {
            let mut sum = 0.0;
            let mut done = 0;
            weights.extend(taps.iter().map(|weight| {
                sum += f64::from(*weight);
                let upto = ((sum * f64::from(whole)).round() as i16).min(whole);
                let weight = upto - done;
                done = upto;
                weight
            }));
        }
        Axis { taps: self.taps, starts: self.starts.clone(), weights }
    }
}

/// The source pixel whose centre lies before that of a target pixel, and the part of the way to the next one.
fn linear_place(at: u64, source: u64, target: u64) -> (u64, f32) {
    // In units of 1 / (2 * target) of a source pixel, so that whole positions are met exactly.
    let unit = 2 * target;
    let centre = ((2 * at + 1) * source).saturating_sub(target);
    let centre = centre.min((source - 1) * unit);
    (centre / unit, (centre % unit) as f32 / unit as f32)
}

/// The part of a target pixel's area that a source pixel covers.
fn covered(pixel: u64, at: u64, source: u64, target: u64) -> f32 {
    // In units of 1 / target of a source pixel.
    let from = (at * source).max(pixel * target);
    let to = ((at + 1) * source).min((pixel + 1) * target);
    to.saturating_sub(from) as f32 / source as f32
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
                for (start, weights) in axis.spans() {
                    let sum: f32 = weights.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-4, "{source} to {target}: {sum}");
                    assert!(start + weights.len() <= source as usize);
                }
            }
        }
    }

    #[test]
    fn quantised_weights_add_up_exactly() {
        for source in SIZES {
            for target in SIZES {
                for whole in [ROWS, COLUMNS] {
                    for (_, weights) in Axis::new(source, target).quantised(whole).spans() {
                        assert_eq!(weights.iter().sum::<i16>(), whole, "{source} to {target}");
                    }
                }
            }
        }
    }

    /// Taps with a weight, as pairs of source pixel and weight.
    fn taps<W: Copy + Default + PartialEq>(axis: &Axis<W>) -> Vec<Vec<(usize, W)>> {
        axis.spans()
            .map(|(start, weights)| (start..).zip(weights.iter().copied()))
            .map(|taps| taps.filter(|(_, weight)| *weight != W::default()).collect())
            .collect()
    }

    #[test]
    fn equal_sizes_copy() {
        let want: Vec<_> = (0..7).map(|at| vec![(at, 1.0)]).collect();
        assert_eq!(taps(&Axis::new(7, 7)), want);
    }

    #[test]
    fn half_the_size_is_the_mean_of_two_and_a_third_the_mean_of_three() {
        assert_eq!(taps(&Axis::new(4, 2)), [[(0, 0.5), (1, 0.5)], [(2, 0.5), (3, 0.5)]]);
        let third = taps(&Axis::new(6, 2).quantised(ROWS));
        assert_eq!(third, [[(0, 85), (1, 86), (2, 85)], [(3, 85), (4, 86), (5, 85)]]);
    }

    #[test]
    fn twice_the_size_mixes_neighbours_by_quarters_and_repeats_the_border() {
        let want = [vec![(0, 1.0)], vec![(0, 0.75), (1, 0.25)], vec![(0, 0.25), (1, 0.75)], vec![(1, 1.0)]];
        assert_eq!(taps(&Axis::new(2, 4)), want);
    }
}
