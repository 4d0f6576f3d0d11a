//! Replay: a bag's cameras through the pipeline into a bag of masks.
//!
//! With [`Pace::Fast`] frames follow one another as fast as they are done. With [`Pace::Realtime`] they arrive as they were recorded: this thread
//! plays the bag into the mailboxes. A second one runs the network, a third writes. Knows bags and the pipeline; knows nothing of
//! terminals or command lines.

mod cameras;
mod feed;
mod output;
mod report;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use cameras::{Camera, NODE, choose};

use crate::bag::{Bag, BagError, BagWriter, Existing, Storage};
use crate::clock::Clock;
use crate::mailbox::{Arrived, Mailboxes};
use crate::params::CameraError;
use crate::pipeline::{Pipeline, Published};
use crate::report::{DropCause, DropRecord, FailureRecord, Report, Reporter, Totals};
use crate::scheduling::Scheduling;
use crate::serve::{Ends, rest, serve};
use feed::{Content, Player};
pub use output::Overlay;
use output::{Output, later};

/// How fast frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As they were recorded; frames that come too fast are dropped.
    Realtime,
    /// One after the other; none is dropped.
    Fast,
}

/// What to replay, and where to.
pub struct Replay<'a> {
    /// The bag to read.
    pub bag: &'a Bag,
    /// Its cameras.
    pub cameras: &'a [Camera],
    /// How fast.
    pub pace: Pace,
    /// The folder to write.
    pub out: PathBuf,
    /// Its storage.
    pub storage: Storage,
    /// What to do where the folder holds something.
    pub existing: Existing,
    /// Names of the class ids, from 0.
    pub classes: Vec<String>,
    /// How masks are drawn over their frames, where they are.
    pub overlay: Option<Overlay>,
    /// The bundle's name, for the report.
    pub model: String,
    /// How the thread that runs the network is scheduled; the pipeline's own threads were started so.
    pub scheduling: Scheduling,
    /// What it multiplies, by name.
    pub precision: &'static str,
    /// On how many threads.
    pub threads: usize,
    /// Set to end early, with everything written that is done.
    pub stop: &'a AtomicBool,
}

/// What came of a replay.
#[derive(Debug)]
pub struct Replayed {
    /// Every frame.
    pub report: Report,
    /// What was wrong with the bag that was read; everything before it was processed.
    pub fault: Option<BagError>,
    /// Whether it was stopped early.
    pub stopped: bool,
}

/// Why nothing was replayed, or not all could be written.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The bag has no image topic.
    #[error("the bag has no image topic; its topics are:{topics}")]
    NoCamera {
        /// All topics with their types.
        topics: String,
    },
    /// A topic that was asked for is not in the bag.
    #[error("the bag has no topic {topic}; its topics are:{topics}")]
    NoTopic {
        /// The topic.
        topic: String,
        /// All topics with their types.
        topics: String,
    },
    /// A topic that was asked for holds something else than images.
    #[error(
        "topic {topic} holds {message_type}; expected sensor_msgs/msg/Image or sensor_msgs/msg/CompressedImage in CDR"
    )]
    NoImage {
        /// The topic.
        topic: String,
        /// What it holds.
        message_type: String,
    },
    /// The parameters name no cameras.
    #[error(transparent)]
    Camera(#[from] CameraError),
    /// The bag would be written over the one that is read.
    #[error("{}: the bag of masks would replace the bag that is read; give another folder with --out", path.display())]
    OutIsBag {
        /// The folder to write.
        path: PathBuf,
    },
    /// The bag of masks cannot be written.
    #[error(transparent)]
    Output(#[from] BagError),
    /// The report cannot be written.
    #[error("report {}: {reason}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The network's thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// Two cameras would be one.
    #[error("topic {topic} is asked for twice")]
    SameTopic {
        /// The topic.
        topic: String,
    },
}

impl Replay<'_> {
    /// Replays through `pipeline` into a bag and a report.json in the same folder; `progress` is called after every frame.
    pub fn run(
        self,
        pipeline: Pipeline,
        clock: &Arc<dyn Clock>,
        progress: &(dyn Fn(Totals) + Sync),
    ) -> Result<Replayed, ReplayError> {
        if self.out_is_bag() {
            return Err(ReplayError::OutIsBag { path: self.out });
        }
        let writer = BagWriter::create(&self.out, self.storage, self.existing)?;
        report::remove(&self.out)?;
        let feed = feed::Feed::new(self.bag, self.cameras);
        let reporter = Mutex::new(Reporter::new(&self.model, self.precision, self.threads));
        let ended = std::thread::scope(|scope| {
            let labels = (self.classes.as_slice(), &pipeline.settings().class_map);
            let output = Output::start(scope, writer, self.cameras, labels, self.overlay.clone())?;
            let line = Line { replay: &self, clock, output, reporter: &reporter, progress };
            match self.pace {
                Pace::Fast => self.fast(line, pipeline, feed),
                Pace::Realtime => self.realtime(line, pipeline, feed),
            }
        });
        let report = reporter.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
        // What the masks' bag lacks, the report still tells; where neither can be written, the masks matter more.
        let reported = report::write(&report, &self.out);
        let (fault, written) = ended?;
        written?;
        reported?;
        Ok(Replayed { report, fault, stopped: self.stop.load(Ordering::Relaxed) })
    }

    fn fast(&self, mut line: Line<'_, '_>, mut pipeline: Pipeline, mut feed: feed::Feed) -> Result<Ended, ReplayError> {
        let running = move || {
            let fault = line.fast(&mut pipeline, &mut feed);
            (fault, line.output.finish())
        };
        self.on_a_thread(running, || ()).map(|(ended, ())| ended)
    }

    fn realtime(&self, mut line: Line<'_, '_>, mut pipeline: Pipeline, feed: feed::Feed) -> Result<Ended, ReplayError> {
        let boxes = Arc::new(Mailboxes::new(self.cameras.len()));
        let (clock, reporter) = (line.clock.as_ref(), line.reporter);
        let dropped = |frame: Arrived<Content>| drop_frame(reporter, self, &frame, DropCause::Replaced);
        let player = Player { cameras: self.cameras, clock, stop: self.stop, boxes: &boxes, dropped: &dropped };
        let serving = || {
            serve(&mut pipeline, &boxes, (clock, self.stop), &mut line);
            line.output.finish()
        };
        self.on_a_thread(serving, || player.play(feed)).map(|(written, fault)| (fault, written))
    }

    /// Does `network` on a thread of its own, scheduled as wished, and `here` on this one.
    fn on_a_thread<N: Send, H>(
        &self,
        network: impl FnOnce() -> N + Send,
        here: impl FnOnce() -> H,
    ) -> Result<(N, H), ReplayError> {
        std::thread::scope(|scope| {
            let named = std::thread::Builder::new().name("itnet-network".to_owned());
            let running = named.spawn_scoped(scope, || {
                // What is refused was told when the pipeline was made.
                let _ = self.scheduling.apply();
                network()
            });
            let running = running.map_err(ReplayError::Thread)?;
            let here = here();
            Ok((running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), here))
        })
    }

    /// Whether the folder to write is the bag, or holds a file, that is read.
    fn out_is_bag(&self) -> bool {
        let Ok(out) = self.out.canonicalize() else {
            return false;
        };
        // Files of a bag may be links to another folder's.
        let is_in = |file: &Path| file.canonicalize().is_ok_and(|file| file.parent() == Some(&out));
        self.bag.path().canonicalize().is_ok_and(|bag| bag == out) || self.bag.files().any(is_in)
    }

    fn topic(&self, camera: usize) -> &str {
        self.cameras.get(camera).map_or("", |camera| camera.topic.as_str())
    }
}

