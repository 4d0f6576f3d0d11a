//! Ways to choose the number of iterations, beside each other on one trace.
//!
//! Each is replayed on the scripted clock: the planner and its variants through the very loop that runs the network. A frame arrives when it was
//! recorded, or when the one before has ended, and has its whole budget, so that all of them get the same frames. What a frame is worth is the
//! accuracy of the exit that was published for it, and nothing after the deadline.
//!
//! The oracle knows what every stage will take. Between it and the planner stands who is told what every stage will take but for stalls, and how
//! often the whole trace stalls and for how long, but not when, and decides by the planner's rule. What is between it and the oracle is foresight of
//! stalls; what is between it and the planner is prediction. A stall comes when it came, whatever runs then: see [`Timeline`].

use std::sync::Arc;
use std::time::Duration;

use super::Trace;
use super::tally::Played;
use super::timeline::Timeline;
use crate::anytime::{
    self, Course, Exits, Iterations, Outcome, Position, Price, ScriptedModel, Stage, StageCosts, Task, Verdict, alone,
    without_dips,
};
use crate::clock::{Clock, Instant, ScriptedClock};
use crate::model::ModelError;

/// A way to choose the number of iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The planner, as it runs in the pipeline.
    Planner,
    /// The planner, told the costs of every frame and the stalls of the whole trace, but not when they come.
    Told,
    /// The planner on means instead of quantiles.
    Mean,
    /// Steps and exits by turns while there is time left, without an idea of what anything costs.
    TimeLeft,
    /// Always as many iterations.
    Fixed(usize),
}

