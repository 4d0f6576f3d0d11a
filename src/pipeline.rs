//! One frame, as a straight line: camera frame -> decode -> tensor -> anytime run -> mask -> publish.
//!
//! Live and replay differ only in the first word and the last: both hand in the bytes of an image message with its deadline, and take the
//! mask in a closure. Knows nothing of topics, bags or ROS.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use crate::anytime::{
    self, Allowance, Bandwidth, Exits, Iterations, Price, Stage, StageCosts, Task, Verdict, without_dips,
};
use crate::clock::{Clock, Instant, Worker};
use crate::compute::{Limited, Used};
use crate::decode;
use crate::frame::{Frame, Size};
use crate::mask::Mask;
use crate::message;
use crate::model::{Logits, ModelError, StagedModel};
use crate::render::Renderer;
use crate::tensor::{InputSpec, TensorMaker};
use crate::warm::{ColdCause, Memory, Seen, Sketch, Start};

mod convergence;
mod limits;
mod meter;
mod result;
mod settings;

use convergence::Convergence;
pub use limits::Waiting;
use limits::{Beside, Others, Spent, to_first_exit};
use meter::Meter;
pub use result::{FrameFault, FrameResult, Published};
pub use settings::{Depth, MaskSize, Publish, Settings};

/// Which of the two image messages the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// sensor_msgs/msg/Image.
    Raw,
    /// sensor_msgs/msg/CompressedImage.
    Compressed,
}

impl ImageKind {
    /// The kind of a message type such as `sensor_msgs/msg/Image`; `None` where it is no image.
    pub fn of(message_type: &str) -> Option<Self> {
        match message_type {
            "sensor_msgs/msg/Image" => Some(Self::Raw),
            "sensor_msgs/msg/CompressedImage" => Some(Self::Compressed),
            _ => None,
        }
    }
}

/// The line a frame takes, with what is kept from frame to frame.
pub struct Pipeline {
    model: Box<dyn StagedModel>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    tensor: TensorMaker,
    renderer: Renderer,
    mask: Mask,
    /// What a mask of the network's size took when it was measured.
    rendering: Duration,
    /// The size of each camera's last mask, which its rendering's cost is of.
    sizes: BTreeMap<usize, Size>,
    costs: StageCosts,
    worth: Worth,
    /// What a late mask costs, for each camera.
    prices: BTreeMap<usize, Price>,
    allowance: Allowance,
    /// Where a cgroup's quota can stop the process.
    bandwidth: Option<Bandwidth>,
    /// Tells what all below that quota have used of it.
    used: Box<dyn Fn() -> Option<Used> + Send>,
    others: Others,
    convergence: Convergence,
    /// What is kept of each camera that may start warm.
    memories: BTreeMap<usize, Memory>,
    meter: Meter,
    /// When the last frame ended.
    ended: Instant,
}

/// What the exits' masks are worth of frames that start cold, and of those that start warm.
#[derive(Clone)]
struct Worth {
    cold: Arc<[f64]>,
    warm: Arc<[f64]>,
}

/// How often every stage is measured at start.
const WARM_UP_RUNS: usize = 5;

impl Pipeline {
    /// A pipeline whose stage costs are measured on this machine now: that takes a few frames' time.
    ///
    /// `model` runs on `threads` threads, which a cgroup's quota can stop where they are `limited`.
    pub fn new(
        model: Box<dyn StagedModel>,
        spec: InputSpec,
        clock: Arc<dyn Clock>,
        settings: Settings,
        (threads, limited): (usize, Option<Limited>),
    ) -> Result<Self, FrameFault> {
        let allowance = Allowance::new(settings.share, settings.budget, clock.now());
        let worth =
            Worth { cold: without_dips(model.worth(false)).into(), warm: without_dips(model.worth(true)).into() };
        let mut pipeline = Self {
            tensor: TensorMaker::new(spec)?.on(model.crew()),
            renderer: Renderer::new().on(model.crew()),
            model,
            worth,
            clock,
            settings,
            mask: Mask::unlabelled(spec.size),
            rendering: Duration::ZERO,
            sizes: BTreeMap::new(),
            costs: StageCosts::new(),
            prices: BTreeMap::new(),
            allowance,
            bandwidth: None,
            used: Box::new(|| None),
            others: Others::default(),
            convergence: Convergence::default(),
            memories: BTreeMap::new(),
            meter: Meter::new(threads, Duration::ZERO),
            ended: Instant::default(),
        };
        pipeline.measure(spec.size)?;
        pipeline.meter.restart(pipeline.helped());
        if let Some(Limited { quota, began, used }) = limited {
            let (now, worked) = (pipeline.clock.now(), pipeline.clock.worked(Worker::Process));
            pipeline.bandwidth = Some(Bandwidth::new((quota, began.unwrap_or(now)), threads, now, (worked, used())));
            pipeline.used = used;
        }
        pipeline.tell_not_offered();
        Ok(pipeline)
    }

