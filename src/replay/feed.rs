//! The bag as cameras: image messages in order, each with the calibration that was last seen, at once or as they were recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::bag::{Bag, BagError, Messages};
use crate::clock::{Clock, Instant};
use crate::frame::{Header, Stamp};
use crate::mailbox::{Arrived, Mailboxes};
use crate::message::{self, CameraInfo, CompressedImage, Image};
use crate::pipeline::ImageKind;

/// One image message of a camera.
#[derive(Clone, Debug)]
pub struct Content {
    /// The message's bytes.
    pub data: Vec<u8>,
    /// When it was recorded: nanoseconds since the epoch.
    pub received: i64,
    /// The camera's calibration.
    pub info: Option<Arc<CameraInfo>>,
}

/// What a topic of the bag is to us.
#[derive(Clone, Debug, PartialEq)]
enum Role {
    /// The images of this camera.
    Image(usize),
    /// The calibration of these cameras.
    Info(Vec<usize>),
    Nothing,
}

/// How many calibration messages are looked through for those of all cameras before the first image.
const LOOK_AHEAD: usize = 1000;

/// The image messages of a bag; ends after the first error.
pub struct Feed {
    messages: Messages,
    roles: Vec<Role>,
    infos: Vec<Option<Arc<CameraInfo>>>,
}

impl Feed {
    /// The messages of `cameras`. Each camera's first calibration is looked up at once, since it may come after the first image.
    pub fn new(bag: &Bag, cameras: &[super::Camera]) -> Self {
        let role = |name: &str| role(name, cameras);
        let roles: Vec<Role> = bag.topics().iter().map(|topic| role(&topic.name)).collect();
        let mut infos = vec![None; cameras.len()];
        let ahead = bag.messages(|topic| matches!(role(&topic.name), Role::Info(_)));
        // What is wrong with the bag is told when its images are read.
        for message in ahead.flatten().take(LOOK_AHEAD) {
            learn(&mut infos, &roles, message.topic, &message.data);
            if infos.iter().all(Option::is_some) {
                break;
            }
        }
        let messages = bag.messages(|topic| role(&topic.name) != Role::Nothing);
        Self { messages, roles, infos }
    }
}

impl Iterator for Feed {
    /// A camera's index and its message.
    type Item = Result<(usize, Content), BagError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let message = match self.messages.next()? {
                Ok(message) => message,
                Err(fault) => return Some(Err(fault)),
            };
            match self.roles.get(message.topic) {
                Some(&Role::Image(camera)) => {
                    let info = self.infos.get(camera).cloned().flatten();
                    return Some(Ok((camera, Content { data: message.data, received: message.received, info })));
                }
                _ => learn(&mut self.infos, &self.roles, message.topic, &message.data),
            }
        }
    }
}

fn role(topic: &str, cameras: &[super::Camera]) -> Role {
    if let Some(camera) = cameras.iter().position(|camera| camera.topic == topic) {
        return Role::Image(camera);
    }
    let of: Vec<usize> = (0..cameras.len()).filter(|&camera| cameras[camera].info_topic == topic).collect();
    if of.is_empty() { Role::Nothing } else { Role::Info(of) }
}

/// Remembers a calibration for its cameras. One that is no camera_info changes nothing: the masks are published all the same.
fn learn(infos: &mut [Option<Arc<CameraInfo>>], roles: &[Role], topic: usize, data: &[u8]) {
    let Some(Role::Info(cameras)) = roles.get(topic) else {
        return;
    };
    let info = match message::decode::<CameraInfo>(data) {
        Ok(info) => Arc::new(info),
        Err(fault) => {
            tracing::debug!("camera_info is left out: {fault}");
            return;
        }
    };
    for &camera in cameras {
        if let Some(slot) = infos.get_mut(camera) {
            *slot = Some(Arc::clone(&info));
        }
    }
}

/// The stamp in an image message; `None` where it is none.
pub fn stamp(kind: ImageKind, data: &[u8]) -> Option<Stamp> {
    let header: Header = match kind {
        ImageKind::Raw => message::decode::<Image<'_>>(data).ok()?.header,
        ImageKind::Compressed => message::decode::<CompressedImage<'_>>(data).ok()?.header,
    };
    Some(header.stamp)
}

/// Plays a feed into mailboxes at the speed it was recorded with.
pub struct Player<'a> {
    /// The cameras, for their budgets.
    pub cameras: &'a [super::Camera],
    /// When frames arrive.
    pub clock: &'a dyn Clock,
    /// Ends the play early.
    pub stop: &'a AtomicBool,
    /// Where frames go.
    pub boxes: &'a Mailboxes<Content>,
    /// Takes the frames that were replaced.
    pub dropped: &'a (dyn Fn(Arrived<Content>) + Sync),
}

/// How long a stop may take to be noticed in a pause of the recording.
const NOTICE: Duration = Duration::from_millis(50);

impl Player<'_> {
    /// Plays to the end, then closes the mailboxes. Returns what was wrong with the bag.
    pub fn play(&self, feed: Feed) -> Option<BagError> {
        let fault = self.play_open(feed);
        self.boxes.close();
        fault
    }

    fn play_open(&self, feed: Feed) -> Option<BagError> {
        let start = self.clock.now();
        let mut first = None;
        for item in feed {
            let (camera, content) = match item {
                Ok(item) => item,
                Err(fault) => return Some(fault),
            };
            let since = content.received.saturating_sub(*first.get_or_insert(content.received));
            self.wait(start + Duration::from_nanos(u64::try_from(since).unwrap_or(0)));
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            let arrival = self.clock.now();
            let budget = self.cameras.get(camera).map(|camera| camera.budget).unwrap_or_default();
            let replaced = self.boxes.put(Arrived { camera, arrival, deadline: arrival + budget, content });
            if let Some(frame) = replaced {
                (self.dropped)(frame);
            }
        }
        None
    }

    fn wait(&self, until: Instant) {
        while !self.stop.load(Ordering::Relaxed) && self.clock.now() < until {
            self.clock.sleep_until(until.min(self.clock.now() + NOTICE));
        }
    }
}
