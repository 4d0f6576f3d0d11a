//! Ways to choose the number of iterations, beside each other on one trace.
//!
//! Each is replayed on the scripted clock: the planner and its variants through the very loop that runs the network. A frame arrives when it was
//! recorded, or when the one before has ended, and has its whole budget, so that all of them get the same frames. What a frame is worth is the
//! accuracy of the exit that was published for it, and nothing after the deadline.

use std::sync::Arc;
use std::time::Duration;

use super::{Costs, Trace};
use crate::anytime::{self, Exits, Iterations, Position, ScriptedModel, Stage, StageCosts, Task, Verdict};
use crate::clock::{Clock, Instant, ScriptedClock};
use crate::model::ModelError;

/// A way to choose the number of iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The planner, as it runs in the pipeline.
    Planner,
    /// The planner on means instead of quantiles.
    Mean,
    /// Steps and exits by turns while there is time left, without an idea of what anything costs.
    TimeLeft,
    /// Always as many iterations.
    Fixed(usize),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Played {
    /// The exit that was published.
    pub exit: usize,
    /// Whether that was before the deadline.
    pub in_time: bool,
    /// What it was worth, 0 to 1.
    pub utility: f64,
    /// From arrival to mask.
    pub elapsed: Duration,
}

/// What became of all frames of a trace, and how far that is from the oracle's.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Tally {
    /// Frames that counted.
    pub frames: usize,
    /// Those that were late.
    pub missed: usize,
    /// Those that were late although the oracle's were not.
    pub missed_needlessly: usize,
    /// The mean of the published exits, late ones too.
    pub mean_exit: f64,
    /// The mean of what the frames were worth.
    pub utility: f64,
    /// The same mean of the oracle's frames.
    pub best: f64,
    /// Part of `best` that is not reached, 0 to 1.
    pub regret: f64,
    /// The mean time from arrival to mask, in milliseconds.
    pub elapsed_ms: f64,
}

impl Tally {
    /// Adds up what became of the frames, beside the oracle's.
    pub fn of(played: &[Played], oracle: &[Played]) -> Self {
        let count = played.len().max(1) as f64;
        let utility = |played: &[Played]| played.iter().map(|frame| frame.utility).sum::<f64>() / count;
        let late = |(frame, best): &(&Played, &Played)| !frame.in_time && best.in_time;
        Self {
            frames: played.len(),
            missed: played.iter().filter(|frame| !frame.in_time).count(),
            missed_needlessly: played.iter().zip(oracle).filter(late).count(),
            mean_exit: played.iter().map(|frame| frame.exit as f64).sum::<f64>() / count,
            utility: utility(played),
            best: utility(oracle),
            regret: regret(utility(played), utility(oracle)),
            elapsed_ms: 1e3 * played.iter().map(|frame| frame.elapsed.as_secs_f64()).sum::<f64>() / count,
        }
    }

    /// Several together, each with as much weight as any other; its regret is that of the mean utilities.
    pub fn sum(tallies: &[Tally]) -> Self {
        let mean = |of: fn(&Tally) -> f64| tallies.iter().map(of).sum::<f64>() / tallies.len().max(1) as f64;
        let (utility, best) = (mean(|tally| tally.utility), mean(|tally| tally.best));
        Self {
            frames: tallies.iter().map(|tally| tally.frames).sum(),
            missed: tallies.iter().map(|tally| tally.missed).sum(),
            missed_needlessly: tallies.iter().map(|tally| tally.missed_needlessly).sum(),
            mean_exit: mean(|tally| tally.mean_exit),
            utility,
            best,
            regret: regret(utility, best),
            elapsed_ms: mean(|tally| tally.elapsed_ms),
        }
    }
}

fn regret(utility: f64, best: f64) -> f64 {
    if best > 0.0 { 1.0 - utility / best } else { 0.0 }
}

