//! Who moves: cars ahead and oncoming, people on the pavement, cyclists; and the camera among them.

use super::crossing::Crosser;
use super::mesh::Mesh;
use super::objects::car::Car;
use super::objects::cyclist::Cyclist;
use super::objects::person::Person;
use super::rng::Rng;
use super::road::{KERB, LENGTH, Road};
use super::stage::Moment;
use super::vec::{Frame, v3};
use std::f32::consts::PI;

/// Somebody on the way.
#[derive(Clone, Debug)]
struct Mover {
    d: f32,
    /// Position at time zero.
    s: f32,
    /// Metres a second along the street; negative comes towards us.
    speed: f32,
    /// Slow swing around the steady position: metres and radians a second.
    swing: (f32, f32),
    who: Who,
}

#[derive(Clone, Debug)]
enum Who {
    Driver(Car),
    Walker(Person),
    Rider(Cyclist),
}

#[derive(Clone, Debug)]
pub struct Traffic {
    movers: Vec<Mover>,
    crossers: Vec<Crosser>,
    /// The camera's own speed, metres a second.
    pub speed: f32,
}

impl Traffic {
    pub fn new(road: &Road, zebras: &[f32], rng: &mut Rng) -> Self {
        let mut t = Traffic { movers: Vec::new(), crossers: Vec::new(), speed: rng.range(4.5, 8.5) };
        t.cars(road, rng);
        t.cyclists(road, rng);
        for side in 0..2 {
            t.walkers(road, side, rng);
        }
        for z in zebras {
            for k in 0..4 {
                let crosser = Crosser::new(road, z - 1.2 + 0.8 * k as f32, &t, rng);
                t.crossers.push(crosser);
            }
        }
        t
    }

    fn cars(&mut self, road: &Road, rng: &mut Rng) {
        let lane = road.lane * 0.5;
        let mut gap = rng.range(9.0, 38.0);
        for _ in 0..1 + rng.below(4) {
            let car = Car::new(rng, 0.2);
            gap += if car.half.0 > 3.0 { 14.0 } else { 0.0 };
            let who = Who::Driver(car);
            let swing = (rng.range(0.5, 2.0), rng.range(0.2, 0.5));
            self.movers.push(Mover { d: -lane + rng.range(-0.2, 0.2), s: gap, speed: self.speed, swing, who });
            gap += rng.range(13.0, 40.0);
        }
        let speed = -rng.range(5.0, 9.0);
        let dense = rng.range(14.0, 60.0);
        let mut s = rng.range(10.0, 40.0);
        while s < LENGTH - 12.0 {
            let who = Who::Driver(Car::new(rng, 0.15));
            self.movers.push(Mover { d: lane + rng.range(-0.15, 0.25), s, speed, swing: (0.0, 0.0), who });
            s += 11.0 + rng.unit() * dense;
        }
    }

    fn cyclists(&mut self, road: &Road, rng: &mut Rng) {
        let d = road.lane - 0.45;
        let mut gap = rng.range(7.0, 24.0);
        for _ in 0..1 + rng.below(3) {
            let (who, swing) = (Who::Rider(Cyclist::new(rng)), (rng.range(0.5, 1.5), rng.range(0.2, 0.6)));
            self.movers.push(Mover { d: -d + rng.range(-0.1, 0.25), s: gap, speed: self.speed, swing, who });
            gap += rng.range(3.0, 16.0);
        }
        for _ in 0..3 + rng.below(8) {
            let (who, s) = (Who::Rider(Cyclist::new(rng)), rng.range(5.0, LENGTH));
            self.movers.push(Mover { d, s, speed: -4.5, swing: (0.0, 0.0), who });
        }
    }

