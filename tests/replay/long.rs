//! Very many frames.

use std::process::Stdio;
use std::time::Duration;

use itnet::clock::{Clock, SystemClock};

use super::*;

const FRAMES: usize = 200_000;

/// Resident memory in KiB, and open handles.
fn usage(process: u32) -> Option<(u64, usize)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let resident =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()?;
    Some((resident, std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count()))
}

fn recording(place: &Place) {
    let mut writer = BagWriter::create(&place.path("bag"), Storage::Mcap, Existing::Refuse).expect("creates");
    let images = writer.add_topic("/front/image_raw", Image::TYPE, Qos::reliable(1)).expect("adds");
    for frame in 0..FRAMES as i64 {
        let mut image = picture(frame as usize % 64, 16, 12);
        let at = 1_600_000_000_000_000_000 + frame * 1_000_000;
        image.header.stamp = Stamp { sec: (at / 1_000_000_000) as i32, nanosec: (at % 1_000_000_000) as u32 };
        writer.write(images, at, &message::to_vec(&image).expect("encodes")).expect("writes");
    }
    writer.finish().expect("finishes");
}

#[test]
#[ignore = "minutes long: cargo test --release --test replay -- --ignored --nocapture thousand"]
fn two_hundred_thousand_frames_leave_memory_and_handles_flat() {
    let place = Place::new();
    recording(&place);
    let arguments = ["replay", "bag", "--out", "out", "--model", "tiny", "--iterations", "1"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_itnet"));
    command.args(arguments).current_dir(place.folder.path()).stdout(Stdio::null());
    let mut child = command.spawn().expect("starts");
    let clock = SystemClock::new();
    let mut seen = Vec::new();
    while child.try_wait().expect("is asked").is_none() {
        seen.extend(usage(child.id()));
        clock.sleep_until(clock.now() + Duration::from_millis(500));
    }
    assert!(child.wait().expect("ends").success());
    let totals = &place.report("out")["totals"];
    assert_eq!((&totals["published"], &totals["failed"]), (&FRAMES.into(), &0.into()));
    for (memory, handles) in seen.iter().step_by(seen.len().div_ceil(12)) {
        println!("{:8.1} MiB, {handles} handles", *memory as f64 / 1024.0);
    }
    let settled = seen[seen.len() / 5];
    let most = seen.iter().map(|(memory, _)| memory).max().expect("some");
    let grown = (most - settled.0) * 1024 / FRAMES as u64;
    println!("from a fifth on, at most {grown} bytes a frame more: the report keeps every frame");
    assert!(grown < 400, "{grown} bytes a frame");
    assert!(seen.iter().all(|(_, handles)| *handles <= settled.1 + 2), "{seen:?}");
}
