//! The face of a house: bricks or render, windows, a door, or a shop at street level.

use super::super::noise::{fbm2, hash2, value2};
use super::super::skin::{Hit, Paint};
use super::super::vec::{Frame, V3, grey, smooth, v3};

/// What the wall is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wall {
    Brick,
    Render,
    Stone,
}

/// What is at street level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Street {
    /// A house with a door of this colour.
    Door(V3),
    /// A shop with a fascia of this colour.
    Shop(V3),
    /// Windows like above.
    Windows,
    /// No openings at all, on any storey.
    Blank,
}

/// Measures in metres; `frame.right` runs along the wall from its left end.
#[derive(Clone, Debug)]
pub struct Facade {
    pub frame: Frame,
    pub width: f32,
    pub height: f32,
    pub storey: f32,
    pub bays: f32,
    pub wall: Wall,
    pub colour: V3,
    pub trim: V3,
    pub street: Street,
    /// Window width and height.
    pub window: (f32, f32),
    /// Wide panes between bars, as offices have them.
    pub modern: bool,
    /// Share of windows lit at night.
    pub lit: f32,
    pub seed: u32,
}

impl Facade {
    pub fn paint(&self, h: &Hit) -> Paint {
        let q = self.frame.local(h.p);
        let (u, v) = (q.x, q.y);
        let mut paint = match self.street {
            Street::Blank => self.masonry(u, v, h),
            Street::Shop(c) if v < self.storey => self.shop(c, u, v, h),
            _ => self.storeys(u, v, h),
        };
        paint.open *= 0.55 + 0.45 * smooth(0.0, 4.5, v);
        paint
    }

    /// Whether the shop window is lit at night.
    pub fn shines(&self) -> bool {
        matches!(self.street, Street::Shop(_)) && hash2(6, 6, self.seed) < 0.75
    }

    /// The bare wall with its weathering.
    fn masonry(&self, u: f32, v: f32, h: &Hit) -> Paint {
        let stain = fbm2(u * 0.35 + 7.0, v * 0.25, 2, self.seed);
        let streak = value2(u * 3.0, v * 0.3, self.seed ^ 21);
        let mut c = self.colour * (0.78 + 0.36 * stain + 0.1 * streak);
        let (rows, cols) = match self.wall {
            Wall::Brick => (13.3, 4.4),
            Wall::Stone => (3.0, 1.6),
            Wall::Render => (0.0, 0.0),
        };
        if rows > 0.0 {
            let row = v * rows;
            let col = u * cols + 0.5 * (row.floor() % 2.0);
            let fade = smooth(0.9 / rows, 0.25 / rows, h.px);
            let tone = hash2(col.floor() as i32, row.floor() as i32, self.seed) - 0.5;
            let joint = row.fract() < 0.17 || col.fract() < 0.06;
            let rough = 0.34 * tone + if joint { 0.22 } else { -0.05 };
            c = c * (1.0 + fade * rough) + grey(if joint { 0.03 * fade } else { 0.0 });
        } else {
            c = c * (0.96 + 0.08 * value2(u * 11.0, v * 11.0, self.seed));
        }
        if v < 0.45 {
            c = c * 0.72;
        }
        Paint::matt(c)
    }

    fn storeys(&self, u: f32, v: f32, h: &Hit) -> Paint {
        let floor = (v / self.storey).floor();
        let top = (self.height / self.storey).round() - 1.0;
        if floor > top || v > self.height - 0.28 {
            let band = if v > self.height - 0.10 { 0.8 } else { 1.0 };
            return Paint::matt(self.trim * band * 0.85);
        }
        let bay = self.width / self.bays;
        let col = (u / bay).floor();
        let (x, y) = (u - (col + 0.5) * bay, v - floor * self.storey);
        let id = hash2(col as i32, floor as i32, self.seed ^ 99);
        if let (0.0, Street::Door(c)) = (floor, self.street)
            && col == self.door_bay()
        {
            return self.door(c, x, y).unwrap_or_else(|| self.masonry(u, v, h));
        }
        let sill = if self.modern { 0.7 } else { 0.85 };
        let (hw, hh) = (self.window.0 * 0.5, self.window.1);
        let y = y - sill;
        if x.abs() < hw && y > 0.0 && y < hh {
            return if self.modern { self.office(x + hw, y / hh, id, h) } else { self.pane(x / hw, y / hh, id, h) };
        }
        if !self.modern && x.abs() < hw + 0.1 && (-0.11..=0.0).contains(&y) {
            return Paint::matt(self.trim * 1.05);
        }
        if !self.modern && x.abs() < hw + 0.12 && y >= hh && y < hh + 0.22 {
            return Paint::matt(self.trim.mix(self.colour, 0.25) * 0.95);
        }
        let mut wall = self.masonry(u, v, h);
        if self.modern {
            return wall;
        }
        if x.abs() < hw && (-0.5..-0.11).contains(&y) {
            wall.colour = wall.colour * (0.72 + 0.28 * smooth(-0.11, -0.5, y));
        }
        if (u - 0.18).abs() < 0.05 {
            wall.colour = grey(0.05);
        }
        wall
    }

    pub fn door_bay(&self) -> f32 {
        (hash2(1, 2, self.seed) * self.bays).floor().min(self.bays - 1.0)
    }

