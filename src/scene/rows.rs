//! What lines the street: terraces, front gardens, parks and side streets.

use super::objects::building::Building;
use super::objects::fence::Kind;
use super::objects::sign::Motif;
use super::objects::tree::Tree;
use super::rng::Rng;
use super::road::{LENGTH, Soil};
use super::street::{Mood, Street, Thing};
use super::vec::{grey, v3};

impl Street {
    /// Houses, gardens, parks and side streets along one side.
    pub fn row(&mut self, side: usize, mood: &Mood, rng: &mut Rng) {
        let mut s = 0.0;
        while s < LENGTH - 14.0 {
            let stretch = rng.range(24.0, 60.0).min(LENGTH - s);
            let dice = rng.unit();
            if dice < mood.parks {
                self.park(side, s, stretch, mood, rng);
            } else {
                let setback = if dice < mood.parks + mood.gardens { rng.range(2.5, 6.0) } else { 0.0 };
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

    fn terrace(&mut self, side: usize, (from, length): (f32, f32), setback: f32, mood: &Mood, rng: &mut Rng) {
        let e = self.line(side) + setback;
        let shops = if setback > 0.0 { 0.0 } else { mood.shops };
        let n = (length / rng.range(5.0, 9.0)).round().max(1.0);
        let same = rng.chance(0.3).then(|| rng.clone());
        for k in 0..n as usize {
            let mut own = same.clone().unwrap_or_else(|| rng.fork(k as u64));
            let width = length / n;
            let alley = if setback > 0.0 && own.chance(0.3) { 0.8 } else { 0.0 };
            let house = Building::new(&mut own, width - alley, shops, mood.tall);
            let at = from + width * k as f32;
            let (board, s) = (rng.chance(0.3 * shops), at + rng.range(0.8, width - 0.8));
            self.put(side, e + rng.range(0.0, 0.25), at, Thing::Building(Box::new(house)));
            if board {
                let motif = Motif::random(rng);
                self.put(side, e, s, Thing::Board { seed: rng.bits(), motif });
            }
        }
        if setback > 0.0 {
            self.road.set_soil(side, from, from + length, if rng.chance(0.6) { Soil::Grass } else { Soil::Paved });
            self.front_gardens(side, (from, length), mood, rng);
        }
    }

    fn front_gardens(&mut self, side: usize, (from, length): (f32, f32), mood: &Mood, rng: &mut Rng) {
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

    fn boundary(&mut self, side: usize, e: f32, s: f32, (length, height): (f32, f32), rng: &mut Rng) {
        let kind = match rng.below(5) {
            0 => Kind::Boards(v3(0.22, 0.14, 0.08).mix(grey(0.3), rng.unit()) * rng.range(0.6, 1.3)),
            1 => Kind::Wall(rng.pick(&[v3(0.32, 0.19, 0.12), v3(0.38, 0.31, 0.20), grey(0.35)])),
            2 => {
                let seed = rng.bits();
                return self.put(side, e, s, Thing::Hedge { length, height, seed });
            }
            _ => Kind::Railing(rng.pick(&[grey(0.02), grey(0.03), v3(0.03, 0.06, 0.04)])),
        };
        self.put(side, e, s, Thing::Fence { length, height, kind });
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
            self.put(side, e + 2.0 + (k % 4) as f32 * 5.0 + rng.range(0.0, 2.0), s, Thing::Tree(tree));
        }
        let seed = rng.bits();
        self.put(side, e + 24.0, from, Thing::Hedge { length, height: 3.2, seed });
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
}
