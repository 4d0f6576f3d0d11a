//! Pictures for people, and masks as PNG: made on a thread of their own, and only while somebody wants them.
//!
//! One slot a camera, the newest wins: on a loaded machine pictures are left out, never masks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::output::{Demand, Making, Output, OutputError};
use crate::camera;
use crate::clock::Instant;
use crate::mailbox::{Arrived, Mailboxes};
use crate::mask::Mask;
use crate::message::{CompressedImage, Image, Message};
use crate::pipeline::{ImageKind, frame_of};
use crate::qos::Qos;

/// What pictures are made of.
pub struct Picture {
    /// Which image message it is.
    pub kind: ImageKind,
    /// The image message.
    pub message: Vec<u8>,
    /// The mask, in published ids.
    pub mask: Mask,
    /// The colours of the ids.
    pub colors: Arc<[[u8; 3]]>,
    /// How much of the overlay is colour, 0 to 1.
    pub alpha: f32,
}

/// The picture topics of one camera.
pub struct PictureTopics {
    overlay: Output,
    compressed: Output,
}

impl PictureTopics {
    /// Makes the topics.
    pub fn new(making: &mut Making<'_>) -> Result<Self, OutputError> {
        Ok(Self {
            overlay: making.output("overlay", Image::TYPE.name, Qos::reliable(1))?,
            compressed: making.output("mask/compressed", CompressedImage::TYPE.name, Qos::reliable(1))?,
        })
    }
}

/// Where the network's thread puts what a picture of one camera is to be made of.
pub struct Easel {
    camera: usize,
    boxes: Arc<Mailboxes<Picture>>,
    demands: [Demand; 2],
}

impl Easel {
    /// Whether somebody wants a picture of this camera.
    pub fn is_wanted(&self) -> bool {
        self.demands.iter().any(Demand::is_there)
    }

    /// Has the picture made, unless a newer one comes first.
    pub fn put(&self, picture: Picture) {
        // One that waited is replaced: that is what the slot is for.
        let _ = self.boxes.put(Arrived {
            camera: self.camera,
            arrival: Instant::default(),
            deadline: Instant::default(),
            content: picture,
        });
    }
}

/// The thread that makes pictures; dropping it ends it.
pub struct Pictures {
    boxes: Arc<Mailboxes<Picture>>,
    thread: Option<JoinHandle<()>>,
}

impl Pictures {
    /// Starts the thread, with an easel for each camera.
    pub fn start(topics: Vec<PictureTopics>) -> std::io::Result<(Self, Vec<Easel>)> {
        let boxes = Arc::new(Mailboxes::new(topics.len()));
        let easel = |(camera, topics): (usize, &PictureTopics)| Easel {
            camera,
            boxes: Arc::clone(&boxes),
            demands: [topics.overlay.demand(), topics.compressed.demand()],
        };
        let easels = topics.iter().enumerate().map(easel).collect();
        let ours = Arc::clone(&boxes);
        let thread =
            std::thread::Builder::new().name("itnet-pictures".to_owned()).spawn(move || paint(topics, &ours))?;
        Ok((Self { boxes, thread: Some(thread) }, easels))
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.boxes.close();
        if let Some(thread) = self.thread.take() {
            // A panic was told on standard error by its own thread; only pictures are lost.
            let _ = thread.join();
        }
    }
}

fn paint(mut cameras: Vec<PictureTopics>, boxes: &Mailboxes<Picture>) {
    let (mut bytes, mut file) = (Vec::new(), Vec::new());
    let mut told = BTreeSet::new();
    while let Some(Arrived { camera, content, .. }) = boxes.take() {
        let Some(topics) = cameras.get_mut(camera) else { continue };
        if let Err(reason) = topics.paint(content, &mut bytes, &mut file)
            && told.insert(camera)
        {
            tracing::warn!("camera {camera}: no picture of a frame: {reason} (said once)");
        }
    }
}

impl PictureTopics {
    fn paint(&mut self, picture: Picture, bytes: &mut Vec<u8>, file: &mut Vec<u8>) -> Result<(), String> {
        let Picture { kind, message, mask, colors, alpha } = picture;
        let frame = frame_of(kind, &message).map_err(|fault| fault.to_string())?;
        if self.overlay.is_wanted() {
            self.overlay.send(&camera::overlay_image(&frame, &mask, &colors, alpha), bytes);
        }
        if self.compressed.is_wanted() {
            let png = camera::compressed(frame.header(), mask.size(), mask.classes(), file);
            self.compressed.send(&png.map_err(|error| error.to_string())?, bytes);
        }
        Ok(())
    }
}
