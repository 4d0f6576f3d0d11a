//! Triangles to samples: which triangle is nearest at every sample, and where on it.

use super::camera::Camera;
use super::mesh::{Contact, Form, Mesh, Tri};
use super::noise::value2;
use super::vec::V3;

/// No triangle here: ground or sky.
pub const NONE: u32 = u32::MAX;
/// Nothing nearer than this is drawn, metres.
const NEAR: f32 = 0.25;

/// What is seen at a sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// One over the depth.
    pub d: f32,
    pub tri: u32,
    pub a: f32,
    pub b: f32,
}

/// A see-through outline (railing, bare crown) in front of the sample: it owns the label, not the colour.
#[derive(Clone, Copy, Debug, Default)]
pub struct Veil {
    pub d: f32,
    pub label: u8,
}

/// Samples of one picture.
#[derive(Debug)]
pub struct Buffer {
    pub size: (usize, usize),
    pub samples: Vec<Sample>,
    pub veils: Vec<Veil>,
    /// Light on the ground: below 1 under things, above 1 under lamps.
    pub open: Vec<f32>,
}

/// A corner in image coordinates with depth-like `d`; `a`, `b` vary evenly over the image as well.
#[derive(Clone, Copy, Debug, Default)]
pub struct Corner {
    pub x: f32,
    pub y: f32,
    pub d: f32,
    pub a: f32,
    pub b: f32,
}

impl Buffer {
    pub fn new(size: (usize, usize)) -> Self {
        let n = size.0 * size.1;
        Buffer {
            size,
            samples: vec![Sample { d: 0.0, tri: NONE, a: 0.0, b: 0.0 }; n],
            veils: vec![Veil::default(); n],
            open: vec![1.0; n],
        }
    }

    /// Draws all triangles, then the contact shadows on what ground is left.
    pub fn draw(&mut self, mesh: &Mesh, camera: &Camera) {
        for i in mesh.order(|p| camera.depth(p)) {
            let t = &mesh.tris[i as usize];
            let corners = [0, 1, 2].map(|k| (t.p[k], t.ab[k].0, t.ab[k].1));
            clip(&corners, camera, |c| self.fill(c, t, i));
        }
        for c in &mesh.contacts {
            self.darken(c, camera);
        }
    }

    fn fill(&mut self, c: [Corner; 3], t: &Tri, index: u32) {
        let (samples, veils) = (&mut self.samples, &mut self.veils);
        scan(c, self.size, |at, d, pa, pb| {
            let s = &mut samples[at];
            if d <= s.d {
                return;
            }
            let (a, b) = (pa / d, pb / d);
            match cut(t.form, a, b) {
                Cut::Keep => *s = Sample { d, tri: index, a, b },
                Cut::Veil if d > veils[at].d => veils[at] = Veil { d, label: t.label },
                Cut::Veil | Cut::Drop => {}
            }
        });
    }

    fn darken(&mut self, c: &Contact, camera: &Camera) {
        let corner = |a: f32, b: f32| (c.at + c.right * a + c.ahead * b, a, b);
        let q = [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
        let (samples, open) = (&self.samples, &mut self.open);
        for k in [[q[0], q[1], q[2]], [q[0], q[2], q[3]]] {
            clip(&k, camera, |t| {
                scan(t, self.size, |at, d, pa, pb| {
                    if samples[at].tri == NONE {
                        let (a, b) = (pa / d, pb / d);
                        let edge = (1.0 - a * a).max(0.0) * (1.0 - b * b).max(0.0);
                        let o = &mut open[at];
                        if c.strength > 0.0 {
                            *o *= 1.0 - c.strength * edge.sqrt().min(1.0);
                        } else {
                            *o -= c.strength * edge;
                        }
                    }
                });
            });
        }
    }
}

/// What becomes of a sample inside a triangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    Keep,
    Veil,
    Drop,
}

/// The shape within the triangle: discs, leaves, bars.
pub fn cut(form: Form, a: f32, b: f32) -> Cut {
    match form {
        Form::Face | Form::Limb => Cut::Keep,
        Form::Ball if a * a + b * b < 1.0 => Cut::Keep,
        Form::Ball => Cut::Drop,
        Form::Leaves(leafy, seed) => leaves(leafy, seed, a, b),
        Form::Bars => bars(a, b),
    }
}

fn leaves(leafy: f32, seed: u32, a: f32, b: f32) -> Cut {
    let r = (a * a + b * b).sqrt();
    if r > 1.0 {
        return Cut::Drop;
    }
    let coarse = value2(a * 3.5 + 9.0, b * 3.5 + 9.0, seed);
    if r + 0.5 * coarse > 1.23 {
        return Cut::Drop;
    }
    let fine = value2(a * 13.0 + 40.0, b * 13.0 + 40.0, seed ^ 77);
    let reach = r + 0.5 * (coarse - 0.35) + 0.35 * (fine - 0.5);
    if reach > 0.88 {
        Cut::Drop
    } else if leafy < 0.5 {
        twigs(leafy, seed, a, b)
    } else if fine < leafy + 0.5 * (0.6 - reach).max(-0.25) {
        Cut::Keep
    } else {
        Cut::Veil
    }
}

