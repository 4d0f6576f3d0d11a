//! The loop: asks the planner, runs the stage, learns its cost, until there is a mask to publish.

use std::collections::BTreeMap;
use std::time::Duration;

use super::costs::{Course, StageCosts};
use super::outcome::Outcome;
use super::planner::{AskLimits, Exits, Next, Position, Task};
use super::stage::Stage;
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
/// `beside` is asked before each decision after the first exit. After `Ok`, the model's logits are those of `Outcome::exit`, and `costs` has learned
/// every finished stage. `on_exit` is called for each exit as it finishes, with its number and logits, and its error ends the run; in
/// [`Exits::EachPublished`] its time is the cost of rendering. After `Err` the frame has no mask; the model may be used for the next one.
pub fn run<E: From<ModelError>>(
    model: &mut dyn StagedModel,
    clock: &dyn Clock,
    costs: &mut StageCosts,
    task: &Task<'_>,
    beside: AskLimits<'_>,
    on_exit: &mut dyn FnMut(usize, Logits<'_>) -> Result<Verdict, E>,
) -> Result<Outcome, E> {
    let now = clock.now();
    let mut at = Position { stale: task.deadline.is_some_and(|deadline| now >= deadline), ..Position::default() };
    let planned = task.plan(now, costs, at, beside);
    let mut runner = Runner { clock, costs, stages: Vec::with_capacity(2 * planned + 4) };
    runner.run(Stage::Data, &|_, _, _| true, &mut |watch| model.data(watch))?;
    let mut went_on = false;
    let cause = loop {
        let now = clock.now();
        match task.next(now, runner.costs, at, at.limits(now, runner.costs, beside)) {
            Next::Step => {
                let step = at.done + 1;
                went_on |= at.exited > 0;
                let go = |now: Instant, costs: &StageCosts, node| at.exited == 0 || task.goes_on(now, costs, at, node);
                match runner.run(task.step(step), &go, &mut |watch| model.step(step, watch))? {
                    Progress::Finished => at.done = step,
                    Progress::Abandoned => at.abandoned = true,
                }
            }
            Next::Exit { until } => {
                let exit = at.done;
                let go = |now, _: &StageCosts, _| until.is_none_or(|until| now < until);
                let (progress, ran) = runner.stage(task.exit(exit), &go, &mut |watch| model.exit(exit, watch))?;
                if progress == Progress::Abandoned {
                    break super::StopCause::BudgetSpent;
                }
                at.exited = exit;
                at.converged = runner.hand_over(exit, ran, model, task, on_exit)?;
            }
            Next::Publish(cause) => break cause,
        }
    };
    runner.costs.frame_ended();
    Ok(Outcome { exit: at.exited, planned, run: at.done, went_on, cause, stages: runner.stages })
}

/// Whether a stage goes on at an instant after so many of its nodes, by the costs that are known then.
type GoesOn<'a> = &'a dyn Fn(Instant, &StageCosts, usize) -> bool;

/// Runs stages as long as they may go on, and keeps their times.
struct Runner<'a> {
    clock: &'a dyn Clock,
    costs: &'a mut StageCosts,
    stages: Vec<(Stage, Duration)>,
}

/// How a stage ran, and what it took.
struct Ran {
    course: Course,
    took: Duration,
}

impl Runner<'_> {
    /// Runs a stage and learns its cost.
    fn run(
        &mut self,
        stage: Stage,
        go: GoesOn<'_>,
        work: &mut dyn FnMut(Watch<'_>) -> Result<Progress, ModelError>,
    ) -> Result<Progress, ModelError> {
        let (progress, ran) = self.stage(stage, go, work)?;
        if progress == Progress::Finished {
            self.finish(stage, ran);
        }
        Ok(progress)
    }

    /// Runs a stage and learns what its nodes take as they end, whether or not it finishes.
    fn stage(
        &mut self,
        stage: Stage,
        go: GoesOn<'_>,
        work: &mut dyn FnMut(Watch<'_>) -> Result<Progress, ModelError>,
    ) -> Result<(Progress, Ran), ModelError> {
        let Self { clock, costs, .. } = self;
        let start = clock.now();
        let (mut last, mut node, mut course) = (start, 0, Course::default());
        let mut watch = || {
            let now = clock.now();
            costs.observe_node(stage, node, (last, now), &mut course);
            (last, node) = (now, node + 1);
            go(now, costs, node)
        };
        let progress = work(&mut watch)?;
        let end = clock.now();
        if progress == Progress::Finished {
            costs.observe_node(stage, node, (last, end), &mut course);
        }
        Ok((progress, Ran { course, took: end.since(start) }))
    }

    /// Hands over a finished exit. What its taker does is the cost of rendering where that is published, else the exit's own.
    fn hand_over<E: From<ModelError>>(
        &mut self,
        exit: usize,
        mut ran: Ran,
        model: &dyn StagedModel,
        task: &Task<'_>,
        on_exit: &mut dyn FnMut(usize, Logits<'_>) -> Result<Verdict, E>,
    ) -> Result<bool, E> {
        let start = self.clock.now();
        let verdict = on_exit(exit, model.logits()?)?;
        let end = self.clock.now();
        let taken = end.since(start);
        let published = task.exits == Exits::EachPublished;
        if !published {
            ran.course.add(taken);
            ran.took += taken;
        }
        self.finish(task.exit(exit), ran);
        if published {
            self.costs.observe(task.render(), start, end);
            self.stages.push((task.render(), taken));
        }
        Ok(verdict == Verdict::Converged)
    }

    fn finish(&mut self, stage: Stage, ran: Ran) {
        self.costs.finish(stage, ran.course);
        self.stages.push((stage, ran.took));
    }
}

/// Measures every stage up to `iterations` on this machine, `runs` times each and node by node, and makes the medians the references.
///
/// The input may hold anything: the stages' costs do not depend on it.
pub fn measure(
    model: &mut dyn StagedModel,
    clock: &dyn Clock,
    costs: &mut StageCosts,
    iterations: usize,
    runs: usize,
) -> Result<(), ModelError> {
    let mut seen: BTreeMap<Stage, Vec<Vec<Duration>>> = BTreeMap::new();
    for _ in 0..runs {
        let mut keep = |stage, nodes| seen.entry(stage).or_default().push(nodes);
        keep(Stage::Data, nodes(clock, &mut |watch| model.data(watch))?);
        for iteration in 1..=iterations {
            keep(Stage::Step(iteration), nodes(clock, &mut |watch| model.step(iteration, watch))?);
            keep(Stage::Exit(iteration), nodes(clock, &mut |watch| model.exit(iteration, watch))?);
        }
    }
    for (stage, runs) in seen {
        costs.set_nodes(stage, &runs);
    }
    Ok(())
}

/// Runs a stage to its end; what each of its nodes took, which is what passes between its looks at the clock.
pub fn nodes(
    clock: &dyn Clock,
    stage: &mut dyn FnMut(Watch<'_>) -> Result<Progress, ModelError>,
) -> Result<Vec<Duration>, ModelError> {
    let (mut nodes, mut last) = (Vec::new(), clock.now());
    let mut look = || {
        let now = clock.now();
        nodes.push(now.since(std::mem::replace(&mut last, now)));
        true
    };
    stage(&mut look)?;
    look();
    Ok(nodes)
}
