//! A trace as text: a head of `key value` lines, then a line a frame, all times in whole microseconds.
//!
//! ```text
//! itnet trace 2
//! model itnet-s
//! frame 480x360
//! threads 1
//! load nothing else
//! iterations 1
//! nodes data 120 430 450
//! nodes step_1 500 500
//! nodes exit_1 1000
//! frames
//! 0.000 305 2600 2910 98 1290
//! 33.104 310 6700+4030@1 2905 97 1301
//! ```
//!
//! A frame's line is its arrival in milliseconds, then decode, data, step 1, exit 1, step 2, ... and render. `6700+4030@1` took 6700, of
//! which node 1 was held up for 4030. Version 1 has arrivals in whole milliseconds.

use std::fmt::Write as _;
use std::str::FromStr;

use super::{Costs, Held, MAX_ITERATIONS, MAX_NODES, Trace, name};
use crate::frame::Size;

/// The first line of a trace.
const HEAD: &str = "itnet trace 2";
/// The first line of a trace whose arrivals are in whole milliseconds.
const HEAD_1: &str = "itnet trace 1";

/// What can be wrong in the text of a trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, got {got}")]
pub struct TraceError {
    /// Line in the text, from 1.
    pub line: usize,
    /// What would be right.
    pub expected: String,
    /// What is there.
    pub got: String,
}

impl Trace {
    /// Reads a trace. All frames have all stages after `Ok`, and memory is bounded by a small multiple of the text.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut lines = Lines { lines: text.lines(), line: 0, text: "" };
        if ![HEAD, HEAD_1].contains(&lines.next()) {
            return Err(lines.fault(HEAD));
        }
        let model = lines.value("model")?.to_owned();
        let frame = lines.parsed("frame", "a size such as `frame 480x360`", size)?;
        let threads = lines.parsed("threads", "a number of threads", number)?;
        let load = lines.value("load")?.to_owned();
        let iterations = lines.parsed("iterations", "1 to 64 iterations", |text| {
            number(text).filter(|n| (1..=MAX_ITERATIONS).contains(n))
        })?;
        let expected = "weights of 1 to 1000 nodes, none of them 0";
        let profiles = (0..=2 * iterations)
            .map(|place| lines.parsed(&format!("nodes {}", name(place)), expected, profile))
            .collect::<Result<Vec<_>, _>>()?;
        if lines.next() != "frames" {
            return Err(lines.fault("`frames`"));
        }
        let mut frames = Vec::new();
        while let Some(text) = lines.advance() {
            frames.push(costs(text, &profiles).map_err(|expected| lines.fault(&expected))?);
        }
        Ok(Self { model, frame, threads, load, profiles, frames })
    }

    /// The text that [`parse`](Self::parse) reads. Line breaks in names are written as spaces.
    pub fn to_text(&self) -> String {
        let line = |text: &str| text.replace(['\n', '\r'], " ");
        let Size { width, height } = self.frame;
        let mut text = format!(
            "{HEAD}\nmodel {}\nframe {width}x{height}\nthreads {}\nload {}\niterations {}\n",
            line(&self.model),
            self.threads,
            line(&self.load),
            self.iterations()
        );
        for (place, profile) in self.profiles.iter().enumerate() {
            let weights: Vec<String> = profile.iter().map(u16::to_string).collect();
            let _ = writeln!(text, "nodes {} {}", name(place), weights.join(" "));
        }
        text += "frames\n";
        for frame in &self.frames {
            let (ms, us) = (frame.at_us / 1000, frame.at_us % 1000);
            let _ = write!(text, "{ms}.{us:03} {}", frame.decode);
            for held in &frame.network {
                let _ = write!(text, " {}", held.took);
                for (node, us) in &held.stalls {
                    let _ = write!(text, "+{us}@{node}");
                }
            }
            let _ = writeln!(text, " {}", frame.render);
        }
        text
    }
}

/// The lines of a text, counted.
struct Lines<'a> {
    lines: std::str::Lines<'a>,
    line: usize,
    text: &'a str,
}

