use proptest::prelude::*;

use super::*;
use crate::frame::Header;
use crate::kernels::{Values, round, widen};
use crate::tensor::InputSpec;

const GAP: Duration = Duration::from_millis(250);
const SPEC: InputSpec = InputSpec { size: Size::new(33, 26), mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] };

/// The sketch of a picture of one grey value, 0 to 1.
fn grey(value: f32) -> Sketch {
    let plane = |channel: usize| vec![(value - SPEC.mean[channel]) / SPEC.std[channel]; SPEC.size.pixels()];
    Sketch::of(Values::Whole(&[plane(0), plane(1), plane(2)].concat()), &SPEC)
}

fn seen(ms: i64, value: f32) -> Seen {
    let stamp = Stamp { sec: (ms / 1000) as i32, nanosec: (ms % 1000) as u32 * 1_000_000 };
    let header = Header { stamp, frame_id: "lens".to_owned() };
    let frame = Frame::packed(header, Size::new(1, 1), Encoding::Rgb8, vec![0; 3]).unwrap();
    Seen::new(&frame, grey(value))
}

fn state() -> Option<State> {
    Some(State::new(7usize, 8))
}

/// What becomes of frames that follow each other, each of which leaves a state.
fn starts(frames: impl IntoIterator<Item = Seen>) -> Vec<Start> {
    let mut memory = Memory::default();
    let start = |seen| {
        let begun = memory.begin(seen, GAP);
        memory.end(state());
        begun.map_or_else(Start::Cold, |_| Start::Warm)
    };
    frames.into_iter().map(start).collect()
}

#[test]
fn the_first_frame_starts_cold_and_those_after_it_warm() {
    assert_eq!(
        starts([seen(0, 0.5), seen(66, 0.5), seen(133, 0.51)]),
        [Start::Cold(ColdCause::FirstFrame), Start::Warm, Start::Warm]
    );
}

#[test]
fn a_gap_between_the_stamps_starts_cold_and_only_once() {
    let last = |gap| starts([seen(0, 0.5), seen(gap, 0.5), seen(gap + 66, 0.5)])[1..].to_vec();
    assert_eq!(last(250), [Start::Warm, Start::Warm]);
    assert_eq!(last(251), [Start::Cold(ColdCause::Gap), Start::Warm]);
}

#[test]
fn a_stamp_that_is_not_later_starts_cold() {
    for ms in [0, 999, 1000] {
        assert_eq!(starts([seen(1000, 0.5), seen(ms, 0.5)])[1], Start::Cold(ColdCause::StampOrder), "{ms}");
    }
}

#[test]
fn another_size_encoding_or_frame_id_starts_cold() {
    let frame = |size, encoding: Encoding, id: &str| {
        let header = Header { stamp: Stamp { sec: 0, nanosec: 1000 }, frame_id: id.to_owned() };
        let bytes = if encoding == Encoding::Mono8 { 1 } else { 3 };
        let frame = Frame::packed(header, Size::new(size, 1), encoding, vec![0; size as usize * bytes]).unwrap();
        Seen::new(&frame, grey(0.5))
    };
    let after_first = |now| starts([seen(0, 0.5), now])[1];
    assert_eq!(after_first(frame(1, Encoding::Rgb8, "lens")), Start::Warm);
    for other in [frame(2, Encoding::Rgb8, "lens"), frame(1, Encoding::Mono8, "lens"), frame(1, Encoding::Rgb8, "rear")]
    {
        assert_eq!(after_first(other), Start::Cold(ColdCause::Format));
    }
}

#[test]
fn a_cut_starts_cold_and_a_slow_fade_does_not() {
    assert_eq!(starts([seen(0, 0.2), seen(66, 0.3)])[1], Start::Cold(ColdCause::SceneCut));
    let fade = starts((0..20).map(|n| seen(66 * n, 0.1 + 0.04 * n as f32)));
    assert!(fade[1..].iter().all(|start| start.is_warm()), "{fade:?}");
}

#[test]
fn a_frame_that_left_no_state_makes_the_next_one_cold() {
    let mut memory = Memory::default();
    assert!(memory.begin(seen(0, 0.5), GAP).is_err());
    memory.end(state());
    assert_eq!(memory.bytes(), 8);
    assert!(memory.begin(seen(66, 0.5), GAP).is_ok());
    assert_eq!(memory.bytes(), 0, "the frame under way has it");
    assert_eq!(memory.begin(seen(133, 0.5), GAP).err(), Some(ColdCause::NoState));
}

