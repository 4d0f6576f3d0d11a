//! The ground goes from under a replay: folder, disk, bundle, time.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use itnet::clock::{Clock, SystemClock};

use super::*;

fn one_camera(place: &Place, frames: Vec<Image<'static>>) {
    write_bag(&place.path("bag"), Storage::Mcap, &[Camera { topic: "/front/image_raw", frames }]);
}

/// Starts a replay in real time, does `harm` once it writes, and gives how it ended.
fn harmed(place: &Place, storage: &str, harm: impl FnOnce()) -> Ran {
    let arguments = ["replay", "bag", "--out", "out", "--model", "tiny", "--pace", "realtime", "--storage", storage];
    let mut command = Command::new(env!("CARGO_BIN_EXE_itnet"));
    command.args(arguments).current_dir(place.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let clock = SystemClock::new();
    while !place.path("out/metadata.yaml").exists() && child.try_wait().expect("is asked").is_none() {
        clock.sleep_until(clock.now() + Duration::from_millis(1));
    }
    harm();
    Ran::of(child.wait_with_output().expect("ends"))
}

#[test]
fn a_folder_that_vanishes_ends_the_replay_and_is_named() {
    for storage in ["mcap", "sqlite3"] {
        let place = Place::new();
        // Twenty seconds, which it must not take.
        one_camera(&place, pictures(2000));
        let folder = place.path("out");
        let ran = harmed(&place, storage, || while std::fs::remove_dir_all(&folder).is_err() {});
        assert_eq!(ran.code, Some(1), "{storage}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains("out") && !ran.err.contains("panicked"), "{storage}: {}", ran.err);
        assert!(!ran.out.contains("2000 frames received"), "{storage}: it went on to the end: {}", ran.out);
    }
}

#[test]
fn a_bundle_that_is_replaced_while_it_runs_changes_nothing_before_the_next_start() {
    let place = Place::new();
    one_camera(&place, pictures(60));
    let model = place.path("tiny");
    let ran = harmed(&place, "mcap", || {
        for file in ["data.onnx", "step.onnx", "exit.onnx", "manifest.json"] {
            std::fs::write(model.join(file), b"something else").expect("writes");
        }
    });
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(place.report("out")["totals"]["failed"], 0);
    let next = place.run(&["replay", "bag", "--out", "next", "--model", "tiny"]);
    assert!(next.code == Some(1) && next.err.contains("manifest.json"), "{}", next.err);
}

/// Runs a script that mounts something on the folder `small`, or exits with 77 where it must not; tells that the test is skipped then.
fn mounting(place: &Place, script: &str) -> Option<Ran> {
    std::fs::create_dir(place.path("small")).expect("creates");
    // A name space of its own: the mount is seen by nobody else, and goes with it.
    let unshared = ["--map-root-user", "--mount", "sh", "-c", script];
    let ran = Command::new("unshare").args(unshared).current_dir(place.folder.path()).output();
    let is_denied = |ran: &Output| ran.status.code() == Some(77) || ran.stderr.starts_with(b"unshare");
    let Some(ran) = ran.ok().filter(|ran| !is_denied(ran)) else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: this system lets nobody mount a small disk");
        return None;
    };
    Some(Ran::of(ran))
}

#[test]
fn a_full_disk_ends_the_replay_and_what_was_written_reads() {
    // Room for some twenty frames: one of the storages compresses them.
    for (storage, size) in [("mcap", "256k"), ("sqlite3", "4m")] {
        let place = Place::new();
        one_camera(&place, (0..200).map(|frame| noise(frame, 320, 240)).collect());
        let script = format!(
            "mount -t tmpfs -o size={size} none small || exit 77; {} replay bag --out small/out --model tiny \
             --iterations 1 --storage {storage}; code=$?; cp -r small/out kept; exit $code",
            env!("CARGO_BIN_EXE_itnet")
        );
        let Some(Ran { code, err, .. }) = mounting(&place, &script) else { return };
        assert_eq!(code, Some(1), "{storage}: {err}");
        assert!(err.contains("space") || err.contains("full"), "{storage}: {err}");
        assert!(!err.contains("panicked"), "{storage}: {err}");
        let bag = Bag::open(&place.path("kept")).expect("opens");
        let read: Vec<_> = bag.messages(|topic| topic.name == "/itnet/mask").collect();
        let faults = read.iter().filter(|message| message.is_err()).count();
        assert!(read.len() - faults >= 5 && faults <= 1, "{storage}: {} messages, {faults} faults", read.len());
        let there = bag.messages(|_| true).flatten().count() as u64;
        assert!(
            bag.message_count().is_some_and(|counted| counted <= there),
            "{storage}: more are counted than {there}"
        );
        let names =
            std::fs::read_dir(place.path("kept")).expect("lists").map(|entry| entry.expect("lists").file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with('.')).collect();
        assert!(left.is_empty(), "{storage}: {left:?}");
    }
}

#[test]
fn a_log_where_nothing_can_be_written_is_read_with_its_database() {
    let place = Place::new();
    let camera = Camera { topic: "/front/image_raw", frames: pictures(6) };
    write_bag(&place.path("bag"), Storage::Sqlite3, &[camera]);
    let database = std::fs::read_dir(place.path("bag")).expect("lists").filter_map(|file| Some(file.ok()?.path()));
    let database =
        database.into_iter().find(|path| path.extension().is_some_and(|end| end == "db3")).expect("a database");
    let writer = rusqlite::Connection::open(&database).expect("opens");
    writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").expect("keeps a log");
    let last =
        "INSERT INTO messages SELECT id + 100, topic_id, timestamp + 50000000, data FROM messages WHERE topic_id = 1";
    writer.execute_batch(last).expect("adds rows");
    let script = format!(
        "mount -t tmpfs none small && cp bag/*.db3 small/x.db3 && cp bag/*.db3-wal small/x.db3-wal && mount -o remount,ro small || exit 77
         {} replay small/x.db3 --out out --model tiny --iterations 1",
        env!("CARGO_BIN_EXE_itnet")
    );
    let Some(Ran { code, err, .. }) = mounting(&place, &script) else { return };
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(place.report("out")["totals"]["published"], 12);
}

/// Pixels that nothing can compress.
fn noise(seed: usize, width: u32, height: u32) -> Image<'static> {
    let mut state = seed as u32 + 1;
    let mut pixel = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    let data: Vec<u8> = (0..3 * (width * height) as usize).map(&mut pixel).collect();
    Image { data: data.into(), ..picture(seed, width, height) }
}