/// Thin winding lines: where smooth noise crosses its middle.
fn twigs(leafy: f32, seed: u32, a: f32, b: f32) -> Cut {
    let ridge = |k: f32, s: u32| (value2(a * k + 20.0, b * k + 20.0, seed ^ s) - 0.5).abs();
    let near = ridge(6.0, 1).min(ridge(9.0, 2));
    if near < leafy * 0.17 { Cut::Keep } else { Cut::Veil }
}

fn bars(a: f32, b: f32) -> Cut {
    let across = (a * 8.0).fract();
    let post = (a * 0.5).fract();
    if !(0.16..=0.84).contains(&across) || post < 0.035 || (0.05..0.12).contains(&b) || (0.9..0.99).contains(&b) {
        Cut::Keep
    } else {
        Cut::Veil
    }
}

/// Cuts off what lies behind the near plane and projects the rest, as triangles.
fn clip(p: &[(V3, f32, f32); 3], camera: &Camera, mut emit: impl FnMut([Corner; 3])) {
    let z = p.map(|q| camera.depth(q.0));
    if z.iter().all(|&z| z < NEAR) {
        return;
    }
    let mut out = [Corner::default(); 4];
    let mut n = 0;
    let mut push = |q: (V3, f32, f32)| {
        let s = camera.project(q.0);
        if let Some(slot) = out.get_mut(n) {
            *slot = Corner { x: s.x, y: s.y, d: s.d, a: q.1 * s.d, b: q.2 * s.d };
            n += 1;
        }
    };
    for i in 0..3 {
        let j = (i + 1) % 3;
        if z[i] >= NEAR {
            push(p[i]);
        }
        if (z[i] >= NEAR) != (z[j] >= NEAR) {
            let t = (NEAR - z[i]) / (z[j] - z[i]);
            let mix = |a: f32, b: f32| a + (b - a) * t;
            push((p[i].0.mix(p[j].0, t), mix(p[i].1, p[j].1), mix(p[i].2, p[j].2)));
        }
    }
    if n >= 3 {
        emit([out[0], out[1], out[2]]);
    }
    if n == 4 {
        emit([out[0], out[2], out[3]]);
    }
}

/// Calls `f(index, d, a, b)` for every sample whose centre lies inside the triangle.
pub fn scan(c: [Corner; 3], size: (usize, usize), mut f: impl FnMut(usize, f32, f32, f32)) {
    let area = (c[1].x - c[0].x) * (c[2].y - c[0].y) - (c[2].x - c[0].x) * (c[1].y - c[0].y);
    if area.abs() < 1e-9 || !area.is_finite() {
        return;
    }
    let rows = cover(c.map(|p| p.y), size.1);
    if rows.is_empty() || cover(c.map(|p| p.x), size.0).is_empty() {
        return;
    }
    let slope = |v: [f32; 3]| {
        let (e, g) = (v[1] - v[0], v[2] - v[0]);
        let dx = (e * (c[2].y - c[0].y) - g * (c[1].y - c[0].y)) / area;
        let dy = (g * (c[1].x - c[0].x) - e * (c[2].x - c[0].x)) / area;
        (v[0] - dx * c[0].x - dy * c[0].y, dx, dy)
    };
    let (d, a, b) = (slope(c.map(|p| p.d)), slope(c.map(|p| p.a)), slope(c.map(|p| p.b)));
    for row in rows {
        let y = row as f32 + 0.5;
        let (lo, hi) = span(&c, y);
        let from = |s: (f32, f32, f32)| s.0 + s.2 * y;
        let (d0, a0, b0) = (from(d), from(a), from(b));
        for col in (lo + 0.5) as usize..((hi + 0.5) as usize).min(size.0) {
            let x = col as f32 + 0.5;
            f(row * size.0 + col, d0 + d.1 * x, a0 + a.1 * x, b0 + b.1 * x);
        }
    }
}

/// The cells of 0..n whose centres lie between the least and the greatest of `v`.
fn cover(v: [f32; 3], n: usize) -> std::ops::Range<usize> {
    let (lo, hi) = (v[0].min(v[1]).min(v[2]), v[0].max(v[1]).max(v[2]));
    // A cast cuts negative numbers to 0 and towards zero else: a floor without a library call.
    (lo + 0.5) as usize..((hi + 0.5) as usize).min(n)
}

/// Where a row enters and leaves the triangle.
fn span(c: &[Corner; 3], y: f32) -> (f32, f32) {
    let (mut lo, mut hi) = (f32::MAX, f32::MIN);
    for (p, q) in [(&c[0], &c[1]), (&c[1], &c[2]), (&c[2], &c[0])] {
        let (p, q) = if p.y <= q.y { (p, q) } else { (q, p) };
        if p.y <= y && y < q.y {
            let x = p.x + (q.x - p.x) * (y - p.y) / (q.y - p.y);
            (lo, hi) = (lo.min(x), hi.max(x));
        }
    }
    (lo, hi)
}
