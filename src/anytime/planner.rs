//! What to do next with a frame: a pure function of `now`, the stage costs and how far the frame has come.
//!
//! The planner knows durations and instants; it runs nothing and looks at no pixels.

use std::time::Duration;

use super::costs::{Stage, StageCosts};
use super::outcome::StopCause;
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

/// What is asked of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// When the mask has to be out; `None` runs without regard to time.
    pub deadline: Option<Instant>,
    /// When the frame's share of compute is used up; `None` where no share is set.
    pub share_end: Option<Instant>,
    /// How many iterations.
    pub iterations: Iterations,
    /// Which exits.
    pub exits: Exits,
    /// Steps of the network that the frame leaves out because it starts warm: its iteration `i` is step `skipped + i`. 0 for a cold start.
    pub skipped: usize,
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

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Execute the block once more; abandon it at `until`.
    Step {
        /// The step's limit; `None` lets it finish.
        until: Option<Instant>,
    },
    /// Take the exit of the iteration that has just finished; abandon it at `until`.
    Exit {
        /// The exit's limit; `None` lets it finish.
        until: Option<Instant>,
    },
    /// Publish the mask of the last finished exit.
    Publish(StopCause),
}

impl Task {
    /// The step that an iteration of the frame is to the network, which has costs of its own.
    pub fn step(&self, iteration: usize) -> Stage {
        Stage::Step(self.skipped + iteration)
    }

    /// The exit after that iteration.
    pub fn exit(&self, iteration: usize) -> Stage {
        Stage::Exit(self.skipped + iteration)
    }

    /// Decides, in this order:
    ///
    /// 1. Until the first exit is taken, whatever the time: its steps, then the exit.
    /// 2. A frame that was stale before it began, or whose masks have converged, is published.
    /// 3. After the last iteration: its exit, if that is not taken yet and fits; then publish.
    /// 4. If one more step, its exit and the publishing end as often as not before the deadline and within the share of compute: step on (where
    ///    every exit counts, the one that is due comes first). Trying costs nothing but compute: the step is abandoned where only the
    ///    time for the due exit, for publishing and for the node that is under way is left.
    /// 5. Else the exit that is due, if it fits; then publish.
    pub fn next(&self, now: Instant, costs: &StageCosts, at: Position) -> Next {
        if at.exited == 0 {
            return match at.done < self.iterations.min {
                true => Next::Step { until: None },
                false => Next::Exit { until: None },
            };
        }
        if at.stale {
            return Next::Publish(StopCause::Stale);
        }
        if at.converged {
            return Next::Publish(StopCause::Converged);
        }
        let exit_is_due = at.exited < at.done;
        if at.done >= self.iterations.max {
            return self.exit_or_publish(now, costs, at, StopCause::LastExit);
        }
        if at.abandoned {
            return self.exit_or_publish(now, costs, at, StopCause::BudgetSpent);
        }
        let end = now + self.iteration_cost(costs, at.done + 1) + costs.reserve(Stage::Render);
        if self.deadline.is_some_and(|deadline| end > deadline) {
            return self.exit_or_publish(now, costs, at, StopCause::BudgetSpent);
        }
        if self.share_end.is_some_and(|share_end| end > share_end) {
            return self.exit_or_publish(now, costs, at, StopCause::ShareSpent);
        }
        if exit_is_due && self.exits != Exits::Needed {
            return Next::Exit { until: self.limit(costs, Duration::ZERO) };
        }
        let due = if exit_is_due { costs.likely(self.exit(at.done)) } else { Duration::ZERO };
        match self.limit(costs, due + costs.gap()) {
            Some(until) if until <= now => self.exit_or_publish(now, costs, at, StopCause::BudgetSpent),
            until => Next::Step { until },
        }
    }

    /// How many iterations fit, by the costs as they are predicted at `now`, from `at` on.
    pub fn plan(&self, now: Instant, costs: &StageCosts, at: Position) -> usize {
        let (mut now, mut at) = (now, at);
        if at.done == 0 {
            now = now + costs.usual(Stage::Data);
        }
        loop {
            match self.next(now, costs, at) {
                Next::Step { .. } => {
                    at.done += 1;
                    now = now + costs.usual(self.step(at.done));
                }
                Next::Exit { .. } => {
                    at.exited = at.done;
                    now = now + costs.usual(self.exit(at.done));
                    if self.exits == Exits::EachPublished {
                        now = now + costs.likely(Stage::Render);
                    }
                }
                Next::Publish(_) => return at.exited,
            }
        }
    }

    fn exit_or_publish(&self, now: Instant, costs: &StageCosts, at: Position, cause: StopCause) -> Next {
        let end = now + costs.likely(self.exit(at.done)) + costs.reserve(Stage::Render);
        let fits = self.deadline.is_none_or(|deadline| end <= deadline);
        match at.exited < at.done && fits {
            true => Next::Exit { until: self.limit(costs, Duration::ZERO) },
            false if at.exited < at.done => Next::Publish(StopCause::BudgetSpent),
            false => Next::Publish(cause),
        }
    }

    /// Where only the time for publishing is left, and for what `also` is to be done.
    fn limit(&self, costs: &StageCosts, also: Duration) -> Option<Instant> {
        self.deadline.map(|deadline| deadline - costs.reserve(Stage::Render) - also)
    }

    /// One more iteration, up to its exit.
    fn iteration_cost(&self, costs: &StageCosts, iteration: usize) -> Duration {
        costs.usual(self.step(iteration)) + costs.usual(self.exit(iteration))
    }
}
