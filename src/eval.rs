//! Every exit of a network against labels, over a set of pictures.
//!
//! Runs all iterations without regard to time, cold or on a video whose frames start warm; or, in real time, what a budget leaves of
//! them. Knows nothing of files.

mod timed;

use std::time::Duration;

use serde::Serialize;

use crate::anytime::{Exits, Iterations, StageCosts, Task, Verdict, alone};
use crate::clock::Clock;
use crate::frame::{Frame, Stamp};
use crate::mask::Mask;
use crate::model::StagedModel;
use crate::pipeline::FrameFault;
use crate::render::{Renderer, change};
use crate::score::Confusion;
use crate::tensor::{InputSpec, TensorMaker};
use crate::warm::{ColdCause, Memory, Seen, Sketch, Start};

pub use timed::{InTime, Labelled, Scores, in_turns};

/// How good one exit is over the set; all figures are fractions, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExitScore {
    /// Mean intersection over union over all classes.
    pub miou: f64,
    /// Intersection over union of every class.
    pub iou: Vec<f64>,
    /// Fraction of pixels whose class differs from the exit before; 0 at the first.
    pub change: f64,
    /// Fraction of pictures whose own mIoU lies more than a point below the best of their earlier exits.
    pub fell: f64,
}

/// Scores the exits of a model picture by picture.
pub struct Evaluation {
    model: Box<dyn StagedModel>,
    clock: Box<dyn Clock>,
    tensor: TensorMaker,
    renderer: Renderer,
    classes: usize,
    exits: Vec<ExitCounts>,
    pictures: u64,
    warm: bool,
    /// Why pictures of a video were not counted.
    cold: Vec<ColdCause>,
}

struct ExitCounts {
    mask: Mask,
    /// Of a video that is run with as many iterations a frame.
    memory: Memory,
    confusion: Confusion,
    change: f64,
    fell: u64,
}

/// How far a picture's mIoU may lie below the best of its earlier exits before it counts as fallen.
const FELL_BY: f64 = 0.01;

impl Evaluation {
    /// An evaluation of exits `1..=iterations` of `model`.
    pub fn new(
        model: Box<dyn StagedModel>,
        spec: InputSpec,
        clock: Box<dyn Clock>,
        classes: usize,
        iterations: usize,
    ) -> Result<Self, FrameFault> {
        let counts = || ExitCounts {
            mask: Mask::unlabelled(spec.size),
            memory: Memory::default(),
            confusion: Confusion::new(classes),
            change: 0.0,
            fell: 0,
        };
        Ok(Self {
            tensor: TensorMaker::new(spec)?.on(model.crew()),
            renderer: Renderer::new().on(model.crew()),
            model,
            clock,
            classes,
            exits: (0..iterations.max(1)).map(|_| counts()).collect(),
            pictures: 0,
            warm: false,
            cold: Vec::new(),
        })
    }

    /// The same on a video whose frames start warm: exit `n` is that of runs with `n` iterations a frame. The model must offer warm starts. Frames
    /// that start cold (the first one, and those after a cut or a change of format) run as many iterations and are not counted.
    pub fn warm(self) -> Self {
        Self { warm: true, ..self }
    }

    /// Runs a picture and counts its masks against `labels`, one class id a pixel of the frame. Stamps are not looked at: in a video a picture
    /// follows the one before.
    pub fn add(&mut self, frame: &Frame<'_>, labels: &[u8]) -> Result<Start, FrameFault> {
        if !self.warm {
            self.run(frame)?;
            self.count(labels);
            return Ok(Start::default());
        }
        let mut start = Start::Warm;
        for exit in 1..=self.exits.len() {
            start = self.follow(frame, exit)?;
        }
        match start {
            Start::Warm => self.count(labels),
            Start::Cold(cause) => self.cold.push(cause),
        }
        Ok(start)
    }

