//! What a managed node says of its transitions.

use serde::{Deserialize, Serialize};

use super::definition::rule;
use super::{Message, MessageType};

/// lifecycle_msgs/State: a state by number and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleState {
    /// Its number.
    pub id: u8,
    /// Its name.
    pub label: String,
}

/// lifecycle_msgs/Transition: a transition by number and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleTransition {
    /// Its number.
    pub id: u8,
    /// Its name.
    pub label: String,
}

/// lifecycle_msgs/TransitionEvent: a node went from one state to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionEvent {
    /// When, in nanoseconds; 0 where it is not known.
    pub timestamp: u64,
    /// By which transition.
    pub transition: LifecycleTransition,
    /// From here.
    pub start_state: LifecycleState,
    /// To here.
    pub goal_state: LifecycleState,
}

impl Message for TransitionEvent {
    const TYPE: MessageType = MessageType {
        name: "lifecycle_msgs/msg/TransitionEvent",
        definition: concat!(
            "uint64 timestamp\nlifecycle_msgs/Transition transition\n",
            "lifecycle_msgs/State start_state\nlifecycle_msgs/State goal_state\n",
            rule!(),
            "MSG: lifecycle_msgs/Transition\nuint8 id\nstring label\n",
            rule!(),
            "MSG: lifecycle_msgs/State\nuint8 id\nstring label\n",
        ),
    };
}
