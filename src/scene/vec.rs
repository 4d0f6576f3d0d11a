//! Three numbers: a point in metres, a direction, or a linear-light colour.

use std::ops::{Add, Mul, Neg, Sub};

/// `x` to the right of the street, `y` up, `z` along it; or red, green, blue.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct V3 {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

/// Shorthand constructor.
pub const fn v3(x: f32, y: f32, z: f32) -> V3 {
    V3 { x, y, z }
}

/// A grey of this lightness.
pub const fn grey(l: f32) -> V3 {
    v3(l, l, l)
}

pub const UP: V3 = v3(0.0, 1.0, 0.0);

impl V3 {
    pub fn dot(self, o: V3) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    pub fn cross(self, o: V3) -> V3 {
        v3(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)
    }

    pub fn len(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Unit length; the zero vector stays as it is.
    pub fn unit(self) -> V3 {
        let l = self.len();
        if l > 1e-9 { self * (1.0 / l) } else { self }
    }

    /// Component by component, as light on a surface colour.
    pub fn tint(self, o: V3) -> V3 {
        v3(self.x * o.x, self.y * o.y, self.z * o.z)
    }

    pub fn mix(self, o: V3, t: f32) -> V3 {
        self + (o - self) * t
    }

    /// Mean of the three components.
    pub fn mean(self) -> f32 {
        (self.x + self.y + self.z) * (1.0 / 3.0)
    }
}

impl Add for V3 {
    type Output = V3;
    fn add(self, o: V3) -> V3 {
        v3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl Sub for V3 {
    type Output = V3;
    fn sub(self, o: V3) -> V3 {
        v3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for V3 {
    type Output = V3;
    fn mul(self, k: f32) -> V3 {
        v3(self.x * k, self.y * k, self.z * k)
    }
}

impl Neg for V3 {
    type Output = V3;
    fn neg(self) -> V3 {
        self * -1.0
    }
}

/// 0 below `a`, 1 above `b`, smooth between.
pub fn smooth(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A right-handed place to stand: everything of an object is measured from here.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub at: V3,
    pub right: V3,
    pub ahead: V3,
}

impl Frame {
    /// Upright at `at`, looking along `yaw` radians to the right of the street's direction.
    pub fn new(at: V3, yaw: f32) -> Self {
        let (s, c) = yaw.sin_cos();
        Frame { at, right: v3(c, 0.0, -s), ahead: v3(s, 0.0, c) }
    }

    /// From object to world coordinates.
    pub fn out(&self, p: V3) -> V3 {
        self.at + self.right * p.x + UP * p.y + self.ahead * p.z
    }

    /// A direction from object to world coordinates.
    pub fn turn(&self, p: V3) -> V3 {
        self.right * p.x + UP * p.y + self.ahead * p.z
    }

    /// From world to object coordinates.
    pub fn local(&self, p: V3) -> V3 {
        let q = p - self.at;
        v3(q.dot(self.right), q.y, q.dot(self.ahead))
    }
}
