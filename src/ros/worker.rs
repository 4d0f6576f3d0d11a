//! The network's own thread: loads the bundle, then turns the newest frames of all cameras into masks, nearest deadline first.
//!
//! The spinning thread talks to it through [`Shared`]: frames in one-slot mailboxes, settings that hold from the next frame on, and windows of what
//! became of the frames. Knows nothing of services, parameters or the lifecycle.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::edge::RosTime;
use super::masks::{Look, Masks};
use super::window::{FrameFigures, Window};
use crate::clock::Clock;
use crate::frame::Stamp;
use crate::mailbox::{Arrived, Mailboxes};
use crate::message::CameraInfo;
use crate::model::{Bundle, Wanted};
use crate::pipeline::{FrameFault, FrameResult, ImageKind, Pipeline, Published, Settings};
use crate::report::DropCause;
use crate::scheduling::{Placement, Refusal, Scheduling};
use crate::serve::{Ends, serve};
use crate::setup::{self, Ready};

/// One image message on its way.
pub struct Content {
    /// The message's CDR bytes.
    pub data: Vec<u8>,
    /// The camera's calibration, if it came.
    pub info: Option<Arc<CameraInfo>>,
}

/// What the user may change while frames run.
#[derive(Clone)]
pub struct Live {
    /// Budgets, share, iterations.
    pub settings: Settings,
    /// What the masks look like.
    pub look: Look,
}

/// What both threads see.
pub struct Shared {
    /// The cameras' newest frames.
    pub boxes: Arc<Mailboxes<Content>>,
    /// What became of each camera's frames since it was last asked.
    pub windows: Vec<Mutex<Window>>,
    live: Mutex<Live>,
    changed: AtomicBool,
    stop: AtomicBool,
    /// Whether masks go out.
    open: AtomicBool,
    /// The bits of an f64.
    slowdown: AtomicU64,
    kept_bytes: AtomicUsize,
}

impl Shared {
    /// Puts other settings in force from the next frame on.
    pub fn set(&self, live: Live) {
        *lock(&self.live) = live;
        self.changed.store(true, Ordering::Release);
    }

    /// Lets masks out, or none from now on: not even that of the frame under way.
    pub fn open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// How much slower the last frame ran than what was measured at start.
    pub fn slowdown(&self) -> f64 {
        f64::from_bits(self.slowdown.load(Ordering::Relaxed))
    }

    /// Bytes of the states that are kept for the next frames.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    /// The window of a camera.
    pub fn window(&self, camera: usize) -> Option<MutexGuard<'_, Window>> {
        self.windows.get(camera).map(lock)
    }
}

/// The network, once it is loaded.
pub struct Standing {
    /// What it is made from.
    pub bundle: Bundle,
    /// Its threads.
    pub threads: usize,
    /// How they are scheduled.
    pub placement: Placement,
    /// What the system refused.
    pub refused: Vec<Refusal>,
}

/// What came of loading.
pub enum Loaded {
    /// Warm, and ready for frames.
    Ready(Box<Standing>),
    /// Why there is no network.
    Failed(String),
}

/// What the thread is to work with.
pub struct Job {
    /// Folder of the bundle.
    pub model: PathBuf,
    /// Threads of the network that are asked for.
    pub threads: usize,
    /// How they are to be scheduled, this one too.
    pub scheduling: Scheduling,
    /// What it is to multiply.
    pub precision: Wanted,
    /// The settings at the start.
    pub live: Live,
    /// Of each camera: raw or compressed, and where its masks go.
    pub cameras: Vec<(ImageKind, Masks)>,
    /// The steady clock.
    pub clock: Arc<dyn Clock>,
    /// ROS time, for ages.
    pub time: Arc<dyn RosTime>,
}

/// The running thread; dropping it ends it after the stage of loading or the frame that is under way.
pub struct Worker {
    /// What both threads see.
    pub shared: Arc<Shared>,
    loaded: Receiver<Loaded>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread, which loads first.
    pub fn start(job: Job) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            boxes: Arc::new(Mailboxes::new(job.cameras.len())),
            windows: job.cameras.iter().map(|_| Mutex::default()).collect(),
            live: Mutex::new(job.live.clone()),
            changed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            open: AtomicBool::new(false),
            slowdown: AtomicU64::new(1.0f64.to_bits()),
            kept_bytes: AtomicUsize::new(0),
        });
        let (tell, loaded) = channel();
        let ours = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("itnet-network".to_owned()).spawn(move || work(job, &ours, &tell))?;
        Ok(Self { shared, loaded, thread: Some(thread) })
    }

    /// What came of loading, once it is known.
    pub fn loaded(&self) -> Option<Loaded> {
        self.loaded.try_recv().ok()
    }

    /// Whether the thread has ended by itself, which it never should.
    pub fn is_dead(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.open(false);
        self.shared.boxes.clear();
        self.shared.boxes.close();
        if let Some(thread) = self.thread.take() {
            // A panic was told on standard error by its own thread; here it only means that it is gone.
            let _ = thread.join();
        }
    }
}

