//! Lines on the road: lane dashes, kerb lines, give-way lines, zebra crossings.

use super::ground::Spot;
use super::rng::Rng;
use super::road::OPEN;
use super::street::Street;
use super::vec::{V3, grey, v3};

/// The markings of one street.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Length and period of the dashes in the middle.
    dash: (f32, f32),
    /// Yellow lines at the kerb: 0, 1 or 2, left and right.
    yellow: [u32; 2],
    cycle_lane: bool,
}

const PAINT: V3 = grey(0.52);
const YELLOW: V3 = v3(0.52, 0.38, 0.06);

impl Lines {
    pub fn new(rng: &mut Rng) -> Self {
        Lines {
            dash: rng.pick(&[(2.0, 6.0), (4.0, 6.0), (2.0, 8.0), (3.0, 9.0)]),
            yellow: [rng.below(3) as u32, rng.below(3) as u32],
            cycle_lane: rng.chance(0.35),
        }
    }

    /// The colour of the line at a spot of road; `None` where tar shows.
    pub fn at(&self, street: &Street, s: &Spot) -> Option<V3> {
        let road = &street.road;
        let (x, z) = (s.d, s.p.z);
        if let Some(m) = street.zebras.iter().find_map(|c| zebra(x, z - c, s.out)) {
            return m;
        }
        let half = road.half(s.side);
        if x.abs() < 0.055 && z.rem_euclid(self.dash.1) < self.dash.0 {
            return Some(PAINT);
        }
        if s.out < -0.5 * OPEN {
            let mouth = x.abs() - half;
            let twice = (0.0..0.14).contains(&mouth) || (0.3..0.44).contains(&mouth);
            return (twice && z.rem_euclid(0.9) < 0.6).then_some(PAINT);
        }
        let lines = self.yellow[s.side];
        let inner = (-0.50..-0.41).contains(&s.out) && lines == 2;
        if road.park[s.side] == 0.0 && lines > 0 && ((-0.30..-0.21).contains(&s.out) || inner) {
            return Some(YELLOW);
        }
        if road.park[s.side] > 0.0 {
            return ((x.abs() - road.lane).abs() < 0.05 && z.rem_euclid(1.2) < 0.7).then_some(PAINT);
        }
        (self.cycle_lane && (x.abs() - road.lane + 1.25).abs() < 0.05 && z.rem_euclid(3.0) < 1.6).then_some(PAINT)
    }
}

/// Stripes across the road and the zig-zags before them: `Some(None)` where tar shows between.
fn zebra(x: f32, z: f32, out: f32) -> Option<Option<V3>> {
    if z.abs() < 1.5 {
        return Some((x.rem_euclid(1.2) < 0.6 && out < -0.2).then_some(PAINT));
    }
    if z.abs() < 1.95 {
        return Some((z.abs() > 1.75 && x.rem_euclid(1.0) < 0.5).then_some(PAINT));
    }
    if z.abs() < 12.0 {
        let wave = ((z / 2.0).rem_euclid(2.0) - 1.0).abs() * 0.5;
        let edge = (out + 0.35 + wave).abs() < 0.06;
        let middle = (x.abs() - wave * 0.6).abs() < 0.05;
        return Some((edge || middle).then_some(PAINT));
    }
    None
}
