//! The command line on small bags: `itnet replay` and its neighbours as a user runs them.

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod killed;
mod long;
mod lost;
mod real;
#[path = "../common/recorded.rs"]
mod recorded;
mod small;
mod street;
mod warm;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use itnet::bag::{Bag, BagWriter, Existing, Message, Qos, Storage};
use itnet::frame::{Header, Stamp};
use itnet::message::{self, CameraInfo, Image, LabelInfo, Message as _};
use serde_json::Value;

/// A temporary folder with a tiny bundle in it.
struct Place {
    folder: tempfile::TempDir,
}

/// What a run of the program printed, and its exit code.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: status.code(), out: text(stdout), err: text(stderr) }
    }
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        common::tiny::write_tiny_bundle(&folder.path().join("tiny"), 32, 24, 6, 4);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `itnet` in the folder.
    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_itnet"));
        Ran::of(command.args(arguments).current_dir(self.folder.path()).output().expect("starts"))
    }

    /// Replays `bag` into `out` with the tiny bundle; must succeed.
    fn replay(&self, bag: &str, out: &str, more: &[&str]) -> Value {
        let ran = self.run(&[&["replay", bag, "--out", out, "--model", "tiny"], more].concat());
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        self.report(out)
    }

    fn report(&self, out: &str) -> Value {
        let text = std::fs::read_to_string(self.path(out).join("report.json")).expect("a report");
        serde_json::from_str(&text).expect("valid JSON")
    }
}

/// One topic of images in a bag to be written.
struct Camera<'a> {
    topic: &'a str,
    frames: Vec<Image<'static>>,
}

fn stamp(frame: usize) -> Stamp {
    Stamp { sec: 1_600_000_000 + (frame / 100) as i32, nanosec: (frame % 100) as u32 * 10_000_000 }
}

/// A picture of moving stripes.
fn picture(frame: usize, width: u32, height: u32) -> Image<'static> {
    let pixel = |i: usize| ((i * 7 + frame * 40) % 256) as u8;
    Image {
        header: Header { stamp: stamp(frame), frame_id: "lens".into() },
        height,
        width,
        encoding: "rgb8".into(),
        is_bigendian: 0,
        step: 3 * width,
        data: (0..3 * (width * height) as usize).map(pixel).collect::<Vec<_>>().into(),
    }
}

fn pictures(count: usize) -> Vec<Image<'static>> {
    (0..count).map(|frame| picture(frame, 40, 30)).collect()
}

/// Writes a bag with the cameras' images 10 ms apart and a calibration for each.
fn write_bag(folder: &Path, storage: Storage, cameras: &[Camera<'_>]) {
    let mut writer = BagWriter::create(folder, storage, Existing::Refuse).expect("creates");
    for camera in cameras {
        let images = writer.add_topic(camera.topic, Image::TYPE, Qos::reliable(1)).expect("adds");
        let info_topic = camera.topic.replace("image_raw", "camera_info");
        let infos = writer.add_topic(&info_topic, CameraInfo::TYPE, Qos::reliable(1)).expect("adds");
        for image in &camera.frames {
            let received = image.header.stamp.nanos();
            let info = CameraInfo { header: image.header.clone(), width: 80, height: 60, ..CameraInfo::default() };
            writer.write(images, received, &message::to_vec(image).expect("encodes")).expect("writes");
            writer.write(infos, received, &message::to_vec(&info).expect("encodes")).expect("writes");
        }
    }
    writer.finish().expect("finishes");
}

/// The messages of one topic.
fn messages(bag: &Path, topic: &str) -> Vec<Message> {
    let bag = Bag::open(bag).expect("opens");
    bag.messages(|candidate| candidate.name == topic).map(|message| message.expect("reads")).collect()
}

fn masks(bag: &Path, topic: &str) -> Vec<Image<'static>> {
    let owned = |image: Image<'_>| Image { data: image.data.into_owned().into(), ..image };
    messages(bag, topic).iter().map(|message| owned(message::decode(&message.data).expect("an image"))).collect()
}

fn labels(bag: &Path, topic: &str) -> Vec<LabelInfo> {
    messages(bag, topic).iter().map(|message| message::decode(&message.data).expect("labels")).collect()
}
