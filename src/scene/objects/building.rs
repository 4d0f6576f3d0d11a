//! Terraced houses and shops: four walls, a roof, chimneys.

use super::super::mesh::{Mesh, class};
use super::super::rng::Rng;
use super::super::skin::Skin;
use super::super::vec::{Frame, V3, grey, v3};
use super::facade::{Facade, Street, Wall};

/// One house; measures in metres.
#[derive(Clone, Debug)]
pub struct Building {
    pub width: f32,
    pub depth: f32,
    pub height: f32,
    /// Height of the ridge above the eaves; 0 for a flat roof.
    pub rise: f32,
    front: Facade,
    roof: V3,
    chimneys: u8,
}

const BRICKS: [V3; 7] = [
    v3(0.42, 0.33, 0.20),
    v3(0.36, 0.17, 0.11),
    v3(0.30, 0.14, 0.10),
    v3(0.46, 0.38, 0.26),
    v3(0.28, 0.22, 0.15),
    v3(0.38, 0.24, 0.15),
    v3(0.24, 0.19, 0.15),
];
const RENDERS: [V3; 7] = [
    v3(0.72, 0.71, 0.67),
    v3(0.62, 0.58, 0.47),
    v3(0.66, 0.55, 0.36),
    v3(0.55, 0.60, 0.66),
    v3(0.66, 0.50, 0.44),
    v3(0.50, 0.50, 0.48),
    v3(0.76, 0.75, 0.73),
];
const SHOPS: [V3; 9] = [
    v3(0.03, 0.09, 0.05),
    v3(0.30, 0.03, 0.03),
    v3(0.03, 0.06, 0.22),
    v3(0.04, 0.04, 0.045),
    v3(0.60, 0.58, 0.52),
    v3(0.45, 0.22, 0.03),
    v3(0.05, 0.20, 0.22),
    v3(0.16, 0.04, 0.12),
    v3(0.62, 0.50, 0.06),
];
const ROOFS: [V3; 4] = [
    v3(0.10, 0.10, 0.11),
    v3(0.16, 0.14, 0.13),
    v3(0.24, 0.12, 0.08),
    v3(0.13, 0.09, 0.07),
];

impl Building {
    /// `shops`: share of shops at street level; `tall`: extra storeys, 0.0 to 1.0.
    pub fn new(rng: &mut Rng, width: f32, shops: f32, tall: f32) -> Self {
        let storey = rng.range(2.75, 3.4);
        let storeys = 2.0 + (rng.unit() * 1.4 + tall * 1.6).floor();
        let wall = rng.pick(&[
            Wall::Brick,
            Wall::Brick,
            Wall::Brick,
            Wall::Render,
            Wall::Render,
            Wall::Stone,
        ]);
        let colour = match wall {
            Wall::Brick => rng.pick(&BRICKS),
            Wall::Render => rng.pick(&RENDERS),
            Wall::Stone => v3(0.50, 0.45, 0.36),
        } * rng.range(0.75, 1.1);
        let flat = rng.chance(0.25);
        let street = if rng.chance(shops) {
            Street::Shop(rng.pick(&SHOPS))
        } else {
            Street::Door(rng.pick(&SHOPS))
        };
        let bays = (width / rng.range(2.1, 3.0)).round().max(1.0);
        let window = (
            rng.range(0.85, 1.25).min(width / bays * 0.7),
            rng.range(1.3, 1.75),
        );
        let front = Facade {
            frame: Frame::new(V3::default(), 0.0),
            width,
            height: storeys * storey + 0.3,
            storey,
            bays,
            wall,
            colour,
            trim: grey(rng.pick(&[0.72, 0.62, 0.5, 0.74])).mix(colour, rng.range(0.0, 0.3)),
            street,
            window,
            lit: rng.range(0.25, 0.65),
            seed: rng.bits(),
        };
        Building {
            width,
            depth: rng.range(8.0, 11.0),
            height: front.height,
            rise: if flat { 0.0 } else { rng.range(1.8, 3.4) },
            roof: rng.pick(&ROOFS) * rng.range(0.8, 1.2),
            chimneys: if flat { 0 } else { 1 + rng.below(2) as u8 },
            front,
        }
    }

