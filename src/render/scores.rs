//! What every grid cell says by itself: its best class, and how clearly it leads.

use crate::kernels::{Crew, Loops};
use crate::mask::UNLABELLED;
use crate::model::Logits;

/// Cells that are looked at together: what is known of them stays in the innermost cache from class to class. Loops over them are long, which the
/// compiler turns into vectors more reliably than short ones.
pub(super) const BLOCK: usize = 1024;

/// A lead is clear where it exceeds this fraction of the two scores. Interpolation in f32 errs by less than 1e-6 of them.
const CLEAR: f32 = 1e-5;

/// The least clear lead, for scores so small that f32 loses its relative precision.
const LEAST: f32 = 1e-30;

/// Best class and clearness of the lead of every cell.
#[derive(Debug, Default)]
pub(super) struct Scores {
    width: usize,
    classes: Vec<u8>,
    /// The best class where it leads clearly, elsewhere [`UNLABELLED`].
    clear: Vec<u8>,
}

impl Scores {
    /// Reads logits whose sizes were checked.
    pub fn read(&mut self, logits: Logits<'_>, crew: &Crew) {
        let cells = logits.grid.pixels();
        self.width = logits.grid.width as usize;
        self.classes.resize(cells, UNLABELLED);
        self.clear.resize(cells, UNLABELLED);
        let blocks = self.classes.chunks_mut(BLOCK).zip(self.clear.chunks_mut(BLOCK)).enumerate();
        crew.share(blocks.map(|(block, (classes, clear))| Block { logits, at: block * BLOCK, classes, clear }));
    }

    /// Best class of every cell.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// Best classes of a grid row.
    #[inline(always)]
    pub fn class_row(&self, row: u32) -> &[u8] {
        row_of(&self.classes, self.width, row)
    }

    /// The best classes of a grid row where they lead clearly, elsewhere [`UNLABELLED`].
    #[inline(always)]
    pub fn clear_row(&self, row: u32) -> &[u8] {
        row_of(&self.clear, self.width, row)
    }
}

/// What is known of a block of cells, from `at` on, to be found.
struct Block<'a> {
    logits: Logits<'a>,
    at: usize,
    classes: &'a mut [u8],
    clear: &'a mut [u8],
}

impl Loops for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let lead = Lead::of(self.logits, self.at, self.classes.len());
        lead.write_classes(self.classes);
        lead.write_clear(self.clear);
    }
}

#[inline(always)]
pub(super) fn row_of(plane: &[u8], width: usize, row: u32) -> &[u8] {
    let start = row as usize * width;
    plane.get(start..start + width).unwrap_or_default()
}

/// The best class of every cell, for logits and an output whose sizes were checked.
#[inline(always)]
pub(super) fn best_classes(logits: Logits<'_>, out: &mut [u8]) {
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        Lead::of(logits, block * BLOCK, out.len()).write_classes(out);
    }
}

/// In place of a class that is not there.
static NO_SCORES: [f32; BLOCK] = [f32::NAN; BLOCK];

/// The two best scores of a block of cells, none of whose vectors lies across two lines of the cache.
#[repr(align(64))]
struct Lead {
    best: [f32; BLOCK],
    second: [f32; BLOCK],
    class: [u32; BLOCK],
}

impl Lead {
    /// Of `cells` cells from `at` on.
    #[inline(always)]
    fn of(logits: Logits<'_>, at: usize, cells: usize) -> Self {
        let mut lead = Self {
            best: [f32::NEG_INFINITY; BLOCK],
            second: [f32::NEG_INFINITY; BLOCK],
            class: [u32::from(UNLABELLED); BLOCK],
        };
        // Two classes at a time: what is known is then stored half as often.
        for class in (0..logits.classes).step_by(2) {
            let next = if class + 1 < logits.classes { scores_of(logits, class + 1, at, cells) } else { &NO_SCORES };
            let pairs = scores_of(logits, class, at, cells).iter().zip(next);
            let known = lead.best.iter_mut().zip(&mut lead.second).zip(&mut lead.class);
            for ((&one, &other), ((best, second), winner)) in pairs.zip(known) {
                for (class, score) in [(class, one), (class + 1, other)] {
                    // Comparisons with NaN are false: it never leads.
                    let leads = score > *best;
                    let follows = if score > *second { score } else { *second };
                    *second = if leads { *best } else { follows };
                    *best = if leads { score } else { *best };
                    *winner = if leads { class as u32 } else { *winner };
                }
            }
        }
        lead
    }

    #[inline(always)]
    fn write_classes(&self, out: &mut [u8]) {
        for (to, class) in out.iter_mut().zip(&self.class) {
            *to = *class as u8;
        }
    }

    #[inline(always)]
    fn write_clear(&self, out: &mut [u8]) {
        for ((to, class), (&best, &second)) in out.iter_mut().zip(&self.class).zip(self.best.iter().zip(&self.second)) {
            let class = if second < clear_below(best) { *class } else { u32::from(UNLABELLED) };
            *to = class as u8;
        }
    }
}

/// The scores of `cells` cells from `at` on in one class.
#[inline(always)]
pub(super) fn scores_of(logits: Logits<'_>, class: usize, at: usize, cells: usize) -> &[f32] {
    let first = class * logits.grid.pixels() + at;
    logits.values.get(first..first + cells).unwrap_or_default()
}

/// A score that is lower than this stays below `best` through any interpolation in f32, as long as that holds at all corners. No score is lower
/// where `best` is infinite or not a number.
///
/// A score of up to twice the size of `best` then leads by [`CLEAR`] of both; a larger one, which is negative, by nearly half of its own size.
#[inline(always)]
pub(super) fn clear_below(best: f32) -> f32 {
    best - (3.0 * CLEAR * best.abs() + LEAST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_clearly_below_is_so_by_more_than_interpolation_errs(best in any::<f32>(), near in -2.0f32..2.0, other in any::<f32>()) {
            for other in [other, best * near, best * (1.0 - 4e-5 * near)] {
                if other < clear_below(best) && other.is_finite() {
                    let lead = f64::from(best) - f64::from(other);
                    let errs = f64::from(CLEAR) * (f64::from(best).abs() + f64::from(other).abs());
                    prop_assert!(lead > errs, "{best} leads {other} by {lead}, {errs} may be lost");
                }
            }
        }
    }

    #[test]
    fn nothing_leads_an_infinity_clearly() {
        assert!(0.5 < clear_below(1.0));
        let below = |best: f32| 1.0 < clear_below(best);
        assert_eq!([1.0, f32::INFINITY, f32::NAN].map(below), [false; 3]);
    }
}
