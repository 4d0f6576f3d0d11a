//! Diagnostics: how the parts of a node are.

use serde::{Deserialize, Serialize};

use super::definition::{header, rule, time};
use super::{Message, MessageType};
use crate::frame::Header;

/// How well a part works, as diagnostic_msgs numbers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// As it should.
    #[default]
    Ok = 0,
    /// Worse than it should.
    Warn = 1,
    /// Not at all.
    Error = 2,
    /// It worked, and nothing has been heard of it for a while.
    Stale = 3,
}

/// diagnostic_msgs/KeyValue: one value, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// What it is.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// diagnostic_msgs/DiagnosticStatus: how one part is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosticStatus {
    /// A [`Level`], as its number.
    pub level: u8,
    /// The part, such as `itnet: network`.
    pub name: String,
    /// One line for people.
    pub message: String,
    /// What it runs on.
    pub hardware_id: String,
    /// The figures.
    pub values: Vec<KeyValue>,
}

/// diagnostic_msgs/DiagnosticArray: how all parts are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosticArray {
    /// When they were looked at; the frame is empty.
    pub header: Header,
    /// The parts.
    pub status: Vec<DiagnosticStatus>,
}

impl Message for DiagnosticArray {
    const TYPE: MessageType = MessageType {
        name: "diagnostic_msgs/msg/DiagnosticArray",
        definition: concat!(
            "std_msgs/Header header\ndiagnostic_msgs/DiagnosticStatus[] status\n",
            header!(),
            rule!(),
            "MSG: diagnostic_msgs/DiagnosticStatus\n",
            "byte OK=0\nbyte WARN=1\nbyte ERROR=2\nbyte STALE=3\n",
            "byte level\nstring name\nstring message\nstring hardware_id\ndiagnostic_msgs/KeyValue[] values\n",
            rule!(),
            "MSG: diagnostic_msgs/KeyValue\nstring key\nstring value\n",
        ),
    };
}
