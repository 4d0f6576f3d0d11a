//! What became of a camera's frames since somebody last looked.
//!
//! Collects figures and counts; says nothing about them and reads no clock.

use std::time::Duration;

use crate::report::Totals;
use crate::warm::Start;

/// Frames whose figures are kept; the counts go on beyond it.
const KEPT: usize = 4096;

/// Figures of one published frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameFigures {
    /// From arrival to the published mask.
    pub elapsed: Duration,
    /// The exit that was published last, from 1.
    pub exit: usize,
    /// From the frame's stamp to the published mask, where the stamp's clock is known and not ahead.
    pub age: Option<Duration>,
    /// Whether the mask was out after the deadline.
    pub missed: bool,
    /// Whether it started from the frame before, and if not, why.
    pub start: Start,
}

/// Figures and counts of a window of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    frames: Vec<FrameFigures>,
    totals: Totals,
}

impl Window {
    /// Adds a published frame.
    pub fn frame(&mut self, figures: FrameFigures) {
        self.totals.received += 1;
        self.totals.published += 1;
        self.totals.missed += u64::from(figures.missed);
        self.totals.warm += u64::from(figures.start.is_warm());
        if self.frames.len() < KEPT {
            self.frames.push(figures);
        }
    }

    /// Adds a frame that never started.
    pub fn dropped(&mut self) {
        self.totals.received += 1;
        self.totals.dropped += 1;
    }

    /// Adds a message that was no frame.
    pub fn failed(&mut self) {
        self.totals.received += 1;
        self.totals.failed += 1;
    }

    /// The window so far, and from here on an empty one.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The figures of the published frames, the first 4096 of them.
    pub fn frames(&self) -> &[FrameFigures] {
        &self.frames
    }

    /// Counts of all its frames.
    pub fn totals(&self) -> Totals {
        self.totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_not_taken_again() {
        let mut window = Window::default();
        window.frame(FrameFigures { exit: 2, missed: true, ..FrameFigures::default() });
        window.dropped();
        window.failed();
        let taken = window.take();
        let totals = Totals { received: 3, published: 1, missed: 1, dropped: 1, failed: 1, warm: 0 };
        assert_eq!((taken.totals(), taken.frames()[0].exit), (totals, 2));
        assert_eq!(window, Window::default());
    }

    #[test]
    fn a_window_that_nobody_takes_stays_small_and_still_counts() {
        let mut window = Window::default();
        for _ in 0..KEPT + 10 {
            window.frame(FrameFigures::default());
        }
        assert_eq!((window.frames().len(), window.totals().published), (KEPT, KEPT as u64 + 10));
    }
}
