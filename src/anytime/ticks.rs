//! When stalls begin: a scheduler stops a program at its tick, and that comes as regularly as a clock.
//!
//! Linux looks 100, 250, 300 or 1000 times a second, as it was built, whether a process has had its slice. Which of these it is, and when
//! the tick comes, is learned from stalls: for each period a histogram of where in it they began. The period counts by which the last stalls were likeliest before
//! they came, and none as long as all did worse than to take every moment for as likely as any other.
//!
//! Knows seconds on a steady clock.

/// Periods of the ticks of Linux (`CONFIG_HZ`), in seconds.
const PERIODS: [f64; 4] = [1.0 / 100.0, 1.0 / 250.0, 1.0 / 300.0, 1.0 / 1000.0];
/// Parts of a period that are told apart.
const BINS: usize = 32;
/// What is believed before any stall was seen: so many, spread evenly over a period.
const EVEN: f64 = 1.0;
/// With each stall what was seen before counts so much less.
const FADE: f64 = 1.0 - 1.0 / 128.0;
/// Nobody sees when in the work of a node a stall begins. So it counts at so many points of it ...
const POINTS: usize = 8;
/// ... at each as far as it was likely there, and so much more.
const DOUBT: f64 = 0.1;
/// Such a part of all stalls may begin anywhere, when periods are compared.
const STRAY: f64 = 0.02;
/// No work is shorter than a microsecond.
const LEAST: f64 = 1e-6;

/// Where in one period stalls began.
#[derive(Clone, Debug)]
struct Grid {
    period: f64,
    seen: [f64; BINS],
    /// The weight of a period up to the beginning of each part, and of all of it: that is its length.
    before: [f64; BINS + 1],
    /// By how much the last stalls were likelier by this period than by none, as a logarithm.
    credit: f64,
}

impl Grid {
    fn new(period: f64) -> Self {
        let before = std::array::from_fn(|bin| period * bin as f64 / BINS as f64);
        Self { period, seen: [0.0; BINS], before, credit: 0.0 }
    }

    /// Whole periods until an instant, the part of the next one that it lies in, and how far in that.
    fn place(&self, at: f64) -> (f64, usize, f64) {
        let turns = at / self.period;
        let whole = turns.floor();
        let place = (turns - whole) * BINS as f64;
        let bin = (place as usize).min(BINS - 1);
        (whole, bin, place - bin as f64)
    }

    /// The weight of one part of the period.
    fn weight(&self, bin: usize) -> f64 {
        self.before[bin + 1] - self.before[bin]
    }

    /// The weight of all time up to `at`.
    fn until(&self, at: f64) -> f64 {
        let (whole, bin, far) = self.place(at);
        whole * self.period + self.before[bin] + far * self.weight(bin)
    }

    fn learn(&mut self, from: f64, to: f64) {
        let length = (to - from).max(LEAST);
        let likely = (self.until(from + length) - self.until(from)) / length;
        self.credit = FADE * self.credit + (likely + STRAY * (1.0 - likely)).ln();
        let bins: [usize; POINTS] =
            std::array::from_fn(|point| self.place(from + length * (point as f64 + 0.5) / POINTS as f64).1);
        let even = self.period / BINS as f64;
        let likely = bins.map(|bin| self.weight(bin) / even + DOUBT);
        let sum: f64 = likely.iter().sum();
        self.seen.iter_mut().for_each(|seen| *seen *= FADE);
        bins.iter().zip(likely).for_each(|(bin, likely)| self.seen[*bin] += likely / sum);
        self.weigh();
    }

    fn weigh(&mut self) {
        let all = self.seen.iter().sum::<f64>() + EVEN;
        let mut sum = 0.0;
        for bin in 0..BINS {
            let near = self.seen[(bin + BINS - 1) % BINS] + self.seen[(bin + 1) % BINS];
            // Neighbours count too: a tick lies anywhere in its part, and comes now and then a little late.
            let seen = 0.5 * self.seen[bin] + 0.25 * near;
            sum += self.period * (seen + EVEN / BINS as f64) / all;
            self.before[bin + 1] = sum;
        }
    }
}

/// What is known of the tick.
#[derive(Clone, Debug)]
pub(super) struct Ticks {
    grids: [Grid; PERIODS.len()],
    /// The period that counts.
    best: Option<usize>,
}

impl Default for Ticks {
    fn default() -> Self {
        Self { grids: PERIODS.map(Grid::new), best: None }
    }
}

