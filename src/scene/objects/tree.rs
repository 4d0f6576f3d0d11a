//! Trees and hedges: a branching trunk, and leaf clusters with ragged edges.

use super::super::mesh::{Form, Mesh, class};
use super::super::rng::Rng;
use super::super::skin::Skin;
use super::super::vec::{Frame, UP, V3, v3};

/// One tree; the same seed grows the same branches every time it is built.
#[derive(Clone, Debug)]
pub struct Tree {
    height: f32,
    spread: f32,
    /// Share of leaves: 0.35 bare twigs, 0.8 full summer.
    leafy: f32,
    leaf: V3,
    bark: V3,
    rng: Rng,
}

const LABEL: u8 = class::TREE;
const GREENS: [V3; 6] = [
    v3(0.10, 0.16, 0.04),
    v3(0.07, 0.13, 0.04),
    v3(0.14, 0.18, 0.05),
    v3(0.05, 0.10, 0.045),
    v3(0.16, 0.16, 0.05),
    v3(0.22, 0.15, 0.04),
];

impl Tree {
    /// `winter`: chance of a bare crown.
    pub fn new(rng: &mut Rng, winter: f32) -> Self {
        let bare = rng.chance(winter);
        let height = rng.range(5.5, 11.5);
        Tree {
            height,
            spread: height * rng.range(0.24, 0.36),
            leafy: if bare {
                rng.range(0.30, 0.42)
            } else {
                rng.range(0.62, 0.85)
            },
            leaf: if bare {
                v3(0.10, 0.075, 0.05) * rng.range(0.8, 1.4)
            } else {
                rng.pick(&GREENS) * rng.range(0.8, 1.3)
            },
            bark: v3(0.10, 0.085, 0.065) * rng.range(0.6, 1.3),
            rng: rng.fork(77),
        }
    }

    /// `detail` 0 to 1 thins out what is too far away to be seen; `sway` in metres at the tips.
    pub fn build(&self, mesh: &mut Mesh, f: &Frame, detail: f32, sway: f32) {
        let mut rng = self.rng.clone();
        let bark = mesh.skin(Skin::Bark(self.bark));
        let fork = self.height * rng.range(0.26, 0.36);
        let thick = self.height * 0.021;
        let top = f.out(v3(rng.range(-0.15, 0.15), fork, rng.range(-0.15, 0.15)));
        mesh.limb(
            f.at,
            f.at + UP * 0.4,
            (thick * 1.7, thick * 1.15),
            bark,
            LABEL,
        );
        mesh.limb(
            f.at + UP * 0.4,
            top,
            (thick * 1.15, thick * 0.9),
            bark,
            LABEL,
        );
        let seed = rng.bits();
        let leaves = [
            mesh.skin(Skin::Leaves(self.leaf, seed)),
            mesh.skin(Skin::Leaves(self.leaf * 0.72, seed ^ 5)),
        ];
        let centre = f.at + UP * (fork + (self.height - fork) * 0.52);
        let n = (10.0 + 30.0 * detail) as usize;
        for k in 0..n {
            let (tip, r) = self.cluster(&mut rng, centre, fork, sway);
            let skin = leaves[k % 2];
            mesh.ball(
                tip,
                (r, r * 0.85),
                Form::Leaves(self.leafy, rng.bits()),
                skin,
                LABEL,
            );
            if k % 3 == 0 {
                let bend = top.mix(tip, 0.45) + UP * 0.3;
                mesh.limb(top, bend, (thick * 0.6, thick * 0.32), bark, LABEL);
                mesh.limb(bend, tip, (thick * 0.32, thick * 0.08), bark, LABEL);
            }
        }
        mesh.contact(f, (thick * 5.0, thick * 5.0), 0.6);
    }

    /// Middle and radius of one leaf cluster within the crown.
    fn cluster(&self, rng: &mut Rng, centre: V3, fork: f32, sway: f32) -> (V3, f32) {
        let tall = (self.height - fork) * 0.5;
        let (u, h) = (rng.range(0.0, std::f32::consts::TAU), rng.range(-0.9, 1.0));
        let belly = (1.0 - h * h * 0.8).max(0.05).sqrt() * rng.range(0.35, 1.0);
        let off = v3(
            u.cos() * belly * self.spread + sway * (0.5 + h),
            h * tall,
            u.sin() * belly * self.spread,
        );
        (centre + off, self.spread * rng.range(0.30, 0.52))
    }
}

/// A clipped hedge, `length` metres along `f.right`.
pub fn hedge(mesh: &mut Mesh, f: &Frame, length: f32, height: f32, seed: u32) {
    let mut rng = Rng::new(u64::from(seed));
    let colour = rng.pick(&GREENS[..4]) * rng.range(0.7, 1.1);
    let core = mesh.skin(Skin::Leaves(colour * 0.45, seed));
    let leaf = mesh.skin(Skin::Leaves(colour, seed));
    mesh.block(
        f,
        v3(0.0, 0.0, 0.1),
        v3(length, height * 0.85, 0.7),
        core,
        LABEL,
    );
    for k in 0..(length / 0.42) as usize {
        for (y, r) in [(0.25, 0.42), (0.62, 0.42), (0.85, 0.34)] {
            let at = f.out(v3(
                (k as f32 + rng.unit()) * 0.42,
                y * height + rng.range(-0.06, 0.06),
                rng.range(-0.02, 0.2),
            ));
            mesh.ball(
                at,
                (r * height * 0.75, r * height * 0.6),
                Form::Leaves(0.9, rng.bits()),
                leaf,
                LABEL,
            );
        }
    }
    let mid = Frame {
        at: f.out(v3(length * 0.5, 0.0, 0.3)),
        ..*f
    };
    mesh.contact(&mid, (length * 0.5, 0.7), 0.6);
}
