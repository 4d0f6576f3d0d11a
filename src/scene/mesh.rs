//! What objects are built of: triangles with a label and a skin.
//!
//! Round things (trunks, limbs, heads, leaf clusters) are flat pieces turned to the eye that carry a round normal.

use super::skin::Skin;
use super::vec::{Frame, V3, v3};

/// CamVid's class ids.
pub mod class {
    pub const SKY: u8 = 0;
    pub const BUILDING: u8 = 1;
    pub const POLE: u8 = 2;
    pub const ROAD: u8 = 3;
    pub const PAVEMENT: u8 = 4;
    pub const TREE: u8 = 5;
    pub const SIGN: u8 = 6;
    pub const FENCE: u8 = 7;
    pub const CAR: u8 = 8;
    pub const PEDESTRIAN: u8 = 9;
    pub const BICYCLIST: u8 = 10;
    pub const VOID: u8 = 11;
}

/// How a triangle's two coordinates `a`, `b` are meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// Barycentric; `n` holds the three corner normals.
    Face,
    /// `a` in -1..1 across; `n` holds the across and the eye direction.
    Limb,
    /// Both in -1..1; `n` holds right, up, eye. Cut to a ragged disc with holes; `f32` is how leafy, 0 to 1.
    Leaves(f32, u32),
    /// Both in -1..1, cut to a smooth disc.
    Ball,
    /// Metres along and up a railing: cut to bars. Its gaps carry its label, as annotators outline railings.
    Bars,
}

#[derive(Clone, Copy, Debug)]
pub struct Tri {
    pub p: [V3; 3],
    pub ab: [(f32, f32); 3],
    pub n: [V3; 3],
    pub form: Form,
    pub skin: u32,
    pub label: u8,
}

/// A soft dark patch on the ground where something stands, or with negative strength a pool of light: half extents
/// along two axes.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    pub at: V3,
    pub right: V3,
    pub ahead: V3,
    pub strength: f32,
}

/// All that stands in front of the camera at one time.
#[derive(Debug, Default)]
pub struct Mesh {
    pub tris: Vec<Tri>,
    pub skins: Vec<Skin>,
    pub contacts: Vec<Contact>,
    /// The eye, for the pieces that turn towards it.
    pub eye: V3,
    /// Half a pixel at one metre: the least radius at which a pole still shows.
    pub thin: f32,
    /// Lamps are lit.
    pub night: bool,
}

const CORNERS: [(f32, f32); 3] = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)];

impl Mesh {
    pub fn new(eye: V3, thin: f32, night: bool) -> Self {
        Mesh { eye, thin, night, ..Mesh::default() }
    }

    /// Keeps a skin; the number names it in the calls below.
    pub fn skin(&mut self, skin: Skin) -> u32 {
        self.skins.push(skin);
        (self.skins.len() - 1) as u32
    }

    pub fn tri(&mut self, p: [V3; 3], n: [V3; 3], skin: u32, label: u8) {
        self.tris.push(Tri { p, ab: CORNERS, n, form: Form::Face, skin, label });
    }

    /// All triangles, the nearest first by this distance: what they hide then costs little.
    pub fn order(&self, distance: impl Fn(V3) -> f32) -> Vec<u32> {
        let key = |t: &Tri| distance(t.p[0]) + distance(t.p[2]);
        let mut order: Vec<(f32, u32)> = self.tris.iter().map(key).zip(0..).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.into_iter().map(|o| o.1).collect()
    }

    /// A flat convex polygon; its normal is turned to the eye.
    pub fn poly(&mut self, p: &[V3], skin: u32, label: u8) {
        let [a, b, c, ..] = *p else { return };
        let mut n = (b - a).cross(c - a).unit();
        if n.dot(self.eye - a) < 0.0 {
            n = -n;
        }
        for w in p[1..].windows(2) {
            self.tri([a, w[0], w[1]], [n; 3], skin, label);
        }
    }

    /// A quad whose corners have their own normals.
    pub fn smooth_quad(&mut self, p: [V3; 4], n: [V3; 4], skin: u32, label: u8) {
        self.tri([p[0], p[1], p[2]], [n[0], n[1], n[2]], skin, label);
        self.tri([p[0], p[2], p[3]], [n[0], n[2], n[3]], skin, label);
    }

