//! The cameras of the node: which topics they are on, what they subscribed to, and how long they have been silent.

use std::sync::Arc;
use std::time::Duration;

use super::calibration::Calibration;
use super::edge::{Edge, EdgeError, Subscription};
use super::name::NameError;
use super::qos::{End, QosOverrides, why_none};
use super::remap::Names;
use crate::clock::Instant;
use crate::message::{self, CameraInfo, Message};
use crate::params::{CameraError, NamedCamera, Parameters};
use crate::pipeline::ImageKind;
use crate::qos::{History, Qos};
use crate::topics;

/// One camera as the node has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// Its name in `cameras`; empty for the only camera of a node without names.
    pub name: String,
    /// Raw or compressed.
    pub kind: ImageKind,
    /// Its image topic, in full.
    pub image: String,
    /// Its camera_info topic, in full.
    pub info: String,
    /// The image topic as the library is given it, before remapping.
    asked_image: String,
    /// The camera_info topic as the library is given it.
    asked_info: String,
}

/// Why the parameters name no cameras.
#[derive(Debug, thiserror::Error)]
pub enum NodeCameraError {
    /// What the parameters say by themselves.
    #[error(transparent)]
    Camera(#[from] CameraError),
    /// A topic is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Two cameras would be one.
    #[error("cameras `{first}` and `{second}` are both on {topic}")]
    SameTopic {
        /// A camera.
        first: String,
        /// Another one.
        second: String,
        /// Their image topic.
        topic: String,
    },
}

/// The cameras that the parameters ask for: those of `cameras`, else one on the topic `image`.
pub fn cameras(parameters: &Parameters, names: &Names) -> Result<Vec<Camera>, NodeCameraError> {
    let named = parameters.named_cameras()?;
    if named.is_empty() {
        return Ok(vec![Camera::new(String::new(), "image", parameters.is_compressed(""), names)?]);
    }
    let mut cameras: Vec<Camera> = Vec::with_capacity(named.len());
    for NamedCamera { name, topic, compressed, .. } in named {
        let camera = Camera::new(name, &topic, compressed, names)?;
        if let Some(other) = cameras.iter().find(|other| other.image == camera.image) {
            let (first, second) = (other.name.clone(), camera.name);
            return Err(NodeCameraError::SameTopic { first, second, topic: camera.image });
        }
        cameras.push(camera);
    }
    Ok(cameras)
}

impl Camera {
    /// As image_transport does it: the transport is added to what the topic is remapped to, and the calibration is the sibling of that. In Humble it is
    /// the sibling of the topic before the rules; so a rule for that one is followed where there is one.
    fn new(name: String, topic: &str, compressed: bool, names: &Names) -> Result<Self, NameError> {
        let base = names.resolve(topic)?;
        let sibling = topics::camera_info_of(&names.node().expand(topic)?);
        let asked_info = if names.is_remapped(&sibling) { sibling } else { topics::camera_info_of(&base) };
        let is_compressed = base.ends_with("/compressed");
        let asked_image = if compressed && !is_compressed { topics::compressed(&base) } else { topic.to_owned() };
        Ok(Self {
            name,
            kind: if compressed || is_compressed { ImageKind::Compressed } else { ImageKind::Raw },
            image: names.resolve(&asked_image)?,
            info: names.resolve(&asked_info)?,
            asked_image,
            asked_info,
        })
    }

    /// The type of its images.
    pub fn message_type(&self) -> &'static str {
        match self.kind {
            ImageKind::Raw => message::Image::TYPE.name,
            ImageKind::Compressed => message::CompressedImage::TYPE.name,
        }
    }
}

/// The QoS that images are subscribed with: sensor data, with room for a burst. Frames wait in a slot of their own, where the newest wins and the
/// others are counted; what is lost before that, nobody counts.
const IMAGES: Qos = Qos { history: History::KeepLast(10), ..Qos::sensor_data() };

/// A camera that is subscribed to.
pub struct Listening {
    image: Box<dyn Subscription>,
    qos: Qos,
    calibration: Calibration,
    /// The first frame.
    first: Option<Instant>,
    /// The last frame, or when it was subscribed to.
    heard: Instant,
    /// When its silence was last told.
    told: Option<Instant>,
}

impl Listening {
    /// Subscribes to a camera.
    pub fn to(camera: &Camera, overrides: &QosOverrides, edge: &mut dyn Edge, now: Instant) -> Result<Self, EdgeError> {
        let qos = overrides.of(&camera.image, End::Subscription, IMAGES);
        let image = edge.subscribe(&camera.asked_image, camera.message_type(), &qos)?;
        let calibration = Calibration::on(&camera.info, &camera.asked_info, overrides, edge)?;
        tracing::info!("waiting for {} on {} ({qos})", camera.message_type(), camera.image);
        Ok(Self { image, qos, calibration, first: None, heard: now, told: None })
    }

    /// All images that came since, oldest first.
    pub fn frames(&mut self, camera: &Camera, now: Instant) -> Vec<Vec<u8>> {
        self.calibration.take();
        let frames: Vec<_> = std::iter::from_fn(|| self.image.take()).collect();
        if !frames.is_empty() {
            self.first.get_or_insert(now);
            self.heard = now;
            if self.told.take().is_some() {
                tracing::info!("{}: frames again", camera.image);
            }
        }
        frames
    }

    /// The calibration that came last.
    pub fn calibration(&self) -> Option<Arc<CameraInfo>> {
        self.calibration.last()
    }

    /// Says why no frame comes, once `after` that time and then again each time ten times as long has passed; gives the reason while there is one.
    pub fn silence_reason(
        &mut self,
        camera: &Camera,
        after: Duration,
        edge: &dyn Edge,
        now: Instant,
    ) -> Option<String> {
        let silence = now.since(self.heard);
        if silence < after {
            return None;
        }
        let endpoints = edge.publishers_of(&camera.image);
        let reason = why_none("frame", &camera.image, &endpoints, camera.message_type(), &self.qos);
        if self.told.is_none_or(|told| now.since(told) >= 10 * after) {
            self.told = Some(now);
            tracing::warn!("{reason}, for {:.0} s", silence.as_secs_f64());
        }
        Some(reason)
    }

    /// Why no calibration has come, once frames have been coming for `after`.
    pub fn calibration_absence(&mut self, after: Duration, edge: &dyn Edge, now: Instant) -> Option<String> {
        self.first.filter(|first| now.since(*first) >= after)?;
        self.calibration.absence(edge)
    }
}
