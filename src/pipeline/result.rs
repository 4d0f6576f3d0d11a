//! What becomes of a frame: its mask on the way out, its row in the report, or why there is none.

use std::time::Duration;

use crate::anytime::Outcome;
use crate::decode::DecodeError;
use crate::frame::{FrameError, Header};
use crate::mask::Mask;
use crate::message::MessageError;
use crate::model::{Logits, ModelError};
use crate::render::RenderError;
use crate::report::{FrameRecord, millis};
use crate::tensor::TensorError;
use crate::warm::Start;

/// A mask on its way out.
#[derive(Debug)]
pub struct Published<'a> {
    /// The header of the frame, untouched.
    pub header: &'a Header,
    /// Published class ids, of the frame's size or, in [`MaskSize::Network`](super::MaskSize::Network), the network's.
    pub mask: &'a mut Mask,
    /// The scores that it was rendered from.
    pub logits: Logits<'a>,
    /// The exit it is of, from 1.
    pub exit: usize,
    /// From the frame's arrival to the rendered mask.
    pub elapsed: Duration,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameResult {
    /// The frame's header.
    pub header: Header,
    /// The anytime run; its stages include decoding and rendering.
    pub outcome: Outcome,
    /// From arrival to the published mask.
    pub elapsed: Duration,
    /// From arrival to the deadline.
    pub budget: Duration,
    /// How much slower the network ran than when it was measured.
    pub slowdown: f64,
    /// Whether it went on from the frame before, and if not, why.
    pub start: Start,
}

impl FrameResult {
    /// The frame's row in the report.
    pub fn record(&self, topic: &str) -> FrameRecord {
        FrameRecord {
            stamp: self.header.stamp,
            topic: topic.to_owned(),
            exit: self.outcome.exit,
            iterations_planned: self.outcome.planned,
            iterations_run: self.outcome.run,
            stop_cause: self.outcome.cause,
            budget_ms: millis(self.budget),
            elapsed_ms: millis(self.elapsed),
            overrun_ms: millis(self.elapsed.saturating_sub(self.budget)),
            slowdown: self.slowdown,
            warm: self.start.is_warm(),
            cold_cause: self.start.cold_cause(),
        }
    }
}

/// Why a message gave no mask.
#[derive(Debug, thiserror::Error)]
pub enum FrameFault {
    /// The bytes are no such message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The message's fields contradict each other or are not supported.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The compressed picture cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The picture does not become an input.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The logits do not become a mask.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The network failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl FrameFault {
    /// What kind of fault it is, without its figures: faults of one kind are warned of once.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Frame(FrameError::Encoding { .. }) => "encoding",
            Self::Frame(FrameError::Size { .. }) => "size",
            Self::Frame(FrameError::Step { .. }) => "step",
            Self::Frame(FrameError::Data { .. }) => "data",
            Self::Decode(_) => "compressed image",
            Self::Tensor(_) => "tensor",
            Self::Render(_) => "mask",
            Self::Model(_) => "model",
        }
    }
}
