//! What every grid cell says by itself: its best class, how clearly it leads, and its confidence.

use crate::mask::UNLABELLED;
use crate::model::Logits;

/// Cells that are looked at together: one vector or two for every table, which stay in registers from class to class.
const BLOCK: usize = 16;

/// A lead is clear where it exceeds this fraction of the two scores. Interpolation in f32 errs by less than 1e-6 of them.
const CLEAR: f32 = 1e-5;

/// The least clear lead, for scores so small that f32 loses its relative precision.
const LEAST: f32 = 1e-30;

/// Best class, clearness of the lead and confidence of every cell.
#[derive(Debug, Default)]
pub(super) struct Scores {
    width: usize,
    classes: Vec<u8>,
    /// The best class where it leads clearly, elsewhere [`UNLABELLED`].
    clear: Vec<u8>,
    confidence: Vec<u8>,
}

impl Scores {
    /// Reads logits whose sizes were checked.
    #[inline(always)]
    pub fn read(&mut self, logits: Logits<'_>) {
        let cells = logits.grid.pixels();
        self.width = logits.grid.width as usize;
        self.classes.resize(cells, UNLABELLED);
        self.clear.resize(cells, UNLABELLED);
        self.confidence.resize(cells, 0);
        let outs =
            self.classes.chunks_mut(BLOCK).zip(self.clear.chunks_mut(BLOCK)).zip(self.confidence.chunks_mut(BLOCK));
        for (block, ((classes, clear), confidence)) in outs.enumerate() {
            let at = block * BLOCK;
            let lead = Lead::of(logits, at);
            lead.write_classes(classes);
            lead.write_clear(clear);
            lead.write_confidence(logits, at, confidence);
        }
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

    /// Confidences of a grid row.
    #[inline(always)]
    pub fn confidence_row(&self, row: u32) -> &[u8] {
        row_of(&self.confidence, self.width, row)
    }
}

#[inline(always)]
fn row_of(plane: &[u8], width: usize, row: u32) -> &[u8] {
    let start = row as usize * width;
    plane.get(start..start + width).unwrap_or_default()
}

/// The best class of every cell, for logits and an output whose sizes were checked.
#[inline(always)]
pub(super) fn best_classes(logits: Logits<'_>, out: &mut [u8]) {
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        Lead::of(logits, block * BLOCK).write_classes(out);
    }
}

/// The scores of a block of cells in one class. Behind the last cell of a class lies the next one; behind all there is no number.
#[inline(always)]
fn block(logits: Logits<'_>, class: usize, at: usize) -> [f32; BLOCK] {
    let scores = logits.values.get(class * logits.grid.pixels() + at..).unwrap_or_default();
    match scores.first_chunk() {
        Some(block) => *block,
        None => {
            let mut block = [f32::NAN; BLOCK];
            block.iter_mut().zip(scores).for_each(|(to, from)| *to = *from);
            block
        }
    }
}

/// The two best scores of a block of cells.
struct Lead {
    best: [f32; BLOCK],
    second: [f32; BLOCK],
    class: [u32; BLOCK],
}

impl Lead {
    #[inline(always)]
    fn of(logits: Logits<'_>, at: usize) -> Self {
        let mut lead = Self {
            best: [f32::NEG_INFINITY; BLOCK],
            second: [f32::NEG_INFINITY; BLOCK],
            class: [u32::from(UNLABELLED); BLOCK],
        };
        for class in 0..logits.classes {
            let scores = block(logits, class, at);
            for (k, &score) in scores.iter().enumerate() {
                // Comparisons with NaN are false: it never leads.
                let (best, second) = (lead.best[k], lead.second[k]);
                let leads = score > best;
                let follows = if score > second { score } else { second };
                lead.second[k] = if leads { best } else { follows };
                lead.best[k] = if leads { score } else { best };
                lead.class[k] = if leads { class as u32 } else { lead.class[k] };
            }
        }
        lead
    }

