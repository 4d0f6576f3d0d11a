//! The line of the street: street coordinates, kerbs, side streets and what soil lies behind the pavement.
//!
//! A street coordinate is `(d, s)`: metres to the right of the middle of the road, and metres along it.
//! The street repeats every [`LENGTH`] metres, so a drive never ends.

use super::rng::Rng;
use super::vec::{Frame, v3};

/// Metres after which the street repeats.
pub const LENGTH: f32 = 480.0;
/// Height of the pavement above the road.
pub const KERB: f32 = 0.11;
/// Table entries a metre.
const FINE: usize = 2;
const N: usize = LENGTH as usize * FINE;
/// Where a side street opens, there is no kerb.
pub const OPEN: f32 = 1e6;

/// What lies beyond the pavement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Soil {
    Paved,
    Grass,
}

#[derive(Clone, Debug)]
pub struct Road {
    bend: Vec<f32>,
    kerb: [Vec<f32>; 2],
    pub soil: [Vec<Soil>; 2],
    /// Width of one lane.
    pub lane: f32,
    /// Width of the parking strip, left and right; 0 where there is none.
    pub park: [f32; 2],
    /// Width of the pavement.
    pub pave: [f32; 2],
}

impl Road {
    pub fn new(rng: &mut Rng) -> Self {
        let waves: Vec<(f32, f32, f32)> = (1..4)
            .map(|k| (rng.range(-1.0, 1.0) * 13.0 / (k * k) as f32, k as f32, rng.range(0.0, std::f32::consts::TAU)))
            .collect();
        let bend = (0..N).map(|i| {
            let t = i as f32 / N as f32 * std::f32::consts::TAU;
            waves.iter().map(|(a, k, p)| a * (k * t + p).sin()).sum()
        });
        let strip = |rng: &mut Rng| if rng.chance(0.55) { 2.15 } else { 0.0 };
        Road {
            bend: bend.collect(),
            kerb: [vec![0.0; N], vec![0.0; N]],
            soil: [vec![Soil::Paved; N], vec![Soil::Paved; N]],
            lane: rng.range(2.9, 3.7),
            park: [strip(rng), strip(rng)],
            pave: [rng.range(2.0, 3.6), rng.range(2.0, 3.6)],
        }
    }

    /// Distance of the undisturbed kerb from the middle, on a side (0 left, 1 right).
    pub fn half(&self, side: usize) -> f32 {
        self.lane + self.park[side]
    }

    /// Opens side streets at these stretches of `(side, from, to)`, with rounded corners.
    pub fn open(&mut self, gaps: &[(usize, f32, f32)]) {
        const ROUND: f32 = 3.0;
        for side in 0..2 {
            let half = self.half(side);
            for (i, k) in self.kerb[side].iter_mut().enumerate() {
                let s = i as f32 / FINE as f32;
                *k = half;
                for g in gaps.iter().filter(|g| g.0 == side) {
                    let out = (g.1 - s).max(s - g.2);
                    if out <= 0.0 {
                        *k = OPEN;
                    } else if out < ROUND {
                        let t = ROUND - out;
                        *k = k.max(half + ROUND - (ROUND * ROUND - t * t).sqrt());
                    }
                }
            }
        }
    }

    pub fn set_soil(&mut self, side: usize, from: f32, to: f32, soil: Soil) {
        for i in (from * FINE as f32) as usize..=(to * FINE as f32) as usize {
            self.soil[side][i % N] = soil;
        }
    }

    fn cell(s: f32) -> (usize, usize, f32) {
        let turns = super::noise::floor(s * (1.0 / LENGTH)) as f32;
        let x = ((s - turns * LENGTH) * FINE as f32).max(0.0);
        let i = (x as usize).min(N - 1);
        (i, (i + 1) % N, x - i as f32)
    }

    /// Sideways shift of the middle of the road.
    pub fn shift(&self, s: f32) -> f32 {
        let (i, j, t) = Road::cell(s);
        self.bend[i] + (self.bend[j] - self.bend[i]) * t
    }

    /// Where the road ends on a side: [`OPEN`] in a side street.
    pub fn kerb(&self, side: usize, s: f32) -> f32 {
        let (i, j, t) = Road::cell(s);
        let (a, b) = (self.kerb[side][i], self.kerb[side][j]);
        if a.max(b) >= OPEN { if t < 0.5 { a } else { b } } else { a + (b - a) * t }
    }

    pub fn soil(&self, side: usize, s: f32) -> Soil {
        self.soil[side][Road::cell(s).0]
    }

    /// Heading of the street, radians to the right.
    pub fn yaw(&self, s: f32) -> f32 {
        ((self.shift(s + 2.0) - self.shift(s - 2.0)) * 0.25).atan()
    }

    /// A place to stand: `y` metres high, turned by `yaw` from the street's heading.
    pub fn frame(&self, d: f32, y: f32, s: f32, yaw: f32) -> Frame {
        Frame::new(v3(d + self.shift(s), y, s), self.yaw(s) + yaw)
    }
}
