//! Whether a frame may start warm: from the state that the last frame of its camera ended with.
//!
//! Knows stamps, formats and how much a picture changed; runs nothing, and knows nothing of parameters or topics. A memory is one camera's: where several
//! share a network, each has its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::frame::{Encoding, Frame, Size, Stamp};
use crate::model::State;

mod cut;

pub use cut::{CUT, Sketch};

/// Why a frame started cold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColdCause {
    /// Nobody asked for warm starts.
    Off,
    /// The model is not made for them.
    NotOffered,
    /// There was no frame before it.
    FirstFrame,
    /// The frame before it left no state: the network failed.
    NoState,
    /// Size, encoding or frame_id differ from the last frame's.
    Format,
    /// Its stamp is not later than the last frame's.
    StampOrder,
    /// More time lies between the stamps than is allowed.
    Gap,
    /// The picture has too little in common with the last one.
    SceneCut,
}

impl ColdCause {
    /// The cause as it stands in reports, e.g. `scene_cut`.
    pub fn name(self) -> &'static str {
        match self {
            ColdCause::Off => "off",
            ColdCause::NotOffered => "not_offered",
            ColdCause::FirstFrame => "first_frame",
            ColdCause::NoState => "no_state",
            ColdCause::Format => "format",
            ColdCause::StampOrder => "stamp_order",
            ColdCause::Gap => "gap",
            ColdCause::SceneCut => "scene_cut",
        }
    }
}

/// How a frame started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// From the state of the frame before.
    Warm,
    /// From its own picture alone.
    Cold(ColdCause),
}

impl Default for Start {
    fn default() -> Self {
        Self::Cold(ColdCause::Off)
    }
}

impl Start {
    /// Whether it started warm.
    pub fn is_warm(self) -> bool {
        self == Start::Warm
    }

    /// Why it started cold; `None` where it did not.
    pub fn cold_cause(self) -> Option<ColdCause> {
        match self {
            Start::Warm => None,
            Start::Cold(cause) => Some(cause),
        }
    }
}

/// What is looked at of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    stamp: Stamp,
    format: (Size, Encoding, String),
    sketch: Sketch,
}

impl Seen {
    /// A frame and the sketch of its picture.
    pub fn new(frame: &Frame<'_>, sketch: Sketch) -> Self {
        let header = frame.header();
        Self { stamp: header.stamp, format: (frame.size(), frame.encoding(), header.frame_id.clone()), sketch }
    }

    /// The same frame, taken at `stamp`.
    pub fn at(self, stamp: Stamp) -> Self {
        Self { stamp, ..self }
    }

    /// Why a frame that looks like this cannot go on from the one before, if it cannot: where the format changed, the stamp is not later, more than
    /// `max_gap` lies between the stamps, or the picture was cut.
    pub fn breaks(&self, before: &Self, max_gap: Duration) -> Option<ColdCause> {
        if self.format != before.format {
            return Some(ColdCause::Format);
        }
        match u64::try_from(self.stamp.nanos() - before.stamp.nanos()) {
            Err(_) | Ok(0) => return Some(ColdCause::StampOrder),
            Ok(gap) if Duration::from_nanos(gap) > max_gap => return Some(ColdCause::Gap),
            Ok(_) => {}
        }
        (self.sketch.difference(&before.sketch) > CUT).then_some(ColdCause::SceneCut)
    }
}

/// What is kept of one camera from frame to frame.
#[derive(Debug, Default)]
pub struct Memory {
    seen: Option<Seen>,
    state: Option<State>,
}

impl Memory {
    /// Begins a frame: the state to start it from, or why it starts cold. From here on the frame before is forgotten, so that one which
    /// fails leaves nothing.
    pub fn begin(&mut self, now: Seen, max_gap: Duration) -> Result<State, ColdCause> {
        let state = self.state.take();
        let before = self.seen.replace(now.clone()).ok_or(ColdCause::FirstFrame)?;
        let state = state.ok_or(ColdCause::NoState)?;
        now.breaks(&before, max_gap).map_or(Ok(state), Err)
    }

    /// Ends the frame that was begun, with the state after its last finished step.
    pub fn end(&mut self, state: Option<State>) {
        self.state = state;
    }

    /// Bytes of the state that is kept.
    pub fn bytes(&self) -> usize {
        self.state.as_ref().map_or(0, State::bytes)
    }
}

#[cfg(test)]
mod tests;
