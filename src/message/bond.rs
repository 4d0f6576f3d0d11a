//! Signs of life between two processes.

use serde::{Deserialize, Serialize};

use super::definition::{header, rule, time};
use super::{Message, MessageType};
use crate::frame::Header;

/// bond/Status: one side of a bond lives, or ends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BondStatus {
    /// When it was said; the frame is empty.
    pub header: Header,
    /// The bond that it belongs to.
    pub id: String,
    /// The side that says it.
    pub instance_id: String,
    /// Whether that side keeps the bond.
    pub active: bool,
    /// Silence after which that side gives the other one up, in seconds.
    pub heartbeat_timeout: f32,
    /// Time between its own statuses, in seconds.
    pub heartbeat_period: f32,
}

impl Message for BondStatus {
    const TYPE: MessageType = MessageType {
        name: "bond/msg/Status",
        definition: concat!(
            "std_msgs/Header header\nstring id\nstring instance_id\nbool active\n",
            "float32 heartbeat_timeout\nfloat32 heartbeat_period\n",
            header!(),
        ),
    };
}
