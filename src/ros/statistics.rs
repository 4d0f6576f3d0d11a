//! The figures of a window as statistics_msgs has them.
//!
//! A measure without samples gives no message, so that no figure is ever NaN or infinite. Like
//! libstatistics_collector it gives the deviation of the samples that there are, not an estimate for those that there
//! are not: one sample deviates by 0.

use std::time::Duration;

use super::window::{FrameFigures, Window};
use crate::frame::Stamp;
use crate::message::{MetricsMessage, StatisticDataPoint, StatisticKind};
use crate::report::millis;
use crate::warm::{ColdCause, Start};

/// The messages on what `source` (a camera, a node) did from `start` to `stop`: `elapsed_ms`, `age_ms`, `exit` and, where frames may start warm, `warm` (1 for a frame that did,
/// 0 for a cold one).
pub fn metrics(source: &str, window: &Window, start: Stamp, stop: Stamp) -> Vec<MetricsMessage> {
    let time = |of: fn(&FrameFigures) -> Option<Duration>| window.frames().iter().filter_map(of).map(millis).collect();
    let exits = window.frames().iter().map(|frame| frame.exit as f64).collect();
    let asked = |frame: &&FrameFigures| frame.start != Start::Cold(ColdCause::Off);
    let warm = window.frames().iter().filter(asked).map(|frame| f64::from(u8::from(frame.start.is_warm()))).collect();
    let measures: [(&str, &str, Vec<f64>); 4] = [
        ("elapsed_ms", "ms", time(|frame| Some(frame.elapsed))),
        ("age_ms", "ms", time(|frame| frame.age)),
        ("exit", "exit", exits),
        ("warm", "share", warm),
    ];
    let message = |(measure, unit, samples): (&str, &str, Vec<f64>)| {
        Some(MetricsMessage {
            measurement_source_name: source.to_owned(),
            metrics_source: measure.to_owned(),
            unit: unit.to_owned(),
            window_start: start,
            window_stop: stop,
            statistics: points(&samples)?,
        })
    };
    measures.into_iter().filter_map(message).collect()
}

/// Average, minimum, maximum, deviation and count; `None` for no samples.
fn points(samples: &[f64]) -> Option<Vec<StatisticDataPoint>> {
    if samples.is_empty() {
        return None;
    }
    let count = samples.len() as f64;
    let average = samples.iter().sum::<f64>() / count;
    let variance = samples.iter().map(|sample| (sample - average).powi(2)).sum::<f64>() / count;
    let figures = [
        (StatisticKind::Average, average),
        (StatisticKind::Minimum, samples.iter().copied().fold(f64::INFINITY, f64::min)),
        (StatisticKind::Maximum, samples.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        (StatisticKind::Stddev, variance.sqrt()),
        (StatisticKind::SampleCount, count),
    ];
    Some(figures.map(|(kind, data)| StatisticDataPoint { data_type: kind as u8, data }).to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Stamp = Stamp { sec: 1, nanosec: 0 };
    const STOP: Stamp = Stamp { sec: 2, nanosec: 0 };

    fn window(frames: impl IntoIterator<Item = FrameFigures>) -> Window {
        let mut window = Window::default();
        frames.into_iter().for_each(|frame| window.frame(frame));
        window
    }

    fn frame(elapsed_ms: u64, exit: usize, age_ms: Option<u64>) -> FrameFigures {
        let age = age_ms.map(Duration::from_millis);
        FrameFigures { elapsed: Duration::from_millis(elapsed_ms), exit, age, ..FrameFigures::default() }
    }

    fn figures(message: &MetricsMessage) -> Vec<(u8, f64)> {
        message.statistics.iter().map(|point| (point.data_type, point.data)).collect()
    }

    #[test]
    fn an_empty_window_says_nothing() {
        assert!(metrics("/itnet", &Window::default(), START, STOP).is_empty());
    }

    #[test]
    fn each_measure_has_its_five_figures_over_the_window() {
        let window = window([frame(10, 2, Some(30)), frame(20, 4, Some(30)), frame(30, 6, None)]);
        let messages = metrics("/itnet", &window, START, STOP);
        let names: Vec<_> = messages.iter().map(|m| (m.metrics_source.as_str(), m.unit.as_str())).collect();
        assert_eq!(names, [("elapsed_ms", "ms"), ("age_ms", "ms"), ("exit", "exit")]);
        let deviation = (200.0f64 / 3.0).sqrt();
        assert_eq!(figures(&messages[0]), [(1, 20.0), (2, 10.0), (3, 30.0), (4, deviation), (5, 3.0)]);
        assert_eq!(figures(&messages[1]), [(1, 30.0), (2, 30.0), (3, 30.0), (4, 0.0), (5, 2.0)]);
        assert_eq!((messages[2].window_start, messages[2].window_stop), (START, STOP));
        assert!(messages.iter().all(|m| m.measurement_source_name == "/itnet"));
    }

    #[test]
    fn the_average_of_warm_is_their_share_of_the_frames_that_might_have_been() {
        let started = |start| FrameFigures { start, ..frame(10, 1, None) };
        let starts = [Start::default(), Start::Cold(ColdCause::Gap), Start::Warm, Start::Warm, Start::Warm];
        let messages = metrics("/itnet", &window(starts.map(started)), START, STOP);
        let warm = messages.iter().find(|m| m.metrics_source == "warm").expect("there were warm ones");
        assert_eq!(figures(warm)[0], (1, 0.75));
    }

    #[test]
    fn a_measure_without_samples_is_left_out() {
        let messages = metrics("/itnet", &window([frame(10, 2, None)]), START, STOP);
        let names: Vec<_> = messages.iter().map(|m| m.metrics_source.as_str()).collect();
        assert_eq!(names, ["elapsed_ms", "exit"]);
    }

    proptest! {
        #[test]
        fn no_figure_is_nan_or_infinite(frames in prop::collection::vec(any::<(u64, usize, Option<u64>)>(), 0..20)) {
            let frames = frames.into_iter().map(|(elapsed, exit, age)| FrameFigures {
                elapsed: Duration::from_secs(elapsed),
                exit,
                age: age.map(Duration::from_secs),
                ..FrameFigures::default()
            });
            for message in metrics("/itnet", &window(frames), START, STOP) {
                prop_assert!(message.statistics.iter().all(|point| point.data.is_finite()));
            }
        }
    }
}
