//! The steady clock: the only place that reads the machine's time.
//!
//! Deadlines are instants of this clock. It knows nothing of ROS time, stamps or dates.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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

/// A steady clock. Handles are shared: all clones of one clock show the same time.
pub trait Clock: Send + Sync {
    /// The present instant; never earlier than one returned before.
    fn now(&self) -> Instant;

    /// Returns once `until` is reached; at once where it has passed.
    fn sleep_until(&self, until: Instant);
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
}

/// A clock that moves only when told to, for simulations and tests.
///
/// Clones share the same hand: a scripted model charges its costs to its clone.
#[derive(Clone, Debug, Default)]
pub struct ScriptedClock {
    nanos: Arc<AtomicU64>,
}

impl ScriptedClock {
    /// A clock at its first instant.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the hand forward.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ScriptedClock {
    fn now(&self) -> Instant {
        Instant(Duration::from_nanos(self.nanos.load(Ordering::SeqCst)))
    }

    fn sleep_until(&self, until: Instant) {
        let left = until.since(self.now());
        self.advance(left);
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
