//! Several cameras with one network: a scripted machine, and the frames that came while another one ran.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use itnet::anytime::{ScriptedModel, Stage};
use itnet::clock::{Clock, Instant, ScriptedClock, Worker};
use itnet::frame::Size;
use itnet::mailbox::{Arrived, Mailboxes};
use itnet::message::{self, Image};
use itnet::params::Parameters;
use itnet::pipeline::{ImageKind, Pipeline, Settings};
use itnet::report::DropCause;
use itnet::serve::{Ends, serve};
use itnet::tensor::InputSpec;

/// A camera: its first frame and its budget in milliseconds, and its rate.
#[derive(Clone, Copy, Debug)]
struct Camera {
    offset: f64,
    hz: f64,
    budget: f64,
}

const fn camera(offset: f64, hz: f64, budget: f64) -> Camera {
    Camera { offset, hz, budget }
}

/// What became of a camera's frames.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    frames: usize,
    published: usize,
    late: usize,
    replaced: usize,
    gave_way: usize,
    exits: usize,
}

impl Outcome {
    fn in_time(self) -> usize {
        self.published - self.late
    }

    fn exit(self) -> f64 {
        self.exits as f64 / self.published.max(1) as f64
    }
}

fn ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

/// The cameras, which put frames into their mailboxes when it is time.
struct Feed {
    cameras: Vec<Camera>,
    next: Vec<usize>,
    start: Instant,
    seconds: f64,
    boxes: Arc<Mailboxes<()>>,
    outcomes: Vec<Outcome>,
    waiting: Vec<bool>,
}

impl Feed {
    fn due(&self, camera: usize) -> Instant {
        let Camera { offset, hz, .. } = self.cameras[camera];
        self.start + ms(offset + 1e3 * self.next[camera] as f64 / hz)
    }

    /// The camera whose frame comes next, and when; none once the time is over.
    fn ahead(&self) -> Option<(usize, Instant)> {
        let all = (0..self.cameras.len()).map(|camera| (camera, self.due(camera)));
        all.min_by_key(|(_, due)| *due).filter(|(_, due)| due.since(self.start) < ms(1e3 * self.seconds))
    }

    /// Puts in what has come until `now`.
    fn until(&mut self, now: Instant) {
        while let Some((camera, arrival)) = self.ahead().filter(|(_, due)| *due <= now) {
            self.next[camera] += 1;
            self.outcomes[camera].frames += 1;
            let deadline = arrival + ms(self.cameras[camera].budget);
            let replaced = self.boxes.put(Arrived { camera, arrival, deadline, content: () });
            self.outcomes[camera].replaced += usize::from(replaced.is_some());
            self.waiting[camera] = true;
        }
    }

    /// Waits for the next frame where none is there, and ends where none comes.
    fn provide(&mut self, clock: &ScriptedClock) {
        self.until(clock.now());
        while !self.waiting.contains(&true) {
            let Some((_, due)) = self.ahead() else { return self.boxes.close() };
            clock.sleep_until(due);
            self.until(due);
        }
    }
}

/// A clock at every look at which the cameras put in what has come.
struct Watched {
    clock: ScriptedClock,
    feed: Arc<Mutex<Feed>>,
}

impl Clock for Watched {
    fn now(&self) -> Instant {
        let now = self.clock.now();
        lock(&self.feed).until(now);
        now
    }

    fn worked(&self, worker: Worker) -> Duration {
        self.clock.worked(worker)
    }

    fn sleep_until(&self, deadline: Instant) {
        self.clock.sleep_until(deadline);
    }
}

fn lock(feed: &Mutex<Feed>) -> MutexGuard<'_, Feed> {
    feed.lock().expect("no panic")
}

struct Line {
    feed: Arc<Mutex<Feed>>,
    clock: ScriptedClock,
    image: Vec<u8>,
}

impl Ends<()> for Line {
    fn settle(&mut self, _: &mut Pipeline) {}

    fn dropped(&mut self, frame: Arrived<()>, cause: DropCause) {
        assert_eq!(cause, DropCause::OthersWait);
        let mut feed = lock(&self.feed);
        feed.outcomes[frame.camera].gave_way += 1;
        feed.waiting[frame.camera] = false;
        feed.provide(&self.clock);
    }

