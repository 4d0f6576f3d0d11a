//! A replay that is killed at any moment leaves a bag that reads up to what was flushed last.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use itnet::clock::{Clock, SystemClock};

use super::*;

/// Large enough for many flushes: a mask and its confidence are 38 KiB together, and a mebibyte is flushed.
fn recording(place: &Place) {
    let frames = (0..600).map(|frame| picture(frame, 160, 120)).collect();
    write_bag(&place.path("bag"), Storage::Mcap, &[Camera { topic: "/front/image_raw", frames }]);
}

/// A fixed depth gives the same masks each time, as fast as it goes.
fn start(place: &Place, out: &str, storage: &str) -> Child {
    let arguments = ["replay", "bag", "--out", out, "--model", "tiny", "--iterations", "1", "--storage", storage];
    let mut command = Command::new(env!("CARGO_BIN_EXE_itnet"));
    command.args(arguments).current_dir(place.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("starts")
}

/// All messages of every topic, and what was wrong.
fn read(bag: &Path) -> (BTreeMap<String, Vec<Message>>, Vec<String>) {
    let bag = Bag::open(bag).expect("a killed bag opens");
    let (mut topics, mut faults) = (BTreeMap::<String, Vec<Message>>::new(), Vec::new());
    for message in bag.messages(|_| true) {
        match message {
            Ok(message) => topics.entry(bag.topics()[message.topic].name.clone()).or_default().push(message),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    (topics, faults)
}

/// The messages that metadata.yaml counts: it is replaced at each flush.
fn flushed(bag: &Path) -> usize {
    let text = std::fs::read_to_string(bag.join("metadata.yaml")).expect("metadata");
    let count = text.lines().find_map(|line| line.trim().strip_prefix("message_count: "));
    count.expect("a count").parse().expect("a number")
}

/// Pseudo-random numbers from 0 to 1 by Knuth's constants, the same in each run.
fn moments() -> impl FnMut() -> f64 {
    let mut state = 1u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Kills `times` replays at random moments between their first byte and their end.
fn killed(times: usize, storage: &str) {
    let place = Place::new();
    recording(&place);
    let clock = SystemClock::new();
    assert!(start(&place, "whole", storage).wait().expect("ends").success());
    let whole_time = clock.now().since_start();
    let (whole, faults) = read(&place.path("whole"));
    assert_eq!((whole["/itnet/mask"].len(), faults), (600, vec![]));
    let mut moment = moments();
    let (mut partial, mut lost) = (0, 0);
    for turn in 0..times {
        let out = format!("out{turn}");
        let mut child = start(&place, &out, storage);
        while !place.path(&out).join("metadata.yaml").exists() {
            assert_eq!(child.try_wait().expect("is asked"), None, "it ended before it wrote");
            clock.sleep_until(clock.now() + Duration::from_millis(1));
        }
        clock.sleep_until(clock.now() + whole_time.mul_f64(moment()));
        child.kill().expect("is killed");
        child.wait().expect("is gone");
        let bag = place.path(&out);
        let counted = flushed(&bag);
        let (topics, faults) = read(&bag);
        let found: usize = topics.values().map(Vec::len).sum();
        assert!(found >= counted, "{storage} {turn}: {found} messages of {counted} flushed ones");
        assert!(faults.len() <= 1, "{storage} {turn}: {faults:?}");
        for (topic, messages) in &topics {
            for (one, other) in messages.iter().zip(&whole[topic]) {
                assert!(one.data == other.data && one.received == other.received, "{storage} {turn}: {topic}");
            }
        }
        partial += usize::from((1..1800).contains(&found));
        lost += faults.len();
        std::fs::remove_dir_all(&bag).expect("removes");
    }
    println!("{storage}: {times} killed, {partial} of them in the middle; {lost} bags with a cut end");
    assert!(partial * 4 >= times, "only {partial} of {times} were killed while they wrote");
}

#[test]
fn a_killed_replay_leaves_a_bag_that_reads_up_to_the_last_flush() {
    killed(6, "mcap");
    killed(6, "sqlite3");
}

#[test]
#[ignore = "minutes long: cargo test --release --test replay -- --ignored --nocapture killed"]
fn a_hundred_killed_replays_leave_bags_that_read_up_to_the_last_flush() {
    killed(100, "mcap");
    killed(100, "sqlite3");
}