/// What a decision of the planner takes by `clock`, and what learning from a node: medians over batches of a hundred.
pub fn decision_cost(contest: &Contest, clock: &dyn Clock) -> Result<(Duration, Duration), ModelError> {
    let scripted = ScriptedClock::new();
    let mut costs = contest.warm_up(&mut contest.model(&scripted), &scripted, Strategy::Planner)?;
    let nodes = |frame, step| contest.trace.nodes(frame, Stage::Step(step)).into_iter().zip(1..);
    let steps =
        |frame| (1..=contest.iterations()).flat_map(move |step| nodes(frame, step).map(move |node| (step, node)));
    let steps: Vec<(usize, (Duration, usize))> = contest.trace.frames.iter().flat_map(steps).collect();
    let task = contest.task(Strategy::Planner, Instant::at(Duration::from_secs(1)), Price::default());
    let (mut deciding, mut learning) = (Vec::new(), Vec::new());
    for batch in steps.chunks_exact(BATCH) {
        let start = clock.now();
        let (mut course, mut at) = (Course::default(), Instant::default());
        for (step, (took, node)) in batch {
            costs.observe_node(Stage::Step(*step), *node, (at, at + *took), &mut course);
            at = at + *took;
        }
        std::hint::black_box(course);
        let learned = clock.now();
        for (step, (_, node)) in batch {
            let at = Position { done: step - 1, exited: 1, ..Position::default() };
            std::hint::black_box(task.goes_on(Instant::default(), &costs, std::hint::black_box(at), *node));
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
pub const WARM_UP: usize = 5;

/// A trace to be played, at a budget, by exits worth `accuracy` each.
#[derive(Clone, Debug)]
pub struct Contest {
    trace: Trace,
    timelines: Arc<Vec<Timeline>>,
    accuracy: Vec<f64>,
    /// What the planner takes exits to be worth.
    worth: Vec<f64>,
}

impl Contest {
    /// Plays `trace`, of whose exits the first is worth `accuracy[0]`, and so on; no more iterations than both have.
    pub fn new(trace: Trace, accuracy: &[f64]) -> Self {
        let iterations = trace.iterations().min(accuracy.len());
        let accuracy = accuracy[..iterations].to_vec();
        let timelines = Arc::new(Timeline::all(&trace));
        Self { trace, timelines, worth: without_dips(accuracy.clone()), accuracy }
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
        let best = |frame: &Timeline| {
            let all = (1..=self.iterations().max(1)).map(|exit| self.played(exit, self.to_exit(frame, exit), budget));
            let better = |best: Played, next: Played| if next.utility > best.utility { next } else { best };
            all.reduce(better)
        };
        self.timelines.iter().skip(WARM_UP).filter_map(best).collect()
    }

    /// The frames as `strategy` plays them.
    pub fn play(&self, strategy: Strategy, budget: Duration) -> Result<Vec<Played>, ModelError> {
        if strategy == Strategy::Told {
            let mut costs = StageCosts::told();
            self.pass(strategy, budget, &mut costs)?;
            return self.pass(strategy, budget, &mut costs);
        }
        let clock = ScriptedClock::new();
        let mut costs = self.warm_up(&mut self.model(&clock), &clock, strategy)?;
        self.pass(strategy, budget, &mut costs)
    }

    /// Plays all frames once, with costs that learn from them.
    fn pass(&self, strategy: Strategy, budget: Duration, costs: &mut StageCosts) -> Result<Vec<Played>, ModelError> {
        let clock = ScriptedClock::new();
        let mut model = self.model(&clock);
        anytime::measure(&mut model, &clock, &mut StageCosts::new(), self.iterations(), WARM_UP)?;
        let mut price = Price::default();
        let mut played = Vec::with_capacity(self.trace.frames.len());
        for (recorded, frame) in self.trace.frames.iter().zip(self.timelines.iter()).skip(WARM_UP) {
            let due = Instant::at(Duration::from_micros(recorded.at_us));
            costs.rest(due.since(clock.now()));
            clock.sleep_until(due);
            match strategy {
                Strategy::TimeLeft => *costs = StageCosts::new(),
                Strategy::Told => self.tell(frame, costs),
                _ => (),
            }
            let arrival = clock.now();
            let task = self.task(strategy, arrival + budget, price);
            let (outcome, gave_up) = self.frame(&mut model, &clock, costs, frame, task)?;
            let here = self.played(outcome.exit, clock.now().since(arrival), budget);
            price.learn(outcome.went_on && !here.in_time);
            played.push(Played { gave_up, ..here });
        }
        Ok(played)
    }

    /// Sets the references to what a frame's stages will take without stalls.
    fn tell(&self, frame: &Timeline, costs: &mut StageCosts) {
        let steps = (1..=self.iterations()).flat_map(|n| [Stage::Step(n), Stage::Exit(n)]);
        for stage in std::iter::once(Stage::Data).chain(steps) {
            // The first look at the clock comes before the first node.
            let nodes: Vec<Duration> =
                std::iter::once(Duration::ZERO).chain(frame.work(stage).iter().copied()).collect();
            costs.set_nodes(stage, &[nodes]);
        }
        costs.set_reference(Stage::Render(0), frame.work(Stage::Render(0)));
    }

    /// Frames that count: all but the warm-up.
    pub fn frames(&self) -> usize {
        self.trace.frames.len().saturating_sub(WARM_UP)
    }

    /// `count` budgets, evenly from what nine of ten frames need to the first exit to what they need to the last.
    pub fn budgets(&self, count: u32) -> Vec<Duration> {
        let usual = |exit| {
            let mut all: Vec<Duration> = self.timelines.iter().map(|frame| self.to_exit(frame, exit)).collect();
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
        Played { exit, in_time, utility: if in_time { worth } else { 0.0 }, elapsed, gave_up: false }
    }

    /// What a frame takes that goes straight to one exit.
    fn to_exit(&self, frame: &Timeline, exit: usize) -> Duration {
        let end = [Stage::Exit(exit), Stage::Render(0)];
        let stages = [Stage::Decode(0), Stage::Data].into_iter().chain((1..=exit).map(Stage::Step)).chain(end);
        frame.takes(Duration::ZERO, stages.map(|stage| frame.work(stage).iter().sum::<Duration>()).sum())
    }

    /// A model that takes one frame after the other, the next one at each data stage.
    fn model(&self, clock: &ScriptedClock) -> ScriptedModel {
        let (timelines, timer, mut begun) = (Arc::clone(&self.timelines), clock.clone(), 0);
        // When the frame was decoded, and how long after it was begun.
        let mut decoded = (Instant::default(), Duration::ZERO);
        let nodes = move |stage| {
            begun += usize::from(stage == Stage::Data);
            let Some(frame) = timelines.get(begun - 1) else { return Vec::new() };
            if stage == Stage::Data {
                decoded = (timer.now(), frame.takes(Duration::ZERO, frame.work(Stage::Decode(0)).iter().sum()));
            }
            let mut now = timer.now().since(decoded.0) + decoded.1;
            let mut node = |work: &Duration| {
                let took = frame.takes(now, *work);
                now += took;
                took
            };
            frame.work(stage).iter().map(&mut node).collect()
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
        let render = |frame| self.trace.took(frame, Stage::Render(0));
        costs.set_reference(Stage::Render(0), &self.trace.frames.iter().take(WARM_UP).map(render).collect::<Vec<_>>());
        Ok(costs)
    }

    fn task(&self, strategy: Strategy, deadline: Instant, price: Price) -> Task<'_> {
        let (deadline, iterations, exits) = match strategy {
            Strategy::Planner | Strategy::Told | Strategy::Mean => {
                (Some(deadline), Iterations::new(1, self.iterations()), Exits::Needed)
            }
            Strategy::TimeLeft => (Some(deadline), Iterations::new(1, self.iterations()), Exits::Every),
            Strategy::Fixed(n) => (None, Iterations::fixed(n), Exits::Needed),
        };
        Task { deadline, iterations, exits, worth: &self.worth, price, ..Task::default() }
    }

    /// Plays a frame as the pipeline does; what became of it, and whether a step was abandoned.
    fn frame(
        &self,
        model: &mut ScriptedModel,
        clock: &ScriptedClock,
        costs: &mut StageCosts,
        frame: &Timeline,
        task: Task<'_>,
    ) -> Result<(Outcome, bool), ModelError> {
        let begun = clock.now();
        let charge = |costs: &mut StageCosts, stage| {
            let from = clock.now();
            clock.advance(frame.takes(from.since(begun), frame.work(stage).iter().sum()));
            costs.observe(stage, from, clock.now());
        };
        charge(costs, Stage::Decode(0));
        let start = clock.now();
        let outcome =
            anytime::run(model, clock, costs, &task, &mut alone, &mut |_, _| Ok::<_, ModelError>(Verdict::GoOn))?;
        let finished: Duration = outcome.stages.iter().map(|(_, took)| *took).sum();
        let gave_up = clock.now().since(start) > finished;
        charge(costs, Stage::Render(0));
        Ok((outcome, gave_up))
    }
}
