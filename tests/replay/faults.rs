//! What is wrong is named, and what is right is processed.

use super::*;

fn bag_of(place: &Place, frames: Vec<Image<'static>>) {
    write_bag(&place.path("bag"), Storage::Mcap, &[Camera { topic: "/front/image_raw", frames }]);
}

fn fails(place: &Place, arguments: &[&str], words: &[&str]) {
    let ran = place.run(arguments);
    assert_eq!(ran.code, Some(1), "{arguments:?}: {}{}", ran.out, ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{arguments:?}: {word} is not named in: {}", ran.err);
    }
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn a_bad_frame_costs_that_frame_and_is_warned_of_once() {
    let place = Place::new();
    let mut frames = pictures(6);
    frames[1].encoding = "32FC1".into();
    frames[2].data.to_mut().truncate(100);
    frames[3].data.to_mut().truncate(100);
    frames[4].width = 0;
    bag_of(&place, frames);
    let ran = place.run(&["replay", "bag", "--out", "out", "--model", "tiny", "--pace", "fast"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for word in ["32FC1", "/front/image_raw", "40x30", "3600", "0x30"] {
        assert!(ran.err.contains(word), "{word} is not named in: {}", ran.err);
    }
    assert_eq!(ran.err.matches("3600").count(), 1, "said once: {}", ran.err);
    let totals = &place.report("out")["totals"];
    assert_eq!((&totals["published"], &totals["failed"]), (&2.into(), &4.into()));
}

#[test]
fn what_nobody_reads_ends_nothing() {
    let place = Place::new();
    let mut frames = pictures(6);
    frames[1].encoding = "32FC1".into();
    bag_of(&place, frames);
    let unread = || std::io::pipe().expect("a pipe").1;
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_itnet"));
        let command = command.args(arguments).current_dir(place.path(".")).stdout(unread()).stderr(unread());
        command.status().expect("starts").code()
    };
    assert_eq!(run(&["replay", "bag", "--out", "out", "--model", "tiny", "--pace", "fast"]), Some(0));
    assert_eq!(place.report("out")["totals"]["published"], 5);
    assert_eq!(run(&["replay", "nowhere", "--out", "other", "--model", "tiny"]), Some(1));
}

#[test]
fn absurd_sizes_and_lengths_are_refused_without_allocating_them() {
    let place = Place::new();
    let mut frames = pictures(2);
    (frames[0].width, frames[0].height, frames[0].step) = (u32::MAX, u32::MAX, u32::MAX);
    (frames[1].height, frames[1].step) = (u32::MAX, u32::MAX);
    bag_of(&place, frames);
    let arguments = ["replay", "bag", "--out", "out", "--model", "tiny", "--pace", "fast"];
    fails(&place, &arguments, &["4294967295", "none of the 2 frames"]);
}

#[test]
fn a_truncated_bag_is_processed_up_to_the_fault() {
    let place = Place::new();
    bag_of(&place, pictures(400));
    let file = place.path("bag/bag_0.mcap");
    let bytes = std::fs::read(&file).expect("reads");
    std::fs::write(&file, &bytes[..bytes.len() / 2]).expect("writes");
    let arguments = ["replay", "bag", "--out", "out", "--model", "tiny", "--iterations", "1"];
    fails(&place, &arguments, &["bag_0.mcap"]);
    let published = place.report("out")["totals"]["published"].as_u64().expect("a count");
    assert!(published > 50 && published < 400, "{published}");
    assert_eq!(masks(&place.path("out"), "/itnet/mask").len() as u64, published);
}

#[test]
fn wrong_arguments_are_named() {
    let place = Place::new();
    bag_of(&place, pictures(1));
    let replay = |more: &[&'static str]| [&["replay", "bag", "--out", "out"], more].concat();
    fails(&place, &["replay", "nowhere", "--out", "out", "--model", "tiny"], &["nowhere"]);
    fails(&place, &replay(&["--model", "nowhere"]), &["nowhere", "manifest.json"]);
    fails(&place, &replay(&["--model", "tiny", "--topic", "/left"]), &["/left", "/front/image_raw"]);
    fails(&place, &replay(&["--model", "tiny", "--budget-ms", "-1"]), &["budget_ms", "0.1"]);
    fails(&place, &replay(&["--model", "tiny", "--params", "nowhere.yaml"]), &["nowhere.yaml"]);
    assert_eq!(place.run(&["replay", "bag", "--out", "out", "--pace", "slow"]).code, Some(2));
    assert!(!place.path("out").exists(), "nothing is written before the first frame can be");
}

#[test]
fn a_broken_bundle_is_named_before_the_first_frame() {
    let place = Place::new();
    bag_of(&place, pictures(1));
    let step = place.path("tiny/step.onnx");
    let bytes = std::fs::read(&step).expect("reads");
    std::fs::write(&step, &bytes[..bytes.len() / 2]).expect("writes");
    fails(&place, &["replay", "bag", "--out", "out", "--model", "tiny"], &["step.onnx", "sha256"]);
    fails(&place, &["info", "tiny"], &["step.onnx"]);
}

#[test]
fn eval_names_the_file_that_is_wrong() {
    let place = Place::new();
    for folder in ["images", "labels"] {
        std::fs::create_dir(place.path(folder)).expect("creates");
    }
    let eval = ["eval", "--images", "images", "--labels", "labels", "--model", "tiny"];
    fails(&place, &eval, &["images"]);
    image::RgbImage::new(8, 8).save(place.path("images/a.png")).expect("saves");
    fails(&place, &eval, &["a.png"]);
    image::GrayImage::new(9, 8).save(place.path("labels/a.png")).expect("saves");
    fails(&place, &eval, &["a.png", "8x8", "9x8"]);
    image::GrayImage::from_pixel(8, 8, image::Luma([255])).save(place.path("labels/a.png")).expect("saves");
    fails(&place, &eval, &["labels", "no pixel"]);
    let mut four_bits = std::fs::read(place.path("labels/a.png")).expect("reads");
    four_bits[24] = 4;
    std::fs::write(place.path("labels/a.png"), four_bits).expect("writes");
    fails(&place, &eval, &["a.png", "8 bits", "4"]);
    std::fs::write(place.path("images/a.png"), b"no picture").expect("writes");
    fails(&place, &eval, &["a.png"]);
}

#[test]
fn a_bag_is_never_written_over_itself() {
    let place = Place::new();
    bag_of(&place, pictures(3));
    for bag in ["bag", "bag/bag_0.mcap", "./bag/../bag"] {
        fails(&place, &["replay", bag, "--out", "bag", "--model", "tiny", "--overwrite"], &["--out"]);
    }
    std::fs::create_dir(place.path("linked")).expect("creates");
    std::os::unix::fs::symlink(place.path("bag/bag_0.mcap"), place.path("linked/linked_0.mcap")).expect("links");
    fails(&place, &["replay", "linked", "--out", "bag", "--model", "tiny", "--overwrite"], &["--out"]);
    place.replay("bag", "out", &["--iterations", "1"]);
}

#[test]
fn a_parameter_file_for_another_node_is_warned_of() {
    let place = Place::new();
    bag_of(&place, pictures(1));
    let text = "/robot/itnet:\n  ros__parameters:\n    budget_ms: 5.0\n";
    std::fs::write(place.path("robot.yaml"), text).expect("writes");
    let ran = place.run(&["replay", "bag", "--out", "out", "--model", "tiny", "--params", "robot.yaml"]);
    assert!(ran.code == Some(0) && ran.err.contains("/robot/itnet"), "{}", ran.err);
}

#[test]
fn another_recording_in_the_output_folder_survives_overwriting() {
    let place = Place::new();
    bag_of(&place, pictures(3));
    place.replay("bag", "out", &["--iterations", "1"]);
    std::fs::write(place.path("out/other_0.mcap"), b"somebody's").expect("writes");
    place.replay("bag", "out", &["--iterations", "1", "--overwrite"]);
    assert!(place.path("out/other_0.mcap").exists());
}
