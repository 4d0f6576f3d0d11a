//! The demo's street as frames and as a bag.

use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::bag::{BagWriter, Existing, Qos, Storage};
use crate::frame::{Encoding, Frame, FrameError, Header, Size, Stamp};
use crate::message::{self, CameraInfo, Image, Message};
use crate::scene::{Light, Picture, Scene};

/// Where the camera's images are in the bag.
pub const IMAGES: &str = "/camera/image_raw";
const INFOS: &str = "/camera/camera_info";
const LABELS: &str = "/camera/labels";

const WIDTH: usize = 480;
const HEIGHT: usize = 360;
/// Frames a second.
const RATE: u32 = 15;
/// The stamp of the first frame, in seconds: a round number that is no real date's.
const START: i32 = 1_700_000_000;

/// One rendered frame with its exact labels.
pub struct Shot {
    /// When it was taken.
    pub stamp: Stamp,
    /// Day or dusk.
    pub light: Light,
    /// Pixels and labels.
    pub picture: Picture,
}

impl Shot {
    /// The picture as a frame.
    pub fn frame(&self) -> Result<Frame<'_>, FrameError> {
        let size = Size::new(self.picture.width as u32, self.picture.height as u32);
        Frame::packed(self.header(), size, Encoding::Rgb8, self.picture.rgb.as_slice())
    }

    fn header(&self) -> Header {
        Header { stamp: self.stamp, frame_id: "camera".to_owned() }
    }
}

/// Renders the drive: first by day, then as long at dusk in another street. Ends early when `stop` is set.
pub fn render(seed: u64, seconds: u32, stop: &AtomicBool) -> anyhow::Result<Vec<Shot>> {
    let frames = seconds * RATE;
    let day = frames / 2;
    let scenes = [Scene::new(seed, Light::Day), Scene::new(seed.wrapping_add(1), Light::Dusk)];
    let bar = ProgressBar::new(u64::from(frames))
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} frames rendered")?);
    let mut shots = Vec::new();
    for n in (0..frames).take_while(|_| !stop.load(Ordering::Relaxed)) {
        let (scene, light, n_in_scene) =
            if n < day { (&scenes[0], Light::Day, n) } else { (&scenes[1], Light::Dusk, n - day) };
        let picture = scene.render(Duration::from_secs(1) / RATE * n_in_scene, (WIDTH, HEIGHT));
        let since = Duration::from_secs(1) / RATE * n;
        let stamp = Stamp { sec: START + since.as_secs() as i32, nanosec: since.subsec_nanos() };
        shots.push(Shot { stamp, light, picture });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(shots)
}

/// Writes the shots as a bag of images, calibration and labels.
pub fn write(shots: &[Shot], folder: &Path) -> anyhow::Result<()> {
    let mut writer = BagWriter::create(folder, Storage::Mcap, Existing::Replace)?;
    let images = writer.add_topic(IMAGES, Image::TYPE, Qos::reliable(1))?;
    let infos = writer.add_topic(INFOS, CameraInfo::TYPE, Qos::reliable(1))?;
    let labels = writer.add_topic(LABELS, Image::TYPE, Qos::reliable(1))?;
    let mut bytes = Vec::new();
    for shot in shots {
        let received = shot.stamp.nanos();
        message::encode(&info(shot), &mut bytes)?;
        writer.write(infos, received, &bytes)?;
        message::encode(&image(shot, "rgb8", 3, &shot.picture.rgb), &mut bytes)?;
        writer.write(images, received, &bytes)?;
        message::encode(&image(shot, "mono8", 1, &shot.picture.labels), &mut bytes)?;
        writer.write(labels, received, &bytes)?;
    }
    writer.finish()?;
    Ok(())
}

fn image<'a>(shot: &Shot, encoding: &str, bytes: usize, data: &'a [u8]) -> Image<'a> {
    Image {
        header: shot.header(),
        height: shot.picture.height as u32,
        width: shot.picture.width as u32,
        encoding: encoding.to_owned(),
        is_bigendian: 0,
        step: (shot.picture.width * bytes) as u32,
        data: Cow::Borrowed(data),
    }
}

/// An uncalibrated camera: its size is told, its lens is not.
fn info(shot: &Shot) -> CameraInfo {
    CameraInfo {
        header: shot.header(),
        height: shot.picture.height as u32,
        width: shot.picture.width as u32,
        ..CameraInfo::default()
    }
}
