//! Cars, vans and buses: a body lofted over stations from bumper to bumper, painted with glass, lamps and plates.

use super::super::mesh::{Mesh, class};
use super::super::rng::Rng;
use super::super::skin::{Hit, Paint, Skin};
use super::super::vec::{Frame, V3, grey, v3};
use super::wheel;

/// The silhouette of a vehicle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Hatchback,
    Saloon,
    Estate,
    Van,
    Bus,
}

/// Measures in metres, from the middle of the footprint; `z` towards the front.
#[derive(Clone, Copy, Debug)]
pub struct Car {
    shape: Shape,
    colour: V3,
    /// Half the length and half the width.
    pub half: (f32, f32),
    height: f32,
    wheel: f32,
    seed: u32,
}

/// The painter of a car's body.
#[derive(Clone, Copy, Debug)]
pub struct Coachwork {
    car: Car,
    frame: Frame,
    braking: bool,
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

/// Stations of a silhouette: share of the half length (front 1, rear -1), share of the height, share of the width.
type Station = (f32, f32, f32);

const HATCHBACK: [Station; 12] = [
    (1.0, 0.40, 0.80),
    (0.97, 0.50, 0.90),
    (0.85, 0.58, 0.97),
    (0.40, 0.66, 1.0),
    (0.18, 0.82, 1.0),
    (-0.05, 0.97, 1.0),
    (-0.30, 1.0, 1.0),
    (-0.62, 0.97, 1.0),
    (-0.78, 0.90, 0.99),
    (-0.92, 0.70, 0.97),
    (-0.98, 0.52, 0.93),
    (-1.0, 0.38, 0.85),
];
const SALOON: [Station; 12] = [
    (1.0, 0.40, 0.80),
    (0.97, 0.51, 0.90),
    (0.82, 0.59, 0.97),
    (0.36, 0.67, 1.0),
    (0.14, 0.84, 1.0),
    (-0.06, 0.98, 1.0),
    (-0.25, 1.0, 1.0),
    (-0.45, 0.96, 1.0),
    (-0.72, 0.72, 0.99),
    (-0.94, 0.68, 0.96),
    (-0.99, 0.55, 0.92),
    (-1.0, 0.38, 0.84),
];
const ESTATE: [Station; 12] = [
    (1.0, 0.40, 0.80),
    (0.97, 0.50, 0.90),
    (0.84, 0.58, 0.97),
    (0.40, 0.66, 1.0),
    (0.18, 0.85, 1.0),
    (-0.02, 0.98, 1.0),
    (-0.35, 1.0, 1.0),
    (-0.78, 0.97, 1.0),
    (-0.88, 0.90, 0.99),
    (-0.96, 0.66, 0.97),
    (-0.99, 0.50, 0.93),
    (-1.0, 0.38, 0.85),
];
const VAN: [Station; 12] = [
    (1.0, 0.30, 0.85),
    (0.98, 0.42, 0.93),
    (0.88, 0.50, 0.98),
    (0.72, 0.58, 1.0),
    (0.58, 0.80, 1.0),
    (0.46, 0.95, 1.0),
    (0.36, 1.0, 1.0),
    (-0.40, 1.0, 1.0),
    (-0.94, 1.0, 1.0),
    (-0.98, 0.97, 1.0),
    (-0.995, 0.6, 1.0),
    (-1.0, 0.3, 0.97),
];
const BUS: [Station; 12] = [
    (1.0, 0.34, 0.93),
    (0.995, 0.60, 0.97),
    (0.985, 0.80, 0.99),
    (0.97, 0.95, 1.0),
    (0.95, 1.0, 1.0),
    (0.4, 1.0, 1.0),
    (0.0, 1.0, 1.0),
    (-0.4, 1.0, 1.0),
    (-0.95, 1.0, 1.0),
    (-0.985, 0.95, 1.0),
    (-0.995, 0.60, 1.0),
    (-1.0, 0.30, 0.98),
];

const RING: usize = 11;

impl Car {
    /// `service`: chance of a van or a bus.
    pub fn new(rng: &mut Rng, service: f32) -> Self {
        let shape = if rng.chance(service) {
            if rng.chance(0.7) {
                Shape::Van
            } else {
                Shape::Bus
            }
        } else {
            rng.pick(&[
                Shape::Hatchback,
                Shape::Hatchback,
                Shape::Saloon,
                Shape::Estate,
            ])
        };
        let (half, height, wheel) = match shape {
            Shape::Hatchback => (
                (rng.range(1.85, 2.05), rng.range(0.82, 0.86)),
                rng.range(1.42, 1.56),
                0.30,
            ),
            Shape::Saloon => (
                (rng.range(2.15, 2.35), rng.range(0.86, 0.90)),
                rng.range(1.38, 1.46),
                0.31,
            ),
            Shape::Estate => (
                (rng.range(2.1, 2.35), rng.range(0.86, 0.92)),
                rng.range(1.45, 1.75),
                0.33,
            ),
            Shape::Van => ((rng.range(2.3, 2.8), 0.97), rng.range(1.9, 2.4), 0.34),
            Shape::Bus => ((5.4, 1.24), rng.pick(&[3.1, 4.3]), 0.48),
        };
        let colour = match shape {
            Shape::Van => rng.pick(&[grey(0.7), grey(0.66), COLOURS[8], COLOURS[6], COLOURS[9]]),
            Shape::Bus => rng.pick(&[
                v3(0.45, 0.03, 0.03),
                v3(0.55, 0.5, 0.35),
                v3(0.08, 0.18, 0.4),
                v3(0.05, 0.25, 0.12),
            ]),
            _ => rng.pick(&COLOURS) * rng.range(0.8, 1.15),
        };
        Car {
            shape,
            colour,
            half,
            height,
            wheel,
            seed: rng.bits(),
        }
    }

