//! Every exit of a network against labels, over a set of pictures.
//!
//! Runs all iterations without regard to time; or, in real time, what a budget leaves of them. Knows nothing of files.

mod timed;

use serde::Serialize;

use crate::anytime::{Exits, Iterations, StageCosts, Task, Verdict};
use crate::clock::Clock;
use crate::frame::Frame;
use crate::mask::Mask;
use crate::model::StagedModel;
use crate::pipeline::FrameFault;
use crate::render::{Renderer, change};
use crate::score::Confusion;
use crate::tensor::{InputSpec, TensorMaker};

pub use timed::{InTime, Labelled, anytime, fixed};

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
}

struct ExitCounts {
    mask: Mask,
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
            confusion: Confusion::new(classes),
            change: 0.0,
            fell: 0,
        };
        Ok(Self {
            model,
            clock,
            tensor: TensorMaker::new(spec)?,
            renderer: Renderer::new(),
            classes,
            exits: (0..iterations.max(1)).map(|_| counts()).collect(),
            pictures: 0,
        })
    }

    /// Runs a picture and counts its masks against `labels`, one class id a pixel of the frame.
    pub fn add(&mut self, frame: &Frame<'_>, labels: &[u8]) -> Result<(), FrameFault> {
        self.tensor.fill(frame, self.model.input())?;
        let task = Task {
            deadline: None,
            share_end: None,
            iterations: Iterations::new(1, self.exits.len()),
            exits: Exits::Every,
        };
        let Self { renderer, exits, .. } = self;
        let mut on_exit = |exit: usize, logits: crate::model::Logits<'_>| {
            if let Some(counts) = exits.get_mut(exit - 1) {
                counts.mask.resize(frame.size());
                renderer.render(logits, &mut counts.mask)?;
            }
            Ok::<_, FrameFault>(Verdict::GoOn)
        };
        let mut costs = StageCosts::new();
        crate::anytime::run(self.model.as_mut(), self.clock.as_ref(), &mut costs, &task, &mut on_exit)?;
        self.count(labels);
        Ok(())
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