impl Ticks {
    /// Learns that a stall began between two instants.
    pub fn learn(&mut self, from: f64, to: f64) {
        self.grids.iter_mut().for_each(|grid| grid.learn(from, to));
        let credits = self.grids.iter().map(|grid| grid.credit).enumerate().filter(|(_, credit)| *credit > 0.0);
        self.best = credits.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(best, _)| best);
    }

    /// The time from one instant to another, each moment weighed by how likely a stall is to begin at it, and in the mean by 1: just that time as long as no
    /// tick is known.
    pub fn weight(&self, from: f64, to: f64) -> f64 {
        match self.best.map(|best| &self.grids[best]) {
            None => to - from,
            Some(grid) => grid.until(to) - grid.until(from),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: f64 = 1e-3;

    /// After `count` stalls at ticks of so many seconds, seen in work of half a millisecond around them.
    fn ticking(period: f64, count: usize) -> Ticks {
        let mut ticks = Ticks::default();
        for n in 0..count {
            // Frames come when they like, and stalls at any of the ticks.
            let tick = 7.3 + 0.0013 + period * (9 * n + n % 4) as f64;
            let from = tick - 0.5 * MS * (0.1 + 0.8 * ((7 * n) % 10) as f64 / 10.0);
            ticks.learn(from, from + 0.5 * MS);
        }
        ticks
    }

    /// The weight of half a millisecond around a tick and halfway between two.
    fn on_and_off(ticks: &Ticks, period: f64) -> (f64, f64) {
        let around = |at: f64| ticks.weight(at - 0.25 * MS, at + 0.25 * MS) / (0.5 * MS);
        let tick = 7.3 + 0.0013 + 10_000.0 * period;
        (around(tick), around(tick + period / 2.0))
    }

    #[test]
    fn without_stalls_every_moment_counts_alike() {
        assert_eq!(Ticks::default().weight(1.0, 1.5), 0.5);
    }

    #[test]
    fn a_tick_is_found_whatever_its_period() {
        for period in [10.0 * MS, 4.0 * MS, 10.0 / 3.0 * MS] {
            let (on, off) = on_and_off(&ticking(period, 40), period);
            assert!(on > 0.5 * period / (0.5 * MS) && off < 0.1, "{period}: {on} and {off}");
        }
    }

    #[test]
    fn few_stalls_are_enough() {
        let (on, off) = on_and_off(&ticking(4.0 * MS, 6), 4.0 * MS);
        assert!(on > 3.0 && off < 0.5, "{on} and {off}");
    }

    #[test]
    fn stalls_at_any_time_make_no_tick() {
        let mut ticks = Ticks::default();
        // The golden ratio leaves no part of any period out.
        for n in 0..400 {
            let from = 0.0618034 * n as f64 + 0.004 * (0.618034 * n as f64).fract();
            ticks.learn(from, from + 0.5 * MS);
        }
        let (on, off) = on_and_off(&ticks, 4.0 * MS);
        assert!((0.5..2.0).contains(&on) && (0.5..2.0).contains(&off), "{on} and {off}");
    }

    #[test]
    fn a_tick_that_moved_is_found_again() {
        let mut ticks = ticking(4.0 * MS, 300);
        for n in 0..100 {
            let from = 50.0 + 0.0029 + 4.0 * MS * (9 * n) as f64;
            ticks.learn(from, from + 0.25 * MS);
        }
        let at = 50.0 + 0.0029 + 0.125 * MS + 4.0 * MS * 999.0;
        assert!(ticks.weight(at - 0.25 * MS, at + 0.25 * MS) > 4.0 * 0.5 * MS);
    }

    proptest! {
        #[test]
        fn weights_add_up_and_a_second_weighs_a_second(
            stalls in prop::collection::vec((0.0f64..100.0, 0.0f64..0.05), 0..60), from in 0.0f64..100.0, parts in (0.0f64..0.1, 0.0f64..0.1)
        ) {
            let mut ticks = Ticks::default();
            stalls.iter().for_each(|(from, work)| ticks.learn(*from, from + work));
            let (middle, to) = (from + parts.0, from + parts.0 + parts.1);
            let (left, right) = (ticks.weight(from, middle), ticks.weight(middle, to));
            prop_assert!(left >= -1e-9 && right >= -1e-9);
            prop_assert!((left + right - ticks.weight(from, to)).abs() < 1e-9);
            prop_assert!((ticks.weight(from, from + 1.0) - 1.0).abs() < 1e-9);
        }
    }
}
