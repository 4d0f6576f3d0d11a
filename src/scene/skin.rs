//! What surfaces look like, point by point: colour, glow and gloss, before any light falls on them.

use super::noise::{fbm2, value2};
use super::objects::coachwork::Coachwork;
use super::objects::facade::Facade;
use super::objects::sign::Face;
use super::objects::wheel::Rim;
use super::vec::{Frame, V3, smooth};

/// A point on a surface, as the painter sees it.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    /// World position and unit normal.
    pub p: V3,
    pub n: V3,
    /// The triangle's own coordinates.
    pub a: f32,
    pub b: f32,
    /// Size of a sample on the surface, metres: patterns finer than this are left out.
    pub px: f32,
    pub night: bool,
}

/// The answer.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    pub colour: V3,
    /// Own light.
    pub glow: V3,
    /// Share of the surroundings mirrored when seen head-on, 0 to 1.
    pub gloss: f32,
    /// Share of the sky that reaches the point, 0 to 1.
    pub open: f32,
}

impl Paint {
    pub fn matt(colour: V3) -> Self {
        Paint { colour, glow: V3::default(), gloss: 0.0, open: 1.0 }
    }

    pub fn gloss(self, gloss: f32) -> Self {
        Paint { gloss, ..self }
    }

    pub fn glow(self, glow: V3) -> Self {
        Paint { glow, ..self }
    }
}

/// A kind of surface with its parameters.
#[derive(Clone, Debug)]
pub enum Skin {
    /// One colour with grain of this strength.
    Plain(V3, f32),
    /// Shiny lacquered metal.
    Metal(V3),
    /// A lamp: its colour, and the glow when lit at night.
    Lamp(V3, V3),
    /// A light that is always on.
    Light(V3),
    /// Fabric with folds.
    Cloth(V3, u32),
    /// Head: skin below and hair above.
    Head(V3, V3),
    Bark(V3),
    /// Foliage and how much light its own leaves take from it.
    Leaves(V3, u32),
    Roof(V3, Frame),
    Facade(Box<Facade>),
    Coachwork(Box<Coachwork>),
    Rim(Rim),
    Face(Face),
}

impl Skin {
    pub fn paint(&self, h: &Hit) -> Paint {
        match self {
            Skin::Plain(c, grain) => Paint::matt(*c * (1.0 + grain * (speckle(h) - 0.5))),
            Skin::Metal(c) => Paint::matt(*c).gloss(0.12),
            Skin::Lamp(c, g) => Paint::matt(*c).glow(if h.night { *g } else { V3::default() }),
            Skin::Light(c) => Paint::matt(*c).glow(*c),
            Skin::Cloth(c, seed) => {
                Paint::matt(*c * (0.72 + 0.5 * value2(h.p.y * 9.0 + h.a * 2.0, h.a * 3.0 + h.p.x, *seed)))
            }
            Skin::Head(face, hair) => head(*face, *hair, h),
            Skin::Bark(c) => Paint::matt(*c * (0.6 + 0.7 * value2(h.a * 4.0 + h.p.x, h.p.y * 3.0, 5))),
            Skin::Leaves(c, seed) => leaves(*c, *seed, h),
            Skin::Roof(c, f) => roof(*c, f, h),
            Skin::Facade(f) => f.paint(h),
            Skin::Coachwork(c) => c.paint(h),
            Skin::Rim(r) => r.paint(h),
            Skin::Face(f) => f.paint(h),
        }
    }

    /// Whether one look a pixel is enough: the surface has no hard edges of its own.
    pub fn is_soft(&self) -> bool {
        !matches!(self, Skin::Facade(_) | Skin::Coachwork(_) | Skin::Rim(_) | Skin::Face(_))
    }
}

fn speckle(h: &Hit) -> f32 {
    value2((h.p.x + h.p.z) * 7.0, h.p.y * 7.0 + h.p.z, 3)
}

fn head(face: V3, hair: V3, h: &Hit) -> Paint {
    let line = 0.15 + 0.5 * h.a * h.a;
    Paint::matt(if h.b > line { hair } else { face })
}

fn leaves(c: V3, seed: u32, h: &Hit) -> Paint {
    let fine = value2(h.a * 9.0 + 3.0, h.b * 9.0, seed);
    let clump = value2(h.a * 3.0 + 8.0, h.b * 3.0, seed ^ 3);
    let depth = 0.35 + 0.5 * fine + 0.5 * clump + 0.18 * h.b;
    let warm = V3 { x: 1.0 + 0.25 * (clump - 0.5), y: 1.0, z: 1.0 - 0.3 * (fine - 0.5) };
    Paint { open: 0.75 + 0.25 * h.b, ..Paint::matt(c.tint(warm) * depth) }
}

fn roof(c: V3, f: &Frame, h: &Hit) -> Paint {
    let q = f.local(h.p);
    let row = q.y * 4.5;
    let step = smooth(0.0, 0.3, row.fract());
    let tile = value2((q.x * 4.0).floor() + 0.5 * row.floor(), row.floor() * 1.7, 11);
    let fade = smooth(0.25, 0.04, h.px);
    let weather = 0.75 + 0.5 * fbm2(q.x * 0.6, q.y * 0.9, 2, 17);
    Paint::matt(c * weather * (1.0 + fade * (0.35 * (tile - 0.5) - 0.25 * (1.0 - step))))
}
