//! The ground under a view ray: road with its markings, kerb, pavement, grass.

use super::lines::Lines;
use super::mesh::class;
use super::noise::{fbm2, hash2, value2};
use super::rng::Rng;
use super::road::{KERB, Road, Soil};
use super::skin::Paint;
use super::street::Street;
use super::vec::{UP, V3, grey, smooth, v3};

/// Where a ray meets the ground.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    pub p: V3,
    pub n: V3,
    pub label: u8,
    /// Depth along the ray.
    pub t: f32,
    /// 0 left, 1 right.
    pub side: usize,
    /// Metres from the middle of the road, and from the kerb outwards.
    pub d: f32,
    pub out: f32,
}

/// Colours and markings of one street.
#[derive(Clone, Debug)]
pub struct Ground {
    asphalt: V3,
    slabs: V3,
    stone: V3,
    grass: V3,
    seed: u32,
    lines: Lines,
    wear: f32,
    red_brick: bool,
}

impl Ground {
    pub fn new(rng: &mut Rng) -> Self {
        let pink = rng.unit();
        Ground {
            asphalt: grey(0.135).mix(v3(0.17, 0.145, 0.145), pink) * rng.range(0.75, 1.3),
            slabs: v3(0.27, 0.25, 0.23).mix(v3(0.20, 0.19, 0.19), rng.unit()) * rng.range(0.8, 1.15),
            stone: v3(0.33, 0.32, 0.31),
            grass: v3(0.09, 0.14, 0.03) * rng.range(0.8, 1.3),
            seed: rng.bits(),
            lines: Lines::new(rng),
            wear: rng.range(0.1, 0.55),
            red_brick: rng.chance(0.15),
        }
    }

    /// Follows a ray of depth-one direction down from `eye`; `None` for the sky.
    pub fn meet(&self, road: &Road, eye: V3, ray: V3) -> Option<Spot> {
        if ray.y > -1e-4 {
            return None;
        }
        let t0 = -eye.y / ray.y;
        let low = Ground::place(road, eye + ray * t0, t0);
        // The road is never narrower than this, and the eye is above it: no kerb on the way.
        if low.d.abs() < road.half(low.side) {
            return Some(low);
        }
        let t = (KERB - eye.y) / ray.y;
        let spot = Ground::place(road, eye + ray * t, t);
        if spot.out >= 0.0 {
            let lawn = spot.out > road.pave[spot.side] && road.soil(spot.side, spot.p.z) == Soil::Grass;
            let label = if lawn { class::TREE } else { class::PAVEMENT };
            return Some(Spot { label, ..spot });
        }
        if low.out < 0.0 {
            return Some(low);
        }
        let across = if low.side == 0 { v3(1.0, 0.0, 0.0) } else { v3(-1.0, 0.0, 0.0) };
        Some(Spot { label: class::PAVEMENT, n: across, out: 0.0, ..low })
    }

    fn place(road: &Road, p: V3, t: f32) -> Spot {
        let d = p.x - road.shift(p.z);
        let side = usize::from(d >= 0.0);
        let out = d.abs() - road.kerb(side, p.z);
        Spot { p, n: UP, label: class::ROAD, t, side, d, out }
    }

    /// `px`: size of a sample across, metres.
    pub fn paint(&self, street: &Street, s: &Spot, px: f32) -> Paint {
        match s.label {
            class::ROAD => self.tar(street, s, px),
            class::TREE => self.lawn(s, px),
            _ => self.pavement(&street.road, s, px),
        }
    }

    /// A number that differs where one look a pixel would lose an edge: label, marking, kerb stone.
    pub fn tone(&self, street: &Street, s: &Spot) -> u32 {
        let edge = match s.label {
            class::ROAD => u32::from(self.lines.at(street, s).is_some()),
            _ => u32::from(s.out < 0.15) + u32::from(s.n.y < 0.5),
        };
        u32::from(s.label) * 4 + edge
    }

    fn lawn(&self, s: &Spot, px: f32) -> Paint {
        let fine = smooth(0.2, 0.02, px) * (value2(s.p.x * 22.0, s.p.z * 9.0, 4) - 0.5);
        let broad = fbm2(s.p.x * 0.7, s.p.z * 0.5, 3, self.seed);
        Paint::matt(self.grass.mix(v3(0.17, 0.15, 0.06), 0.5 * broad) * (0.8 + 0.4 * broad + 0.7 * fine))
    }

