//! Trees: a branching trunk, and a crown of leaf clusters or bare twigs.

use super::super::mesh::{Form, Mesh, class};
use super::super::rng::Rng;
use super::super::skin::Skin;
use super::super::vec::{Frame, UP, V3, v3};
use std::f32::consts::TAU;

/// One tree; the same seed grows the same branches every time it is built.
#[derive(Clone, Debug)]
pub struct Tree {
    height: f32,
    spread: f32,
    /// Share of the crown that hides what is behind: below 0.5 bare twigs, above leaves.
    leafy: f32,
    leaf: V3,
    bark: V3,
    rng: Rng,
}

/// What a tree is built with at one moment.
struct Growth<'a> {
    mesh: &'a mut Mesh,
    bark: u32,
    rng: Rng,
    /// Middles of the twig clusters at the branches' ends.
    tips: Vec<V3>,
}

const LABEL: u8 = class::TREE;

pub const GREENS: [V3; 6] = [
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
        let twig = v3(0.17, 0.135, 0.10) * rng.range(0.7, 1.5);
        let green = rng.pick(&GREENS) * rng.range(0.9, 1.5);
        let (thin, full) = (rng.range(0.12, 0.3), rng.range(0.62, 0.85));
        Tree {
            height,
            spread: height * rng.range(0.24, 0.36),
            leafy: if bare { thin } else { full },
            leaf: if bare { twig } else { green },
            bark: v3(0.10, 0.085, 0.065) * rng.range(0.6, 1.3),
            rng: rng.fork(77),
        }
    }

    /// above 0.72 `detail` adds the last twigs; `sway` in metres at the tips.
    pub fn build(&self, mesh: &mut Mesh, f: &Frame, detail: f32, sway: f32) {
        let bark = mesh.skin(Skin::Bark(self.bark));
        let mut g = Growth { mesh, bark, rng: self.rng.clone(), tips: Vec::new() };
        let fork = self.height * g.rng.range(0.24, 0.34);
        let thick = self.height * 0.020;
        let lean = v3(g.rng.range(-0.2, 0.2), fork, g.rng.range(-0.2, 0.2));
        let (knee, top) = (f.at + UP * 0.4, f.out(lean));
        g.mesh.limb(f.at, knee, (thick * 1.7, thick * 1.15), bark, LABEL);
        g.mesh.limb(knee, top, (thick * 1.15, thick * 0.9), bark, LABEL);
        if self.leafy < 0.5 {
            self.bare(&mut g, (top, thick * 0.8), detail);
        } else {
            self.leaves(&mut g, (top, thick), fork, sway);
        }
        g.mesh.contact(f, (thick * 5.0, thick * 5.0), 0.6);
    }

    /// Boughs that fork again and again, with a haze of twigs around their ends.
    fn bare(&self, g: &mut Growth, (top, thick): (V3, f32), detail: f32) {
        let length = self.height * 0.30;
        let n = 4 + g.rng.below(2) as u64;
        for k in 0..n {
            let turn = (k as f32 + g.rng.range(-0.3, 0.3)) * TAU / n as f32;
            let slope = if k == 0 { 0.1 } else { g.rng.range(0.3, 1.0) };
            let dir = v3(turn.cos() * slope, 1.0, turn.sin() * slope).unit();
            let length = length * g.rng.range(0.8, 1.15);
            let rng = g.rng.fork(k);
            g.fork(top, dir * length, thick * 0.7, (3, detail > 0.72), rng);
        }
        let seed = g.rng.bits();
        let skin = g.mesh.skin(Skin::Leaves(self.leaf, seed));
        let r = self.spread * 0.46;
        for tip in std::mem::take(&mut g.tips).into_iter().step_by(2) {
            let form = Form::Leaves(self.leafy, g.rng.bits());
            g.mesh.ball(tip, (r, r), form, skin, LABEL);
        }
    }

    fn leaves(&self, g: &mut Growth, (top, thick): (V3, f32), fork: f32, sway: f32) {
        let seed = g.rng.bits();
        let bright = g.mesh.skin(Skin::Leaves(self.leaf, seed));
        let dark = g.mesh.skin(Skin::Leaves(self.leaf * 0.72, seed ^ 5));
        let foot = top - UP * fork;
        let centre = foot + UP * (fork + (self.height - fork) * 0.52);
        for k in 0..36 {
            let (tip, r) = self.cluster(&mut g.rng, centre, fork, sway);
            let form = Form::Leaves(self.leafy, g.rng.bits());
            let skin = if k % 2 == 0 { bright } else { dark };
            g.mesh.ball(tip, (r, r * 0.85), form, skin, LABEL);
            if k % 3 == 0 {
                let bend = top.mix(tip, 0.45) + UP * 0.3;
                g.mesh.limb(top, bend, (thick * 0.6, thick * 0.32), g.bark, LABEL);
                g.mesh.limb(bend, tip, (thick * 0.32, thick * 0.08), g.bark, LABEL);
            }
        }
    }

    /// Middle and radius of one leaf cluster within the crown.
    fn cluster(&self, rng: &mut Rng, centre: V3, fork: f32, sway: f32) -> (V3, f32) {
        let tall = (self.height - fork) * 0.5;
        let (u, h) = (rng.range(0.0, TAU), rng.range(-0.9, 1.0));
        let belly = (1.0 - h * h * 0.8).max(0.05).sqrt() * rng.range(0.35, 1.0);
        let (x, z) = (u.cos() * belly * self.spread, u.sin() * belly * self.spread);
        let off = v3(x + sway * (0.5 + h), h * tall, z);
        (centre + off, self.spread * rng.range(0.30, 0.52))
    }
}

impl Growth<'_> {
    /// A bough from `at` along `way` that splits `depth` more times, and once more into `fine` twigs.
    fn fork(&mut self, at: V3, way: V3, thick: f32, (depth, fine): (u32, bool), mut rng: Rng) {
        let end = at + way;
        self.mesh.limb(at, end, (thick, thick * 0.62), self.bark, LABEL);
        if depth == 1 || depth == 2 && self.tips.len().is_multiple_of(2) {
            self.tips.push(end);
        }
        if depth == 0 || depth == 1 && !fine {
            return;
        }
        for k in 0..3 {
            let mut side = || rng.range(-0.75, 0.75);
            let bend = v3(side(), side() * 0.6 + 0.12, side()) * way.len();
            let length = rng.range(0.55, 0.8);
            let next = (way + bend).unit() * (way.len() * length);
            self.fork(end, next, thick * 0.55, (depth - 1, fine), rng.fork(k));
        }
    }
}
