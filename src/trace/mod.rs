//! Recorded stage costs: what every stage of every frame took on a real machine under a real load.
//!
//! A trace is recorded by running all stages of all frames, so that a planner, whatever it would have chosen, can be replayed on it
//! and judged beside one that knows every cost. Knows durations, and how they stand in a text; knows neither networks nor clocks.

mod contest;
mod record;
mod tally;
mod text;
mod timeline;

use std::time::Duration;

use crate::anytime::Stage;
use crate::frame::Size;

pub use contest::{Contest, Strategy, WARM_UP, decision_cost};
pub use record::Recorder;
pub use tally::{Played, Tally};
pub use text::TraceError;

/// The most iterations of a trace.
pub const MAX_ITERATIONS: usize = 64;
/// The most nodes of a stage.
pub const MAX_NODES: usize = 1000;

/// What all stages of some frames took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The bundle's name.
    pub model: String,
    /// Size of the camera's frames.
    pub frame: Size,
    /// Threads of the network.
    pub threads: usize,
    /// What else the machine did, in words.
    pub load: String,
    /// How the time of each stage of the network is spread over its nodes when nothing disturbs it: data, step 1, exit 1, step 2, ...
    pub profiles: Vec<Profile>,
    /// The frames, in order.
    pub frames: Vec<Costs>,
}

/// How a stage's time is spread over the places where it can be abandoned: a weight each, at least one, none of them 0.
pub type Profile = Vec<u16>;

/// What the stages of one frame took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// When it arrived, in microseconds since the first frame.
    pub at_us: u64,
    /// Message to input tensor, in microseconds.
    pub decode: u32,
    /// Data, step 1, exit 1, step 2, ...
    pub network: Vec<Held>,
    /// Logits to mask, in microseconds.
    pub render: u32,
}

/// What a stage of the network took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// All in all, in microseconds.
    pub took: u32,
    /// Nodes (from 0) that were held up, and for how many microseconds of `took`.
    pub stalls: Vec<(u16, u32)>,
}

impl Held {
    /// For how many microseconds its nodes were held up, all together.
    fn stalled(&self) -> u64 {
        self.stalls.iter().map(|(_, us)| u64::from(*us)).sum()
    }
}

impl Trace {
    /// Iterations of every frame.
    pub fn iterations(&self) -> usize {
        self.profiles.len().saturating_sub(1) / 2
    }

    /// What `stage` took in `frame`; zero for a stage the trace does not have.
    pub fn took(&self, frame: &Costs, stage: Stage) -> Duration {
        let us = match stage {
            Stage::Decode(_) => frame.decode,
            Stage::Render(_) => frame.render,
            _ => place(stage).and_then(|place| frame.network.get(place)).map_or(0, |held| held.took),
        };
        Duration::from_micros(us.into())
    }

    /// The same, node by node.
    pub fn nodes(&self, frame: &Costs, stage: Stage) -> Vec<Duration> {
        let mut nodes = self.work(frame, stage);
        let stalls = place(stage).and_then(|place| frame.network.get(place)).map_or(&[][..], |held| &held.stalls);
        for (node, us) in stalls {
            if let Some(node) = nodes.get_mut(usize::from(*node)) {
                *node += Duration::from_micros(u64::from(*us));
            }
        }
        nodes
    }

    /// What the nodes of a stage took, without what they were held up.
    pub fn work(&self, frame: &Costs, stage: Stage) -> Vec<Duration> {
        let held = place(stage).and_then(|place| Some((frame.network.get(place)?, self.profiles.get(place)?)));
        let Some((held, profile)) = held else {
            return vec![self.took(frame, stage)];
        };
        let even = 1000 * u64::from(held.took).saturating_sub(held.stalled());
        let weights: u64 = profile.iter().map(|weight| u64::from(*weight)).sum();
        profile.iter().map(|weight| Duration::from_nanos(even * u64::from(*weight) / weights.max(1))).collect()
    }
}

/// Where a stage of the network stands in a frame.
fn place(stage: Stage) -> Option<usize> {
    match stage {
        Stage::Data => Some(0),
        Stage::Step(iteration) => (2 * iteration).checked_sub(1),
        Stage::Exit(iteration) => Some(2 * iteration),
        Stage::Decode(_) | Stage::Render(_) => None,
    }
}

/// The name of the stage at `place`, as a trace writes it.
fn name(place: usize) -> String {
    match place {
        0 => "data".to_owned(),
        step if step % 2 == 1 => format!("step_{}", step.div_ceil(2)),
        exit => format!("exit_{}", exit / 2),
    }
}