    /// Builds it with its front's left end at `f.at`, along `f.right`; `f.ahead` points into the house.
    pub fn build(&self, mesh: &mut Mesh, f: &Frame) {
        self.build_as(mesh, f, class::BUILDING);
    }

    fn build_as(&self, mesh: &mut Mesh, f: &Frame, label: u8) {
        let (w, d, h) = (self.width, self.depth, self.height);
        let q = |x: f32, y: f32, z: f32| f.out(v3(x, y, z));
        let front = mesh.skin(Skin::Facade(Box::new(Facade {
            frame: *f,
            ..self.front.clone()
        })));
        mesh.poly(
            &[
                q(0.0, 0.0, 0.0),
                q(w, 0.0, 0.0),
                q(w, h, 0.0),
                q(0.0, h, 0.0),
            ],
            front,
            label,
        );
        for x in [0.0, w] {
            let frame = Frame {
                at: q(x, 0.0, 0.0),
                right: f.ahead,
                ahead: f.right,
            };
            let blank = Facade {
                frame,
                width: d,
                street: Street::Blank,
                ..self.front.clone()
            };
            let side = mesh.skin(Skin::Facade(Box::new(blank)));
            let top = q(x, h + self.rise, d * 0.5);
            mesh.poly(
                &[q(x, 0.0, 0.0), q(x, 0.0, d), q(x, h, d), top, q(x, h, 0.0)],
                side,
                label,
            );
        }
        let back = mesh.skin(Skin::Plain(self.front.colour * 0.7, 0.1));
        mesh.poly(
            &[q(0.0, 0.0, d), q(w, 0.0, d), q(w, h, d), q(0.0, h, d)],
            back,
            label,
        );
        self.roof(mesh, f, label);
        if self.front.shines() {
            let street = Frame {
                at: q(w * 0.5, 0.0, -1.0),
                ..*f
            };
            mesh.pool(&street, (w * 0.5, 3.2), 1.3);
        }
    }

    fn roof(&self, mesh: &mut Mesh, f: &Frame, label: u8) {
        let (w, d, h, r) = (self.width, self.depth, self.height, self.rise);
        let q = |x: f32, y: f32, z: f32| f.out(v3(x, y, z));
        let skin = mesh.skin(Skin::Roof(self.roof, *f));
        if r == 0.0 {
            let cap = mesh.skin(Skin::Plain(self.front.trim * 0.7, 0.1));
            mesh.block(
                f,
                v3(-0.04, h - 0.05, -0.12),
                v3(w + 0.04, h + 0.25, d),
                cap,
                label,
            );
            return;
        }
        let drop = 0.3 * r / (d * 0.5);
        mesh.poly(
            &[
                q(0.0, h - drop, -0.3),
                q(w, h - drop, -0.3),
                q(w, h + r, d * 0.5),
                q(0.0, h + r, d * 0.5),
            ],
            skin,
            label,
        );
        mesh.poly(
            &[
                q(0.0, h, d),
                q(w, h, d),
                q(w, h + r, d * 0.5),
                q(0.0, h + r, d * 0.5),
            ],
            skin,
            label,
        );
        let gutter = mesh.skin(Skin::Plain(grey(0.06), 0.0));
        mesh.block(
            f,
            v3(0.0, h - drop - 0.1, -0.38),
            v3(w, h - drop + 0.03, -0.26),
            gutter,
            label,
        );
        let brick = mesh.skin(Skin::Plain(self.front.colour * 0.75, 0.35));
        let pot = mesh.skin(Skin::Plain(v3(0.36, 0.18, 0.11), 0.2));
        for k in 0..self.chimneys {
            let x = if k == 0 { 0.5 } else { w - 0.5 };
            let (lo, hi) = (
                v3(x - 0.4, h + r - 0.8, d * 0.5 - 0.7),
                v3(x + 0.4, h + r + 1.3, d * 0.5 + 0.7),
            );
            mesh.block(f, lo, hi, brick, label);
            for z in [-0.35, 0.35] {
                let foot = q(x, hi.y, d * 0.5 + z);
                mesh.limb(foot, foot + v3(0.0, 0.45, 0.0), (0.13, 0.1), pot, label);
            }
        }
    }
}
