//! How often the program is stalled, and for how long.
//!
//! A stall is time in which a node of the network did not come on: another process ran, the host took the core, a page was missing. Stalls come in
//! hordes: a robot's load is on or off. So the times are *disturbed* for some work after a stall, and else *quiet*, with a rate of stalls per time
//! of work for each. Which of them holds is known at every moment without guessing, and it changes with the first stall and with the first stretch of work
//! without one. Within a horde stalls come almost by the clock: a scheduler stops a process after its slice. So while the times are disturbed, each stretch of work
//! since the last stall, or since the program last slept, has a rate of its own. From them, and from the lengths of the last stalls, comes the
//! chance that what stalls the work ahead takes longer than there is time.
//!
//! Knows seconds of work and of stall; knows neither stages nor deadlines.

use super::window::Window;

/// How many lengths are remembered.
const LENGTHS: usize = 64;
/// For so many seconds of work the times are disturbed after a stall: some frames' worth, as most of the work of a frame lies idle between two frames.
const DISTURBED: f64 = 0.016;
/// Seconds of work that share a rate while the times are disturbed ...
const STRETCH: f64 = 0.0005;
/// ... in so many stretches, of which the last has no end: the slices of usual schedulers are shorter than all others together.
const STRETCHES: usize = 13;
/// A program that slept for so many seconds begins a new slice.
const REST: f64 = 0.001;
/// After so many seconds of work, what was seen counts for a third.
const MEMORY: f64 = 2.0;
/// With so many seconds of work at the rate of all times every rate begins: a rate of which little was seen is not believed.
const DOUBT: f64 = 0.010;
/// Nothing is thought to have been quiet for less than that: the first stall of all does not make a rate.
const BEGIN: f64 = 0.050;
/// Less work than that is none: a nanosecond.
const LEAST: f64 = 1e-9;

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

/// Where the program is in its work, in seconds of work.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// Since the last stall.
    stalled: f64,
    /// Since the last stall or rest.
    began: f64,
}

impl Spot {
    const AFTER_A_STALL: Spot = Spot { stalled: 0.0, began: 0.0 };

    /// The stretch that the program is in; none in quiet times.
    fn stretch(self) -> Option<usize> {
        let stretch = ((self.began + LEAST) / STRETCH) as usize;
        (self.stalled + LEAST < DISTURBED).then_some(stretch.min(STRETCHES - 1))
    }

    /// Goes on by `work` or to the end of the stretch; gives what of `work` is left.
    fn go_on(&mut self, work: f64) -> f64 {
        let border = match self.stretch() {
            None => f64::INFINITY,
            Some(last) if last == STRETCHES - 1 => DISTURBED - self.stalled,
            Some(stretch) => ((stretch + 1) as f64 * STRETCH - self.began).min(DISTURBED - self.stalled),
        };
        let part = work.min(border);
        self.stalled += part;
        self.began += part;
        work - part
    }
}

/// The stalls that some work has to expect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Risk {
    /// The chance of one.
    one: f64,
    /// The chance of a second one if there was one, and of a third.
    second: f64,
    third: f64,
}

/// What is known of stalls.
#[derive(Clone, Debug)]
pub struct Stalls {
    quiet: Rate,
    disturbed: Rate,
    /// The disturbed times by stretches.
    stretches: [Rate; STRETCHES],
    spot: Spot,
    lengths: Window,
}

impl Default for Stalls {
    fn default() -> Self {
        let rate = Rate::default();
        let spot = Spot { stalled: f64::INFINITY, began: f64::INFINITY };
        Self { quiet: rate, disturbed: rate, stretches: [rate; STRETCHES], spot, lengths: Window::new(LENGTHS) }
    }
}

