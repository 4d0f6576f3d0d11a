use super::*;
use crate::anytime::ScriptedModel;
use crate::clock::ScriptedClock;
use crate::frame::{Header, Stamp};
use crate::mask::ClassMap;
use crate::message::Image;
use crate::model::WarmStart;
use crate::params::Parameters;
use crate::render::ConfidenceRenderer;

const MS: Duration = Duration::from_millis(1);
const WARM: WarmStart = WarmStart { from_step: 2, useful: 3, keep: 0.5 };

/// A pipeline on a network with one pixel whose best class is 1, and whose stages take a millisecond each.
struct Line {
    pipeline: Pipeline,
    clock: ScriptedClock,
    masks: Vec<Mask>,
    /// How sure the first pixel of each mask is.
    sure: Vec<u8>,
}

impl Line {
    fn new(warm_start: Option<WarmStart>, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = ScriptedClock::new();
        let model = ScriptedModel::new(clock.clone(), 2, 1, |_| MS);
        let model = warm_start.into_iter().fold(model, ScriptedModel::offering);
        let mut settings = Settings::of(&Parameters::default(), 33 * MS);
        change(&mut settings);
        let spec = InputSpec { size: Size::new(1, 1), mean: [0.0; 3], std: [1.0; 3] };
        let pipeline = Pipeline::new(Box::new(model), spec, Arc::new(clock.clone()), settings, (1, None)).unwrap();
        Self { pipeline, clock, masks: Vec::new(), sure: Vec::new() }
    }

    /// One whose cameras 0 and 1 start warm.
    fn warm() -> Self {
        Self::new(Some(WARM), |settings| settings.warm = [0, 1].into())
    }

    fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.pipeline.settings().clone();
        change(&mut settings);
        self.pipeline.set(settings);
    }

    fn run(&mut self, camera: usize, image: &Image<'_>, budget: Duration) -> Result<FrameResult, FrameFault> {
        let bytes = message::to_vec(image).unwrap();
        let now = self.clock.now();
        let (masks, sure) = (&mut self.masks, &mut self.sure);
        let mut publish = |out: Published<'_>| {
            masks.push(out.mask.clone());
            sure.push(ConfidenceRenderer::new().render(out.logits, out.mask.size()).unwrap()[0]);
        };
        self.pipeline.run(camera, ImageKind::Raw, &bytes, (now, now + budget), &mut publish)
    }

    /// A grey frame of `camera` at `ms`.
    fn frame(&mut self, camera: usize, ms: u32) -> FrameResult {
        self.run(camera, &image(ms, 9), 33 * MS).unwrap()
    }

    fn mask(mut self) -> Mask {
        self.frame(0, 1);
        self.masks.pop().expect("a mask")
    }
}

/// A frame of 4 x 3 pixels.
fn image(ms: u32, grey: u8) -> Image<'static> {
    let stamp = Stamp { sec: 5, nanosec: ms * 1_000_000 };
    let header = Header { stamp, frame_id: String::new() };
    let data = vec![grey; 12].into();
    Image { header, height: 3, width: 4, encoding: "mono8".into(), step: 4, data, ..Image::default() }
}

#[test]
fn a_mask_has_the_frames_size_or_the_networks() {
    let mask = Line::new(None, |_| ()).mask();
    assert_eq!((mask.size(), mask.classes()), (Size::new(4, 3), &[1; 12][..]));
    let mask = Line::new(None, |settings| settings.mask_size = MaskSize::Network).mask();
    assert_eq!((mask.size(), mask.classes()), (Size::new(1, 1), &[1][..]));
}

#[test]
fn masks_hold_the_published_class_ids() {
    let mask = Line::new(None, |settings| settings.class_map = ClassMap::new(&[3, 7], 2).unwrap()).mask();
    assert_eq!(mask.classes(), [7; 12]);
}

#[test]
fn a_warm_frame_goes_on_from_the_last_one_for_as_many_iterations_as_still_help_it() {
    let mut line = Line::warm();
    let cold = line.frame(0, 0);
    assert_eq!((cold.start, cold.outcome.exit), (Start::Cold(ColdCause::FirstFrame), 2));
    let warm = line.frame(0, 66);
    assert_eq!((warm.start, warm.outcome.exit, warm.outcome.run), (Start::Warm, 3, 3));
    let steps: Vec<_> = warm.outcome.stages.iter().map(|(stage, _)| *stage).filter(|s| s.name() == "step").collect();
    assert_eq!(steps, [Stage::Step(2), Stage::Step(3), Stage::Step(4)]);
    // The scripted logits of class 1 are the steps behind the state: 2, and 5.
    assert_eq!(line.sure, [225, 253]);
    let record = warm.record("/camera");
    assert_eq!((record.warm, record.cold_cause), (true, None));
}