    /// Takes other settings, in force from the next frame on. What was kept of cameras that may no longer start warm is let go.
    pub fn set(&mut self, settings: Settings) {
        if !self.allowance.limits() {
            self.meter.restart(self.helped());
        }
        self.allowance.set(settings.share, settings.budget, self.clock.now());
        self.memories.retain(|camera, _| settings.warm.contains(camera));
        let was_off = self.settings.warm.is_empty();
        self.settings = settings;
        if was_off {
            self.tell_not_offered();
        }
    }

    fn tell_not_offered(&self) {
        if !self.settings.warm.is_empty() && self.model.warm_start().is_none() {
            tracing::warn!(
                "parameter `warm_start`: the model's manifest declares no `warm_start`, so every frame starts cold"
            );
        }
    }

    /// Bytes of the states that are kept for the next frames of all cameras.
    pub fn kept_bytes(&self) -> usize {
        self.memories.values().map(Memory::bytes).sum()
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// From now on `waiting` tells which frames of `0..cameras` wait for their turn: those that run leave them time.
    pub fn leave_time_to(&mut self, cameras: usize, waiting: Waiting) {
        (0..cameras).for_each(|camera| self.introduce(camera));
        self.others = Others::new(waiting);
    }

    /// A frame of `camera` arrived at `arrival`, whether it will be run or not: so it is known when others are due.
    pub fn arrived(&mut self, camera: usize, arrival: Instant) {
        if let Some(bandwidth) = &mut self.bandwidth {
            bandwidth.arrived(camera, arrival);
        }
    }

    /// When the next frame may start, by the share of compute and by the quota: `now` or later. `next` has camera and deadline of the frame that waits, if
    /// one does.
    pub fn ready_at(&self, now: Instant, next: Option<(usize, Instant)>) -> Instant {
        let ready = self.allowance.ready_at(now);
        let (camera, deadline) = (next.map_or(0, |(camera, _)| camera), next.map(|(_, deadline)| deadline));
        let by_quota = |bandwidth: &Bandwidth| bandwidth.ready_at(now, self.usual_first_exit(camera), deadline);
        ready.max(self.bandwidth.as_ref().map_or(now, by_quota))
    }

    /// Whether a frame of `camera` that had to wait for compute can no longer have its first exit by `deadline`.
    pub fn too_late(&self, (camera, deadline): (usize, Instant), now: Instant) -> bool {
        now + self.to_first_exit(camera, |stage| self.costs.reserve(stage)) > deadline
    }

    /// Whether a frame that arrived at `arrival` gives way: it had to wait until it can no longer be in time, and would make a frame of another
    /// camera late that waits.
    pub fn gives_way(&mut self, (camera, arrival, deadline): (usize, Instant, Instant), now: Instant) -> bool {
        if !self.too_late((camera, deadline), now) || self.too_late((camera, deadline), arrival) {
            return false;
        }
        let mut others = std::mem::take(&mut self.others);
        let takes = |camera| self.to_first_exit(camera, |stage| self.costs.reserve(stage));
        let [without, with] = [now, now + takes(camera)].map(|begins| others.in_time(camera, begins, takes));
        self.others = others;
        with < without
    }

    fn usual_first_exit(&self, camera: usize) -> Duration {
        self.to_first_exit(camera, |stage| self.costs.usual(stage))
    }

    fn to_first_exit(&self, camera: usize, cost: impl Fn(Stage) -> Duration) -> Duration {
        to_first_exit(self.first_exit(), camera, cost)
    }

    /// The exit that every frame takes, whatever the time.
    fn first_exit(&self) -> usize {
        match self.settings.depth {
            Depth::Fixed(n) => n,
            Depth::Anytime(asked) => asked.within(self.model.iterations()).min(),
        }
    }

    /// Runs a frame of `camera` that arrived at `arrival` and hands its mask (in [`Publish::Progressive`]: its masks) to `publish`, which is on the frame's
    /// time. After `Err` nothing was published for it, or in progressive only earlier exits.
    pub fn run(
        &mut self,
        camera: usize,
        kind: ImageKind,
        message: &[u8],
        (arrival, deadline): (Instant, Instant),
        publish: &mut dyn FnMut(Published<'_>),
    ) -> Result<FrameResult, FrameFault> {
        let start = self.clock.now();
        self.costs.rest(start.since(self.ended));
        // By default nothing is limited, and the system is not asked.
        let limited = self.allowance.limits() || self.bandwidth.is_some();
        let spent = limited.then(|| Spent::begin(&self.clock, self.model.crew()));
        if let Some(bandwidth) = &mut self.bandwidth {
            bandwidth.frame_begins(start, self.clock.worked(Worker::Process), (self.used)());
        }
        let result = self.line((camera, kind), message, (arrival, deadline), (start, spent.as_ref()), publish);
        self.ended = self.clock.now();
        if let Some(spent) = spent.filter(|_| self.allowance.limits()) {
            let used = self.meter.charge(spent.by_thread(), self.helped());
            self.allowance.charge(used, self.ended);
        }
        if let Some(bandwidth) = &mut self.bandwidth {
            bandwidth.frame_ends(self.ended, self.clock.worked(Worker::Process), (self.used)());
        }
        result
    }

    /// CPU time that threads beside the one that runs frames have spent until now.
    fn helped(&self) -> Duration {
        self.model.crew().map_or(Duration::ZERO, |crew| crew.helped())
    }

    fn line(
        &mut self,
        (camera, kind): (usize, ImageKind),
        message: &[u8],
        (arrival, deadline): (Instant, Instant),
        (start, spent): (Instant, Option<&Spent>),
        publish: &mut dyn FnMut(Published<'_>),
    ) -> Result<FrameResult, FrameFault> {
        let frame = frame_of(kind, message)?;
        self.tensor.fill(&frame, self.model.input())?;
        self.mask.resize(match self.settings.mask_size {
            MaskSize::Input => frame.size(),
            MaskSize::Network => self.tensor.spec().size,
        });
        self.expect(camera, self.mask.size());
        let begun = self.begin(camera, &frame)?;
        let header = frame.into_header();
        let ready = self.clock.now();
        let decoded = ready.since(start);
        self.costs.observe(Stage::Decode(camera), start, ready);

        let worth = self.worth.clone();
        let task = self.task((camera, begun), deadline, &worth);
        let (first, left) = (self.first_exit(), self.compute_left(camera, start, deadline));
        let compute = left.zip(spent).map(|(left, spent)| (left, self.meter.threads(), spent));
        let Self { model, clock, settings, renderer, mask, costs, convergence, memories, others, prices, .. } = self;
        let mut beside = Beside { task: &task, first, compute, others };
        let mut limits = |now, costs: &StageCosts, at| beside.limits(now, costs, at);
        convergence.start(settings.converged_change);
        let mut out = |exit, logits: Logits<'_>| -> Result<(), FrameFault> {
            renderer.render(logits, mask)?;
            settings.class_map.apply(mask.classes_mut());
            publish(Published { header: &header, mask, logits, exit, elapsed: clock.now().since(arrival) });
            Ok(())
        };
        let mut on_exit = |exit, logits: Logits<'_>| -> Result<Verdict, FrameFault> {
            if task.exits == Exits::EachPublished {
                out(exit, logits)?;
            }
            Ok(convergence.judge(logits)?)
        };
        let mut outcome = anytime::run(model.as_mut(), clock.as_ref(), costs, &task, &mut limits, &mut on_exit)?;
        if let Some(memory) = memories.get_mut(&camera) {
            memory.end(model.state());
        }
        outcome.stages.insert(0, (Stage::Decode(camera), decoded));
        if task.exits != Exits::EachPublished {
            let before = clock.now();
            out(outcome.exit, model.logits()?)?;
            let after = clock.now();
            costs.observe(task.render(), before, after);
            outcome.stages.push((task.render(), after.since(before)));
        }
        let elapsed = clock.now().since(arrival);
        let budget = deadline.since(arrival);
        prices.entry(camera).or_default().learn(outcome.went_on && elapsed > budget);
        let slowdown = costs.slowdown();
        Ok(FrameResult { header, outcome, elapsed, budget, slowdown, start: begun })
    }

    /// Finds how the frame in the network's input starts, and has the model resume where it starts warm.
    fn begin(&mut self, camera: usize, frame: &Frame<'_>) -> Result<Start, ModelError> {
        if !self.settings.warm.contains(&camera) {
            return Ok(Start::Cold(ColdCause::Off));
        }
        if self.model.warm_start().is_none() {
            return Ok(Start::Cold(ColdCause::NotOffered));
        }
        let sketch = Sketch::of(self.model.input().read(), &self.tensor.spec());
        let memory = self.memories.entry(camera).or_default();
        match memory.begin(Seen::new(frame, sketch), self.settings.warm_max_gap) {
            Ok(state) => self.model.resume(state).map(|()| Start::Warm),
            Err(cause) => Ok(Start::Cold(cause)),
        }
    }

    fn task<'a>(&self, (camera, begun): (usize, Start), deadline: Instant, worth: &'a Worth) -> Task<'a> {
        let warm = self.model.warm_start().filter(|_| begun.is_warm());
        let (useful, skipped, worth) = match warm {
            Some(warm) => (warm.useful, warm.skipped_steps(), &*worth.warm),
            None => (self.model.iterations(), 0, &*worth.cold),
        };
        let exits = match (self.settings.publish, self.settings.converged_change > 0.0) {
            (Publish::Progressive, _) => Exits::EachPublished,
            (Publish::Final, true) => Exits::Every,
            (Publish::Final, false) => Exits::Needed,
        };
        let price = self.prices.get(&camera).copied().unwrap_or_default();
        let task = Task { skipped, camera, worth, price, ..Task::default() };
        match self.settings.depth {
            Depth::Fixed(n) => Task { iterations: Iterations::fixed(n), ..task },
            Depth::Anytime(asked) => Task { deadline: Some(deadline), iterations: asked.within(useful), exits, ..task },
        }
    }

    /// What a frame of `camera` that starts now may use, by the share of compute and by the quota.
    fn compute_left(&self, camera: usize, start: Instant, deadline: Instant) -> Option<Duration> {
        let left = |bandwidth: &Bandwidth| bandwidth.left(self.usual_first_exit(camera), deadline.since(start));
        let by_quota = self.bandwidth.as_ref().map(left);
        self.allowance.left(start).into_iter().chain(by_quota).min()
    }

    /// The first mask of a camera is expected to cost what one of the network's size was measured to.
    fn introduce(&mut self, camera: usize) {
        let size = self.tensor.spec().size;
        if let Entry::Vacant(entry) = self.sizes.entry(camera) {
            entry.insert(size);
            self.costs.set_reference(Stage::Render(camera), &[self.rendering]);
        }
    }

    /// Rendering costs as much more as there are more pixels: known before the first mask of a size, which would be late otherwise.
    fn expect(&mut self, camera: usize, size: Size) {
        self.introduce(camera);
        if let Some(before) = self.sizes.insert(camera, size).filter(|before| *before != size) {
            let factor = size.pixels() as f64 / before.pixels().max(1) as f64;
            self.costs.scale_reference(Stage::Render(camera), factor);
        }
    }

    fn measure(&mut self, size: Size) -> Result<(), FrameFault> {
        self.model.input().clear();
        let warm = self.model.warm_start().map_or(0, |warm| warm.skipped_steps() + warm.useful);
        let iterations = self.model.iterations().max(warm);
        anytime::measure(self.model.as_mut(), self.clock.as_ref(), &mut self.costs, iterations, WARM_UP_RUNS)?;
        self.mask.resize(size);
        let mut took = Vec::with_capacity(WARM_UP_RUNS);
        for _ in 0..WARM_UP_RUNS {
            let before = self.clock.now();
            self.renderer.render(self.model.logits()?, &mut self.mask)?;
            took.push(self.clock.now().since(before));
        }
        self.costs.set_reference(Stage::Render(0), &took);
        self.rendering = self.costs.usual(Stage::Render(0));
        Ok(())
    }
}

/// The frame in an image message.
pub fn frame_of(kind: ImageKind, bytes: &[u8]) -> Result<Frame<'_>, FrameFault> {
    match kind {
        ImageKind::Raw => {
            let image: message::Image<'_> = message::decode(bytes)?;
            let size = Size::new(image.width, image.height);
            let big_endian = image.is_bigendian != 0;
            Ok(Frame::new(image.header, size, &image.encoding, big_endian, image.step, image.data)?)
        }
        ImageKind::Compressed => {
            let image: message::CompressedImage<'_> = message::decode(bytes)?;
            Ok(decode::compressed(image.header, &image.format, &image.data)?)
        }
    }
}

#[cfg(test)]
mod tests;