/// What a decision of the planner takes by `clock`, and what learning from a stage: medians over batches of a hundred.
pub fn decision_cost(contest: &Contest, clock: &dyn Clock) -> Result<(Duration, Duration), ModelError> {
    let scripted = ScriptedClock::new();
    let mut costs = contest.warm_up(&mut contest.model(&scripted), &scripted, Strategy::Planner)?;
    let steps = |frame| (1..=contest.iterations()).map(move |n| (n, contest.trace.took(frame, Stage::Step(n))));
    let steps: Vec<(usize, Duration)> = contest.trace.frames.iter().flat_map(steps).collect();
    let task = contest.task(Strategy::Planner, Instant::at(Duration::from_secs(1)));
    let (mut deciding, mut learning) = (Vec::new(), Vec::new());
    for batch in steps.chunks_exact(BATCH) {
        let start = clock.now();
        batch.iter().for_each(|(step, took)| costs.observe(Stage::Step(*step), *took));
        let learned = clock.now();
        for (step, _) in batch {
            let at = Position { done: *step, exited: 1, ..Position::default() };
            std::hint::black_box(task.next(Instant::default(), &costs, std::hint::black_box(at)));
        }
        learning.push(learned.since(start));
        deciding.push(clock.now().since(learned));
    }
    let each = |mut batches: Vec<Duration>| {
        batches.sort();
        batches.get(batches.len() / 2).map_or(Duration::ZERO, |batch| *batch / BATCH as u32)
    };
    Ok((each(deciding), each(learning)))
}

/// How many decisions are timed together.
const BATCH: usize = 100;
/// So many frames at the start are the warm-up, on which all stages are measured; they do not count.
const WARM_UP: usize = 5;

/// A trace to be played, at a budget, by exits worth `accuracy` each.
#[derive(Clone, Debug)]
pub struct Contest {
    trace: Arc<Trace>,
    accuracy: Vec<f64>,
}

impl Contest {
    /// Plays `trace`, of whose exits the first is worth `accuracy[0]`, and so on; no more iterations than both have.
    pub fn new(trace: Trace, accuracy: &[f64]) -> Self {
        let iterations = trace.iterations().min(accuracy.len());
        Self { trace: Arc::new(trace), accuracy: accuracy[..iterations].to_vec() }
    }

    /// Iterations that may be chosen.
    pub fn iterations(&self) -> usize {
        self.accuracy.len()
    }

    /// The trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The best of every frame by who knows all costs before: the exit worth most of those that end in time, else the first, late. Exits on the
    /// way are not taken.
    pub fn oracle(&self, budget: Duration) -> Vec<Played> {
        let best = |frame: &Costs| {
            let all = (1..=self.iterations().max(1)).map(|exit| self.played(exit, self.to_exit(frame, exit), budget));
            let better = |best: Played, next: Played| if next.utility > best.utility { next } else { best };
            all.reduce(better)
        };
        self.trace.frames.iter().skip(WARM_UP).filter_map(best).collect()
    }

    /// The frames as `strategy` plays them.
    pub fn play(&self, strategy: Strategy, budget: Duration) -> Result<Vec<Played>, ModelError> {
        let clock = ScriptedClock::new();
        let mut model = self.model(&clock);
        let mut costs = self.warm_up(&mut model, &clock, strategy)?;
        let mut played = Vec::with_capacity(self.trace.frames.len());
        for frame in self.trace.frames.iter().skip(WARM_UP) {
            clock.sleep_until(Instant::at(Duration::from_millis(frame.at_ms.into())));
            if strategy == Strategy::TimeLeft {
                costs = StageCosts::new();
            }
            let arrival = clock.now();
            let exit = self.frame(&mut model, &clock, &mut costs, frame, self.task(strategy, arrival + budget))?;
            played.push(self.played(exit, clock.now().since(arrival), budget));
        }
        Ok(played)
    }

    /// Frames that count: all but the warm-up.
    pub fn frames(&self) -> usize {
        self.trace.frames.len().saturating_sub(WARM_UP)
    }

