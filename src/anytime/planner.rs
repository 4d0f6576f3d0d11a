//! What to do next with a frame: a pure function of `now`, the stage costs and how far the frame has come.
//!
//! The planner knows durations and instants; it runs nothing and looks at no pixels.

use super::costs::StageCosts;
use super::odds::Ahead;
use super::outcome::StopCause;
use super::price::Price;
use super::stage::Stage;
use crate::clock::Instant;

/// How many iterations a frame may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iterations {
    min: usize,
    max: usize,
}

impl Iterations {
    /// From `min` (at least 1) to `max` (at least `min`): values outside are moved to the nearest valid ones.
    pub fn new(min: usize, max: usize) -> Self {
        let min = min.max(1);
        Self { min, max: max.max(min) }
    }

    /// Exactly `n` iterations (at least 1).
    pub fn fixed(n: usize) -> Self {
        Self::new(n, n)
    }

    /// The same, but no more than `limit` (at least 1).
    pub fn within(self, limit: usize) -> Self {
        Self::new(self.min.min(limit), self.max.min(limit))
    }

    /// Iterations before the first exit: they run whatever the time.
    pub fn min(self) -> usize {
        self.min
    }

    /// Iterations after which nothing more is done.
    pub fn max(self) -> usize {
        self.max
    }
}

/// Which exits are taken on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exits {
    /// The first, and then only the one that is published.
    Needed,
    /// Every one, as each mask is compared with the one before.
    Every,
    /// Every one, and each is rendered and published as it finishes.
    EachPublished,
}

/// What exits are worth where nobody measured it, as a part of the last one's: the first lacks this part of it ...
const FIRST_LACKS: f64 = 0.13;
/// ... and each next one this part of what the one before lacked. So it was of the networks that were measured.
const NEXT_LACKS: f64 = 0.28;

/// The worth of each exit, with dips filled in: an exit that is worth less than one before it, and that a later one outdoes, lies on the line to that later
/// one, so that no frame stops in the dip. Exits after the best keep their worth.
pub fn without_dips(mut worth: Vec<f64>) -> Vec<f64> {
    for exit in 1..worth.len() {
        let before = worth[exit - 1];
        let better = worth[exit..].iter().position(|worth| *worth > before);
        if let Some(ahead) = better.filter(|ahead| *ahead > 0) {
            worth[exit] = before + (worth[exit + ahead] - before) / (ahead + 1) as f64;
        }
    }
    worth
}

/// What is asked of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// When the mask has to be out; `None` runs without regard to time.
    pub deadline: Option<Instant>,
    /// How many iterations.
    pub iterations: Iterations,
    /// Which exits.
    pub exits: Exits,
    /// Steps of the network that the frame leaves out because it starts warm: its iteration `i` is step `skipped + i`. 0 for a cold start.
    pub skipped: usize,
    /// Whose frame it is: masks of cameras cost different amounts.
    pub camera: usize,
    /// What the mask of each exit is worth, from the first exit on: its accuracy, or anything in proportion to it. Empty where nobody measured it.
    pub worth: &'a [f64],
    /// What a late mask costs.
    pub price: Price,
}

impl Default for Task<'_> {
    /// As deep as can be, whatever the time, from a cold start.
    fn default() -> Self {
        Self {
            deadline: None,
            iterations: Iterations::new(1, usize::MAX),
            exits: Exits::Needed,
            skipped: 0,
            camera: 0,
            worth: &[],
            price: Price::default(),
        }
    }
}

/// What ends a frame besides its deadline, as it stands at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// When the frame's share of compute, or its part of a cgroup's quota, is used up; `None` where neither is set.
    pub share_end: Option<Instant>,
    /// When the mask has to be out for frames of other cameras that wait; `None` where none does.
    pub others: Option<Instant>,
}

/// Tells what ends a frame besides its deadline, at an instant and as far as it has come by then.
pub type AskLimits<'a> = &'a mut dyn FnMut(Instant, &StageCosts, Position) -> Limits;

/// Nothing does.
pub fn alone(_: Instant, _: &StageCosts, _: Position) -> Limits {
    Limits::default()
}

/// How far a frame has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Finished steps.
    pub done: usize,
    /// The last finished exit, 0 for none.
    pub exited: usize,
    /// A stage was abandoned at its limit.
    pub abandoned: bool,
    /// The last two masks hardly differed.
    pub converged: bool,
    /// The deadline had passed before the network could start.
    pub stale: bool,
}

impl Position {
    /// What ends a frame that has come so far. Before its first exit nothing does.
    pub(super) fn limits(self, now: Instant, costs: &StageCosts, beside: AskLimits<'_>) -> Limits {
        if self.exited == 0 { Limits::default() } else { beside(now, costs, self) }
    }
}

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Execute the block once more, as long as [`Task::goes_on`] says so.
    Step,
    /// Take the exit of the iteration that has just finished; abandon it at `until`.
    Exit {
        /// The exit's limit; `None` lets it finish.
        until: Option<Instant>,
    },
    /// Publish the mask of the last finished exit.
    Publish(StopCause),
}

