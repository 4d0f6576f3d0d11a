//! How often the program is stalled, and for how long.
//!
//! A stall is time in which a node of the network did not come on: another process ran, the host took the core, a page was missing. Stalls come in
//! hordes: a robot's load is on or off. So there are two rates, both a number of stalls per time of work: one for the work that follows
//! shortly on a stall, one for all other. Which of them holds is known at every moment without guessing, and it changes with the first stall
//! and with the first stretch of work without one. From them, and from the lengths of the last stalls, comes the chance that
//! what stalls the work ahead takes longer than there is time.
//!
//! Knows seconds of work and of stall; knows neither stages nor deadlines.

use super::window::Window;

/// How many lengths are remembered.
const LENGTHS: usize = 64;
/// For so many seconds of work the times are disturbed after a stall: some frames' worth, as most of the work of a frame lies idle between two frames.
const DISTURBED: f64 = 0.016;
/// After so many seconds of work, what was seen counts for a third.
const MEMORY: f64 = 2.0;
/// With so many seconds of work at the rate of all times every rate begins: a rate of which little was seen is not believed.
const DOUBT: f64 = 0.010;
/// Nothing is thought to have been quiet for less than that: the first stall of all does not make a rate.
const BEGIN: f64 = 0.050;

/// Stalls per second of work.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    stalls: f64,
    work: f64,
}

impl Rate {
    fn fade(&mut self, factor: f64) {
        self.stalls *= factor;
        self.work *= factor;
    }

    /// Per second, leaning towards `all` where little was seen.
    fn per_second(self, all: f64) -> f64 {
        (self.stalls + DOUBT * all) / (self.work + DOUBT)
    }
}

/// What is known of stalls.
#[derive(Clone, Debug)]
pub struct Stalls {
    quiet: Rate,
    disturbed: Rate,
    /// Work since the last stall.
    since: f64,
    lengths: Window,
}

impl Default for Stalls {
    fn default() -> Self {
        let rate = Rate::default();
        Self { quiet: rate, disturbed: rate, since: f64::INFINITY, lengths: Window::new(LENGTHS) }
    }
}

impl Stalls {
    /// Learns that the program worked for `work` seconds, and was then stalled for so many, or not.
    pub fn learn(&mut self, work: f64, stall: Option<f64>) {
        let factor = (-work / MEMORY).exp();
        self.quiet.fade(factor);
        self.disturbed.fade(factor);
        let disturbed = self.disturbed_part(work);
        self.disturbed.work += disturbed;
        self.quiet.work += work - disturbed;
        self.since += work;
        let Some(length) = stall else { return };
        let rate = if self.since < DISTURBED { &mut self.disturbed } else { &mut self.quiet };
        rate.stalls += 1.0;
        self.since = 0.0;
        self.lengths.push(length);
    }

    /// How many stalls are to be expected in the next `work` seconds of work.
    pub fn expected(&self, work: f64) -> f64 {
        let all = (self.quiet.stalls + self.disturbed.stalls) / (self.quiet.work + self.disturbed.work + BEGIN);
        let disturbed = self.disturbed_part(work);
        disturbed * self.disturbed.per_second(all) + (work - disturbed) * self.quiet.per_second(all)
    }

    /// The chance that stalls, of which so many are expected, take longer than `slack` seconds together.
    ///
    /// Their number is Poisson's; two of them are longer than `slack` where one is longer than half of it.
    pub fn exceed(&self, expected: f64, slack: f64) -> f64 {
        if slack < 0.0 {
            return 1.0;
        }
        if expected <= 0.0 {
            return 0.0;
        }
        let none = (-expected).exp();
        let one = expected * none;
        let two = 0.5 * expected * one;
        let more = (1.0 - none - one - two).max(0.0);
        one * self.longer(slack) + two * self.longer(slack / 2.0) + more * self.longer(slack / 3.0)
    }

    /// The share of stalls that are longer than so many seconds.
    pub fn longer(&self, than: f64) -> f64 {
        self.lengths.above(than)
    }

    /// The mean length of the stalls that are longer than `from` and no longer than `to`.
    pub fn usual_between(&self, from: f64, to: f64) -> f64 {
        self.lengths.mean_between(from, to)
    }

    /// How much of the next `work` seconds of work follows shortly on the last stall.
    fn disturbed_part(&self, work: f64) -> f64 {
        (DISTURBED - self.since).clamp(0.0, work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e-3;

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= 0.1 * expected
    }

    #[test]
    fn without_stalls_none_are_expected() {
        let mut stalls = Stalls::default();
        (0..1000).for_each(|_| stalls.learn(MS, None));
        assert_eq!((stalls.expected(1.0), stalls.exceed(0.0, 0.0), stalls.exceed(0.0, -MS)), (0.0, 0.0, 1.0));
    }

    #[test]
    fn steady_stalls_give_their_rate() {
        let mut stalls = Stalls::default();
        for _ in 0..1000 {
            (0..4).for_each(|_| stalls.learn(MS, None));
            stalls.learn(0.0, Some(4.0 * MS));
        }
        let expected = stalls.expected(8.0 * MS);
        assert!(near(expected, 2.0), "{expected}");
    }

    #[test]
    fn a_burst_is_feared_while_it_lasts_and_not_long_after() {
        let mut stalls = Stalls::default();
        for _ in 0..20 {
            (0..20).for_each(|_| stalls.learn(4.0 * MS, Some(4.0 * MS)));
            (0..400).for_each(|_| stalls.learn(MS, None));
        }
        let after = stalls.expected(MS);
        stalls.learn(MS, Some(4.0 * MS));
        let within = stalls.expected(MS);
        assert!(within > 20.0 * after, "{within} and {after}");
        (0..16).for_each(|_| stalls.learn(MS, None));
        assert!(stalls.expected(MS) < 2.0 * after, "{} and {after}", stalls.expected(MS));
    }

    #[test]
    fn the_chance_to_lose_the_slack_falls_with_it_and_rises_with_the_stalls() {
        let mut stalls = Stalls::default();
        [3.0, 4.0, 4.0, 8.0].into_iter().for_each(|length| stalls.learn(4.0 * MS, Some(length * MS)));
        let slacks = [0.0, 2.0, 3.5, 5.0, 9.0, 20.0, 30.0].map(|slack| stalls.exceed(0.5, slack * MS));
        assert!(slacks.is_sorted_by(|a, b| a >= b), "{slacks:?}");
        assert!(near(slacks[0], 1.0 - (-0.5_f64).exp()), "{slacks:?}");
        assert_eq!(slacks[6], 0.0);
        let rates = [0.0, 0.1, 0.5, 2.0, 5.0].map(|expected| stalls.exceed(expected, 5.0 * MS));
        assert!(rates.is_sorted(), "{rates:?}");
    }
}
