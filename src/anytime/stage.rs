//! The pieces that the work on a frame is divided into.

/// A bounded piece of the work on one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Message to input tensor, of the camera with that index.
    Decode(usize),
    /// The network's part that runs once a frame.
    Data,
    /// The repeated block; iterations count from 1.
    Step(usize),
    /// The exit after that many iterations.
    Exit(usize),
    /// Logits to published mask, of the camera with that index.
    Render(usize),
}

impl Stage {
    /// The stage's name without its iteration: `decode`, `data`, `step`, `exit` or `render`.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Decode(_) => "decode",
            Stage::Data => "data",
            Stage::Step(_) => "step",
            Stage::Exit(_) => "exit",
            Stage::Render(_) => "render",
        }
    }

    /// Whether the stage's work is the same for every frame, so that its time tells the machine's speed.
    pub(super) fn tells_speed(self) -> bool {
        matches!(self, Stage::Data | Stage::Step(_) | Stage::Exit(_))
    }
}
