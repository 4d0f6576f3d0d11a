//! Walls, roof, chimneys, bays and awnings of a house.

use super::super::mesh::{Mesh, class};
use super::super::skin::Skin;
use super::super::vec::{Frame, V3, grey, v3};
use super::building::{Building, Extra};
use super::facade::{Facade, Street};

const LABEL: u8 = class::BUILDING;

/// A wall's outline in house coordinates.
type Outline<'a> = &'a [(f32, f32, f32)];

fn wall(mesh: &mut Mesh, f: &Frame, outline: Outline, skin: u32) {
    let p: Vec<V3> = outline.iter().map(|&(x, y, z)| f.out(v3(x, y, z))).collect();
    mesh.poly(&p, skin, LABEL);
}

/// Builds `b` with its front's left end at `f.at`, along `f.right`; `f.ahead` points into the house.
pub fn build(b: &Building, mesh: &mut Mesh, f: &Frame) {
    let (w, d, h) = (b.width, b.depth, b.height);
    let front = Facade { frame: *f, ..b.front.clone() };
    let front = mesh.skin(Skin::Facade(Box::new(front)));
    wall(mesh, f, &[(0.0, 0.0, 0.0), (w, 0.0, 0.0), (w, h, 0.0), (0.0, h, 0.0)], front);
    for x in [0.0, w] {
        let at = f.out(v3(x, 0.0, 0.0));
        let frame = Frame { at, right: f.ahead, ahead: f.right };
        let blank = Facade { frame, width: d, street: Street::Blank, ..b.front.clone() };
        let skin = mesh.skin(Skin::Facade(Box::new(blank)));
        let top = (x, h + b.rise, d * 0.5);
        wall(mesh, f, &[(x, 0.0, 0.0), (x, 0.0, d), (x, h, d), top, (x, h, 0.0)], skin);
    }
    let back = mesh.skin(Skin::Plain(b.front.colour * 0.7, 0.1));
    wall(mesh, f, &[(0.0, 0.0, d), (w, 0.0, d), (w, h, d), (0.0, h, d)], back);
    if b.rise > 0.0 {
        roof(b, mesh, f);
        chimneys(b, mesh, f);
    } else {
        let cap = mesh.skin(Skin::Plain(b.front.trim * 0.7, 0.1));
        mesh.block(f, v3(-0.04, h - 0.05, -0.12), v3(w + 0.04, h + 0.25, d), cap, LABEL);
    }
    match b.extra {
        Extra::None => {}
        Extra::Bay(storeys) => bay(b, mesh, f, storeys),
        Extra::Awning(out, colour) => awning(b, mesh, f, out, colour),
    }
    if b.front.shines() {
        let street = Frame { at: f.out(v3(w * 0.5, 0.0, -1.0)), ..*f };
        mesh.pool(&street, (w * 0.5, 3.2), 1.3);
    }
}

fn roof(b: &Building, mesh: &mut Mesh, f: &Frame) {
    let (w, d, h, top) = (b.width, b.depth, b.height, b.height + b.rise);
    let skin = mesh.skin(Skin::Roof(b.roof, *f));
    let low = h - 0.3 * b.rise / (d * 0.5);
    let mid = d * 0.5;
    wall(mesh, f, &[(0.0, low, -0.3), (w, low, -0.3), (w, top, mid), (0.0, top, mid)], skin);
    wall(mesh, f, &[(0.0, h, d), (w, h, d), (w, top, mid), (0.0, top, mid)], skin);
    let gutter = mesh.skin(Skin::Plain(grey(0.06), 0.0));
    mesh.block(f, v3(0.0, low - 0.1, -0.38), v3(w, low + 0.03, -0.26), gutter, LABEL);
}

fn chimneys(b: &Building, mesh: &mut Mesh, f: &Frame) {
    let brick = mesh.skin(Skin::Plain(b.front.colour * 0.75, 0.35));
    let pot = mesh.skin(Skin::Plain(v3(0.36, 0.18, 0.11), 0.2));
    let (mid, ridge) = (b.depth * 0.5, b.height + b.rise);
    for k in 0..b.chimneys {
        let x = if k == 0 { 0.5 } else { b.width - 0.5 };
        let (lo, hi) = (v3(x - 0.4, ridge - 0.8, mid - 0.7), v3(x + 0.4, ridge + 1.3, mid + 0.7));
        mesh.block(f, lo, hi, brick, LABEL);
        for z in [-0.35, 0.35] {
            let foot = f.out(v3(x, hi.y, mid + z));
            mesh.limb(foot, foot + v3(0.0, 0.45, 0.0), (0.13, 0.1), pot, LABEL);
        }
    }
}

/// A bay window beside the door, with slanted flanks.
fn bay(b: &Building, mesh: &mut Mesh, f: &Frame, storeys: f32) {
    let h = storeys * b.front.storey - 0.15;
    let door_left = b.front.door_bay() < b.front.bays * 0.5;
    let x0 = if door_left { b.width - 2.7 } else { 0.4 };
    let corners = [(x0, 0.0), (x0 + 0.5, -0.75), (x0 + 1.8, -0.75), (x0 + 2.3, 0.0)];
    let lead = mesh.skin(Skin::Plain(b.roof * 0.8, 0.2));
    for pair in corners.windows(2) {
        let ((xa, za), (xb, zb)) = (pair[0], pair[1]);
        let (a, c) = (f.out(v3(xa, 0.0, za)), f.out(v3(xb, 0.0, zb)));
        let along = c - a;
        let frame = Frame { at: a, right: along.unit(), ahead: f.ahead };
        let window = ((along.len() - 0.3).max(0.3), b.front.window.1);
        let width = along.len();
        let part = Facade { frame, width, bays: 1.0, window, height: h, street: Street::Windows, ..b.front.clone() };
        let skin = mesh.skin(Skin::Facade(Box::new(part)));
        wall(mesh, f, &[(xa, 0.0, za), (xb, 0.0, zb), (xb, h, zb), (xa, h, za)], skin);
        wall(mesh, f, &[(xa, h, za), (xb, h, zb), (x0 + 1.15, h + 0.5, 0.0)], lead);
    }
}

fn awning(b: &Building, mesh: &mut Mesh, f: &Frame, out: f32, colour: V3) {
    let top = b.front.storey - 0.75;
    let low = top - 0.55;
    let (x0, x1) = (0.35, b.width - 0.35);
    let skins = [colour, grey(0.62)].map(|c| mesh.skin(Skin::Plain(c, 0.1)));
    let n = ((x1 - x0) / 0.45) as usize;
    let at = |k: usize| x0 + (x1 - x0) * k as f32 / n.max(1) as f32;
    for k in 0..n {
        let (a, c, skin) = (at(k), at(k + 1), skins[k % 2]);
        wall(mesh, f, &[(a, top, 0.0), (c, top, 0.0), (c, low, -out), (a, low, -out)], skin);
        wall(mesh, f, &[(a, low, -out), (c, low, -out), (c, low - 0.2, -out), (a, low - 0.2, -out)], skin);
    }
}
