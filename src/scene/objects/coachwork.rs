//! The paint of a vehicle's body: glass, lamps, plates, seams and wheel arches.

use super::super::skin::{Hit, Paint};
use super::super::vec::{Frame, V3, grey, v3};
use super::car::Car;
use super::silhouette::Shape;

/// The painter of a car's body.
#[derive(Clone, Copy, Debug)]
pub struct Coachwork {
    pub car: Car,
    pub frame: Frame,
    pub braking: bool,
}

impl Coachwork {
    pub fn paint(&self, h: &Hit) -> Paint {
        let c = &self.car;
        let q = self.frame.local(h.p);
        let n = h.n.dot(self.frame.ahead);
        let (x, y, z) = (q.x / c.half.1, q.y, q.z / c.half.0);
        if let Some(p) = self.ends(x, y, z, n, h).or_else(|| self.glass(x, y, z, n, h)) {
            return p;
        }
        let arch = c.axles().iter().any(|a| (q.z - a).hypot(y - c.wheel) < c.wheel * 1.18);
        if x.abs() > 0.8 && (arch || y < 0.27) {
            return Paint { open: 0.3, ..Paint::matt(grey(0.015)) };
        }
        let seam = [0.31, -0.08, -0.47].iter().any(|s| (z - s).abs() * c.half.0 < 0.011 + 0.3 * h.px) && x.abs() > 0.8;
        let strip = x.abs() > 0.9 && (y - 0.52).abs() < 0.035 && c.shape != Shape::Bus;
        let dark = if seam {
            0.4
        } else if strip {
            0.5
        } else {
            1.0
        };
        let low = if y < 0.42 && c.seed.is_multiple_of(3) { grey(0.05) } else { c.colour };
        let paint = Paint::matt(low * dark).gloss(0.045);
        Paint { open: 0.5 + 0.5 * ((y - 0.15) / 0.7).clamp(0.0, 1.0), ..paint }
    }

    fn glass(&self, x: f32, y: f32, z: f32, n: f32, h: &Hit) -> Option<Paint> {
        let c = &self.car;
        let belt = c.belt() + 0.03;
        let roof = c.height - 0.13;
        let tinted = Paint { open: 0.8, ..Paint::matt(grey(0.014)).gloss(0.10) };
        let inside = if h.night && c.shape == Shape::Bus { tinted.glow(v3(0.75, 0.72, 0.55) * 0.7) } else { tinted };
        if c.shape == Shape::Bus && x.abs() > 0.9 {
            let deck = (belt..belt + 0.95).contains(&y) || (c.height > 4.0 && (belt + 1.75..belt + 2.45).contains(&y));
            return (deck && (z * c.half.0 / 1.3 + 0.5).fract() > 0.07 && z.abs() < 0.96).then_some(inside);
        }
        let top = if c.shape == Shape::Bus { belt + 1.1 } else { roof + 0.05 };
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
        (x.abs() > 0.6 && n.abs() < 0.6 && y > belt && y < roof && z > rear && z < front && !pillar).then_some(inside)
    }

    /// Lamps, plates, grille and bumpers.
    fn ends(&self, x: f32, y: f32, z: f32, n: f32, h: &Hit) -> Option<Paint> {
        let c = &self.car;
        if z.abs() < 0.86 {
            return None;
        }
        let k = if c.shape == Shape::Bus { 1.25 } else { c.height / 1.46 };
        let y = y / k;
        let off = V3::default();
        let lamp = |c: V3, glow: V3| Some(Paint::matt(c).gloss(0.2).glow(glow));
        if z > 0.0 {
            if (0.56..0.72).contains(&y) && x.abs() > 0.52 && n > 0.15 {
                return lamp(grey(0.6), if h.night { v3(3.2, 3.0, 2.5) } else { off });
            }
            if x.abs() < 0.3 && (0.40..0.50).contains(&y) && n > 0.4 {
                return Some(Paint::matt(grey(if (x * 9.0).fract().abs() < 0.5 { 0.7 } else { 0.3 })));
            }
            if x.abs() < 0.48 && (0.54..0.66).contains(&y) && n > 0.4 {
                return Some(Paint::matt(grey(0.03)).gloss(0.05));
            }
        } else {
            let tall = matches!(c.shape, Shape::Hatchback | Shape::Estate);
            let top = if tall { 0.95 } else { 0.76 };
            if (0.56..top).contains(&y) && x.abs() > if tall { 0.74 } else { 0.58 } {
                let glow = if self.braking { v3(1.6, 0.08, 0.05) } else { v3(0.75, 0.03, 0.02) };
                return lamp(v3(0.38, 0.02, 0.02), if h.night || self.braking { glow } else { off });
            }
            if x.abs() < 0.3 && (0.46..0.57).contains(&y) && n < -0.3 {
                return Some(Paint::matt(v3(0.7, 0.52, 0.05) * if (x * 9.0).fract().abs() < 0.5 { 1.0 } else { 0.5 }));
            }
        }
        (y < 0.33 && n.abs() > 0.2).then_some(Paint { open: 0.5, ..Paint::matt(grey(0.04)) })
    }
}
