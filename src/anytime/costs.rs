//! What each stage costs on this machine, right now.
//!
//! A cost is predicted as `reference * slowdown * noise`:
//! - the *reference* is what the stage took when it was first measured on this machine (a median over warm-up runs);
//! - the *slowdown* is how much slower the network's stages ran just now than their references: the median over the last few
//!   observations of all of them, so that one preempted stage moves nothing and a loaded core is seen within a frame;
//! - the *noise* is what is left, kept per stage over a window; of it a high quantile is taken, never the mean.
//!
//! Knows durations only: neither deadlines nor what a stage computes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A bounded piece of the work on one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Message to input tensor.
    Decode,
    /// The network's part that runs once a frame.
    Data,
    /// The repeated block; iterations count from 1.
    Step(usize),
    /// The exit after that many iterations.
    Exit(usize),
    /// Logits to published mask.
    Render,
}

impl Stage {
    /// The stage's name without its iteration: `decode`, `data`, `step`, `exit` or `render`.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Decode => "decode",
            Stage::Data => "data",
            Stage::Step(_) => "step",
            Stage::Exit(_) => "exit",
            Stage::Render => "render",
        }
    }

    /// Whether the stage's work is the same for every frame, so that its time tells the machine's speed.
    fn tells_speed(self) -> bool {
        matches!(self, Stage::Data | Stage::Step(_) | Stage::Exit(_))
    }
}

/// How many observations of the network's stages make the slowdown: about one frame's worth.
const SLOWDOWN_WINDOW: usize = 7;
/// How many observations of one stage are remembered: about two seconds of a 30 Hz camera.
const NOISE_WINDOW: usize = 64;
/// The quantile by which the planner hopes a stage to be over.
const USUAL: f64 = 0.5;
/// The quantile by which the planner expects a stage to be over.
const LIKELY: f64 = 0.9;
/// The quantile that is set aside: of a full window all but the worst. A machine stalls now and then for longer than any frame can make
/// good; one such stall must not take exits from every frame of the next seconds.
const RESERVED: f64 = 0.98;
/// The quantile of the gaps between two looks at the clock that is set aside. It counts only where a step comes to its limit.
const GAP: f64 = 0.98;

/// The last few values of a quantity.
#[derive(Clone, Debug, Default)]
struct Window {
    /// As they came.
    values: VecDeque<f64>,
    /// The same by size.
    sorted: Vec<f64>,
    length: usize,
}

impl Window {
    fn new(length: usize) -> Self {
        Self { values: VecDeque::with_capacity(length), sorted: Vec::with_capacity(length), length }
    }

    fn push(&mut self, value: f64) {
        if self.values.len() == self.length
            && let Some(oldest) = self.values.pop_front()
        {
            self.sorted.remove(self.below(oldest));
        }
        self.values.push_back(value);
        self.sorted.insert(self.below(value), value);
    }

    /// How many of the values are smaller.
    fn below(&self, value: f64) -> usize {
        self.sorted.partition_point(|other| other.total_cmp(&value).is_lt())
    }

    /// What is expected of the next value, by a quantile or by the mean; `None` while the window is empty.
    fn expect(&self, statistic: Statistic, q: f64) -> Option<f64> {
        match statistic {
            Statistic::Quantile => self.quantile(q),
            Statistic::Mean if self.values.is_empty() => None,
            Statistic::Mean => Some(self.values.iter().sum::<f64>() / self.values.len() as f64),
        }
    }

    /// The value below which a share `q` (0 to 1) of the window lies; `None` while it is empty.
    fn quantile(&self, q: f64) -> Option<f64> {
        let rank = (q * self.sorted.len() as f64).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).copied()
    }
}

/// One stage: its reference, and what was seen of it lately.
#[derive(Clone, Debug)]
struct Cost {
    reference: Duration,
    noise: Window,
    usual: f64,
    likely: f64,
    reserved: f64,
}

/// The costs of all stages, predicted from what was observed.
#[derive(Clone, Debug)]
pub struct StageCosts {
    stages: BTreeMap<Stage, Cost>,
    speed: Window,
    slowdown: f64,
    gaps: Window,
    gap: Duration,
    statistic: Statistic,
}