impl Task<'_> {
    /// The step that an iteration of the frame is to the network, which has costs of its own.
    pub fn step(&self, iteration: usize) -> Stage {
        Stage::Step(self.skipped + iteration)
    }

    /// The exit after that iteration.
    pub fn exit(&self, iteration: usize) -> Stage {
        Stage::Exit(self.skipped + iteration)
    }

    /// The rendering of the frame's mask.
    pub fn render(&self) -> Stage {
        Stage::Render(self.camera)
    }

    /// Decides, in this order:
    ///
    /// 1. Until the first exit is taken, whatever the time: its steps, then the exit.
    /// 2. A frame that was stale before it began, or whose masks have converged, is published.
    /// 3. After the last iteration, or the last that is worth more than those before it: its exit, if that is not taken yet and fits; then publish.
    /// 4. If one more step is [worth it](Self::goes_on) and, with its exit and the publishing, within the `limits`: step on (where every exit counts,
    ///    the one that is due comes first).
    /// 5. Else the exit that is due, if it fits; then publish.
    pub fn next(&self, now: Instant, costs: &StageCosts, at: Position, limits: Limits) -> Next {
        if at.exited == 0 {
            return match at.done < self.iterations.min {
                true => Next::Step,
                false => Next::Exit { until: None },
            };
        }
        if at.stale {
            return Next::Publish(StopCause::Stale);
        }
        if at.converged {
            return Next::Publish(StopCause::Converged);
        }
        if at.done >= self.iterations.max {
            return self.exit_or_publish(now, costs, at, StopCause::LastExit);
        }
        if !self.gains(at.done) {
            return self.exit_or_publish(now, costs, at, StopCause::LastExit);
        }
        if at.abandoned || !self.goes_on(now, costs, at, 0) {
            return self.exit_or_publish(now, costs, at, StopCause::BudgetSpent);
        }
        let (step, exit) = (self.step(at.done + 1), self.exit(at.done + 1));
        let end = now + costs.usual(step) + costs.usual(exit) + costs.reserve(self.render());
        let beyond = |limit: Option<Instant>| limit.is_some_and(|limit| end > limit);
        if beyond(limits.share_end) {
            return self.exit_or_publish(now, costs, at, StopCause::ShareSpent);
        }
        if beyond(limits.others) {
            return self.exit_or_publish(now, costs, at, StopCause::OthersWait);
        }
        match at.exited < at.done && self.exits != Exits::Needed {
            true => Next::Exit { until: self.limit(costs) },
            false => Next::Step,
        }
    }

    /// Whether the next step is worth starting (`node` 0) or going on with, of which `node` nodes have run.
    ///
    /// It is where it fits, and where the better mask times its chance outweighs the mask that may be lost times its own. The step before is there
    /// as long as this one has not finished, so a step that is abandoned costs compute and no mask.
    pub fn goes_on(&self, now: Instant, costs: &StageCosts, at: Position, node: usize) -> bool {
        let Some(deadline) = self.deadline else { return true };
        let ahead = self.ahead((now, deadline), costs, at, node);
        if now >= deadline || !ahead.fits() {
            return false;
        }
        let (worth, better) = (self.worth(at.done), self.worth(at.done + 1));
        let mean =
            |next: f64, late: f64| next * better + (1.0 - next - late) * worth - late * self.price.times() * worth;
        let odds = ahead.odds(costs.stalls());
        mean(odds.better, odds.late) >= mean(0.0, ahead.late_if_ended(costs.stalls()))
    }

    fn ahead(&self, (now, deadline): (Instant, Instant), costs: &StageCosts, at: Position, node: usize) -> Ahead {
        let reserve = |stage| costs.reserve(stage).as_secs_f64();
        let due = if at.exited < at.done { reserve(self.exit(at.done)) } else { 0.0 };
        let published = self.exits == Exits::EachPublished && at.exited == at.done;
        Ahead {
            now: now.since_start().as_secs_f64(),
            left: deadline.since(now).as_secs_f64(),
            step: costs.left(self.step(at.done + 1), node),
            end: reserve(self.exit(at.done + 1)) + reserve(self.render()),
            fallback: if published { 0.0 } else { due + reserve(self.render()) },
        }
    }

    /// Whether any exit ahead is worth as much as that of iteration `done`.
    fn gains(&self, done: usize) -> bool {
        self.deadline.is_none() || (done + 1..=self.iterations.max).any(|exit| self.worth(exit) >= self.worth(done))
    }

    /// What the mask of an exit (from 1) is worth.
    fn worth(&self, exit: usize) -> f64 {
        let measured = self.worth.get(exit.saturating_sub(1)).or(self.worth.last());
        let lacks = || FIRST_LACKS * NEXT_LACKS.powi(exit.saturating_sub(1) as i32);
        measured.copied().unwrap_or_else(|| 1.0 - lacks())
    }

    /// How many iterations fit, by the costs as they are predicted at `now`, from `at` on.
    pub fn plan(&self, now: Instant, costs: &StageCosts, at: Position, beside: AskLimits<'_>) -> usize {
        let (mut now, mut at) = (now, at);
        if at.done == 0 {
            now = now + costs.usual(Stage::Data);
        }
        loop {
            match self.next(now, costs, at, at.limits(now, costs, beside)) {
                Next::Step => {
                    at.done += 1;
                    now = now + costs.usual(self.step(at.done));
                }
                Next::Exit { .. } => {
                    at.exited = at.done;
                    now = now + costs.usual(self.exit(at.done));
                    if self.exits == Exits::EachPublished {
                        now = now + costs.reserve(self.render());
                    }
                }
                Next::Publish(_) => return at.exited,
            }
        }
    }

    fn exit_or_publish(&self, now: Instant, costs: &StageCosts, at: Position, cause: StopCause) -> Next {
        let end = now + costs.reserve(self.exit(at.done)) + costs.reserve(self.render());
        let fits = self.deadline.is_none_or(|deadline| end <= deadline);
        match at.exited < at.done && fits {
            true => Next::Exit { until: self.limit(costs) },
            false if at.exited < at.done => Next::Publish(StopCause::BudgetSpent),
            false => Next::Publish(cause),
        }
    }

    /// Where only the time for publishing is left.
    fn limit(&self, costs: &StageCosts) -> Option<Instant> {
        self.deadline.map(|deadline| deadline - costs.reserve(self.render()))
    }
}
