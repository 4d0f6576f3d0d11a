//! A model without a network: it charges scripted costs to a scripted clock, for simulations and tests.

use std::time::Duration;

use super::Stage;
use crate::clock::ScriptedClock;
use crate::frame::Size;
use crate::model::{Logits, ModelError, Progress, StagedModel, Watch};

/// Stands in for a network: every stage costs what `cost` says, spread evenly over `nodes` nodes.
pub struct ScriptedModel {
    clock: ScriptedClock,
    cost: Box<dyn FnMut(Stage) -> Duration + Send>,
    nodes: u32,
    iterations: usize,
    input: [f32; 3],
    done: usize,
    logits: Option<[f32; 2]>,
}

impl ScriptedModel {
    /// A model that charges `cost(stage)` to `clock` and can be abandoned at `nodes` places in each stage.
    pub fn new(
        clock: ScriptedClock,
        iterations: usize,
        nodes: u32,
        cost: impl FnMut(Stage) -> Duration + Send + 'static,
    ) -> Self {
        Self {
            clock,
            cost: Box::new(cost),
            nodes: nodes.max(1),
            iterations: iterations.max(1),
            input: [0.0; 3],
            done: 0,
            logits: None,
        }
    }

    fn spend(&mut self, stage: Stage, watch: Watch<'_>) -> Progress {
        let node = (self.cost)(stage) / self.nodes;
        for _ in 0..self.nodes {
            if !watch() {
                return Progress::Abandoned;
            }
            self.clock.advance(node);
        }
        Progress::Finished
    }
}

impl StagedModel for ScriptedModel {
    fn input_size(&self) -> Size {
        Size::new(1, 1)
    }

    fn input(&mut self) -> &mut [f32] {
        &mut self.input
    }

    fn iterations(&self) -> usize {
        self.iterations
    }

    fn data(&mut self, watch: Watch<'_>) -> Result<Progress, ModelError> {
        self.done = 0;
        self.logits = None;
        Ok(self.spend(Stage::Data, watch))
    }

    fn step(&mut self, iteration: usize, watch: Watch<'_>) -> Result<Progress, ModelError> {
        let progress = self.spend(Stage::Step(iteration), watch);
        if progress == Progress::Finished {
            self.done = iteration;
        }
        Ok(progress)
    }

    fn exit(&mut self, iteration: usize, watch: Watch<'_>) -> Result<Progress, ModelError> {
        if iteration != self.done {
            return Err(ModelError::Order { wanted: "exit", missing: "step" });
        }
        let progress = self.spend(Stage::Exit(iteration), watch);
        if progress == Progress::Finished {
            self.logits = Some([0.0, iteration as f32]);
        }
        Ok(progress)
    }

    fn logits(&self) -> Result<Logits<'_>, ModelError> {
        let values = self.logits.as_ref().ok_or(ModelError::Order { wanted: "logits", missing: "exit" })?;
        Ok(Logits { classes: 2, grid: Size::new(1, 1), values })
    }
}