impl<'a> Lines<'a> {
    fn advance(&mut self) -> Option<&'a str> {
        self.line += 1;
        self.text = self.lines.next()?;
        Some(self.text)
    }

    /// The next line; empty at the end.
    fn next(&mut self) -> &'a str {
        self.text = "";
        self.advance().unwrap_or("")
    }

    fn value(&mut self, key: &str) -> Result<&'a str, TraceError> {
        let value = self.next().strip_prefix(key).and_then(|rest| rest.strip_prefix(' '));
        value.ok_or_else(|| self.fault(&format!("`{key}` and its value")))
    }

    fn parsed<T>(&mut self, key: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, TraceError> {
        parse(self.value(key)?).ok_or_else(|| self.fault(expected))
    }

    /// That the present line is not what it should be.
    fn fault(&self, expected: &str) -> TraceError {
        let got = match self.text.char_indices().nth(60) {
            _ if self.text.is_empty() => "nothing".to_owned(),
            Some((cut, _)) => format!("`{}...`", self.text.get(..cut).unwrap_or_default()),
            None => format!("`{}`", self.text),
        };
        TraceError { line: self.line, expected: expected.to_owned(), got }
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn size(text: &str) -> Option<Size> {
    let (width, height) = text.split_once('x')?;
    Some(Size::new(number(width)?, number(height)?))
}

fn profile(text: &str) -> Option<Vec<u16>> {
    let weights = text.split(' ').map(|weight| number(weight).filter(|weight| *weight > 0));
    weights.collect::<Option<Vec<u16>>>().filter(|weights| weights.len() <= MAX_NODES)
}

/// A frame's line; the error is what was expected.
fn costs(text: &str, profiles: &[Vec<u16>]) -> Result<Costs, String> {
    let whole = || format!("a frame of {} numbers: arrival, decode, data, step, exit, ..., render", profiles.len() + 3);
    let mut cells = text.split(' ');
    let at_us = cells.next().and_then(arrival).ok_or_else(whole)?;
    let decode = cells.next().and_then(number).ok_or_else(whole)?;
    let mut network = Vec::with_capacity(profiles.len());
    for (place, profile) in profiles.iter().enumerate() {
        let cell = cells.next().ok_or_else(whole)?;
        let held = held(cell).filter(|held| held.stalls.iter().all(|(node, _)| usize::from(*node) < profile.len()));
        network.push(held.ok_or_else(|| format!("what {} took, such as 6700 or 6700+4030@1", name(place)))?);
    }
    let render = cells.next().and_then(number).ok_or_else(whole)?;
    match cells.next() {
        None => Ok(Costs { at_us, decode, network, render }),
        Some(_) => Err(whole()),
    }
}

/// Milliseconds, with three decimals or none, as microseconds.
fn arrival(cell: &str) -> Option<u64> {
    let (ms, us) = cell.split_once('.').unwrap_or((cell, "000"));
    let us = number::<u64>(us).filter(|_| us.len() == 3)?;
    Some(1000 * u64::from(number::<u32>(ms)?) + us)
}

fn held(cell: &str) -> Option<Held> {
    let mut parts = cell.split('+');
    let took = number(parts.next()?)?;
    let stall = |part: &str| {
        let (us, node) = part.split_once('@')?;
        Some((number(node)?, number(us)?))
    };
    let stalls = parts.map(stall).collect::<Option<Vec<(u16, u32)>>>()?;
    Some(Held { took, stalls }).filter(|held| held.stalled() <= u64::from(took))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::anytime::Stage;

    const TEXT: &str = "itnet trace 2\nmodel tiny\nframe 480x360\nthreads 2\nload nothing else\niterations 1\n\
                        nodes data 1 3\nnodes step_1 1\nnodes exit_1 1\nframes\n0.000 305 2600 2910 98 1290\n\
                        33.104 310 6700+4700@0 2905 97 1301\n";

    #[test]
    fn a_trace_survives_reading_and_writing() {
        let trace = Trace::parse(TEXT).unwrap();
        assert_eq!((trace.model.as_str(), trace.threads, trace.iterations(), trace.frames.len()), ("tiny", 2, 1, 2));
        assert_eq!(trace.to_text(), TEXT);
    }

    #[test]
    fn arrivals_of_version_1_are_whole_milliseconds() {
        let old = TEXT.replace("trace 2", "trace 1").replace("0.000", "0").replace("33.104", "33");
        let arrivals: Vec<u64> = Trace::parse(&old).unwrap().frames.iter().map(|frame| frame.at_us).collect();
        assert_eq!(arrivals, [0, 33_000]);
    }

    #[test]
    fn a_stall_is_on_its_node_and_the_rest_is_spread_by_weight() {
        let trace = Trace::parse(TEXT).unwrap();
        let us = |stage| trace.nodes(&trace.frames[1], stage).iter().map(Duration::as_micros).collect::<Vec<_>>();
        assert_eq!(us(Stage::Data), [4700 + 500, 1500]);
        assert_eq!(us(Stage::Exit(1)), [97]);
        assert_eq!((us(Stage::Decode(0)), us(Stage::Render(0)), us(Stage::Step(2))), (vec![310], vec![1301], vec![0]));
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
        for (from, to, fault) in [
            ("trace 2", "trace 3", "line 1: expected itnet trace 2, got `itnet trace 3`"),
            ("threads 2", "threads two", "line 4: expected a number of threads, got `threads two`"),
            ("iterations 1", "iterations 65", "line 6: expected 1 to 64 iterations"),
            ("data 1 3", "data 1 0", "line 7: expected weights of 1 to 1000 nodes"),
            ("nodes step_1", "nodes exit_1", "line 8: expected `nodes step_1` and its value"),
            ("frames\n", "", "line 10: expected `frames`"),
            ("33.104", "33.10", "line 12: expected a frame of 6 numbers"),
            (" 1290", "", "line 11: expected a frame of 6 numbers"),
            (" 1290", " 1290 1", "line 11: expected a frame of 6 numbers"),
            ("4700@0", "4700@2", "line 12: expected what data took"),
            ("4700@0", "6701@0", "line 12: expected what data took"),
        ] {
            let error = Trace::parse(&TEXT.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with(fault), "{error}");
        }
        assert!(Trace::parse("").unwrap_err().to_string().ends_with("got nothing"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(cut in 0usize..400, at in 0usize..400, put in ".{0,8}") {
            let mut text: String = TEXT.chars().take(cut).collect();
            let at = text.char_indices().map(|(at, _)| at).nth(at).unwrap_or(0);
            text.insert_str(at, &put);
            if let Ok(trace) = Trace::parse(&text) {
                let again = Trace::parse(&trace.to_text()).unwrap();
                prop_assert_eq!(again.frames, trace.frames);
            }
        }
    }
}
