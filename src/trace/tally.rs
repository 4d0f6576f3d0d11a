//! What became of the frames of a trace, and how far that is from the oracle's.

use std::time::Duration;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Played {
    /// The exit that was published.
    pub exit: usize,
    /// Whether that was before the deadline.
    pub in_time: bool,
    /// What it was worth, 0 to 1.
    pub utility: f64,
    /// From arrival to mask.
    pub elapsed: Duration,
    /// Whether a step was begun and abandoned.
    pub gave_up: bool,
}

/// What became of all frames of a trace, and how far that is from the oracle's.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Tally {
    /// Frames that counted.
    pub frames: usize,
    /// Those that were late.
    pub missed: usize,
    /// Those that were late although the oracle's were not.
    pub missed_needlessly: usize,
    /// The mean of the published exits, late ones too.
    pub mean_exit: f64,
    /// The mean of what the frames were worth.
    pub utility: f64,
    /// The same mean of the oracle's frames.
    pub best: f64,
    /// Part of `best` that is not reached, 0 to 1; the next three are what it is made of.
    pub regret: f64,
    /// Lost by frames that were late.
    pub lost_late: f64,
    /// Lost by frames that began another step and had to abandon it.
    pub lost_given_up: f64,
    /// Lost by frames that could have gone on and did not.
    pub lost_ended: f64,
    /// The mean time from arrival to mask, in milliseconds.
    pub elapsed_ms: f64,
}

impl Tally {
    /// Adds up what became of the frames, beside the oracle's.
    pub fn of(played: &[Played], oracle: &[Played]) -> Self {
        let count = played.len().max(1) as f64;
        let best = mean(oracle.iter().map(|frame| frame.utility), count);
        let lost = |here: fn(&Played) -> bool| {
            let frames = played.iter().zip(oracle).filter(|(frame, _)| here(frame));
            let lost = mean(frames.map(|(frame, best)| best.utility - frame.utility), count);
            if best > 0.0 { lost / best } else { 0.0 }
        };
        let (lost_late, lost_given_up, lost_ended) = (
            lost(|frame| !frame.in_time),
            lost(|frame| frame.in_time && frame.gave_up),
            lost(|frame| frame.in_time && !frame.gave_up),
        );
        Self {
            frames: played.len(),
            missed: played.iter().filter(|frame| !frame.in_time).count(),
            missed_needlessly: played.iter().zip(oracle).filter(|(frame, best)| !frame.in_time && best.in_time).count(),
            mean_exit: mean(played.iter().map(|frame| frame.exit as f64), count),
            utility: mean(played.iter().map(|frame| frame.utility), count),
            best,
            regret: lost_late + lost_given_up + lost_ended,
            lost_late,
            lost_given_up,
            lost_ended,
            elapsed_ms: 1e3 * mean(played.iter().map(|frame| frame.elapsed.as_secs_f64()), count),
        }
    }

    /// Several together, each with as much weight as any other; what is lost is a part of the mean of the best.
    pub fn sum(tallies: &[Tally]) -> Self {
        let count = tallies.len().max(1) as f64;
        let over = |of: fn(&Tally) -> f64| mean(tallies.iter().map(of), count);
        let best = over(|tally| tally.best);
        let part = |lost: f64| if best > 0.0 { lost / best } else { 0.0 };
        Self {
            frames: tallies.iter().map(|tally| tally.frames).sum(),
            missed: tallies.iter().map(|tally| tally.missed).sum(),
            missed_needlessly: tallies.iter().map(|tally| tally.missed_needlessly).sum(),
            mean_exit: over(|tally| tally.mean_exit),
            utility: over(|tally| tally.utility),
            best,
            regret: part(over(|tally| tally.best * tally.regret)),
            lost_late: part(over(|tally| tally.best * tally.lost_late)),
            lost_given_up: part(over(|tally| tally.best * tally.lost_given_up)),
            lost_ended: part(over(|tally| tally.best * tally.lost_ended)),
            elapsed_ms: over(|tally| tally.elapsed_ms),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>, count: f64) -> f64 {
    // The sum of nothing is -0.
    (values.sum::<f64>() + 0.0) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(utility: f64, in_time: bool, gave_up: bool) -> Played {
        Played { exit: 1, in_time, utility, elapsed: Duration::from_millis(3), gave_up }
    }

    #[test]
    fn regret_is_what_late_given_up_and_ended_frames_lost() {
        let oracle = [0.5, 0.5, 0.6, 0.4, 0.0].map(|utility| played(utility, utility > 0.0, false));
        let frames =
            [(0.0, false, true), (0.4, true, true), (0.5, true, false), (0.4, true, false), (0.0, false, false)];
        let tally = Tally::of(&frames.map(|(utility, in_time, gave_up)| played(utility, in_time, gave_up)), &oracle);
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        assert!(
            near(tally.lost_late, 0.25) && near(tally.lost_given_up, 0.05) && near(tally.lost_ended, 0.05),
            "{tally:?}"
        );
        assert!(near(tally.regret, 0.35) && near(tally.utility, tally.best * (1.0 - tally.regret)), "{tally:?}");
        assert_eq!((tally.missed, tally.missed_needlessly), (2, 1));
        let twice = Tally::sum(&[tally, tally]);
        assert!(near(twice.regret, tally.regret) && near(twice.best, tally.best) && twice.frames == 10, "{twice:?}");
    }
}
