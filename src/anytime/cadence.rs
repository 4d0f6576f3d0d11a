//! When a camera's next frames are due, by those that arrived.

use std::time::Duration;

use crate::clock::Instant;

/// The gaps between a camera's last frames.
#[derive(Clone, Debug, Default)]
pub struct Cadence {
    last: Option<Instant>,
    gaps: [Option<Duration>; GAPS],
    next: usize,
}

/// How many gaps are kept.
const GAPS: usize = 8;
/// A camera that misses as many frames has stopped.
const STOPPED: u32 = 4;

impl Cadence {
    /// A frame arrived.
    pub fn arrived(&mut self, at: Instant) {
        if let Some(last) = self.last {
            self.gaps[self.next % GAPS] = Some(at.since(last)).filter(|gap| !gap.is_zero());
            self.next += 1;
        }
        self.last = Some(at);
    }

    /// How many frames come after `from` until `until`, and when the last of them does; one that is due by then and was not seen yet counts, too.
    pub fn to_come(&self, from: Instant, until: Instant) -> Option<(usize, Instant)> {
        let (last, gap) = (self.last?, self.gap()?);
        if from.since(last) > STOPPED * gap {
            return None;
        }
        let by = |at: Instant| at.since(last).as_nanos() / gap.as_nanos();
        let (missing, due) = (by(from).min(1), by(until).saturating_sub(by(from)));
        let count = usize::try_from(missing + due).unwrap_or(usize::MAX);
        let latest = Duration::from_nanos(u64::try_from(by(until) * gap.as_nanos()).unwrap_or(u64::MAX));
        (count > 0).then(|| (count, from.max(last + latest)))
    }

    /// From frame to frame: the median gap, or the lower of both, since frames between two that were seen may have been dropped. Where frames come late, one
    /// gap is longer and the next one shorter.
    fn gap(&self) -> Option<Duration> {
        let mut gaps = self.gaps;
        let known = gaps.iter().flatten().count();
        gaps.sort_unstable_by_key(|gap| gap.unwrap_or(Duration::MAX));
        gaps[known.saturating_sub(1) / 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::at(Duration::from_millis(ms))
    }

    fn seen(arrivals: &[u64]) -> Cadence {
        let mut cadence = Cadence::default();
        arrivals.iter().for_each(|ms| cadence.arrived(at(*ms)));
        cadence
    }

    #[test]
    fn frames_come_as_far_apart_as_they_came() {
        let cadence = seen(&[0, 30, 60]);
        assert_eq!(cadence.to_come(at(62), at(100)), Some((1, at(90))));
        assert_eq!(cadence.to_come(at(62), at(120)), Some((2, at(120))));
        assert_eq!(cadence.to_come(at(62), at(80)), None);
        assert_eq!(cadence.to_come(at(155), at(62)), Some((1, at(155))));
    }

    #[test]
    fn frames_that_were_not_seen_leave_the_others_as_far_apart() {
        assert_eq!(seen(&[0, 30, 120, 150, 240]).to_come(at(241), at(301)), Some((2, at(300))));
    }

    #[test]
    fn frames_that_came_late_come_no_more_often() {
        assert_eq!(seen(&[0, 30, 60, 115, 120, 150, 205, 210]).to_come(at(211), at(300)), Some((3, at(300))));
    }

    #[test]
    fn a_frame_that_is_due_and_was_not_seen_counts() {
        assert_eq!(seen(&[0, 30, 60]).to_come(at(92), at(100)), Some((1, at(92))));
        assert_eq!(seen(&[0, 30, 60]).to_come(at(152), at(160)), Some((1, at(152))));
    }

    #[test]
    fn of_a_camera_that_has_stopped_or_showed_one_frame_none_are_due() {
        assert_eq!(seen(&[0, 30, 60]).to_come(at(200), at(300)), None);
        assert_eq!(seen(&[7]).to_come(at(8), at(300)), None);
        assert_eq!(seen(&[7, 7]).to_come(at(8), at(300)), None);
        assert_eq!(Cadence::default().to_come(at(8), at(300)), None);
    }
}
