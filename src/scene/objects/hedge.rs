//! Clipped hedges.

use super::super::mesh::{Form, Mesh, class};
use super::super::rng::Rng;
use super::super::skin::Skin;
use super::super::vec::{Frame, v3};
use super::tree::GREENS;

const LABEL: u8 = class::TREE;

/// A hedge `length` metres along `f.right`.
pub fn build(mesh: &mut Mesh, f: &Frame, length: f32, height: f32, seed: u32) {
    let mut rng = Rng::new(u64::from(seed));
    let colour = rng.pick(&GREENS[..4]) * rng.range(0.7, 1.1);
    let core = mesh.skin(Skin::Leaves(colour * 0.45, seed));
    let leaf = mesh.skin(Skin::Leaves(colour, seed));
    mesh.block(f, v3(0.0, 0.0, 0.1), v3(length, height * 0.85, 0.7), core, LABEL);
    let step = 0.42 * height.max(1.0);
    for k in 0..(length / step) as usize {
        for (y, r) in [(0.25, 0.42), (0.62, 0.42), (0.85, 0.34)] {
            let x = (k as f32 + rng.unit()) * step;
            let (dy, z) = (rng.range(-0.06, 0.06), rng.range(-0.02, 0.2));
            let at = f.out(v3(x, y * height + dy, z));
            let form = Form::Leaves(0.9, rng.bits());
            mesh.ball(at, (r * height * 0.75, r * height * 0.6), form, leaf, LABEL);
        }
    }
    let mid = Frame { at: f.out(v3(length * 0.5, 0.0, 0.3)), ..*f };
    mesh.contact(&mid, (length * 0.5, 0.7), 0.6);
}
