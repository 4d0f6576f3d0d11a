//! Frames below a cgroup's quota: a scripted machine whose program is stopped once it has worked for its quota, together with others or alone, as the kernel
//! stops it.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use itnet::anytime::{ScriptedModel, Stage};
use itnet::clock::{Clock, Instant, ScriptedClock};
use itnet::compute::{Limited, Quota, Used};
use itnet::frame::Size;
use itnet::message::{self, Image};
use itnet::params::Parameters;
use itnet::pipeline::{ImageKind, Pipeline, Settings};
use itnet::serve::rest;
use itnet::tensor::InputSpec;

/// What the cameras' frames cost, and what is allowed for them.
#[derive(Clone, Copy)]
struct Robot {
    /// Of the process.
    cpus: f64,
    hz: f64,
    /// One after the other, evenly.
    cameras: usize,
    /// Milliseconds of a step, by chance up to half as long again; other stages are in proportion.
    step: f64,
    /// CPUs that other processes below the same quota work on, as long as they may.
    others: f64,
    /// Milliseconds that processes beside the quota hold the program up after every four that it works.
    held_up: f64,
}

/// What became of its frames in 40 s.
#[derive(Debug, Default)]
struct Outcome {
    frames: usize,
    exits: usize,
    late: usize,
    dropped: usize,
    /// How often the program was stopped.
    stops: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, exits, late, dropped, stops } = *self;
        let exit = exits as f64 / (frames - dropped) as f64;
        write!(f, "{frames:>4} {late:>3} {dropped:>4} {exit:.2} {stops:>3}")
    }
}

const BUDGET_MS: f64 = 33.0;
const PERIOD_MS: f64 = 100.0;
/// What other threads work after each frame, in milliseconds.
const BESIDE_MS: f64 = 1.5;

fn ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

impl Robot {
    fn pipeline(self, clock: &ScriptedClock) -> Pipeline {
        let (mut seed, mut since_held_up, hand) = (7u64, 0.0, clock.clone());
        let model = ScriptedModel::new(clock.clone(), 4, 4, move |stage| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = 1.0 + 0.5 * (seed >> 40) as f64 / (1u64 << 24) as f64;
            let part = match stage {
                Stage::Step(_) => 1.0,
                Stage::Data => 0.2,
                _ => 0.3,
            };
            let work = noise * part * self.step;
            since_held_up += work;
            if since_held_up > 4.0 {
                since_held_up = 0.0;
                hand.stall(ms(self.held_up));
            }
            ms(work)
        });
        let spec = InputSpec { size: Size::new(1, 1), mean: [0.0; 3], std: [1.0; 3] };
        let quota = Quota { time: ms(PERIOD_MS * self.cpus), period: ms(PERIOD_MS) };
        let settings = Settings::of(&Parameters::default(), ms(BUDGET_MS));
        let group = clock.clone();
        let used = Box::new(move || {
            let (time, stops) = group.group();
            Some(Used { time, stops })
        });
        let limited = Some(Limited { quota, began: Some(Instant::default()), used });
        Pipeline::new(Box::new(model), spec, Arc::new(clock.clone()), settings, (1, limited)).expect("a pipeline")
    }

    /// When a frame is there, from the first one on.
    fn due(self, camera: usize, frame: usize) -> Duration {
        ms(1e3 * (frame as f64 + camera as f64 / self.cameras as f64) / self.hz)
    }

    /// Runs the newest frame of each camera, as the node does.
    fn runs(self) -> Outcome {
        let clock = ScriptedClock::limited(ms(PERIOD_MS * self.cpus), ms(PERIOD_MS), self.others);
        let mut pipeline = self.pipeline(&clock);
        let bytes = message();
        let (start, before) = (clock.now() + ms(317.0), clock.stops());
        let frames = (40.0 * self.hz) as usize;
        let mut outcome = Outcome { frames: frames * self.cameras, ..Outcome::default() };
        let mut next = vec![0; self.cameras];
        let ahead = |next: &[usize]| {
            let cameras = (0..self.cameras).filter(|camera| next[*camera] < frames);
            cameras.min_by_key(|camera| self.due(*camera, next[*camera]))
        };
        while let Some(camera) = ahead(&next) {
            let due = start + self.due(camera, next[camera]);
            clock.sleep_until(due);
            let next_due = Some((camera, due + ms(BUDGET_MS)));
            let rested = rest(&mut pipeline, (&clock, &AtomicBool::new(false)), next_due, &mut |_| ());
            let there = |frame: &usize| start + self.due(camera, *frame) <= clock.now();
            let newest = (next[camera]..frames).take_while(there).last().expect("one is due");
            outcome.dropped += newest - next[camera];
            next[camera] = newest + 1;
            let arrival = start + self.due(camera, newest);
            let deadline = arrival + ms(BUDGET_MS);
            pipeline.arrived(camera, arrival);
            if rested.is_some_and(|until| until > arrival) && pipeline.too_late((camera, deadline), clock.now()) {
                outcome.dropped += 1;
                continue;
            }
            let times = (arrival, deadline);
            let frame = pipeline.run(camera, ImageKind::Raw, &bytes, times, &mut |_| ()).expect("a mask");
            outcome.late += usize::from(frame.elapsed > frame.budget);
            outcome.exits += frame.outcome.exit;
            clock.advance(ms(BESIDE_MS));
        }
        Outcome { stops: clock.stops() - before, ..outcome }
    }
}

