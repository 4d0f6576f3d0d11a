//! What the sun does not reach: a depth map drawn from the sun's side.

use super::mesh::Mesh;
use super::raster::{Corner, Cut, cut, scan};
use super::vec::{V3, v3};

/// A square of ground in front of the camera, seen from the sun.
#[derive(Debug)]
pub struct Shadow {
    depth: Vec<f32>,
    n: usize,
    centre: V3,
    right: V3,
    up: V3,
    sun: V3,
    /// Texels a metre.
    scale: f32,
}

impl Shadow {
    /// `reach`: half the side, metres; `n`: texels a side; `sun`: unit direction towards the sun.
    pub fn draw(mesh: &Mesh, sun: V3, centre: V3, reach: f32, n: usize) -> Self {
        let right = sun.cross(v3(0.0, 0.0, 1.0)).unit();
        let up = right.cross(sun);
        let scale = n as f32 / (2.0 * reach);
        // On the grid of texels, so that shadows do not crawl as the camera moves.
        let snap = |axis: V3| axis * ((centre.dot(axis) * scale).round() / scale);
        let centre = snap(right) + snap(up) + sun * centre.dot(sun);
        let mut s = Shadow { depth: vec![-1e9; n * n], n, centre, right, up, sun, scale };
        for i in mesh.order(|p| -p.dot(sun)) {
            let t = &mesh.tris[i as usize];
            let corners = [0, 1, 2].map(|k| {
                let (x, y, d) = s.place(t.p[k]);
                Corner { x, y, d, a: t.ab[k].0, b: t.ab[k].1 }
            });
            let depth = &mut s.depth;
            scan(corners, (n, n), |at, d, a, b| {
                if d > depth[at] && cut(t.form, a, b) == Cut::Keep {
                    depth[at] = d;
                }
            });
        }
        s
    }

    fn place(&self, p: V3) -> (f32, f32, f32) {
        let q = p - self.centre;
        let half = self.n as f32 * 0.5;
        (half + q.dot(self.right) * self.scale, half - q.dot(self.up) * self.scale, q.dot(self.sun))
    }

    /// 0 in shadow to 1 in the sun; `None` outside the map.
    pub fn light(&self, p: V3, n: V3) -> Option<f32> {
        let (x, y, d) = self.place(p + n * (1.2 / self.scale));
        let (x, y) = (x - 0.5, y - 0.5);
        let edge = (self.n - 2) as f32;
        if !(x >= 0.0 && y >= 0.0 && x < edge && y < edge) {
            return None;
        }
        let (i, j) = (x as usize, y as usize);
        let (tx, ty) = (x - i as f32, y - j as f32);
        let d = d + 0.4 / self.scale;
        let lit = |k: usize| if self.depth[k] > d { 0.0 } else { 1.0 };
        let k = j * self.n + i;
        let top = lit(k) * (1.0 - tx) + lit(k + 1) * tx;
        let bottom = lit(k + self.n) * (1.0 - tx) + lit(k + self.n + 1) * tx;
        Some(top * (1.0 - ty) + bottom * ty)
    }
}
