//! Frames that start from the state of the one before, as a user meets them.

use super::*;

/// A place with a bundle `warm` whose frames may start warm.
fn place() -> Place {
    let place = Place::new();
    common::tiny::write_warm_bundle(&place.path("warm"), 32, 24, 6);
    place
}

/// A picture that grows a little brighter from frame to frame, taken at `ms`.
fn drifting(frame: usize, ms: u32) -> Image<'static> {
    let data: Vec<u8> = (0..3 * 40 * 30).map(|i: usize| ((i * 7) % 200 + 2 * frame) as u8).collect();
    let mut image = Image { data: data.into(), ..picture(0, 40, 30) };
    image.header.stamp.nanosec = ms * 1_000_000;
    image
}

fn write(place: &Place, frames: Vec<Image<'static>>) {
    write_bag(&place.path("bag"), Storage::Mcap, &[Camera { topic: "/front/image_raw", frames }]);
}

fn replay(place: &Place, out: &str, more: &[&str]) -> Value {
    let ran = place.run(&[&["replay", "bag", "--out", out, "--model", "warm"], more].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    place.report(out)
}

/// What the report says of each frame: `warm`, or why it started cold.
fn starts(report: &Value) -> Vec<&str> {
    let frames = report["frames"].as_array().expect("frames");
    frames.iter().map(|frame| frame["cold_cause"].as_str().unwrap_or("warm")).collect()
}

#[test]
fn warm_masks_at_fixed_iterations_are_the_same_in_every_run_and_others_than_cold_ones() {
    let place = place();
    write(&place, (0..8).map(|n| drifting(n, 66 * n as u32)).collect());
    let report = replay(&place, "first", &["--iterations", "2", "--warm-start"]);
    assert_eq!(starts(&report), [&["first_frame"][..], &["warm"; 7]].concat());
    assert_eq!(report["totals"]["warm"], 7);
    replay(&place, "second", &["--iterations", "2", "--warm-start", "--threads", "2"]);
    let report = replay(&place, "cold", &["--iterations", "2"]);
    assert_eq!(starts(&report), ["off"; 8]);
    let masks = |out: &str| masks(&place.path(out), "/itnet/mask");
    assert_eq!(masks("first"), masks("second"));
    assert_eq!(masks("first")[0], masks("cold")[0]);
    let confidence = |out: &str| super::masks(&place.path(out), "/itnet/confidence");
    assert_ne!(confidence("first")[7].data, confidence("cold")[7].data);
    for topic in ["mask", "confidence", "camera_info", "label_info"] {
        let bytes = |out: &str| -> Vec<_> {
            let all = messages(&place.path(out), &format!("/itnet/{topic}"));
            all.into_iter().map(|message| (message.received, message.data)).collect()
        };
        assert_eq!(bytes("first"), bytes("second"), "{topic}");
    }
}

#[test]
fn a_gap_and_a_cut_start_cold() {
    let place = place();
    let mut frames: Vec<_> = [0, 66, 700, 766, 832, 898].into_iter().map(|ms| drifting(0, ms)).collect();
    frames[4].data.to_mut().fill(250);
    frames[5].data.to_mut().fill(250);
    write(&place, frames);
    let report = replay(&place, "out", &["--pace", "fast", "--warm-start", "--budget-ms", "5000"]);
    let expected = ["first_frame", "warm", "gap", "warm", "scene_cut", "warm"];
    assert_eq!(starts(&report), expected);
    // The model's useful iterations: 4 cold, 2 warm.
    let exits: Vec<_> =
        report["frames"].as_array().expect("frames").iter().map(|frame| frame["exit"].as_u64()).collect();
    assert_eq!(exits, [4, 2, 4, 2, 4, 2].map(Some));
}

#[test]
fn each_camera_has_its_own_state_and_its_own_word() {
    let place = place();
    let frames = |first: usize| (first..first + 4).map(|n| drifting(n, 66 * n as u32)).collect();
    let cameras = [
        Camera { topic: "/front/image_raw", frames: frames(0) },
        // Brighter by more than a cut: the network that both share would jump from one to the other.
        Camera { topic: "/rear/image_raw", frames: frames(20) },
    ];
    write_bag(&place.path("bag"), Storage::Mcap, &cameras);
    let params = "/**:\n  ros__parameters:\n    cameras: [front, rear]\n    warm_start: true\n    warm_max_gap_ms: 66.0\n    \
                  front:\n      topic: /front/image_raw\n    rear:\n      topic: /rear/image_raw\n      warm_start: ";
    let replay = |name: &str, rear: &str| {
        std::fs::write(place.path("params.yaml"), format!("{params}{rear}\n")).expect("writes");
        let report = super::warm::replay(&place, name, &["--iterations", "2", "--params", "params.yaml"]);
        ["/front/image_raw", "/rear/image_raw"].map(|topic| {
            let frames = report["frames"].as_array().expect("frames");
            frames.iter().filter(|frame| frame["topic"] == topic && frame["warm"] == true).count()
        })
    };
    assert_eq!(replay("both", "\"\""), [3, 3]);
    assert_eq!(replay("front", "cold"), [3, 0]);
    let masks = |out: &str, camera: &str| masks(&place.path(out), &format!("/itnet/{camera}/mask"));
    assert_eq!(masks("both", "front"), masks("front", "front"));
    assert_ne!(masks("both", "rear"), masks("front", "rear"));
}

#[test]
fn a_bundle_that_offers_no_warm_start_says_so_and_runs_cold() {
    let place = place();
    write(&place, (0..2).map(|n| drifting(n, 66 * n as u32)).collect());
    let ran = place.run(&["replay", "bag", "--out", "out", "--model", "tiny", "--iterations", "1", "--warm-start"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("`warm_start`"), "{}", ran.err);
    assert_eq!(starts(&place.report("out")), ["not_offered"; 2]);
}

#[test]
fn eval_takes_images_as_a_video_and_counts_its_cold_frames_apart() {
    let place = place();
    for folder in ["images", "labels"] {
        std::fs::create_dir(place.path(folder)).expect("creates");
    }
    for (n, grey) in [(0u8, 100u8), (1, 102), (2, 104), (3, 240), (4, 241)] {
        let image = image::RgbImage::from_fn(40, 30, |x, _| image::Rgb([grey, (x * 6) as u8, 0]));
        image.save(place.path(&format!("images/{n}.png"))).expect("saves");
        let labels = image::GrayImage::from_fn(40, 30, |x, _| image::Luma([u8::from(x * 6 > u32::from(grey))]));
        labels.save(place.path(&format!("labels/{n}.png"))).expect("saves");
    }
    let eval = |more: &[&str]| -> Value {
        let folders = ["eval", "--images", "images", "--labels", "labels", "--model", "warm", "--json"];
        let ran = place.run(&[&folders, more].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        serde_json::from_str(&ran.out).expect("valid JSON")
    };
    let warm = eval(&["--warm"]);
    assert_eq!((&warm["frames"], &warm["warm"]["frames"]), (&3.into(), &3.into()));
    assert_eq!(warm["warm"]["cold"], serde_json::json!({"first_frame": 1, "scene_cut": 1}));
    assert_eq!(warm["warm"]["exits"].as_array().expect("exits").len(), 2);
    assert_eq!(warm["exits"].as_array().expect("exits").len(), 4);
    assert!(warm["warm"]["exits"][0]["miou"].as_f64().expect("a number") > 0.1);
    // The state of the tiny network runs to a fixed point: warm frames are nearer to it than cold ones after as many iterations.
    assert_ne!(warm["warm"]["exits"][0]["iou"], warm["exits"][0]["iou"]);
    assert_eq!(eval(&[])["warm"], Value::Null);
    let ran = place.run(&["eval", "--images", "images", "--labels", "labels", "--model", "tiny", "--warm"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("warm_start") && ran.err.contains("tiny"), "{}", ran.err);
}

#[test]
fn info_and_bench_tell_of_the_warm_start() {
    let place = place();
    let info = place.run(&["info", "warm"]);
    assert!(info.out.contains("from step 2, 2 iterations useful"), "{}", info.out);
    assert!(place.run(&["info", "tiny"]).out.contains("not offered"));
    let bench = place.run(&["bench", "--model", "warm", "--frames", "3"]);
    assert!(bench.out.contains("warm frame to exit 2"), "{}{}", bench.out, bench.err);
}
