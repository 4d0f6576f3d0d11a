//! The states and the ways between them, as a table.

use std::fmt;

use crate::message::{LifecycleState, LifecycleTransition, TransitionEvent};

/// A state; the number is that of lifecycle_msgs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// None of the others; no node is ever in it.
    Unknown = 0,
    /// Nothing is loaded.
    Unconfigured = 1,
    /// Ready, and idle.
    Inactive = 2,
    /// At work.
    Active = 3,
    /// At its end.
    Finalized = 4,
    /// On the way from unconfigured to inactive.
    Configuring = 10,
    /// On the way from inactive to unconfigured.
    CleaningUp = 11,
    /// On the way to finalized.
    ShuttingDown = 12,
    /// On the way from inactive to active.
    Activating = 13,
    /// On the way from active to inactive.
    Deactivating = 14,
    /// An error is being dealt with.
    ErrorProcessing = 15,
}

use State::{
    Activating, Active, CleaningUp, Configuring, Deactivating, ErrorProcessing, Finalized, Inactive, ShuttingDown,
    Unconfigured, Unknown,
};

impl State {
    /// All states, in rcl's order.
    pub const ALL: [State; 11] = [
        Unknown,
        Unconfigured,
        Inactive,
        Active,
        Finalized,
        Configuring,
        CleaningUp,
        ShuttingDown,
        Activating,
        Deactivating,
        ErrorProcessing,
    ];

    /// Its number.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// Its name.
    pub const fn label(self) -> &'static str {
        match self {
            Unknown => "unknown",
            Unconfigured => "unconfigured",
            Inactive => "inactive",
            Active => "active",
            Finalized => "finalized",
            Configuring => "configuring",
            CleaningUp => "cleaningup",
            ShuttingDown => "shuttingdown",
            Activating => "activating",
            Deactivating => "deactivating",
            ErrorProcessing => "errorprocessing",
        }
    }

    /// Whether a transition is under way.
    pub const fn is_transition(self) -> bool {
        self as u8 >= Configuring as u8
    }

    /// As a message.
    pub fn message(self) -> LifecycleState {
        LifecycleState { id: self.id(), label: self.label().to_owned() }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A way from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Its number.
    pub id: u8,
    /// Its name; not unique.
    pub label: &'static str,
    /// From here.
    pub start: State,
    /// To here.
    pub goal: State,
}

impl Transition {
    /// As a message without the states.
    pub fn message(&self) -> LifecycleTransition {
        LifecycleTransition { id: self.id, label: self.label.to_owned() }
    }

    /// The message that it has taken place, at `timestamp` nanoseconds.
    pub fn event(&self, timestamp: u64) -> TransitionEvent {
        let (start_state, goal_state) = (self.start.message(), self.goal.message());
        TransitionEvent { timestamp, transition: self.message(), start_state, goal_state }
    }

    /// Whether somebody may ask for it; the others follow from what came of one.
    pub(super) const fn is_public(&self) -> bool {
        self.id < 10
    }
}

/// Names of the transitions that follow from an [`Outcome`].
pub(super) const SUCCESS: &str = "transition_success";
pub(super) const FAILURE: &str = "transition_failure";
pub(super) const ERROR: &str = "transition_error";

const fn way(id: u8, label: &'static str, start: State, goal: State) -> Transition {
    Transition { id, label, start, goal }
}

/// Every transition, in rcl's order.
pub const TRANSITIONS: [Transition; 25] = [
    way(1, "configure", Unconfigured, Configuring),
    way(10, SUCCESS, Configuring, Inactive),
    way(11, FAILURE, Configuring, Unconfigured),
    way(12, ERROR, Configuring, ErrorProcessing),
    way(2, "cleanup", Inactive, CleaningUp),
    way(20, SUCCESS, CleaningUp, Unconfigured),
    way(21, FAILURE, CleaningUp, Inactive),
    way(22, ERROR, CleaningUp, ErrorProcessing),
    way(3, "activate", Inactive, Activating),
    way(30, SUCCESS, Activating, Active),
    way(31, FAILURE, Activating, Inactive),
    way(32, ERROR, Activating, ErrorProcessing),
    way(4, "deactivate", Active, Deactivating),
    way(40, SUCCESS, Deactivating, Inactive),
    way(41, FAILURE, Deactivating, Active),
    way(42, ERROR, Deactivating, ErrorProcessing),
    way(5, "shutdown", Unconfigured, ShuttingDown),
    way(6, "shutdown", Inactive, ShuttingDown),
    way(7, "shutdown", Active, ShuttingDown),
    way(50, SUCCESS, ShuttingDown, Finalized),
    way(51, FAILURE, ShuttingDown, Finalized),
    way(52, ERROR, ShuttingDown, ErrorProcessing),
    way(60, SUCCESS, ErrorProcessing, Unconfigured),
    way(61, FAILURE, ErrorProcessing, Finalized),
    way(62, ERROR, ErrorProcessing, Finalized),
];

/// The transitions that start in `state`, in rcl's order.
pub(super) fn from(state: State) -> impl Iterator<Item = Transition> {
    TRANSITIONS.into_iter().filter(move |transition| transition.start == state)
}
