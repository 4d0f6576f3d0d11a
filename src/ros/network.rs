//! The configured node: cameras, the network's thread, and what they publish.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::cameras::{Camera, Listening, NodeCameraError, cameras};
use super::diagnostics::NetworkHealth;
use super::edge::{Edge, EdgeError};
use super::masks::{Look, MaskEncoding, Masks};
use super::output::{Demand, Making, Output, OutputError};
use super::pictures::{PictureTopics, Pictures};
use super::qos::QosOverrides;
use super::window::Window;
use super::worker::{Content, Job, Live, Loaded, Standing, Worker};
use crate::camera;
use crate::clock::{Clock, Instant};
use crate::frame::{Header, Stamp};
use crate::mailbox::Arrived;
use crate::mask::ClassMap;
use crate::message::{LabelInfo, Message};
use crate::model::Manifest;
use crate::params::Parameters;
use crate::pipeline::Settings;
use crate::qos::Qos;
use crate::report::Totals;
use crate::scheduling::Scheduling;

/// Why the node cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// The cameras.
    #[error(transparent)]
    Camera(#[from] NodeCameraError),
    /// An output.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A thread.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// How loading stands.
pub enum Loading {
    /// Not done yet.
    UnderWay,
    /// Warm.
    Done,
    /// Why there is no network.
    Failed(String),
}

/// One camera with what belongs to it on the spinning thread.
struct Post {
    camera: Camera,
    budget: Duration,
    labels: Option<Labels>,
    calibration: Demand,
    listening: Option<Listening>,
    last: Option<Instant>,
    totals: Totals,
}

/// Where it is told what the numbers in the masks mean.
struct Labels {
    output: Output,
    /// How many subscribed when that was asked last.
    subscribers: usize,
}

impl Labels {
    /// Whether more subscribe than when this was asked last.
    fn have_new_subscribers(&mut self) -> bool {
        let before = std::mem::replace(&mut self.subscribers, self.output.subscribers());
        self.subscribers > before
    }
}

/// Cameras and network. The fields are dropped in their order: no frame may come to a network that is gone.
pub struct Network {
    posts: Vec<Post>,
    worker: Worker,
    _pictures: Pictures,
    standing: Option<Box<Standing>>,
    bytes: Vec<u8>,
}

impl Network {
    /// Makes all outputs and starts to load the bundle.
    pub fn load(
        parameters: &Parameters,
        mut making: Making<'_>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, ConfigureError> {
        let cameras = cameras(parameters, making.names)?;
        let time = making.edge.time();
        let mut pictures = Vec::with_capacity(cameras.len());
        for camera in &cameras {
            pictures.push(PictureTopics::new(&mut making.below(&camera.name))?);
        }
        let (pictures, easels) = Pictures::start(pictures)?;
        let mut posts = Vec::with_capacity(cameras.len());
        let mut lines = Vec::with_capacity(cameras.len());
        for (camera, easel) in cameras.into_iter().zip(easels) {
            let masks = Masks::new(camera.image.clone(), &mut making.below(&camera.name), easel)?;
            let labels = making.below(&camera.name).optional("label_info", LabelInfo::TYPE.name, Qos::latched(1))?;
            let labels = labels.map(|output| Labels { output, subscribers: 0 });
            let calibration = masks.calibration_demand();
            lines.push((camera.kind, masks));
            posts.push(Post {
                budget: parameters.budget_of(&camera.name),
                camera,
                labels,
                calibration,
                listening: None,
                last: None,
                totals: Totals::default(),
            });
        }
        let live = live(parameters, &posts, None);
        let threads = usize::try_from(parameters.integer("threads")).unwrap_or(1);
        let model = PathBuf::from(parameters.text("model"));
        let precision = parameters.text("precision").parse().unwrap_or_default();
        let scheduling = Scheduling::of(parameters);
        let clock = Arc::clone(clock);
        let worker = Worker::start(Job { model, threads, scheduling, precision, live, cameras: lines, clock, time })?;
        Ok(Self { posts, worker, _pictures: pictures, standing: None, bytes: Vec::new() })
    }

    /// How loading stands; after [`Loading::Done`] there are classes.
    pub fn loading(&mut self, parameters: &Parameters) -> Loading {
        // Asked first: a thread that has ended said before what came of loading.
        let is_dead = self.worker.is_dead();
        match self.worker.loaded() {
            Some(Loaded::Ready(standing)) => self.ready(standing, parameters),
            Some(Loaded::Failed(reason)) => Loading::Failed(reason),
            None if is_dead => Loading::Failed("the network's thread has ended".to_owned()),
            None => Loading::UnderWay,
        }
    }

    /// Only now it is known whether `class_remap` fits the classes.
    fn ready(&mut self, standing: Box<Standing>, parameters: &Parameters) -> Loading {
        let (manifest, chosen) = (standing.bundle.manifest(), standing.bundle.chosen());
        let classes = manifest.classes.len();
        if let Err(error) = ClassMap::new(&parameters.integers("class_remap"), classes) {
            return Loading::Failed(format!("parameter `class_remap` takes {error}"));
        }
        let (name, useful, precision) = (&manifest.name, manifest.iterations.useful, chosen.precision.name());
        tracing::info!("{name}: {useful} iterations, {classes} classes, multiplies in {precision} ({})", chosen.reason);
        self.standing = Some(standing);
        self.set(parameters);
        Loading::Done
    }

    /// How many classes there are, once the model is loaded.
    pub fn classes(&self) -> Option<usize> {
        self.manifest().map(|manifest| manifest.classes.len())
    }

    fn manifest(&self) -> Option<&Manifest> {
        self.standing.as_ref().map(|standing| standing.bundle.manifest())
    }

    /// Whether the network's thread has ended by itself.
    pub fn is_dead(&self) -> bool {
        self.worker.is_dead()
    }

    /// Puts what may change in force from the next frame on.
    pub fn set(&mut self, parameters: &Parameters) {
        for post in &mut self.posts {
            post.budget = parameters.budget_of(&post.camera.name);
        }
        self.worker.shared.set(live(parameters, &self.posts, self.manifest()));
    }

    /// Subscribes to all cameras.
    pub fn listen(&mut self, overrides: &QosOverrides, edge: &mut dyn Edge, now: Instant) -> Result<(), EdgeError> {
        // All or none: where one is refused, those before it are dropped.
        let listening = self.posts.iter().map(|post| Listening::to(&post.camera, overrides, edge, now));
        let listening = listening.collect::<Result<Vec<_>, _>>()?;
        for (post, listening) in self.posts.iter_mut().zip(listening) {
            post.listening = Some(listening);
        }
        self.worker.shared.open(true);
        Ok(())
    }

    /// Subscribes to none; what waited counts as dropped.
    pub fn deafen(&mut self) {
        for post in &mut self.posts {
            post.listening = None;
        }
        let shared = &self.worker.shared;
        shared.open(false);
        for frame in shared.boxes.clear() {
            shared.window(frame.camera).into_iter().for_each(|mut window| window.dropped());
        }
    }

    /// Hands every frame that came to the network; one that is replaced counts as dropped.
    pub fn pump(&mut self, now: Instant) {
        let shared = &self.worker.shared;
        for (camera, post) in self.posts.iter_mut().enumerate() {
            let Some(listening) = &mut post.listening else { continue };
            for data in listening.frames(&post.camera, now) {
                post.last = Some(now);
                let content = Content { data, info: listening.calibration() };
                let frame = Arrived { camera, arrival: now, deadline: now + post.budget, content };
                if shared.boxes.put(frame).is_some() {
                    shared.window(camera).into_iter().for_each(|mut window| window.dropped());
                }
            }
        }
    }

    /// Tells what the numbers in the masks mean.
    pub fn tell_labels(&mut self, parameters: &Parameters, stamp: Stamp) {
        let all = |labels: &mut Labels| {
            labels.have_new_subscribers();
            true
        };
        self.tell_labels_where(all, parameters, stamp);
    }

    /// Tells it again where somebody new subscribes: the last message is kept for them, but not all ask for what is kept. Those who have it already take it for
    /// another map; Nav2's layer then begins anew.
    pub fn tell_new_ones_labels(&mut self, parameters: &Parameters, stamp: Stamp) {
        self.tell_labels_where(Labels::have_new_subscribers, parameters, stamp);
    }

    fn tell_labels_where(&mut self, so: impl Fn(&mut Labels) -> bool, parameters: &Parameters, stamp: Stamp) {
        let Some(manifest) = self.manifest() else { return };
        let names: Vec<String> = manifest.classes.iter().map(|class| class.name.clone()).collect();
        let map = class_map(parameters, Some(manifest));
        let info = camera::label_info(&Header { stamp, frame_id: String::new() }, &names, &map);
        for labels in self.posts.iter_mut().filter_map(|post| post.labels.as_mut()) {
            if so(labels) {
                labels.output.send(&info, &mut self.bytes);
            }
        }
    }

    /// The topics that are subscribed to while the node is active.
    pub fn subscribed(&self) -> impl Iterator<Item = &str> {
        self.posts.iter().flat_map(|post| [post.camera.image.as_str(), post.camera.info.as_str()])
    }

    /// What is told of every camera once a second: its window since the last time, why it is silent if it is, and why it has no calibration.
    pub fn heard(&mut self, silent_after: Duration, edge: &dyn Edge, now: Instant) -> Vec<Heard> {
        let shared = &self.worker.shared;
        let heard = |(camera, post): (usize, &mut Post)| {
            let window = shared.window(camera).map(|mut window| window.take()).unwrap_or_default();
            add(&mut post.totals, window.totals());
            let mut listening = post.listening.as_mut();
            let wanted = listening.as_deref_mut().filter(|_| post.calibration.is_there());
            let uncalibrated = wanted.and_then(|l| l.calibration_absence(silent_after, edge, now));
            Heard {
                name: post.camera.name.clone(),
                topic: post.camera.image.clone(),
                budget: post.budget,
                window,
                totals: post.totals,
                last: post.last.map(|last| now.since(last)),
                uncalibrated,
                reason: listening.and_then(|l| l.silence_reason(&post.camera, silent_after, edge, now)),
            }
        };
        self.posts.iter_mut().enumerate().map(heard).collect()
    }

    /// How the network is, once it is loaded.
    pub fn health(&self, parameters: &Parameters) -> Option<NetworkHealth<'_>> {
        let Standing { bundle, threads, placement, refused } = self.standing.as_deref()?;
        let manifest = bundle.manifest();
        Some(NetworkHealth {
            model: &manifest.name,
            chosen: bundle.chosen(),
            useful_iterations: manifest.iterations.useful,
            slowdown: self.worker.shared.slowdown(),
            warm_from_step: manifest.warm_start.map(|warm| warm.from_step),
            kept_bytes: self.worker.shared.kept_bytes(),
            threads: *threads,
            placement,
            refused,
            compute_share: parameters.double("compute_share"),
        })
    }
}