/// What of a window predicts the next value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Quantile,
    Mean,
}

impl Default for StageCosts {
    fn default() -> Self {
        Self::new()
    }
}

impl StageCosts {
    /// Costs of which nothing is known: every prediction is zero until a first observation.
    pub fn new() -> Self {
        Self {
            stages: BTreeMap::new(),
            speed: Window::new(SLOWDOWN_WINDOW),
            slowdown: 1.0,
            gaps: Window::new(NOISE_WINDOW),
            gap: Duration::ZERO,
            statistic: Statistic::Quantile,
        }
    }

    /// The same by means, for comparison: half of what they predict is exceeded.
    pub fn of_means() -> Self {
        Self { statistic: Statistic::Mean, ..Self::new() }
    }

    /// Sets what `stage` takes on this machine when nothing disturbs it: the median of `runs`. No runs, no change.
    pub fn set_reference(&mut self, stage: Stage, runs: &[Duration]) {
        let mut sorted = runs.to_vec();
        sorted.sort();
        let Some(&reference) = sorted.get(sorted.len() / 2) else {
            return;
        };
        self.stages.insert(stage, Cost::new(reference));
    }

    /// The stage's work is `factor` times what it was: so is its cost. A stage never measured stays unknown.
    pub fn scale_reference(&mut self, stage: Stage, factor: f64) {
        if let Some(cost) = self.stages.get_mut(&stage) {
            let scaled = Duration::try_from_secs_f64(cost.reference.as_secs_f64() * factor);
            cost.reference = scaled.unwrap_or(cost.reference);
        }
    }

    /// Learns that `stage` has just taken `took`.
    pub fn observe(&mut self, stage: Stage, took: Duration) {
        let slowdown = self.slowdown;
        let cost = self.stages.entry(stage).or_insert_with(|| Cost::new(took));
        let ratio = took.as_secs_f64() / cost.reference.as_secs_f64().max(1e-9);
        cost.learn(ratio / slowdown.max(1e-9), self.statistic);
        if stage.tells_speed() {
            self.speed.push(ratio);
            self.slowdown = self.speed.quantile(0.5).unwrap_or(1.0).max(1e-3);
        }
    }

    /// Learns the longest time that passed in a frame between two looks at the clock.
    pub fn observe_gap(&mut self, gap: Duration) {
        self.gaps.push(gap.as_secs_f64());
        self.gap = Duration::from_secs_f64(self.gaps.expect(self.statistic, GAP).unwrap_or(0.0));
    }

    /// What `stage` takes as often as not (the median); zero where it was never seen.
    pub fn usual(&self, stage: Stage) -> Duration {
        self.predict(stage, |cost| cost.usual)
    }

    /// What `stage` will likely not exceed (the 0.9 quantile); zero where it was never seen.
    pub fn likely(&self, stage: Stage) -> Duration {
        self.predict(stage, |cost| cost.likely)
    }

    /// What is set aside for `stage` so that it is over in time: the 0.98 quantile of what was seen lately, at the present slowdown.
    pub fn reserve(&self, stage: Stage) -> Duration {
        self.predict(stage, |cost| cost.reserved)
    }

    /// The 0.95 quantile of the longest time of a frame between two looks at the clock: an abandoned stage ends that late.
    pub fn gap(&self) -> Duration {
        self.gap
    }

    /// How many times slower the network's stages ran just now than when they were first measured.
    pub fn slowdown(&self) -> f64 {
        self.slowdown
    }

    fn predict(&self, stage: Stage, noise: impl Fn(&Cost) -> f64) -> Duration {
        self.stages.get(&stage).map_or(Duration::ZERO, |cost| cost.reference.mul_f64(self.slowdown * noise(cost)))
    }
}

impl Cost {
    fn new(reference: Duration) -> Self {
        Self { reference, noise: Window::new(NOISE_WINDOW), usual: 1.0, likely: 1.0, reserved: 1.0 }
    }

