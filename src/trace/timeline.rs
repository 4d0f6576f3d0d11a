//! A frame of a trace, with what stalled it by the time at which it did.
//!
//! A stall belongs to its time and not to its stage: other programs run when they do, and a scheduler stops a program at its tick. Who is at another stage by
//! then is stalled there, and who has published already is not stalled at all.

use std::time::Duration;

use super::{Costs, Trace};
use crate::anytime::Stage;

/// A stage of so few nodes that none stands out among them was stalled where it took more than this many times what it should ...
const STALLED: f64 = 1.5;
/// ... and more than this longer.
const STALL: Duration = Duration::from_micros(300);
/// So many nodes are few.
const FEW: usize = 2;

/// What the stages of a frame take, and when the frame is stalled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// What the nodes of decoding, data, step 1, exit 1, step 2, ... and rendering take without stalls.
    work: Vec<Vec<Duration>>,
    /// Since the frame was begun, in order: when a stall begins, and how long it is.
    stalls: Vec<(Duration, Duration)>,
}

/// What a node works, and how long it is stalled.
type Node = (Duration, Duration);

impl Timeline {
    /// The timelines of all frames.
    pub fn all(trace: &Trace) -> Vec<Self> {
        let mut stages = vec![Stage::Decode(0), Stage::Data];
        stages.extend((1..=trace.iterations()).flat_map(|n| [Stage::Step(n), Stage::Exit(n)]));
        stages.push(Stage::Render(0));
        let work = |frame: &Costs, stage| trace.work(frame, stage).iter().map(Duration::as_secs_f64).sum::<f64>();
        let over_frames = |stage: &Stage| third(trace.frames.iter().map(|frame| work(frame, *stage)));
        let usual: Vec<f64> = stages.iter().map(over_frames).collect();
        let of = |frame: &Costs| {
            let big = stages.iter().zip(&usual).filter(|(stage, _)| matches!(stage, Stage::Data | Stage::Step(_)));
            let slowdown = third(big.map(|(stage, usual)| work(frame, *stage) / usual.max(1e-9))).max(1.0);
            let mut timeline = Self::default();
            let mut now = Duration::ZERO;
            for (stage, usual) in stages.iter().zip(&usual) {
                timeline.add(&mut now, nodes(trace, frame, *stage, Duration::from_secs_f64(slowdown * usual)));
            }
            timeline
        };
        trace.frames.iter().map(of).collect()
    }

    /// Adds a stage that begins `now`. Nobody knows where in a node it was stalled: in its middle.
    fn add(&mut self, now: &mut Duration, nodes: Vec<Node>) {
        for (work, stall) in &nodes {
            if !stall.is_zero() {
                self.stalls.push((*now + *work / 2, *stall));
            }
            *now += *work + *stall;
        }
        self.work.push(nodes.into_iter().map(|(work, _)| work).collect());
    }

    /// What the nodes of a stage take without stalls; nothing for a stage that the trace does not have.
    pub fn work(&self, stage: Stage) -> &[Duration] {
        let place = match stage {
            Stage::Decode(_) => Some(0),
            Stage::Render(_) => self.work.len().checked_sub(1),
            stage => super::place(stage).map(|place| place + 1),
        };
        place.and_then(|place| self.work.get(place)).map_or(&[], Vec::as_slice)
    }

    /// How long so much work takes that begins at `from` since the frame was begun: with the stalls that come meanwhile.
    pub fn takes(&self, from: Duration, work: Duration) -> Duration {
        let ahead = self.stalls.iter().skip_while(|(at, _)| *at < from);
        ahead.fold(work, |takes, (at, stall)| if *at < from + takes { takes + *stall } else { takes })
    }
}