    fn quad_as(&mut self, p: [V3; 4], ab: [(f32, f32); 4], n: [V3; 3], form: Form, skin: u32, label: u8) {
        for [i, j, k] in [[0, 1, 2], [0, 2, 3]] {
            let (p, ab) = ([p[i], p[j], p[k]], [ab[i], ab[j], ab[k]]);
            self.tris.push(Tri { p, ab, n, form, skin, label });
        }
    }

    /// A round rod from `a` to `b` with a radius at each end.
    pub fn limb(&mut self, a: V3, b: V3, radii: (f32, f32), skin: u32, label: u8) {
        let mid = (a + b) * 0.5;
        let eye = self.eye - mid;
        let least = eye.len() * self.thin;
        let (ra, rb) = (radii.0.max(least), radii.1.max(least));
        let across = (b - a).cross(eye).unit();
        let toward = across.cross(b - a).unit();
        let p = [a - across * ra, a + across * ra, b + across * rb, b - across * rb];
        let ab = [(-1.0, 0.0), (1.0, 0.0), (1.0, 1.0), (-1.0, 1.0)];
        self.quad_as(p, ab, [across, toward, (b - a).unit()], Form::Limb, skin, label);
    }

    /// A ball, or with `form` a leaf cluster, of half sizes `r` across and up.
    pub fn ball(&mut self, at: V3, r: (f32, f32), form: Form, skin: u32, label: u8) {
        let toward = (self.eye - at).unit();
        let right = v3(0.0, 1.0, 0.0).cross(toward).unit();
        let up = toward.cross(right);
        let (x, y) = (right * r.0, up * r.1);
        let p = [at - x - y, at + x - y, at + x + y, at - x + y];
        let ab = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
        self.quad_as(p, ab, [right, up, toward], form, skin, label);
    }

    /// An upright railing from `a` to `b`, `height` high.
    pub fn railing(&mut self, a: V3, b: V3, height: f32, skin: u32, label: u8) {
        let (l, up) = ((b - a).len(), v3(0.0, height, 0.0));
        let mut n = (b - a).cross(up).unit();
        if n.dot(self.eye - a) < 0.0 {
            n = -n;
        }
        let ab = [(0.0, 0.0), (l, 0.0), (l, height), (0.0, height)];
        self.quad_as([a, b, b + up, a + up], ab, [n; 3], Form::Bars, skin, label);
    }

    /// A box from its frame: `lo` and `hi` corners in object coordinates. Faces turned away are left out.
    pub fn block(&mut self, f: &Frame, lo: V3, hi: V3, skin: u32, label: u8) {
        let eye = f.local(self.eye);
        let q = |x, y, z| f.out(v3(x, y, z));
        let (l, h) = (lo, hi);
        if eye.z < l.z {
            self.poly(&[q(l.x, l.y, l.z), q(h.x, l.y, l.z), q(h.x, h.y, l.z), q(l.x, h.y, l.z)], skin, label);
        }
        if eye.z > h.z {
            self.poly(&[q(l.x, l.y, h.z), q(h.x, l.y, h.z), q(h.x, h.y, h.z), q(l.x, h.y, h.z)], skin, label);
        }
        if eye.x < l.x {
            self.poly(&[q(l.x, l.y, l.z), q(l.x, l.y, h.z), q(l.x, h.y, h.z), q(l.x, h.y, l.z)], skin, label);
        }
        if eye.x > h.x {
            self.poly(&[q(h.x, l.y, l.z), q(h.x, l.y, h.z), q(h.x, h.y, h.z), q(h.x, h.y, l.z)], skin, label);
        }
        if eye.y > h.y {
            self.poly(&[q(l.x, h.y, l.z), q(h.x, h.y, l.z), q(h.x, h.y, h.z), q(l.x, h.y, h.z)], skin, label);
        }
        if eye.y < l.y {
            self.poly(&[q(l.x, l.y, l.z), q(h.x, l.y, l.z), q(h.x, l.y, h.z), q(l.x, l.y, h.z)], skin, label);
        }
    }

    /// A pool of lamplight on the ground, `gain` times the light there is; nothing by day.
    pub fn pool(&mut self, f: &Frame, half: (f32, f32), gain: f32) {
        if self.night {
            self.contact(f, half, -gain);
        }
    }

    /// A dark patch on the ground under a footprint.
    pub fn contact(&mut self, f: &Frame, half: (f32, f32), strength: f32) {
        self.contacts.push(Contact { at: f.at, right: f.right * half.0, ahead: f.ahead * half.1, strength });
    }
}