    fn learn(&mut self, noise: f64, statistic: Statistic) {
        self.noise.push(noise);
        self.usual = self.noise.expect(statistic, USUAL).unwrap_or(1.0);
        self.likely = self.noise.expect(statistic, LIKELY).unwrap_or(1.0);
        self.reserved = self.noise.expect(statistic, RESERVED).unwrap_or(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn settled() -> StageCosts {
        let mut costs = StageCosts::new();
        costs.set_reference(Stage::Data, &[10 * MS, 11 * MS, 9 * MS]);
        costs.set_reference(Stage::Step(1), &[4 * MS]);
        costs
    }

    #[test]
    fn a_window_forgets_what_came_first_and_knows_its_quantiles() {
        let mut window = Window::new(4);
        assert_eq!(window.quantile(0.5), None);
        [5.0, 1.0, 9.0, 1.0, 3.0, 2.0].into_iter().for_each(|value| window.push(value));
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|q| window.quantile(q)), [1.0, 1.0, 2.0, 3.0, 9.0].map(Some));
        assert_eq!(window.expect(Statistic::Mean, 0.5), Some(3.75));
    }

    #[test]
    fn the_reference_is_the_median_of_the_warm_up_runs() {
        assert_eq!(settled().likely(Stage::Data), 10 * MS);
    }

    #[test]
    fn a_stage_never_seen_costs_nothing_yet() {
        assert_eq!(settled().likely(Stage::Exit(1)), Duration::ZERO);
    }

    #[test]
    fn one_preempted_stage_does_not_move_the_slowdown() {
        let mut costs = settled();
        for _ in 0..6 {
            costs.observe(Stage::Data, 10 * MS);
        }
        costs.observe(Stage::Data, 100 * MS);
        assert_eq!(costs.slowdown(), 1.0);
        assert_eq!(costs.likely(Stage::Step(1)), 4 * MS);
    }

    #[test]
    fn a_loaded_machine_is_seen_within_four_stages_and_forgotten_within_four() {
        let mut costs = settled();
        for _ in 0..7 {
            costs.observe(Stage::Data, 10 * MS);
        }
        for _ in 0..4 {
            costs.observe(Stage::Data, 20 * MS);
        }
        assert_eq!(costs.slowdown(), 2.0);
        assert!(costs.likely(Stage::Step(1)) >= 8 * MS);
        for _ in 0..4 {
            costs.observe(Stage::Data, 10 * MS);
        }
        assert_eq!(costs.slowdown(), 1.0);
    }

    #[test]
    fn one_stall_is_forgiven_and_two_are_reserved_for_until_the_window_forgets_them() {
        let mut costs = settled();
        costs.set_reference(Stage::Render, &[MS]);
        let usual = |costs: &mut StageCosts| (0..NOISE_WINDOW - 2).for_each(|_| costs.observe(Stage::Render, MS));
        usual(&mut costs);
        costs.observe(Stage::Render, 5 * MS);
        assert_eq!(costs.reserve(Stage::Render), MS);
        costs.observe(Stage::Render, 5 * MS);
        assert_eq!(costs.reserve(Stage::Render), 5 * MS);
        usual(&mut costs);
        usual(&mut costs);
        assert_eq!(costs.reserve(Stage::Render), MS);
    }

    #[test]
    fn more_pixels_cost_more_before_the_first_of_them_was_seen() {
        let mut costs = settled();
        costs.set_reference(Stage::Render, &[2 * MS]);
        costs.scale_reference(Stage::Render, 4.0);
        assert_eq!(costs.likely(Stage::Render), 8 * MS);
        costs.scale_reference(Stage::Render, f64::INFINITY);
        costs.scale_reference(Stage::Exit(9), 4.0);
        assert_eq!((costs.likely(Stage::Render), costs.likely(Stage::Exit(9))), (8 * MS, Duration::ZERO));
    }

    #[test]
    fn rendering_says_nothing_about_the_speed_of_the_machine() {
        let mut costs = settled();
        costs.set_reference(Stage::Render, &[MS]);
        for _ in 0..20 {
            costs.observe(Stage::Render, 9 * MS);
        }
        assert_eq!(costs.slowdown(), 1.0);
    }
}
