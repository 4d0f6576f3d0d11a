//! What became of a frame.

use std::time::Duration;

use super::stage::Stage;

/// Why no further iteration was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// The last iteration allowed has run, or the last that any exit is worth as much after, and its exit was taken.
    LastExit,
    /// Another iteration would not have ended, or did not end, before the deadline.
    BudgetSpent,
    /// Another iteration would have used more than the share of compute that is allowed, or than the frame's part of a cgroup's quota.
    ShareSpent,
    /// Another iteration would have made a frame of another camera that waits late, or less deep than this one.
    OthersWait,
    /// The last two exits gave nearly the same mask.
    Converged,
    /// The deadline had passed before the network could start.
    Stale,
}

impl StopCause {
    /// All causes, in the order of reports.
    pub const ALL: [StopCause; 6] = [
        StopCause::LastExit,
        StopCause::BudgetSpent,
        StopCause::ShareSpent,
        StopCause::OthersWait,
        StopCause::Converged,
        StopCause::Stale,
    ];

    /// The cause as it stands in reports, e.g. `budget_spent`.
    pub fn name(self) -> &'static str {
        match self {
            StopCause::LastExit => "last_exit",
            StopCause::BudgetSpent => "budget_spent",
            StopCause::ShareSpent => "share_spent",
            StopCause::OthersWait => "others_wait",
            StopCause::Converged => "converged",
            StopCause::Stale => "stale",
        }
    }
}

/// What the anytime run of one frame gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The last finished exit: its logits are in the model. At least 1.
    pub exit: usize,
    /// Iterations that the plan saw fit at the start.
    pub planned: usize,
    /// Steps that finished, whether or not their exit was taken.
    pub run: usize,
    /// Whether a step was begun after the first exit: a chance was taken.
    pub went_on: bool,
    /// Why it stopped.
    pub cause: StopCause,
    /// Every finished stage with the time it took, in order.
    pub stages: Vec<(Stage, Duration)>,
}
