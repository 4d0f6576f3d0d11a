//! What else ends a frame than its deadline: its part of compute, and the frames of other cameras that wait.
//!
//! Both are asked before each step. A frame that another camera sends while this one runs is there only then; and compute is CPU time, of which none
//! is used while others have the processor.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::anytime::{Exits, Limits, Position, Stage, StageCosts, Task};
use crate::clock::{Clock, Instant, Worker};
use crate::kernels::Crew;
use crate::mailbox::Waits;

/// Tells which frames wait but those of one camera, in place of what the list holds.
pub type Waiting = Box<dyn Fn(usize, &mut Vec<Waits>) + Send>;

/// The frames of other cameras that wait.
pub struct Others {
    waiting: Waiting,
    /// Kept, so that nothing is allocated.
    list: Vec<Waits>,
}

impl Default for Others {
    /// None.
    fn default() -> Self {
        Self::new(Box::new(|_, list| list.clear()))
    }
}

impl Others {
    /// Those of which `waiting` tells.
    pub fn new(waiting: Waiting) -> Self {
        Self { waiting, list: Vec::new() }
    }

    /// Each frame that waits now, but for those of the camera `but`, in the order in which they are served.
    pub fn waiting(&mut self, but: usize) -> &mut Vec<Waits> {
        (self.waiting)(but, &mut self.list);
        &mut self.list
    }

    /// How many of them are in time from `begins` on, each to its first exit, which takes as long as `takes` says.
    pub fn in_time(&mut self, but: usize, begins: Instant, takes: impl Fn(usize) -> Duration) -> usize {
        let waiting = self.waiting(but);
        keep_those_in_time(waiting, begins, takes);
        waiting.len()
    }
}

/// The CPU time that a frame uses.
pub struct Spent {
    clock: Arc<dyn Clock>,
    crew: Option<Arc<Crew>>,
    /// What the frame's thread and those that help it had worked when it began.
    began: [Duration; 2],
}

impl Spent {
    /// From now on, of this thread and of a crew.
    pub fn begin(clock: &Arc<dyn Clock>, crew: Option<&Arc<Crew>>) -> Self {
        let mut spent = Self { clock: Arc::clone(clock), crew: crew.cloned(), began: [Duration::ZERO; 2] };
        spent.began = spent.worked();
        spent
    }

    fn worked(&self) -> [Duration; 2] {
        [self.clock.worked(Worker::Thread), self.crew.as_ref().map_or(Duration::ZERO, |crew| crew.helped())]
    }

    /// By this thread alone.
    pub fn by_thread(&self) -> Duration {
        self.clock.worked(Worker::Thread).saturating_sub(self.began[0])
    }

    /// By all of `threads`, as a part of their number.
    fn each(&self, threads: u32) -> Duration {
        let [thread, helped] = self.worked();
        (thread.saturating_sub(self.began[0]) + helped.saturating_sub(self.began[1])) / threads.max(1)
    }
}

/// What stands beside a frame of a camera while it runs.
pub struct Beside<'a> {
    pub task: &'a Task<'a>,
    /// The exit that every frame takes, whatever the time.
    pub first: usize,
    /// The CPU time on each of so many threads that was left to the frame when it began, and what it uses; `None` where nothing is limited.
    pub compute: Option<(Duration, u32, &'a Spent)>,
    pub others: &'a mut Others,
}

impl Beside<'_> {
    /// What ends the frame, which has come to `at` at `now`.
    pub fn limits(&mut self, now: Instant, costs: &StageCosts, at: Position) -> Limits {
        let share_end =
            self.compute.map(|(left, threads, spent)| spent.clock.now() + left.saturating_sub(spent.each(threads)));
        let waiting = self.others.waiting(self.task.camera);
        if waiting.is_empty() {
            return Limits { share_end, others: None };
        }
        let published = self.task.exits == Exits::EachPublished && at.exited == at.done;
        let due = if at.exited < at.done { costs.usual(self.task.exit(at.done)) } else { Duration::ZERO };
        let render = if published { Duration::ZERO } else { costs.reserve(self.task.render()) };
        let takes = |camera, exit| to_exit((self.first, exit), camera, costs);
        Limits { share_end, others: latest_end(waiting, now + due + render, self.first..=at.done + 1, takes) }
    }
}

/// Leaves those that can be in time from `begins` on, one after the other, and of those when they would be replaced only where they can begin before.
fn keep_those_in_time(waiting: &mut Vec<Waits>, mut begins: Instant, takes: impl Fn(usize) -> Duration) {
    waiting.retain_mut(|waits| {
        let end = begins + takes(waits.camera);
        let in_time = end <= waits.deadline;
        waits.next = waits.next.filter(|next| *next >= begins);
        begins = if in_time { end } else { begins };
        in_time
    });
}

