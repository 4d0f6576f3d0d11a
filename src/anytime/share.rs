//! The share of compute that the user allows, kept over time.
//!
//! A bucket fills at `share` seconds of compute a second and holds at most one budget. A frame is charged the time that its threads worked, also
//! beyond what the bucket held; while it is in debt nothing starts. So the time worked never exceeds `share * time + one
//! frame`, and a frame that comes after a rest may use its whole budget. Pure functions of `now`.

use std::time::Duration;

use crate::clock::Instant;

/// The allowance of compute time that is left.
#[derive(Clone, Debug)]
pub struct Allowance {
    share: f64,
    capacity: f64,
    /// Seconds of compute at `since`; negative while in debt.
    balance: f64,
    since: Instant,
}

impl Allowance {
    /// A full bucket. `share` is the part of the time that may be spent computing, above 0 and at most 1.
    pub fn new(share: f64, capacity: Duration, now: Instant) -> Self {
        let capacity = capacity.as_secs_f64();
        Self { share: share.clamp(1e-3, 1.0), capacity, balance: capacity, since: now }
    }

    /// Changes share and capacity; what was saved or owed stays.
    pub fn set(&mut self, share: f64, capacity: Duration, now: Instant) {
        self.settle(now);
        self.share = share.clamp(1e-3, 1.0);
        self.capacity = capacity.as_secs_f64();
        self.balance = self.balance.min(self.capacity);
    }

    /// Whether anything is limited, which a share of 1 does not.
    pub fn limits(&self) -> bool {
        self.share < 1.0
    }

    /// Compute time that a frame starting at `now` may use; `None` where nothing is limited.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        self.limits().then(|| Duration::from_secs_f64(self.balance_at(now).max(0.0)))
    }

    /// When the next frame may start: `now` unless compute is owed.
    pub fn ready_at(&self, now: Instant) -> Instant {
        let debt = -self.balance_at(now);
        if !self.limits() || debt <= 0.0 {
            return now;
        }
        now + Duration::from_secs_f64(debt / self.share)
    }

    /// Takes what a frame that ends at `now` has used.
    pub fn charge(&mut self, used: Duration, now: Instant) {
        self.settle(now);
        self.balance -= used.as_secs_f64();
    }

    fn settle(&mut self, now: Instant) {
        self.balance = self.balance_at(now);
        self.since = now;
    }

    fn balance_at(&self, now: Instant) -> f64 {
        let earned = self.share * now.since(self.since).as_secs_f64();
        (self.balance + earned).min(self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Instant {
        Instant::at(ms * MS)
    }

    #[test]
    fn a_frame_after_a_rest_may_use_its_whole_budget() {
        let allowance = Allowance::new(0.5, 30 * MS, at(0));
        assert_eq!(allowance.left(at(1000)), Some(30 * MS));
    }

    #[test]
    fn a_whole_share_limits_nothing() {
        let mut allowance = Allowance::new(1.0, 30 * MS, at(0));
        allowance.charge(500 * MS, at(500));
        assert_eq!(allowance.left(at(500)), None);
        assert_eq!(allowance.ready_at(at(500)), at(500));
    }

    #[test]
    fn a_debt_is_paid_before_the_next_frame_starts() {
        let mut allowance = Allowance::new(0.25, 10 * MS, at(0));
        allowance.charge(20 * MS, at(20));
        let ready = allowance.ready_at(at(20));
        assert!(ready >= at(59) && ready <= at(61), "{ready:?}");
        assert_eq!(allowance.left(at(20)), Some(Duration::ZERO));
    }

    #[test]
    fn over_time_the_busy_part_is_the_share() {
        for share in [0.05, 0.3, 0.5, 0.9] {
            let mut now = at(0);
            let mut busy = Duration::ZERO;
            let mut allowance = Allowance::new(share, 33 * MS, now);
            while now < at(60_000) {
                now = allowance.ready_at(now);
                let used = allowance.left(now).unwrap_or(33 * MS).max(12 * MS);
                now = now + used;
                busy += used;
                allowance.charge(used, now);
            }
            let part = busy.as_secs_f64() / now.since_start().as_secs_f64();
            assert!((part - share).abs() < 0.01 * share + 0.001, "{part} for {share}");
        }
    }
}
