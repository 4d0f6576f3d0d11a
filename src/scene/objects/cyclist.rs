//! A person riding a bicycle.

use super::super::mesh::{Form, Mesh, class};
use super::super::rng::Rng;
use super::super::skin::Skin;
use super::super::vec::{Frame, V3, grey, v3};
use super::person::{Person, Wardrobe};

#[derive(Clone, Copy, Debug)]
pub struct Cyclist {
    rider: Person,
    frame_colour: V3,
    helmet: Option<V3>,
}

const LABEL: u8 = class::BICYCLIST;
const WHEEL: f32 = 0.34;
const SPOKES: usize = 12;

impl Cyclist {
    pub fn new(rng: &mut Rng) -> Self {
        let mut rider = Person::new(rng);
        rider.size = rider.size.max(0.9);
        if rng.chance(0.3) {
            rider.coat = rng.pick(&[v3(0.65, 0.7, 0.05), v3(0.7, 0.25, 0.03)]);
        }
        Cyclist {
            rider,
            frame_colour: rng.pick(&[
                grey(0.03),
                v3(0.3, 0.02, 0.02),
                v3(0.03, 0.1, 0.3),
                grey(0.4),
                v3(0.05, 0.2, 0.1),
            ]),
            helmet: rng
                .chance(0.5)
                .then(|| rng.pick(&[grey(0.6), grey(0.03), v3(0.4, 0.03, 0.03), v3(0.05, 0.1, 0.4)])),
        }
    }

    /// Builds it with the bottom bracket above `f.at`; `pedal` in radians.
    pub fn build(&self, mesh: &mut Mesh, f: &Frame, pedal: f32) {
        let w = self.rider.wardrobe(mesh);
        self.bicycle(mesh, f);
        let at = |x: f32, y: f32, z: f32| f.out(v3(x, y, z));
        for side in [-1.0f32, 1.0] {
            let (s, c) = (pedal + if side > 0.0 { 0.0 } else { std::f32::consts::PI }).sin_cos();
            let foot = at(0.11 * side, 0.28 + 0.17 * s, 0.05 + 0.17 * c);
            let hip = at(0.09 * side, 0.98, -0.22);
            let knee = at(0.11 * side, 0.68 + 0.13 * s, 0.18 + 0.06 * c);
            mesh.limb(hip, knee, (0.10, 0.075), w.trousers, LABEL);
            mesh.limb(knee, foot, (0.072, 0.05), w.trousers, LABEL);
            mesh.limb(foot, at(0.11 * side, 0.26 + 0.17 * s, 0.2 + 0.17 * c), (0.05, 0.04), w.shoes, LABEL);
            let shoulder = at(0.18 * side, 1.42, 0.10);
            let elbow = at(0.25 * side, 1.20, 0.28);
            mesh.limb(shoulder, elbow, (0.062, 0.05), w.coat, LABEL);
            mesh.limb(elbow, at(0.24 * side, 1.06, 0.48), (0.05, 0.04), w.coat, LABEL);
        }
        self.torso(mesh, f, &w);
        mesh.contact(f, (0.3, 0.9), 0.5);
    }

    fn torso(&self, mesh: &mut Mesh, f: &Frame, w: &Wardrobe) {
        let at = |x: f32, y: f32, z: f32| f.out(v3(x, y, z));
        for side in [-0.08, 0.08] {
            mesh.limb(at(side, 0.92, -0.24), at(side * 1.3, 1.42, 0.06), (0.13, 0.125), w.coat, LABEL);
        }
        mesh.limb(at(-0.16, 1.43, 0.09), at(0.16, 1.43, 0.09), (0.08, 0.08), w.coat, LABEL);
        mesh.limb(at(0.0, 1.45, 0.1), at(0.0, 1.56, 0.15), (0.055, 0.05), w.skin, LABEL);
        mesh.ball(at(0.0, 1.64, 0.17), (0.095, 0.12), Form::Ball, w.head, LABEL);
        if let Some(c) = self.helmet {
            let skin = mesh.skin(Skin::Metal(c));
            mesh.ball(at(0.0, 1.70, 0.165), (0.12, 0.085), Form::Ball, skin, LABEL);
        }
    }

    fn bicycle(&self, mesh: &mut Mesh, f: &Frame) {
        let tube = mesh.skin(Skin::Metal(self.frame_colour));
        let tyre = mesh.skin(Skin::Plain(grey(0.02), 0.0));
        let lamp = mesh.skin(Skin::Lamp(v3(0.3, 0.02, 0.02), v3(2.2, 0.08, 0.05)));
        let at = |x: f32, y: f32, z: f32| f.out(v3(x, y, z));
        for z in [-0.52, 0.52] {
            let rim = |k: usize| {
                let (s, c) = (k as f32 * std::f32::consts::TAU / SPOKES as f32).sin_cos();
                at(0.0, WHEEL + WHEEL * s, z + WHEEL * c)
            };
            for k in 0..SPOKES {
                mesh.limb(rim(k), rim(k + 1), (0.022, 0.022), tyre, LABEL);
            }
        }
        let (bracket, seat, head) = (at(0.0, 0.28, 0.05), at(0.0, 0.86, -0.20), at(0.0, 0.85, 0.38));
        let (rear, front) = (at(0.0, WHEEL, -0.52), at(0.0, WHEEL, 0.52));
        for (a, b) in [(bracket, seat), (bracket, head), (seat, head), (seat, rear), (bracket, rear), (head, front)] {
            mesh.limb(a, b, (0.022, 0.022), tube, LABEL);
        }
        mesh.limb(at(-0.26, 1.03, 0.45), at(0.26, 1.03, 0.45), (0.018, 0.018), tyre, LABEL);
        mesh.limb(head, at(0.0, 1.03, 0.42), (0.02, 0.02), tube, LABEL);
        mesh.limb(at(0.0, 0.92, -0.36), at(0.0, 0.92, -0.08), (0.07, 0.03), tyre, LABEL);
        mesh.ball(at(0.0, 0.72, -0.38), (0.04, 0.04), Form::Ball, lamp, LABEL);
    }
}
