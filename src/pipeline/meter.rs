//! What is charged to the share of compute: the time that threads have worked, not the time that passed while others ran.

use std::time::Duration;

use crate::clock::{Clock, Worker};
use crate::compute::Compute;
use crate::model::StagedModel;

/// Meters the compute of frames on some threads.
///
/// A share that the user allows is a part of the network's threads: their CPU time is metered while a frame runs. A cgroup's quota counts the whole
/// process, between frames too; so where the quota is what limits, all CPU time of the process is.
pub struct Meter {
    compute: Compute,
    threads: u32,
    /// CPU time of the process up to the last charge.
    process: Duration,
}

/// Readings at the start of a frame.
#[derive(Clone, Copy)]
pub struct Reading {
    thread: Duration,
    helped: Duration,
}

impl Meter {
    /// A meter for a network on `threads` threads, which reads from now on.
    pub fn new((compute, threads): (Compute, usize), clock: &dyn Clock) -> Self {
        let threads = u32::try_from(threads.max(1)).unwrap_or(u32::MAX);
        Self { compute, threads, process: clock.worked(Worker::Process) }
    }

    /// The share in force where the user allows `wanted`.
    pub fn share(&self, wanted: f64) -> f64 {
        self.compute.share(wanted, self.threads as usize)
    }

    /// Reads at the start of a frame, on the thread that runs it.
    pub fn begin(clock: &dyn Clock, model: &dyn StagedModel) -> Reading {
        Reading { thread: clock.worked(Worker::Thread), helped: model.helped() }
    }

    /// What is to be charged at the end of a frame where the user allows a share of `wanted`: time of all threads together, as a part of their number.
    pub fn end(&mut self, begun: Reading, clock: &dyn Clock, model: &dyn StagedModel, wanted: f64) -> Duration {
        let process = clock.worked(Worker::Process);
        let since = process.saturating_sub(std::mem::replace(&mut self.process, process));
        let used = if self.share(wanted) < wanted {
            since
        } else {
            let Reading { thread, helped } = Self::begin(clock, model);
            thread.saturating_sub(begun.thread) + helped.saturating_sub(begun.helped)
        };
        used / self.threads
    }
}
