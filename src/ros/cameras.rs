//! The cameras of the node: which topics they are on, what they subscribed to, and how long they have been silent.

use std::sync::Arc;
use std::time::Duration;

use super::edge::{Edge, EdgeError, Subscription};
use super::name::NameError;
use super::qos::{End, QosOverrides, why_no_frame};
use super::remap::Names;
use crate::clock::Instant;
use crate::message::{self, CameraInfo, Message};
use crate::params::{CAMERA_NAME, Parameters, is_camera_name};
use crate::pipeline::ImageKind;
use crate::qos::{History, Qos};
use crate::topics;

/// How images are subscribed to. The newest frame wins in the mailbox, where one that is replaced is counted: of two that come at once, the middleware
/// would drop the first without a word if it kept only the last.
const IMAGES: Qos = Qos { history: History::KeepLast(5), ..Qos::sensor_data() };

/// One camera as the parameters have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// Its name in `cameras`; empty for the only camera of a node without names.
    pub name: String,
    /// Its image topic, in full.
    pub image: String,
    /// Raw or compressed.
    pub kind: ImageKind,
    /// Its camera_info topic, in full.
    pub info: String,
}

/// Why the parameters name no cameras.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// A topic is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A camera has no topic.
    #[error("camera `{camera}` of parameter `cameras` has no topic: set `{camera}.topic`")]
    NoTopic {
        /// The camera.
        camera: String,
    },
    /// A camera's name cannot stand in a topic, or stands twice.
    #[error("parameter `cameras`: expected different names ({CAMERA_NAME}), got `{camera}`")]
    BadName {
        /// The name.
        camera: String,
    },
}

/// The cameras that the parameters ask for: those of `cameras`, else one on the topic `image`.
pub fn cameras(parameters: &Parameters, ours: &Names) -> Result<Vec<Camera>, CameraError> {
    let names = parameters.texts("cameras");
    if names.is_empty() {
        return Ok(vec![camera(String::new(), "image", &parameters.text("image_transport"), ours)?]);
    }
    let mut cameras: Vec<Camera> = Vec::with_capacity(names.len());
    for name in names {
        if !is_camera_name(&name) || cameras.iter().any(|camera| camera.name == name) {
            return Err(CameraError::BadName { camera: name });
        }
        let topic = parameters.text(&format!("{name}.topic"));
        if topic.is_empty() {
            return Err(CameraError::NoTopic { camera: name });
        }
        let own = parameters.text(&format!("{name}.image_transport"));
        let transport = if own.is_empty() { parameters.text("image_transport") } else { own };
        cameras.push(camera(name, &topic, &transport, ours)?);
    }
    Ok(cameras)
}

fn camera(name: String, topic: &str, transport: &str, ours: &Names) -> Result<Camera, CameraError> {
    let topic = ours.resolve(topic)?;
    let info = topics::camera_info_of(&topic);
    let compressed = topic.ends_with("/compressed") || transport == "compressed";
    Ok(match compressed {
        true => {
            // As image_transport does it: the transport is added to the topic after remapping.
            let image = format!("{}/compressed", topics::base(&topic));
            Camera { name, image, kind: ImageKind::Compressed, info }
        }
        false => Camera { name, image: topic, kind: ImageKind::Raw, info },
    })
}

/// The time that each frame of a camera has: its own, else that of all.
pub fn budget(parameters: &Parameters, camera: &str) -> Duration {
    let own = parameters.double(&format!("{camera}.budget_ms"));
    let ms = if own > 0.0 { own } else { parameters.double("budget_ms") };
    Duration::from_secs_f64(ms / 1e3)
}

/// A camera that is subscribed to.
pub struct Listening {
    image: Box<dyn Subscription>,
    info: Box<dyn Subscription>,
    qos: Qos,
    calibration: Option<Arc<CameraInfo>>,
    calibration_told: bool,
    /// The last frame, or when it was subscribed to.
    heard: Instant,
    /// When its silence was last told.
    told: Option<Instant>,
}

impl Listening {
    /// Subscribes to a camera.
    pub fn to(camera: &Camera, overrides: &QosOverrides, edge: &mut dyn Edge, now: Instant) -> Result<Self, EdgeError> {
        let qos = overrides.of(&camera.image, End::Subscription, IMAGES);
        let image = edge.subscribe(&camera.image, camera.message_type(), &qos)?;
        let info_qos = overrides.of(&camera.info, End::Subscription, Qos::sensor_data());
        let info = edge.subscribe(&camera.info, CameraInfo::TYPE.name, &info_qos)?;
        tracing::info!("waiting for {} on {} ({qos})", camera.message_type(), camera.image);
        Ok(Self { image, info, qos, calibration: None, calibration_told: false, heard: now, told: None })
    }

    /// All images that came since, oldest first.
    pub fn frames(&mut self, camera: &Camera, now: Instant) -> Vec<Vec<u8>> {
        self.calibrate(camera);
        let frames: Vec<_> = std::iter::from_fn(|| self.image.take()).collect();
        if !frames.is_empty() {
            self.heard = now;
            if self.told.take().is_some() {
                tracing::info!("{}: frames again", camera.image);
            }
        }
        frames
    }

    /// The calibration that came last.
    pub fn calibration(&self) -> Option<Arc<CameraInfo>> {
        self.calibration.clone()
    }

    /// Says why no frame comes, `after` that time and then every ten times as long; gives the reason while there is one.
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
        let reason = why_no_frame(&camera.image, &endpoints, camera.message_type(), &self.qos);
        if self.told.is_none_or(|told| now.since(told) >= 10 * after) {
            self.told = Some(now);
            tracing::warn!("{reason}, for {:.0} s", silence.as_secs_f64());
        }
        Some(reason)
    }

    fn calibrate(&mut self, camera: &Camera) {
        while let Some(bytes) = self.info.take() {
            match message::decode::<CameraInfo>(&bytes) {
                Ok(info) => self.calibration = Some(Arc::new(info)),
                Err(error) if !std::mem::replace(&mut self.calibration_told, true) => {
                    tracing::warn!("{}: {error}; it is ignored (said once)", camera.info);
                }
                Err(_) => (),
            }
        }
    }
}

impl Camera {
    /// The type of its images.
    pub fn message_type(&self) -> &'static str {
        match self.kind {
            ImageKind::Raw => message::Image::TYPE.name,
            ImageKind::Compressed => message::CompressedImage::TYPE.name,
        }
    }
}
