//! What may become of a frame that goes on, and of one that does not.
//!
//! A step that is abandoned costs no mask: the exit before it can still be taken. What can be lost is the deadline: by a stall in the step that leaves no time
//! for the mask that was there, or by one in the exit and the publishing that follow. Pure functions of seconds and of what is known of
//! stalls.

use super::stalls::Stalls;

/// What lies before a frame, in seconds without stalls.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    /// Now, on the clock.
    pub now: f64,
    /// Until the deadline.
    pub left: f64,
    /// What is left of the step.
    pub step: f64,
    /// The step's exit, and the publishing of its mask.
    pub end: f64,
    /// What the mask before takes until it is out.
    pub fallback: f64,
}

/// The chances of a frame that goes on. What is left to 1 is the mask of the exit before, in time.
#[derive(Clone, Copy, Debug)]
pub struct Odds {
    /// The next exit's mask is out in time.
    pub better: f64,
    /// No mask is out in time.
    pub late: f64,
}

impl Ahead {
    /// Whether the next exit's mask is out in time if nothing stalls.
    pub fn fits(&self) -> bool {
        self.left >= self.step + self.end
    }

    /// The chance that the mask before is late if it is published now.
    pub fn late_if_ended(&self, stalls: &Stalls) -> f64 {
        stalls.exceed(stalls.risk(self.now, 0.0, self.fallback), self.left - self.fallback)
    }

    /// The chances of going on, as long as it [fits](Self::fits). A stall in the step is taken to come where it comes in the mean; the step goes on
    /// behind it where there is still time for all, else it is abandoned.
    pub fn odds(&self, stalls: &Stalls) -> Odds {
        let slack = self.left - self.step - self.end;
        let first = stalls.first(self.now, self.step);
        let (behind, stalled) = (self.now + first.after, first.chance());
        // A longer stall than that leaves no time for the mask before.
        let spare = (self.left - first.after - self.fallback).max(slack);
        let late_at_end = stalls.exceed(stalls.risk(self.now, self.step, self.end), slack);
        let (unfit, lost) = (stalls.longer(slack), stalls.longer(spare));
        let (fit, given_up) = (1.0 - unfit, unfit - lost);
        let slack_after = slack - stalls.usual_between(0.0, slack);
        let late_after = stalls.exceed(stalls.risk_after_a_stall(behind, self.end), slack_after);
        let spare_after = spare - stalls.usual_between(slack, spare);
        let late_fallback = stalls.exceed(stalls.risk_after_a_stall(behind, self.fallback), spare_after);
        Odds {
            better: (1.0 - stalled) * (1.0 - late_at_end) + stalled * fit * (1.0 - late_after),
            late: (1.0 - stalled) * late_at_end + stalled * (fit * late_after + given_up * late_fallback + lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e-3;

    fn ahead(left: f64) -> Ahead {
        Ahead { now: 0.8, left: left * MS, step: 3.0 * MS, end: 1.5 * MS, fallback: 1.5 * MS }
    }

    fn stalled() -> Stalls {
        let mut stalls = Stalls::default();
        (0..100).for_each(|n| stalls.learn(8.0 * MS * f64::from(n), 4.0 * MS, Some(4.0 * MS)));
        stalls
    }

    #[test]
    fn without_stalls_what_fits_is_sure() {
        let odds = ahead(4.5).odds(&Stalls::default());
        assert_eq!((odds.better, odds.late, ahead(4.5).late_if_ended(&Stalls::default())), (1.0, 0.0, 0.0));
        assert!(ahead(4.5).fits() && !ahead(4.4).fits());
    }

    #[test]
    fn chances_are_chances_and_more_time_makes_the_better_mask_likelier() {
        let stalls = stalled();
        let odds: Vec<Odds> = (9..60).map(|half| ahead(0.5 * f64::from(half)).odds(&stalls)).collect();
        for odds in &odds {
            assert!(odds.better >= 0.0 && odds.late >= 0.0 && odds.better + odds.late <= 1.0 + 1e-9, "{odds:?}");
        }
        assert!(odds.is_sorted_by(|a, b| a.better <= b.better + 1e-9), "{odds:?}");
        assert!(odds.last().is_some_and(|odds| odds.late < 1e-3), "{odds:?}");
    }

    #[test]
    fn with_room_for_one_stall_going_on_risks_little_and_without_it_much() {
        let stalls = stalled();
        let (tight, roomy) = (ahead(5.0).odds(&stalls), ahead(10.0).odds(&stalls));
        assert!(tight.late > 0.5 && roomy.late < 0.2, "{tight:?} {roomy:?}");
    }
}
