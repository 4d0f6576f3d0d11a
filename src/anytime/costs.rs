//! What each stage costs on this machine, right now.
//!
//! A cost is predicted as `reference * slowdown * noise`, without stalls:
//! - the *reference* is what the stage took, node by node, when it was first measured on this machine (medians over warm-up runs);
//! - the *slowdown* is how much slower the network's stages ran just now than their references: it follows each of them by a part of the way,
//!   so that a loaded core is seen within a few stages;
//! - the *noise* is what is left, kept per stage over a window.
//!
//! A node that took far longer than it should was *stalled*: that time is no cost of its stage, and goes to [`Stalls`]. Where most of a stage and of the
//! next one seems to be stalled, the machine has become slower instead.
//!
//! Knows durations only: neither deadlines nor what a stage computes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stage::Stage;
use super::stalls::Stalls;
use super::window::Window;
use crate::clock::Instant;

/// How far the slowdown follows what a stage took, as a power.
const FOLLOWS: f64 = 0.4;
/// How many observations of one stage are remembered: half a second of a 30 Hz camera.
const NOISE_WINDOW: usize = 16;
/// The quantile by which the planner hopes a stage to be over.
const USUAL: f64 = 0.5;
/// The quantile that is set aside: the most that was seen.
const RESERVED: f64 = 1.0;
/// A node was stalled where it took more than so many times what it should ...
const STALLED: f64 = 1.5;
/// ... and so many seconds more.
const STALL: f64 = 300e-6;
/// The machine is slower where so much of a stage's reference seems to be stalled, and of the next stage's too.
const MOST: f64 = 0.5;

/// One stage: its reference, and what was seen of it lately.
#[derive(Clone, Debug)]
struct Cost {
    /// Seconds from each node to the end of the stage, the whole stage first; never empty.
    rest: Vec<f64>,
    noise: Window,
    usual: f64,
    reserved: f64,
    /// It has run in this frame, if not to its end.
    begun: bool,
}

/// How a stage has run so far: in seconds, and by its reference.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// Time that was not stalled.
    work: f64,
    /// All time.
    took: f64,
    /// The reference of the nodes that were stalled.
    stalled: f64,
}

impl Course {
    /// Adds work that no node did.
    pub fn add(&mut self, took: Duration) {
        self.work += took.as_secs_f64();
        self.took += took.as_secs_f64();
    }
}

/// The costs of all stages, predicted from what was observed.
#[derive(Clone, Debug)]
pub struct StageCosts {
    stages: BTreeMap<Stage, Cost>,
    slowdown: f64,
    /// The ratio of the last stage, where most of it seemed to be stalled.
    doubt: Option<f64>,
    stalls: Stalls,
    kind: Kind,
}

/// What predicts the next value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Quantiles of what was seen, and stalls.
    Observed,
    /// Means of what was seen, stalls and all.
    Means,
    /// The references, which the next frame takes to the microsecond; only stalls are learned.
    Told,
}

impl Default for StageCosts {
    fn default() -> Self {
        Self::new()
    }
}

impl StageCosts {
    /// Costs of which nothing is known: every prediction is zero until a first observation.
    pub fn new() -> Self {
        Self::of(Kind::Observed)
    }

    /// The same by means, for comparison: half of what they predict is exceeded, and stalls are not told from work.
    pub fn of_means() -> Self {
        Self::of(Kind::Means)
    }

    /// The same for who sets the references before each frame to what its stages will take, for comparison: only stalls are learned.
    pub fn told() -> Self {
        Self::of(Kind::Told)
    }

    fn of(kind: Kind) -> Self {
        Self { stages: BTreeMap::new(), slowdown: 1.0, doubt: None, stalls: Stalls::default(), kind }
    }

    /// Sets what `stage` takes on this machine when nothing disturbs it: the median of `runs`. No runs, no change.
    pub fn set_reference(&mut self, stage: Stage, runs: &[Duration]) {
        let nodes: Vec<&[Duration]> = runs.chunks(1).collect();
        self.set_nodes(stage, &nodes);
    }

    /// The same node by node. Runs that stopped before their end count as far as they went.
    pub fn set_nodes(&mut self, stage: Stage, runs: &[impl AsRef<[Duration]>]) {
        let count = runs.iter().map(|run| run.as_ref().len()).max().unwrap_or(0);
        let median = |node: usize| {
            let mut took: Vec<Duration> = runs.iter().filter_map(|run| run.as_ref().get(node)).copied().collect();
            took.sort();
            took.get(took.len() / 2).map_or(0.0, Duration::as_secs_f64)
        };
        let mut rest: Vec<f64> = (0..count).map(median).collect();
        for node in (1..count).rev() {
            rest[node - 1] += rest[node];
        }
        if count > 0 {
            self.stages.insert(stage, Cost::new(rest));
        }
    }

    /// The stage's work is `factor` times what it was: so is its cost. A stage never measured stays unknown.
    pub fn scale_reference(&mut self, stage: Stage, factor: f64) {
        if let Some(cost) = self.stages.get_mut(&stage)
            && (cost.reference() * factor).is_finite()
        {
            cost.rest.iter_mut().for_each(|rest| *rest *= factor);
        }
    }

    /// Learns when a stage that nobody looks into began and ended.
    pub fn observe(&mut self, stage: Stage, from: Instant, to: Instant) {
        let took = to.since(from);
        let mut course = Course::default();
        // Messages differ, and with them what decoding takes: that is no stall.
        match self.stages.get(&stage).filter(|_| !matches!(stage, Stage::Decode(_))) {
            None => course.add(took),
            Some(cost) => {
                let usual = if matches!(stage, Stage::Render(_)) { cost.usual } else { 1.0 };
                let reference = cost.reference();
                self.judge((from, to), (reference, reference * self.slowdown * usual), &mut course);
            }
        }
        self.finish(stage, course);
    }

