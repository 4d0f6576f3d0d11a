//! What is left of a cgroup's quota, kept as the kernel keeps it (CFS bandwidth control): CPU time for a period, and once it is used up none until the
//! next period begins, whatever was left in those before.
//!
//! So a frame may use its part of what is left in this period, as frames that are still to come in it want theirs; and where the period ends
//! before all that is left could be used up, that and its part of the next one. Other processes below the same quota are taken to work on as they did.
//! Pure functions of what was read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cadence::Cadence;
use crate::clock::Instant;
use crate::compute::{Quota, Used};

/// What is kept free of a quota: each CPU is given its time in slices, and keeps some of a slice that nothing of ours used on it.
const KEPT_FREE: f64 = 0.05;
/// How much a new frame moves what threads beside it and others usually work.
const NEWEST: f64 = 0.125;
/// Fewer CPUs than these are no others, but what is counted late.
const LEAST: f64 = 0.05;

/// The account of a [`Quota`].
#[derive(Clone, Debug)]
pub struct Bandwidth {
    quota: Quota,
    /// A period began then.
    began: Instant,
    threads: f64,
    /// When was read last ...
    read: Instant,
    /// ... and what had been worked then.
    worked: Worked,
    /// Seconds that had been worked when the period began, by all.
    at_begin: f64,
    /// Seconds that other threads work from one frame's end to the next one's beginning, or in a period where that is shorter.
    beside: f64,
    /// CPUs that others were seen to work on.
    seen_others: f64,
    /// From how many frames that was learned.
    lessons: f64,
    /// When the last frame began, and what had been worked then.
    frame_began: (Instant, Worked),
    /// Of each camera that was seen.
    cadences: BTreeMap<usize, Cadence>,
}

/// What has been worked below a quota until some instant, in seconds of CPU time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Worked {
    /// By this process.
    process: f64,
    /// By others.
    others: f64,
    /// How often all were stopped.
    stops: u64,
}

impl Worked {
    fn all(self) -> f64 {
        self.process + self.others
    }
}

impl Bandwidth {
    /// An account for frames on `threads` threads, of which nothing is used; a period of the quota began at `began`. `process` is what the process had
    /// worked at `now`, and `used` what all below the quota had, where that is told.
    pub fn new(
        (quota, began): (Quota, Instant),
        threads: usize,
        now: Instant,
        (process, used): (Duration, Option<Used>),
    ) -> Self {
        let process = process.as_secs_f64();
        let mut worked = Worked { process, ..Worked::default() };
        (worked.others, worked.stops) = used.map_or((0.0, 0), |used| (used.time.as_secs_f64() - process, used.stops));
        Self {
            quota,
            began,
            threads: threads.max(1) as f64,
            read: now,
            worked,
            at_begin: worked.all(),
            beside: 0.0,
            seen_others: 0.0,
            lessons: 0.0,
            frame_began: (now, worked),
            cadences: BTreeMap::new(),
        }
    }

    /// A frame of a camera arrived at `arrival`, whether it will be run or not.
    pub fn arrived(&mut self, camera: usize, arrival: Instant) {
        self.cadences.entry(camera).or_default().arrived(arrival);
    }

    /// A frame begins; `process` is what the process had worked at `now`, and `used` what all below the quota had, where that is told.
    pub fn frame_begins(&mut self, now: Instant, process: Duration, used: Option<Used>) {
        // A period's quota pays for what is worked in one, of all that was in a long pause. Some of it followed the frame before at once, so twice
        // the even part is set aside.
        let (period, pause) = (self.quota.period.as_secs_f64(), now.since(self.read).as_secs_f64());
        let in_a_period = (2.0 * period / pause.max(1e-9)).min(1.0);
        let beside = (in_a_period * (process.as_secs_f64() - self.worked.process)).min(self.planned());
        self.beside += NEWEST * (beside - self.beside);
        self.read(now, process, used);
        self.learn_others();
    }

    /// A frame ends; of `process` and `used` as at its beginning.
    pub fn frame_ends(&mut self, now: Instant, process: Duration, used: Option<Used>) {
        self.read(now, process, used);
    }

    /// Others work evenly from one frame's beginning to the next one's, unless they were stopped: then they would have worked more.
    fn learn_others(&mut self) {
        let (began, before) = std::mem::replace(&mut self.frame_began, (self.read, self.worked));
        let time = self.read.since(began).as_secs_f64();
        if time > 0.0 {
            let cpus = (self.worked.others - before.others).max(0.0) / time;
            if cpus > self.seen_others || self.worked.stops == before.stops {
                self.lessons += 1.0;
                self.seen_others += NEWEST.max(1.0 / self.lessons) * (cpus - self.seen_others);
            }
        }
    }

