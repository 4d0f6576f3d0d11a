//! Lamp posts, sign posts, signal posts, bollards and litter bins.

use super::super::mesh::{Form, Mesh, class};
use super::super::rng::Rng;
use super::super::skin::Skin;
use super::super::vec::{Frame, UP, V3, grey, v3};
use super::sign::{Motif, plate, signal};

const STEEL: V3 = grey(0.20);

/// A lamp post; `reach` metres of arm along `f.right`.
pub fn lamp_post(mesh: &mut Mesh, f: &Frame, height: f32, reach: f32, dark: bool) {
    let steel = mesh.skin(Skin::Plain(if dark { grey(0.035) } else { STEEL }, 0.1));
    let lamp = mesh.skin(Skin::Lamp(grey(0.45), v3(3.4, 2.3, 1.1)));
    let top = f.out(v3(0.0, height, 0.0));
    mesh.limb(f.at, f.out(v3(0.0, 1.2, 0.0)), (0.11, 0.10), steel, class::POLE);
    mesh.limb(f.out(v3(0.0, 1.2, 0.0)), top, (0.075, 0.05), steel, class::POLE);
    let tip = f.out(v3(reach, height + 0.25, 0.0));
    mesh.limb(top, tip, (0.05, 0.04), steel, class::POLE);
    let head = Frame { at: tip, ..*f };
    let side = 0.4 * reach.signum();
    let (lo, hi) = (side.min(0.0) - 0.1, side.max(0.0) + 0.1);
    mesh.block(&head, v3(lo, -0.04, -0.12), v3(hi, 0.08, 0.12), steel, class::POLE);
    mesh.block(&head, v3(lo, -0.12, -0.1), v3(hi, -0.04, 0.1), lamp, class::POLE);
    mesh.contact(f, (0.3, 0.3), 0.5);
    let under = Frame { at: f.out(v3(reach, 0.0, 0.0)), ..*f };
    mesh.pool(&under, (height, height), 1.6);
}

/// One or two plates on a post, facing `-f.ahead`.
pub fn sign_post(mesh: &mut Mesh, f: &Frame, motif: Motif, size: f32, seed: u32) {
    let steel = mesh.skin(Skin::Plain(STEEL, 0.1));
    let height = 2.3 + size;
    mesh.limb(f.at, f.at + UP * (height + size * 0.8), (0.04, 0.04), steel, class::POLE);
    plate(mesh, &Frame { at: f.at + UP * height, ..*f }, motif, size, seed);
    if seed.is_multiple_of(3) {
        let below = Frame { at: f.at + UP * (height - size * 1.7), ..*f };
        plate(mesh, &below, Motif::Board(grey(0.7)), size * 0.5, seed);
    }
    mesh.contact(f, (0.25, 0.25), 0.4);
}

/// A traffic light facing `-f.ahead`.
pub fn signal_post(mesh: &mut Mesh, f: &Frame, state: usize) {
    let steel = mesh.skin(Skin::Plain(grey(0.10), 0.1));
    mesh.limb(f.at, f.at + UP * 3.3, (0.06, 0.055), steel, class::POLE);
    let head = Frame { at: f.out(v3(0.0, 2.25, -0.1)), ..*f };
    signal(mesh, &head, state);
    mesh.contact(f, (0.3, 0.3), 0.5);
}

/// The beacon of a zebra crossing: a striped pole with an amber globe.
pub fn beacon(mesh: &mut Mesh, f: &Frame, on: bool) {
    let amber = v3(0.75, 0.36, 0.03);
    let stripes = [grey(0.03), grey(0.6)].map(|c| mesh.skin(Skin::Plain(c, 0.1)));
    let globe = mesh.skin(if on { Skin::Light(amber) } else { Skin::Plain(amber, 0.0) });
    for k in 0..7 {
        let foot = f.at + UP * (0.42 * k as f32);
        mesh.limb(foot, foot + UP * 0.42, (0.055, 0.055), stripes[k % 2], class::POLE);
    }
    mesh.ball(f.at + UP * 3.1, (0.17, 0.17), Form::Ball, globe, class::POLE);
    mesh.contact(f, (0.3, 0.3), 0.5);
}

pub fn bollard(mesh: &mut Mesh, f: &Frame) {
    let iron = mesh.skin(Skin::Plain(grey(0.03), 0.2));
    let band = mesh.skin(Skin::Plain(grey(0.6), 0.0));
    mesh.limb(f.at, f.at + UP * 0.85, (0.085, 0.075), iron, class::POLE);
    mesh.limb(f.at + UP * 0.85, f.at + UP * 0.93, (0.085, 0.085), band, class::POLE);
    mesh.limb(f.at + UP * 0.93, f.at + UP * 1.02, (0.08, 0.05), iron, class::POLE);
    mesh.contact(f, (0.25, 0.25), 0.5);
}

/// A litter bin or a cabinet: nothing that has a class of its own.
pub fn bin(mesh: &mut Mesh, f: &Frame, rng: &mut Rng) {
    let colour = rng.pick(&[v3(0.02, 0.10, 0.05), grey(0.05), v3(0.10, 0.14, 0.12), v3(0.22, 0.22, 0.20)]);
    let skin = mesh.skin(Skin::Plain(colour, 0.3));
    let (w, h) = (rng.range(0.25, 0.4), rng.range(0.9, 1.25));
    mesh.block(f, v3(-w, 0.0, -0.28), v3(w, h, 0.28), skin, class::VOID);
    let lid = mesh.skin(Skin::Plain(colour * 0.6, 0.2));
    mesh.block(f, v3(-w - 0.03, h, -0.31), v3(w + 0.03, h + 0.1, 0.31), lid, class::VOID);
    mesh.contact(f, (w * 1.6, 0.5), 0.7);
}
