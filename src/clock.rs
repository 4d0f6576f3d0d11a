//! The steady clock, and the time that threads have worked: the only place that reads the machine's time.
//!
//! Deadlines are instants of this clock. It knows nothing of ROS time, stamps or dates.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::time::ClockId;

/// A point on the steady clock: the time since the clock was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// The instant `since_start` after the clock was made.
    pub const fn at(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// Time since the clock was made.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Time from `earlier` to `self`; zero where `earlier` lies after `self`.
    pub fn since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, rhs: Duration) -> Instant {
        Instant(self.0.saturating_add(rhs))
    }
}

impl std::ops::Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, rhs: Duration) -> Instant {
        Instant(self.0.saturating_sub(rhs))
    }
}

/// Whose work is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worker {
    /// The thread that asks.
    Thread,
    /// All threads of the process.
    Process,
}

/// A steady clock. Handles are shared: all clones of one clock show the same time.
pub trait Clock: Send + Sync {
    /// The present instant; never earlier than one returned before.
    fn now(&self) -> Instant;

    /// Returns once `until` is reached; at once where it has passed.
    fn sleep_until(&self, until: Instant);

    /// The CPU time that `worker` has used until now.
    fn worked(&self, worker: Worker) -> Duration;
}

/// The CPU time that the calling thread has used.
pub fn worked_by_thread() -> Duration {
    cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn cpu_time(clock: ClockId) -> Duration {
    // Linux has these clocks for every thread and process.
    clock.now().map(Duration::from).unwrap_or_default()
}

/// The machine's steady clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock whose first instant is now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    fn now(&self) -> Instant {
        Instant(self.start.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that waits for the time")]
    fn sleep_until(&self, until: Instant) {
        let left = until.since(self.now());
        if !left.is_zero() {
            std::thread::sleep(left);
        }
    }

    fn worked(&self, worker: Worker) -> Duration {
        match worker {
            Worker::Thread => worked_by_thread(),
            Worker::Process => cpu_time(ClockId::CLOCK_PROCESS_CPUTIME_ID),
        }
    }
}

/// A clock that moves only when told to, for simulations and tests.
///
/// Clones share the same hand: a scripted model charges its costs to its clone. What it is told to advance is work; sleep and stalls are not.
#[derive(Clone, Debug, Default)]
pub struct ScriptedClock {
    nanos: Arc<AtomicU64>,
    worked: Arc<AtomicU64>,
    limit: Option<Arc<Limit>>,
}

/// Work beyond `quota` in a period waits for the next one, as a kernel has it.
#[derive(Debug)]
struct Limit {
    quota: u64,
    period: u64,
    /// CPUs that others below the same quota work on, as long as they may.
    others: f64,
    group: Mutex<Group>,
    /// How often the program was stopped.
    stops: AtomicU64,
}

/// What all below the quota worked.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// In the period that was worked in last: its number, and how much.
    last: (u64, u64),
    total: u64,
    /// Periods in which the quota was used up.
    stops: u64,
}

impl ScriptedClock {
    /// A clock at its first instant.
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock whose program is stopped once it has worked for `quota` in a period, until the next one begins. The first begins with the clock. Others that work
    /// on `others` CPUs whenever they may are below the same quota.
    pub fn limited(quota: Duration, period: Duration, others: f64) -> Self {
        let (quota, period) = (nanos(quota), nanos(period).max(1));
        let limit = Limit { quota, period, others, group: Mutex::default(), stops: AtomicU64::new(0) };
        Self { limit: Some(Arc::new(limit)), ..Self::default() }
    }

    /// How often the program was stopped.
    pub fn stops(&self) -> u64 {
        self.limit.as_ref().map_or(0, |limit| limit.stops.load(Ordering::SeqCst))
    }

    /// What all below the quota have worked, and in how many periods they used it up.
    pub fn group(&self) -> (Duration, u64) {
        let group = self.limit.as_ref().map(|limit| *limit.group()).unwrap_or_default();
        (Duration::from_nanos(group.total), group.stops)
    }

    /// Moves the hand forward by time in which the program works.
    pub fn advance(&self, by: Duration) {
        self.worked.fetch_add(nanos(by), Ordering::SeqCst);
        self.pass(nanos(by), true);
    }

    /// Moves the hand forward by time in which it does not.
    pub fn stall(&self, by: Duration) {
        self.pass(nanos(by), false);
    }

    fn pass(&self, mut by: u64, works: bool) {
        let Some(limit) = &self.limit else {
            self.nanos.fetch_add(by, Ordering::SeqCst);
            return;
        };
        let mut group = limit.group();
        while by > 0 {
            let (passed, stopped) = limit.next(&mut group, self.nanos.load(Ordering::SeqCst), by, works);
            self.nanos.fetch_add(passed, Ordering::SeqCst);
            if !(stopped && works) {
                by -= passed;
            }
        }
    }
}

impl Limit {
    fn group(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What passes from `now` on, at most `by` of it, until something changes; and whether the program is stopped then, if it `works`.
    fn next(&self, group: &mut Group, now: u64, by: u64, works: bool) -> (u64, bool) {
        let (period, ends) = (now / self.period, self.period - now % self.period);
        if group.last.0 != period {
            group.last = (period, 0);
        }
        let left = self.quota.saturating_sub(group.last.1);
        if left == 0 {
            self.stops.fetch_add(works.into(), Ordering::SeqCst);
            return (if works { ends } else { by.min(ends) }, true);
        }
        let cpus = self.others + f64::from(u8::from(works));
        let passed = by.min(ends).min((left as f64 / cpus).ceil() as u64);
        let used = ((passed as f64 * cpus).round() as u64).min(left);
        group.last.1 += used;
        group.total += used;
        group.stops += u64::from(used == left);
        (passed, false)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Clock for ScriptedClock {
    fn now(&self) -> Instant {
        Instant(Duration::from_nanos(self.nanos.load(Ordering::SeqCst)))
    }

    fn sleep_until(&self, until: Instant) {
        self.stall(until.since(self.now()));
    }

    fn worked(&self, _: Worker) -> Duration {
        Duration::from_nanos(self.worked.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_scripted_clock_share_its_hand() {
        let clock = ScriptedClock::new();
        let twin = clock.clone();
        clock.advance(Duration::from_millis(3));
        assert_eq!(twin.now(), Instant::at(Duration::from_millis(3)));
    }

    #[test]
    fn sleep_and_stalls_are_no_work() {
        let clock = ScriptedClock::new();
        clock.advance(Duration::from_millis(3));
        clock.stall(Duration::from_millis(4));
        clock.sleep_until(Instant::at(Duration::from_millis(9)));
        assert_eq!(clock.worked(Worker::Thread), Duration::from_millis(3));
        assert_eq!(clock.now(), Instant::at(Duration::from_millis(9)));
    }

    #[test]
    fn a_thread_that_spins_works_and_so_does_its_process() {
        let clock = SystemClock::new();
        let (thread, process) = (clock.worked(Worker::Thread), clock.worked(Worker::Process));
        while clock.worked(Worker::Thread) == thread {}
        assert!(clock.worked(Worker::Process) > process);
    }

    #[test]
    fn sleeping_until_the_past_returns_at_once() {
        let clock = ScriptedClock::new();
        clock.advance(Duration::from_millis(3));
        clock.sleep_until(Instant::default());
        assert_eq!(clock.now(), Instant::at(Duration::from_millis(3)));
    }

    #[test]
    fn the_system_clock_never_goes_back() {
        let clock = SystemClock::new();
        let first = clock.now();
        assert!(clock.now() >= first);
    }
}