/// What was wrong with the bag that was read, and whether the other one could be written.
type Ended = (Option<BagError>, Result<(), BagError>);

/// The running replay: everything a frame meets on the network's thread.
struct Line<'a, 'scope> {
    replay: &'a Replay<'a>,
    clock: &'a Arc<dyn Clock>,
    output: Output<'scope>,
    reporter: &'a Mutex<Reporter>,
    progress: &'a (dyn Fn(Totals) + Sync),
}

impl Line<'_, '_> {
    fn fast(&mut self, pipeline: &mut Pipeline, feed: &mut feed::Feed) -> Option<BagError> {
        let Replay { cameras, stop, .. } = self.replay;
        while !stop.load(Ordering::Relaxed) && !self.output.is_broken() {
            match feed.next()? {
                Err(fault) => return Some(fault),
                Ok((camera, content)) => {
                    rest(pipeline, (self.clock.as_ref(), stop), None, &mut |_| ());
                    let arrival = self.clock.now();
                    let deadline = arrival + cameras.get(camera).map(|c| c.budget).unwrap_or_default();
                    self.run(pipeline, Arrived { camera, arrival, deadline, content });
                }
            }
        }
        None
    }
}

impl Ends<Content> for Line<'_, '_> {
    fn settle(&mut self, _: &mut Pipeline) {
        if self.output.is_broken() {
            self.replay.stop.store(true, Ordering::Relaxed);
        }
    }

    fn dropped(&mut self, frame: Arrived<Content>, cause: DropCause) {
        drop_frame(self.reporter, self.replay, &frame, cause);
    }

    fn run(&mut self, pipeline: &mut Pipeline, frame: Arrived<Content>) {
        let Arrived { camera, arrival, deadline, content } = frame;
        let Some(kind) = self.replay.cameras.get(camera).map(|camera| camera.kind) else {
            return;
        };
        let Self { output, replay, .. } = self;
        let mut drawn = None;
        let mut publish = |out: Published<'_>| {
            let received = match replay.pace {
                Pace::Realtime => later(content.received, out.elapsed),
                Pace::Fast => content.received,
            };
            drawn = replay.overlay.is_some().then(|| (received, out.mask.clone()));
            output.publish(camera, received, out, content.info.as_deref());
        };
        let result = pipeline.run(camera, kind, &content.data, (arrival, deadline), &mut publish);
        if let Some((received, mask)) = drawn {
            output.draw(camera, received, (kind, content.data), mask);
        }
        let topic = self.replay.topic(camera);
        let mut reporter = self.reporter.lock().unwrap_or_else(PoisonError::into_inner);
        let warning = match result {
            Ok(result) => {
                reporter.published(result.record(topic), result.elapsed, &result.outcome.stages);
                None
            }
            Err(fault) => {
                let failure = FailureRecord { topic: topic.to_owned(), reason: fault.to_string() };
                reporter.failed(failure, fault.cause()).then_some(fault)
            }
        };
        let totals = reporter.totals();
        drop(reporter);
        if let Some(fault) = warning {
            tracing::warn!("{topic}: {fault}; such frames give no mask (said once)");
        }
        (self.progress)(totals);
    }
}

/// Counts a frame that never started.
fn drop_frame(reporter: &Mutex<Reporter>, replay: &Replay<'_>, frame: &Arrived<Content>, cause: DropCause) {
    let topic = replay.topic(frame.camera).to_owned();
    let kind = replay.cameras.get(frame.camera).map(|camera| camera.kind);
    let stamp = kind.and_then(|kind| feed::stamp(kind, &frame.content.data)).unwrap_or_default();
    reporter.lock().unwrap_or_else(PoisonError::into_inner).dropped(DropRecord { stamp, topic, cause });
}
