//! How the node is, as diagnostic_msgs has it.
//!
//! Figures come in, statuses go out: `lifecycle`, `deadline`, `camera <name>` for each camera and `network`, each after the node's name.
//! Units are in the keys. Knows nothing of where the figures come from, of clocks or topics.

use std::time::Duration;

use super::lifecycle::State;
use super::window::{FrameFigures, Window};
use crate::frame::{Header, Stamp};
use crate::message::{DiagnosticArray, DiagnosticStatus, KeyValue, Level};
use crate::model::Chosen;
use crate::report::{Quantiles, Totals, millis};
use crate::scheduling::{Placement, Refusal};

/// Everything there is to say.
#[derive(Clone, Debug)]
pub struct Health<'a> {
    /// The node's full name, such as `/itnet`: several nodes are told apart by it.
    pub node: &'a str,
    /// Its lifecycle's state.
    pub state: State,
    /// Why the last transition failed, or what broke since.
    pub failure: Option<&'a str>,
    /// What the node runs on, such as the machine's name.
    pub hardware_id: String,
    /// How long the windows of the cameras are.
    pub span: Duration,
    /// Share of missed frames in the window, 0 to 1, from which on it is worth a warning.
    pub missed_share_warn: f64,
    /// Share of dropped frames in the window, 0 to 1, from which on it is worth a warning.
    pub dropped_share_warn: f64,
    /// Each camera.
    pub cameras: Vec<CameraHealth<'a>>,
    /// The network; `None` before it is loaded.
    pub network: Option<NetworkHealth<'a>>,
}

/// One camera.
#[derive(Clone, Debug)]
pub struct CameraHealth<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its image topic.
    pub topic: &'a str,
    /// Time allowed for each of its frames.
    pub budget: Duration,
    /// The window that has just ended.
    pub window: &'a Window,
    /// Counts since the node started.
    pub totals: Totals,
    /// Time since its last message arrived; `None` where none ever did.
    pub last: Option<Duration>,
    /// Why no message comes, where none has come for too long.
    pub silent: Option<&'a str>,
    /// Why no calibration comes, where somebody wants one.
    pub uncalibrated: Option<&'a str>,
}

/// The network.
#[derive(Clone, Copy, Debug)]
pub struct NetworkHealth<'a> {
    /// Name of the bundle.
    pub model: &'a str,
    /// What it multiplies, and why.
    pub chosen: &'a Chosen,
    /// Iterations up to which another one makes the masks better.
    pub useful_iterations: usize,
    /// How much slower it runs than when it was measured at start.
    pub slowdown: f64,
    /// Its threads.
    pub threads: usize,
    /// How they are scheduled.
    pub placement: &'a Placement,
    /// What the system refused them.
    pub refused: &'a [Refusal],
    /// Share of the time that it may compute.
    pub compute_share: f64,
    /// The step that warm frames begin with; `None` where the model does not offer a warm start.
    pub warm_from_step: Option<usize>,
    /// Bytes of the states that are kept for the next frames of all cameras.
    pub kept_bytes: usize,
}

/// The message on `health` at `stamp`.
pub fn diagnostics(stamp: Stamp, health: &Health<'_>) -> DiagnosticArray {
    let cameras = health.cameras.iter().map(|camera| camera_status(camera, health));
    let network = health.network.iter().map(|network| network_status(network, &frames(health)));
    let first = [lifecycle_status(health), deadline_status(health)];
    let mut status: Vec<_> = first.into_iter().chain(cameras).chain(network).collect();
    // A status without hardware is refused by what collects them.
    let hardware = if health.hardware_id.is_empty() { "itnet" } else { &health.hardware_id };
    for status in &mut status {
        status.hardware_id = hardware.to_owned();
        status.name = format!("{}: {}", health.node.trim_start_matches('/'), status.name);
    }
    DiagnosticArray { header: Header { stamp, frame_id: String::new() }, status }
}

fn frames(health: &Health<'_>) -> Vec<FrameFigures> {
    health.cameras.iter().flat_map(|camera| camera.window.frames()).copied().collect()
}

fn lifecycle_status(health: &Health<'_>) -> DiagnosticStatus {
    let (level, message) = match health.failure {
        Some(reason) => (Level::Error, format!("{}: {reason}", health.state)),
        None => (Level::Ok, health.state.to_string()),
    };
    status(level, "lifecycle".to_owned(), message, vec![entry("state", health.state)])
}

