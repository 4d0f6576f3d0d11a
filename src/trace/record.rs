//! From what was seen between the nodes of every stage to a trace.

use std::time::Duration;

use super::{Costs, Held, MAX_NODES, Profile, Trace};
use crate::frame::Size;

/// A node whose usual part of its stage is smaller than this is counted to the next one: nobody waits for it.
const SMALL: f64 = 0.01;
/// A node was held up where it took more than this many times its usual part of the stage ...
const HELD: f64 = 1.5;
/// ... and more than this longer, in microseconds.
const HELD_US: f64 = 100.0;

/// Collects frames, with all nodes of all stages, until they are enough for a trace.
#[derive(Debug, Default)]
pub struct Recorder {
    frames: Vec<Seen>,
}

/// One frame as it ran.
#[derive(Debug)]
struct Seen {
    at: Duration,
    decode: Duration,
    /// Data, step 1, exit 1, step 2, ...: what every node took.
    network: Vec<Vec<Duration>>,
    render: Duration,
}

impl Recorder {
    /// Adds a frame that arrived at `at`: what decoding, all nodes of data, step 1, exit 1, step 2, ... and rendering took.
    pub fn add(&mut self, at: Duration, decode: Duration, network: Vec<Vec<Duration>>, render: Duration) {
        self.frames.push(Seen { at, decode, network, render });
    }

    /// The trace of the frames; none for no frames.
    pub fn trace(&self, model: &str, frame: Size, threads: usize, load: &str) -> Option<Trace> {
        let first = self.frames.first()?;
        let groups: Vec<Groups> = (0..first.network.len()).map(|place| self.groups(place)).collect();
        let costs = |seen: &Seen| Costs {
            at_us: u64::try_from(seen.at.saturating_sub(first.at).as_micros()).unwrap_or(u64::MAX),
            decode: micros(seen.decode),
            network: seen.network.iter().zip(&groups).map(|(nodes, groups)| groups.held(nodes)).collect(),
            render: micros(seen.render),
        };
        Some(Trace {
            model: model.to_owned(),
            frame,
            threads,
            load: load.to_owned(),
            profiles: groups.iter().map(Groups::profile).collect(),
            frames: self.frames.iter().map(costs).collect(),
        })
    }

    /// What the nodes of a stage usually take, the small ones counted to those after them.
    fn groups(&self, place: usize) -> Groups {
        let runs: Vec<&Vec<Duration>> = self.frames.iter().filter_map(|frame| frame.network.get(place)).collect();
        let count = runs.iter().map(|nodes| nodes.len()).max().unwrap_or(0);
        let median = |node: usize| {
            let mut took: Vec<f64> = runs.iter().filter_map(|nodes| Some(nodes.get(node)?.as_secs_f64())).collect();
            took.sort_by(f64::total_cmp);
            took.get(took.len() / 2).copied().unwrap_or(0.0)
        };
        let usual: Vec<f64> = (0..count).map(median).collect();
        let small = SMALL.max(1.0 / MAX_NODES as f64) * usual.iter().sum::<f64>();
        let (mut ends, mut weights, mut sum) = (Vec::new(), Vec::new(), 0.0);
        for (node, took) in usual.iter().enumerate() {
            sum += took;
            if sum >= small {
                ends.push(node + 1);
                weights.push(std::mem::take(&mut sum));
            }
        }
        if weights.is_empty() {
            (ends, weights) = (vec![count], vec![1.0]);
        }
        Groups { ends, weights }
    }
}

/// Nodes of a stage that are counted together.
struct Groups {
    /// The node after the last one of each group; what comes behind the last group belongs to it.
    ends: Vec<usize>,
    /// What a group usually takes, in seconds.
    weights: Vec<f64>,
}

impl Groups {
    fn profile(&self) -> Profile {
        let sum: f64 = self.weights.iter().sum();
        self.weights.iter().map(|weight| (1000.0 * weight / sum).round().clamp(1.0, 1000.0) as u16).collect()
    }

    fn held(&self, nodes: &[Duration]) -> Held {
        let took: Duration = nodes.iter().sum();
        let mut parts = vec![0.0; self.ends.len()];
        for (node, took) in nodes.iter().enumerate() {
            let group = self.ends.partition_point(|end| *end <= node).min(parts.len() - 1);
            parts[group] += took.as_secs_f64();
        }
        let mut slowdowns: Vec<f64> = parts.iter().zip(&self.weights).map(|(part, weight)| part / weight).collect();
        slowdowns.sort_by(f64::total_cmp);
        let slowdown = slowdowns.get(slowdowns.len() / 2).copied().unwrap_or(1.0);
        let stall = |(group, (part, weight)): (usize, (&f64, &f64))| {
            let (us, usual) = (1e6 * part, 1e6 * weight * slowdown);
            let held = parts.len() > 1 && us > HELD * usual && us - usual > HELD_US;
            held.then_some((group as u16, (us - usual) as u32))
        };
        let stalls = parts.iter().zip(&self.weights).enumerate().filter_map(stall).collect();
        Held { took: micros(took), stalls }
    }
}

fn micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anytime::Stage;

    const US: Duration = Duration::from_micros(1);

    fn recorded(frames: &[[u32; 4]]) -> Trace {
        let mut recorder = Recorder::default();
        for (n, data) in (0..).zip(frames) {
            let network = vec![data.iter().map(|us| *us * US).collect(), vec![400 * US], vec![90 * US]];
            recorder.add(n * 33_000 * US, 300 * US, network, 1300 * US);
        }
        recorder.trace("tiny", Size::new(4, 2), 1, "none").unwrap()
    }

    #[test]
    fn usual_frames_need_no_more_than_their_sums() {
        let trace = recorded(&[[1000, 2, 2000, 3000], [1010, 2, 1990, 3100], [2000, 3, 4000, 6000]]);
        assert_eq!(trace.profiles[0].len(), 3);
        assert!(trace.frames.iter().all(|frame| frame.network[0].stalls.is_empty()), "{:?}", trace.frames);
        assert_eq!(trace.frames[2].network[0].took, 12_003);
        assert_eq!(trace.frames[2].at_us, 66_000);
    }

    #[test]
    fn a_node_that_was_held_up_is_kept_where_it_was() {
        let trace = recorded(&[[1000, 2, 2000, 3000], [1000, 2, 2000, 3000], [1000, 2, 6000, 3000]]);
        let frame = &trace.frames[2];
        let [(1, us)] = frame.network[0].stalls[..] else { panic!("{frame:?}") };
        assert!((3950..=4050).contains(&us), "{us}");
        let nodes: Vec<u128> = trace.nodes(frame, Stage::Data).iter().map(Duration::as_micros).collect();
        assert!((5950..=6050).contains(&nodes[1]), "{nodes:?}");
        assert_eq!(Trace::parse(&trace.to_text()).unwrap(), trace);
    }

    #[test]
    fn no_frames_make_no_trace() {
        assert_eq!(Recorder::default().trace("tiny", Size::new(4, 2), 1, "none"), None);
    }
}