    fn walkers(&mut self, road: &Road, side: usize, rng: &mut Rng) {
        let spacing = rng.range(5.0, 22.0);
        let mut s = if side == 0 { 9.0 } else { 13.0 };
        while s < LENGTH - 1.0 {
            let e = road.half(side) + rng.range(0.9, road.pave[side] - 0.35);
            let speed =
                if rng.chance(0.15) { 0.0 } else { rng.range(0.9, 1.5) * if rng.chance(0.5) { 1.0 } else { -1.0 } };
            for k in 0..1 + rng.below(3) {
                let d = e + 0.55 * k as f32;
                if d < road.half(side) + road.pave[side] {
                    let who = Who::Walker(Person::new(rng));
                    let d = if side == 0 { -d } else { d };
                    self.movers.push(Mover { d, s: s + rng.range(-0.3, 0.3), speed, swing: (0.0, 0.0), who });
                }
            }
            s += 2.0 + rng.unit() * 2.0 * spacing;
        }
    }

    /// Whether somebody on foot at `(d, s)` would be in the way of a vehicle or of the camera.
    pub fn blocks(&self, road: &Road, d: f32, s: f32, t: f64) -> bool {
        let length = f64::from(LENGTH);
        let apart = |at: f64| (at - f64::from(s) + 0.5 * length).rem_euclid(length) - 0.5 * length;
        let own = apart(f64::from(self.speed) * t);
        let ours = (d + road.lane * 0.5).abs() < 2.0 && (-9.0..4.0).contains(&own);
        ours || self.movers.iter().any(|m| {
            m.room().is_some_and(|(long, wide)| {
                (m.d - d).abs() < wide && apart(f64::from(m.s) + m.way(t)).abs() < f64::from(long)
            })
        })
    }

    /// Adds everybody within sight of `here` at time `t` to the mesh.
    pub fn build(&self, mesh: &mut Mesh, road: &Road, m: Moment) {
        let Moment { here, t, sight } = m;
        for c in &self.crossers {
            c.build(mesh, road, here, t);
        }
        for m in &self.movers {
            let way = m.way(t);
            let s = near((f64::from(m.s) + way).rem_euclid(f64::from(LENGTH)) as f32, here);
            let ahead = s - here;
            if (-12.0..150.0 * sight).contains(&ahead) {
                m.place(mesh, road, s, (way, t));
            }
        }
    }
}

impl Mover {
    /// Metres gone since time zero.
    fn way(&self, t: f64) -> f64 {
        f64::from(self.speed) * t + f64::from(self.swing.0) * (f64::from(self.swing.1) * t).sin()
    }

    /// Room that a vehicle needs to either side of its middle, along and across.
    fn room(&self) -> Option<(f32, f32)> {
        match &self.who {
            Who::Driver(c) => Some((c.half.0 + 1.5, c.half.1 + 0.6)),
            Who::Rider(_) => Some((2.5, 0.9)),
            Who::Walker(_) => None,
        }
    }

    fn place(&self, mesh: &mut Mesh, road: &Road, s: f32, (way, t): (f64, f64)) {
        let back = if self.speed < 0.0 { PI } else { 0.0 };
        let turns = |step: f64| ((way / step).rem_euclid(1.0) as f32) * 2.0 * PI;
        match &self.who {
            Who::Driver(car) => {
                let braking = self.swing.0 > 0.0 && (f64::from(self.swing.1) * t + 1.0).sin() < -0.3;
                let rolled = (way.abs() % 1000.0) as f32;
                let f = road.frame(self.d, 0.0, s, back);
                car.build(mesh, &f, rolled, braking);
                let beam = Frame { at: f.out(v3(0.0, 0.0, car.half.0 + 5.0)), ..f };
                mesh.pool(&beam, (2.4, 6.5), 1.8);
            }
            Who::Rider(c) => c.build(mesh, &road.frame(self.d, 0.0, s, back), turns(4.0)),
            Who::Walker(p) => {
                let yaw = if self.speed == 0.0 { PI * 0.5 * self.d.signum() } else { back };
                let stride = if self.speed == 0.0 { 0.12 } else { 1.0 };
                let phase = turns(1.45) + self.s;
                p.build(mesh, &road.frame(self.d, KERB, s, yaw), phase, stride);
            }
        }
    }
}

/// The copy of `s` on the endless street that lies around what is seen from `here`.
pub fn near(s: f32, here: f32) -> f32 {
    s + LENGTH * ((here + 90.0 - s) / LENGTH).round()
}
