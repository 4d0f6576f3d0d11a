use super::*;
use crate::model::Precision;
use crate::warm::{ColdCause, Start};

const MS: Duration = Duration::from_millis(1);
static PLACEMENT: Placement = Placement { cpus: String::new(), nice: -5, fifo_priority: 0 };

fn window(frames: u32, missed: u32) -> Window {
    let mut window = Window::default();
    for n in 1..=frames {
        let missed = n <= missed;
        let elapsed = if missed { 50 * MS } else { n * MS };
        window.frame(FrameFigures { elapsed, exit: 4, age: Some(40 * MS), missed, start: Start::Cold(ColdCause::Gap) });
    }
    window
}

fn camera<'a>(name: &'a str, window: &'a Window) -> CameraHealth<'a> {
    let totals = Totals { received: 100, published: 90, dropped: 7, missed: 2, warm: 80, failed: 3 };
    CameraHealth {
        name,
        topic: "/image",
        budget: 33 * MS,
        window,
        totals,
        last: Some(20 * MS),
        silent: None,
        uncalibrated: None,
    }
}

static CHOSEN: Chosen = Chosen { precision: Precision::Int8, replaced: false, reason: String::new(), emulated: false };

fn health<'a>(cameras: Vec<CameraHealth<'a>>) -> Health<'a> {
    let network = NetworkHealth {
        model: "itnet-s",
        chosen: &CHOSEN,
        useful_iterations: 8,
        slowdown: 1.25,
        threads: 2,
        placement: &PLACEMENT,
        refused: &[],
        compute_share: 0.5,
        warm_from_step: Some(3),
        kept_bytes: 1234,
    };
    let span = Duration::from_secs(1);
    Health {
        node: "/itnet",
        state: State::Active,
        failure: None,
        hardware_id: "robot".to_owned(),
        span,
        missed_share_warn: 0.05,
        dropped_share_warn: 0.5,
        cameras,
        network: Some(network),
    }
}

fn told(health: &Health<'_>) -> DiagnosticArray {
    diagnostics(Stamp { sec: 5, nanosec: 6 }, health)
}

#[track_caller]
fn value<'a>(status: &'a DiagnosticStatus, key: &str) -> &'a str {
    let entry = status.values.iter().find(|value| value.key == key);
    entry.map_or_else(|| panic!("no {key} in {:?}", status.values), |entry| entry.value.as_str())
}

#[test]
fn there_is_a_status_for_the_deadline_each_camera_and_the_network() {
    let window = window(30, 0);
    let array = told(&health(vec![camera("front", &window), camera("rear", &window)]));
    let names: Vec<_> = array.status.iter().map(|status| status.name.as_str()).collect();
    assert_eq!(
        names,
        ["itnet: lifecycle", "itnet: deadline", "itnet: camera front", "itnet: camera rear", "itnet: network"]
    );
    assert!(array.status.iter().all(|status| status.level == 0 && status.hardware_id == "robot"));
    assert_eq!(array.header.stamp, Stamp { sec: 5, nanosec: 6 });
}

#[test]
fn the_hardware_is_never_empty() {
    let window = Window::default();
    let array = told(&Health { hardware_id: String::new(), ..health(vec![camera("front", &window)]) });
    assert!(array.status.iter().all(|status| status.hardware_id == "itnet"));
}

#[test]
fn missed_frames_are_a_warning_from_their_share_on_and_an_error_when_there_are_no_others() {
    for (frames, missed, level, message) in [
        (0, 0, Level::Ok, "no frame in this window"),
        (30, 0, Level::Ok, "30 of 30 frames in time"),
        (30, 1, Level::Ok, "29 of 30 frames in time"),
        (30, 2, Level::Warn, "2 of 30 frames missed their deadline"),
        (30, 30, Level::Error, "all 30 frames missed their deadline"),
    ] {
        let window = window(frames, missed);
        let status = told(&health(vec![camera("front", &window)])).status.remove(1);
        assert_eq!((status.level, status.message.as_str()), (level as u8, message));
    }
}

#[test]
fn no_missed_frame_is_no_warning_however_low_the_threshold() {
    let window = window(30, 0);
    let array = told(&Health { missed_share_warn: 0.0, ..health(vec![camera("front", &window)]) });
    assert_eq!(array.status[1].level, Level::Ok as u8);
}

#[test]
fn the_deadline_has_its_figures_over_all_cameras() {
    let (front, rear) = (window(30, 3), window(10, 1));
    let mut cameras = vec![camera("front", &front), camera("rear", &rear)];
    cameras[1].budget = Duration::from_micros(12_500);
    let status = told(&health(cameras)).status.remove(1);
    for (key, expected) in [
        ("window_s", "1"),
        ("published_frames", "40"),
        ("missed_frames", "4"),
        ("missed_share", "0.1"),
        ("budget_ms", "12.5"),
        ("elapsed_p50_ms", "14"),
        ("elapsed_p99_ms", "50"),
    ] {
        assert_eq!(value(&status, key), expected, "{key}");
    }
}

#[test]
fn a_camera_tells_its_counts_and_its_rate() {
    let mut window = window(28, 0);
    window.dropped();
    window.dropped();
    let status = told(&health(vec![camera("front", &window)])).status.remove(2);
    assert_eq!((status.level, status.message.as_str()), (0, "30 frames a second"));
    for (key, expected) in [
        ("topic", "/image"),
        ("rate_hz", "30"),
        ("received_frames", "100"),
        ("published_frames", "90"),
        ("missed_frames", "2"),
        ("dropped_frames", "7"),
        ("failed_frames", "3"),
        ("warm_frames", "80"),
        ("last_cold_cause", "gap"),
        ("since_last_frame_s", "0.02"),
        ("last_frame_age_ms", "40"),
    ] {
        assert_eq!(value(&status, key), expected, "{key}");
    }
}