impl Stalls {
    /// Learns that the program worked for `work` seconds, and was then stalled for so many, or not.
    pub fn learn(&mut self, work: f64, stall: Option<f64>) {
        let factor = (-work / MEMORY).exp();
        self.quiet.fade(factor);
        self.disturbed.fade(factor);
        self.stretches.iter_mut().for_each(|rate| rate.fade(factor));
        let (mut left, mut stretch) = (work, self.spot.stretch());
        while left > LEAST {
            stretch = self.spot.stretch();
            let next = self.spot.go_on(left);
            self.rates(stretch).into_iter().flatten().for_each(|rate| rate.work += left - next);
            left = next;
        }
        let Some(length) = stall else { return };
        self.rates(stretch).into_iter().flatten().for_each(|rate| rate.stalls += 1.0);
        self.spot = Spot::AFTER_A_STALL;
        self.lengths.push(length);
    }

    /// Learns that the program had nothing to do for so many seconds.
    pub fn rest(&mut self, idle: f64) {
        if idle >= REST {
            self.spot.began = 0.0;
        }
    }

    /// How many stalls are to be expected before the first one has come, in the next `work` seconds of work.
    pub fn expected(&self, work: f64) -> f64 {
        self.until_stalled(self.spot, work)
    }

    /// The risk of `work` seconds of work that begin after so many without a stall.
    pub fn risk(&self, after: f64, work: f64) -> Risk {
        let Spot { stalled, began } = self.spot;
        self.risk_from(Spot { stalled: stalled + after, began: began + after }, work)
    }

    /// The same of work that begins after a stall.
    pub fn risk_after_a_stall(&self, work: f64) -> Risk {
        self.risk_from(Spot::AFTER_A_STALL, work)
    }

    /// The chance that the stalls of some work take longer than `slack` seconds together.
    ///
    /// Two of them are longer than `slack` where one is longer than half of it.
    pub fn exceed(&self, risk: Risk, slack: f64) -> f64 {
        let Risk { one, second, third } = risk;
        if slack < 0.0 || one <= 0.0 {
            return if slack < 0.0 { 1.0 } else { 0.0 };
        }
        let more = (1.0 - third) * self.longer(slack / 2.0) + third * self.longer(slack / 3.0);
        one * ((1.0 - second) * self.longer(slack) + second * more)
    }

    /// The share of stalls that are longer than so many seconds.
    pub fn longer(&self, than: f64) -> f64 {
        self.lengths.above(than)
    }

    /// The mean length of the stalls that are longer than `from` and no longer than `to`.
    pub fn usual_between(&self, from: f64, to: f64) -> f64 {
        self.lengths.mean_between(from, to)
    }

    /// A second stall is taken to come in the half of the work that is left when the first one comes, a third in a third of it.
    fn risk_from(&self, spot: Spot, work: f64) -> Risk {
        let chance = |spot, work| 1.0 - (-self.until_stalled(spot, work)).exp();
        let one = chance(spot, work);
        if one <= 0.0 {
            return Risk::default();
        }
        let again = |part: f64| chance(Spot::AFTER_A_STALL, part * work);
        Risk { one, second: again(1.0 / 2.0), third: again(1.0 / 3.0) }
    }

    /// The rates of `work` seconds of work from `spot` on added up, as long as nothing stalls it.
    fn until_stalled(&self, mut spot: Spot, work: f64) -> f64 {
        let stalls = self.quiet.stalls + self.disturbed.stalls;
        if stalls <= 0.0 {
            return 0.0;
        }
        let all = stalls / (self.quiet.work + self.disturbed.work + BEGIN);
        let disturbed = self.disturbed.per_second(all);
        let (mut left, mut sum) = (work, 0.0);
        while left > LEAST {
            let rate = match spot.stretch() {
                None => self.quiet.per_second(all),
                Some(stretch) => self.stretches[stretch].per_second(disturbed),
            };
            let next = spot.go_on(left);
            sum += rate * (left - next);
            left = next;
        }
        sum
    }

