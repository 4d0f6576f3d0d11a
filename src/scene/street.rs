//! What stands where: a whole street laid out from its seed.

use super::objects::building::Building;
use super::objects::car::Car;
use super::objects::fence::Kind;
use super::objects::sign::Motif;
use super::objects::tree::Tree;
use super::rng::Rng;
use super::road::{LENGTH, Road, Soil};
use super::vec::{grey, v3};

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
    Bin(u64),
    Parked {
        car: Car,
        reversed: bool,
    },
}

/// The character of a street.
#[derive(Clone, Copy, Debug)]
struct Mood {
    shops: f32,
    tall: f32,
    parks: f32,
    gardens: f32,
    trees: f32,
    winter: f32,
    parking: f32,
    lamp: (f32, bool),
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
            parks: rng.range(0.05, 0.3),
            gardens: rng.range(0.1, 0.6),
            trees: rng.range(0.2, 1.0),
            winter: if rng.chance(0.5) { 0.85 } else { 0.1 },
            parking: rng.range(0.35, 0.9),
            lamp: (rng.range(5.5, 8.5), rng.chance(0.4)),
        };
        let road = Road::new(rng);
        let zebras = vec![rng.range(45.0, 120.0), rng.range(200.0, 400.0)];
        let mut street = Street {
            road,
            items: Vec::new(),
            gaps: Vec::new(),
            zebras,
        };
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

    fn put(&mut self, side: usize, e: f32, s: f32, thing: Thing) {
        let d = if side == 0 { -e } else { e };
        self.items.push(Item { d, s, side, thing });
    }

    /// Edge of the pavement away from the road.
    fn line(&self, side: usize) -> f32 {
        self.road.half(side) + self.road.pave[side]
    }

    fn in_gap(&self, side: usize, s: f32, margin: f32) -> bool {
        self.gaps
            .iter()
            .any(|g| g.0 == side && s > g.1 - margin && s < g.2 + margin)
    }

    /// Houses, gardens, parks and side streets along one side.
    fn row(&mut self, side: usize, mood: &Mood, rng: &mut Rng) {
        let mut s = 0.0;
        while s < LENGTH - 14.0 {
            let stretch = rng.range(24.0, 60.0).min(LENGTH - s);
            let dice = rng.unit();
            if dice < mood.parks {
                self.park(side, s, stretch, mood, rng);
            } else {
                let setback = if dice < mood.parks + mood.gardens {
                    rng.range(2.5, 6.0)
                } else {
                    0.0
                };
                self.terrace(side, (s, stretch), setback, mood, rng);
            }
            s += stretch;
            if rng.chance(0.55) && s < LENGTH - 20.0 {
                let width = rng.range(6.5, 10.0);
                self.side_street(side, s + 1.5, width, rng);
                s += width + 3.0;
            }
        }
    }

    fn terrace(
        &mut self,
        side: usize,
        (from, length): (f32, f32),
        setback: f32,
        mood: &Mood,
        rng: &mut Rng,
    ) {
        let e = self.line(side) + setback;
        let shops = if setback > 0.0 { 0.0 } else { mood.shops };
        let n = (length / rng.range(5.0, 9.0)).round().max(1.0);
        let same = rng.chance(0.3).then(|| rng.clone());
        for k in 0..n as usize {
            let mut own = same.clone().unwrap_or_else(|| rng.fork(k as u64));
            let width = length / n;
            let alley = if setback > 0.0 && own.chance(0.3) {
                0.8
            } else {
                0.0
            };
            let house = Building::new(&mut own, width - alley, shops, mood.tall);
            let at = from + width * k as f32;
            let (board, s) = (rng.chance(0.3 * shops), at + rng.range(0.8, width - 0.8));
            self.put(
                side,
                e + rng.range(0.0, 0.25),
                at,
                Thing::Building(Box::new(house)),
            );
            if board {
                let motif = Motif::random(rng);
                self.put(
                    side,
                    e,
                    s,
                    Thing::Board {
                        seed: rng.bits(),
                        motif,
                    },
                );
            }
        }
        if setback > 0.0 {
            self.road.set_soil(
                side,
                from,
                from + length,
                if rng.chance(0.6) {
                    Soil::Grass
                } else {
                    Soil::Paved
                },
            );
            self.front_gardens(side, (from, length), mood, rng);
        }
    }

    fn front_gardens(
        &mut self,
        side: usize,
        (from, length): (f32, f32),
        mood: &Mood,
        rng: &mut Rng,
    ) {
        let e = self.line(side) + 0.15;
        let mut s = from;
        while s < from + length - 3.0 {
            let piece = rng.range(4.0, 9.0).min(from + length - s);
            let (height, length) = (rng.range(0.8, 1.5), piece - rng.range(0.3, 1.3));
            self.boundary(side, e, s, (length, height), rng);
            if rng.chance(0.35 * mood.trees) {
                let tree = Tree::new(rng, mood.winter);
                self.put(side, e + 1.6, s + 0.5 * piece, Thing::Tree(tree));
            }
            s += piece;
        }
    }

    fn boundary(
        &mut self,
        side: usize,
        e: f32,
        s: f32,
        (length, height): (f32, f32),
        rng: &mut Rng,
    ) {
        let kind = match rng.below(5) {
            0 => {
                Kind::Boards(v3(0.22, 0.14, 0.08).mix(grey(0.3), rng.unit()) * rng.range(0.6, 1.3))
            }
            1 => Kind::Wall(rng.pick(&[v3(0.32, 0.19, 0.12), v3(0.38, 0.31, 0.20), grey(0.35)])),
            2 => {
                let seed = rng.bits();
                return self.put(
                    side,
                    e,
                    s,
                    Thing::Hedge {
                        length,
                        height,
                        seed,
                    },
                );
            }
            _ => Kind::Railing(rng.pick(&[grey(0.02), grey(0.03), v3(0.03, 0.06, 0.04)])),
        };
        self.put(
            side,
            e,
            s,
            Thing::Fence {
                length,
                height,
                kind,
            },
        );
    }

    fn park(&mut self, side: usize, from: f32, length: f32, mood: &Mood, rng: &mut Rng) {
        self.road.set_soil(side, from, from + length, Soil::Grass);
        let e = self.line(side) + 0.1;
        let height = rng.range(1.0, 1.7);
        let half = length * 0.5;
        for s in [from, from + half] {
            self.boundary(side, e, s, (half - 0.1, height), rng);
        }
        for k in 0..(length / rng.range(4.0, 7.0)) as usize {
            let tree = Tree::new(rng, mood.winter);
            let s = from + rng.range(0.0, length);
            self.put(
                side,
                e + 2.0 + (k % 4) as f32 * 5.0 + rng.range(0.0, 2.0),
                s,
                Thing::Tree(tree),
            );
        }
        let seed = rng.bits();
        self.put(
            side,
            e + 24.0,
            from,
            Thing::Hedge {
                length,
                height: 3.2,
                seed,
            },
        );
    }

    fn side_street(&mut self, side: usize, from: f32, width: f32, rng: &mut Rng) {
        self.gaps.push((side, from, from + width));
        let e = self.line(side);
        let end = Building::new(rng, width + 12.0, 0.2, 0.2);
        self.put(side, e + 44.0, from - 6.0, Thing::Building(Box::new(end)));
        for k in 0..3 {
            for s in [from - 2.5, from + width + 2.5] {
                let tree = Tree::new(rng, 0.4);
                self.put(side, e + 15.0 + 9.0 * k as f32, s, Thing::Tree(tree));
            }
        }
        let phase = rng.range(0.0, 12.0);
        if rng.chance(0.5) {
            let half = self.road.half(side);
            self.put(side, half + 0.5, from - 4.0, Thing::Signal { phase });
        }
    }

    /// Lamp posts, signs, bollards, bins and trees on the pavement.
    fn furniture(&mut self, side: usize, mood: &Mood, rng: &mut Rng) {
        let half = self.road.half(side);
        let mut s = rng.range(4.0, 12.0);
        let reach = rng.range(0.6, 1.4);
        while s < LENGTH - 2.0 {
            if !self.in_gap(side, s, 3.0) {
                let thing = match rng.below(10) {
                    0..=2 => Thing::Lamp {
                        height: mood.lamp.0,
                        reach,
                        dark: mood.lamp.1,
                    },
                    3..=5 => self.sign(rng),
                    6 => Thing::Bollard,
                    7 => Thing::Bin(u64::from(rng.bits())),
                    _ if rng.chance(mood.trees) => Thing::Tree(Tree::new(rng, mood.winter)),
                    _ => Thing::Bollard,
                };
                let bollards = matches!(thing, Thing::Bollard);
                self.put(side, half + 0.55, s, thing);
                for k in 1..if bollards { 5 } else { 1 } {
                    self.put(side, half + 0.45, s + 1.6 * k as f32, Thing::Bollard);
                }
                s += if bollards { 7.0 } else { 0.0 };
            }
            s += rng.range(4.0, 13.0);
        }
    }

    fn sign(&self, rng: &mut Rng) -> Thing {
        let motif = Motif::random(rng);
        Thing::Sign {
            motif,
            size: rng.range(0.27, 0.38),
            seed: rng.bits(),
            yaw: rng.range(-0.25, 0.25),
        }
    }

    fn parked(&mut self, side: usize, mood: &Mood, rng: &mut Rng) {
        if self.road.park[side] == 0.0 {
            return;
        }
        let e = self.road.lane + 1.12;
        let mut s = rng.range(3.0, 9.0);
        while s < LENGTH - 6.0 {
            let car = Car::new(rng, 0.12);
            let near_zebra = self.zebras.iter().any(|z| (s - z).abs() < 9.0);
            if car.half.0 < 3.0
                && rng.chance(mood.parking)
                && !self.in_gap(side, s, 4.0)
                && !near_zebra
            {
                let reversed = rng.chance(if side == 0 { 0.2 } else { 0.7 });
                self.put(
                    side,
                    e + rng.range(-0.1, 0.1),
                    s,
                    Thing::Parked { car, reversed },
                );
            }
            s += car.half.0 * 2.0 + rng.range(0.7, 2.4);
        }
    }

    /// What every drive must meet in its first seconds, and again on every round.
    fn landmarks(&mut self, rng: &mut Rng) {
        let rail = if rng.chance(0.5) {
            grey(0.30)
        } else {
            v3(0.02, 0.05, 0.03)
        };
        for (side, from) in [(0, 19.0), (1, 27.0), (1, 140.0), (0, 260.0)] {
            let length = rng.range(7.0, 12.0);
            let free =
                |s: &f32| (0..3).all(|k| !self.in_gap(side, s + 0.5 * length * k as f32, 1.0));
            let Some(s) = (0..12).map(|k| from + 3.0 * k as f32).find(free) else {
                continue;
            };
            let fence = Thing::Fence {
                length,
                height: 1.05,
                kind: Kind::Railing(rail),
            };
            self.put(side, self.road.half(side) + 0.28, s, fence);
        }
        for (side, s) in [(0, 17.0), (1, 38.0)] {
            let e = self.road.half(side) + 0.6;
            let sign = self.sign(rng);
            self.put(side, e, s, sign);
            let tree = Tree::new(rng, 0.4);
            self.put(side, self.line(side) - 0.4, s + 14.0, Thing::Tree(tree));
        }
        for z in self.zebras.clone() {
            for side in 0..2 {
                let e = self.road.half(side) + 0.4;
                self.put(
                    side,
                    e,
                    z - 2.2,
                    Thing::Lamp {
                        height: 3.0,
                        reach: 0.05,
                        dark: false,
                    },
                );
            }
        }
    }
}
