//! Puts a moment of the drive on stage: everything within sight becomes triangles.

use super::mesh::{Form, Mesh, class};
use super::noise::hash2;
use super::objects::fence;
use super::objects::hedge;
use super::objects::pole;
use super::objects::sign;
use super::rng::Rng;
use super::road::KERB;
use super::skin::Skin;
use super::street::{Item, Street, Thing};
use super::traffic::{Traffic, near};
use super::vec::{Frame, V3, v3};
use std::f32::consts::{FRAC_PI_2, PI};

/// Metres of street built before and behind the camera.
const AHEAD: f32 = 230.0;
const BEHIND: f32 = 30.0;

/// The moment to build.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The camera's place along the street.
    pub here: f32,
    /// Seconds since the start.
    pub t: f64,
    /// Share of the usual sight to build: what throws no visible shadow need not be there for the sun.
    pub sight: f32,
}

/// Fills the mesh for its eye, the camera's or the sun's.
pub fn build(street: &Street, traffic: &Traffic, m: Moment, mesh: &mut Mesh) {
    let Moment { here, t, sight } = m;
    traffic.build(mesh, &street.road, m);
    for item in &street.items {
        let s = near(item.s, here);
        let (ahead, behind) = match item.thing {
            Thing::Building(_) => (AHEAD, BEHIND),
            Thing::Tree(_) | Thing::Hedge { .. } | Thing::Fence { .. } => (AHEAD * 0.8, BEHIND),
            _ => (AHEAD * 0.6, 12.0),
        };
        if s - here < ahead * sight && here - s < behind {
            place(street, item, s, s - here, t, mesh);
        }
    }
    // Our own headlights.
    let road = &street.road;
    let beam = road.frame(-road.lane * 0.5, 0.0, here + 10.0, 0.0);
    mesh.pool(&beam, (3.0, 8.5), 0.5);
    if sight >= 1.0 {
        backdrop(street, here, mesh);
    }
}

fn place(street: &Street, item: &Item, s: f32, ahead: f32, t: f64, mesh: &mut Mesh) {
    let road = &street.road;
    let facing = if item.side == 0 { -FRAC_PI_2 } else { FRAC_PI_2 };
    let stand = |yaw: f32| road.frame(item.d, KERB, s, yaw);
    // Along the wall or fence, starting at its left end as seen from the road.
    let front = |length: f32| {
        let start = if item.side == 0 { s } else { s + length };
        let f = road.frame(item.d, KERB, start, facing);
        let end = road.frame(item.d, KERB, s + length - (start - s), facing);
        let right = (end.at - f.at).unit();
        Frame { right, ahead: v3(-right.z, 0.0, right.x), ..f }
    };
    match &item.thing {
        Thing::Building(b) => b.build(mesh, &front(b.width)),
        Thing::Tree(tree) => {
            let detail = (1.0 - ahead / 110.0).clamp(0.0, 1.0);
            let sway = 0.05 * (t as f32 * 1.3 + item.s).sin();
            tree.build(mesh, &stand(0.0), detail, sway);
        }
        Thing::Hedge { length, height, seed } => hedge::build(mesh, &front(*length), *length, *height, *seed),
        Thing::Fence { length, height, kind } => fence::build(mesh, &front(*length), *length, *height, *kind),
        Thing::Lamp { height, reach, dark } => {
            let toward = if item.side == 0 { *reach } else { -reach };
            pole::lamp_post(mesh, &stand(0.0), *height, toward, *dark);
        }
        Thing::Sign { motif, size, seed, yaw } => pole::sign_post(mesh, &stand(*yaw), *motif, *size, *seed),
        Thing::Board { seed, motif } => {
            let out = if item.side == 0 { 0.65 } else { -0.65 };
            let at = road.frame(item.d + out, 3.6, s, 0.0);
            sign::plate(mesh, &at, *motif, 0.42, *seed);
        }
        Thing::Signal { phase } => {
            let beat = (t as f32 + phase).rem_euclid(12.0);
            let state = if beat < 5.0 {
                0
            } else if beat < 10.5 {
                2
            } else {
                1
            };
            pole::signal_post(mesh, &stand(0.0), state);
        }
        Thing::Beacon => pole::beacon(mesh, &stand(0.0), (t * 1.2).fract() < 0.5),
        Thing::Bollard => pole::bollard(mesh, &stand(0.0)),
        Thing::Bin(seed) => pole::bin(mesh, &stand(facing), &mut Rng::new(*seed)),
        Thing::Parked { car, reversed } => {
            let f = road.frame(item.d, 0.0, s, if *reversed { PI } else { 0.0 });
            car.build(mesh, &f, 0.0, false);
        }
    }
}

/// Far trees that close the view where the street and its side streets end.
fn backdrop(street: &Street, here: f32, mesh: &mut Mesh) {
    let skin = mesh.skin(Skin::Leaves(v3(0.07, 0.08, 0.045), 5));
    let mut clump = |d: f32, s: f32, k: i32| {
        let r = 6.0 + 7.0 * hash2(k, 2, 8);
        let at = V3 { x: d + street.road.shift(s), y: r * 0.35, z: s };
        mesh.ball(at, (r * 1.5, r), Form::Leaves(0.8, 7 + k as u32), skin, class::TREE);
    };
    for k in -7..=7 {
        clump(k as f32 * 9.0, here + AHEAD + 12.0 + 10.0 * hash2(k, 1, 3), k + 20);
    }
    let first = ((here - BEHIND) / 12.0).floor() as i32;
    for k in first..first + 22 {
        for side in [-1.0, 1.0] {
            clump(side * (62.0 + 20.0 * hash2(k.rem_euclid(40), 5, 1)), 12.0 * k as f32, k.rem_euclid(40));
        }
    }
}