/// A camera's last second.
pub struct Heard {
    /// Its name in `cameras`; empty for an only camera.
    pub name: String,
    /// Its image topic.
    pub topic: String,
    /// Time allowed for each frame.
    pub budget: Duration,
    /// What became of its frames.
    pub window: Window,
    /// Counts since the node was configured.
    pub totals: Totals,
    /// Time since the last frame; `None` where none came yet.
    pub last: Option<Duration>,
    /// Why nothing comes, where nothing has come for too long.
    pub reason: Option<String>,
    /// Why no calibration comes with the frames, where somebody wants one.
    pub uncalibrated: Option<String>,
}

fn add(totals: &mut Totals, window: Totals) {
    totals.received += window.received;
    totals.published += window.published;
    totals.dropped += window.dropped;
    totals.missed += window.missed;
    totals.warm += window.warm;
    totals.failed += window.failed;
}

/// What the parameters say of everything that may change while frames run. Class ids and colours are known once the model is loaded.
fn live(parameters: &Parameters, posts: &[Post], manifest: Option<&Manifest>) -> Live {
    let longest = posts.iter().map(|post| post.budget).max().unwrap_or_default();
    let encoding = match parameters.text("mask_encoding").as_str() {
        "autoware_rle" => MaskEncoding::AutowareRle,
        _ => MaskEncoding::Mono8,
    };
    let class_map = class_map(parameters, manifest);
    let colors: Vec<[u8; 3]> =
        manifest.iter().flat_map(|manifest| &manifest.classes).map(|class| class.color).collect();
    let colors = class_map.colors(&colors).into();
    let look = Look { encoding, colors, overlay_alpha: parameters.double("overlay_alpha") as f32 };
    let may_start_warm = |(_, post): &(usize, &Post)| parameters.may_start_warm(&post.camera.name);
    let warm = (0..).zip(posts).filter(may_start_warm).map(|(camera, _)| camera).collect();
    Live { settings: Settings { class_map, warm, ..Settings::of(parameters, longest) }, look }
}

/// The map in force; until the classes are known, and where it does not fit them, none.
fn class_map(parameters: &Parameters, manifest: Option<&Manifest>) -> ClassMap {
    let ids = parameters.integers("class_remap");
    manifest.and_then(|manifest| ClassMap::new(&ids, manifest.classes.len()).ok()).unwrap_or_default()
}