#[test]
fn a_camera_that_never_came_is_a_warning_and_one_that_stopped_is_stale_with_the_reason() {
    let window = Window::default();
    let reason = "no frame on /image: there is no publisher";
    let silent = |last| CameraHealth { silent: Some(reason), last, ..camera("front", &window) };
    let status = told(&health(vec![silent(None)])).status.remove(2);
    assert_eq!((status.level, status.message.as_str()), (Level::Warn as u8, reason));
    let status = told(&health(vec![silent(Some(3200 * MS))])).status.remove(2);
    assert_eq!(status.level, Level::Stale as u8);
    assert_eq!(status.message, format!("{reason}; the last one came 3.2 s ago"));
    let patient = CameraHealth { last: None, ..camera("front", &window) };
    let status = told(&health(vec![patient])).status.remove(2);
    assert_eq!((status.level, status.message.as_str()), (0, "waiting for the first frame on /image"));
}

#[test]
fn a_calibration_that_does_not_come_is_told_with_the_reason_and_is_no_warning() {
    let window = window(3, 0);
    let reason = "no calibration on /camera_info: there is no publisher";
    let status = told(&health(vec![CameraHealth { uncalibrated: Some(reason), ..camera("front", &window) }]));
    assert_eq!((status.status[2].level, value(&status.status[2], "calibration")), (Level::Ok as u8, reason));
    let status = told(&health(vec![camera("front", &window)]));
    assert!(status.status[2].values.iter().all(|value| value.key != "calibration"));
}

#[test]
fn messages_that_are_no_frames_are_a_warning() {
    let mut window = window(2, 0);
    window.failed();
    let status = told(&health(vec![camera("front", &window)])).status.remove(2);
    assert_eq!((status.level, status.message.as_str()), (1, "1 of 3 messages were no frame"));
}

#[test]
fn the_network_tells_what_it_reaches() {
    let window = window(3, 0);
    let status = told(&health(vec![camera("front", &window)])).status.remove(3);
    assert_eq!(status.message, "itnet-s, exit 4 on average");
    for (key, expected) in [
        ("model", "itnet-s"),
        ("precision", "int8"),
        ("useful_iterations", "8"),
        ("exit_mean", "4"),
        ("slowdown_ratio", "1.25"),
        ("warm_from_step", "3"),
        ("kept_state_bytes", "1234"),
        ("threads", "2"),
        ("compute_share", "0.5"),
    ] {
        assert_eq!(value(&status, key), expected, "{key}");
    }
}

#[test]
fn a_precision_that_the_processor_lacks_is_a_warning_with_its_reason() {
    let window = window(3, 0);
    let mut health = health(vec![camera("front", &window)]);
    let reason = "int8 was asked for, but this processor has no instructions for int8".to_owned();
    let chosen = Chosen { precision: Precision::F32, replaced: true, reason, emulated: false };
    health.network = health.network.map(|network| NetworkHealth { chosen: &chosen, ..network });
    let status = told(&health).status.remove(3);
    assert_eq!(status.level, Level::Warn as u8);
    assert!(status.message.ends_with(&chosen.reason), "{}", status.message);
    assert_eq!(value(&status, "precision"), "f32");
}

#[test]
fn nothing_is_ever_written_as_nan() {
    let window = Window::default();
    let mut health = health(vec![camera("front", &window)]);
    health.span = Duration::ZERO;
    health.network = health.network.map(|network| NetworkHealth { slowdown: f64::NAN, ..network });
    let text = format!("{:?}", told(&health));
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    assert!(text.contains("unknown"));
}

#[test]
fn dropped_frames_are_a_warning_from_their_share_on() {
    for (dropped, level) in [(0, Level::Ok), (9, Level::Ok), (10, Level::Warn)] {
        let mut window = window(10, 0);
        (0..dropped).for_each(|_| window.dropped());
        let array = told(&health(vec![camera("front", &window)]));
        assert_eq!(array.status[2].level, level as u8, "{dropped}");
    }
}

#[test]
fn what_failed_is_an_error_and_a_camera_of_an_inactive_node_is_not_waited_for() {
    let window = window(0, 0);
    let failed = Health { state: State::Unconfigured, failure: Some("no such model"), ..health(vec![]) };
    let status = told(&failed).status.swap_remove(0);
    assert_eq!((status.level, status.message.as_str()), (Level::Error as u8, "unconfigured: no such model"));
    let idle = Health { node: "/robot/eye", state: State::Inactive, ..health(vec![camera("front", &window)]) };
    let status = told(&idle).status.swap_remove(2);
    assert_eq!(status.name, "robot/eye: camera front");
    assert!(status.message.contains("inactive"), "{}", status.message);
}

#[test]
fn what_the_system_refused_is_a_warning_for_as_long_as_it_is_so() {
    let window = window(30, 0);
    let refused = [Refusal {
        parameter: "fifo_priority",
        wanted: "SCHED_FIFO with priority 9".to_owned(),
        reason: "it takes CAP_SYS_NICE".to_owned(),
    }];
    let mut health = health(vec![camera("front", &window)]);
    health.network = health.network.map(|network| NetworkHealth { refused: &refused, ..network });
    let array = told(&health);
    let network = array.status.last().expect("the network");
    assert_eq!((network.level, value(network, "nice")), (1, "-5"));
    assert!(network.message.contains("`fifo_priority`") && network.message.contains("CAP_SYS_NICE"), "{network:?}");
}
