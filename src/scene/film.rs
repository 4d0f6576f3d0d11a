//! From light to bytes: glow around lamps, blur, vignette, tone curve, sensor noise.

use super::light::Rig;
use super::noise::hash2;
use super::rng::Rng;
use super::vec::V3;

/// Entries of the tone curve for one unit of light.
const STEPS: f32 = 1024.0;

/// The camera's own character.
#[derive(Clone, Debug)]
pub struct Film {
    noise: f32,
    blur: f32,
    vignette: f32,
    contrast: f32,
    saturation: f32,
    seed: u32,
}

impl Film {
    pub fn new(rng: &mut Rng) -> Self {
        Film {
            noise: rng.range(0.004, 0.016),
            blur: rng.range(0.0, 0.35),
            vignette: rng.range(0.05, 0.25),
            contrast: rng.range(1.1, 1.4),
            saturation: rng.range(0.9, 1.3),
            seed: rng.bits(),
        }
    }

    /// `light`: linear, `size.0 * size.1` pixels; `frame` makes the noise move.
    pub fn expose(&self, mut light: Vec<V3>, size: (usize, usize), rig: &Rig, frame: u32) -> Vec<u8> {
        if rig.night {
            bloom(&mut light, size);
        }
        let light = self.soften(&light, size);
        let curve: Vec<f32> = (0..4 * STEPS as usize).map(|i| self.tone((i as f32 + 0.5) / STEPS)).collect();
        let mut out = Vec::with_capacity(light.len() * 3);
        let (w, h) = (size.0 as f32, size.1 as f32);
        for (i, c) in light.iter().enumerate() {
            let (x, y) = (i % size.0, i / size.0);
            let (u, v) = (x as f32 / w - 0.5, y as f32 / h - 0.5);
            let shade = 1.0 - self.vignette * 1.6 * (u * u + v * v);
            let c = c.tint(rig.cast) * (rig.exposure * shade);
            out.extend(self.develop(&curve, c, (x as i32, y as i32), frame));
        }
        out
    }

    /// Tone curve and noise.
    fn develop(&self, curve: &[f32], c: V3, at: (i32, i32), frame: u32) -> [u8; 3] {
        let m = c.mean();
        let c = V3 { x: m, y: m, z: m }.mix(c, self.saturation);
        let seed = self.seed ^ frame.wrapping_mul(0x9e37);
        let grain = hash2(at.0, at.1, seed) + hash2(at.0, at.1, seed ^ 0x55) - 1.0;
        let mut k = 0;
        [c.x, c.y, c.z].map(|x| {
            k += 1;
            let y = curve[((x.max(0.0) * STEPS) as usize).min(curve.len() - 1)];
            let own = hash2(at.0, at.1, seed ^ (k << 8)) - 0.5;
            let noise = self.noise * (grain + own) * (1.4 - 0.8 * y);
            ((y + noise) * 255.0 + 0.5).clamp(0.0, 255.0) as u8
        })
    }

    /// Gamma with a shoulder: a cheap video camera's highlights clip early.
    fn tone(&self, x: f32) -> f32 {
        let bent = if x < 0.6 { x } else { 0.6 + 0.55 * (1.0 - (-(x - 0.6) / 0.55).exp()) };
        let y = bent.powf(1.0 / 2.1);
        (y - 0.45).mul_add(self.contrast, 0.43)
    }

    /// A lens that is not quite sharp.
    fn soften(&self, src: &[V3], size: (usize, usize)) -> Vec<V3> {
        let (w, h) = size;
        let k = self.blur * 0.25;
        let at = |x: usize, y: usize| src[y * w + x];
        let mut out = Vec::with_capacity(src.len());
        for y in 0..h {
            for x in 0..w {
                let (l, r) = (at(x.saturating_sub(1), y), at((x + 1).min(w - 1), y));
                let (t, b) = (at(x, y.saturating_sub(1)), at(x, (y + 1).min(h - 1)));
                out.push(at(x, y) * (1.0 - 4.0 * k) + (l + r + t + b) * k);
            }
        }
        out
    }
}

/// Light above white spills over its surroundings, in blocks of four pixels.
fn bloom(light: &mut [V3], (w, h): (usize, usize)) {
    let (bw, bh) = (w.div_ceil(4), h.div_ceil(4));
    let mut bright = vec![V3::default(); bw * bh];
    for y in 0..h {
        for x in 0..w {
            let c = light[y * w + x];
            let over = ((c.x.max(c.y).max(c.z) - 0.75) * 0.5).clamp(0.0, 1.5);
            let b = &mut bright[(y / 4) * bw + x / 4];
            *b = *b + c * (over / 16.0);
        }
    }
    for _ in 0..3 {
        bright = box_blur(&box_blur(&bright, (bw, bh), 1), (bw, bh), bw);
    }
    for y in 0..h {
        for x in 0..w {
            let (fx, fy) = ((x as f32 / 4.0 - 0.375).max(0.0), (y as f32 / 4.0 - 0.375).max(0.0));
            let (i, j) = (fx as usize, fy as usize);
            let (i1, j1) = ((i + 1).min(bw - 1), (j + 1).min(bh - 1));
            let top = bright[j * bw + i].mix(bright[j * bw + i1], fx.fract());
            let low = bright[j1 * bw + i].mix(bright[j1 * bw + i1], fx.fract());
            light[y * w + x] = light[y * w + x] + top.mix(low, fy.fract()) * 1.2;
        }
    }
}

/// Mean over five cells in steps of `step`: 1 along rows, the width along columns.
fn box_blur(src: &[V3], (w, h): (usize, usize), step: usize) -> Vec<V3> {
    let (n, stride) = if step == 1 { (w, 1) } else { (h, w) };
    let mut out = vec![V3::default(); src.len()];
    for (i, o) in out.iter_mut().enumerate() {
        let k = if step == 1 { i % w } else { i / w };
        let mut sum = V3::default();
        for d in -2i32..=2 {
            let j = (k as i32 + d).clamp(0, n as i32 - 1);
            sum = sum + src[(i as i32 + (j - k as i32) * stride as i32) as usize];
        }
        *o = sum * 0.2;
    }
    out
}
