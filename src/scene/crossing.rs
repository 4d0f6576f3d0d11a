//! People at a zebra crossing: they wait, and walk over when no vehicle is in the way.

use super::mesh::Mesh;
use super::objects::person::Person;
use super::rng::Rng;
use super::road::{KERB, Road};
use super::traffic::{Traffic, near};
use std::f32::consts::FRAC_PI_2;

/// Walking speed, metres a second.
const PACE: f32 = 1.45;

#[derive(Clone, Debug)]
pub struct Crosser {
    person: Person,
    s: f32,
    /// Where the walk begins and ends, metres from the middle of the road.
    from: f32,
    to: f32,
    /// Seconds after the drive's start; `None` waits for good.
    start: Option<f64>,
}

impl Crosser {
    /// Finds the first moment before the camera arrives at which the whole walk is free.
    pub fn new(road: &Road, s: f32, traffic: &Traffic, rng: &mut Rng) -> Self {
        let (left, right) = (-road.half(0) - 0.8, road.half(1) + 0.8);
        let (from, to) = if rng.chance(0.5) { (left, right) } else { (right, left) };
        let person = Person::new(rng);
        let mut c = Crosser { person, s, from, to, start: None };
        let arrival = f64::from(s / traffic.speed);
        let first = (arrival - 16.0).max(0.0) + f64::from(rng.range(0.0, 2.0));
        c.start = (0..40)
            .map(|k| first + 0.35 * f64::from(k))
            .take_while(|start| *start < arrival)
            .find(|start| c.is_free(road, traffic, *start));
        c
    }

    fn is_free(&self, road: &Road, traffic: &Traffic, start: f64) -> bool {
        let span = f64::from((self.to - self.from).abs() / PACE);
        let steps = (span / 0.3) as u32 + 1;
        (0..=steps).all(|k| {
            let t = start + 0.3 * f64::from(k);
            let d = self.place(t - start);
            d.abs() > road.half(usize::from(d > 0.0)) || !traffic.blocks(road, d, self.s, t)
        })
    }

    /// Metres from the middle of the road after `walked` seconds of walking.
    fn place(&self, walked: f64) -> f32 {
        let gone = (walked.max(0.0) as f32 * PACE).min((self.to - self.from).abs());
        self.from + gone * (self.to - self.from).signum()
    }

    pub fn build(&self, mesh: &mut Mesh, road: &Road, here: f32, t: f64) {
        let s = near(self.s, here);
        if !(-12.0..100.0).contains(&(s - here)) {
            return;
        }
        let d = self.place(self.start.map_or(0.0, |start| t - start));
        let walks = d != self.from && d != self.to;
        let on_road = d.abs() < road.half(usize::from(d > 0.0));
        let yaw = FRAC_PI_2 * (self.to - self.from).signum();
        let f = road.frame(d, if on_road { 0.0 } else { KERB }, s, yaw);
        let stride = if walks { 1.0 } else { 0.1 };
        self.person.build(mesh, &f, d * 4.3, stride);
    }
}
