//! How often the program is stalled, and for how long.
//!
//! A stall is time in which a node of the network did not come on: another process ran, the host took the core, a page was missing. Stalls come in
//! hordes: a robot's load is on or off. So the times are *disturbed* for some work after a stall, and else *quiet*, with a rate of stalls per time
//! of work for each. Which of them holds is known at every moment without guessing, and it changes with the first stall and with the first stretch of work
//! without one. A load leaves gaps, and who works in one is soon stalled again; so the longer nothing has stalled the less is feared: quiet times become
//! *calm*. Within a horde stalls come almost by the clock: a scheduler stops a process after its slice. So while the times are disturbed, each stretch of work
//! since the last stall, or since the program last slept, has a rate of its own. A scheduler also stops only at its [tick](super::ticks): work counts as far as a stall is likely
//! at the moment at which it is done. From these rates, and from the lengths of the last stalls, comes the chance that what stalls the work ahead takes longer than there is
//! time.
//!
//! Knows seconds of work and of stall, and on a steady clock; knows neither stages nor deadlines.

use super::ticks::Ticks;
use super::window::Window;

/// How many lengths are remembered.
const LENGTHS: usize = 64;
/// For so many seconds of work the times are disturbed after a stall: some frames' worth, as most of the work of a frame lies idle between two frames.
const DISTURBED: f64 = 0.016;
/// After so many seconds of work without a stall the times are calm: longer than the gaps of a load, and a third of a second of a camera whose frames take ten
/// milliseconds at 30 Hz.
const CALM: f64 = 0.100;
/// Seconds of work that share a rate while the times are disturbed ...
const STRETCH: f64 = 0.0005;
/// ... in so many stretches, of which the last has no end: the slices of usual schedulers are shorter than all others together.
const STRETCHES: usize = 13;
/// A program that slept for so many seconds begins a new slice.
const REST: f64 = 0.001;
/// After so many seconds of work, what was seen counts for a third.
const MEMORY: f64 = 2.0;
/// With so many seconds of work at a more general rate every rate begins: a rate of which little was seen is not believed.
const DOUBT: f64 = 0.010;
/// Nothing is thought to have been quiet for less than that: the first stall of all does not make a rate.
const BEGIN: f64 = 0.050;
/// Less work than that is none: a nanosecond.
const LEAST: f64 = 1e-9;

/// Stalls per second of work, as the tick weighs it.
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

    /// Per second, leaning towards a more `general` rate where little was seen.
    fn per_second(self, general: f64) -> f64 {
        (self.stalls + DOUBT * general) / (self.work + DOUBT)
    }
}

/// How the times are, by the work since the last stall.
#[derive(Clone, Copy, Debug)]
enum Times {
    /// There was a stall just now, and the program is in this stretch of its work.
    Disturbed(usize),
    Quiet,
    /// Quiet for so long that no load is on.
    Calm,
}

/// Where the program is in its work, in seconds.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// Of work since the last stall.
    stalled: f64,
    /// Of work since the last stall or rest.
    began: f64,
    /// On the clock.
    at: f64,
}

impl Spot {
    fn after_a_stall(at: f64) -> Self {
        Self { stalled: 0.0, began: 0.0, at }
    }

    /// Where it is after so much work without a stall.
    fn after(self, work: f64) -> Self {
        Self { stalled: self.stalled + work, began: self.began + work, at: self.at + work }
    }

    fn times(self) -> Times {
        let stretch = ((self.began + LEAST) / STRETCH) as usize;
        match self.stalled + LEAST {
            stalled if stalled < DISTURBED => Times::Disturbed(stretch.min(STRETCHES - 1)),
            stalled if stalled < CALM => Times::Quiet,
            _ => Times::Calm,
        }
    }

    /// Goes on by `work` or to the end of the stretch or of the times; gives what of `work` is left.
    fn go_on(&mut self, work: f64) -> f64 {
        let border = match self.times() {
            Times::Disturbed(stretch) if stretch == STRETCHES - 1 => DISTURBED - self.stalled,
            Times::Disturbed(stretch) => ((stretch + 1) as f64 * STRETCH - self.began).min(DISTURBED - self.stalled),
            Times::Quiet => CALM - self.stalled,
            Times::Calm => f64::INFINITY,
        };
        let part = work.min(border);
        *self = self.after(part);
        work - part
    }
}

