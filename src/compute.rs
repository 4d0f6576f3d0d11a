//! The compute that this process may use: CPU affinity and the cgroup's quota, with what is used of it, as Linux tells them.
//!
//! Knows nothing of frames or budgets. The slowdown that other processes cause is not seen here but in the stage costs.

use std::path::Path;
use std::time::Duration;

use crate::clock::{Clock, Instant};

mod cgroup;

/// How much of the machine is ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compute {
    /// CPUs that the scheduler may run us on, at least 1.
    pub cpus: usize,
    /// The cgroup's limit; `None` where there is none.
    pub quota: Option<Quota>,
}

/// A cgroup's limit of CPU time (CFS bandwidth control): a process that uses all of it is stopped until the next period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// CPU time in each period.
    pub time: Duration,
    /// 100 ms by default.
    pub period: Duration,
}

/// What has been used of a quota, by all processes that share it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// CPU time, in all periods until now.
    pub time: Duration,
    /// Periods in which it was used up, and those who wanted more were stopped.
    pub stops: u64,
}

/// A quota that can stop this process.
pub struct Limited {
    /// What is allowed.
    pub quota: Quota,
    /// When one of its periods began, which follow each other without a gap; `None` where nobody counts them.
    pub began: Option<Instant>,
    /// Tells what all that share it have used; `None` where nobody counts.
    pub used: Box<dyn Fn() -> Option<Used> + Send>,
}

impl Quota {
    /// As many CPUs: 0.5 is half of one.
    pub fn cpus(self) -> f64 {
        self.time.div_duration_f64(self.period)
    }
}

impl Compute {
    /// Reads affinity and quota of this process. What cannot be read does not limit.
    pub fn read() -> Self {
        Self { cpus: affinity(), quota: limit().map(|limit| limit.quota) }
    }

    /// The threads to use of the `wanted` ones: no more than CPUs, and no more than the quota can keep busy.
    pub fn threads(self, wanted: usize) -> usize {
        let by_quota = self.quota.map_or(wanted, |quota| quota.cpus().ceil() as usize);
        wanted.min(self.cpus).min(by_quota).max(1)
    }
}

/// The cgroup's quota, if it can stop this process, whose network has `threads` threads. Works until one of its periods begins, two at most, as none is counted
/// while nothing runs.
pub fn limited(threads: usize, clock: &dyn Clock) -> Option<Limited> {
    let limit = limit()?;
    let (quota, account) = (limit.quota, limit.account());
    if !can_stop(quota, threads, account.is_some()) {
        return None;
    }
    let began = first_change(|| limit.periods(), clock, 2 * quota.period);
    Some(Limited { quota, began, used: Box::new(move || account.as_ref()?.read()) })
}

/// Whether the quota can run out. Where the cgroup reports what others use, always: they may use up any quota, on whatever CPUs. Else only if it is smaller
/// than our own `threads`.
fn can_stop(quota: Quota, threads: usize, others_seen: bool) -> bool {
    others_seen || quota.cpus() < threads as f64
}

/// When `count` first gives another value than at first.
fn first_change(mut count: impl FnMut() -> Option<u64>, clock: &dyn Clock, within: Duration) -> Option<Instant> {
    let (first, end) = (count()?, clock.now() + within);
    loop {
        let changed = count()? != first;
        let now = clock.now();
        if changed || now > end {
            return changed.then_some(now);
        }
    }
}

fn limit() -> Option<cgroup::Limit> {
    cgroup::tightest(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"))
}

fn affinity() -> usize {
    let everywhere = || std::thread::available_parallelism().map_or(1, |n| n.get());
    rustix::thread::sched_getaffinity(None).map_or_else(|_| everywhere(), |set| (set.count() as usize).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ScriptedClock;

    const MS: Duration = Duration::from_millis(1);

    fn quota(cpus: f64) -> Option<Quota> {
        Some(Quota { time: (100 * MS).mul_f64(cpus), period: 100 * MS })
    }

    #[test]
    fn threads_follow_affinity_and_quota() {
        let two = Compute { cpus: 2, quota: None };
        assert_eq!((two.threads(1), two.threads(8), two.threads(0)), (1, 2, 1));
        assert_eq!(Compute { cpus: 8, quota: quota(1.5) }.threads(8), 2);
        assert_eq!(Compute { cpus: 8, quota: quota(0.2) }.threads(8), 1);
    }

    #[test]
    fn a_quota_can_stop_the_threads_that_use_it_up_and_any_where_others_are_seen() {
        let can_stop = |cpus, threads, told| quota(cpus).is_some_and(|quota| can_stop(quota, threads, told));
        assert!(can_stop(0.5, 1, false) && !can_stop(2.0, 2, false));
        // On one CPU of ours, others on their own CPUs use up a quota of one.
        assert!(can_stop(1.0, 1, true) && can_stop(2.0, 2, true));
    }

    #[test]
    fn this_machine_gives_at_least_one_cpu() {
        assert!(Compute::read().cpus >= 1);
    }

    /// Where a count goes up after 30 ms, each reading takes one, and the third gives nothing if `breaks`.
    fn seen(breaks: bool, within: Duration) -> Option<Instant> {
        let clock = ScriptedClock::new();
        let count = || {
            clock.advance(MS);
            let now = clock.now().since_start();
            (!breaks || now < 3 * MS).then_some(7 + u64::from(now >= 30 * MS))
        };
        first_change(count, &clock, within)
    }

    #[test]
    fn a_period_begins_where_the_count_of_periods_changes() {
        assert_eq!(seen(false, 200 * MS), Some(Instant::at(30 * MS)));
    }

    #[test]
    fn periods_that_nobody_counts_are_not_waited_for() {
        assert_eq!(seen(false, 20 * MS), None);
        assert_eq!(seen(true, 200 * MS), None);
    }
}
