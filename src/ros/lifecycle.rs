//! The states of a managed node and the ways between them.
//!
//! Numbers, names and order are those of lifecycle_msgs and of rcl's `default_state_machine.c`. A transition is begun
//! by somebody who asks for it, and finished with what came of the work: this module knows nothing of the work, of
//! services or of time.

use std::fmt;

mod graph;

pub use graph::{State, TRANSITIONS, Transition};

use graph::{ERROR, FAILURE, SUCCESS, from};

/// What came of the work of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    Success,
    /// It is not done, and nothing has changed.
    Failure,
    /// It went wrong half way; what is left is to be dealt with, and that is finished with an ending of its own.
    Error,
}

/// What is asked for: a transition by its number, its name, or both. A name goes before a number, as in rclcpp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The number; meaningless where there is a name.
    pub id: u8,
    /// The name; empty for none.
    pub label: &'a str,
}

impl Request<'static> {
    /// Load everything.
    pub const CONFIGURE: Self = Self { id: 0, label: "configure" };
    /// Drop everything.
    pub const CLEANUP: Self = Self { id: 0, label: "cleanup" };
    /// Start to work.
    pub const ACTIVATE: Self = Self { id: 0, label: "activate" };
    /// Stop to work.
    pub const DEACTIVATE: Self = Self { id: 0, label: "deactivate" };
    /// End, from any state in which no transition is under way.
    pub const SHUTDOWN: Self = Self { id: 0, label: "shutdown" };
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.label.is_empty() { write!(f, "transition {}", self.id) } else { write!(f, "`{}`", self.label) }
    }
}

/// Why the machine did not move.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such transition from where the node is.
    #[error("{request} is refused: the node is {state}, where there is {}", possible(*.state))]
    NotFromHere {
        /// What was asked for.
        request: String,
        /// Where the node is.
        state: State,
    },
    /// Another transition is under way.
    #[error("{request} is refused: the node is still {state}")]
    Busy {
        /// What was asked for.
        request: String,
        /// Where the node is.
        state: State,
    },
    /// No transition is under way that could be finished.
    #[error("there is no transition to finish: the node is {state}")]
    NothingToFinish {
        /// Where the node is.
        state: State,
    },
}

/// What may be asked for in `state`, in words.
fn possible(state: State) -> String {
    let labels: Vec<_> = from(state).filter(Transition::is_public).map(|t| format!("{} ({})", t.label, t.id)).collect();
    if labels.is_empty() { "no way out".to_owned() } else { labels.join(", ") }
}

/// A managed node's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    state: State,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    /// An unconfigured node.
    pub const fn new() -> Self {
        Self { state: State::Unconfigured }
    }

    /// Where the node is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Begins a transition. After `Ok` the node is in its goal, where the work is to be done; after `Err` nothing has
    /// changed.
    ///
    /// # Errors
    /// Another one is under way, or there is none like it from here.
    pub fn begin(&mut self, request: Request<'_>) -> Result<Transition, Refused> {
        let state = self.state;
        if state.is_transition() {
            return Err(Refused::Busy { request: request.to_string(), state });
        }
        let asked =
            |t: &Transition| if request.label.is_empty() { t.id == request.id } else { t.label == request.label };
        let transition = from(state).filter(Transition::is_public).find(asked);
        let transition = transition.ok_or_else(|| Refused::NotFromHere { request: request.to_string(), state })?;
        self.state = transition.goal;
        Ok(transition)
    }

    /// Finishes what is under way. After [`Ending::Error`] the node is where errors are dealt with, which is
    /// finished once more; from there, and after any other ending, no transition is under way.
    ///
    /// # Errors
    /// No transition is under way.
    pub fn finish(&mut self, ending: Ending) -> Result<Transition, Refused> {
        let label = match ending {
            Ending::Success => SUCCESS,
            Ending::Failure => FAILURE,
            Ending::Error => ERROR,
        };
        let transition = from(self.state).find(|transition| transition.label == label);
        let transition = transition.ok_or(Refused::NothingToFinish { state: self.state })?;
        self.state = transition.goal;
        Ok(transition)
    }

    /// The transitions from here, in rcl's order.
    pub fn available_transitions(&self) -> Vec<Transition> {
        from(self.state).collect()
    }
}

#[cfg(test)]
mod tests;
