//! How a terraced house or a shop is designed; `shell` builds it.

use super::super::mesh::Mesh;
use super::super::rng::Rng;
use super::super::vec::{Frame, V3, grey, v3};
use super::facade::{Facade, Street, Wall};
use super::shell;

/// One house; measures in metres.
#[derive(Clone, Debug)]
pub struct Building {
    pub width: f32,
    pub depth: f32,
    pub height: f32,
    /// Height of the ridge above the eaves; 0 for a flat roof.
    pub rise: f32,
    pub front: Facade,
    pub roof: V3,
    pub chimneys: u8,
    pub extra: Extra,
}

/// What stands out from the front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extra {
    None,
    /// A bay window over this many storeys.
    Bay(f32),
    /// A shop's awning, let out this far, in this colour.
    Awning(f32, V3),
}

const BRICKS: [V3; 7] = [
    v3(0.42, 0.33, 0.20),
    v3(0.36, 0.17, 0.11),
    v3(0.30, 0.14, 0.10),
    v3(0.46, 0.38, 0.26),
    v3(0.28, 0.22, 0.15),
    v3(0.38, 0.24, 0.15),
    v3(0.24, 0.19, 0.15),
];
const RENDERS: [V3; 7] = [
    v3(0.72, 0.71, 0.67),
    v3(0.62, 0.58, 0.47),
    v3(0.66, 0.55, 0.36),
    v3(0.55, 0.60, 0.66),
    v3(0.66, 0.50, 0.44),
    v3(0.50, 0.50, 0.48),
    v3(0.76, 0.75, 0.73),
];
/// Shop fronts, doors and awnings.
const PAINTS: [V3; 9] = [
    v3(0.03, 0.09, 0.05),
    v3(0.30, 0.03, 0.03),
    v3(0.03, 0.06, 0.22),
    v3(0.04, 0.04, 0.045),
    v3(0.60, 0.58, 0.52),
    v3(0.45, 0.22, 0.03),
    v3(0.05, 0.20, 0.22),
    v3(0.16, 0.04, 0.12),
    v3(0.62, 0.50, 0.06),
];
const ROOFS: [V3; 4] = [v3(0.10, 0.10, 0.11), v3(0.16, 0.14, 0.13), v3(0.24, 0.12, 0.08), v3(0.13, 0.09, 0.07)];

impl Building {
    /// `shops`: share of shops at street level; `tall`: extra storeys, 0.0 to 1.0.
    pub fn new(rng: &mut Rng, width: f32, shops: f32, tall: f32) -> Self {
        let modern = rng.chance(0.14);
        let storeys = 2.0 + (rng.unit() * 1.4 + tall * 1.6 + if modern { 1.0 } else { 0.0 }).floor();
        let street = if rng.chance(shops) {
            Street::Shop(rng.pick(&PAINTS))
        } else if modern {
            Street::Windows
        } else {
            Street::Door(rng.pick(&PAINTS))
        };
        let front = front(rng, width, storeys, street, modern);
        let flat = modern || rng.chance(0.2);
        let extra = match street {
            Street::Shop(_) if rng.chance(0.25) => Extra::Awning(rng.range(0.8, 1.5), rng.pick(&PAINTS)),
            Street::Door(_) if rng.chance(0.3) && width > 4.6 => Extra::Bay(rng.pick(&[1.0, 1.0, 2.0])),
            _ => Extra::None,
        };
        Building {
            width,
            depth: rng.range(8.0, 11.0),
            height: front.height,
            rise: if flat { 0.0 } else { rng.range(1.8, 3.4) },
            roof: rng.pick(&ROOFS) * rng.range(0.8, 1.2),
            chimneys: if flat { 0 } else { 1 + rng.below(2) as u8 },
            front,
            extra,
        }
    }

    /// Builds it with its front's left end at `f.at`, along `f.right`; `f.ahead` points into the house.
    pub fn build(&self, mesh: &mut Mesh, f: &Frame) {
        shell::build(self, mesh, f);
    }
}

fn front(rng: &mut Rng, width: f32, storeys: f32, street: Street, modern: bool) -> Facade {
    let wall = rng.pick(&[Wall::Brick, Wall::Brick, Wall::Brick, Wall::Render, Wall::Render, Wall::Stone]);
    let colour = match wall {
        Wall::Brick => rng.pick(&BRICKS),
        Wall::Render => rng.pick(&RENDERS),
        Wall::Stone => v3(0.50, 0.45, 0.36),
    };
    let storey = rng.range(2.75, 3.4);
    let bays = (width / rng.range(2.1, 3.0)).round().max(1.0);
    let bay = width / bays;
    let window = if modern {
        (bay * rng.pick(&[0.8, 1.0]), storey * 0.55)
    } else {
        (rng.range(0.85, 1.25).min(bay * 0.7), rng.range(1.3, 1.75))
    };
    let colour = colour * rng.range(0.75, 1.1);
    Facade {
        frame: Frame::new(V3::default(), 0.0),
        width,
        height: storeys * storey + 0.3,
        storey,
        bays,
        wall,
        colour,
        trim: grey(rng.pick(&[0.72, 0.62, 0.5, 0.74])).mix(colour, rng.range(0.0, 0.3)),
        street,
        window,
        modern,
        lit: rng.range(0.25, 0.65),
        seed: rng.bits(),
    }
}
