//! What a late mask costs, so that few are late and no depth is given away.
//!
//! A step that could make a frame late is tried where what it may gain outweighs what it may lose, and the price of lateness weighs the one against the other. Which
//! price leaves how many frames late depends on the load and on the budget: where one stall decides between two exits, a price that suits other frames leaves
//! several times as many late. So the price follows the frames: it is the cube of how much more of them were late lately than one in a thousand.
//!
//! Knows how frames ended; knows neither times nor costs.

/// So many of the frames that chance a step may be late: one in a thousand.
const TARGET: f64 = 1e-3;
/// The price where so many are, and of the first frame. With 5 throughout, 0.043 % were late on the recorded traces and 0.20 % under tight budgets, in the
/// mean, and one trace in four missed 0.1 % of late frames or 2 % of regret.
const USUAL: f64 = 3.0;
/// How steeply the price rises with the frames that are late.
const POWER: i32 = 3;
/// After so many frames, a third of what was seen counts: half a minute at 30 Hz.
const MEMORY: f64 = 1000.0;
/// As if so many late frames had been seen, in as many frames as the target has for them: no frame by itself makes a rate.
const DOUBT: f64 = 1.0;
/// No more late frames than that are remembered, so that a bad time is forgotten a minute and a half after it is over.
const MOST: f64 = 4.0;

/// What a late mask costs beside its own worth, as many times that. It is worth nothing, and whoever waits for it waits in vain; so a step that could lose
/// a mask has to be that much likelier to give a better one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    late: f64,
    frames: f64,
}

impl Price {
    /// Learns how a frame ended that had a deadline. Only one that chanced a step beyond its first exit is `late`: who is late with the first exit can do
    /// nothing about it.
    pub fn learn(&mut self, late: bool) {
        let kept = 1.0 - 1.0 / MEMORY;
        self.frames = self.frames * kept + 1.0;
        self.late = (self.late * kept + f64::from(u8::from(late))).min(MOST);
    }

    /// As many times a mask's worth.
    pub fn times(self) -> f64 {
        USUAL * ((self.late + DOUBT) / (self.frames * TARGET + DOUBT)).powi(POWER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The price after so many frames, of which one in `period` was late.
    fn after(mut price: Price, frames: usize, period: usize) -> Price {
        (1..=frames).for_each(|n| price.learn(n % period == 0));
        price
    }

    const NEVER: usize = usize::MAX;

    #[test]
    fn with_one_late_frame_in_a_thousand_it_stays_about_the_same() {
        let mut price = after(Price::default(), 10_000, 1000);
        let mut sum = 0.0;
        for n in 1..=1000 {
            price.learn(n == 1000);
            sum += price.times().ln();
        }
        let mean = (sum / 1000.0).exp();
        assert!((mean / USUAL).ln().abs() < 0.3, "{mean}");
    }

    #[test]
    fn more_late_frames_make_it_dearer_and_fewer_cheaper() {
        let prices = [NEVER, 1000, 300, 100].map(|period| after(Price::default(), 3000, period).times());
        assert!(prices.is_sorted() && prices[0] < USUAL && prices[3] > 10.0 * USUAL, "{prices:?}");
    }

    #[test]
    fn a_bad_time_is_forgotten_within_a_minute_and_a_half() {
        let bad = after(Price::default(), 1000, 1);
        assert!(bad.times() > 10.0 * USUAL);
        assert!(after(bad, 90 * 30, NEVER).times() < USUAL);
    }
}
