//! Replays of small bags.

use super::*;

fn one_camera(place: &Place, storage: Storage, frames: usize) {
    write_bag(&place.path("bag"), storage, &[Camera { topic: "/front/image_raw", frames: pictures(frames) }]);
}

#[test]
fn every_image_gives_a_mask_with_its_size_and_header() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 12);
    let report = place.replay("bag", "out", &["--iterations", "3"]);
    assert_eq!(report["totals"]["received"], 12);
    assert_eq!(report["totals"]["published"], 12);
    let masks = masks(&place.path("out"), "/itnet/mask");
    assert_eq!(masks.len(), 12);
    for (frame, mask) in masks.iter().enumerate() {
        assert_eq!((mask.width, mask.height, mask.step, mask.encoding.as_str()), (40, 30, 40, "mono8"));
        assert_eq!(mask.header, Header { stamp: stamp(frame), frame_id: "lens".into() });
        assert_eq!(mask.data.len(), 40 * 30);
        assert!(mask.data.iter().all(|class| *class < 6));
    }
}

#[test]
fn confidence_labels_and_calibration_go_with_the_mask() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 3);
    place.replay("bag", "out", &["--iterations", "1"]);
    let out = place.path("out");
    let confidence = super::masks(&out, "/itnet/confidence");
    assert_eq!(confidence.len(), 3);
    assert_eq!((confidence[0].width, confidence[0].encoding.as_str()), (40, "mono8"));
    let labels = labels(&out, "/itnet/label_info");
    assert_eq!(labels[0].class_map.len(), 6);
    assert_eq!(labels[0].class_map[5].class_name, "class 5");
    let infos = messages(&out, "/itnet/camera_info");
    let info: CameraInfo = message::decode(&infos[2].data).expect("decodes");
    assert_eq!((info.width, info.height, info.header.stamp), (40, 30, stamp(2)));
}

#[test]
fn masks_are_drawn_over_their_frames_where_that_is_asked_for() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 3);
    std::fs::write(place.path("opaque.yaml"), "/**: {ros__parameters: {overlay_alpha: 1.0}}").expect("writes");
    place.replay("bag", "out", &["--iterations", "1", "--overlay", "--params", "opaque.yaml"]);
    let out = place.path("out");
    let (masks, overlays) = (super::masks(&out, "/itnet/mask"), super::masks(&out, "/itnet/overlay"));
    assert_eq!((masks.len(), overlays.len()), (3, 3));
    let manifest = std::fs::read_to_string(place.path("tiny/manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("valid JSON");
    let color = |class: u8| {
        let color = manifest["classes"][usize::from(class)]["color"].as_array().expect("a colour");
        color.iter().map(|value| value.as_u64().expect("a byte") as u8).collect::<Vec<_>>()
    };
    for (mask, overlay) in masks.iter().zip(&overlays) {
        assert_eq!((overlay.width, overlay.height, overlay.encoding.as_str()), (40, 30, "rgb8"));
        assert_eq!(overlay.header, mask.header);
        assert_eq!(overlay.data.to_vec(), mask.data.iter().flat_map(|class| color(*class)).collect::<Vec<_>>());
    }
    // What was drawn is no camera for who replays the bag of masks.
    let ran = place.run(&["replay", "out", "--out", "again", "--model", "tiny"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("no image topic"), "{}", ran.err);
}

#[test]
fn fixed_iterations_give_the_same_masks_in_every_run_and_every_storage() {
    let place = Place::new();
    one_camera(&place, Storage::Sqlite3, 8);
    place.replay("bag", "first", &["--iterations", "2"]);
    place.replay("bag", "second", &["--iterations", "2", "--storage", "sqlite3", "--threads", "2"]);
    let first = masks(&place.path("first"), "/itnet/mask");
    assert_eq!(first.len(), 8);
    assert_eq!(first, masks(&place.path("second"), "/itnet/mask"));
    let deeper = place.replay("bag", "deeper", &["--iterations", "4"]);
    assert!(deeper["frames"].as_array().expect("frames").iter().all(|frame| frame["exit"] == 4));
    assert_ne!(
        first,
        masks(&place.path("deeper"), "/itnet/mask"),
        "the deeper exit differs, so that equality means something"
    );
}

#[test]
fn the_report_tells_every_frame() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 5);
    let report = place.replay("bag", "out", &["--pace", "fast", "--budget-ms", "5000"]);
    let frame = &report["frames"][4];
    assert_eq!(frame["stamp"]["nanosec"], 40_000_000);
    assert_eq!(frame["topic"], "/front/image_raw");
    assert_eq!((&frame["exit"], &frame["iterations_run"]), (&4.into(), &4.into()));
    assert_eq!(frame["stop_cause"], "last_exit");
    assert_eq!((&frame["budget_ms"], &frame["overrun_ms"]), (&5000.0.into(), &0.0.into()));
    for stage in ["decode", "data", "step", "exit", "render"] {
        assert!(report["stages"][stage]["p99_ms"].is_number(), "{stage}");
    }
}

#[test]
fn a_budget_of_nothing_still_publishes_first_exits_and_counts_misses() {
    let place = Place::new();
    // Large frames: decoding alone takes longer than the budget.
    let frames = (0..3).map(|frame| picture(frame, 1600, 1200)).collect();
    write_bag(&place.path("bag"), Storage::Mcap, &[Camera { topic: "/front/image_raw", frames }]);
    let report = place.replay("bag", "out", &["--pace", "fast", "--budget-ms", "0.1"]);
    assert_eq!(report["totals"]["missed"], 3);
    assert!(report["frames"].as_array().expect("frames").iter().all(|f| f["exit"] == 1 && f["stop_cause"] == "stale"));
}