/// A frame of one pixel.
fn message() -> Vec<u8> {
    let image = Image { height: 1, width: 1, encoding: "mono8".into(), step: 1, ..Image::default() };
    message::to_vec(&Image { data: vec![9].into(), ..image }).expect("a message")
}

#[test]
fn frames_below_a_quota() {
    let mut table = String::from("step, CPUs, cameras at Hz: frames, late, dropped, mean exit, stops\n");
    let robots = [1.0, 2.0, 4.0].into_iter().flat_map(|step| [0.15, 0.25, 0.5].map(|cpus| (step, cpus)));
    for (step, cpus) in robots {
        for (cameras, hz) in [(1, 10.0), (1, 15.0), (1, 20.0), (1, 25.0), (1, 30.0), (1, 40.0), (3, 10.0)] {
            let of = Robot { cpus, hz, cameras, step, others: 0.0, held_up: 0.0 }.runs();
            let _ = writeln!(table, "{step:.0} ms {cpus:.2} {cameras} at {hz:.0}: {of}");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn while_first_exits_fit_into_a_quota_no_frame_is_late_or_dropped() {
    for step in [1.0, 2.0, 4.0] {
        // A first exit with all around it takes 2.1 steps, by chance up to half as long again.
        let first = 1.5 * 2.1 * step + BESIDE_MS;
        for cpus in [0.15, 0.25, 0.5, 0.9] {
            for hz in [5.0, 10.0, 12.5, 15.0, 20.0, 24.0, 25.0, 30.0] {
                let most_in_a_period = (PERIOD_MS * hz / 1e3).floor() + 1.0;
                if most_in_a_period * first <= 0.95 * PERIOD_MS * cpus {
                    let outcome = Robot { cpus, hz, cameras: 1, step, others: 0.0, held_up: 0.0 }.runs();
                    assert_eq!((outcome.late, outcome.dropped), (0, 0), "{step} ms, {cpus} CPUs, {hz} Hz");
                    // By chance, after a mask is out.
                    assert!(
                        outcome.stops as usize <= outcome.frames / 40,
                        "{step} ms, {cpus} CPUs, {hz} Hz: {outcome:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn frames_below_a_quota_that_others_share() {
    let mut table = String::from("step, CPUs, of others, Hz: frames, late, dropped, mean exit, stops\n");
    let groups = [(0.5, 0.2), (0.5, 0.4), (1.0, 0.5), (1.0, 0.8), (1.0, 1.0), (1.5, 1.0), (1.5, 2.0)];
    for (step, (cpus, others)) in [2.0, 4.0].into_iter().flat_map(|step| groups.map(|group| (step, group))) {
        // Rates at which frames meet every part of a period.
        for hz in [9.9, 19.8, 29.8] {
            let of = Robot { cpus, hz, cameras: 1, step, others, held_up: 0.0 }.runs();
            let _ = writeln!(table, "{step:.0} ms {cpus:.2} {others:.2} {hz:>4.1}: {of}");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn while_first_exits_fit_beside_others_no_frame_is_late_or_dropped() {
    for step in [1.0, 2.0, 4.0] {
        let first = 1.5 * 2.1 * step + BESIDE_MS;
        for (cpus, others) in [(0.5, 0.2), (0.9, 0.5), (1.0, 0.3), (1.0, 0.6), (1.5, 1.0)] {
            for hz in [5.0, 9.9, 14.7, 19.8, 24.3, 29.8] {
                let most_in_a_period = (PERIOD_MS * hz / 1e3).floor() + 1.0;
                if most_in_a_period * first <= 0.95 * PERIOD_MS * cpus - PERIOD_MS * others {
                    let outcome = Robot { cpus, hz, cameras: 1, step, others, held_up: 0.0 }.runs();
                    let of = format!("{step} ms, {cpus} CPUs, {others} of others, {hz} Hz: {outcome:?}");
                    assert_eq!((outcome.late, outcome.dropped), (0, 0), "{of}");
                    assert!(outcome.stops as usize <= outcome.frames / 20, "{of}");
                }
            }
        }
    }
}

#[test]
fn who_is_held_up_from_outside_has_as_much_of_the_quota() {
    for (cpus, hz) in [(0.25, 14.8), (0.25, 19.8), (0.4, 29.8)] {
        let [alone, held_up] =
            [0.0, 4.0].map(|held_up| Robot { cpus, hz, cameras: 1, step: 2.0, others: 0.0, held_up }.runs());
        let shallower = (alone.exits - held_up.exits) as f64 / alone.frames as f64;
        assert!(shallower < 0.4, "{cpus} CPUs, {hz} Hz: {alone:?}, {held_up:?}");
        assert_eq!((held_up.late, held_up.dropped), (0, 0), "{cpus} CPUs, {hz} Hz: {held_up:?}");
    }
}