    /// The rates that work in a stretch counts for.
    fn rates(&mut self, stretch: Option<usize>) -> [Option<&mut Rate>; 2] {
        match stretch {
            None => [Some(&mut self.quiet), None],
            Some(stretch) => [Some(&mut self.disturbed), self.stretches.get_mut(stretch)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e-3;

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= 0.1 * expected
    }

    fn late(stalls: &Stalls, work: f64, slack: f64) -> f64 {
        stalls.exceed(stalls.risk(0.0, work), slack)
    }

    /// Of a program that was stopped for 4 ms after each 4 ms of work.
    fn by_the_clock() -> Stalls {
        let mut stalls = Stalls::default();
        for _ in 0..200 {
            (0..7).for_each(|_| stalls.learn(0.5 * MS, None));
            stalls.learn(0.5 * MS, Some(4.0 * MS));
        }
        stalls
    }

    #[test]
    fn without_stalls_none_are_expected() {
        let mut stalls = Stalls::default();
        (0..1000).for_each(|_| stalls.learn(MS, None));
        assert_eq!((stalls.expected(1.0), late(&stalls, 1.0, 0.0), late(&stalls, 1.0, -MS)), (0.0, 0.0, 1.0));
    }

    #[test]
    fn steady_stalls_give_their_rate() {
        let mut stalls = Stalls::default();
        for _ in 0..1000 {
            (0..39).for_each(|_| stalls.learn(MS, None));
            stalls.learn(MS, Some(4.0 * MS));
        }
        (0..20).for_each(|_| stalls.learn(MS, None));
        let expected = stalls.expected(10.0 * MS);
        assert!(near(expected, 10.0 / 24.0), "{expected}");
    }

    #[test]
    fn a_burst_is_feared_while_it_lasts_and_not_long_after() {
        let mut stalls = Stalls::default();
        for _ in 0..20 {
            (0..20).for_each(|_| stalls.learn(4.0 * MS, Some(4.0 * MS)));
            (0..400).for_each(|_| stalls.learn(MS, None));
        }
        let after = stalls.expected(4.0 * MS);
        stalls.learn(MS, Some(4.0 * MS));
        let within = stalls.expected(4.0 * MS);
        assert!(within > 20.0 * after, "{within} and {after}");
        (0..16).for_each(|_| stalls.learn(MS, None));
        assert!(stalls.expected(4.0 * MS) < 2.0 * after, "{} and {after}", stalls.expected(4.0 * MS));
    }

    #[test]
    fn who_is_stopped_by_the_clock_fears_little_after_a_stop_and_much_at_the_end_of_a_slice() {
        let mut stalls = by_the_clock();
        assert!(stalls.expected(3.0 * MS) < 0.1, "{}", stalls.expected(3.0 * MS));
        (0..6).for_each(|_| stalls.learn(0.5 * MS, None));
        assert!(stalls.expected(MS) > 0.9, "{}", stalls.expected(MS));
        assert!(late(&stalls, MS, 3.9 * MS) > 0.5 && late(&stalls, MS, 4.1 * MS) < 0.1);
    }

    #[test]
    fn who_slept_begins_a_new_slice() {
        let mut stalls = by_the_clock();
        (0..6).for_each(|_| stalls.learn(0.5 * MS, None));
        stalls.rest(0.5 * MS);
        assert!(stalls.expected(MS) > 0.9, "{}", stalls.expected(MS));
        stalls.rest(20.0 * MS);
        assert!(stalls.expected(MS) < 0.1, "{}", stalls.expected(MS));
    }

    #[test]
    fn the_chance_to_lose_the_slack_falls_with_it_and_rises_with_the_work() {
        let mut stalls = Stalls::default();
        for length in [3.0, 4.0, 4.0, 8.0].repeat(100) {
            (0..7).for_each(|_| stalls.learn(0.5 * MS, None));
            stalls.learn(0.5 * MS, Some(length * MS));
        }
        let slacks = [0.0, 2.0, 3.5, 5.0, 9.0, 20.0, 30.0].map(|slack| late(&stalls, 8.0 * MS, slack * MS));
        assert!(slacks.is_sorted_by(|a, b| a >= b), "{slacks:?}");
        assert!(slacks[0] > 0.8 && slacks[6] == 0.0, "{slacks:?}");
        let works = [0.0, 1.0, 3.0, 5.0, 9.0, 40.0].map(|work| late(&stalls, work * MS, 5.0 * MS));
        assert!(works.is_sorted(), "{works:?}");
    }
}
