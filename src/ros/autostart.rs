//! When a node that starts by itself is configured, and again where that failed or the network broke: after a pause that doubles from try to try, since nobody else
//! will ask.

use std::time::Duration;

use crate::clock::Instant;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// Where the node stands on its own way to being active.
#[derive(Debug)]
pub struct Autostart {
    step: Step,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Others say when.
    Off,
    /// It is being configured.
    UnderWay,
    /// It is configured again then.
    Again(Instant),
}

impl Default for Autostart {
    fn default() -> Self {
        Self { step: Step::Off, pause: FIRST }
    }
}

impl Autostart {
    /// The node begins to configure itself.
    pub fn begin(&mut self) {
        self.step = Step::UnderWay;
    }

    /// A transition has ended. Whether it was the configuration that was begun here; where that failed, there is another one after a pause, which is returned.
    pub fn end(&mut self, success: bool, now: Instant) -> (bool, Option<Duration>) {
        if self.step != Step::UnderWay {
            return (false, None);
        }
        if success {
            *self = Self::default();
            return (true, None);
        }
        (true, Some(self.again(now)))
    }

    /// Has the node configure itself once more, after the pause that is returned.
    pub fn again(&mut self, now: Instant) -> Duration {
        let pause = self.pause;
        self.step = Step::Again(now + pause);
        self.pause = (2 * pause).min(LONGEST);
        pause
    }

    /// Whether the node is to configure itself now.
    pub fn is_due(&self, now: Instant) -> bool {
        matches!(self.step, Step::Again(at) if at <= now)
    }

    /// Somebody else has asked for a transition: from now on others say when.
    pub fn leave_off(&mut self) {
        if self.step != Step::UnderWay {
            self.step = Step::Off;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::at(Duration::from_secs(seconds))
    }

    #[test]
    fn pauses_double_from_failure_to_failure_up_to_half_a_minute_and_begin_anew_after_a_success() {
        let mut autostart = Autostart::default();
        let mut pause = |success| {
            autostart.begin();
            autostart.end(success, at(0)).1.map(|pause| pause.as_secs())
        };
        assert_eq!([false; 7].map(&mut pause), [1, 2, 4, 8, 16, 30, 30].map(Some));
        assert_eq!((pause(true), pause(false)), (None, Some(1)));
    }

    #[test]
    fn it_is_due_after_the_pause_unless_somebody_else_took_over() {
        let mut autostart = Autostart::default();
        assert!(!autostart.is_due(at(100)));
        autostart.again(at(5));
        assert!(!autostart.is_due(at(5)) && autostart.is_due(at(6)));
        autostart.leave_off();
        assert!(!autostart.is_due(at(100)));
    }

    #[test]
    fn a_transition_that_others_asked_for_says_nothing_of_it() {
        let mut autostart = Autostart::default();
        assert_eq!(autostart.end(false, at(0)), (false, None));
        autostart.begin();
        autostart.leave_off();
        assert_eq!(autostart.end(true, at(0)), (true, None));
    }
}
