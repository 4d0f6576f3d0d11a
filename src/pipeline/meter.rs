//! What is charged to the share of compute: the time that the network's threads have worked, not the time that passed while others ran.

use std::time::Duration;

use crate::clock::{Clock, Worker};
use crate::model::StagedModel;

/// Meters the compute of frames on some threads: the one that runs frames while it does, those that help it all the time.
pub struct Meter {
    threads: u32,
    /// CPU time of the threads that help, up to the last charge.
    helped: Duration,
}

impl Meter {
    /// A meter for a network on `threads` threads.
    pub fn new(threads: usize) -> Self {
        Self { threads: u32::try_from(threads.max(1)).unwrap_or(u32::MAX), helped: Duration::ZERO }
    }

    /// Charges nothing of what was worked until now.
    pub fn restart(&mut self, model: &dyn StagedModel) {
        self.helped = helped(model);
    }

    /// What is to be charged on the thread that ran a frame, at its end: time of all threads together, as a part of their number. `began` is what the
    /// thread had worked when the frame began.
    pub fn charge(&mut self, began: Duration, clock: &dyn Clock, model: &dyn StagedModel) -> Duration {
        let helped = helped(model);
        let of_helpers = helped.saturating_sub(std::mem::replace(&mut self.helped, helped));
        (clock.worked(Worker::Thread).saturating_sub(began) + of_helpers) / self.threads
    }
}

/// CPU time that threads beside the one that runs frames have spent until now.
fn helped(model: &dyn StagedModel) -> Duration {
    model.crew().map_or(Duration::ZERO, |crew| crew.helped())
}