#[test]
fn in_real_time_every_image_is_published_or_counted_as_dropped() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 60);
    let report = place.replay("bag", "out", &["--compute-share", "0.05", "--budget-ms", "8"]);
    let totals = &report["totals"];
    let count = |name: &str| totals[name].as_u64().expect("a count");
    assert_eq!(count("received"), 60);
    assert_eq!(count("published") + count("dropped"), 60);
    assert_eq!(masks(&place.path("out"), "/itnet/mask").len() as u64, count("published"));
    assert_eq!(report["dropped"].as_array().expect("drops").len() as u64, count("dropped"));
}

#[test]
fn several_cameras_share_the_model_and_have_topics_of_their_own() {
    let place = Place::new();
    let cameras = [
        Camera { topic: "/front/image_raw", frames: pictures(4) },
        Camera { topic: "/rear/image_raw", frames: pictures(6) },
    ];
    write_bag(&place.path("bag"), Storage::Mcap, &cameras);
    let report = place.replay("bag", "out", &["--pace", "fast"]);
    assert_eq!(report["totals"]["published"], 10);
    assert_eq!(masks(&place.path("out"), "/itnet/front/mask").len(), 4);
    assert_eq!(masks(&place.path("out"), "/itnet/rear/mask").len(), 6);
    place.replay("bag", "rear", &["--pace", "fast", "--topic", "/rear/image_raw"]);
    assert_eq!(masks(&place.path("rear"), "/itnet/mask").len(), 6);
}

#[test]
fn progressive_publishes_each_exit_with_the_same_stamp() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 2);
    let params = "/**:\n  ros__parameters:\n    publish: progressive\n    budget_ms: 5000\n    colour: red\n";
    std::fs::write(place.path("params.yaml"), params).expect("writes");
    let ran =
        place.run(&["replay", "bag", "--out", "out", "--model", "tiny", "--pace", "fast", "--params", "params.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("colour"), "an unknown parameter is warned of: {}", ran.err);
    let masks = masks(&place.path("out"), "/itnet/mask");
    let stamps: Vec<_> = masks.iter().map(|mask| mask.header.stamp).collect();
    assert_eq!(stamps, [0, 0, 0, 0, 1, 1, 1, 1].map(stamp));
}

#[test]
fn a_converged_mask_stops_the_iterations() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 2);
    let params = "/**:\n  ros__parameters:\n    converged_change: 1.0\n    budget_ms: 5000\n";
    std::fs::write(place.path("params.yaml"), params).expect("writes");
    let report = place.replay("bag", "out", &["--pace", "fast", "--params", "params.yaml"]);
    assert_eq!(report["frames"][0]["stop_cause"], "converged");
    assert_eq!(report["frames"][0]["exit"], 2);
}

#[test]
fn an_output_folder_in_use_is_refused_unless_told_to_overwrite() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 2);
    place.replay("bag", "out", &["--iterations", "1"]);
    let ran = place.run(&["replay", "bag", "--out", "out", "--model", "tiny"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("out"), "{}", ran.err);
    place.replay("bag", "out", &["--iterations", "1", "--overwrite"]);
}

#[test]
fn info_bench_and_eval_speak_json() {
    let place = Place::new();
    let json = |arguments: &[&str]| -> Value {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        serde_json::from_str(&ran.out).expect("valid JSON")
    };
    let info = json(&["info", "tiny", "--json"]);
    assert_eq!(info["manifest"]["name"], "tiny");
    let bench = json(&["bench", "--model", "tiny", "--frames", "5", "--json"]);
    let names: Vec<_> = bench["stages"].as_array().expect("stages").iter().map(|stage| &stage["name"]).collect();
    assert_eq!(names, ["data", "step", "exit", "decode", "render"]);
    assert!(bench["stages"][1]["p90_ms"].is_number() && bench["stages"][1]["gmac"].is_number());

    for folder in ["images", "labels"] {
        std::fs::create_dir(place.path(folder)).expect("creates");
    }
    let size = (40, 30);
    image::RgbImage::from_pixel(size.0, size.1, image::Rgb([255, 0, 0]))
        .save(place.path("images/a.png"))
        .expect("saves");
    image::GrayImage::from_pixel(size.0, size.1, image::Luma([0])).save(place.path("labels/a.png")).expect("saves");
    let eval = json(&["eval", "--images", "images", "--labels", "labels", "--model", "tiny", "--json"]);
    let exits = eval["exits"].as_array().expect("exits");
    assert_eq!(exits.len(), 4);
    assert_eq!(exits[0]["iou"].as_array().expect("classes").len(), 6);
    assert_eq!(exits[0]["iou"][0], 1.0, "red is class 0 at the first exit");
    assert!((exits[0]["miou"].as_f64().expect("a number") - 1.0 / 6.0).abs() < 1e-9, "divided by all classes");
}

#[test]
fn wishes_for_the_networks_threads_are_read_from_the_parameter_file() {
    let place = Place::new();
    one_camera(&place, Storage::Mcap, 2);
    let with = |wishes: &str| {
        let params = format!("/**:\n  ros__parameters:\n    {wishes}\n");
        std::fs::write(place.path("params.yaml"), params).expect("writes");
        let file = ["--params", "params.yaml", "--overwrite"];
        place.run(&[&["replay", "bag", "--out", "out", "--model", "tiny", "--pace", "fast"][..], &file].concat())
    };
    let refused = with("cpu_affinity: [1022, 1023]");
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("cpu_affinity") && refused.err.contains("1022, 1023"), "{}", refused.err);
    assert!(!place.path("out").exists(), "nothing is written before the first frame can be");
    let nicer = with("nice: 19");
    assert_eq!((nicer.code, nicer.err.contains("nice")), (Some(0), false), "{}", nicer.err);
}
