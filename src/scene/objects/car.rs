//! Cars, vans and buses: a body lofted over the stations of a silhouette, on four wheels.

use super::super::mesh::{Mesh, class};
use super::super::rng::Rng;
use super::super::skin::Skin;
use super::super::vec::{Frame, V3, grey, v3};
use super::coachwork::Coachwork;
use super::silhouette::{Shape, Station};
use super::wheel;

/// Measures in metres, from the middle of the footprint; `z` towards the front.
#[derive(Clone, Copy, Debug)]
pub struct Car {
    pub shape: Shape,
    pub colour: V3,
    /// Half the length and half the width.
    pub half: (f32, f32),
    pub height: f32,
    /// Radius of the wheels.
    pub wheel: f32,
    pub seed: u32,
}

const COLOURS: [V3; 14] = [
    v3(0.46, 0.47, 0.48),
    v3(0.36, 0.37, 0.38),
    v3(0.03, 0.03, 0.035),
    v3(0.09, 0.09, 0.10),
    v3(0.66, 0.66, 0.65),
    v3(0.24, 0.03, 0.03),
    v3(0.38, 0.05, 0.04),
    v3(0.04, 0.06, 0.15),
    v3(0.07, 0.13, 0.28),
    v3(0.04, 0.11, 0.09),
    v3(0.42, 0.43, 0.44),
    v3(0.05, 0.055, 0.065),
    v3(0.22, 0.24, 0.26),
    v3(0.30, 0.38, 0.44),
];

const RING: usize = 11;

impl Car {
    /// `service`: chance of a van or a bus.
    pub fn new(rng: &mut Rng, service: f32) -> Self {
        let shape = if rng.chance(service) {
            if rng.chance(0.7) { Shape::Van } else { Shape::Bus }
        } else {
            rng.pick(&[Shape::Hatchback, Shape::Hatchback, Shape::Saloon, Shape::Estate])
        };
        let (half, height, wheel) = match shape {
            Shape::Hatchback => ((rng.range(1.85, 2.05), rng.range(0.82, 0.86)), rng.range(1.42, 1.56), 0.30),
            Shape::Saloon => ((rng.range(2.15, 2.35), rng.range(0.86, 0.90)), rng.range(1.38, 1.46), 0.31),
            Shape::Estate => ((rng.range(2.1, 2.35), rng.range(0.86, 0.92)), rng.range(1.45, 1.75), 0.33),
            Shape::Van => ((rng.range(2.3, 2.8), 0.97), rng.range(1.9, 2.4), 0.34),
            Shape::Bus => ((5.4, 1.24), rng.pick(&[3.1, 4.3]), 0.48),
        };
        let colour = match shape {
            Shape::Van => rng.pick(&[grey(0.7), grey(0.66), COLOURS[8], COLOURS[6], COLOURS[9]]),
            Shape::Bus => {
                rng.pick(&[v3(0.45, 0.03, 0.03), v3(0.55, 0.5, 0.35), v3(0.08, 0.18, 0.4), v3(0.05, 0.25, 0.12)])
            }
            _ => rng.pick(&COLOURS) * rng.range(0.8, 1.15),
        };
        Car { shape, colour, half, height, wheel, seed: rng.bits() }
    }

    /// Height of the lower edge of the side windows.
    pub fn belt(&self) -> f32 {
        self.height * if self.shape == Shape::Bus { 0.38 } else { 0.62 }
    }

    /// Hub positions along the car.
    pub fn axles(&self) -> [f32; 2] {
        let l = self.half.0;
        [l * 0.62, -l * if self.shape == Shape::Bus { 0.45 } else { 0.62 }]
    }

    /// Builds it with the footprint's middle at `f.at`; `driven` metres turn the wheels.
    pub fn build(&self, mesh: &mut Mesh, f: &Frame, driven: f32, braking: bool) {
        let work = Coachwork { car: *self, frame: *f, braking };
        let skin = mesh.skin(Skin::Coachwork(Box::new(work)));
        let rings: Vec<[V3; RING]> = self.shape.stations().iter().map(|s| self.ring(s)).collect();
        for (i, pair) in rings.windows(2).enumerate() {
            for k in 0..RING - 1 {
                let p = [pair[0][k], pair[1][k], pair[1][k + 1], pair[0][k + 1]];
                let n = [(i, k), (i + 1, k), (i + 1, k + 1), (i, k + 1)].map(|(i, k)| f.turn(normal(&rings, i, k)));
                mesh.smooth_quad(p.map(|q| f.out(q)), n, skin, class::CAR);
            }
        }
        for (ring, z) in [(&rings[0], 1.0), (&rings[rings.len() - 1], -1.0)] {
            let n = f.turn(v3(0.0, 0.1, z).unit());
            for k in 1..RING - 1 {
                mesh.tri([f.out(ring[0]), f.out(ring[k]), f.out(ring[k + 1])], [n; 3], skin, class::CAR);
            }
        }
        for z in self.axles() {
            for side in [-1.0, 1.0] {
                let hub = Frame { at: f.out(v3(side * (self.half.1 + 0.01), self.wheel, z)), ..*f };
                wheel::build(mesh, &hub, side, self.wheel, driven / self.wheel);
            }
        }
        let under = mesh.skin(Skin::Plain(grey(0.012), 0.0));
        mesh.block(
            f,
            v3(-self.half.1 * 0.8, 0.12, -self.half.0 * 0.9),
            v3(self.half.1 * 0.8, 0.4, self.half.0 * 0.9),
            under,
            class::CAR,
        );
        mesh.contact(f, (self.half.1 * 1.25, self.half.0 * 1.12), 0.85);
    }

    /// Cross-section from the left sill over the roof to the right sill.
    fn ring(&self, s: &Station) -> [V3; RING] {
        let (z, top, w) = (s.0 * self.half.0, s.1 * self.height, s.2 * self.half.1);
        let belt = self.belt().min(top - 0.02);
        let boxy = matches!(self.shape, Shape::Bus | Shape::Van);
        let lean = if boxy { 0.03 } else { 0.16 } * (top - belt) / (self.height * 0.38);
        let low = if self.shape == Shape::Bus { 0.28 } else { 0.2 };
        let edge: f32 = if boxy { 0.08 } else { 0.10 };
        let half = [
            (0.90 * w, low),
            (0.985 * w, low + 0.12),
            (w, (low + belt) * 0.5 + 0.1),
            (0.965 * w, belt),
            ((0.955 - lean) * w, top - edge.min((top - belt) * 0.5)),
        ];
        let mut out = [v3(0.0, top + 0.02, z); RING];
        for (k, (x, y)) in half.into_iter().enumerate() {
            out[k] = v3(-x, y, z);
            out[RING - 1 - k] = v3(x, y, z);
        }
        out
    }
}

/// Normal at a ring's corner from its neighbours, outward.
fn normal(rings: &[[V3; RING]], i: usize, k: usize) -> V3 {
    let along = rings[(i + 1).min(rings.len() - 1)][k] - rings[i.saturating_sub(1)][k];
    let around = rings[i][(k + 1).min(RING - 1)] - rings[i][k.saturating_sub(1)];
    let n = along.cross(around).unit();
    let p = rings[i][k];
    if n.x * p.x + n.y * (p.y - 0.5) < 0.0 { -n } else { n }
}
