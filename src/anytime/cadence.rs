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

    /// How many frames come after `from` until `until`; one that is due by then and was not seen yet counts, too.
    pub fn to_come(&self, from: Instant, until: Instant) -> usize {
        let (Some(last), Some(gap)) = (self.last, self.gap()) else { return 0 };
        if from.since(last) > STOPPED * gap {
            return 0;
        }
        let by = |at: Instant| at.since(last).as_nanos() / gap.as_nanos();
        let (missing, due) = (by(from).min(1), by(until).saturating_sub(by(from)));
        usize::try_from(missing + due).unwrap_or(usize::MAX)
    }

    /// From frame to frame: the second shortest gap, since frames between two that were seen may have been dropped.
    fn gap(&self) -> Option<Duration> {
        let mut gaps = self.gaps;
        gaps.sort_unstable_by_key(|gap| gap.unwrap_or(Duration::MAX));
        gaps[1].or(gaps[0])
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
        assert_eq!(cadence.to_come(at(62), at(100)), 1);
        assert_eq!(cadence.to_come(at(62), at(120)), 2);
        assert_eq!(cadence.to_come(at(62), at(80)), 0);
        assert_eq!(cadence.to_come(at(155), at(62)), 1);
    }

    #[test]
    fn frames_that_were_not_seen_leave_the_others_as_far_apart() {
        assert_eq!(seen(&[0, 30, 120, 150, 240]).to_come(at(241), at(301)), 2);
    }

    #[test]
    fn a_frame_that_is_due_and_was_not_seen_counts() {
        assert_eq!(seen(&[0, 30, 60]).to_come(at(92), at(100)), 1);
        assert_eq!(seen(&[0, 30, 60]).to_come(at(152), at(160)), 1);
    }

    #[test]
    fn of_a_camera_that_has_stopped_or_showed_one_frame_none_are_due() {
        assert_eq!(seen(&[0, 30, 60]).to_come(at(200), at(300)), 0);
        assert_eq!(seen(&[7]).to_come(at(8), at(300)), 0);
        assert_eq!(seen(&[7, 7]).to_come(at(8), at(300)), 0);
        assert_eq!(Cadence::default().to_come(at(8), at(300)), 0);
    }
}