fn work(job: Job, shared: &Shared, tell: &Sender<Loaded>) {
    let (mut pipeline, standing) = match load(&job, shared) {
        Ok(ready) => ready,
        Err(reason) => return drop(tell.send(Loaded::Failed(reason))),
    };
    // What is refused was told when the pipeline was made.
    let _ = job.scheduling.apply();
    if tell.send(Loaded::Ready(Box::new(standing))).is_err() {
        return;
    }
    let Job { live, cameras, clock, time, .. } = job;
    let mut line = Line { look: live.look, shared, cameras, time, warned: BTreeSet::new() };
    serve(&mut pipeline, &shared.boxes, (clock.as_ref(), &shared.stop), &mut line);
}

fn load(job: &Job, shared: &Shared) -> Result<(Pipeline, Standing), String> {
    let bundle = setup::load(&job.model, job.precision).map_err(|error| error.to_string())?;
    if shared.stop.load(Ordering::Relaxed) {
        return Err("the node ends".to_owned());
    }
    let ready = setup::pipeline(&bundle, (job.threads, &job.scheduling), job.live.settings.clone(), &job.clock);
    let Ready { pipeline, threads, placement, refused } = ready.map_err(|error| error.to_string())?;
    Ok((pipeline, Standing { bundle, threads, placement, refused }))
}

/// What a frame meets on this thread beside the pipeline.
struct Line<'a> {
    look: Look,
    shared: &'a Shared,
    cameras: Vec<(ImageKind, Masks)>,
    time: Arc<dyn RosTime>,
    /// Faults that were told, by camera and cause.
    warned: BTreeSet<(usize, &'static str)>,
}

impl Ends<Content> for Line<'_> {
    /// Takes over what the user changed.
    fn settle(&mut self, pipeline: &mut Pipeline) {
        if self.shared.changed.swap(false, Ordering::Acquire) {
            let live = lock(&self.shared.live).clone();
            pipeline.set(live.settings);
            self.shared.kept_bytes.store(pipeline.kept_bytes(), Ordering::Relaxed);
            self.look = live.look;
        }
    }

    fn dropped(&mut self, frame: Arrived<Content>, _: DropCause) {
        self.shared.window(frame.camera).into_iter().for_each(|mut window| window.dropped());
    }

    fn run(&mut self, pipeline: &mut Pipeline, frame: Arrived<Content>) {
        let Arrived { camera, arrival, deadline, content } = frame;
        let Self { look, shared, cameras, time, warned } = self;
        let Some((kind, masks)) = cameras.get_mut(camera) else { return };
        let mut sent = false;
        let mut publish = |out: Published<'_>| {
            if shared.is_open() {
                sent = true;
                masks.publish(out, content.info.as_deref(), look);
            }
        };
        let result = pipeline.run(camera, *kind, &content.data, (arrival, deadline), &mut publish);
        shared.kept_bytes.store(pipeline.kept_bytes(), Ordering::Relaxed);
        let Some(mut window) = shared.window(camera) else { return };
        match result {
            Ok(_) if !sent => window.dropped(),
            Ok(result) => {
                let age = age(time.now(), result.header.stamp);
                window.frame(figures(&result, age));
                drop(window);
                shared.slowdown.store(result.slowdown.to_bits(), Ordering::Relaxed);
                if shared.is_open() {
                    masks.after(&result, age, *kind, content.data, look);
                }
            }
            Err(fault) => {
                window.failed();
                drop(window);
                warn(warned, camera, masks.image_topic(), &fault);
            }
        }
    }
}

fn warn(warned: &mut BTreeSet<(usize, &'static str)>, camera: usize, topic: &str, fault: &FrameFault) {
    if warned.insert((camera, fault.cause())) {
        tracing::warn!("{topic}: {fault}; such frames give no mask (said once)");
    }
}

fn figures(result: &FrameResult, age: Option<Duration>) -> FrameFigures {
    let missed = result.elapsed > result.budget;
    FrameFigures { elapsed: result.elapsed, exit: result.outcome.exit, age, missed, start: result.start }
}

/// Time from the stamp to now; `None` where the stamp lies ahead, as after a jump of the clock.
fn age(now: Stamp, stamp: Stamp) -> Option<Duration> {
    let nanos = |stamp: Stamp| i128::from(stamp.sec) * 1_000_000_000 + i128::from(stamp.nanosec);
    u64::try_from(nanos(now) - nanos(stamp)).ok().map(Duration::from_nanos)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
