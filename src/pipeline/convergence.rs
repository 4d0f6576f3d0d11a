//! Whether another iteration would still change the mask.

use crate::anytime::Verdict;
use crate::model::Logits;
use crate::render::{self, RenderError};

/// Compares each exit's classes with the ones before.
#[derive(Default)]
pub struct Convergence {
    threshold: f64,
    last: Vec<u8>,
    now: Vec<u8>,
}

impl Convergence {
    /// Begins a frame whose masks have converged once less than the fraction `threshold` of them changes; 0 for never.
    pub fn start(&mut self, threshold: f64) {
        self.threshold = threshold;
        self.last.clear();
    }

    /// Looks at the next exit.
    pub fn judge(&mut self, logits: Logits<'_>) -> Result<Verdict, RenderError> {
        if self.threshold <= 0.0 {
            return Ok(Verdict::GoOn);
        }
        self.now.resize(logits.grid.pixels(), 0);
        render::classes_of(logits, &mut self.now)?;
        let converged = self.last.len() == self.now.len() && render::change(&self.last, &self.now) < self.threshold;
        std::mem::swap(&mut self.last, &mut self.now);
        Ok(if converged { Verdict::Converged } else { Verdict::GoOn })
    }
}
