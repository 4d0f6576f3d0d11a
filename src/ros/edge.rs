//! What the node needs of a ROS 2 library: topics as bytes, the graph, and ROS time.
//!
//! Messages are CDR with its four bytes of encapsulation, made and read by `message`: no library's own message types pass here. Services are the
//! edge's affair: it turns requests into calls of [`Node`](super::Node). Knows nothing of cameras or masks.

use std::sync::Arc;

use super::qos::Endpoint;
use crate::frame::Stamp;
use crate::qos::Qos;

/// One ROS 2 library, as the node uses it. Everything here happens on the thread that spins.
///
/// Names are given as they stand in the code, such as `image` or `~/mask`: the library expands and remaps them.
pub trait Edge {
    /// Subscribes; messages wait in the subscription until they are taken.
    fn subscribe(&mut self, topic: &str, message_type: &str, qos: &Qos) -> Result<Box<dyn Subscription>, EdgeError>;

    /// Makes a publisher, which lives until its last handle is dropped.
    fn advertise(&mut self, topic: &str, message_type: &str, qos: &Qos) -> Result<Arc<dyn Publisher>, EdgeError>;

    /// The publishers that the graph knows for a topic, whose name is absolute and after remapping.
    fn publishers_of(&self, topic: &str) -> Vec<Endpoint>;

    /// ROS time: the machine's, or `/clock` with `use_sim_time`.
    fn time(&self) -> Arc<dyn RosTime>;

    /// Follows `/clock` from now on, or no longer.
    fn use_sim_time(&mut self, on: bool) -> Result<(), EdgeError>;
}

/// Messages that came for a topic. Dropping it ends the subscription, at the latest when the next message comes.
pub trait Subscription: Send {
    /// The next message, if one waits.
    fn take(&mut self) -> Option<Vec<u8>>;
}

/// Sends messages from any thread.
pub trait Publisher: Send + Sync {
    /// Sends one CDR message; the error is the library's own word.
    fn publish(&self, message: &[u8]) -> Result<(), String>;

    /// How many subscriptions of other processes are matched.
    fn subscribers(&self) -> usize;
}

/// ROS time, read from any thread.
pub trait RosTime: Send + Sync {
    /// The present; zero before the first `/clock`.
    fn now(&self) -> Stamp;
}

/// What a ROS 2 library refused.
#[derive(Debug, thiserror::Error)]
#[error("{what} {name}{}: {reason}", if .of.is_empty() { String::new() } else { format!(" ({})", .of) })]
pub struct EdgeError {
    /// What was to be made: a subscription, a publisher, a service.
    pub what: &'static str,
    /// The topic or service.
    pub name: String,
    /// The message type.
    pub of: String,
    /// The library's own words.
    pub reason: String,
}
