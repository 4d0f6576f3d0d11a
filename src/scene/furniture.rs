//! What stands on the pavement and at the kerb: posts, signs, trees, railings, parked cars.

use super::objects::car::Car;
use super::objects::fence::Kind;
use super::objects::sign::Motif;
use super::objects::tree::Tree;
use super::rng::Rng;
use super::road::LENGTH;
use super::street::{Mood, Street, Thing};
use super::vec::{grey, v3};

impl Street {
    /// Lamp posts, signs, bollards, bins and trees on the pavement.
    pub fn furniture(&mut self, side: usize, mood: &Mood, rng: &mut Rng) {
        let half = self.road.half(side);
        let mut s = rng.range(4.0, 12.0);
        let reach = rng.range(0.6, 1.4);
        while s < LENGTH - 2.0 {
            if !self.in_gap(side, s, 3.0) {
                let thing = match rng.below(10) {
                    0..=2 => Thing::Lamp { height: mood.lamp.0, reach, dark: mood.lamp.1 },
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
        Thing::Sign { motif, size: rng.range(0.27, 0.38), seed: rng.bits(), yaw: rng.range(-0.25, 0.25) }
    }

    /// Cars along the kerb.
    pub fn parked(&mut self, side: usize, mood: &Mood, rng: &mut Rng) {
        if self.road.park[side] == 0.0 {
            return;
        }
        let e = self.road.lane + 1.12;
        let mut s = rng.range(3.0, 9.0);
        while s < LENGTH - 6.0 {
            let car = Car::new(rng, 0.12);
            let near_zebra = self.zebras.iter().any(|z| (s - z).abs() < 9.0);
            if car.half.0 < 3.0 && rng.chance(mood.parking) && !self.in_gap(side, s, 4.0) && !near_zebra {
                let reversed = rng.chance(if side == 0 { 0.2 } else { 0.7 });
                self.put(side, e + rng.range(-0.1, 0.1), s, Thing::Parked { car, reversed });
            }
            s += car.half.0 * 2.0 + rng.range(0.7, 2.4);
        }
    }

    /// What every drive must meet in its first seconds, and again on every round.
    pub fn landmarks(&mut self, rng: &mut Rng) {
        let rail = if rng.chance(0.5) { grey(0.30) } else { v3(0.02, 0.05, 0.03) };
        for (side, from) in [(0, 19.0), (1, 27.0), (1, 140.0), (0, 260.0)] {
            let length = rng.range(7.0, 12.0);
            let free = |s: &f32| (0..3).all(|k| !self.in_gap(side, s + 0.5 * length * k as f32, 1.0));
            let Some(s) = (0..12).map(|k| from + 3.0 * k as f32).find(free) else {
                continue;
            };
            let fence = Thing::Fence { length, height: 1.05, kind: Kind::Railing(rail) };
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
                self.put(side, e, z - 2.2, Thing::Beacon);
            }
        }
    }
}
