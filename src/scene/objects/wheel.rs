//! Car wheels: a tyre with a rim of five spokes.

use super::super::mesh::{Mesh, class};
use super::super::skin::{Hit, Paint, Skin};
use super::super::vec::{Frame, grey, v3};

/// The outer face of a wheel; `frame.ahead` rolls forward.
#[derive(Clone, Copy, Debug)]
pub struct Rim {
    pub frame: Frame,
    pub radius: f32,
    /// Angle rolled so far.
    pub turned: f32,
}

const SIDES: usize = 14;

impl Rim {
    pub fn paint(&self, h: &Hit) -> Paint {
        let q = self.frame.local(h.p);
        let r = (q.z * q.z + q.y * q.y).sqrt() / self.radius;
        if r > 0.68 {
            return Paint::matt(grey(0.022 + 0.012 * (1.0f32 - (r - 0.84).abs() * 6.0).max(0.0)));
        }
        if r < 0.16 {
            return Paint::matt(grey(0.25)).gloss(0.1);
        }
        let angle = q.y.atan2(q.z) + self.turned;
        let spoke = (angle * 5.0).cos();
        let metal = spoke > 0.35 - 0.5 * (0.5 - r) || r > 0.6;
        Paint::matt(grey(if metal { 0.42 } else { 0.03 })).gloss(if metal { 0.12 } else { 0.0 })
    }
}

/// A wheel whose outer face looks along `side` (-1 left, 1 right) of the frame at its hub.
pub fn build(mesh: &mut Mesh, hub: &Frame, side: f32, radius: f32, turned: f32) {
    let rim = mesh.skin(Skin::Rim(Rim { frame: *hub, radius, turned }));
    let tyre = mesh.skin(Skin::Plain(grey(0.022), 0.2));
    let spot = |k: usize, x: f32| {
        let (s, c) = (k as f32 * std::f32::consts::TAU / SIDES as f32).sin_cos();
        hub.out(v3(x * side, radius * s, radius * c))
    };
    let face: Vec<_> = (0..SIDES).map(|k| spot(k, 0.0)).collect();
    mesh.poly(&face, rim, class::CAR);
    for k in 0..SIDES {
        mesh.poly(&[spot(k, 0.0), spot(k + 1, 0.0), spot(k + 1, -0.2), spot(k, -0.2)], tyre, class::CAR);
    }
}
