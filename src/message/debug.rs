//! Numbers for plots: one value, with or without a stamp.

use serde::{Deserialize, Serialize};

use super::definition::{rule, time};
use super::{Message, MessageType};
use crate::frame::Stamp;

/// std_msgs/Float64: a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Float64 {
    /// The number.
    pub data: f64,
}

/// Float64Stamped: a number and the time it belongs to.
///
/// Two packages have it with the same fields: `autoware_internal_debug_msgs`, which [`Message::TYPE`] names, and before it
/// `tier4_debug_msgs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Float64Stamped {
    /// When it was measured.
    pub stamp: Stamp,
    /// The number.
    pub data: f64,
}

impl Float64Stamped {
    /// Its type as Autoware calls it up to 2024.
    pub const TIER4: MessageType =
        MessageType { name: "tier4_debug_msgs/msg/Float64Stamped", definition: Self::TYPE.definition };
}

impl Message for Float64 {
    const TYPE: MessageType = MessageType { name: "std_msgs/msg/Float64", definition: "float64 data\n" };
}

impl Message for Float64Stamped {
    const TYPE: MessageType = MessageType {
        name: "autoware_internal_debug_msgs/msg/Float64Stamped",
        definition: concat!("builtin_interfaces/Time stamp\nfloat64 data\n", time!()),
    };
}
