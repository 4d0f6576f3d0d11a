//! The masks that are out in time, against labels: real frames through the real line, under budgets or at a fixed depth.
//!
//! Knows no files. A frame arrives when its turn comes, and has its whole budget.

use std::time::Duration;

use serde::Serialize;

use crate::anytime::Iterations;
use crate::clock::Clock;
use crate::frame::Frame;
use crate::message::{self, Image, MessageError};
use crate::pipeline::{Depth, FrameFault, ImageKind, Pipeline};
use crate::score::Confusion;

/// A frame as a camera sends it, and its labels.
#[derive(Clone, Debug)]
pub struct Labelled {
    message: Vec<u8>,
    labels: Vec<u8>,
}

impl Labelled {
    /// The frame as a message; `labels` are one class id a pixel.
    pub fn new(frame: &Frame<'_>, labels: Vec<u8>) -> Result<Self, MessageError> {
        let size = frame.size();
        let image = Image {
            header: frame.header().clone(),
            height: size.height,
            width: size.width,
            encoding: frame.encoding().name().to_owned(),
            is_bigendian: u8::from(frame.big_endian()),
            step: u32::try_from(frame.step()).unwrap_or(u32::MAX),
            data: frame.data().into(),
        };
        Ok(Self { message: message::to_vec(&image)?, labels })
    }
}

/// How good the masks are that were out within a budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InTime {
    /// The budget, in milliseconds.
    pub budget_ms: f64,
    /// Part of the frames whose mask was out in time, 0 to 1.
    pub in_time: f64,
    /// Mean intersection over union of those masks, 0 to 1.
    pub miou: f64,
    /// The product of the two: a mask that is late is worth nothing.
    pub score: f64,
    /// The mean of the published exits.
    pub mean_exit: f64,
    /// The mean time from arrival to mask, in milliseconds.
    pub elapsed_ms: f64,
}

/// What the masks of a set were worth in real time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// As deep as each budget allows: one entry a budget.
    pub anytime: Vec<InTime>,
    /// One list a fixed number of iterations, from 1, of one entry a budget.
    pub fixed: Vec<Vec<InTime>>,
}

/// So many frames run before any counts.
const WARM_UP: usize = 10;

/// Runs all frames `rounds` times, as deep as each of `budgets` allows and at every depth up to `iterations`.
///
/// They take turns frame by frame, and every frame begins with the next of them: whatever else the machine does meets all of them alike.
pub fn in_turns(
    pipeline: &mut Pipeline,
    clock: &dyn Clock,
    (frames, classes): (&[Labelled], usize),
    (budgets, iterations): (&[Duration], usize),
    rounds: usize,
) -> Result<Scores, FrameFault> {
    let anytime =
        budgets.iter().map(|budget| Turn::new(Depth::Anytime(Iterations::new(1, usize::MAX)), &[*budget], classes));
    let fixed = (1..=iterations).map(|depth| Turn::new(Depth::Fixed(depth), budgets, classes));
    let of_its_own = |(camera, turn)| Turn { camera, ..turn };
    let mut turns: Vec<Turn> = anytime.chain(fixed).enumerate().map(of_its_own).collect();
    let all = frames.iter().cycle().take(frames.len() * rounds);
    let warm_up = frames.iter().cycle().take(WARM_UP.min(10 * frames.len()));
    for (n, (frame, counts)) in warm_up.map(|frame| (frame, false)).chain(all.map(|frame| (frame, true))).enumerate() {
        let first = n % turns.len();
        let (last, next) = turns.split_at_mut(first);
        for turn in next.iter_mut().chain(last) {
            turn.run(pipeline, clock, frame)?;
        }
        // Counting fills the caches with masks: no turn runs right after it but the first.
        turns.iter_mut().filter(|_| counts).for_each(|turn| turn.count(&frame.labels));
    }
    let mut scores = turns.iter().map(|turn| turn.counts.iter().map(Count::score).collect::<Vec<_>>());
    let anytime = scores.by_ref().take(budgets.len()).flatten().collect();
    Ok(Scores { anytime, fixed: scores.collect() })
}

/// One way to choose the depth, and what it gave.
struct Turn {
    /// A turn is a camera of its own, so that what became of its frames weighs with no other's.
    camera: usize,
    depth: Depth,
    counts: Vec<Count>,
    /// Exit and time of the last frame, and its mask.
    last: (usize, Duration),
    mask: Vec<u8>,
}

impl Turn {
    /// Frames run under the first budget, and count for each of them.
    fn new(depth: Depth, budgets: &[Duration], classes: usize) -> Self {
        let counts = budgets.iter().map(|budget| Count::new(*budget, classes)).collect();
        Self { camera: 0, depth, counts, last: (0, Duration::ZERO), mask: Vec::new() }
    }

    fn run(&mut self, pipeline: &mut Pipeline, clock: &dyn Clock, frame: &Labelled) -> Result<(), FrameFault> {
        let mut settings = pipeline.settings().clone();
        settings.depth = self.depth;
        settings.budget = self.counts.first().map_or(settings.budget, |count| count.budget);
        let budget = settings.budget;
        pipeline.set(settings);
        let mask = &mut self.mask;
        let mut publish = |out: crate::pipeline::Published<'_>| {
            mask.clear();
            mask.extend_from_slice(out.mask.classes());
        };
        let arrival = clock.now();
        let result =
            pipeline.run(self.camera, ImageKind::Raw, &frame.message, (arrival, arrival + budget), &mut publish)?;
        self.last = (result.outcome.exit, result.elapsed);
        Ok(())
    }

    fn count(&mut self, labels: &[u8]) {
        let (exit, elapsed) = self.last;
        self.counts.iter_mut().for_each(|count| count.add(exit, elapsed, &self.mask, labels));
    }
}

/// What was counted for one budget.
struct Count {
    budget: Duration,
    confusion: Confusion,
    frames: usize,
    in_time: usize,
    exits: usize,
    elapsed: Duration,
}

impl Count {
    fn new(budget: Duration, classes: usize) -> Self {
        let confusion = Confusion::new(classes);
        Self { budget, confusion, frames: 0, in_time: 0, exits: 0, elapsed: Duration::ZERO }
    }

    fn add(&mut self, exit: usize, elapsed: Duration, mask: &[u8], labels: &[u8]) {
        self.frames += 1;
        self.exits += exit;
        self.elapsed += elapsed;
        if elapsed <= self.budget {
            self.in_time += 1;
            self.confusion.add(labels, mask);
        }
    }

    fn score(&self) -> InTime {
        let frames = self.frames.max(1) as f64;
        let (in_time, miou) = (self.in_time as f64 / frames, self.confusion.miou());
        InTime {
            budget_ms: 1e3 * self.budget.as_secs_f64(),
            in_time,
            miou,
            score: in_time * miou,
            mean_exit: self.exits as f64 / frames,
            elapsed_ms: 1e3 * self.elapsed.as_secs_f64() / frames,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_late_mask_is_worth_nothing_and_one_in_time_what_it_is() {
        let mut count = Count::new(10 * MS, 2);
        count.add(1, 10 * MS, &[0, 1], &[0, 1]);
        count.add(3, 11 * MS, &[0, 1], &[0, 1]);
        let score = count.score();
        assert_eq!((score.in_time, score.miou, score.score), (0.5, 1.0, 0.5));
        assert_eq!((score.mean_exit, score.elapsed_ms), (2.0, 10.5));
    }
}
