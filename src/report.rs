//! What became of every frame, and the figures over all of them.
//!
//! Knows outcomes and durations; knows nothing of bags or ROS. Units are in the names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::anytime::{Stage, StopCause};
use crate::frame::Stamp;
use crate::warm::ColdCause;

/// One published frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// The frame's stamp, as its sender wrote it.
    pub stamp: Stamp,
    /// Its image topic.
    pub topic: String,
    /// The exit whose mask was published last, from 1.
    pub exit: usize,
    /// Iterations that the plan saw fit at the start.
    pub iterations_planned: usize,
    /// Iterations that finished.
    pub iterations_run: usize,
    /// Why it stopped.
    pub stop_cause: StopCause,
    /// Time allowed from arrival to the published mask.
    pub budget_ms: f64,
    /// Time taken from arrival to the published mask.
    pub elapsed_ms: f64,
    /// How far `elapsed_ms` lies beyond `budget_ms`; 0 where it does not.
    pub overrun_ms: f64,
    /// How much slower the network ran than when it was measured at start.
    pub slowdown: f64,
    /// Whether it started from the state of the frame before; its exits are then those of warm frames.
    pub warm: bool,
    /// Why it started cold; `None` where it did not.
    pub cold_cause: Option<ColdCause>,
}

/// Why a frame was dropped before it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropCause {
    /// A newer frame of the same camera came before its turn.
    Replaced,
    /// The share of compute was used up until too little of its budget was left.
    ShareSpent,
    /// It had waited for other frames until it could no longer be in time, and one of another camera still could.
    OthersWait,
}

impl DropCause {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::ShareSpent => "share_spent",
            Self::OthersWait => "others_wait",
        }
    }
}

/// One dropped frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropRecord {
    /// The frame's stamp.
    pub stamp: Stamp,
    /// Its image topic.
    pub topic: String,
    /// Why.
    pub cause: DropCause,
}

/// One frame that could not be understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// Its image topic.
    pub topic: String,
    /// What was wrong.
    pub reason: String,
}

/// Failures that a report describes. A bag can hold millions of messages without content, and all are counted.
const MOST_FAILURES: usize = 10_000;

/// Counts over all frames: `received = published + dropped + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Image messages that came.
    pub received: u64,
    /// Frames with a mask.
    pub published: u64,
    /// Frames that never started.
    pub dropped: u64,
    /// Published frames whose mask was out after the deadline.
    pub missed: u64,
    /// Published frames that started warm.
    #[serde(default)]
    pub warm: u64,
    /// Messages that were no frame: unknown encoding, damaged data.
    pub failed: u64,
}

/// Quantiles of a duration, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// How often it was observed.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 90 of 100 are below.
    pub p90_ms: f64,
    /// 99 of 100 are below.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Quantiles {
    /// Quantiles by nearest rank; all zero for no durations.
    pub fn of(durations: &[Duration]) -> Self {
        let mut sorted = durations.to_vec();
        sorted.sort();
        let at = |q: f64| {
            let rank = (q * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).copied().map_or(0.0, millis)
        };
        Self { count: sorted.len() as u64, p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), max_ms: at(1.0) }
    }
}

/// Milliseconds, to the microsecond.
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Everything about a run, as `report.json` has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The bundle's name.
    pub model: String,
    /// What its convolutions multiply: f32, bf16 or int8.
    pub precision: String,
    /// Threads of the network.
    pub threads: usize,
    /// Published frames in the order they were published.
    pub frames: Vec<FrameRecord>,
    /// Dropped frames.
    pub dropped: Vec<DropRecord>,
    /// Messages that were no frame, the first 10 000 of them.
    pub failed: Vec<FailureRecord>,
    /// Counts.
    pub totals: Totals,
    /// Time of each stage by its name: decode, data, step, exit, render.
    pub stages: BTreeMap<String, Quantiles>,
    /// Time from arrival to the published mask.
    pub elapsed: Quantiles,
}

/// Collects records and times while frames run.
#[derive(Debug, Default)]
pub struct Reporter {
    report: Report,
    stages: BTreeMap<&'static str, Vec<Duration>>,
    elapsed: Vec<Duration>,
    /// Topics and causes of failures that were seen.
    causes: BTreeSet<(String, &'static str)>,
}

impl Reporter {
    /// An empty report on a bundle, what it multiplies, and on how many threads.
    pub fn new(model: &str, precision: &str, threads: usize) -> Self {
        let (model, precision) = (model.to_owned(), precision.to_owned());
        Self { report: Report { model, precision, threads, ..Report::default() }, ..Self::default() }
    }