    fn stations(&self) -> &'static [Station; 12] {
        match self.shape {
            Shape::Hatchback => &HATCHBACK,
            Shape::Saloon => &SALOON,
            Shape::Estate => &ESTATE,
            Shape::Van => &VAN,
            Shape::Bus => &BUS,
        }
    }

    /// Height of the lower edge of the side windows.
    fn belt(&self) -> f32 {
        self.height * if self.shape == Shape::Bus { 0.38 } else { 0.62 }
    }

    /// Hub positions along the car.
    fn axles(&self) -> [f32; 2] {
        let l = self.half.0;
        [
            l * 0.62,
            -l * if self.shape == Shape::Bus { 0.45 } else { 0.62 },
        ]
    }

    /// Builds it with the footprint's middle at `f.at`; `driven` metres turn the wheels.
    pub fn build(&self, mesh: &mut Mesh, f: &Frame, driven: f32, braking: bool) {
        let work = Coachwork {
            car: *self,
            frame: *f,
            braking,
        };
        let skin = mesh.skin(Skin::Coachwork(Box::new(work)));
        let rings: Vec<[V3; RING]> = self.stations().iter().map(|s| self.ring(s)).collect();
        for (i, pair) in rings.windows(2).enumerate() {
            for k in 0..RING - 1 {
                let p = [pair[0][k], pair[1][k], pair[1][k + 1], pair[0][k + 1]];
                let n = [(i, k), (i + 1, k), (i + 1, k + 1), (i, k + 1)]
                    .map(|(i, k)| f.turn(normal(&rings, i, k)));
                mesh.smooth_quad(p.map(|q| f.out(q)), n, skin, class::CAR);
            }
        }
        for (ring, z) in [(&rings[0], 1.0), (&rings[rings.len() - 1], -1.0)] {
            let n = f.turn(v3(0.0, 0.1, z).unit());
            for k in 1..RING - 1 {
                mesh.tri(
                    [f.out(ring[0]), f.out(ring[k]), f.out(ring[k + 1])],
                    [n; 3],
                    skin,
                    class::CAR,
                );
            }
        }
        for z in self.axles() {
            for side in [-1.0, 1.0] {
                let hub = Frame {
                    at: f.out(v3(side * (self.half.1 + 0.01), self.wheel, z)),
                    ..*f
                };
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
    if n.x * p.x + n.y * (p.y - 0.5) < 0.0 {
        -n
    } else {
        n
    }
}

impl Coachwork {
    pub fn paint(&self, h: &Hit) -> Paint {
        let c = &self.car;
        let q = self.frame.local(h.p);
        let n = h.n.dot(self.frame.ahead);
        let (x, y, z) = (q.x / c.half.1, q.y, q.z / c.half.0);
        if let Some(p) = self
            .ends(x, y, z, n, h)
            .or_else(|| self.glass(x, y, z, n, h))
        {
            return p;
        }
        let arch = c
            .axles()
            .iter()
            .any(|a| (q.z - a).hypot(y - c.wheel) < c.wheel * 1.18);
        if x.abs() > 0.8 && (arch || y < 0.27) {
            return Paint {
                open: 0.3,
                ..Paint::matt(grey(0.015))
            };
        }
        let seam = [0.31, -0.08, -0.47]
            .iter()
            .any(|s| (z - s).abs() * c.half.0 < 0.011 + 0.3 * h.px)
            && x.abs() > 0.8;
        let strip = x.abs() > 0.9 && (y - 0.52).abs() < 0.035 && c.shape != Shape::Bus;
        let dark = if seam {
            0.4
        } else if strip {
            0.5
        } else {
            1.0
        };
        let low = if y < 0.42 && c.seed % 3 == 0 {
            grey(0.05)
        } else {
            c.colour
        };
        let paint = Paint::matt(low * dark).gloss(0.045);
        Paint {
            open: 0.5 + 0.5 * ((y - 0.15) / 0.7).clamp(0.0, 1.0),
            ..paint
        }
    }

    fn glass(&self, x: f32, y: f32, z: f32, n: f32, h: &Hit) -> Option<Paint> {
        let c = &self.car;
        let belt = c.belt() + 0.03;
        let roof = c.height - 0.13;
        let tinted = Paint {
            open: 0.8,
            ..Paint::matt(grey(0.014)).gloss(0.10)
        };
        let inside = if h.night && c.shape == Shape::Bus {
            tinted.glow(v3(0.75, 0.72, 0.55) * 0.7)
        } else {
            tinted
        };
        if c.shape == Shape::Bus && x.abs() > 0.9 {
            let deck = (belt..belt + 0.95).contains(&y)
                || (c.height > 4.0 && (belt + 1.75..belt + 2.45).contains(&y));
            return (deck && (z * c.half.0 / 1.3 + 0.5).fract() > 0.07 && z.abs() < 0.96)
                .then_some(inside);
        }
        let top = if c.shape == Shape::Bus {
            belt + 1.1
        } else {
            roof + 0.05
        };
        if n.abs() > 0.17 && y > belt + 0.02 && y < top && x.abs() < 0.80 {
            let windscreen = c.shape != Shape::Van || n > 0.0 || (x.abs() > 0.06 && y < roof - 0.3);
            return windscreen.then_some(inside);
        }
        let cabin = match c.shape {
            Shape::Hatchback => -0.80..0.24,
            Shape::Saloon => -0.60..0.20,
            Shape::Estate => -0.88..0.24,
            _ => 0.14..0.60,
        };
        let slant = (y - belt) / (c.height - belt);
        let front = cabin.end - 0.26 * slant;
        let rear = cabin.start + 0.14 * slant;
        let pillar = (z + 0.10).abs() < 0.022 || (z + 0.56).abs() < 0.018;
        (x.abs() > 0.6 && n.abs() < 0.6 && y > belt && y < roof && z > rear && z < front && !pillar)
            .then_some(inside)
    }

    /// Lamps, plates, grille and bumpers.
    fn ends(&self, x: f32, y: f32, z: f32, n: f32, h: &Hit) -> Option<Paint> {
        let c = &self.car;
        if z.abs() < 0.86 {
            return None;
        }
        let k = if c.shape == Shape::Bus {
            1.25
        } else {
            c.height / 1.46
        };
        let y = y / k;
        let off = V3::default();
        let lamp = |c: V3, glow: V3| Some(Paint::matt(c).gloss(0.2).glow(glow));
        if z > 0.0 {
            if (0.56..0.72).contains(&y) && x.abs() > 0.52 && n > 0.15 {
                return lamp(grey(0.6), if h.night { v3(3.2, 3.0, 2.5) } else { off });
            }
            if x.abs() < 0.3 && (0.40..0.50).contains(&y) && n > 0.4 {
                return Some(Paint::matt(grey(if (x * 9.0).fract().abs() < 0.5 {
                    0.7
                } else {
                    0.3
                })));
            }
            if x.abs() < 0.48 && (0.54..0.66).contains(&y) && n > 0.4 {
                return Some(Paint::matt(grey(0.03)).gloss(0.05));
            }
        } else {
            let tall = matches!(c.shape, Shape::Hatchback | Shape::Estate);
            let top = if tall { 0.95 } else { 0.76 };
            if (0.56..top).contains(&y) && x.abs() > if tall { 0.74 } else { 0.58 } {
                let glow = if self.braking {
                    v3(1.6, 0.08, 0.05)
                } else {
                    v3(0.75, 0.03, 0.02)
                };
                return lamp(
                    v3(0.38, 0.02, 0.02),
                    if h.night || self.braking { glow } else { off },
                );
            }
            if x.abs() < 0.3 && (0.46..0.57).contains(&y) && n < -0.3 {
                return Some(Paint::matt(
                    v3(0.7, 0.52, 0.05)
                        * if (x * 9.0).fract().abs() < 0.5 {
                            1.0
                        } else {
                            0.5
                        },
                ));
            }
        }
        (y < 0.33 && n.abs() > 0.2).then_some(Paint {
            open: 0.5,
            ..Paint::matt(grey(0.04))
        })
    }
}
