//! The calibration of one camera: the last one that came, and why none comes.
//!
//! It is optional: no frame waits for it. Knows nothing of images.

use std::sync::Arc;

use super::edge::{Edge, EdgeError, Subscription};
use super::qos::{End, QosOverrides, why_none};
use crate::message::{self, CameraInfo, Message};
use crate::qos::Qos;

/// A camera_info topic that is subscribed to.
pub struct Calibration {
    /// In full.
    topic: String,
    subscription: Box<dyn Subscription>,
    qos: Qos,
    last: Option<Arc<CameraInfo>>,
    /// What was wrong with the first message that was none.
    fault: Option<String>,
    /// Whether it was told that none comes.
    told: bool,
}

impl Calibration {
    /// Subscribes to `topic`, which is `asked` before remapping.
    pub fn on(topic: &str, asked: &str, overrides: &QosOverrides, edge: &mut dyn Edge) -> Result<Self, EdgeError> {
        let qos = overrides.of(topic, End::Subscription, Qos::sensor_data());
        let subscription = edge.subscribe(asked, CameraInfo::TYPE.name, &qos)?;
        Ok(Self { topic: topic.to_owned(), subscription, qos, last: None, fault: None, told: false })
    }

    /// Takes what came. A message that is none is told once.
    pub fn take(&mut self) {
        while let Some(bytes) = self.subscription.take() {
            match message::decode::<CameraInfo>(&bytes) {
                Ok(info) => self.last = Some(Arc::new(info)),
                Err(error) if self.fault.is_none() => {
                    tracing::warn!("{}: {error}; it is ignored (said once)", self.topic);
                    self.fault = Some(error.to_string());
                }
                Err(_) => (),
            }
        }
    }

    /// The one that came last.
    pub fn last(&self) -> Option<Arc<CameraInfo>> {
        self.last.clone()
    }

    /// Why none came, where none did; the log hears of it once.
    pub fn absence(&mut self, edge: &dyn Edge) -> Option<String> {
        if self.last.is_some() {
            return None;
        }
        let reason = match &self.fault {
            Some(fault) => format!("no calibration on {}: {fault}", self.topic),
            None => {
                let publishers = edge.publishers_of(&self.topic);
                why_none("calibration", &self.topic, &publishers, CameraInfo::TYPE.name, &self.qos)
            }
        };
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!("{reason}, so none goes out with the masks (said once)");
        }
        Some(reason)
    }
}
