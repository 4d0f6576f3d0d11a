//! What is left of a cgroup's quota, kept as the kernel keeps it (CFS bandwidth control): CPU time for a period, and once it is used up none until the
//! next period begins, whatever was left in those before.
//!
//! So a frame may use its part of what is left in this period, as frames that are still to come in it want theirs; and where the period ends
//! before all that is left could be used up, that and its part of the next one. Pure functions of what was read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cadence::Cadence;
use crate::clock::Instant;
use crate::compute::Quota;

/// What is kept free of a quota: each CPU is given its time in slices, and keeps some of a slice that nothing of ours used on it.
const KEPT_FREE: f64 = 0.05;
/// How much a new frame moves what threads beside it usually work.
const NEWEST: f64 = 0.125;

/// The account of a [`Quota`].
#[derive(Clone, Debug)]
pub struct Bandwidth {
    quota: Quota,
    /// A period began then.
    began: Instant,
    threads: f64,
    /// When was read last ...
    read: Instant,
    /// ... and what all threads had worked then, in seconds.
    worked: f64,
    /// The same when the period began.
    at_begin: f64,
    /// Seconds that other threads work from one frame's end to the next one's beginning.
    beside: f64,
    /// Of each camera that was seen.
    cadences: BTreeMap<usize, Cadence>,
}

impl Bandwidth {
    /// An account for frames on `threads` threads, of which nothing is used; a period of the quota began at `began`. `worked` is what the process had
    /// worked at `now`.
    pub fn new((quota, began): (Quota, Instant), threads: usize, now: Instant, worked: Duration) -> Self {
        let worked = worked.as_secs_f64();
        let threads = threads.max(1) as f64;
        let (read, at_begin, cadences) = (now, worked, BTreeMap::new());
        Self { quota, began, threads, read, worked, at_begin, beside: 0.0, cadences }
    }

    /// A frame of a camera arrived at `arrival`, whether it will be run or not.
    pub fn arrived(&mut self, camera: usize, arrival: Instant) {
        self.cadences.entry(camera).or_default().arrived(arrival);
    }

    /// A frame begins; `worked` is what the process had worked at `now`.
    pub fn frame_begins(&mut self, now: Instant, worked: Duration) {
        let beside = (worked.as_secs_f64() - self.worked).min(self.planned());
        self.beside += NEWEST * (beside - self.beside);
        self.read(now, worked);
    }

    /// A frame ends; `worked` is what the process had worked at `now`.
    pub fn frame_ends(&mut self, now: Instant, worked: Duration) {
        self.read(now, worked);
    }

    /// The time that a frame which begins where was read last may use, on all threads.
    pub fn left(&self) -> Duration {
        let (now, left, ends) = (self.read, self.left_at(self.read), self.ends_in(self.read));
        let next = now + ends;
        let part = match left >= ends.as_secs_f64() {
            true => ends.as_secs_f64() + self.part(self.planned() / self.threads, next, next + self.quota.period),
            false => self.part(left, now, next),
        };
        Duration::from_secs_f64((part - self.beside / self.threads).max(0.0))
    }

    /// The part of what is `left` that a frame at `from` may use, if all that come until then are to have the same.
    fn part(&self, left: f64, from: Instant, until: Instant) -> f64 {
        let among = |until| {
            let to_come: usize = self.cadences.values().map(|cadence| cadence.to_come(from, until)).sum();
            left.max(0.0) / (1 + to_come) as f64
        };
        // One that comes last of all has most of its time in the next period.
        among(until - Duration::from_secs_f64(0.5 * among(until)))
    }

    /// When a frame that takes `first` to its first exit may begin: `now`, or as soon as what is left lasts until the next period does.
    pub fn ready_at(&self, now: Instant, first: Duration) -> Instant {
        let (left, ends) = (self.left_at(now).max(0.0), self.ends_in(now));
        // What never fits into a quota gets what there is.
        let enough = (first.as_secs_f64() + self.beside / self.threads).min(0.5 * self.planned() / self.threads);
        match left >= enough {
            true => now,
            false => now + ends.saturating_sub(Duration::from_secs_f64(left)),
        }
    }

    fn read(&mut self, now: Instant, worked: Duration) {
        let worked = worked.as_secs_f64();
        if self.began_since_read(now) {
            // As if the work between the two readings had been done evenly.
            let part = self.since_period_began(now).as_secs_f64() / now.since(self.read).as_secs_f64();
            self.at_begin = worked - (worked - self.worked) * part;
        }
        (self.read, self.worked) = (now, worked);
    }

    /// Seconds of CPU time in a period that are planned with.
    fn planned(&self) -> f64 {
        (1.0 - KEPT_FREE) * self.quota.time.as_secs_f64()
    }

    /// Seconds on all threads that are left in the period at `now`, by what was read last.
    fn left_at(&self, now: Instant) -> f64 {
        let used = if self.began_since_read(now) { 0.0 } else { self.worked - self.at_begin };
        (self.planned() - used) / self.threads
    }