    fn door(&self, c: V3, x: f32, y: f32) -> Option<Paint> {
        if x.abs() > 0.62 || y > 2.55 {
            return None;
        }
        if x.abs() > 0.5 || y > 2.45 {
            return Some(Paint::matt(self.trim));
        }
        if y > 2.05 {
            return Some(Paint::matt(grey(0.04)).gloss(0.3));
        }
        let panel = (x * 4.0).abs().fract() < 0.12 || (y * 1.6).fract() < 0.07;
        Some(Paint::matt(c * if panel { 0.6 } else { 1.0 }).gloss(0.05))
    }

    /// A sash window; `x` in -1..1, `y` in 0..1.
    fn pane(&self, x: f32, y: f32, id: f32, h: &Hit) -> Paint {
        let (ex, ey) = (0.075 / self.window.0 * 2.0, 0.075 / self.window.1);
        let bar = x.abs() < ex * 0.4 || (y - 0.5).abs() < ey * 0.5;
        if x.abs() > 1.0 - ex || !(ey..=1.0 - ey).contains(&y) || bar {
            let shade = 1.0 - 0.5 * smooth(0.85, 1.0, y);
            return Paint::matt(self.trim * 0.9 * shade);
        }
        let reveal = 1.0 - 0.7 * smooth(0.80, 0.97, y);
        let curtain = id > 0.35 && x.abs() > 0.35 + 0.4 * id || id > 0.8 && y > 0.55;
        let base = if curtain { v3(0.30, 0.28, 0.25) } else { v3(0.035, 0.04, 0.045) };
        let glass = Paint::matt(base * reveal).gloss(if curtain { 0.16 } else { 0.34 * reveal });
        if h.night && (id * 7.31).fract() < self.lit {
            let warm = v3(1.0, 0.66, 0.32).mix(v3(0.9, 0.85, 0.7), (id * 3.7).fract());
            let fall = 0.4 + 0.5 * y + if curtain { 0.1 } else { 0.0 };
            return glass.glow(warm * (0.85 * fall));
        }
        glass
    }

    /// Office glass; `x` in metres, `y` in 0..1.
    fn office(&self, x: f32, y: f32, id: f32, h: &Hit) -> Paint {
        let frame = (x / 1.1).fract() < 0.07 || !(0.04..=0.96).contains(&y);
        if frame || (y - 0.72).abs() < 0.02 {
            return Paint::matt(self.trim * 0.45);
        }
        let blind = y > 1.0 - 0.5 * (id * 5.3).fract();
        let base = if blind { v3(0.34, 0.34, 0.32) } else { v3(0.04, 0.05, 0.055) };
        let glass = Paint::matt(base).gloss(0.30);
        if h.night && (id * 7.31).fract() < 0.6 * self.lit {
            return glass.glow(v3(0.80, 0.72, 0.50) * if blind { 0.4 } else { 0.6 });
        }
        glass
    }

    fn shop(&self, c: V3, u: f32, v: f32, h: &Hit) -> Paint {
        let top = self.storey;
        if v > top - 0.12 {
            return Paint::matt(c * 0.6);
        }
        if v > top - 0.85 {
            return self.fascia(c, u, (v - top + 0.85) / 0.73, h);
        }
        if u < 0.3 || u > self.width - 0.3 {
            return Paint::matt(self.trim * 0.8);
        }
        let pane = (self.width - 0.6) / (self.width / 1.7).round().max(1.0);
        let x = ((u - 0.3) / pane).fract();
        let col = ((u - 0.3) / pane).floor();
        let is_door = col == (hash2(4, 4, self.seed) * (self.width / 1.7)).floor();
        if !(0.04..=0.96).contains(&x) || (v < 0.5 && !is_door) || (v - top + 1.25).abs() < 0.035 {
            return Paint::matt(c.mix(grey(0.2), 0.3) * 0.75);
        }
        let shade = 1.0 - 0.6 * smooth(top - 1.5, top - 0.9, v);
        let wares = hash2((u * 2.3).floor() as i32, (v * 1.9).floor() as i32, self.seed);
        let blur = fbm2(u * 1.2, v * 1.6, 2, self.seed ^ 5);
        let inside = v3(0.10, 0.09, 0.08).mix(v3(0.5 * wares, 0.3 * blur, 0.4 * (1.0 - wares)), 0.45 * blur);
        let glass = Paint::matt(inside * shade).gloss(0.22 * shade);
        if h.night && self.shines() {
            let warm = v3(1.0, 0.84, 0.58) + inside * 2.0;
            return glass.glow(warm * (0.30 + 0.45 * blur) * (0.6 + 0.4 * v / top));
        }
        glass
    }

    /// The board above a shop, with something like lettering.
    fn fascia(&self, c: V3, u: f32, y: f32, h: &Hit) -> Paint {
        let text = self.width * (0.22 + 0.15 * hash2(8, 8, self.seed));
        let x = u - self.width * 0.5;
        let mut paint = Paint::matt(c).gloss(0.04);
        if x.abs() < text && (0.25..0.75).contains(&y) && h.px < 0.25 {
            let (i, fx) = ((u * 3.4).floor() as i32, (u * 3.4).fract());
            let stroke = hash2((fx * 3.0) as i32, ((y - 0.25) * 8.0) as i32, self.seed ^ i as u32);
            if hash2(i, 0, self.seed) > 0.12 && fx < 0.82 && stroke > 0.42 {
                paint.colour = if c.mean() > 0.35 { grey(0.05) } else { v3(0.85, 0.82, 0.7) };
            }
        }
        if h.night {
            paint = paint.glow(paint.colour * 0.35);
        }
        paint
    }
}
