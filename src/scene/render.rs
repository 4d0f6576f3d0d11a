//! From samples to light: every pixel's colour from four samples, its label from their majority.

use super::camera::Camera;
use super::ground::{Ground, Spot};
use super::light::Rig;
use super::mesh::{Form, Mesh, Tri, class};
use super::raster::{Buffer, NONE, Sample};
use super::shadow::Shadow;
use super::skin::{Hit, Paint};
use super::street::Street;
use super::vec::{V3, v3};

/// All that is needed to look into one moment.
pub struct View<'a> {
    pub street: &'a Street,
    pub ground: &'a Ground,
    pub rig: &'a Rig,
    pub camera: &'a Camera,
    pub mesh: &'a Mesh,
    /// Nearest first; empty without sun.
    pub shadows: &'a [Shadow],
    pub buffer: &'a Buffer,
}

/// What a lamp adds to the ground below it.
const LAMPLIGHT: V3 = v3(0.30, 0.24, 0.17);

/// What a sample shows.
#[derive(Clone, Copy)]
enum Seen {
    Sky,
    Ground(Spot),
    Thing(u32),
}

impl View<'_> {
    /// Light and label of a pixel; the buffer holds two by two samples for each.
    pub fn pixel(&self, x: usize, y: usize) -> (V3, u8) {
        let w = self.buffer.size.0;
        let mut seen = [Seen::Sky; 4];
        let mut labels = [0u8; 4];
        for k in 0..4 {
            let (sx, sy) = (2 * x + k % 2, 2 * y + k / 2);
            let at = sy * w + sx;
            seen[k] = self.see(at, self.camera.ray(sx as f32 + 0.5, sy as f32 + 0.5));
            labels[k] = self.label(at, &seen[k]);
        }
        (self.colour(x, y, &seen), majority(labels))
    }

    fn see(&self, at: usize, ray: V3) -> Seen {
        match self.buffer.samples[at].tri {
            NONE => self.ground.meet(&self.street.road, self.camera.at, ray).map_or(Seen::Sky, Seen::Ground),
            tri => Seen::Thing(tri),
        }
    }

    fn label(&self, at: usize, seen: &Seen) -> u8 {
        let veil = self.buffer.veils[at];
        if veil.d > self.buffer.samples[at].d {
            return veil.label;
        }
        match seen {
            Seen::Sky => class::SKY,
            Seen::Ground(s) => s.label,
            Seen::Thing(t) => self.mesh.tris[*t as usize].label,
        }
    }

    /// Mean of the four samples. Where all show one thing, one look (soft) or two (detailed) must do.
    fn colour(&self, x: usize, y: usize, seen: &[Seen; 4]) -> V3 {
        let shade = |k: usize| self.shade(2 * x + k % 2, 2 * y + k / 2, &seen[k]);
        let keys = seen.map(|s| self.key(&s));
        if keys[1..].iter().all(|k| *k == keys[0]) {
            return match keys[0] {
                (_, true) => shade(0),
                _ => (shade(0) + shade(3)) * 0.5,
            };
        }
        let mut colours = [V3::default(); 4];
        for k in 0..4 {
            let before = keys[..k].iter().position(|o| keys[k].1 && *o == keys[k]);
            colours[k] = before.map_or_else(|| shade(k), |i| colours[i]);
        }
        (colours[0] + colours[1] + colours[2] + colours[3]) * 0.25
    }

    /// What a sample shows, as a number, and whether one look at it is enough for a pixel.
    fn key(&self, seen: &Seen) -> (u32, bool) {
        match seen {
            Seen::Sky => (NONE, true),
            Seen::Ground(s) => (NONE - 1 - self.ground.tone(self.street, s), true),
            Seen::Thing(t) => (*t, self.soft(*t)),
        }
    }

    fn soft(&self, tri: u32) -> bool {
        let skin = self.mesh.tris[tri as usize].skin;
        self.mesh.skins[skin as usize].is_soft()
    }

    fn shade(&self, sx: usize, sy: usize, seen: &Seen) -> V3 {
        let ray = self.camera.ray(sx as f32 + 0.5, sy as f32 + 0.5);
        let at = sy * self.buffer.size.0 + sx;
        match seen {
            Seen::Sky => self.rig.sky(ray),
            Seen::Ground(s) => {
                let px = s.t / self.camera.focal;
                let paint = self.ground.paint(self.street, s, px * 1.5);
                self.lit(s.p, s.n, paint, ray, self.buffer.open[at])
            }
            Seen::Thing(t) => {
                let tri = &self.mesh.tris[*t as usize];
                let s = &self.buffer.samples[at];
                let p = self.camera.at + ray * (1.0 / s.d);
                let n = normal(tri, s);
                let hit = Hit { p, n, a: s.a, b: s.b, px: 1.0 / (s.d * self.camera.focal), night: self.rig.night };
                let paint = self.mesh.skins[tri.skin as usize].paint(&hit);
                self.lit(p, n, paint, ray, 1.0)
            }
        }
    }

    /// Sun, sky, gloss, own glow and haze.
    fn lit(&self, p: V3, n: V3, paint: Paint, ray: V3, contact: f32) -> V3 {
        let facing = n.dot(self.rig.sun_dir);
        let sun = if facing > 0.0 { self.sunlight(p, n) } else { 0.0 };
        let lamps = (contact - 1.0).clamp(0.0, 2.5);
        let contact = contact.min(1.0);
        let open = paint.open * contact;
        let mut c = paint.colour.tint(self.rig.on(n, sun * (0.4 + 0.6 * contact), open))
            + paint.glow
            + paint.colour.tint(LAMPLIGHT) * lamps;
        if paint.gloss > 0.0 {
            let dir = ray.unit();
            let along = dir.dot(n);
            let mirror = dir - n * (2.0 * along);
            let rim = (1.0 + along.min(0.0)).clamp(0.0, 1.0);
            let share = paint.gloss + (1.0 - paint.gloss) * 0.7 * rim * rim * rim * rim * rim;
            c = c.mix(self.mirrored(mirror), share * open);
            let spark = mirror.dot(self.rig.sun_dir).max(0.0);
            c = c + self.rig.sun * (spark.powi(60) * paint.gloss * 6.0 * sun);
        }
        self.rig.through_air(c, (p - self.camera.at).len())
    }

    /// What polished things mirror: sky above, a row of dark houses below.
    fn mirrored(&self, dir: V3) -> V3 {
        let houses = self.rig.on(V3 { x: 0.0, y: 0.3, z: 0.0 }, 0.2, 1.0) * 0.22;
        let t = super::vec::smooth(0.08, 0.42, dir.y + 0.06 * (dir.x * 9.0).sin());
        houses.mix(self.rig.plain_sky(dir), t)
    }

    fn sunlight(&self, p: V3, n: V3) -> f32 {
        self.shadows.iter().find_map(|s| s.light(p, n)).unwrap_or(if self.shadows.is_empty() { 0.0 } else { 0.8 })
    }
}

/// The round normal of limbs, balls and leaves; the mixed one of faces.
fn normal(t: &Tri, s: &Sample) -> V3 {
    match t.form {
        Form::Face => (t.n[0] * (1.0 - s.a - s.b) + t.n[1] * s.a + t.n[2] * s.b).unit(),
        Form::Bars => t.n[0],
        Form::Limb => {
            let a = s.a.clamp(-1.0, 1.0);
            t.n[0] * a + t.n[1] * (1.0 - a * a).sqrt()
        }
        Form::Ball | Form::Leaves(..) => {
            let z = (1.0 - s.a * s.a - s.b * s.b).max(0.0).sqrt();
            (t.n[0] * s.a + t.n[1] * s.b + t.n[2] * (z + 0.2)).unit()
        }
    }
}

/// The label most samples carry; among equals the earlier sample's.
fn majority(l: [u8; 4]) -> u8 {
    let count = |x: u8| l.iter().filter(|&&y| y == x).count();
    let mut best = l[0];
    for &x in &l[1..] {
        if count(x) > count(best) {
            best = x;
        }
    }
    best
}
