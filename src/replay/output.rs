//! Masks as messages of a bag, written on a thread of their own so that a slow disk costs no frame its deadline.

use std::borrow::Cow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use super::cameras::Camera;
use crate::bag::{BagError, BagWriter, Qos, TopicId};
use crate::frame::{Header, Size};
use crate::message::{self, CameraInfo, Image, LabelInfo, Message, VisionClass};
use crate::pipeline::Published;

/// Messages that may wait for the disk; enough for seconds of masks.
const WAITING: usize = 256;
/// How often label_info is repeated, in nanoseconds of the bag's time.
const LABELS_EVERY: i64 = 1_000_000_000;

/// One message on its way to the bag.
struct Outgoing {
    topic: TopicId,
    received: i64,
    data: Vec<u8>,
}

/// The topics of one camera in the bag being written.
struct Topics {
    mask: TopicId,
    confidence: TopicId,
    camera_info: TopicId,
    label_info: TopicId,
    labels_told: Option<i64>,
}

/// Where masks go: encodes them and hands them to the writing thread.
pub struct Output<'scope> {
    topics: Vec<Topics>,
    labels: Vec<VisionClass>,
    sender: SyncSender<Outgoing>,
    thread: ScopedJoinHandle<'scope, Result<(), BagError>>,
    broken: bool,
}

impl<'scope> Output<'scope> {
    /// Adds the cameras' topics to `writer` and starts to write. `classes` are the names of the class ids from 0.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        mut writer: BagWriter,
        cameras: &[Camera],
        classes: &[String],
    ) -> Result<Self, BagError> {
        let topics = cameras.iter().map(|camera| Topics::add(&mut writer, camera)).collect::<Result<_, _>>()?;
        let label = |(id, name): (usize, &String)| VisionClass { class_id: id as u16, class_name: name.clone() };
        let (sender, receiver) = sync_channel(WAITING);
        let thread = scope.spawn(move || write(writer, &receiver));
        let labels = classes.iter().enumerate().map(label).collect();
        Ok(Self { topics, labels, sender, thread, broken: false })
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
        if topics.labels_told.is_none_or(|told| received - told >= LABELS_EVERY) {
            topics.labels_told = Some(received);
            let labels = LabelInfo { header: out.header.clone(), class_map: self.labels.clone(), threshold: 0.0 };
            messages.push((topics.label_info, message::to_vec(&labels)));
        }
        messages.push((topics.mask, message::to_vec(&plane(out.header, size, out.mask.classes()))));
        messages.push((topics.confidence, message::to_vec(&plane(out.header, size, out.mask.confidence()))));
        if let Some(info) = info {
            messages.push((topics.camera_info, message::to_vec(&info_of(info, out.header, size))));
        }
        for (topic, encoded) in messages {
            // A mask has at most 16384 * 16384 bytes: its message is never too long to be encoded.
            let Ok(data) = encoded else { continue };
            self.broken |= self.sender.send(Outgoing { topic, received, data }).is_err();
        }
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
    fn add(writer: &mut BagWriter, camera: &Camera) -> Result<Self, BagError> {
        let mut add = |name: &str, kind, qos| writer.add_topic(&format!("{}/{name}", camera.output), kind, qos);
        Ok(Self {
            mask: add("mask", Image::TYPE, Qos::reliable(1))?,
            confidence: add("confidence", Image::TYPE, Qos::reliable(1))?,
            camera_info: add("camera_info", CameraInfo::TYPE, Qos::reliable(1))?,
            label_info: add("label_info", LabelInfo::TYPE, Qos::latched(1))?,
            labels_told: None,
        })
    }
}

/// Writes what comes; when the sender is gone, ends the bag.
fn write(mut writer: BagWriter, receiver: &Receiver<Outgoing>) -> Result<(), BagError> {
    while let Ok(Outgoing { topic, received, data }) = receiver.recv() {
        writer.write(topic, received, &data)?;
    }
    writer.finish()
}

/// A mono8 picture of one byte a pixel without padding.
fn plane<'a>(header: &Header, size: Size, data: &'a [u8]) -> Image<'a> {
    Image {
        header: header.clone(),
        height: size.height,
        width: size.width,
        encoding: "mono8".to_owned(),
        is_bigendian: 0,
        step: size.width,
        data: Cow::Borrowed(data),
    }
}

/// The calibration of a picture of `size`, from that of the camera: intrinsics scale with the picture (as image_proc's resize does it).
fn info_of(info: &CameraInfo, header: &Header, size: Size) -> CameraInfo {
    let mut scaled = CameraInfo { header: header.clone(), ..info.clone() };
    if info.width == 0 || info.height == 0 || (info.width, info.height) == (size.width, size.height) {
        return scaled;
    }
    let x = f64::from(size.width) / f64::from(info.width);
    let y = f64::from(size.height) / f64::from(info.height);
    for (index, factor) in [(0, x), (2, x), (4, y), (5, y)] {
        scaled.k[index] *= factor;
    }
    for (index, factor) in [(0, x), (2, x), (3, x), (5, y), (6, y)] {
        scaled.p[index] *= factor;
    }
    let scale = |pixels: u32, factor: f64| (f64::from(pixels) * factor).round() as u32;
    scaled.roi.x_offset = scale(info.roi.x_offset, x);
    scaled.roi.width = scale(info.roi.width, x);
    scaled.roi.y_offset = scale(info.roi.y_offset, y);
    scaled.roi.height = scale(info.roi.height, y);
    (scaled.width, scaled.height) = (size.width, size.height);
    scaled
}

/// The bag's time of a mask that was out `elapsed` after its frame was received.
pub fn later(received: i64, elapsed: Duration) -> i64 {
    received.saturating_add(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calibration_scales_with_the_picture() {
        let mut info = CameraInfo { width: 960, height: 720, ..CameraInfo::default() };
        info.k = [800.0, 0.0, 480.0, 0.0, 802.0, 360.0, 0.0, 0.0, 1.0];
        info.p = [800.0, 0.0, 480.0, -40.0, 0.0, 802.0, 360.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        info.roi.width = 100;
        let half = info_of(&info, &Header::default(), Size::new(480, 360));
        assert_eq!(half.k, [400.0, 0.0, 240.0, 0.0, 401.0, 180.0, 0.0, 0.0, 1.0]);
        assert_eq!(half.p, [400.0, 0.0, 240.0, -20.0, 0.0, 401.0, 180.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!((half.width, half.height, half.roi.width), (480, 360, 50));
    }

    #[test]
    fn an_uncalibrated_camera_stays_so() {
        let info = CameraInfo::default();
        assert_eq!(info_of(&info, &Header::default(), Size::new(4, 4)).k, [0.0; 9]);
    }
}
