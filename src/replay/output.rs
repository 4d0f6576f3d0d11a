//! Masks as messages of a bag, written on a thread of their own so that a slow disk costs no frame its deadline.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use super::cameras::Camera;
use crate::bag::{BagError, BagWriter, Qos, TopicId};
use crate::camera::{info_of, label_info, overlay_image, plane};
use crate::frame::Header;
use crate::mask::{ClassMap, Mask};
use crate::message::{self, CameraInfo, Image, LabelInfo, Message};
use crate::pipeline::{ImageKind, Published, frame_of};
use crate::render::ConfidenceRenderer;

/// Messages that may wait for the disk: about a second of one camera's masks.
const WAITING: usize = 64;
/// How often label_info is repeated, in nanoseconds of the bag's time.
const LABELS_EVERY: u64 = 1_000_000_000;

/// One message on its way to the bag.
struct Outgoing {
    topic: TopicId,
    received: i64,
    content: Written,
}

/// What becomes a message: its bytes, or a frame and its mask, which are drawn by the thread that writes.
enum Written {
    Bytes(Vec<u8>),
    Overlay { kind: ImageKind, message: Vec<u8>, mask: Mask },
}

/// How masks are drawn over their frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// The colours of the published class ids, from 0.
    pub colors: Vec<[u8; 3]>,
    /// 0 leaves the frame, 1 the colours.
    pub alpha: f32,
}

/// The topics of one camera in the bag being written.
struct Topics {
    mask: TopicId,
    confidence: TopicId,
    camera_info: TopicId,
    label_info: TopicId,
    overlay: Option<TopicId>,
    labels_told: Option<i64>,
}

/// Where masks go: encodes them and hands them to the writing thread.
pub struct Output<'scope> {
    topics: Vec<Topics>,
    labels: LabelInfo,
    renderer: ConfidenceRenderer,
    sender: SyncSender<Outgoing>,
    thread: ScopedJoinHandle<'scope, Result<(), BagError>>,
    broken: bool,
}

impl<'scope> Output<'scope> {
    /// Adds the cameras' topics to `writer` and starts to write. `classes` are the names of the model's classes from 0, `map` their ids in masks. With an
    /// `overlay` there is a topic for what [`draw`](Self::draw) is given.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        mut writer: BagWriter,
        cameras: &[Camera],
        (classes, map): (&[String], &ClassMap),
        overlay: Option<Overlay>,
    ) -> Result<Self, BagError> {
        let add = |camera| Topics::add(&mut writer, camera, overlay.is_some());
        let topics = cameras.iter().map(add).collect::<Result<_, _>>()?;
        let (sender, receiver) = sync_channel(WAITING);
        let thread = scope.spawn(move || write(writer, &receiver, overlay.as_ref()));
        let labels = label_info(&Header::default(), classes, map);
        Ok(Self { topics, labels, renderer: ConfidenceRenderer::new(), sender, thread, broken: false })
    }

    /// Whether the bag can no longer be written; [`finish`](Self::finish) says why.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Hands over the messages of one mask, received at `received` (nanoseconds since the epoch).
    pub fn publish(&mut self, camera: usize, received: i64, out: Published<'_>, info: Option<&CameraInfo>) {
        let Some(topics) = self.topics.get_mut(camera) else {
            return;
        };
        let size = out.mask.size();
        let mut messages = Vec::with_capacity(4);
        if topics.labels_told.is_none_or(|told| received.abs_diff(told) >= LABELS_EVERY) {
            topics.labels_told = Some(received);
            let labels = LabelInfo { header: out.header.clone(), ..self.labels.clone() };
            messages.push((topics.label_info, message::to_vec(&labels)));
        }
        messages.push((topics.mask, message::to_vec(&plane(out.header, size, out.mask.classes()))));
        // The mask was rendered from these logits, so they are sound.
        if let Ok(levels) = self.renderer.render(out.logits, size) {
            messages.push((topics.confidence, message::to_vec(&plane(out.header, size, levels))));
        }
        if let Some(info) = info {
            messages.push((topics.camera_info, message::to_vec(&info_of(info, out.header, size))));
        }
        for (topic, encoded) in messages {
            // A mask has at most 16384 * 16384 bytes: its message is never too long to be encoded.
            let Ok(data) = encoded else { continue };
            self.send(topic, received, Written::Bytes(data));
        }
    }

    /// Hands over a frame, as its message, and its mask, to be drawn over each other.
    pub fn draw(&mut self, camera: usize, received: i64, (kind, message): (ImageKind, Vec<u8>), mask: Mask) {
        if let Some(topic) = self.topics.get(camera).and_then(|topics| topics.overlay) {
            self.send(topic, received, Written::Overlay { kind, message, mask });
        }
    }

    fn send(&mut self, topic: TopicId, received: i64, content: Written) {
        self.broken |= self.sender.send(Outgoing { topic, received, content }).is_err();
    }

    /// Waits until everything is written and ends the bag.
    pub fn finish(self) -> Result<(), BagError> {
        drop(self.sender);
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Topics {
    fn add(writer: &mut BagWriter, camera: &Camera, drawn: bool) -> Result<Self, BagError> {
        let mut add = |name: &str, kind, qos| writer.add_topic(&format!("{}/{name}", camera.output), kind, qos);
        Ok(Self {
            mask: add("mask", Image::TYPE, Qos::reliable(1))?,
            confidence: add("confidence", Image::TYPE, Qos::reliable(1))?,
            camera_info: add("camera_info", CameraInfo::TYPE, Qos::reliable(1))?,
            label_info: add("label_info", LabelInfo::TYPE, Qos::latched(1))?,
            overlay: drawn.then(|| add("overlay", Image::TYPE, Qos::reliable(1))).transpose()?,
            labels_told: None,
        })
    }
}

/// Writes what comes; when the sender is gone, ends the bag.
fn write(mut writer: BagWriter, receiver: &Receiver<Outgoing>, overlay: Option<&Overlay>) -> Result<(), BagError> {
    while let Ok(Outgoing { topic, received, content }) = receiver.recv() {
        let data = match content {
            Written::Bytes(data) => Some(data),
            Written::Overlay { kind, message, mask } => overlay.and_then(|overlay| overlay.over(kind, &message, &mask)),
        };
        if let Some(data) = data {
            writer.write(topic, received, &data)?;
        }
    }
    writer.finish()
}

impl Overlay {
    /// The message of a mask over its frame, which gave the mask and so can be read.
    fn over(&self, kind: ImageKind, message: &[u8], mask: &Mask) -> Option<Vec<u8>> {
        let frame = frame_of(kind, message).ok()?;
        message::to_vec(&overlay_image(&frame, mask, &self.colors, self.alpha)).ok()
    }
}

/// The bag's time of a mask that was out `elapsed` after its frame was received.
pub fn later(received: i64, elapsed: Duration) -> i64 {
    received.saturating_add(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
}