    /// Learns when node `node` (from 0) of a stage began and ended, and adds it to the stage's course.
    pub fn observe_node(&mut self, stage: Stage, node: usize, (from, to): (Instant, Instant), course: &mut Course) {
        let reference = self.stages.get_mut(&stage).and_then(|cost| {
            cost.begun = true;
            cost.node(node)
        });
        match reference {
            None => course.add(to.since(from)),
            Some(reference) => self.judge((from, to), (reference, reference * self.slowdown), course),
        }
    }

    /// Learns whether something was stalled that by its reference should have taken `expected` seconds, and adds it to the stage's course.
    fn judge(&mut self, (from, to): (Instant, Instant), (reference, expected): (f64, f64), course: &mut Course) {
        let took = to.since(from).as_secs_f64();
        let stalled = self.kind != Kind::Means && took > limit(expected);
        let work = if stalled { expected } else { took };
        self.stalls.learn(from.since_start().as_secs_f64(), work, stalled.then_some(took - work));
        course.work += work;
        course.took += took;
        course.stalled += if stalled { reference } else { 0.0 };
    }

    /// Learns from the course of a stage that has finished.
    pub fn finish(&mut self, stage: Stage, course: Course) {
        if self.kind == Kind::Told {
            return;
        }
        let (slowdown, kind) = (self.slowdown, self.kind);
        let cost = self.stages.entry(stage).or_insert_with(|| Cost::new(vec![course.work]));
        let reference = cost.reference().max(1e-9);
        // Rendering is all one node. What it takes for good, and does not only now and then, has to come to be usual.
        let noise = if matches!(stage, Stage::Render(_)) { course.took } else { course.work };
        cost.learn(noise / reference / slowdown, slowdown, kind);
        cost.begun = true;
        if stage.tells_speed() {
            self.learn_speed(course.work / reference, course.took / reference, course.stalled > MOST * reference);
        }
    }

    /// Learns that a frame is over. A stage of the network that it did not begin is taken to be as usual: what was once seen of it does not keep it out for
    /// good.
    pub fn frame_ended(&mut self) {
        let (slowdown, kind) = (self.slowdown, self.kind);
        for (_, cost) in self.stages.iter_mut().filter(|(stage, _)| stage.tells_speed()) {
            let begun = std::mem::take(&mut cost.begun);
            if !begun && !cost.noise.is_empty() {
                cost.learn(cost.usual, slowdown, kind);
            }
        }
    }

    /// A stage ran for `work` times its reference, or, if it was not stalled but slow, for `took` times.
    fn learn_speed(&mut self, work: f64, took: f64, mostly_stalled: bool) {
        match (mostly_stalled, self.doubt) {
            (false, _) => {
                self.doubt = None;
                self.follow(work);
            }
            (true, None) => {
                self.doubt = Some(took);
            }
            (true, Some(before)) => {
                self.follow(before);
                self.doubt = Some(took);
            }
        }
    }

    fn follow(&mut self, ratio: f64) {
        self.slowdown *= (ratio.clamp(1e-3, 1e3) / self.slowdown).powf(FOLLOWS);
    }

    /// What `stage` takes as often as not (the median) if nothing stalls; zero where it was never seen.
    pub fn usual(&self, stage: Stage) -> Duration {
        seconds(self.left(stage, 0))
    }

    /// What is set aside for `stage` so that it is over in time if nothing stalls: the most that was seen lately, at the present slowdown.
    pub fn reserve(&self, stage: Stage) -> Duration {
        self.stages.get(&stage).map_or(Duration::ZERO, |cost| seconds(cost.reference() * self.slowdown * cost.reserved))
    }

    /// Seconds that a stage usually takes from node `node` (from 0) on if nothing stalls.
    pub fn left(&self, stage: Stage, node: usize) -> f64 {
        let rest = |cost: &Cost| cost.rest.get(node).map_or(0.0, |rest| rest * self.slowdown * cost.usual);
        self.stages.get(&stage).map_or(0.0, rest)
    }

    /// How many times slower the network's stages ran just now than when they were first measured.
    pub fn slowdown(&self) -> f64 {
        self.slowdown
    }

    /// Learns that the program had nothing to do for `idle`.
    pub fn rest(&mut self, idle: Duration) {
        self.stalls.rest(idle.as_secs_f64());
    }

    /// What is known of stalls.
    pub fn stalls(&self) -> &Stalls {
        &self.stalls
    }
}

impl Cost {
    fn new(rest: Vec<f64>) -> Self {
        Self { rest, noise: Window::new(NOISE_WINDOW), usual: 1.0, reserved: 1.0, begun: false }
    }

    fn reference(&self) -> f64 {
        self.rest.first().copied().unwrap_or(0.0)
    }

    /// A node's reference in seconds; none where it was never measured.
    fn node(&self, node: usize) -> Option<f64> {
        Some(self.rest.get(node)? - self.rest.get(node + 1).unwrap_or(&0.0))
    }

    fn learn(&mut self, noise: f64, slowdown: f64, kind: Kind) {
        self.noise.push(noise);
        if kind == Kind::Means {
            self.usual = self.noise.mean().unwrap_or(1.0);
            self.reserved = self.usual;
            return;
        }
        self.usual = self.noise.quantile(USUAL).unwrap_or(1.0);
        let unit = (self.reference() * slowdown).max(1e-9);
        self.reserved = self.noise.quantile_within(RESERVED, limit(self.usual * unit) / unit).unwrap_or(self.usual);
    }
}

/// What takes longer was stalled, of what should take `expected` seconds.
fn limit(expected: f64) -> f64 {
    STALLED * expected + STALL
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