/// When a frame has to be out that could be at `free`, for those that wait to begin before they are replaced and to be in time; and, of the exits
/// that are asked for, at the deepest that all of them could have if it ended then: masks are worth most together where all are as deep. A frame for
/// which it is too late already holds nothing up.
fn latest_end(
    waiting: &mut Vec<Waits>,
    free: Instant,
    exits: RangeInclusive<usize>,
    takes: impl Fn(usize, usize) -> Duration,
) -> Option<Instant> {
    keep_those_in_time(waiting, free, |camera| takes(camera, *exits.start()));
    let latest = |exit| {
        let mut before = Duration::ZERO;
        let ends = waiting.iter().map(|waits| {
            let by_next = waits.next.map(|next| next - before);
            before += takes(waits.camera, exit);
            by_next.map_or(waits.deadline - before, |next| next.min(waits.deadline - before))
        });
        ends.min()
    };
    exits.rev().filter_map(latest).find(|end| *end >= free)
}

/// What a frame of `camera` takes to the first exit and that one's mask. Whether it starts warm is not known yet, and changes little.
pub fn to_first_exit(first: usize, camera: usize, cost: impl Fn(Stage) -> Duration) -> Duration {
    let around = [Stage::Decode(camera), Stage::Data, Stage::Exit(first), Stage::Render(camera)];
    (1..=first).map(Stage::Step).chain(around).map(cost).sum()
}

/// What it takes to an exit that is not before the first, with as much set aside as for the first one.
fn to_exit((first, exit): (usize, usize), camera: usize, costs: &StageCosts) -> Duration {
    let deeper: Duration = (first + 1..=exit).map(|step| costs.usual(Stage::Step(step))).sum();
    let last = if exit > first { costs.usual(Stage::Exit(exit)) } else { Duration::ZERO };
    to_first_exit(first, camera, |stage| costs.reserve(stage)) + deeper + last
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Instant {
        Instant::at(ms * MS)
    }

    /// With exits after 5, 8 and 11 ms, and so on.
    fn latest_of(mut waiting: Vec<Waits>, free: u32, deepest: usize) -> Option<Instant> {
        latest_end(&mut waiting, at(free), 1..=deepest, |_, exit| (2 + 3 * exit as u32) * MS)
    }

    fn latest(deadlines: &[u32], free: u32, deepest: usize) -> Option<Instant> {
        let waits = |(camera, ms): (usize, &u32)| Waits { turn: (at(*ms), 0), camera, deadline: at(*ms), next: None };
        latest_of(deadlines.iter().enumerate().map(waits).collect(), free, deepest)
    }

    #[test]
    fn a_frame_ends_in_time_for_those_that_wait_to_come_as_deep() {
        assert_eq!(latest(&[30], 10, 3), Some(at(19)));
        assert_eq!(latest(&[30, 40], 10, 3), Some(at(18)));
        assert_eq!(latest(&[], 10, 3), None);
    }

    #[test]
    fn where_those_that_wait_can_only_come_less_deep_they_do_and_no_less() {
        // The third exit would have been possible until 19.
        assert_eq!(latest(&[30], 20, 3), Some(at(22)));
        assert_eq!(latest(&[30], 23, 3), Some(at(25)));
        assert_eq!(latest(&[30, 32], 19, 2), Some(at(22)));
    }

    #[test]
    fn a_frame_that_cannot_be_in_time_any_more_holds_nothing_up() {
        assert_eq!(latest(&[30], 26, 2), None);
        assert_eq!(latest(&[12, 30], 10, 2), Some(at(22)));
    }

    #[test]
    fn a_frame_that_would_be_replaced_begins_before_that() {
        let waits = |next| Waits { turn: (at(90), 0), camera: 0, deadline: at(90), next: Some(at(next)) };
        assert_eq!(latest_of(vec![waits(20)], 10, 2), Some(at(20)));
        assert_eq!(latest_of(vec![waits(20), Waits { camera: 1, ..waits(30) }], 10, 2), Some(at(20)));
        assert_eq!(latest_of(vec![waits(20), Waits { camera: 1, ..waits(21) }], 10, 2), Some(at(13)));
        // Where its next frame is late, it is still there.
        assert_eq!(latest_of(vec![waits(9)], 10, 2), Some(at(82)));
    }
}
