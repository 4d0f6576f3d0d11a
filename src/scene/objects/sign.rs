//! Traffic signs, traffic lights and boards.

use super::super::mesh::{Mesh, class};
use super::super::noise::hash2;
use super::super::rng::Rng;
use super::super::skin::{Hit, Paint, Skin};
use super::super::vec::{Frame, V3, grey, v3};

/// What a plate shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Motif {
    /// White with a red ring and digits.
    Limit,
    /// Red with a white bar.
    NoEntry,
    /// Blue with a white arrow.
    Turn,
    /// White triangle with a red edge.
    Warning,
    /// A rectangle with lines of text, in this colour.
    Board(V3),
}

/// A plate facing `-frame.ahead`, its middle at `frame.at`.
#[derive(Clone, Copy, Debug)]
pub struct Face {
    frame: Frame,
    motif: Motif,
    /// Half width and half height.
    half: (f32, f32),
    seed: u32,
}

const RED: V3 = v3(0.48, 0.02, 0.03);
const BLUE: V3 = v3(0.02, 0.10, 0.38);
const WHITE: V3 = grey(0.76);

impl Motif {
    pub fn random(rng: &mut Rng) -> Self {
        let board = rng.pick(&[BLUE, WHITE, v3(0.03, 0.22, 0.10), v3(0.6, 0.45, 0.03), v3(0.35, 0.03, 0.03)]);
        rng.pick(&[Motif::Limit, Motif::NoEntry, Motif::Turn, Motif::Warning, Motif::Warning, Motif::Board(board)])
    }
}

impl Face {
    pub fn paint(&self, h: &Hit) -> Paint {
        let q = self.frame.local(h.p);
        let (x, y) = (q.x / self.half.0, q.y / self.half.1);
        if h.n.dot(self.frame.ahead) > 0.0 {
            return Paint::matt(grey(0.22));
        }
        let r = x.hypot(y);
        let colour = match self.motif {
            Motif::Limit if r > 0.74 => RED,
            Motif::Limit => self.digits(x, y),
            Motif::NoEntry if x.abs() < 0.7 && y.abs() < 0.17 => WHITE,
            Motif::NoEntry => RED,
            Motif::Turn if r > 0.92 || (x.abs() < 0.12 && y.abs() < 0.6) || arrow(x, y) => WHITE,
            Motif::Turn => BLUE,
            Motif::Warning => self.warning(x, y),
            Motif::Board(c) => self.text(c, x, y),
        };
        let glow = if h.night { colour * 0.22 } else { V3::default() };
        Paint::matt(colour).gloss(0.04).glow(glow)
    }

    fn digits(&self, x: f32, y: f32) -> V3 {
        let (dx, dy) = ((x.abs() - 0.28).abs(), y.abs());
        let ring = (dx / 0.2).hypot(dy / 0.36);
        if (0.65..1.05).contains(&ring) { grey(0.02) } else { WHITE }
    }

    fn warning(&self, x: f32, y: f32) -> V3 {
        let edge = (1.0 - y) * 0.5 - x.abs();
        if edge < 0.14 || y < -0.82 {
            RED
        } else if x.abs() < 0.09 && (-0.55..0.35).contains(&y) && !(-0.38..-0.25).contains(&y) {
            grey(0.02)
        } else {
            WHITE
        }
    }

    fn text(&self, c: V3, x: f32, y: f32) -> V3 {
        let ink = if c.mean() > 0.3 { grey(0.03) } else { WHITE };
        let (row, fy) = ((y * 3.0).floor(), (y * 3.0).rem_euclid(1.0));
        let letter = hash2((x * 8.0).floor() as i32, row as i32, self.seed);
        let border = x.abs() > 0.93 || y.abs() > 0.93;
        if border || (x.abs() < 0.8 && y.abs() < 0.85 && (0.3..0.75).contains(&fy) && letter > 0.35) { ink } else { c }
    }
}

fn arrow(x: f32, y: f32) -> bool {
    (0.2..0.65).contains(&y) && x.abs() < 0.65 - y
}

/// A plate of half size `size`, its middle at `f.at`, facing `-f.ahead`.
pub fn plate(mesh: &mut Mesh, f: &Frame, motif: Motif, size: f32, seed: u32) {
    let half = match motif {
        Motif::Board(_) => (size * (0.7 + 0.9 * hash2(1, 1, seed)), size * (0.7 + 0.7 * hash2(2, 1, seed))),
        _ => (size, size),
    };
    let skin = mesh.skin(Skin::Face(Face { frame: *f, motif, half, seed }));
    let at = |x: f32, y: f32| f.out(v3(x * half.0, y * half.1, -0.04));
    let outline: Vec<V3> = match motif {
        Motif::Warning => vec![at(-1.0, -1.0), at(1.0, -1.0), at(0.06, 1.0), at(-0.06, 1.0)],
        Motif::Board(_) => vec![at(-1.0, -1.0), at(1.0, -1.0), at(1.0, 1.0), at(-1.0, 1.0)],
        _ => (0..14).map(|k| (k as f32 * std::f32::consts::TAU / 14.0).sin_cos()).map(|(s, c)| at(c, s)).collect(),
    };
    mesh.poly(&outline, skin, class::SIGN);
}

/// A three-lamp signal head, its foot at `f.at`, facing `-f.ahead`. `state`: 0 red, 1 amber, 2 green.
pub fn signal(mesh: &mut Mesh, f: &Frame, state: usize) {
    let case = mesh.skin(Skin::Plain(grey(0.025), 0.1));
    let board = mesh.skin(Skin::Plain(grey(0.045), 0.0));
    mesh.block(f, v3(-0.27, -0.12, 0.0), v3(0.27, 1.14, 0.03), board, class::SIGN);
    mesh.block(f, v3(-0.15, 0.0, -0.18), v3(0.15, 1.02, 0.0), case, class::SIGN);
    let lamps = [v3(2.2, 0.10, 0.06), v3(2.0, 0.9, 0.08), v3(0.10, 2.0, 0.9)];
    for (k, colour) in lamps.into_iter().enumerate() {
        let lens = if k == state { Skin::Light(colour) } else { Skin::Plain(colour * 0.03, 0.0) };
        let skin = mesh.skin(lens);
        let y = 0.84 - 0.33 * k as f32;
        let disc: Vec<V3> = (0..10)
            .map(|i| (i as f32 * std::f32::consts::TAU / 10.0).sin_cos())
            .map(|(s, c)| f.out(v3(0.115 * c, y + 0.115 * s, -0.19)))
            .collect();
        mesh.poly(&disc, skin, class::SIGN);
    }
}