    /// `count` budgets, evenly from what nine of ten frames need to the first exit to what they need to the last.
    pub fn budgets(&self, count: u32) -> Vec<Duration> {
        let usual = |exit| {
            let mut all: Vec<Duration> = self.trace.frames.iter().map(|frame| self.to_exit(frame, exit)).collect();
            all.sort();
            all.get(all.len() * 9 / 10).copied()
        };
        let (Some(first), Some(last)) = (usual(1), usual(self.iterations())) else {
            return Vec::new();
        };
        let step = last.saturating_sub(first) / count.saturating_sub(1).max(1);
        (0..count).map(|n| first + n * step).collect()
    }

    fn played(&self, exit: usize, elapsed: Duration, budget: Duration) -> Played {
        let in_time = elapsed <= budget;
        let worth = exit.checked_sub(1).and_then(|exit| self.accuracy.get(exit)).copied().unwrap_or(0.0);
        Played { exit, in_time, utility: if in_time { worth } else { 0.0 }, elapsed }
    }

    /// What a frame takes that goes straight to one exit.
    fn to_exit(&self, frame: &Costs, exit: usize) -> Duration {
        let around = [Stage::Decode, Stage::Data, Stage::Exit(exit), Stage::Render];
        let stages = around.into_iter().chain((1..=exit).map(Stage::Step));
        stages.map(|stage| self.trace.took(frame, stage)).sum()
    }

    /// A model that takes one frame after the other, the next one at each data stage.
    fn model(&self, clock: &ScriptedClock) -> ScriptedModel {
        let (trace, mut begun) = (Arc::clone(&self.trace), 0);
        let nodes = move |stage| {
            begun += usize::from(stage == Stage::Data);
            trace.frames.get(begun - 1).map_or_else(Vec::new, |frame| trace.nodes(frame, stage))
        };
        ScriptedModel::of_nodes(clock.clone(), self.iterations(), nodes)
    }

    fn warm_up(
        &self,
        model: &mut ScriptedModel,
        clock: &ScriptedClock,
        strategy: Strategy,
    ) -> Result<StageCosts, ModelError> {
        let mut costs = match strategy {
            Strategy::Mean => StageCosts::of_means(),
            _ => StageCosts::new(),
        };
        anytime::measure(model, clock, &mut costs, self.iterations(), WARM_UP)?;
        let render = |frame| self.trace.took(frame, Stage::Render);
        costs.set_reference(Stage::Render, &self.trace.frames.iter().take(WARM_UP).map(render).collect::<Vec<_>>());
        Ok(costs)
    }

    fn task(&self, strategy: Strategy, deadline: Instant) -> Task {
        let (deadline, iterations, exits) = match strategy {
            Strategy::Planner | Strategy::Mean => {
                (Some(deadline), Iterations::new(1, self.iterations()), Exits::Needed)
            }
            Strategy::TimeLeft => (Some(deadline), Iterations::new(1, self.iterations()), Exits::Every),
            Strategy::Fixed(n) => (None, Iterations::fixed(n), Exits::Needed),
        };
        Task { deadline, share_end: None, iterations, exits, skipped: 0 }
    }

    /// Plays a frame as the pipeline does; the exit that was published.
    fn frame(
        &self,
        model: &mut ScriptedModel,
        clock: &ScriptedClock,
        costs: &mut StageCosts,
        frame: &Costs,
        task: Task,
    ) -> Result<usize, ModelError> {
        let charge = |costs: &mut StageCosts, stage| {
            clock.advance(self.trace.took(frame, stage));
            costs.observe(stage, self.trace.took(frame, stage));
        };
        charge(costs, Stage::Decode);
        let outcome = anytime::run(model, clock, costs, &task, &mut |_, _| Ok::<_, ModelError>(Verdict::GoOn))?;
        charge(costs, Stage::Render);
        Ok(outcome.exit)
    }
}