    /// Runs a picture to every exit.
    fn run(&mut self, frame: &Frame<'_>) -> Result<(), FrameFault> {
        self.tensor.fill(frame, self.model.input())?;
        let task = Task { iterations: Iterations::new(1, self.exits.len()), exits: Exits::Every, ..Task::default() };
        let Self { renderer, exits, .. } = self;
        let mut on_exit = |exit: usize, logits: crate::model::Logits<'_>| {
            if let Some(counts) = exits.get_mut(exit - 1) {
                counts.mask.resize(frame.size());
                renderer.render(logits, &mut counts.mask)?;
            }
            Ok::<_, FrameFault>(Verdict::GoOn)
        };
        let mut costs = StageCosts::new();
        crate::anytime::run(self.model.as_mut(), self.clock.as_ref(), &mut costs, &task, &mut alone, &mut on_exit)?;
        Ok(())
    }

    /// Runs the next frame of the video that is run with `exit` iterations a frame.
    fn follow(&mut self, frame: &Frame<'_>, exit: usize) -> Result<Start, FrameFault> {
        // Files have no stamps; only their order counts.
        let stamp = Stamp { sec: (self.pictures as usize + self.cold.len()) as i32, nanosec: 0 };
        let Self { model, tensor, renderer, exits, clock, .. } = self;
        let Some(counts) = exits.get_mut(exit - 1) else { return Ok(Start::default()) };
        tensor.fill(frame, model.input())?;
        let seen = Seen::new(frame, Sketch::of(model.input().read(), &tensor.spec())).at(stamp);
        let (start, skipped) = match counts.memory.begin(seen, Duration::MAX) {
            Ok(state) => {
                model.resume(state)?;
                (Start::Warm, model.warm_start().map_or(0, |warm| warm.skipped_steps()))
            }
            Err(cause) => (Start::Cold(cause), 0),
        };
        let iterations = Iterations::fixed(exit);
        let task = Task { iterations, skipped, ..Task::default() };
        let mut on_exit = |_: usize, _: crate::model::Logits<'_>| Ok::<_, FrameFault>(Verdict::GoOn);
        crate::anytime::run(model.as_mut(), clock.as_ref(), &mut StageCosts::new(), &task, &mut alone, &mut on_exit)?;
        counts.memory.end(model.state());
        counts.mask.resize(frame.size());
        renderer.render(model.logits()?, &mut counts.mask)?;
        Ok(start)
    }

    fn count(&mut self, labels: &[u8]) {
        self.pictures += 1;
        let mut best: f64 = 0.0;
        let mut last: Option<&Mask> = None;
        for counts in &mut self.exits {
            counts.confusion.add(labels, counts.mask.classes());
            let mut own = Confusion::new(self.classes);
            own.add(labels, counts.mask.classes());
            let miou = own.miou();
            counts.fell += u64::from(miou < best - FELL_BY);
            best = best.max(miou);
            counts.change += last.map_or(0.0, |last| change(last.classes(), counts.mask.classes()));
            last = Some(&counts.mask);
        }
    }

    /// Pictures counted.
    pub fn pictures(&self) -> u64 {
        self.pictures
    }

    /// Pixels counted: those whose label is a class.
    pub fn pixels(&self) -> u64 {
        self.exits.first().map_or(0, |counts| counts.confusion.pixels())
    }

    /// Why frames of a video were not counted, in their order.
    pub fn cold(&self) -> &[ColdCause] {
        &self.cold
    }

    /// The masks of the last picture, one an exit.
    pub fn masks(&self) -> impl Iterator<Item = &Mask> {
        self.exits.iter().map(|counts| &counts.mask)
    }

    /// The scores of all exits.
    pub fn scores(&self) -> Vec<ExitScore> {
        let pictures = self.pictures.max(1) as f64;
        let score = |counts: &ExitCounts| ExitScore {
            miou: counts.confusion.miou(),
            iou: counts.confusion.iou(),
            change: counts.change / pictures,
            fell: counts.fell as f64 / pictures,
        };
        self.exits.iter().map(score).collect()
    }
}
