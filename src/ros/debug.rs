//! The values of each frame: as numbers to plot, and together under the frame's stamp.

use std::time::Duration;

use super::output::{Making, Output, OutputError};
use crate::frame::Stamp;
use crate::message::{DiagnosticArray, DiagnosticStatus, Float64, Float64Stamped, KeyValue, Message};
use crate::pipeline::FrameResult;
use crate::qos::Qos;
use crate::report::millis;
use crate::warm::ColdCause;

/// A number of a frame of this age; `None` where it is not known.
type Number = fn(&FrameResult, Option<Duration>) -> Option<f64>;

/// Numbers under the names that Autoware's nodes use where they have one, with the unit as suffix.
const NUMBERS: [(&str, Number); 6] = [
    ("debug/processing_time_ms", |result, _| Some(millis(result.elapsed))),
    ("debug/pipeline_latency_ms", |_, age| age.map(millis)),
    ("debug/budget_ms", |result, _| Some(millis(result.budget))),
    ("debug/exit", |result, _| Some(result.outcome.exit as f64)),
    ("debug/iterations", |result, _| Some(result.outcome.run as f64)),
    ("debug/warm", |result, _| Some(f64::from(u8::from(result.start.is_warm())))),
];

/// The debug topics of one camera.
pub struct Debug {
    numbers: Vec<Output>,
    frame: Output,
}

impl Debug {
    /// Makes the topics. Numbers bear stamps where Autoware's message for that is installed.
    pub fn new(making: &mut Making<'_>) -> Result<Self, OutputError> {
        let numbers = NUMBERS.iter().map(|(name, _)| number(making, name)).collect::<Result<_, _>>()?;
        let frame = making.output("debug/frame", DiagnosticArray::TYPE.name, Qos::reliable(1))?;
        Ok(Self { numbers, frame })
    }

    /// Publishes the values of one frame, each to those who subscribe. The age lies between the frame's stamp and ROS time.
    pub fn publish(&mut self, result: &FrameResult, age: Option<Duration>, bytes: &mut Vec<u8>) {
        for ((_, value), output) in NUMBERS.iter().zip(&mut self.numbers) {
            if let Some(data) = value(result, age).filter(|_| output.is_wanted()) {
                send(output, result.header.stamp, data, bytes);
            }
        }
        if self.frame.is_wanted() {
            self.frame.send(&status(result, age), bytes);
        }
    }
}

/// The number's output with a stamp, under the newer or the older name of its type; without a stamp where neither is installed.
fn number(making: &mut Making<'_>, name: &str) -> Result<Output, OutputError> {
    for stamped in [Float64Stamped::TYPE.name, Float64Stamped::TIER4.name] {
        match making.output(name, stamped, Qos::reliable(1)) {
            Err(OutputError::Edge(_)) => (),
            made => return made,
        }
    }
    making.output(name, Float64::TYPE.name, Qos::reliable(1))
}

fn send(output: &mut Output, stamp: Stamp, data: f64, bytes: &mut Vec<u8>) {
    if output.message_type() == Float64::TYPE.name {
        output.send(&Float64 { data }, bytes);
    } else {
        output.send(&Float64Stamped { stamp, data }, bytes);
    }
}

fn start(result: &FrameResult) -> &'static str {
    if result.start.is_warm() { "warm" } else { "cold" }
}

fn status(result: &FrameResult, age: Option<Duration>) -> DiagnosticArray {
    let outcome = &result.outcome;
    let overrun = result.elapsed.saturating_sub(result.budget);
    let ms = |value: f64| format!("{value:.3}");
    let values = [
        ("exit", outcome.exit.to_string()),
        ("iterations_planned", outcome.planned.to_string()),
        ("iterations_run", outcome.run.to_string()),
        ("stop_cause", outcome.cause.name().to_owned()),
        ("budget_ms", ms(millis(result.budget))),
        ("elapsed_ms", ms(millis(result.elapsed))),
        ("stages_ms", ms(millis(outcome.stages.iter().map(|(_, took)| *took).sum()))),
        ("overrun_ms", ms(millis(overrun))),
        ("age_ms", age.map(millis).map_or_else(|| "unknown".to_owned(), ms)),
        ("slowdown", ms(result.slowdown)),
        ("start", start(result).to_owned()),
        ("cold_cause", result.start.cold_cause().map_or("none", ColdCause::name).to_owned()),
    ];
    let values = values.into_iter().map(|(key, value)| KeyValue { key: key.to_owned(), value }).collect();
    let status = DiagnosticStatus {
        name: "itnet: frame".to_owned(),
        message: format!("exit {}, {}, {}", outcome.exit, outcome.cause.name(), start(result)),
        hardware_id: "itnet".to_owned(),
        values,
        ..DiagnosticStatus::default()
    };
    DiagnosticArray { header: result.header.clone(), status: vec![status] }
}
