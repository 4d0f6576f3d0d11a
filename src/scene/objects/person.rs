//! People: jointed legs and arms that walk, coats, bags and hair.

use super::super::mesh::{Form, Mesh, class};
use super::super::rng::Rng;
use super::super::skin::Skin;
use super::super::vec::{Frame, V3, grey, v3};

/// How one person looks.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Share of 1.75 m.
    pub size: f32,
    pub coat: V3,
    pub trousers: V3,
    pub skin: V3,
    pub hair: V3,
    long_coat: bool,
    bag: Option<V3>,
    pub seed: u32,
}

/// Skins of a person in a mesh.
#[derive(Clone, Copy, Debug)]
pub struct Wardrobe {
    pub coat: u32,
    pub trousers: u32,
    pub shoes: u32,
    pub skin: u32,
    pub head: u32,
}

const COATS: [V3; 11] = [
    v3(0.03, 0.03, 0.035),
    v3(0.05, 0.05, 0.07),
    v3(0.03, 0.04, 0.10),
    v3(0.16, 0.13, 0.09),
    v3(0.30, 0.03, 0.04),
    v3(0.20, 0.22, 0.24),
    v3(0.06, 0.10, 0.06),
    v3(0.42, 0.40, 0.36),
    v3(0.10, 0.16, 0.30),
    v3(0.35, 0.12, 0.18),
    v3(0.12, 0.06, 0.04),
];
const TROUSERS: [V3; 6] = [
    v3(0.03, 0.03, 0.04),
    v3(0.06, 0.09, 0.17),
    v3(0.10, 0.13, 0.22),
    v3(0.20, 0.17, 0.12),
    v3(0.08, 0.07, 0.06),
    v3(0.16, 0.16, 0.17),
];
const FACES: [V3; 5] =
    [v3(0.55, 0.36, 0.27), v3(0.60, 0.42, 0.33), v3(0.35, 0.20, 0.13), v3(0.14, 0.08, 0.05), v3(0.5, 0.33, 0.22)];
const HAIRS: [V3; 6] = [
    v3(0.02, 0.015, 0.01),
    v3(0.08, 0.04, 0.02),
    v3(0.28, 0.18, 0.07),
    v3(0.35, 0.34, 0.33),
    v3(0.15, 0.05, 0.02),
    v3(0.03, 0.03, 0.05),
];

impl Person {
    pub fn new(rng: &mut Rng) -> Self {
        let child = rng.chance(0.08);
        Person {
            size: if child { rng.range(0.62, 0.8) } else { rng.range(0.92, 1.06) },
            coat: rng.pick(&COATS) * rng.range(0.8, 1.3),
            trousers: rng.pick(&TROUSERS) * rng.range(0.8, 1.2),
            skin: rng.pick(&FACES),
            hair: rng.pick(&HAIRS),
            long_coat: rng.chance(0.3),
            bag: rng.chance(0.4).then(|| rng.pick(&COATS)),
            seed: rng.bits(),
        }
    }

    pub fn wardrobe(&self, mesh: &mut Mesh) -> Wardrobe {
        Wardrobe {
            coat: mesh.skin(Skin::Cloth(self.coat, self.seed)),
            trousers: mesh.skin(Skin::Cloth(self.trousers, self.seed ^ 1)),
            shoes: mesh.skin(Skin::Plain(grey(0.02), 0.0)),
            skin: mesh.skin(Skin::Plain(self.skin, 0.1)),
            head: mesh.skin(Skin::Head(self.skin, self.hair)),
        }
    }

    /// Builds a walker with the feet around `f.at`; `phase` in radians a double step, `stride` 0 standing to 1 brisk.
    pub fn build(&self, mesh: &mut Mesh, f: &Frame, phase: f32, stride: f32) {
        let w = self.wardrobe(mesh);
        let k = self.size;
        let label = class::PEDESTRIAN;
        let bob = 0.025 * stride * (2.0 * phase).cos();
        let at = |x: f32, y: f32, z: f32| f.out(v3(x * k, (y + bob) * k, z * k));
        for side in [-1.0f32, 1.0] {
            let swing = side * phase.sin() * stride;
            let lift = (side * phase.cos()).max(0.0) * stride;
            let hip = at(0.09 * side, 0.92, 0.0);
            let knee = at(0.09 * side, 0.50 + 0.04 * lift, 0.22 * swing + 0.10 * lift);
            let ankle = at(0.09 * side, 0.09 + 0.10 * lift - bob, 0.38 * swing - 0.10 * lift);
            let toe = at(0.10 * side, 0.05 + 0.06 * lift - bob, 0.38 * swing + 0.17 - 0.08 * lift);
            mesh.limb(hip, knee, (0.10 * k, 0.072 * k), w.trousers, label);
            mesh.limb(knee, ankle, (0.072 * k, 0.055 * k), w.trousers, label);
            mesh.limb(ankle, toe, (0.055 * k, 0.04 * k), w.shoes, label);
            let shoulder = at(0.19 * side, 1.41, 0.0);
            let elbow = at(0.24 * side, 1.13, -0.16 * swing - 0.03);
            let hand = at(0.22 * side, 0.90, -0.30 * swing + 0.08);
            mesh.limb(shoulder, elbow, (0.065 * k, 0.052 * k), w.coat, label);
            mesh.limb(elbow, hand, (0.052 * k, 0.04 * k), w.coat, label);
            mesh.ball(hand, (0.05 * k, 0.05 * k), Form::Ball, w.skin, label);
        }
        self.trunk(mesh, f, bob, &w, label);
        mesh.contact(f, (0.38 * k, 0.38 * k), 0.55);
    }

    fn trunk(&self, mesh: &mut Mesh, f: &Frame, bob: f32, w: &Wardrobe, label: u8) {
        let k = self.size;
        let at = |x: f32, y: f32, z: f32| f.out(v3(x * k, (y + bob) * k, z * k));
        let hem = if self.long_coat { 0.62 } else { 0.86 };
        for side in [-1.0, 1.0] {
            mesh.limb(at(0.07 * side, hem, 0.0), at(0.10 * side, 1.42, 0.0), (0.125 * k, 0.125 * k), w.coat, label);
        }
        mesh.limb(at(0.0, hem, 0.0), at(0.0, 1.46, 0.0), (0.14 * k, 0.13 * k), w.coat, label);
        mesh.limb(at(-0.17, 1.43, 0.0), at(0.17, 1.43, 0.0), (0.075 * k, 0.075 * k), w.coat, label);
        mesh.limb(at(0.0, 1.42, 0.0), at(0.0, 1.56, 0.01), (0.055 * k, 0.05 * k), w.skin, label);
        mesh.ball(at(0.0, 1.645, 0.015), (0.095 * k, 0.125 * k), Form::Ball, w.head, label);
        if let Some(c) = self.bag {
            let bag = mesh.skin(Skin::Plain(c, 0.3));
            let x = if self.seed.is_multiple_of(2) { 0.27 } else { -0.27 };
            mesh.limb(at(x, 0.95, -0.02), at(x, 0.62, -0.02), (0.10 * k, 0.13 * k), bag, label);
        }
    }
}