#[test]
fn a_difference_is_that_of_the_brightness_in_pixels() {
    assert!((grey(0.25).difference(&grey(0.75)) - 0.5).abs() < 1e-5);
    assert_eq!(grey(0.25).difference(&grey(0.25)), 0.0);
    let small = InputSpec { size: Size::new(3, 2), ..SPEC };
    let small = Sketch::of(Values::Whole(&[0.0; 18]), &small);
    assert_eq!((small.difference(&small), small.difference(&grey(0.5))), (0.0, 1.0));
}

#[test]
fn a_rounded_input_has_the_sketch_of_its_planes() {
    let pixels = SPEC.size.pixels();
    let value = |at: usize| widen(round((at % 97) as f32 / 97.0));
    let planes: Vec<f32> = (0..3 * pixels).map(value).collect();
    let rounded: Vec<u16> =
        (0..pixels).flat_map(|at| [value(at), value(pixels + at), value(2 * pixels + at), 0.0].map(round)).collect();
    let [planes, rounded] = [Values::Whole(&planes), Values::Rounded(&rounded)].map(|input| Sketch::of(input, &SPEC));
    assert!(planes.difference(&rounded) < 1e-6);
}

#[test]
fn an_input_of_bytes_has_the_sketch_of_its_planes_but_for_a_constant() {
    let pixels = SPEC.size.pixels();
    let byte = |at: usize| (at * 37 % 256) as u8;
    let plane = |colour: usize| {
        (0..pixels).map(move |at| (f32::from(byte(3 * at + colour)) / 255.0 - SPEC.mean[colour]) / SPEC.std[colour])
    };
    let planes: Vec<f32> = (0..3).flat_map(plane).collect();
    let of = |at: usize, dark: u8| {
        u32::from_ne_bytes([3 * at, 3 * at + 1, 3 * at + 2, 0].map(|at| byte(at) / dark)) & !0xff00_0000u32.to_le()
    };
    let [bright, dark] = [1, 2].map(|dark| (0..pixels).map(|at| of(at, dark)).collect::<Vec<u32>>());
    let [bright, dark] = [&bright, &dark].map(|bytes| Sketch::of(Values::Bytes(bytes), &SPEC));
    let black = Sketch::of(Values::Bytes(&vec![0; pixels]), &SPEC);
    let zero: Vec<f32> = (0..3).flat_map(|colour| vec![-SPEC.mean[colour] / SPEC.std[colour]; pixels]).collect();
    let [planes, zero] = [&planes, &zero].map(|planes| Sketch::of(Values::Whole(planes), &SPEC));
    assert!((bright.difference(&black) - planes.difference(&zero)).abs() < 1e-5);
    assert!((dark.difference(&black) - 0.5 * bright.difference(&black)).abs() < 0.003);
}

#[test]
fn a_cell_sees_its_own_pixels_alone() {
    let mut input = vec![0.0; 3 * SPEC.size.pixels()];
    let before = Sketch::of(Values::Whole(&input), &SPEC);
    // One pixel becomes white: a 16th of a 12th of the cells change, by that pixel's share of its cell.
    input[SPEC.size.pixels()] = 1.0;
    let changed = Sketch::of(Values::Whole(&input), &SPEC).difference(&before);
    let cell = (33 / 16) * (26 / 12);
    assert!((changed - 0.587 * 0.25 / cell as f32 / 192.0).abs() < 1e-7, "{changed}");
}

proptest! {
    #[test]
    fn only_a_frame_shortly_after_a_like_one_starts_warm(
        frames in prop::collection::vec((0i64..2000, 0.0f32..1.0), 1..20)
    ) {
        let all = starts(frames.iter().map(|(ms, value)| seen(*ms, *value)));
        prop_assert_eq!(all[0], Start::Cold(ColdCause::FirstFrame));
        for (pair, start) in frames.windows(2).zip(&all[1..]) {
            let (gap, change) = (pair[1].0 - pair[0].0, (pair[1].1 - pair[0].1).abs());
            // Not where the last bits decide.
            prop_assume!((change - CUT).abs() > 1e-4);
            prop_assert_eq!(start.is_warm(), (1..=250).contains(&gap) && change < CUT, "{} {}", gap, change);
        }
    }
}