    /// CPUs that others work on.
    fn others(&self) -> f64 {
        if self.seen_others < LEAST { 0.0 } else { self.seen_others }
    }

    /// The time that a frame which begins where was read last may use, on all threads. Frames take `first` to their first exit, of a budget of so much.
    pub fn left(&self, first: Duration, budget: Duration) -> Duration {
        if self.quota.cpus() >= self.threads + self.others() {
            return Duration::MAX;
        }
        let (now, left, ends) = (self.read, self.left_at(self.read), self.ends_in(self.read));
        let next = now + ends;
        let beside = self.beside / self.threads;
        let part = match left >= (self.threads + self.others()) * ends.as_secs_f64() {
            true => ends.as_secs_f64() + self.part(self.planned(), next, next + self.quota.period),
            false => match self.part(left, now, next) {
                // Others will have used up what there is. Frames that come last then have time enough in the next period.
                part if self.others() > 0.0 && part < first.as_secs_f64() + beside => {
                    part.max(self.part(left, now, next - budget.saturating_sub(first)))
                }
                part => part,
            },
        };
        Duration::from_secs_f64((part - beside).max(0.0))
    }

    /// The time that a frame at `from` may use of what is `left`, if all that come until then are to have the same, and others go on until the last has.
    fn part(&self, left: f64, from: Instant, until: Instant) -> f64 {
        let among = |until| {
            let (mut frames, mut last) = (1, from);
            for (count, at) in self.cadences.values().filter_map(|cadence| cadence.to_come(from, until)) {
                (frames, last) = (frames + count, last.max(at));
            }
            let left = left - self.others() * last.since(from).as_secs_f64();
            left.max(0.0) / (self.threads * frames as f64 + self.others())
        };
        // One that comes last of all has most of its time in the next period.
        among(until - Duration::from_secs_f64(0.5 * among(until)))
    }

    /// When a frame that takes `first` to its first exit may begin: `now`, or as soon as what is left lasts until the next period does. It begins now, too,
    /// where it would be stopped and still be there by its `deadline`, as others leave nothing of what it does not use.
    pub fn ready_at(&self, now: Instant, first: Duration, deadline: Option<Instant>) -> Instant {
        let cpus = self.threads + self.others();
        if self.quota.cpus() >= cpus {
            return now;
        }
        let (left, ends) = (self.left_at(now).max(0.0), self.ends_in(now));
        // What never fits into a quota gets what there is.
        let enough = (first.as_secs_f64() + self.beside / self.threads).min(0.5 * self.planned() / cpus);
        let lasts = left / cpus;
        if lasts >= enough {
            return now;
        }
        let stopped = now + ends + first.saturating_sub(Duration::from_secs_f64(lasts));
        if self.others() > 0.0 && lasts > 0.0 && deadline.is_some_and(|deadline| stopped <= deadline) {
            return now;
        }
        // Others go on meanwhile.
        let lacks = (cpus * ends.as_secs_f64() - left) / self.threads;
        now + Duration::from_secs_f64(lacks.max(0.0)).min(ends)
    }

    fn read(&mut self, now: Instant, process: Duration, used: Option<Used>) {
        let mut worked = Worked { process: process.as_secs_f64(), ..self.worked };
        if let Some(used) = used {
            // The kernel counts what runs with a delay of a tick.
            worked.others = worked.others.max(used.time.as_secs_f64() - worked.process);
            worked.stops = used.stops;
        }
        if self.began_since_read(now) {
            let (since, before) = (self.since_period_began(now).as_secs_f64(), self.worked);
            // As if the work between the two readings had been done evenly; others that were stopped meanwhile did theirs before and after.
            let part = since / now.since(self.read).as_secs_f64();
            let by_others = worked.others - before.others;
            let evenly = by_others * part;
            let others = match worked.stops == before.stops {
                true => evenly,
                false => by_others.min(evenly.max(self.others() * since)),
            };
            self.at_begin = worked.all() - (worked.process - before.process) * part - others;
        }
        (self.read, self.worked) = (now, worked);
    }

    /// Seconds of CPU time in a period that are planned with.
    fn planned(&self) -> f64 {
        (1.0 - KEPT_FREE) * self.quota.time.as_secs_f64()
    }

    /// Seconds of CPU time that are left in the period at `now`, by what was read last.
    fn left_at(&self, now: Instant) -> f64 {
        let (before, time) = match self.began_since_read(now) {
            true => (0.0, self.since_period_began(now)),
            false => (self.worked.all() - self.at_begin, now.since(self.read)),
        };
        self.planned() - before.max(0.0) - self.others() * time.as_secs_f64()
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
mod tests;