    #[inline(always)]
    fn write_classes(&self, out: &mut [u8]) {
        let mut classes = [0; BLOCK];
        for (to, class) in classes.iter_mut().zip(&self.class) {
            *to = *class as u8;
        }
        write(classes, out);
    }

    #[inline(always)]
    fn write_clear(&self, out: &mut [u8]) {
        let mut classes = [0; BLOCK];
        for (k, to) in classes.iter_mut().enumerate() {
            let clear = clearly_above(self.best[k], self.second[k]);
            *to = if clear { self.class[k] as u8 } else { UNLABELLED };
        }
        write(classes, out);
    }

    /// The softmax probability of the best class, `1 / sum(exp(score - best))`, in 255ths.
    #[inline(always)]
    fn write_confidence(&self, logits: Logits<'_>, at: usize, out: &mut [u8]) {
        let mut sums = [0.0f32; BLOCK];
        for class in 0..logits.classes {
            let scores = block(logits, class, at);
            for k in 0..BLOCK {
                sums[k] += exp_below_zero(scores[k] - self.best[k]);
            }
        }
        let mut levels = [0; BLOCK];
        for k in 0..BLOCK {
            let labelled = self.class[k] != u32::from(UNLABELLED);
            levels[k] = if labelled { (255.0 / sums[k].max(1.0) + 0.5) as u8 } else { 0 };
        }
        write(levels, out);
    }
}

/// Writes a block, or the beginning of it at the end of the grid.
#[inline(always)]
fn write(block: [u8; BLOCK], out: &mut [u8]) {
    match out.first_chunk_mut() {
        Some(out) => *out = block,
        None => out.iter_mut().zip(block).for_each(|(to, from)| *to = from),
    }
}

/// Whether one score stays above another through any interpolation in f32, as long as this holds at all corners. False for infinities.
#[inline(always)]
pub(super) fn clearly_above(best: f32, other: f32) -> bool {
    best - other > CLEAR * (best.abs() + other.abs()) + LEAST
}

/// `exp(x)` for `x <= 0` to about 1e-5 of its value, and 0 for NaN: good enough for 255 levels, and without a branch or a call.
///
/// `exp(x) = 2^n * 2^f` with the whole number n and f in -0.5 to 0.5; 2^f is its Taylor polynomial.
#[inline(always)]
fn exp_below_zero(x: f32) -> f32 {
    /// Adding it leaves the whole number in the lowest bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: f32 = std::f32::consts::LN_2;
    // NaN fails the comparison and becomes the least exponent, as minus infinity does.
    let x = if x > -80.0 { x } else { -80.0 };
    let scaled = x * std::f32::consts::LOG2_E;
    let rounded = scaled + ROUND;
    let part = (scaled - (rounded - ROUND)) * LN_2;
    let power = 1.0 + part * (1.0 + part * (0.5 + part * (1.0 / 6.0 + part * (1.0 / 24.0))));
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()) << 23;
    f32::from_bits(power.to_bits().wrapping_add(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_exponential_is_close_to_the_exact_one() {
        for k in 0..8000 {
            let x = -(k as f32) / 100.0;
            let exact = x.exp();
            let error = (exp_below_zero(x) - exact).abs() / exact;
            assert!(error < 1e-4, "exp({x}) is {error} off");
        }
        assert!(exp_below_zero(f32::NAN) < 1e-30);
        assert!(exp_below_zero(f32::NEG_INFINITY) < 1e-30);
        assert_eq!(exp_below_zero(0.0), 1.0);
    }

    #[test]
    fn nothing_leads_an_infinity_clearly() {
        assert!(clearly_above(1.0, 0.5));
        assert!(!clearly_above(1.0, 1.0));
        assert!(!clearly_above(f32::INFINITY, 1.0));
        assert!(!clearly_above(f32::NAN, 1.0));
    }
}