#[test]
fn cameras_that_share_the_network_keep_their_states_apart() {
    let mut line = Line::warm();
    let starts = [(0, 0), (1, 0), (0, 66), (1, 66), (2, 66)].map(|(camera, ms)| line.frame(camera, ms).start);
    let first = Start::Cold(ColdCause::FirstFrame);
    assert_eq!(starts, [first, first, Start::Warm, Start::Warm, Start::Cold(ColdCause::Off)]);
    assert_eq!(line.sure[2], line.sure[3]);
    assert_eq!(line.pipeline.kept_bytes(), 2 * size_of::<usize>());
}

#[test]
fn what_is_kept_of_a_camera_goes_as_soon_as_it_may_no_longer_start_warm() {
    let mut line = Line::warm();
    for camera in [0, 1] {
        line.frame(camera, 0);
    }
    line.change(|settings| settings.warm = [1].into());
    assert_eq!(line.pipeline.kept_bytes(), size_of::<usize>());
    assert_eq!(line.frame(0, 66).start, Start::Cold(ColdCause::Off));
    line.change(|settings| settings.warm = [0, 1].into());
    let starts = [0, 1, 0].map(|camera| line.frame(camera, 100 + line.masks.len() as u32).start);
    assert_eq!(starts, [Start::Cold(ColdCause::FirstFrame), Start::Warm, Start::Warm]);
}

#[test]
fn a_model_that_offers_no_warm_start_runs_cold_and_says_why() {
    let mut line = Line::new(None, |settings| settings.warm = [0].into());
    for ms in [0, 66] {
        let frame = line.frame(0, ms);
        assert_eq!((frame.start, frame.outcome.exit), (Start::Cold(ColdCause::NotOffered), 2));
    }
    assert_eq!(line.pipeline.kept_bytes(), 0);
}

#[test]
fn gaps_cuts_and_other_formats_start_cold_and_the_frame_after_them_warm() {
    let mut line = Line::warm();
    line.frame(0, 0);
    let wide = Image { height: 2, width: 6, step: 6, ..image(500, 200) };
    for (image, cause) in [
        (image(251, 9), ColdCause::Gap),
        (image(251, 9), ColdCause::StampOrder),
        (image(300, 200), ColdCause::SceneCut),
        (wide, ColdCause::Format),
    ] {
        assert_eq!(line.run(0, &image, 33 * MS).unwrap().start, Start::Cold(cause));
        let mut next = image;
        next.header.stamp.nanosec += 1;
        assert_eq!(line.run(0, &next, 33 * MS).unwrap().start, Start::Warm);
    }
    line.change(|settings| settings.warm_max_gap = 10 * MS);
    assert_eq!(line.run(0, &image(600, 200), 33 * MS).unwrap().start, Start::Cold(ColdCause::Format));
    assert_eq!(line.frame(0, 611).start, Start::Cold(ColdCause::Gap));
}

#[test]
fn a_late_frame_leaves_the_state_of_its_last_finished_step() {
    let mut line = Line::warm();
    let late = line.run(0, &image(0, 9), Duration::ZERO).unwrap();
    assert_eq!((late.outcome.exit, late.outcome.cause), (1, anytime::StopCause::Stale));
    assert_eq!(line.frame(0, 66).start, Start::Warm);
    // 1 step of the late frame and 3 of this one.
    assert_eq!(line.sure[1], 250);
}

#[test]
fn a_message_that_is_no_frame_does_not_touch_what_is_kept() {
    let mut line = Line::warm();
    line.frame(0, 0);
    let broken = Image { step: 1, ..image(33, 9) };
    assert!(line.run(0, &broken, 33 * MS).is_err());
    assert_eq!(line.frame(0, 66).start, Start::Warm);
}