fn deadline_status(health: &Health<'_>) -> DiagnosticStatus {
    let count = |of: fn(Totals) -> u64| health.cameras.iter().map(|camera| of(camera.window.totals())).sum::<u64>();
    let (published, missed) = (count(|totals| totals.published), count(|totals| totals.missed));
    let share = if published == 0 { 0.0 } else { missed as f64 / published as f64 };
    let (level, message) = if published == 0 {
        (Level::Ok, "no frame in this window".to_owned())
    } else if missed == published {
        (Level::Error, format!("all {published} frames missed their deadline"))
    } else if missed > 0 && share >= health.missed_share_warn {
        (Level::Warn, format!("{missed} of {published} frames missed their deadline"))
    } else {
        (Level::Ok, format!("{} of {published} frames in time", published - missed))
    };
    let elapsed = Quantiles::of(&frames(health).iter().map(|frame| frame.elapsed).collect::<Vec<_>>());
    let mut values = vec![
        entry("window_s", number(health.span.as_secs_f64())),
        entry("published_frames", published),
        entry("missed_frames", missed),
        entry("missed_share", number(share)),
        entry("missed_share_warn", number(health.missed_share_warn)),
    ];
    // The tightest one, where cameras differ; each camera's own is with the camera.
    if let Some(budget) = health.cameras.iter().map(|camera| camera.budget).min() {
        values.push(entry("budget_ms", number(millis(budget))));
    }
    if elapsed.count > 0 {
        values.push(entry("elapsed_p50_ms", number(elapsed.p50_ms)));
        values.push(entry("elapsed_p99_ms", number(elapsed.p99_ms)));
    }
    status(level, "deadline".to_owned(), message, values)
}

fn camera_status(camera: &CameraHealth<'_>, health: &Health<'_>) -> DiagnosticStatus {
    let span = health.span;
    let CameraHealth { window, totals, .. } = camera;
    let lately = window.totals();
    let per_second = if span.is_zero() { 0.0 } else { lately.received as f64 / span.as_secs_f64() };
    let dropped = lately.dropped as f64 / lately.received.max(1) as f64;
    let (level, message) = match (camera.silent, camera.last) {
        _ if health.state != State::Active => (Level::Ok, format!("not subscribed to: the node is {}", health.state)),
        (Some(reason), None) => (Level::Warn, reason.to_owned()),
        (Some(reason), Some(last)) => {
            (Level::Stale, format!("{reason}; the last one came {} s ago", number(last.as_secs_f64())))
        }
        (None, None) => (Level::Ok, format!("waiting for the first frame on {}", camera.topic)),
        (None, Some(_)) if lately.failed > 0 => {
            (Level::Warn, format!("{} of {} messages were no frame", lately.failed, lately.received))
        }
        (None, Some(_)) if dropped > 0.0 && dropped >= health.dropped_share_warn => {
            (Level::Warn, format!("{} of {} frames dropped", lately.dropped, lately.received))
        }
        (None, Some(_)) => (Level::Ok, format!("{} frames a second", number(per_second))),
    };
    let mut values = vec![
        entry("topic", camera.topic),
        entry("budget_ms", number(millis(camera.budget))),
        entry("rate_hz", number(per_second)),
        entry("received_frames", totals.received),
        entry("published_frames", totals.published),
        entry("missed_frames", totals.missed),
        entry("dropped_frames", totals.dropped),
        entry("failed_frames", totals.failed),
        entry("warm_frames", totals.warm),
    ];
    if let Some(cause) = window.frames().iter().rev().find_map(|frame| frame.start.cold_cause()) {
        values.push(entry("last_cold_cause", cause.name()));
    }
    if let Some(last) = camera.last {
        values.push(entry("since_last_frame_s", number(last.as_secs_f64())));
    }
    if let Some(age) = window.frames().iter().rev().find_map(|frame| frame.age) {
        values.push(entry("last_frame_age_ms", number(millis(age))));
    }
    if let Some(reason) = camera.uncalibrated {
        values.push(entry("calibration", reason));
    }
    status(level, format!("camera {}", camera.name), message, values)
}

fn network_status(network: &NetworkHealth<'_>, frames: &[FrameFigures]) -> DiagnosticStatus {
    let mean = frames.iter().map(|frame| frame.exit as f64).sum::<f64>() / frames.len() as f64;
    let reached = if frames.is_empty() { String::new() } else { format!(", exit {} on average", number(mean)) };
    let mut values = vec![
        entry("model", network.model),
        entry("precision", network.chosen.precision.name()),
        entry("precision_reason", &network.chosen.reason),
        entry("useful_iterations", network.useful_iterations),
        entry("slowdown_ratio", number(network.slowdown)),
        entry("threads", network.threads),
        entry("cpus", &network.placement.cpus),
        entry("nice", network.placement.nice),
        entry("fifo_priority", network.placement.fifo_priority),
        entry("compute_share", number(network.compute_share)),
        entry("warm_from_step", network.warm_from_step.map_or_else(|| "none".to_owned(), |step| step.to_string())),
        entry("kept_state_bytes", network.kept_bytes),
    ];
    if !frames.is_empty() {
        values.push(entry("exit_mean", number(mean)));
    }
    let mut said = network.refused.iter().map(Refusal::to_string).collect::<Vec<_>>();
    said.extend(network.chosen.replaced.then(|| network.chosen.reason.to_string()));
    let (level, message) = match said.is_empty() {
        true => (Level::Ok, format!("{}{reached}", network.model)),
        false => (Level::Warn, said.join("; ")),
    };
    status(level, "network".to_owned(), message, values)
}

fn status(level: Level, name: String, message: String, values: Vec<KeyValue>) -> DiagnosticStatus {
    DiagnosticStatus { level: level as u8, name, message, values, ..DiagnosticStatus::default() }
}

fn entry(key: &str, value: impl ToString) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value.to_string() }
}

/// With three decimals at most; `unknown` for what is none.
fn number(x: f64) -> String {
    if !x.is_finite() {
        return "unknown".to_owned();
    }
    let text = format!("{x:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