/// The first stall of some work.
#[derive(Clone, Copy, Debug)]
pub struct First {
    /// How many are to be expected before it has come.
    pub expected: f64,
    /// Seconds of work before it, if it comes.
    pub after: f64,
}

impl First {
    /// The chance that it comes.
    pub fn chance(self) -> f64 {
        1.0 - (-self.expected).exp()
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
    /// Of all quiet times, calm ones too.
    quiet: Rate,
    calm: Rate,
    disturbed: Rate,
    /// The disturbed times by stretches.
    stretches: [Rate; STRETCHES],
    spot: Spot,
    lengths: Window,
    ticks: Ticks,
}

impl Default for Stalls {
    fn default() -> Self {
        let rate = Rate::default();
        Self {
            quiet: rate,
            calm: rate,
            disturbed: rate,
            stretches: [rate; STRETCHES],
            spot: Spot { stalled: f64::INFINITY, began: f64::INFINITY, at: 0.0 },
            lengths: Window::new(LENGTHS),
            ticks: Ticks::default(),
        }
    }
}

impl Stalls {
    /// Learns that the program worked for `work` seconds from `from` on, and was then stalled for so many, or not.
    pub fn learn(&mut self, from: f64, work: f64, stall: Option<f64>) {
        let factor = (-work / MEMORY).exp();
        let rates = [&mut self.quiet, &mut self.calm, &mut self.disturbed];
        rates.into_iter().chain(&mut self.stretches).for_each(|rate| rate.fade(factor));
        self.spot.at = from;
        let (mut left, mut times) = (work, self.spot.times());
        while left > LEAST {
            times = self.spot.times();
            let begin = self.spot.at;
            left = self.spot.go_on(left);
            let weight = self.ticks.weight(begin, self.spot.at);
            self.rates(times).into_iter().flatten().for_each(|rate| rate.work += weight);
        }
        let Some(length) = stall else { return };
        self.rates(times).into_iter().flatten().for_each(|rate| rate.stalls += 1.0);
        self.ticks.learn(from, from + work);
        self.spot = Spot::after_a_stall(from + work + length);
        self.lengths.push(length);
    }

    /// Learns that the program had nothing to do for so many seconds.
    pub fn rest(&mut self, idle: f64) {
        if idle >= REST {
            self.spot.began = 0.0;
        }
    }

    /// The first stall in the next `work` seconds of work from `now` on.
    pub fn first(&self, now: f64, work: f64) -> First {
        self.first_from(self.spot_at(now), work)
    }

    /// The risk of `work` seconds of work that begin `after` so many without a stall.
    pub fn risk(&self, now: f64, after: f64, work: f64) -> Risk {
        self.risk_from(self.spot_at(now).after(after), work)
    }

    /// The same of work that begins at an instant, right after a stall.
    pub fn risk_after_a_stall(&self, at: f64, work: f64) -> Risk {
        self.risk_from(Spot::after_a_stall(at), work)
    }

    fn spot_at(&self, now: f64) -> Spot {
        Spot { at: now, ..self.spot }
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
        let first = self.first_from(spot, work);
        let one = first.chance();
        if one <= 0.0 {
            return Risk::default();
        }
        // Behind a stall the scheduler's tick has just been.
        let behind = Spot::after_a_stall(spot.at + first.after);
        let again = |part: f64| self.first_from(behind, part * work).chance();
        Risk { one, second: again(1.0 / 2.0), third: again(1.0 / 3.0) }
    }

