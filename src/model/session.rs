//! One run of a bundle after another: the state of a frame between its stages.
//!
//! Knows which tensor goes from which graph to which; knows nothing of files, deadlines or the engine's types.

use std::path::Path;
use std::sync::Arc;

use super::bundle::Bundle;
use super::error::BundleError;
use super::tract::{Runner, Threads, Value};
use super::wiring::Stage;
use super::{Logits, ModelError, Progress, StagedModel, State, WarmStart, Watch};
use crate::frame::Size;
use crate::kernels::{Crew, ValuesMut};

/// The state of a frame on its way through a bundle's graphs. Made by [`Bundle::session`]; one for each camera or thread.
///
/// Tensors go from graph to graph by reference, never copied. What a stage makes replaces the old state only once the stage has
/// finished, so that an abandoned one leaves no trace.
pub struct Session {
    bundle: Bundle,
    data: Runner,
    steps: Vec<Runner>,
    exits: Vec<Runner>,
    input: Value,
    /// Data's outputs, those of the state as the last finished step left them; empty before the first frame.
    slots: Vec<Value>,
    finished: usize,
    /// Steps that the frame left out by starting warm.
    skipped: usize,
    /// The state that the next frame starts from.
    resumed: Option<Kept>,
    logits: Option<Exit>,
    threads: Threads,
}

/// What a [`State`] of a bundle holds.
struct Kept {
    bundle: Bundle,
    /// In the order of the bundle's state.
    values: Vec<Value>,
}

/// The result of an exit.
struct Exit {
    value: Value,
    classes: usize,
    grid: Size,
}

impl Session {
    pub(super) fn new(bundle: Bundle, threads: &Threads) -> Result<Self, String> {
        let stages = bundle.stages();
        let runners = |stages: &[Stage]| -> Result<Vec<Runner>, String> {
            stages.iter().map(|stage| Runner::new(&stage.graph, threads)).collect()
        };
        Ok(Self {
            data: Runner::new(&stages.data, threads)?,
            steps: runners(&stages.steps)?,
            exits: runners(&stages.exits)?,
            input: stages.data.zeros(0)?,
            slots: Vec::new(),
            finished: 0,
            skipped: 0,
            resumed: None,
            logits: None,
            threads: threads.clone(),
            bundle,
        })
    }

    /// The bundle it runs.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Runs every graph once and looks at the logits; a fault names the file in `dir`.
    pub(super) fn rehearse(&mut self, dir: &Path) -> Result<(), BundleError> {
        let files = self.bundle.manifest().files.clone();
        let named = |path: &str, reason: String| BundleError::Graph { file: dir.join(path), reason };
        let go = &mut || true;
        self.data(go).map_err(|error| named(&files.data.path, error.to_string()))?;
        for iteration in 1..=files.steps.len().max(files.exits.len()) {
            let step = &files.steps[chosen(iteration, files.steps.len())].path;
            let exit = &files.exits[chosen(iteration, files.exits.len())].path;
            self.step(iteration, go).map_err(|error| named(step, error.to_string()))?;
            self.exit(iteration, go).map_err(|error| named(exit, error.to_string()))?;
            let logits = self.logits().map_err(|error| named(exit, error.to_string()))?;
            if logits.values.iter().any(|score| !score.is_finite()) {
                let reason = format!("its logits for a black image are not finite at iteration {iteration}");
                return Err(named(exit, reason));
            }
        }
        Ok(())
    }
}

impl StagedModel for Session {
    fn input_size(&self) -> Size {
        self.bundle.manifest().input.size()
    }

