//! The bond with Nav2's lifecycle manager: signs of life while the node is active, and a word where it no longer is.
//!
//! The manager of a node makes a bond with it once it is active, by the node's name on the topic `bond`, and takes the node for dead where no status came for
//! `bond_timeout`. What a side has to send for that is as in bondcpp; the node itself goes on whether or not a manager lives. Knows nothing of lifecycles.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use super::output::{Making, Output, OutputError};
use crate::clock::Instant;
use crate::frame::{Header, Stamp};
use crate::message::{BondStatus, Message};
use crate::qos::Qos;

/// Between two signs of life, as Nav2's own nodes have it.
const PERIOD: Duration = Duration::from_millis(250);
/// What Nav2's own nodes say of their patience, in seconds. This side has none to lose.
const TIMEOUT_S: f32 = 4.0;

/// This side of the bond.
pub struct Bond {
    output: Option<Output>,
    /// The node's name.
    id: String,
    /// While there is a bond: this side's own name in it, and when it was said last that it lives.
    kept: Option<(String, Instant)>,
    bytes: Vec<u8>,
}

impl Bond {
    /// Makes the topic, for a node of this name. Where the message is not installed there is none.
    pub fn new(making: &mut Making<'_>, node: &str) -> Result<Self, OutputError> {
        let output = making.optional("bond", BondStatus::TYPE.name, Qos::reliable(5))?;
        Ok(Self { output, id: node.to_owned(), kept: None, bytes: Vec::new() })
    }

    /// Begins a bond, says that it lives where it is time to, or ends it.
    pub fn keep(&mut self, active: bool, now: Instant, stamp: Stamp) {
        if !active {
            if let Some((instance, _)) = self.kept.take() {
                self.send(instance, false, stamp);
            }
            return;
        }
        if self.kept.as_ref().is_some_and(|(_, told)| now.since(*told) < PERIOD) {
            return;
        }
        // Each bond has sides of its own: a manager that comes back is not to take this one for the last.
        let anew = || format!("{:016x}", RandomState::new().build_hasher().finish());
        let instance = self.kept.take().map_or_else(anew, |(instance, _)| instance);
        self.kept = Some((instance.clone(), now));
        self.send(instance, true, stamp);
    }

    fn send(&mut self, instance_id: String, active: bool, stamp: Stamp) {
        let Some(output) = self.output.as_mut().filter(|output| output.is_wanted()) else { return };
        let status = BondStatus {
            header: Header { stamp, frame_id: String::new() },
            id: self.id.clone(),
            instance_id,
            active,
            heartbeat_timeout: TIMEOUT_S,
            heartbeat_period: PERIOD.as_secs_f32(),
        };
        output.send(&status, &mut self.bytes);
    }
}