    /// The rates of `work` seconds of work from `spot` on added up, as long as nothing stalls it.
    fn first_from(&self, mut spot: Spot, work: f64) -> First {
        let none = First { expected: 0.0, after: work / 2.0 };
        let (stalls, all) = (self.quiet.stalls + self.disturbed.stalls, self.quiet.work + self.disturbed.work + BEGIN);
        if stalls <= 0.0 {
            return none;
        }
        // Quiet times end with the first stall of a horde: that a horde was long says nothing of them.
        let begins = self.quiet.stalls / all;
        let (quiet, disturbed) = (self.quiet.per_second(begins), self.disturbed.per_second(stalls / all));
        // Where more stalls came in calm times than in the gaps of a load, that was by chance.
        let calm = self.calm.per_second(begins).min(quiet);
        let (start, mut left) = (spot.at, work);
        let (mut expected, mut alive, mut sum) = (0.0_f64, 1.0, 0.0);
        while left > LEAST {
            let rate = match spot.times() {
                Times::Disturbed(stretch) => self.stretches[stretch].per_second(disturbed),
                Times::Quiet => quiet,
                Times::Calm => calm,
            };
            let begin = spot.at;
            left = spot.go_on(left);
            expected += rate * self.ticks.weight(begin, spot.at);
            let before = std::mem::replace(&mut alive, (-expected).exp());
            sum += (before - alive) * ((begin + spot.at) / 2.0 - start);
        }
        let chance = 1.0 - alive;
        if chance > LEAST { First { expected, after: sum / chance } } else { none }
    }

