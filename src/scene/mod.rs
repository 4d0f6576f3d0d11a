//! An animated street with exact labels, as seen from a car.
//!
//! [`Scene::new`] lays out a British street from a seed: houses and shops, trees, parked and moving cars, people,
//! cyclists, signs and railings. [`Scene::render`] draws one moment of the drive through it: a picture, and for every
//! pixel the CamVid class of the surface drawn there. The same seed, time and size give the same bytes, always.
//!
//! How a picture is made: `street` and `traffic` say what stands and moves where, `stage` turns what is in sight into
//! triangles (`objects`), `raster` finds the nearest one at two by two samples a pixel, `ground` follows the other
//! view rays down to the road, `skin` and `light` colour what was found, `shadow` says where the sun does not reach,
//! and `film` makes a video camera's picture of it. Between the twigs of a crown and the bars of a railing one sees
//! what is behind, but the label is the crown's or the railing's, as annotators draw them.
//!
//! It knows nothing of networks, bags or files.

mod camera;
mod crossing;
mod film;
mod furniture;
mod ground;
mod light;
mod lines;
mod mesh;
mod noise;
mod objects;
mod raster;
mod render;
mod rng;
mod road;
mod rows;
mod shadow;
mod skin;
mod stage;
mod street;
mod traffic;
mod vec;

#[cfg(test)]
mod tests;

use camera::Camera;
use mesh::{Mesh, class};
use rng::Rng;
use shadow::Shadow;
use stage::Moment;
use std::time::Duration;
use vec::{V3, v3};

/// Time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Sunny or overcast, as the seed has it.
    Day,
    /// After sunset: lit windows, street lamps and headlights.
    Dusk,
}

/// A street and a drive through it.
#[derive(Clone, Debug)]
pub struct Scene {
    street: street::Street,
    traffic: traffic::Traffic,
    ground: ground::Ground,
    rig: light::Rig,
    film: film::Film,
    mount: Mount,
}

/// One rendered moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// `width * height * 3` bytes, sRGB-like.
    pub rgb: Vec<u8>,
    /// `width * height` CamVid class ids, 0 to 11.
    pub labels: Vec<u8>,
}

/// How the camera sits in the car.
#[derive(Clone, Debug)]
struct Mount {
    height: f32,
    pitch: f32,
    yaw: f32,
    focal: f32,
    phase: f32,
    /// The car's own bonnet shows at the lower edge.
    bonnet: bool,
}

impl Scene {
    /// Lays out the street of a seed. Equal arguments give equal scenes.
    pub fn new(seed: u64, light: Light) -> Self {
        let root = Rng::new(seed);
        let street = street::Street::new(&mut root.fork(1));
        let traffic = traffic::Traffic::new(&street.road, &street.zebras, &mut root.fork(2));
        let mut rng = root.fork(6);
        let mount = Mount {
            height: rng.range(1.3, 1.6),
            pitch: rng.range(-0.05, 0.035),
            yaw: rng.range(-0.08, 0.08),
            focal: rng.range(0.86, 1.12),
            phase: rng.range(0.0, 6.0),
            bonnet: rng.chance(0.15),
        };
        Scene {
            street,
            traffic,
            ground: ground::Ground::new(&mut root.fork(3)),
            rig: light::Rig::new(light, &mut root.fork(4)),
            film: film::Film::new(&mut root.fork(5)),
            mount,
        }
    }

    /// Draws the drive `at` a time after its start, `size` (width, height) in pixels.
    ///
    /// A size of zero gives an empty picture.
    pub fn render(&self, at: Duration, size: (usize, usize)) -> Picture {
        let (width, height) = size;
        let mut picture = Picture { width, height, rgb: Vec::new(), labels: Vec::new() };
        if width == 0 || height == 0 {
            return picture;
        }
        let t = at.as_secs_f64();
        let fine = (width * 2, height * 2);
        let (camera, here) = self.camera(t, fine);
        let mut mesh = Mesh::new(camera.at, 0.55 / camera.focal, self.rig.night);
        let now = Moment { here, t, sight: 1.0 };
        stage::build(&self.street, &self.traffic, now, &mut mesh);
        let mut buffer = raster::Buffer::new(fine);
        buffer.draw(&mesh, &camera);
        let shadows = self.shadows(here, t);
        let view = render::View {
            street: &self.street,
            ground: &self.ground,
            rig: &self.rig,
            camera: &camera,
            mesh: &mesh,
            shadows: &shadows,
            buffer: &buffer,
        };
        let mut light = Vec::with_capacity(width * height);
        picture.labels.reserve(width * height);
        for y in 0..height {
            for x in 0..width {
                let (c, label) = view.pixel(x, y);
                light.push(c);
                picture.labels.push(label);
            }
        }
        self.bonnet(&mut light, &mut picture.labels, size);
        picture.rgb = self.film.expose(light, size, &self.rig, (t * 1000.0) as u32);
        picture
    }

    /// The camera and its place along the street: forward, with sway, bob and a look into the bend.
    fn camera(&self, t: f64, size: (usize, usize)) -> (Camera, f32) {
        let m = &self.mount;
        let road = &self.street.road;
        let way = (f64::from(self.traffic.speed) * t).rem_euclid(f64::from(road::LENGTH)) as f32;
        let beat = |f: f64, p: f32| ((t * f).rem_euclid(std::f64::consts::TAU) as f32 + m.phase + p).sin();
        let d = -road.lane * 0.5 + 0.12 * beat(0.5, 0.0);
        let height = m.height + 0.012 * beat(7.0, 1.0) + 0.008 * beat(11.3, 2.0);
        let at = v3(d + road.shift(way), height, way);
        let look = 0.6 * road.yaw(way) + 0.4 * road.yaw(way + 14.0);
        let yaw = look + m.yaw + 0.012 * beat(0.5, 1.6);
        let pitch = m.pitch + 0.004 * beat(6.1, 0.4) + 0.003 * beat(9.7, 0.0);
        (Camera::new(at, v3(yaw, pitch, 0.008 * beat(0.9, 0.7)), m.focal, size), way)
    }

    fn shadows(&self, here: f32, t: f64) -> Vec<Shadow> {
        if !self.rig.sunny() {
            return Vec::new();
        }
        let sun = self.rig.sun_dir;
        let mut mesh = Mesh::new(v3(self.street.road.shift(here), 0.0, here) + sun * 20_000.0, 1e-6, false);
        let now = Moment { here, t, sight: 0.62 };
        stage::build(&self.street, &self.traffic, now, &mut mesh);
        let centre = |ahead: f32| v3(self.street.road.shift(here + ahead), 2.0, here + ahead);
        vec![Shadow::draw(&mesh, sun, centre(13.0), 19.0, 640), Shadow::draw(&mesh, sun, centre(62.0), 75.0, 512)]
    }

    /// The edge of the car's own bonnet, a dark curve at the bottom: void.
    fn bonnet(&self, light: &mut [V3], labels: &mut [u8], (w, h): (usize, usize)) {
        if !self.mount.bonnet {
            return;
        }
        for y in h - h / 12..h {
            for x in 0..w {
                let (u, v) = (x as f32 / w as f32 - 0.45, (h - y) as f32 / h as f32);
                let edge = 0.042 - 0.13 * u * u;
                if v < edge {
                    let shine = ((edge - v) * 14.0).min(1.0);
                    let sky = self.rig.plain_sky(v3(u, 0.4, 0.8)) * (0.06 + 0.18 * (1.0 - shine) * (1.0 - shine));
                    light[y * w + x] = sky;
                    labels[y * w + x] = class::VOID;
                }
            }
        }
    }
}
