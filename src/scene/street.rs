//! What stands where: a whole street laid out from its seed.

use super::objects::building::Building;
use super::objects::car::Car;
use super::objects::fence::Kind;
use super::objects::sign::Motif;
use super::objects::tree::Tree;
use super::rng::Rng;
use super::road::Road;

/// Something that stands still, at `(d, s)`.
#[derive(Clone, Debug)]
pub struct Item {
    pub d: f32,
    pub s: f32,
    /// Which side of the road: 0 left, 1 right.
    pub side: usize,
    pub thing: Thing,
}

#[derive(Clone, Debug)]
pub enum Thing {
    Building(Box<Building>),
    Tree(Tree),
    Hedge {
        length: f32,
        height: f32,
        seed: u32,
    },
    Fence {
        length: f32,
        height: f32,
        kind: Kind,
    },
    Lamp {
        height: f32,
        reach: f32,
        dark: bool,
    },
    Sign {
        motif: Motif,
        size: f32,
        seed: u32,
        yaw: f32,
    },
    /// A board on a house front.
    Board {
        seed: u32,
        motif: Motif,
    },
    Signal {
        phase: f32,
    },
    Bollard,
    /// The flashing globe at a zebra crossing.
    Beacon,
    Bin(u64),
    Parked {
        car: Car,
        reversed: bool,
    },
}

/// The character of a street.
#[derive(Clone, Copy, Debug)]
pub struct Mood {
    pub shops: f32,
    pub tall: f32,
    pub parks: f32,
    pub gardens: f32,
    pub trees: f32,
    pub winter: f32,
    pub parking: f32,
    pub lamp: (f32, bool),
}

#[derive(Clone, Debug)]
pub struct Street {
    pub road: Road,
    pub items: Vec<Item>,
    /// Side streets: side, from, to.
    pub gaps: Vec<(usize, f32, f32)>,
    /// Zebra crossings.
    pub zebras: Vec<f32>,
}

impl Street {
    pub fn new(rng: &mut Rng) -> Self {
        let mood = Mood {
            shops: rng.range(0.1, 0.9),
            tall: rng.unit(),
            parks: rng.range(0.03, 0.24),
            gardens: rng.range(0.1, 0.6),
            trees: rng.range(0.1, 0.8),
            winter: if rng.chance(0.5) { 0.85 } else { 0.1 },
            parking: rng.range(0.35, 0.9),
            lamp: (rng.range(5.5, 8.5), rng.chance(0.4)),
        };
        let road = Road::new(rng);
        let zebras = vec![rng.range(45.0, 120.0), rng.range(200.0, 400.0)];
        let mut street = Street { road, items: Vec::new(), gaps: Vec::new(), zebras };
        for side in 0..2 {
            street.row(side, &mood, rng);
        }
        street.road.open(&street.gaps.clone());
        for side in 0..2 {
            street.furniture(side, &mood, rng);
            street.parked(side, &mood, rng);
        }
        street.landmarks(rng);
        street
    }

    /// Adds something `e` metres from the middle of the road, on a side.
    pub fn put(&mut self, side: usize, e: f32, s: f32, thing: Thing) {
        let d = if side == 0 { -e } else { e };
        self.items.push(Item { d, s, side, thing });
    }

    /// Edge of the pavement away from the road.
    pub fn line(&self, side: usize) -> f32 {
        self.road.half(side) + self.road.pave[side]
    }

    /// Whether a side street opens within `margin` metres.
    pub fn in_gap(&self, side: usize, s: f32, margin: f32) -> bool {
        self.gaps.iter().any(|g| g.0 == side && s > g.1 - margin && s < g.2 + margin)
    }
}
