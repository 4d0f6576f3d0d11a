//! The staged network: data once a frame, then step and exit by turns.
//!
//! Knows stages and how to abandon them; knows nothing of budgets, costs or messages. What runs the graphs stays behind
//! [`StagedModel`].

mod bundle;
mod error;
mod files;
mod info;
mod manifest;
mod precision;
mod session;
mod state;
mod tract;
mod wiring;

use std::sync::Arc;

use crate::frame::Size;
pub use crate::kernels::Precision;
use crate::kernels::{Crew, ValuesMut};

pub use bundle::Bundle;
pub use error::BundleError;
pub use info::{GraphInfo, TensorInfo};
pub use manifest::{
    Accuracy, Class, ExitAccuracy, FORMAT, Files, GraphFile, Input, Iterations, MAX_CLASSES, MAX_ITERATIONS, MAX_SIDE,
    Manifest, ManifestError, Parameters, WarmStart,
};
pub use precision::{Chosen, Wanted};
pub use session::Session;
pub use state::State;

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The stage ran to its end.
    Finished,
    /// The watch said stop: the state is that before the stage. After an abandoned `data` there is no state.
    Abandoned,
}

/// Asked between the nodes of a graph: `true` to go on, `false` to abandon the stage.
pub type Watch<'a> = &'a mut dyn FnMut() -> bool;

/// Scores of every class on the network's output grid, `[classes, height, width] f32`, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a> {
    /// Number of classes, 1 to 255.
    pub classes: usize,
    /// The output grid.
    pub grid: Size,
    /// `classes * grid.pixels()` values.
    pub values: &'a [f32],
}

/// A network that runs stage by stage and can be abandoned inside each of them.
///
/// Order within a frame: fill [`input`](Self::input), [`data`](Self::data), then for iteration 1, 2, ...
/// [`step`](Self::step) and, where wanted, [`exit`](Self::exit). An exit belongs to the last finished step, so that after an abandoned
/// step the exit of the iteration before can still be taken.
///
/// A frame starts cold, from the state that `data` makes of its picture, or warm: from the [`state`](Self::state) that the camera's last frame
/// ended with, given to [`resume`](Self::resume) before `data`. Either way its iterations count from 1.
pub trait StagedModel: Send {
    /// Size of the input, in pixels.
    fn input_size(&self) -> Size;

    /// The input to fill before `data`, normalised: `[3, H, W] f32`, planes of red, green and blue, or `[H, W, 4]` bits of bf16, those of each
    /// pixel with a zero behind them, where the model would round planes to that.
    fn input(&mut self) -> ValuesMut<'_>;

    /// The most iterations worth running on a frame that starts cold, at least 1.
    fn iterations(&self) -> usize;

    /// The threads that the model runs on, for what surrounds it to share them, if it has any of its own.
    fn crew(&self) -> Option<&Arc<Crew>> {
        None
    }

    /// What the mask of each exit of a frame is worth, from the first exit on: its measured accuracy, 0 to 1. Empty where it was not measured.
    fn worth(&self, warm: bool) -> Vec<f64> {
        let _ = warm;
        Vec::new()
    }

    /// How frames start warm; `None` where the model is not made for it.
    fn warm_start(&self) -> Option<WarmStart>;

    /// The state after the last finished step of this frame, to start the next one from. `None` where no step has finished, or where the model is
    /// not made for it.
    fn state(&self) -> Option<State>;

    /// Lets the next frame start warm from `state`. Holds for the next `data` alone, whatever becomes of it. A state of another model is
    /// refused, and the frame then starts cold.
    fn resume(&mut self, state: State) -> Result<(), ModelError>;

    /// Computes what the frame has of its own, the first state among it, from the input.
    fn data(&mut self, watch: Watch<'_>) -> Result<Progress, ModelError>;

    /// Executes the block once more. `iteration` counts from 1.
    fn step(&mut self, iteration: usize, watch: Watch<'_>) -> Result<Progress, ModelError>;

    /// Computes the logits after `iteration` finished steps.
    fn exit(&mut self, iteration: usize, watch: Watch<'_>) -> Result<Progress, ModelError>;

    /// The logits of the last finished exit of this frame; an error where none has finished.
    fn logits(&self) -> Result<Logits<'_>, ModelError>;
}

/// What can be wrong when a stage runs.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The engine failed inside a graph.
    #[error("stage {stage} failed: {reason}")]
    Stage {
        /// The graph's name: data, step or exit.
        stage: &'static str,
        /// The engine's own words.
        reason: String,
    },
    /// A stage was asked for before what it needs.
    #[error("stage {wanted} was asked for before {missing} had finished")]
    Order {
        /// What was asked for.
        wanted: &'static str,
        /// What has to run first.
        missing: &'static str,
    },
    /// A step or an exit was asked for that does not follow the last finished step.
    #[error("{stage} {iteration} was asked for after {finished} finished steps")]
    Iteration {
        /// What was asked for: step or exit.
        stage: &'static str,
        /// Of which iteration.
        iteration: usize,
        /// Number of finished steps; the next step is one more, the exit the same.
        finished: usize,
    },
    /// A frame cannot start from this state.
    #[error("a frame cannot start warm: {reason}")]
    Resume {
        /// What stands against it.
        reason: &'static str,
    },
}