    /// The rates that work at such times counts for.
    fn rates(&mut self, times: Times) -> [Option<&mut Rate>; 2] {
        match times {
            Times::Disturbed(stretch) => [Some(&mut self.disturbed), self.stretches.get_mut(stretch)],
            Times::Quiet => [Some(&mut self.quiet), None],
            Times::Calm => [Some(&mut self.quiet), Some(&mut self.calm)],
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

    /// A program as it works, is stalled and sleeps, and what is known of its stalls.
    #[derive(Default)]
    struct Program {
        stalls: Stalls,
        now: f64,
    }

    impl Program {
        /// One that was stopped for 4 ms after each 4 ms of work.
        fn stopped_by_the_clock() -> Self {
            let mut program = Self::default();
            for _ in 0..200 {
                program.works(8, 0.5 * MS, Some(4.0 * MS));
            }
            program
        }

        /// So many nodes, of which the last is stalled, or none.
        fn works(&mut self, nodes: usize, work: f64, stall: Option<f64>) {
            for node in 1..=nodes {
                let stall = stall.filter(|_| node == nodes);
                self.stalls.learn(self.now, work, stall);
                self.now += work + stall.unwrap_or(0.0);
            }
        }

        fn sleeps(&mut self, idle: f64) {
            self.stalls.rest(idle);
            self.now += idle;
        }

        fn expects(&self, work: f64) -> f64 {
            self.stalls.first(self.now, work).expected
        }

        fn late(&self, work: f64, slack: f64) -> f64 {
            self.stalls.exceed(self.stalls.risk(self.now, 0.0, work), slack)
        }
    }

    #[test]
    fn without_stalls_none_are_expected() {
        let mut program = Program::default();
        program.works(1000, MS, None);
        assert_eq!((program.expects(1.0), program.late(1.0, 0.0), program.late(1.0, -MS)), (0.0, 0.0, 1.0));
    }

    #[test]
    fn steady_stalls_give_their_rate() {
        let mut program = Program::default();
        for _ in 0..1000 {
            program.works(40, MS, Some(4.0 * MS));
        }
        program.works(20, MS, None);
        let expected = program.expects(8.0 * MS);
        assert!(near(expected, 8.0 / 24.0), "{expected}");
    }

    #[test]
    fn a_burst_is_feared_while_it_lasts_and_not_long_after() {
        let mut program = Program::default();
        for _ in 0..20 {
            (0..20).for_each(|_| program.works(1, 4.0 * MS, Some(4.0 * MS)));
            program.works(400, MS, None);
        }
        let after = program.expects(4.0 * MS);
        program.works(1, MS, Some(4.0 * MS));
        let within = program.expects(4.0 * MS);
        assert!(within > 20.0 * after, "{within} and {after}");
        program.works(16, MS, None);
        assert!(program.expects(4.0 * MS) < 2.0 * after, "{} and {after}", program.expects(4.0 * MS));
    }

    #[test]
    fn a_long_load_is_not_feared_when_it_is_over() {
        let after = |seconds: f64| {
            let mut program = Program::default();
            program.works(2000, MS, None);
            (0..(seconds / (4.0 * MS)) as usize).for_each(|_| program.works(4, MS, Some(4.0 * MS)));
            program.works(20, MS, None);
            program.expects(20.0 * MS)
        };
        let (short, long) = (after(0.2), after(3.0));
        assert!(long < 0.04 && long < 3.0 * short, "{short} and {long}");
    }

    #[test]
    fn a_gap_of_a_load_is_not_trusted_and_calm_after_it_is() {
        // A load that is on for 3 s leaves 40 ms of work between two stalls.
        let mut program = Program::default();
        program.works(2000, MS, None);
        (0..75).for_each(|_| program.works(40, MS, Some(4.0 * MS)));
        program.works(20, MS, None);
        let gap = program.expects(20.0 * MS);
        program.works(90, MS, None);
        let calm = program.expects(20.0 * MS);
        assert!(gap > 0.3 && calm < 0.1 * gap, "{gap} and {calm}");
    }

    #[test]
    fn who_is_stopped_by_the_clock_fears_little_after_a_stop_and_much_at_the_end_of_a_slice() {
        let mut program = Program::stopped_by_the_clock();
        assert!(program.expects(3.0 * MS) < 0.1, "{}", program.expects(3.0 * MS));
        program.works(6, 0.5 * MS, None);
        assert!(program.expects(MS) > 0.9, "{}", program.expects(MS));
        assert!(program.late(MS, 3.9 * MS) > 0.5 && program.late(MS, 4.1 * MS) < 0.1);
    }

    #[test]
    fn a_stall_is_expected_at_the_tick_and_not_before() {
        // Frames begin at any time, and are stopped by the first tick, of which there is one every 4 ms, for 4 ms.
        let mut program = Program::default();
        for frame in 0..300 {
            let phase = (program.now / (4.0 * MS)).fract() * 4.0 * MS;
            let nodes = ((4.0 * MS - phase) / (0.2 * MS)).ceil().max(1.0);
            program.works(nodes as usize, 0.2 * MS, Some(4.0 * MS));
            program.sleeps(20.0 * MS + 0.37 * MS * f64::from(frame % 11));
        }
        let to_tick = 4.0 * MS - (program.now / (4.0 * MS)).fract() * 4.0 * MS;
        let (before, around) =
            (program.expects(to_tick - 0.5 * MS), program.stalls.first(program.now, to_tick + 0.4 * MS));
        assert!(before < 0.2 && around.expected > 0.8, "{before} and {around:?}");
        assert!((around.after - to_tick).abs() < 0.3 * MS, "{around:?} and {to_tick}");
    }

    #[test]
    fn who_slept_begins_a_new_slice() {
        // Woken in the middle between two ticks, stopped at the second one.
        let mut program = Program::default();
        for _ in 0..200 {
            program.works(12, 0.5 * MS, Some(4.0 * MS));
            program.sleeps(22.0 * MS);
        }
        assert!(program.expects(2.5 * MS) < 0.1, "{}", program.expects(2.5 * MS));
        program.works(8, 0.5 * MS, None);
        assert!(program.expects(2.5 * MS) > 0.8, "{}", program.expects(2.5 * MS));
        program.sleeps(4.0 * MS);
        assert!(program.expects(2.5 * MS) < 0.1, "{}", program.expects(2.5 * MS));
    }

    #[test]
    fn the_chance_to_lose_the_slack_falls_with_it_and_rises_with_the_work() {
        let mut program = Program::default();
        for length in [3.0, 4.0, 4.0, 8.0].repeat(100) {
            program.works(8, 0.5 * MS, Some(length * MS));
        }
        let slacks = [0.0, 2.0, 3.5, 5.0, 9.0, 20.0, 30.0].map(|slack| program.late(8.0 * MS, slack * MS));
        assert!(slacks.is_sorted_by(|a, b| a >= b), "{slacks:?}");
        assert!(slacks[0] > 0.8 && slacks[6] == 0.0, "{slacks:?}");
        let works = [0.0, 1.0, 3.0, 5.0, 9.0, 40.0].map(|work| program.late(work * MS, 5.0 * MS));
        assert!(works.is_sorted(), "{works:?}");
    }
}
