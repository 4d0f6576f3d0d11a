//! Railings, garden fences and low walls along the pavement.

use super::super::mesh::{Mesh, class};
use super::super::noise::hash2;
use super::super::skin::Skin;
use super::super::vec::{Frame, UP, V3, grey, v3};

/// What closes a front garden, or guards a kerb.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Iron bars: near black, or the grey of guard rails.
    Railing(V3),
    /// Upright boards.
    Boards(V3),
    /// A low brick wall: a building to those who label.
    Wall(V3),
}

/// Builds `length` metres along `f.right`, starting at `f.at`.
pub fn build(mesh: &mut Mesh, f: &Frame, length: f32, height: f32, kind: Kind) {
    let end = f.out(v3(length, 0.0, 0.0));
    match kind {
        Kind::Railing(c) => {
            let skin = mesh.skin(Skin::Plain(c, 0.1));
            mesh.railing(f.at, end, height, skin, class::FENCE);
            for k in 0..=(length / 2.0) as usize {
                let foot = f.out(v3(2.0 * k as f32, 0.0, 0.0));
                mesh.limb(foot, foot + UP * (height + 0.06), (0.035, 0.035), skin, class::FENCE);
            }
        }
        Kind::Boards(c) => boards(mesh, f, length, height, c),
        Kind::Wall(c) => {
            let skin = mesh.skin(Skin::Plain(c, 0.5));
            mesh.block(f, v3(0.0, 0.0, 0.0), v3(length, height * 0.8, 0.22), skin, class::BUILDING);
            let cap = mesh.skin(Skin::Plain(c.mix(grey(0.4), 0.6), 0.2));
            mesh.block(
                f,
                v3(-0.03, height * 0.8, -0.04),
                v3(length + 0.03, height * 0.8 + 0.08, 0.26),
                cap,
                class::BUILDING,
            );
        }
    }
    let mid = Frame { at: f.out(v3(length * 0.5, 0.0, 0.1)), ..*f };
    mesh.contact(&mid, (length * 0.5, 0.35), 0.45);
}

fn boards(mesh: &mut Mesh, f: &Frame, length: f32, height: f32, c: V3) {
    let step = 0.3;
    for k in 0..(length / step) as i32 {
        let tone = 0.75 + 0.5 * hash2(k, 3, (length * 10.0) as u32);
        let skin = mesh.skin(Skin::Plain(c * tone, 0.3));
        let x = k as f32 * step;
        let top = height + 0.05 * hash2(k, 4, 1);
        let q = |x: f32, y: f32| f.out(v3(x, y, 0.0));
        mesh.poly(&[q(x, 0.0), q(x + step * 0.95, 0.0), q(x + step * 0.95, top), q(x, top)], skin, class::FENCE);
    }
    let rail = mesh.skin(Skin::Plain(c * 0.6, 0.2));
    mesh.block(f, v3(0.0, height * 0.2, 0.02), v3(length, height * 0.3, 0.06), rail, class::FENCE);
    mesh.block(f, v3(0.0, height * 0.7, 0.02), v3(length, height * 0.8, 0.06), rail, class::FENCE);
}