    /// Adds a published frame with the time of each of its stages.
    pub fn published(&mut self, record: FrameRecord, elapsed: Duration, stages: &[(Stage, Duration)]) {
        self.report.totals.received += 1;
        self.report.totals.published += 1;
        self.report.totals.missed += u64::from(record.overrun_ms > 0.0);
        self.report.totals.warm += u64::from(record.warm);
        self.report.frames.push(record);
        self.elapsed.push(elapsed);
        for (stage, took) in stages {
            self.stages.entry(stage.name()).or_default().push(*took);
        }
    }

    /// Adds a dropped frame.
    pub fn dropped(&mut self, record: DropRecord) {
        self.report.totals.received += 1;
        self.report.totals.dropped += 1;
        self.report.dropped.push(record);
    }

    /// Adds a message that was no frame. Returns whether it is the first of its topic with this kind of cause, to be warned of once.
    pub fn failed(&mut self, record: FailureRecord, cause: &'static str) -> bool {
        self.report.totals.received += 1;
        self.report.totals.failed += 1;
        let first = self.causes.insert((record.topic.clone(), cause));
        if self.report.failed.len() < MOST_FAILURES {
            self.report.failed.push(record);
        }
        first
    }

    /// Counts so far.
    pub fn totals(&self) -> Totals {
        self.report.totals
    }

    /// The whole report.
    pub fn finish(mut self) -> Report {
        self.report.stages = self.stages.iter().map(|(name, took)| ((*name).to_owned(), Quantiles::of(took))).collect();
        self.report.elapsed = Quantiles::of(&self.elapsed);
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn record(elapsed_ms: f64) -> FrameRecord {
        FrameRecord {
            stamp: Stamp { sec: 1, nanosec: 2 },
            topic: "/camera".into(),
            exit: 2,
            iterations_planned: 2,
            iterations_run: 2,
            stop_cause: StopCause::BudgetSpent,
            budget_ms: 33.0,
            elapsed_ms,
            overrun_ms: (elapsed_ms - 33.0).max(0.0),
            slowdown: 1.0,
            warm: elapsed_ms < 33.0,
            cold_cause: (elapsed_ms >= 33.0).then_some(ColdCause::Gap),
        }
    }

    #[test]
    fn received_is_published_and_dropped_and_failed() {
        let mut reporter = Reporter::new("m", "f32", 1);
        reporter.published(record(30.0), 30 * MS, &[(Stage::Step(1), MS), (Stage::Step(2), 3 * MS)]);
        reporter.published(record(40.0), 40 * MS, &[]);
        let stamp = Stamp::default();
        reporter.dropped(DropRecord { stamp, topic: "/camera".into(), cause: DropCause::Replaced });
        let failure = FailureRecord { topic: "/camera".into(), reason: "no".into() };
        let other = FailureRecord { reason: "no, again".into(), ..failure.clone() };
        assert!(reporter.failed(failure, "size") && !reporter.failed(other, "size"));
        let report = reporter.finish();
        assert_eq!(report.totals, Totals { received: 5, published: 2, dropped: 1, missed: 1, warm: 1, failed: 2 });
        assert_eq!(report.stages["step"].count, 2);
        assert_eq!(report.stages["step"].max_ms, 3.0);
    }

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let durations: Vec<_> = (1..=100).map(|n| n * MS).collect();
        let quantiles = Quantiles::of(&durations);
        assert_eq!((quantiles.p50_ms, quantiles.p90_ms, quantiles.p99_ms, quantiles.max_ms), (50.0, 90.0, 99.0, 100.0));
        assert_eq!(Quantiles::of(&[]), Quantiles::default());
    }

    #[test]
    fn a_report_reads_back() {
        let mut reporter = Reporter::new("m", "f32", 1);
        reporter.published(record(30.0), 30 * MS, &[]);
        let report = reporter.finish();
        let text = serde_json::to_string(&report).expect("writes");
        assert!(text.contains("\"stop_cause\":\"budget_spent\""), "{text}");
        assert_eq!(serde_json::from_str::<Report>(&text).expect("reads"), report);
    }
}
