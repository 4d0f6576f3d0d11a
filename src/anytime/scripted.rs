//! A model without a network: it charges scripted costs to a scripted clock, for simulations and tests.

use std::time::Duration;

use super::Stage;
use crate::clock::ScriptedClock;
use crate::frame::Size;
use crate::kernels::ValuesMut;
use crate::model::{Logits, ModelError, Progress, StagedModel, State, WarmStart, Watch};

/// Stands in for a network: every stage costs what a script says, node by node.
///
/// Its state is the number of steps that it went through, in all frames since the last cold one; its logits are 0 for the first of two classes and that number
/// for the second.
pub struct ScriptedModel {
    clock: ScriptedClock,
    nodes: Box<dyn FnMut(Stage) -> Vec<Duration> + Send>,
    iterations: usize,
    warm_start: Option<WarmStart>,
    input: [f32; 3],
    skipped: usize,
    done: usize,
    resumed: Option<Carried>,
    carried: usize,
    logits: Option<[f32; 2]>,
}

/// What a state of the scripted model holds.
struct Carried(usize);

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
        Self {
            clock,
            nodes: Box::new(nodes),
            iterations: iterations.max(1),
            warm_start: None,
            input: [0.0; 3],
            skipped: 0,
            done: 0,
            resumed: None,
            carried: 0,
            logits: None,
        }
    }

    /// The same model, made for warm starts.
    pub fn offering(self, warm_start: WarmStart) -> Self {
        Self { warm_start: Some(warm_start), ..self }
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

    fn input(&mut self) -> ValuesMut<'_> {
        ValuesMut::Whole(&mut self.input)
    }

    fn iterations(&self) -> usize {
        self.iterations
    }

    fn warm_start(&self) -> Option<WarmStart> {
        self.warm_start
    }

    fn state(&self) -> Option<State> {
        let offered = self.warm_start.is_some() && self.done > 0;
        offered.then(|| State::new(Carried(self.carried + self.done), size_of::<Carried>()))
    }

    fn resume(&mut self, state: State) -> Result<(), ModelError> {
        self.resumed = state.content().filter(|_| self.warm_start.is_some());
        self.resumed.as_ref().map(|_| ()).ok_or(ModelError::Resume { reason: "the state is of another model" })
    }

    fn data(&mut self, watch: Watch<'_>) -> Result<Progress, ModelError> {
        let resumed = self.resumed.take();
        self.skipped = self.warm_start.filter(|_| resumed.is_some()).map_or(0, |warm| warm.skipped_steps());
        self.carried = resumed.map_or(0, |Carried(steps)| steps);
        self.done = 0;
        self.logits = None;
        Ok(self.spend(Stage::Data, watch))
    }

    fn step(&mut self, iteration: usize, watch: Watch<'_>) -> Result<Progress, ModelError> {
        let progress = self.spend(Stage::Step(self.skipped + iteration), watch);
        if progress == Progress::Finished {
            self.done = iteration;
        }
        Ok(progress)
    }

    fn exit(&mut self, iteration: usize, watch: Watch<'_>) -> Result<Progress, ModelError> {
        if iteration != self.done {
            return Err(ModelError::Order { wanted: "exit", missing: "step" });
        }
        let progress = self.spend(Stage::Exit(self.skipped + iteration), watch);
        if progress == Progress::Finished {
            self.logits = Some([0.0, (self.carried + iteration) as f32]);
        }
        Ok(progress)
    }

    fn logits(&self) -> Result<Logits<'_>, ModelError> {
        let values = self.logits.as_ref().ok_or(ModelError::Order { wanted: "logits", missing: "exit" })?;
        Ok(Logits { classes: 2, grid: Size::new(1, 1), values })
    }
}
