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
        // A topic without messages is not looked for: that would read all of the bag.
        let mut missing: Vec<usize> = roles
            .iter()
            .zip(bag.topics())
            .filter(|(_, topic)| topic.message_count != Some(0))
            .filter_map(|(role, _)| if let Role::Info(of) = role { Some(of.clone()) } else { None })
            .flatten()
            .collect();
        let ahead = bag.messages(|topic| matches!(role(&topic.name), Role::Info(_)));
        // What is wrong with the bag is told when its images are read.
        let mut ahead = ahead.flatten().take(LOOK_AHEAD);
        while !missing.is_empty() {
            let Some(message) = ahead.next() else { break };
            learn(&mut infos, &roles, message.topic, &message.data);
            missing.retain(|&camera| infos[camera].is_none());
        }
        let messages = bag.messages(|topic| role(&topic.name) != Role::Nothing).opening_ahead();
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

/// How long a stop may take to be noticed while nothing is to be done.
const NOTICE: Duration = Duration::from_millis(50);

impl Player<'_> {
    /// Plays to the end, then closes the mailboxes. Returns what was wrong with the bag.
    pub fn play(&self, feed: Feed) -> Option<BagError> {
        // Also where this thread panics: who waits for a frame must not wait for ever.
        let _closing = Closing(self.boxes);
        self.play_open(feed)
    }

    fn play_open(&self, feed: Feed) -> Option<BagError> {
        let mut tape = None;
        for item in feed {
            let (camera, content) = match item {
                Ok(item) => item,
                Err(fault) => return Some(fault),
            };
            // The time starts with the first frame: opening a bag may take long.
            let tape = tape.get_or_insert_with(|| Tape::new(self.clock.now(), content.received));
            wait(self.clock, self.stop, tape.due(content.received));
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
}

/// The longest pause between two frames that is waited for.
const PAUSE: i64 = 600 * SECOND;
/// How far a frame may lie before its predecessor: cameras are recorded out of order, but not by that much.
const BACK: i64 = -SECOND;
const SECOND: i64 = 1_000_000_000;

/// When a recorded frame is to be played.
///
/// A robot's clock jumps when it first learns the time, and some drivers tell nonsense. A bag is played on over such a jump as if
/// the two frames had followed one another at once.
struct Tape {
    start: Instant,
    /// The recorded time that is played at `start`.
    first: i64,
    /// The recorded time of the frame before.
    last: i64,
}

impl Tape {
    fn new(start: Instant, first: i64) -> Self {
        Self { start, first, last: first }
    }

    /// When the next frame, received at `received` by the recorder's clock, is due.
    fn due(&mut self, received: i64) -> Instant {
        let step = received.saturating_sub(self.last);
        if !(BACK..=PAUSE).contains(&step) {
            let seconds = step as f64 / SECOND as f64;
            tracing::warn!("the clock of the bag jumps by {seconds:.0} s between two frames; this is not waited for");
            self.first = self.first.saturating_add(step);
        }
        self.last = received;
        let since = received.saturating_sub(self.first);
        self.start + Duration::from_nanos(u64::try_from(since).unwrap_or(0))
    }
}

/// Closes the mailboxes when it goes.
struct Closing<'a>(&'a Mailboxes<Content>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Waits until `until`, or until `stop` is set.
pub fn wait(clock: &dyn Clock, stop: &AtomicBool, until: Instant) {
    while !stop.load(Ordering::Relaxed) && clock.now() < until {
        clock.sleep_until(until.min(clock.now() + NOTICE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When frames received at these milliseconds are due, in milliseconds from the first one.
    fn due(received: &[i64]) -> Vec<u128> {
        let mut tape = Tape::new(Instant::default(), received[0] * 1_000_000);
        received.iter().map(|ms| tape.due(ms.saturating_mul(1_000_000)).since_start().as_millis()).collect()
    }

    #[test]
    fn frames_are_due_as_they_were_received() {
        assert_eq!(due(&[5000, 5033, 5066, 65_000]), [0, 33, 66, 60_000]);
    }

    #[test]
    fn frames_out_of_order_are_due_in_their_place() {
        assert_eq!(due(&[5000, 5100, 5050, 5150]), [0, 100, 50, 150]);
    }

    #[test]
    fn a_jump_of_the_recorders_clock_is_played_over_either_way() {
        let year_2020 = 1_600_000_000_000;
        assert_eq!(due(&[0, 33, year_2020, year_2020 + 33, 1000, 1033]), [0, 33, 33, 66, 66, 99]);
    }

    #[test]
    fn one_frame_with_an_absurd_time_holds_up_nothing() {
        assert_eq!(due(&[1000, 1033, i64::MAX, 1099, 1132]), [0, 33, 33, 33, 66]);
        assert_eq!(due(&[1000, i64::MIN, 1033, 1066]), [0, 0, 33, 66]);
    }
}
