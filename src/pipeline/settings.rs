//! What the user allows.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::anytime::Iterations;
use crate::mask::ClassMap;
use crate::params::Parameters;

/// How deep the network may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// As deep as budget and share of compute allow, within these iterations.
    Anytime(Iterations),
    /// Always as many iterations, whatever the time: the same frames give the same masks.
    Fixed(usize),
}

/// When masks are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// One mask a frame.
    Final,
    /// Each exit as it finishes, with the same stamp.
    Progressive,
}

/// The size of the masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskSize {
    /// That of the frame.
    Input,
    /// That of the network's input, onto which the frame is stretched.
    Network,
}

/// What the user allows; may change from frame to frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How deep.
    pub depth: Depth,
    /// Share of their time that the network's threads may work, 0 to 1.
    pub share: f64,
    /// The longest budget of any camera: as much compute may be saved up.
    pub budget: Duration,
    /// Enough, once less than this fraction of the mask changes from exit to exit; 0 for never.
    pub converged_change: f64,
    /// Which exits are published.
    pub publish: Publish,
    /// The size of the masks.
    pub mask_size: MaskSize,
    /// The ids under which classes are published.
    pub class_map: ClassMap,
    /// The cameras whose frames may start warm, where the model offers it.
    pub warm: BTreeSet<usize>,
    /// The longest time between the stamps of two frames for a warm start.
    pub warm_max_gap: Duration,
}

impl Settings {
    /// What the parameters say, where the longest budget of any camera is `budget`. What needs to know the model's classes or the cameras is left to
    /// be set: the class map, and who may start warm.
    pub fn of(parameters: &Parameters, budget: Duration) -> Self {
        let iterations = |name| usize::try_from(parameters.integer(name)).unwrap_or(1);
        let range = Iterations::new(iterations("iterations.min"), iterations("iterations.max"));
        Self {
            depth: Depth::Anytime(range),
            share: parameters.double("compute_share"),
            budget,
            converged_change: parameters.double("converged_change"),
            publish: match parameters.text("publish").as_str() {
                "progressive" => Publish::Progressive,
                _ => Publish::Final,
            },
            mask_size: match parameters.text("mask_size").as_str() {
                "network" => MaskSize::Network,
                _ => MaskSize::Input,
            },
            class_map: ClassMap::identity(),
            warm: BTreeSet::new(),
            warm_max_gap: Duration::from_secs_f64(parameters.double("warm_max_gap_ms") / 1e3),
        }
    }
}
