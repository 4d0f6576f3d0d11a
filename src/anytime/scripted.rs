//! A model without a network: it charges scripted costs to a scripted clock, for simulations and tests.

use std::time::Duration;

use super::Stage;
use crate::clock::ScriptedClock;
use crate::frame::Size;
use crate::model::{Logits, ModelError, Progress, StagedModel, Watch};

/// Stands in for a network: every stage costs what a script says, node by node.
pub struct ScriptedModel {
    clock: ScriptedClock,
    nodes: Box<dyn FnMut(Stage) -> Vec<Duration> + Send>,
    iterations: usize,
    input: [f32; 3],
    done: usize,
    logits: Option<[f32; 2]>,
}

impl ScriptedModel {
    /// A model that charges `cost(stage)` to `clock`, spread evenly over `nodes` nodes, and can be abandoned before each of them.
    pub fn new(
        clock: ScriptedClock,
        iterations: usize,
        nodes: u32,
        mut cost: impl FnMut(Stage) -> Duration + Send + 'static,
    ) -> Self {
        let nodes = nodes.max(1);
        Self::of_nodes(clock, iterations, move |stage| vec![cost(stage) / nodes; nodes as usize])
    }

    /// A model that charges `nodes(stage)` to `clock`, one after the other, and can be abandoned before each of them.
    pub fn of_nodes(
        clock: ScriptedClock,
        iterations: usize,
        nodes: impl FnMut(Stage) -> Vec<Duration> + Send + 'static,
    ) -> Self {
        Self { clock, nodes: Box::new(nodes), iterations: iterations.max(1), input: [0.0; 3], done: 0, logits: None }
    }

    fn spend(&mut self, stage: Stage, watch: Watch<'_>) -> Progress {
        for node in (self.nodes)(stage) {
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