    /// Whether the period of `now` began after what was read last.
    fn began_since_read(&self, now: Instant) -> bool {
        now > self.read && self.since_period_began(now) < now.since(self.read)
    }

    /// Time since the period of `now` began.
    fn since_period_began(&self, now: Instant) -> Duration {
        let period = self.quota.period.as_nanos().max(1);
        let into = now.since(self.began).as_nanos() % period;
        Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX))
    }

    /// Time until the next period begins.
    fn ends_in(&self, now: Instant) -> Duration {
        self.quota.period.saturating_sub(self.since_period_began(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Instant {
        Instant::at(ms * MS)
    }

    /// 20 ms of every 100 may be planned with, on `threads`; periods begin at 5, 105, ...
    fn account(threads: usize) -> Bandwidth {
        let time = (20 * MS).div_f64(1.0 - KEPT_FREE);
        Bandwidth::new((Quota { time, period: 100 * MS }, at(5)), threads, at(5), Duration::ZERO)
    }

    /// The same after frames at these times, each of which worked 6 ms.
    fn after(frames: &[u32]) -> Bandwidth {
        let mut account = account(1);
        for (worked, ms) in (0..).step_by(6).zip(frames) {
            account.arrived(0, at(*ms));
            account.frame_begins(at(*ms), worked * MS);
            account.frame_ends(at(ms + 6), (worked + 6) * MS);
        }
        account
    }

    fn near(left: Duration, ms: f64) {
        let left = left.as_secs_f64() * 1e3;
        assert!((left - ms).abs() < 0.01, "{left} ms instead of {ms}");
    }

    #[test]
    fn a_single_frame_may_use_what_is_left() {
        near(account(1).left(), 20.0);
        near(account(2).left(), 10.0);
        near(after(&[15]).left(), 14.0);
    }

    #[test]
    fn frames_that_are_still_to_come_in_the_period_have_their_part() {
        // Others are due at 75 and 105, and that one is of the next period.
        near(after(&[15, 45]).left(), 8.0 / 2.0);
    }

    #[test]
    fn what_cannot_be_used_up_any_more_comes_on_top_of_a_part_of_the_next_period() {
        let mut account = after(&[35, 65]);
        account.arrived(0, at(97));
        account.frame_begins(at(97), 12 * MS);
        // Frames are 30 or 32 ms apart: three come in the period that begins at 105.
        near(account.left(), 8.0 + 20.0 / 4.0);
    }

    #[test]
    fn what_threads_beside_a_frame_usually_work_is_left_to_them() {
        let mut account = account(1);
        for frame in 0..100 {
            account.frame_begins(at(5 + 100 * frame), frame * 7 * MS);
            account.frame_ends(at(11 + 100 * frame), (frame * 7 + 4) * MS);
        }
        near(account.left(), 20.0 - 4.0 - 3.0);
    }

    #[test]
    fn work_across_the_beginning_of_a_period_is_of_both() {
        let mut account = account(1);
        account.frame_begins(at(100), Duration::ZERO);
        account.frame_ends(at(120), 20 * MS);
        near(account.left(), 20.0 - 15.0);
    }

    #[test]
    fn a_frame_waits_until_what_is_left_lasts_for_the_rest_of_the_period() {
        let account = after(&[15, 45]);
        assert_eq!(account.ready_at(at(60), 7 * MS), at(60));
        assert_eq!(account.ready_at(at(60), 9 * MS), at(97));
        assert_eq!(account.ready_at(at(98), 9 * MS), at(98));
        assert_eq!(account.ready_at(at(106), 9 * MS), at(106));
    }

    #[test]
    fn what_never_fits_into_a_quota_gets_what_there_is() {
        assert_eq!(account(1).ready_at(at(10), 500 * MS), at(10));
        assert_eq!(after(&[15, 45]).ready_at(at(60), 500 * MS), at(97));
    }

    #[test]
    fn a_quota_that_nobody_can_use_up_limits_nothing() {
        let mut account =
            Bandwidth::new((Quota { time: 9000 * MS, period: 100 * MS }, at(5)), 1, at(5), Duration::ZERO);
        for ms in [10, 20, 190] {
            account.arrived(0, at(ms));
        }
        account.frame_begins(at(191), Duration::ZERO);
        assert!(account.left() > 100 * MS);
        assert_eq!(account.ready_at(at(192), 33 * MS), at(192));
    }

    #[test]
    fn frames_of_every_camera_are_to_come() {
        let mut account = account(1);
        for (camera, ms) in [(0, 7), (1, 8), (0, 37), (1, 38), (2, 39)] {
            account.arrived(camera, at(ms));
        }
        account.frame_begins(at(40), Duration::ZERO);
        // Of the first two at 67, 68, 97 and 98; of the third one nobody knows.
        near(account.left(), 20.0 / 5.0);
    }
}
