//! The loop: asks the planner, runs the stage, learns its cost, until there is a mask to publish.

use std::time::Duration;

use super::costs::{Stage, StageCosts};
use super::outcome::Outcome;
use super::planner::{Exits, Next, Position, Task};
use crate::clock::{Clock, Instant};
use crate::model::{Logits, ModelError, Progress, StagedModel, Watch};

/// What the taker of an exit makes of its logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// More iterations are welcome.
    GoOn,
    /// The mask hardly changed since the exit before: enough.
    Converged,
}

/// Runs the network on the input it holds; `task` says of a model that was told to resume a state how many steps that leaves out.
///
/// After `Ok`, the model's logits are those of `Outcome::exit`, and `costs` has learned every finished stage. `on_exit` is called
/// for each exit as it finishes, with its number and logits, and its error ends the run; in [`Exits::EachPublished`] its time is the cost of rendering.
/// After `Err` the frame has no mask; the model may be used for the next one.
pub fn run<E: From<ModelError>>(
    model: &mut dyn StagedModel,
    clock: &dyn Clock,
    costs: &mut StageCosts,
    task: &Task,
    on_exit: &mut dyn FnMut(usize, Logits<'_>) -> Result<Verdict, E>,
) -> Result<Outcome, E> {
    let now = clock.now();
    let mut at = Position { stale: task.deadline.is_some_and(|deadline| now >= deadline), ..Position::default() };
    let planned = task.plan(now, costs, at);
    let mut runner = Runner { clock, costs, gap: Duration::ZERO, stages: Vec::with_capacity(2 * planned + 2) };
    runner.run(Stage::Data, None, &mut |watch| model.data(watch))?;
    let cause = loop {
        match task.next(clock.now(), runner.costs, at) {
            Next::Step { until } => {
                let step = at.done + 1;
                match runner.run(task.step(step), until, &mut |watch| model.step(step, watch))? {
                    Progress::Finished => at.done = step,
                    Progress::Abandoned => at.abandoned = true,
                }
            }
            Next::Exit { until } => {
                let exit = at.done;
                let (progress, took) = runner.stage(until, &mut |watch| model.exit(exit, watch))?;
                if progress == Progress::Abandoned {
                    break super::StopCause::BudgetSpent;
                }
                at.exited = exit;
                at.converged = runner.hand_over(exit, took, model, task, on_exit)?;
            }
            Next::Publish(cause) => break cause,
        }
    };
    runner.costs.observe_gap(runner.gap);
    Ok(Outcome { exit: at.exited, planned, run: at.done, cause, stages: runner.stages })
}

/// Runs stages under their limits and keeps their times.
struct Runner<'a> {
    clock: &'a dyn Clock,
    costs: &'a mut StageCosts,
    gap: Duration,
    stages: Vec<(Stage, Duration)>,
}

impl Runner<'_> {
    /// Runs a stage and learns its cost.
    fn run(
        &mut self,
        stage: Stage,
        until: Option<Instant>,
        work: &mut dyn FnMut(Watch<'_>) -> Result<Progress, ModelError>,
    ) -> Result<Progress, ModelError> {
        let (progress, took) = self.stage(until, work)?;
        if progress == Progress::Finished {
            self.learn(stage, took);
        }
        Ok(progress)
    }

    /// Runs a stage under its limit.
    fn stage(
        &mut self,
        until: Option<Instant>,
        work: &mut dyn FnMut(Watch<'_>) -> Result<Progress, ModelError>,
    ) -> Result<(Progress, Duration), ModelError> {
        let start = self.clock.now();
        let (mut last, mut gap) = (start, Duration::ZERO);
        let mut watch = || {
            let now = self.clock.now();
            gap = gap.max(now.since(last));
            last = now;
            until.is_none_or(|until| now < until)
        };
        let progress = work(&mut watch)?;
        let end = self.clock.now();
        self.gap = self.gap.max(gap).max(end.since(last));
        Ok((progress, end.since(start)))
    }

    /// Hands over a finished exit. What its taker does is the cost of rendering where that is published, else the exit's own.
    fn hand_over<E: From<ModelError>>(
        &mut self,
        exit: usize,
        took: Duration,
        model: &dyn StagedModel,
        task: &Task,
        on_exit: &mut dyn FnMut(usize, Logits<'_>) -> Result<Verdict, E>,
    ) -> Result<bool, E> {
        let start = self.clock.now();
        let verdict = on_exit(exit, model.logits()?)?;
        let taken = self.clock.now().since(start);
        match task.exits {
            Exits::EachPublished => {
                self.learn(task.exit(exit), took);
                self.learn(Stage::Render, taken);
            }
            Exits::Needed | Exits::Every => self.learn(task.exit(exit), took + taken),
        }
        Ok(verdict == Verdict::Converged)
    }

    fn learn(&mut self, stage: Stage, took: Duration) {
        self.costs.observe(stage, took);
        self.stages.push((stage, took));
    }
}

/// Measures every stage up to `iterations` on this machine, `runs` times each, and makes the medians the references.
///
/// The input may hold anything: the stages' costs do not depend on it.
pub fn measure(
    model: &mut dyn StagedModel,
    clock: &dyn Clock,
    costs: &mut StageCosts,
    iterations: usize,
    runs: usize,
) -> Result<(), ModelError> {
    let mut seen: std::collections::BTreeMap<Stage, Vec<Duration>> = Default::default();
    let task = Task {
        deadline: None,
        share_end: None,
        iterations: super::Iterations::new(1, iterations),
        exits: Exits::Every,
        skipped: 0,
    };
    for _ in 0..runs {
        let mut fresh = StageCosts::new();
        let outcome = run(model, clock, &mut fresh, &task, &mut |_, _| Ok::<_, ModelError>(Verdict::GoOn))?;
        costs.observe_gap(fresh.gap());
        for (stage, took) in outcome.stages {
            seen.entry(stage).or_default().push(took);
        }
    }
    for (stage, took) in seen {
        costs.set_reference(stage, &took);
    }
    Ok(())
}