/// A bag whose messages were received at these seconds.
fn received_at(place: &Place, seconds: &[i64]) {
    let mut writer = BagWriter::create(&place.path("bag"), Storage::Mcap, Existing::Refuse).expect("creates");
    let images = writer.add_topic("/front/image_raw", Image::TYPE, Qos::reliable(1)).expect("adds");
    for (frame, second) in seconds.iter().enumerate() {
        let data = message::to_vec(&picture(frame, 40, 30)).expect("encodes");
        writer.write(images, second * 1_000_000_000 + frame as i64 * 20_000_000, &data).expect("writes");
    }
    writer.finish().expect("finishes");
}

#[test]
fn a_clock_that_jumped_while_the_bag_was_recorded_is_told_and_not_waited_for() {
    let place = Place::new();
    let year_2020 = 1_600_000_000;
    // Before the robot knew the time, after it did, and a leap into the year 2200.
    let seconds: Vec<i64> = [0, year_2020, 7_258_118_400].iter().flat_map(|second| [*second; 5]).collect();
    received_at(&place, &seconds);
    let ran = place.run(&["replay", "bag", "--out", "out", "--model", "tiny", "--pace", "realtime"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(place.report("out")["totals"]["received"], 15);
    assert_eq!(ran.err.matches("WARN").count(), 2, "each jump is told: {}", ran.err);
}

#[test]
fn stamps_of_any_time_are_copied_and_never_waited_for() {
    let place = Place::new();
    let absurd = [i32::MIN, -1, 0, i32::MAX].map(|sec| Stamp { sec, nanosec: u32::MAX });
    let mut frames = pictures(4);
    for (frame, stamp) in frames.iter_mut().zip(absurd) {
        frame.header.stamp = stamp;
    }
    let mut writer = BagWriter::create(&place.path("bag"), Storage::Sqlite3, Existing::Refuse).expect("creates");
    let images = writer.add_topic("/front/image_raw", Image::TYPE, Qos::reliable(1)).expect("adds");
    for (at, frame) in (0..).zip(&frames) {
        writer.write(images, at * 50_000_000, &message::to_vec(frame).expect("encodes")).expect("writes");
    }
    writer.finish().expect("finishes");
    place.replay("bag", "out", &["--pace", "realtime", "--budget-ms", "5000"]);
    let stamps: Vec<_> = masks(&place.path("out"), "/itnet/mask").iter().map(|mask| mask.header.stamp).collect();
    assert_eq!(stamps, absurd);
}

#[test]
fn a_camera_that_floods_costs_dropped_frames_and_nothing_else() {
    let place = Place::new();
    // A frame every tenth of a millisecond: no machine keeps up with it.
    let frames = (0..500u32).map(|n| {
        let mut frame = picture(n as usize, 160, 120);
        frame.header.stamp = Stamp { sec: 7, nanosec: n * 100_000 };
        frame
    });
    one_camera(&place, frames.collect());
    let report = place.replay("bag", "out", &["--pace", "realtime", "--budget-ms", "20"]);
    let count = |name: &str| report["totals"][name].as_u64().expect("a count");
    assert_eq!(count("published") + count("dropped"), 500);
    assert!(count("published") > 0 && count("dropped") > 0, "{}", report["totals"]);
    let masks = masks(&place.path("out"), "/itnet/mask");
    assert_eq!(masks.len() as u64, count("published"));
    let newest = masks.iter().map(|mask| mask.header.stamp.nanosec).max();
    assert_eq!(newest, Some(499 * 100_000), "the newest frame is never the dropped one");
}

#[test]
fn thirty_two_cameras_share_one_model_and_each_has_its_masks() {
    let place = Place::new();
    let topics: Vec<String> = (0..32).map(|camera| format!("/camera{camera}/image_raw")).collect();
    let camera = |topic| Camera { topic, frames: pictures(3) };
    let cameras: Vec<_> = topics.iter().map(|topic| camera(topic.as_str())).collect();
    write_bag(&place.path("bag"), Storage::Sqlite3, &cameras);
    let report = place.replay("bag", "out", &["--pace", "fast"]);
    assert_eq!(report["totals"]["published"], 96);
    for camera in 0..32 {
        assert_eq!(masks(&place.path("out"), &format!("/itnet/camera{camera}/mask")).len(), 3);
    }
}