    fn input(&mut self) -> ValuesMut<'_> {
        // The tensor is plain by construction: `new` made it.
        self.input.values_mut().unwrap_or(ValuesMut::Whole(&mut []))
    }

    fn iterations(&self) -> usize {
        self.bundle.manifest().iterations.useful
    }

    fn crew(&self) -> Option<&Arc<Crew>> {
        Some(self.threads.crew())
    }

    fn worth(&self, warm: bool) -> Vec<f64> {
        self.bundle.manifest().worth(warm, self.bundle.chosen().precision)
    }

    fn warm_start(&self) -> Option<WarmStart> {
        self.bundle.manifest().warm_start
    }

    fn state(&self) -> Option<State> {
        self.warm_start().filter(|_| self.finished > 0)?;
        let values = self.bundle.state_slots().iter().map(|slot| self.slots.get(*slot).cloned()).collect::<Option<_>>();
        Some(State::new(Kept { bundle: self.bundle.clone(), values: values? }, self.bundle.state_bytes()))
    }

    fn resume(&mut self, state: State) -> Result<(), ModelError> {
        self.resumed = None;
        if self.warm_start().is_none() {
            return Err(ModelError::Resume { reason: "the bundle does not declare `warm_start`" });
        }
        let kept = state.content::<Kept>().filter(|kept| kept.bundle.is(&self.bundle));
        self.resumed = Some(kept.ok_or(ModelError::Resume { reason: "the state is of another model" })?);
        Ok(())
    }

    fn data(&mut self, watch: Watch<'_>) -> Result<Progress, ModelError> {
        // Whatever becomes of this stage, nothing of the frame before is left to be taken for this one's.
        let resumed = self.resumed.take();
        self.slots.clear();
        self.finished = 0;
        self.skipped = 0;
        self.logits = None;
        let image = std::iter::once(self.input.clone());
        let Some(outputs) = self.data.run(image, watch).map_err(failed("data"))? else {
            return Ok(Progress::Abandoned);
        };
        self.slots.extend(outputs);
        if let (Some(kept), Some(warm)) = (resumed, self.warm_start()) {
            self.skipped = warm.skipped_steps();
            for (slot, last) in self.bundle.state_slots().iter().zip(kept.values) {
                self.slots[*slot] = self.slots[*slot].mixed(&last, warm.keep).map_err(failed("data"))?;
            }
        }
        Ok(Progress::Finished)
    }

    fn step(&mut self, iteration: usize, watch: Watch<'_>) -> Result<Progress, ModelError> {
        if iteration != self.finished + 1 {
            return Err(self.out_of_turn("step", iteration));
        }
        let index = chosen(self.skipped + iteration, self.steps.len());
        let stage = &self.bundle.stages().steps[index];
        let inputs = taken(&self.slots, stage, "step")?;
        let Some(outputs) = self.steps[index].run(inputs, watch).map_err(failed("step"))? else {
            return Ok(Progress::Abandoned);
        };
        for (slot, output) in stage.gives.iter().zip(outputs) {
            self.slots[*slot] = output;
        }
        self.finished = iteration;
        Ok(Progress::Finished)
    }

    fn exit(&mut self, iteration: usize, watch: Watch<'_>) -> Result<Progress, ModelError> {
        if iteration == 0 || iteration != self.finished {
            return Err(self.out_of_turn("exit", iteration));
        }
        let index = chosen(self.skipped + iteration, self.exits.len());
        let stage = &self.bundle.stages().exits[index];
        let inputs = taken(&self.slots, stage, "exit")?;
        let Some(outputs) = self.exits[index].run(inputs, watch).map_err(failed("exit"))? else {
            return Ok(Progress::Abandoned);
        };
        // Loading has checked that there is one output of four sides.
        let shape = stage.graph.outputs.first().map(|logits| logits.shape.as_slice());
        if let (Some(value), Some([_, classes, height, width])) = (outputs.into_iter().next(), shape) {
            let grid = Size::new(*width as u32, *height as u32);
            let classes = *classes;
            self.logits = Some(Exit { value, classes, grid });
        }
        Ok(Progress::Finished)
    }

    fn logits(&self) -> Result<Logits<'_>, ModelError> {
        let exit = self.logits.as_ref().ok_or(ModelError::Order { wanted: "logits", missing: "exit" })?;
        Ok(Logits { classes: exit.classes, grid: exit.grid, values: exit.value.values().map_err(failed("exit"))? })
    }
}

impl Session {
    fn out_of_turn(&self, stage: &'static str, iteration: usize) -> ModelError {
        if self.slots.is_empty() {
            return ModelError::Order { wanted: stage, missing: "data" };
        }
        ModelError::Iteration { stage, iteration, finished: self.finished }
    }
}

/// The tensors that a stage takes.
fn taken<'a>(
    slots: &'a [Value],
    stage: &'a Stage,
    wanted: &'static str,
) -> Result<impl Iterator<Item = Value> + 'a, ModelError> {
    if slots.is_empty() {
        return Err(ModelError::Order { wanted, missing: "data" });
    }
    Ok(stage.takes.iter().map(|slot| slots[*slot].clone()))
}

/// Which of `count` graphs step or exit `iteration` of the network (from 1) uses: its own, or the last one where there is none.
fn chosen(iteration: usize, count: usize) -> usize {
    iteration.min(count) - 1
}

fn failed(stage: &'static str) -> impl Fn(String) -> ModelError {
    move |reason| ModelError::Stage { stage, reason }
}