    fn pavement(&self, road: &Road, s: &Spot, px: f32) -> Paint {
        let near = smooth(0.10, 0.015, px);
        if s.n.y < 0.5 {
            let joint = (s.p.z / 0.9).fract() < 0.03;
            return Paint { open: 0.7, ..Paint::matt(self.stone * if joint { 0.6 } else { 0.8 }) };
        }
        if s.out < 0.15 {
            let joint = if (s.p.z / 0.9).rem_euclid(1.0) < 0.03 { 0.6 } else { 1.0 };
            let tone = 0.85 + 0.3 * hash2((s.p.z / 0.9).floor() as i32, 0, self.seed);
            return Paint::matt(self.stone * (1.0 + near * (joint * tone - 1.0)));
        }
        let (w, l) = if self.red_brick { (0.2, 0.1) } else { (0.6, 0.75) };
        let row = (s.out - 0.15) / w;
        let along = s.p.z / l + 0.5 * (row.floor() % 2.0);
        let tone = hash2(row.floor() as i32, along.floor() as i32, self.seed ^ 31) - 0.5;
        let joint = row.fract() < 0.02 / w || along.rem_euclid(1.0) < 0.02 / l;
        let dirt = fbm2(s.p.x * 0.9, s.p.z * 0.9, 2, self.seed);
        let base = if self.red_brick { v3(0.25, 0.14, 0.11) } else { self.slabs };
        let grain = value2(s.p.x * 31.0, s.p.z * 31.0, 8) - 0.5;
        let detail = near * (0.28 * tone + 0.2 * grain - if joint { 0.35 } else { 0.0 });
        let back = road.pave[s.side] - s.out;
        let open = 0.72 + 0.28 * smooth(-0.1, 0.9, back.abs());
        Paint { open, ..Paint::matt(base * (0.8 + 0.4 * dirt) * (1.0 + detail)) }
    }

    fn tar(&self, street: &Street, s: &Spot, px: f32) -> Paint {
        let (x, z) = (s.d, s.p.z);
        let near = smooth(0.12, 0.01, px);
        let grain = value2(x * 40.0, z * 40.0, 1) + value2(x * 17.0, z * 17.0, 2) - 1.0;
        let broad = fbm2(x * 0.5, z * 0.22, 2, self.seed) - 0.5;
        let track = ((x.abs() / street.road.lane - 0.5).abs() - 0.25) * 4.0;
        let worn = 0.10 * (1.0 - track * track).max(-1.0);
        let mut c = self.asphalt * (1.0 + 0.35 * broad + worn + 0.30 * near * grain) * self.patch(x, z);
        if near > 0.3 {
            let crack = (fbm2(x * 0.8, z * 0.8, 3, self.seed ^ 40) - 0.5).abs();
            c = c * (1.0 - 0.16 * (near - 0.3) * 1.4 * smooth(0.010, 0.003, crack));
        }
        if let Some(line) = self.lines.at(street, s) {
            let rub = value2(x * 9.0, z * 9.0, 6) * 0.6 + value2(x * 2.0, z * 2.0, 7) * 0.4;
            let keep = smooth(self.wear - 0.15, self.wear + 0.25, rub);
            c = c.mix(line, 0.25 + 0.65 * keep);
        }
        let gutter = smooth(-0.45, -0.05, s.out);
        Paint { open: 1.0 - 0.3 * gutter, ..Paint::matt(c * (1.0 - 0.25 * gutter)) }
    }

    /// Repairs in darker tar and manhole covers.
    fn patch(&self, x: f32, z: f32) -> f32 {
        let (i, j) = ((x / 3.0).floor() as i32, (z / 11.0).floor() as i32);
        let (u, v) = ((x / 3.0).rem_euclid(1.0), (z / 11.0).rem_euclid(1.0));
        let r = |k: u32| hash2(i, j, self.seed ^ k);
        if r(1) < 0.16 && u > 0.15 && u < 0.4 + 0.5 * r(2) && v > 0.1 && v < 0.3 + 0.6 * r(3) {
            return 0.78;
        }
        let hole = ((u - 0.5) * 3.0).hypot((v - 0.5) * 11.0);
        if r(4) < 0.14 && hole < 0.36 {
            return if hole > 0.31 || (x * 12.0).rem_euclid(1.0) < 0.3 { 0.45 } else { 0.65 };
        }
        1.0
    }
}
