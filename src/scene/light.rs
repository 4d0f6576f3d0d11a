//! Sun, sky and haze of one drive.

use super::Light;
use super::noise::fbm2;
use super::rng::Rng;
use super::vec::{UP, V3, grey, smooth, v3};

/// Everything that shines, in linear light.
#[derive(Clone, Debug)]
pub struct Rig {
    /// Unit direction towards the sun.
    pub sun_dir: V3,
    /// Black on overcast days and at dusk.
    pub sun: V3,
    ambient: V3,
    bounce: V3,
    zenith: V3,
    horizon: V3,
    cloud: V3,
    cover: f32,
    seed: u32,
    /// Metres at which haze has swallowed two thirds.
    haze: f32,
    pub exposure: f32,
    /// Colour cast of the camera.
    pub cast: V3,
    /// Lamps, windows and headlights are lit.
    pub night: bool,
}

impl Rig {
    pub fn new(light: Light, rng: &mut Rng) -> Self {
        let azimuth = rng.range(-2.6, 2.6);
        let height = rng.range(0.35, 0.8);
        let flat = (1.0 - height * height).sqrt();
        let sun_dir = v3(azimuth.sin() * flat, height, azimuth.cos() * flat);
        match light {
            Light::Day => Rig::day(sun_dir, rng),
            Light::Dusk => Rig::dusk(sun_dir, rng),
        }
    }

    fn day(sun_dir: V3, rng: &mut Rng) -> Self {
        let sunny = rng.chance(0.68);
        let warm = rng.range(0.0, 1.0);
        let white = v3(1.0, 0.99, 0.97);
        let blue = v3(0.36, 0.60, 0.95).mix(v3(0.55, 0.74, 0.92), rng.unit());
        Rig {
            sun_dir,
            sun: if sunny {
                v3(1.0, 0.92, 0.80).mix(v3(1.0, 0.97, 0.93), warm) * rng.range(1.5, 2.4)
            } else {
                grey(0.0)
            },
            ambient: if sunny { v3(0.44, 0.50, 0.60) } else { v3(0.98, 1.01, 1.04) } * rng.range(0.85, 1.1),
            bounce: v3(0.24, 0.22, 0.20),
            zenith: if sunny { blue * 1.15 } else { v3(0.95, 1.0, 1.05) },
            horizon: white * rng.range(1.25, 1.7),
            cloud: white * rng.range(1.2, 1.6),
            cover: if sunny { rng.range(0.2, 0.6) } else { rng.range(0.7, 0.9) },
            seed: rng.bits(),
            haze: rng.range(500.0, 2200.0),
            exposure: rng.range(0.85, 1.2),
            cast: v3(rng.range(0.96, 1.04), 1.0, rng.range(0.95, 1.06)),
            night: false,
        }
    }

    fn dusk(sun_dir: V3, rng: &mut Rng) -> Self {
        let deep = rng.unit();
        let glow = v3(1.0, 0.62, 0.36).mix(v3(0.75, 0.74, 0.72), rng.unit());
        Rig {
            sun_dir: v3(sun_dir.x * 0.5, 0.12, 1.0).unit(),
            sun: grey(0.0),
            ambient: v3(0.20, 0.225, 0.27) * (1.15 - 0.55 * deep),
            bounce: v3(0.05, 0.045, 0.045),
            zenith: v3(0.17, 0.24, 0.36) * (1.2 - 0.5 * deep),
            horizon: glow * (0.72 - 0.2 * deep),
            cloud: v3(0.30, 0.31, 0.35).mix(glow * 0.5, 0.3) * (1.0 - 0.3 * deep),
            cover: rng.range(0.35, 0.8),
            seed: rng.bits(),
            haze: rng.range(400.0, 1200.0),
            exposure: rng.range(0.65, 1.1),
            cast: v3(rng.range(0.93, 1.0), rng.range(0.98, 1.02), rng.range(0.98, 1.08)),
            night: true,
        }
    }

    /// Brightness of the sky in a direction.
    pub fn sky(&self, dir: V3) -> V3 {
        let dir = dir.unit();
        let e = dir.y.max(0.0);
        let plain = self.plain_sky(dir);
        if e < 0.015 {
            return plain;
        }
        let k = 1.6 / (e + 0.12);
        let (x, y) = (dir.x * k, dir.z * k);
        let n = fbm2(x, y, 4, self.seed);
        let body = smooth(0.72 - 0.5 * self.cover, 0.95 - 0.5 * self.cover, n) * smooth(0.0, 0.25, e);
        let under = 0.72 + 0.55 * fbm2(x * 1.3 + 0.3, y * 1.3 - 0.2, 2, self.seed ^ 9);
        plain.mix(self.cloud * under, body * 0.85)
    }

    /// The sky without clouds: what glass and paint mirror, and what haze fades into.
    pub fn plain_sky(&self, dir: V3) -> V3 {
        let e = dir.y.max(0.0);
        let base = self.horizon.mix(self.zenith, smooth(0.0, 0.55, e.sqrt() * 0.75));
        let near = dir.dot(self.sun_dir).max(0.0);
        let near2 = near * near;
        let near8 = near2 * near2 * near2 * near2;
        let glow = if self.night { self.horizon * 0.25 } else { self.sun * 0.22 };
        base + glow * near8
    }

    /// Light on a matt surface: `lit` is how much of the sun arrives, `open` how much of the sky.
    pub fn on(&self, n: V3, lit: f32, open: f32) -> V3 {
        let up = 0.5 + 0.5 * n.dot(UP);
        let sky = self.bounce.mix(self.ambient, up) * open;
        sky + self.sun * (n.dot(self.sun_dir).max(0.0) * lit)
    }

    /// Seen through the air over a distance.
    pub fn through_air(&self, c: V3, distance: f32) -> V3 {
        let x = distance / self.haze;
        // Close to exp(-x), and quicker.
        let t = 1.0 / (1.0 + x * (1.0 + x * (0.5 + x * 0.167)));
        (self.horizon * 0.8).mix(c, t)
    }

    /// Whether anything throws a shadow.
    pub fn sunny(&self) -> bool {
        self.sun.mean() > 0.01
    }
}