#[test]
fn with_fixed_iterations_warm_frames_run_as_many_as_cold_ones() {
    let mut line = Line::new(Some(WARM), |settings| {
        settings.warm = [0].into();
        settings.depth = Depth::Fixed(1);
    });
    let exits = [0, 66, 133].map(|ms| line.frame(0, ms)).map(|frame| (frame.start.is_warm(), frame.outcome.exit));
    assert_eq!(exits, [(false, 1), (true, 1), (true, 1)]);
}

fn sharing(share: f64) -> Settings {
    let mut parameters = Parameters::default();
    parameters.set("compute_share", crate::params::Value::Double(share)).unwrap();
    Settings::of(&parameters, 33 * MS)
}

/// The part of 20 s that is worked, when a share is allowed and frames wait for nothing else; every stage is stalled as long as it works, 2 ms, and other
/// threads work a millisecond after each frame.
fn worked(share: f64) -> f64 {
    let clock = ScriptedClock::new();
    let hand = clock.clone();
    let model = ScriptedModel::new(clock.clone(), 2, 1, move |_| {
        hand.stall(2 * MS);
        2 * MS
    });
    let spec = InputSpec { size: Size::new(1, 1), mean: [0.0; 3], std: [1.0; 3] };
    let mut pipeline =
        Pipeline::new(Box::new(model), spec, Arc::new(clock.clone()), sharing(share), (1, None)).unwrap();
    let bytes = message::to_vec(&image(1, 9)).unwrap();
    let (start, mut worked) = (clock.now(), Duration::ZERO);
    while clock.now() < start + Duration::from_secs(20) {
        clock.sleep_until(pipeline.ready_at(clock.now(), None));
        let (now, before) = (clock.now(), clock.worked(Worker::Thread));
        pipeline.run(0, ImageKind::Raw, &bytes, (now, now + 33 * MS), &mut |_| ()).unwrap();
        worked += clock.worked(Worker::Thread) - before;
        clock.advance(MS);
    }
    worked.as_secs_f64() / clock.now().since(start).as_secs_f64()
}

#[test]
fn the_share_is_of_the_time_that_the_networks_threads_work_also_where_they_are_stalled() {
    for share in [0.1, 0.2, 0.3, 0.4] {
        let part = worked(share);
        assert!((part - share).abs() < 0.05 * share, "{part} for {share}");
    }
}

#[test]
fn what_a_first_exit_takes_is_that_of_the_cameras_frames_and_of_the_iterations_before_it() {
    let mut line = Line::new(None, |_| ());
    let late = |line: &Line, camera, after: u32| {
        let now = line.clock.now();
        line.pipeline.too_late((camera, now + after * MS), now)
    };
    // Data, a step and an exit.
    assert!(late(&line, 0, 2) && !late(&line, 0, 3));
    line.pipeline.costs.observe(Stage::Decode(1), Instant::default(), Instant::at(20 * MS));
    assert!(late(&line, 1, 22) && !late(&line, 1, 23) && !late(&line, 0, 3));
    // Rendering takes 2 ms a pixel, and the masks of camera 1 have ten.
    line.pipeline.rendering = 2 * MS;
    line.pipeline.expect(0, Size::new(1, 1));
    line.pipeline.expect(1, Size::new(10, 1));
    assert!(late(&line, 1, 42) && !late(&line, 1, 43) && late(&line, 0, 4) && !late(&line, 0, 5));
    line.change(|settings| settings.depth = Depth::Anytime(Iterations::new(2, 2)));
    assert!(late(&line, 0, 5) && !late(&line, 0, 6));
    line.change(|settings| settings.depth = Depth::Fixed(1));
    assert!(late(&line, 0, 4) && !late(&line, 0, 5));
}

#[test]
fn a_camera_whose_masks_are_dear_makes_those_of_another_no_dearer() {
    let mut line = Line::new(None, |_| ());
    line.pipeline.rendering = MS;
    line.pipeline.leave_time_to(2, Box::new(|_, list| list.clear()));
    (0..64).for_each(|_| line.pipeline.costs.observe(Stage::Render(0), Instant::default(), Instant::at(9 * MS)));
    let now = line.clock.now();
    // Three stages of a millisecond, and the mask.
    let late = |camera, after| line.pipeline.too_late((camera, now + after * MS), now);
    assert!(late(0, 11) && !late(0, 12) && late(1, 3) && !late(1, 4));
}
