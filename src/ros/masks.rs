//! What one camera publishes of a mask, on the frame's time.
//!
//! Nothing but the mask is rendered that nobody gets: nobody subscribes, and the topic keeps nothing for who subscribes later (transient local). Pictures
//! for people (overlay, PNG) are handed to another thread, so that they never take a frame's budget.

use std::sync::Arc;
use std::time::Duration;

use super::debug::Debug;
use super::output::{Demand, Making, Output, OutputError};
use super::pictures::{Easel, Picture};
use crate::camera;
use crate::mask::Mask;
use crate::message::{CameraInfo, Image, Message};
use crate::pipeline::{FrameResult, ImageKind, Published};
use crate::qos::Qos;
use crate::render::ConfidenceRenderer;

/// How classes are written into a mask message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskEncoding {
    /// One byte a pixel.
    Mono8,
    /// Class and run length by turns, as Autoware takes them.
    AutowareRle,
}

/// What masks look like.
#[derive(Clone, Debug)]
pub struct Look {
    /// How classes are written.
    pub encoding: MaskEncoding,
    /// The colours of the published ids from 0.
    pub colors: Arc<[[u8; 3]]>,
    /// How much of the overlay is the classes' colours, 0 to 1.
    pub overlay_alpha: f32,
}

/// The topics of one camera.
pub struct Masks {
    image_topic: String,
    mask: Output,
    confidence: Output,
    renderer: ConfidenceRenderer,
    camera_info: Output,
    debug: Debug,
    easel: Easel,
    /// The mask that a picture is to be made of.
    kept: Option<Mask>,
    runs: Vec<u8>,
    bytes: Vec<u8>,
}

impl Masks {
    /// Makes the topics of the camera on `image_topic`.
    pub fn new(image_topic: String, making: &mut Making<'_>, easel: Easel) -> Result<Self, OutputError> {
        Ok(Self {
            image_topic,
            mask: making.output("mask", Image::TYPE.name, Qos::reliable(1))?,
            confidence: making.output("confidence", Image::TYPE.name, Qos::reliable(1))?,
            renderer: ConfidenceRenderer::new(),
            camera_info: making.output("camera_info", CameraInfo::TYPE.name, Qos::reliable(1))?,
            debug: Debug::new(making)?,
            easel,
            kept: None,
            runs: Vec::new(),
            bytes: Vec::new(),
        })
    }

    /// The camera's image topic.
    pub fn image_topic(&self) -> &str {
        &self.image_topic
    }

    /// Whether somebody wants the calibration of the masks.
    pub fn calibration_demand(&self) -> Demand {
        self.camera_info.demand()
    }

    /// Publishes a mask and what belongs to it.
    pub fn publish(&mut self, out: Published<'_>, info: Option<&CameraInfo>, look: &Look) {
        let (header, size) = (out.header, out.mask.size());
        let Self { mask, confidence, renderer, camera_info, runs, bytes, .. } = self;
        if mask.is_wanted() {
            match look.encoding {
                MaskEncoding::Mono8 => mask.send_bytes(camera::mask_message(header, out.mask, bytes)),
                MaskEncoding::AutowareRle => {
                    mask.send(&camera::rle_image(header, size, out.mask.classes(), runs), bytes);
                }
            }
        }
        // The mask was rendered from these logits, so they are sound.
        if confidence.is_wanted()
            && let Ok(levels) = renderer.render(out.logits, size)
        {
            confidence.send(&camera::plane(header, size, levels), bytes);
        }
        if let Some(info) = info.filter(|_| camera_info.is_wanted()) {
            camera_info.send(&camera::info_of(info, header, size), bytes);
        }
        self.kept = self.easel.is_wanted().then(|| out.mask.clone());
    }

    /// Publishes what is not on the frame's time: its values, and the picture made of it.
    pub fn after(
        &mut self,
        result: &FrameResult,
        age: Option<Duration>,
        kind: ImageKind,
        message: Vec<u8>,
        look: &Look,
    ) {
        self.debug.publish(result, age, &mut self.bytes);
        if let Some(mask) = self.kept.take() {
            let colors = Arc::clone(&look.colors);
            self.easel.put(Picture { kind, message, mask, colors, alpha: look.overlay_alpha });
        }
    }
}