    fn run(&mut self, pipeline: &mut Pipeline, frame: Arrived<()>) {
        lock(&self.feed).waiting[frame.camera] = false;
        let times = (frame.arrival, frame.deadline);
        let result = pipeline.run(frame.camera, ImageKind::Raw, &self.image, times, &mut |_| ()).expect("a mask");
        let mut feed = lock(&self.feed);
        let outcome = &mut feed.outcomes[frame.camera];
        outcome.published += 1;
        outcome.late += usize::from(result.elapsed > result.budget);
        outcome.exits += result.outcome.exit;
        feed.provide(&self.clock);
    }
}

/// A minute of these cameras with a network of four steps of `step` milliseconds; data takes 2 and an exit 0.5.
fn minute(cameras: &[Camera], step: f64) -> Vec<Outcome> {
    let clock = ScriptedClock::new();
    let boxes = Arc::new(Mailboxes::new(cameras.len()));
    let count = cameras.len();
    let feed = Feed {
        cameras: cameras.to_vec(),
        next: vec![0; count],
        start: Instant::at(Duration::from_secs(1000)),
        seconds: 60.0,
        boxes: Arc::clone(&boxes),
        outcomes: vec![Outcome::default(); count],
        waiting: vec![false; count],
    };
    let feed = Arc::new(Mutex::new(feed));
    let model = ScriptedModel::new(clock.clone(), 4, 1, move |stage| match stage {
        Stage::Step(_) => ms(step),
        Stage::Data => ms(2.0),
        _ => ms(0.5),
    });
    let longest = cameras.iter().map(|camera| camera.budget).fold(0.0, f64::max);
    let settings = Settings::of(&Parameters::default(), ms(longest));
    let spec = InputSpec { size: Size::new(1, 1), mean: [0.0; 3], std: [1.0; 3] };
    let watched = Arc::new(Watched { clock: clock.clone(), feed: Arc::clone(&feed) });
    let mut pipeline = Pipeline::new(Box::new(model), spec, watched.clone(), settings, (1, None)).expect("a pipeline");
    let image = Image { height: 1, width: 1, encoding: "mono8".into(), step: 1, ..Image::default() };
    let image = message::to_vec(&Image { data: vec![9].into(), ..image }).expect("a message");
    lock(&feed).start = clock.now() + ms(100.0);
    lock(&feed).provide(&clock);
    let mut line = Line { feed: Arc::clone(&feed), clock, image };
    serve(&mut pipeline, &boxes, (watched.as_ref(), &AtomicBool::new(false)), &mut line);
    let outcomes = lock(&feed).outcomes.clone();
    for Outcome { frames, published, replaced, gave_way, .. } in &outcomes {
        assert_eq!(*frames, published + replaced + gave_way, "every frame is counted once");
    }
    outcomes
}

fn all(outcomes: &[Outcome], of: impl Fn(Outcome) -> usize) -> usize {
    outcomes.iter().copied().map(of).sum()
}

/// In step, and a millisecond or some apart; two first exits with a step of 7 take 19 ms.
const APART: [f64; 5] = [0.0, 1.0, 4.0, 8.0, 16.0];

fn pair(apart: f64) -> [Camera; 2] {
    [camera(0.0, 30.0, 33.0), camera(apart, 30.0, 33.0)]
}

#[test]
fn a_frame_leaves_time_to_that_of_another_camera_that_waits() {
    for pair in APART.map(pair) {
        for step in [5.0, 6.0, 7.0] {
            let outcomes = minute(&pair, step);
            assert_eq!(
                all(&outcomes, |of| of.late + of.replaced + of.gave_way),
                0,
                "{pair:?}, {step} ms: {outcomes:?}"
            );
        }
    }
}

#[test]
fn cameras_that_drift_past_each_other_are_both_in_time() {
    let outcomes = minute(&[camera(0.0, 30.0, 33.0), camera(0.0, 29.9, 33.0)], 7.0);
    assert_eq!(all(&outcomes, |of| of.late + of.gave_way), 0, "{outcomes:?}");
}

#[test]
fn a_slow_camera_with_a_long_budget_makes_no_frame_of_a_fast_one_late() {
    for offset in [0.0, 1.0, 5.0] {
        let outcomes = minute(&[camera(0.0, 10.0, 100.0), camera(offset, 30.0, 25.0)], 7.0);
        assert_eq!(all(&outcomes, |of| of.late + of.gave_way), 0, "{offset}: {outcomes:?}");
    }
}

#[test]
fn no_frame_is_replaced_that_could_have_begun_before() {
    // The budgets of config/multi_camera.yaml.
    let outcomes = minute(&[camera(0.0, 20.0, 50.0), camera(0.0, 20.0, 100.0)], 9.0);
    assert_eq!(all(&outcomes, |of| of.late + of.replaced + of.gave_way), 0, "{outcomes:?}");
}

