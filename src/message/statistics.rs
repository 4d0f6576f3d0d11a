//! Figures over a window of time.

use serde::{Deserialize, Serialize};

use super::definition::{rule, time};
use super::{Message, MessageType};
use crate::frame::Stamp;

/// What a figure is, as statistics_msgs numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum StatisticKind {
    /// The mean.
    Average = 1,
    /// The least value.
    Minimum = 2,
    /// The greatest value.
    Maximum = 3,
    /// The standard deviation of the values that there are.
    Stddev = 4,
    /// How many values there are.
    SampleCount = 5,
}

/// statistics_msgs/StatisticDataPoint: one figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatisticDataPoint {
    /// A [`StatisticKind`], as its number.
    pub data_type: u8,
    /// The figure.
    pub data: f64,
}

/// statistics_msgs/MetricsMessage: figures of one measure over one window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricsMessage {
    /// Who measured: a node, a topic.
    pub measurement_source_name: String,
    /// What was measured.
    pub metrics_source: String,
    /// Its unit.
    pub unit: String,
    /// Start of the window.
    pub window_start: Stamp,
    /// End of the window.
    pub window_stop: Stamp,
    /// The figures.
    pub statistics: Vec<StatisticDataPoint>,
}

impl Message for MetricsMessage {
    const TYPE: MessageType = MessageType {
        name: "statistics_msgs/msg/MetricsMessage",
        definition: concat!(
            "string measurement_source_name\nstring metrics_source\nstring unit\n",
            "builtin_interfaces/Time window_start\nbuiltin_interfaces/Time window_stop\n",
            "statistics_msgs/StatisticDataPoint[] statistics\n",
            time!(),
            rule!(),
            "MSG: statistics_msgs/StatisticDataPoint\nuint8 data_type\nfloat64 data\n",
        ),
    };
}
