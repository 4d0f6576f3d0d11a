//! The steady clock, and the time that threads have worked: the only place that reads the machine's time.
//!
//! Deadlines are instants of this clock. It knows nothing of ROS time, stamps or dates.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The period that was worked in last, and how much.
    used: Mutex<(u64, u64)>,
    stops: AtomicU64,
}

impl ScriptedClock {
    /// A clock at its first instant.
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock whose program is stopped once it has worked for `quota` in a period, until the next one begins. The first begins with the clock.
    pub fn limited(quota: Duration, period: Duration) -> Self {
        let limit = Limit {
            quota: nanos(quota),
            period: nanos(period).max(1),
            used: Mutex::default(),
            stops: AtomicU64::new(0),
        };
        Self { limit: Some(Arc::new(limit)), ..Self::default() }
    }

    /// How often the program was stopped.
    pub fn stops(&self) -> u64 {
        self.limit.as_ref().map_or(0, |limit| limit.stops.load(Ordering::SeqCst))
    }

    /// Moves the hand forward by time in which the program works.
    pub fn advance(&self, by: Duration) {
        self.worked.fetch_add(nanos(by), Ordering::SeqCst);
        match &self.limit {
            Some(limit) => self.advance_within(limit, nanos(by)),
            None => self.stall(by),
        }
    }

    fn advance_within(&self, limit: &Limit, mut by: u64) {
        let mut used = limit.used.lock().unwrap_or_else(PoisonError::into_inner);
        while by > 0 {
            let now = nanos(self.now().since_start());
            let (period, ends) = (now / limit.period, limit.period - now % limit.period);
            if used.0 != period {
                *used = (period, 0);
            }
            let left = limit.quota.saturating_sub(used.1);
            if left == 0 {
                limit.stops.fetch_add(1, Ordering::SeqCst);
                self.stall(Duration::from_nanos(ends));
                continue;
            }
            let works = by.min(left).min(ends);
            used.1 += works;
            by -= works;
            self.stall(Duration::from_nanos(works));
        }
    }

    /// Moves the hand forward by time in which it does not.
    pub fn stall(&self, by: Duration) {
        self.nanos.fetch_add(nanos(by), Ordering::SeqCst);
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
