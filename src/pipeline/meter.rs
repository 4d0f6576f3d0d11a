//! What is charged to the share of compute: the time that threads have worked, not the time that passed while others ran.

use std::time::Duration;

use crate::clock::{Clock, Worker};
use crate::compute::Compute;
use crate::model::StagedModel;

/// Meters the compute of frames on some threads.
///
/// A share that the user allows is a part of the network's threads: the one that runs frames is metered while it does, those that help it all the
/// time. A cgroup's quota counts the whole process; so where the quota is what limits, all CPU time of the process is metered.
pub struct Meter {
    compute: Compute,
    threads: u32,
    /// The share that the user allows.
    wanted: f64,
    /// CPU time of the process up to the last charge.
    process: Duration,
    /// The same of the threads that help.
    helped: Duration,
}

impl Meter {
    /// A meter for a network on `threads` threads, where the user allows a share of `wanted`.
    pub fn new((compute, threads): (Compute, usize), wanted: f64) -> Self {
        let threads = u32::try_from(threads.max(1)).unwrap_or(u32::MAX);
        Self { compute, threads, wanted, process: Duration::ZERO, helped: Duration::ZERO }
    }

    /// Charges nothing of what was worked until now.
    pub fn restart(&mut self, clock: &dyn Clock, model: &dyn StagedModel) {
        (self.process, self.helped) = (clock.worked(Worker::Process), helped(model));
    }

    /// The user allows another share. What was worked before the quota limits it is not charged to the quota.
    pub fn set(&mut self, wanted: f64, clock: &dyn Clock, model: &dyn StagedModel) {
        let was_quota = self.is_quota();
        self.wanted = wanted;
        if self.is_quota() != was_quota {
            self.restart(clock, model);
        }
    }

    /// The share in force.
    pub fn share(&self) -> f64 {
        self.compute.share(self.wanted, self.threads as usize)
    }

    /// Whether the quota is what limits.
    fn is_quota(&self) -> bool {
        self.share() < self.wanted
    }

    /// What is to be charged on the thread that ran a frame, at its end: time of all threads together, as a part of their number. `began` is what the
    /// thread had worked when the frame began.
    pub fn charge(&mut self, began: Duration, clock: &dyn Clock, model: &dyn StagedModel) -> Duration {
        // One call to the system at the end of a frame: what all threads have worked takes longest to find.
        let used = match self.is_quota() {
            true => since(&mut self.process, clock.worked(Worker::Process)),
            false => clock.worked(Worker::Thread).saturating_sub(began) + since(&mut self.helped, helped(model)),
        };
        used / self.threads
    }
}

/// CPU time that threads beside the one that runs frames have spent until now.
fn helped(model: &dyn StagedModel) -> Duration {
    model.crew().map_or(Duration::ZERO, |crew| crew.helped())
}

/// What was added since the last reading, which `now` replaces.
fn since(last: &mut Duration, now: Duration) -> Duration {
    now.saturating_sub(std::mem::replace(last, now))
}
