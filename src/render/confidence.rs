//! How sure the network is of each pixel's class. Rendered apart from the mask, since few ask for it.

use super::lerp::{self, Axis};
use super::scores::{BLOCK, row_of, scores_of};
use super::{RenderError, check};
use crate::frame::Size;
use crate::kernels::{Loops, widest};
use crate::model::Logits;

/// Renders confidences; tables and buffers are kept, so that those of the size before allocate nothing.
#[derive(Debug, Default)]
pub struct ConfidenceRenderer {
    /// Of every grid cell.
    cells: Vec<u8>,
    columns: Axis,
    lines: Axis,
    /// The confidence of two grid rows, widened to the plane's width.
    wide: [WideRow; 2],
    plane: Vec<u8>,
}

#[derive(Debug, Default)]
struct WideRow {
    row: Option<u32>,
    levels: Vec<u8>,
}

impl ConfidenceRenderer {
    /// A renderer without any tables yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The softmax probability of the best class at each grid cell, interpolated bilinearly to `size` pixels, 0 to 255 for 0 to 1, in whole
    /// levels (within two of the exact value); 0 where there is no score.
    pub fn render(&mut self, logits: Logits<'_>, size: Size) -> Result<&[u8], RenderError> {
        check(logits)?;
        widest(Render { renderer: self, logits, size });
        Ok(&self.plane)
    }
}

/// What [`ConfidenceRenderer::render`] does once the logits are checked.
struct Render<'a> {
    renderer: &'a mut ConfidenceRenderer,
    logits: Logits<'a>,
    size: Size,
}

impl Loops for Render<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { renderer, logits, size } = self;
        let ConfidenceRenderer { cells, columns, lines, wide, plane } = renderer;
        cells.resize(logits.grid.pixels(), 0);
        for (block, levels) in cells.chunks_mut(BLOCK).enumerate() {
            levels_of(logits, block * BLOCK, levels);
        }
        columns.fit(logits.grid.width, size.width);
        lines.fit(logits.grid.height, size.height);
        wide.iter_mut().for_each(|wide| wide.row = None);
        plane.resize(size.pixels(), 0);
        let width = size.width as usize;
        for cell in lines.cells() {
            for row in [cell.at, cell.next] {
                let slot = &mut wide[slot(row)];
                if slot.row != Some(row) {
                    columns.stretch(row_of(cells, logits.grid.width as usize, row), &mut slot.levels);
                    slot.row = Some(row);
                }
            }
            let rows = cell.from as usize * width..cell.to as usize * width;
            let rows = plane.get_mut(rows).unwrap_or_default().chunks_exact_mut(width.max(1));
            for (out, &part) in rows.zip(lines.parts(cell)) {
                mix(wide, cell.at, cell.next, part, out);
            }
        }
    }
}

/// Where a grid row is kept: neighbours in different places.
#[inline(always)]
fn slot(row: u32) -> usize {
    (row % 2) as usize
}

/// A row between two grid rows.
#[inline(always)]
fn mix(wide: &[WideRow; 2], above: u32, below: u32, part: f32, out: &mut [u8]) {
    let lower = lerp::levels(part);
    for ((out, &a), &b) in out.iter_mut().zip(&wide[slot(above)].levels).zip(&wide[slot(below)].levels) {
        *out = lerp::mix(a, b, lower);
    }
}

/// The softmax probability of the best class of cells from `at` on, `1 / sum(exp(score - best))`, in 255ths.
#[inline(always)]
fn levels_of(logits: Logits<'_>, at: usize, out: &mut [u8]) {
    let mut best = [f32::NEG_INFINITY; BLOCK];
    for class in 0..logits.classes {
        for (best, &score) in best.iter_mut().zip(scores_of(logits, class, at, out.len())) {
            // What is no number is never the best.
            *best = if score > *best { score } else { *best };
        }
    }
    let mut sums = [0.0f32; BLOCK];
    for class in 0..logits.classes {
        for ((sum, &score), best) in sums.iter_mut().zip(scores_of(logits, class, at, out.len())).zip(&best) {
            *sum += exp_below_zero(score - best);
        }
    }
    for ((to, sum), best) in out.iter_mut().zip(&sums).zip(&best) {
        let level = (255.0 / sum.max(1.0) + ROUND).to_bits();
        *to = if *best == f32::NEG_INFINITY { 0 } else { level as u8 };
    }
}

/// Adding it leaves the whole number that is nearest in the lowest bits of the mantissa.
const ROUND: f32 = 12_582_912.0;

/// `exp(x)` for `x <= 0` to about 1e-5 of its value, and 0 for NaN: good enough for 255 levels, and without a branch or a call.
///
/// `exp(x) = 2^n * 2^f` with the whole number n and f in -0.5 to 0.5; 2^f is its Taylor polynomial.
#[inline(always)]
fn exp_below_zero(x: f32) -> f32 {
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
}
