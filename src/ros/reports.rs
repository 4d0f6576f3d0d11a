//! What the node tells once a second: diagnostics and statistics.

use std::time::Duration;

use super::diagnostics::{CameraHealth, Health, diagnostics};
use super::edge::Edge;
use super::lifecycle::State;
use super::network::{Heard, Network};
use super::output::{Making, Output, OutputError};
use super::statistics::metrics;
use crate::clock::Instant;
use crate::frame::Stamp;
use crate::message::{DiagnosticArray, Message, MetricsMessage};
use crate::params::Parameters;
use crate::qos::Qos;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// The topics, and when they were told last.
pub struct Reports {
    node: String,
    diagnostics: Output,
    statistics: Option<Output>,
    told: Instant,
    stamp: Option<Stamp>,
    bytes: Vec<u8>,
}

impl Reports {
    /// Makes the topics for the node with this full name.
    pub fn new(making: &mut Making<'_>, node: String, now: Instant) -> Result<Self, OutputError> {
        Ok(Self {
            node,
            diagnostics: making.output("/diagnostics", DiagnosticArray::TYPE.name, Qos::reliable(10))?,
            statistics: making.optional("/statistics", MetricsMessage::TYPE.name, Qos::reliable(10))?,
            told: now,
            stamp: None,
            bytes: Vec::new(),
        })
    }

    /// Whether a second has passed.
    pub fn are_due(&self, now: Instant) -> bool {
        now.since(self.told) >= EVERY
    }

    /// Tells how everything was since the last time. Without a network there are the deadlines of no camera.
    pub fn tell(
        &mut self,
        (state, failure): (State, Option<&str>),
        mut network: Option<&mut Network>,
        parameters: &Parameters,
        edge: &dyn Edge,
        (now, stamp): (Instant, Stamp),
    ) {
        let span = now.since(std::mem::replace(&mut self.told, now));
        let start = self.stamp.replace(stamp).filter(|start| *start < stamp);
        let silent_after = Duration::from_secs_f64(parameters.double("no_frame_s"));
        let heard = network.as_mut().map_or_else(Vec::new, |network| network.heard(silent_after, edge, now));
        let health = Health {
            node: &self.node,
            state,
            failure,
            hardware_id: parameters.text("diagnostics.hardware_id"),
            span,
            missed_share_warn: parameters.double("diagnostics.missed_warn"),
            dropped_share_warn: parameters.double("diagnostics.dropped_warn"),
            cameras: heard.iter().map(camera).collect(),
            network: network.as_ref().and_then(|network| network.health(parameters)),
        };
        self.diagnostics.send(&diagnostics(stamp, &health), &mut self.bytes);
        // There is no window before the first stamp, nor where time has jumped back.
        let Some(start) = start else { return };
        let Some(statistics) = self.statistics.as_mut().filter(|output| output.is_wanted()) else { return };
        for camera in &heard {
            let source =
                if camera.name.is_empty() { self.node.clone() } else { format!("{}/{}", self.node, camera.name) };
            for message in metrics(&source, &camera.window, start, stamp) {
                statistics.send(&message, &mut self.bytes);
            }
        }
    }
}

fn camera(camera: &Heard) -> CameraHealth<'_> {
    CameraHealth {
        name: if camera.name.is_empty() { &camera.topic } else { &camera.name },
        topic: &camera.topic,
        budget: camera.budget,
        window: &camera.window,
        totals: camera.totals,
        last: camera.last,
        silent: camera.reason.as_deref(),
        uncalibrated: camera.uncalibrated.as_deref(),
    }
}