#[test]
fn as_many_cameras_as_first_exits_fit_are_in_time() {
    let three = minute(&[camera(0.0, 30.0, 33.0); 3], 5.0);
    assert_eq!(all(&three, |of| of.late + of.replaced + of.gave_way), 0, "{three:?}");
    let four = minute(&[camera(0.0, 10.0, 60.0); 4], 10.0);
    assert_eq!(all(&four, |of| of.late + of.replaced + of.gave_way), 0, "{four:?}");
}

#[test]
fn where_all_can_be_as_deep_all_are() {
    // Two times to the second exit take 30 ms.
    let outcomes = minute(&pair(0.0), 6.0);
    assert!(outcomes.iter().all(|of| of.exit() >= 1.9), "{outcomes:?}");
}

#[test]
fn a_camera_alone_has_all_its_time() {
    let outcomes = minute(&[camera(0.0, 30.0, 33.0)], 7.0);
    assert_eq!((outcomes[0].exits, outcomes[0].late), (4 * outcomes[0].frames, 0), "{outcomes:?}");
}

#[test]
fn more_frames_than_fit_cost_some_of_them_and_not_all_their_deadlines() {
    // First exits take 15.5 ms, of which there would have to be 90 a second.
    let outcomes = minute(&[camera(0.0, 30.0, 33.0), camera(11.0, 30.0, 33.0), camera(22.0, 30.0, 33.0)], 13.0);
    assert!(2 * all(&outcomes, Outcome::in_time) > all(&outcomes, |of| of.frames), "{outcomes:?}");
    assert!(100 * all(&outcomes, |of| of.late) <= all(&outcomes, |of| of.published), "{outcomes:?}");
    assert!(outcomes.iter().all(|of| 3 * of.in_time() > of.frames), "none is passed over: {outcomes:?}");
}

#[test]
fn a_frame_that_makes_no_other_late_is_run_though_it_is_late_itself() {
    // After the first one, which nobody saw coming, the second is late by half a millisecond and the third in time.
    let outcomes = minute(&[camera(0.0, 30.0, 33.0), camera(0.5, 30.0, 20.0), camera(0.5, 30.0, 33.0)], 8.0);
    assert_eq!(all(&outcomes, |of| of.gave_way), 0, "{outcomes:?}");
    assert_eq!(outcomes[0].late + outcomes[2].late, 0, "{outcomes:?}");
}

#[test]
fn a_budget_that_never_fits_gives_late_masks_and_no_dropped_frames() {
    let outcomes = minute(&[camera(0.0, 10.0, 5.0), camera(20.0, 10.0, 5.0)], 7.0);
    assert_eq!(all(&outcomes, |of| of.late), all(&outcomes, |of| of.frames), "{outcomes:?}");
}

#[test]
fn what_becomes_of_the_frames_of_several_cameras() {
    let mut table = String::from("step, cameras (offset Hz budget): frames, late, replaced, gave way, mean exit\n");
    let mut cases: Vec<(f64, Vec<Camera>)> = Vec::new();
    for pair in APART.map(pair) {
        cases.extend([5.0, 7.0, 10.0].map(|step| (step, pair.to_vec())));
    }
    cases.push((7.0, vec![camera(0.0, 10.0, 100.0), camera(1.0, 30.0, 25.0)]));
    cases.push((9.0, vec![camera(0.0, 20.0, 50.0), camera(0.0, 20.0, 100.0)]));
    cases.push((10.0, vec![camera(0.0, 15.0, 50.0), camera(0.0, 10.0, 100.0)]));
    cases.push((13.0, vec![camera(0.0, 30.0, 33.0), camera(11.0, 30.0, 33.0), camera(22.0, 30.0, 33.0)]));
    cases.push((5.0, (0..32).map(|n| camera(n as f64, 30.0, 33.0)).collect()));
    for (step, cameras) in cases {
        let outcomes = minute(&cameras, step);
        for (Camera { offset, hz, budget }, of) in cameras.iter().zip(&outcomes).take(3) {
            let Outcome { frames, late, replaced, gave_way, .. } = of;
            let exit = of.exit();
            let _ = writeln!(
                table,
                "{step:>2} ms, {offset:>2} {hz} {budget:>3}: {frames:>4} {late:>4} {replaced:>4} {gave_way:>4} {exit:.2}"
            );
        }
    }
    insta::assert_snapshot!(table);
}