/// The nodes of a stage that should take `usual`. The trace says which of them were stalled; of few nodes it cannot, and what the stage took too long is a
/// stall of the last one, which is the larger by far where there are two.
fn nodes(trace: &Trace, frame: &Costs, stage: Stage, usual: Duration) -> Vec<Node> {
    let work = trace.work(frame, stage);
    let took = trace.nodes(frame, stage);
    let mut nodes: Vec<Node> = work.iter().zip(took).map(|(work, took)| (*work, took.saturating_sub(*work))).collect();
    let all: Duration = work.iter().sum();
    let stalled = nodes.len() <= FEW && all > usual.mul_f64(STALLED) + STALL;
    if stalled && !matches!(stage, Stage::Decode(_)) {
        nodes.iter_mut().for_each(|(work, _)| *work = work.mul_f64(usual.as_secs_f64() / all.as_secs_f64()));
        if let Some((_, stall)) = nodes.last_mut() {
            *stall += all - usual;
        }
    }
    nodes
}

/// What a third of the values do not reach. With all cores taken, more than half of them may be of stalled stages.
fn third(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 3).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;
    use crate::trace::Held;

    const MS: Duration = Duration::from_millis(1);

    /// Frames of decode 1, data 2 (two nodes), step 4 (four nodes), exit 1 and render 1 ms, of which the last is stalled as told: in its step's third node and
    /// in its rendering.
    fn trace(step: u32, render: u32) -> Trace {
        let held = |took, stalls| Held { took, stalls };
        let frame = |step: u32, render: u32| {
            let stalls = if step > 0 { vec![(2, 1000 * step)] } else { Vec::new() };
            let network = vec![held(2000, Vec::new()), held(4000 + 1000 * step, stalls), held(1000, Vec::new())];
            Costs { at_us: 0, decode: 1000, network, render: 1000 * (1 + render) }
        };
        Trace {
            model: "tiny".to_owned(),
            frame: Size::new(4, 2),
            threads: 1,
            load: "none".to_owned(),
            profiles: vec![vec![1, 1], vec![1, 1, 1, 1], vec![1]],
            frames: vec![frame(0, 0), frame(0, 0), frame(step, render)],
        }
    }

    fn sum(timeline: &Timeline, stage: Stage) -> Duration {
        timeline.work(stage).iter().sum()
    }

    #[test]
    fn who_does_all_that_was_recorded_takes_what_was_recorded() {
        for (step, render) in [(0, 0), (5, 0), (0, 4), (3, 7)] {
            let trace = trace(step, render);
            for (timeline, frame) in Timeline::all(&trace).iter().zip(&trace.frames) {
                let mut now = Duration::ZERO;
                for stage in [Stage::Decode(0), Stage::Data, Stage::Step(1), Stage::Exit(1), Stage::Render(0)] {
                    let took = timeline.takes(now, sum(timeline, stage));
                    assert_eq!(took, trace.took(frame, stage), "{stage:?}, {step} and {render} ms");
                    now += took;
                }
            }
        }
    }

    #[test]
    fn a_stall_hits_who_works_when_it_begins_whatever_the_stage() {
        let timeline = &Timeline::all(&trace(5, 0))[2];
        // The step's third node begins 1 + 2 + 2 ms after the frame, and is stalled half a millisecond later.
        assert_eq!(timeline.takes(5 * MS, MS), 6 * MS);
        assert_eq!(timeline.takes(5 * MS, MS / 2), MS / 2);
        assert_eq!(timeline.takes(6 * MS, 4 * MS), 4 * MS);
        assert_eq!(timeline.takes(Duration::ZERO, 9 * MS), 14 * MS);
    }

    #[test]
    fn a_stage_of_few_nodes_was_stalled_by_what_it_took_too_long() {
        let timeline = &Timeline::all(&trace(0, 4))[2];
        assert_eq!(sum(timeline, Stage::Render(0)), MS);
        assert_eq!(timeline.takes(8 * MS, MS), 5 * MS);
        assert_eq!(timeline.takes(8 * MS, MS / 2), MS / 2);
    }

    #[test]
    fn a_slow_frame_is_slow_and_not_stalled() {
        let mut trace = trace(0, 0);
        let slow = trace.frames.last_mut().unwrap();
        (slow.decode, slow.render) = (2000, 2000);
        slow.network.iter_mut().for_each(|held| held.took *= 2);
        let timeline = &Timeline::all(&trace)[2];
        assert_eq!(timeline.takes(Duration::ZERO, 18 * MS), 18 * MS);
        assert_eq!(sum(timeline, Stage::Render(0)), 2 * MS);
    }
}
