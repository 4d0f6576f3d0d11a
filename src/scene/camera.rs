//! The camera behind the windscreen: where it is at a time, and how it projects.

use super::vec::{UP, V3, v3};

/// A pinhole camera; pixels count from the top left corner.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    pub at: V3,
    right: V3,
    up: V3,
    ahead: V3,
    /// Focal length in pixels.
    pub focal: f32,
    cx: f32,
    cy: f32,
}

/// A point on the image: `d` is one over the depth, so nearer is greater.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spot {
    pub x: f32,
    pub y: f32,
    pub d: f32,
}

impl Camera {
    /// `yaw` to the right, `pitch` up, `roll` clockwise, in radians; `focal` in image widths.
    pub fn new(at: V3, angles: V3, focal: f32, size: (usize, usize)) -> Self {
        let (yaw, pitch, roll) = (angles.x, angles.y, angles.z);
        let flat = v3(yaw.sin(), 0.0, yaw.cos());
        let side = v3(flat.z, 0.0, -flat.x);
        let ahead = flat * pitch.cos() + UP * pitch.sin();
        let above = UP * pitch.cos() - flat * pitch.sin();
        let right = side * roll.cos() - above * roll.sin();
        let up = above * roll.cos() + side * roll.sin();
        let (w, h) = (size.0 as f32, size.1 as f32);
        Camera { at, right, up, ahead, focal: focal * w, cx: w * 0.5, cy: h * 0.5 }
    }

    /// Depth along the optical axis, metres.
    pub fn depth(&self, p: V3) -> f32 {
        (p - self.at).dot(self.ahead)
    }

    /// Where a point in front of the camera lands.
    pub fn project(&self, p: V3) -> Spot {
        let q = p - self.at;
        let d = 1.0 / q.dot(self.ahead).max(1e-3);
        Spot { x: self.cx + q.dot(self.right) * d * self.focal, y: self.cy - q.dot(self.up) * d * self.focal, d }
    }

    /// Direction through an image point, with depth one: `at + ray * depth` lies on it.
    pub fn ray(&self, x: f32, y: f32) -> V3 {
        self.ahead + self.right * ((x - self.cx) / self.focal) + self.up * ((self.cy - y) / self.focal)
    }
}
