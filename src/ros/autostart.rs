//! When a node that starts by itself is configured and activated, and again where that failed or the network broke: after a pause that doubles from
//! try to try, since nobody else will ask.

use std::time::Duration;

use crate::clock::Instant;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause; a network that lasts longer counts as one that works.
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
    /// It is being configured and activated.
    UnderWay,
    /// It became active by itself then.
    Active(Instant),
    /// It is tried again then.
    Again(Instant),
}

impl Default for Autostart {
    fn default() -> Self {
        Self { step: Step::Off, pause: FIRST }
    }
}

impl Autostart {
    /// The node begins to configure and activate itself.
    pub fn begin(&mut self) {
        self.step = Step::UnderWay;
    }

    /// Whether it is about to.
    pub fn is_under_way(&self) -> bool {
        self.step == Step::UnderWay
    }

    /// The node is active.
    pub fn succeeded(&mut self, now: Instant) {
        if self.is_under_way() {
            self.step = Step::Active(now);
        }
    }

    /// A transition failed. Where it was on the node's own way, there is another try after the pause that is returned.
    pub fn failed(&mut self, now: Instant) -> Option<Duration> {
        self.is_under_way().then(|| self.again(now))
    }

    /// The network broke. Where the node had become active by itself, it is tried again after the pause that is returned.
    pub fn broke(&mut self, now: Instant) -> Option<Duration> {
        let Step::Active(since) = self.step else { return None };
        if now.since(since) > LONGEST {
            self.pause = FIRST;
        }
        Some(self.again(now))
    }

    fn again(&mut self, now: Instant) -> Duration {
        let pause = self.pause;
        self.step = Step::Again(now + pause);
        self.pause = (2 * pause).min(LONGEST);
        pause
    }

    /// Whether the node is to try now.
    pub fn is_due(&self, now: Instant) -> bool {
        matches!(self.step, Step::Again(at) if at <= now)
    }

    /// Somebody else has asked for a transition: from now on others say when.
    pub fn leave_off(&mut self) {
        if !self.is_under_way() {
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

    fn seconds(pause: Option<Duration>) -> Option<u64> {
        pause.map(|pause| pause.as_secs())
    }

    #[test]
    fn pauses_double_from_failure_to_failure_up_to_half_a_minute() {
        let mut autostart = Autostart::default();
        let pause = |_| {
            autostart.begin();
            seconds(autostart.failed(at(0)))
        };
        assert_eq!([(); 7].map(pause), [1, 2, 4, 8, 16, 30, 30].map(Some));
    }

    #[test]
    fn they_go_on_doubling_where_the_network_breaks_at_once_and_begin_anew_where_it_lasted() {
        let mut autostart = Autostart::default();
        let mut pause = |lasted: u64| {
            autostart.begin();
            autostart.succeeded(at(100));
            seconds(autostart.broke(at(100 + lasted)))
        };
        assert_eq!([1u64, 1, 1, 31, 1].map(&mut pause), [1, 2, 4, 1, 2].map(Some));
    }

    #[test]
    fn it_is_due_after_the_pause_unless_somebody_else_took_over() {
        let mut autostart = Autostart::default();
        assert!(!autostart.is_due(at(100)));
        autostart.begin();
        autostart.failed(at(5));
        assert!(!autostart.is_due(at(5)) && autostart.is_due(at(6)));
        autostart.leave_off();
        assert!(!autostart.is_due(at(100)));
    }

    #[test]
    fn what_breaks_after_somebody_else_took_over_is_theirs() {
        let mut autostart = Autostart::default();
        assert_eq!((autostart.failed(at(0)), autostart.broke(at(0))), (None, None));
        autostart.begin();
        autostart.succeeded(at(1));
        autostart.leave_off();
        assert_eq!(autostart.broke(at(2)), None);
    }

    #[test]
    fn transitions_on_its_own_way_take_nothing_over() {
        let mut autostart = Autostart::default();
        autostart.begin();
        autostart.leave_off();
        assert!(autostart.is_under_way());
    }
}
