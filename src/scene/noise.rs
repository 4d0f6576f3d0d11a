//! Value noise: the grain of asphalt, leaves, bricks and clouds.

/// 0.0..1.0 for a lattice point.
pub fn hash2(x: i32, y: i32, seed: u32) -> f32 {
    let mut h =
        (x as u32).wrapping_mul(0x8da6_b343) ^ (y as u32).wrapping_mul(0xd816_3841) ^ seed.wrapping_mul(0xcb1a_b31f);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
}

/// Side of the table of lattice values that smooth noise is made from.
const SIDE: usize = 256;
static LATTICE: [u8; SIDE * SIDE] = lattice();

const fn lattice() -> [u8; SIDE * SIDE] {
    let mut out = [0; SIDE * SIDE];
    let mut h = 0x9e37_79b9u32;
    let mut i = 0;
    while i < out.len() {
        h ^= h << 13;
        h ^= h >> 17;
        h ^= h << 5;
        out[i] = (h >> 11) as u8;
        i += 1;
    }
    out
}

/// Smooth noise of period one, 0.0..1.0. It repeats after 256 periods.
pub fn value2(x: f32, y: f32, seed: u32) -> f32 {
    let (i, j) = (floor(x), floor(y));
    let (tx, ty) = (fade(x - i as f32), fade(y - j as f32));
    let s = seed.wrapping_mul(0x9e37_79b1);
    let (i, j) = ((i as u32).wrapping_add(s >> 24) as usize, (j as u32).wrapping_add(s >> 16) as usize);
    let at = |i: usize, j: usize| f32::from(LATTICE[(j % SIDE) * SIDE + i % SIDE]);
    let top = lerp(at(i, j), at(i + 1, j), tx);
    let bottom = lerp(at(i, j + 1), at(i + 1, j + 1), tx);
    lerp(top, bottom, ty) * (1.0 / 255.0)
}

/// `octaves` of [`value2`], each twice as fine and half as strong; 0.0..1.0.
pub fn fbm2(mut x: f32, mut y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut amp, mut total) = (0.0, 1.0, 0.0);
    for o in 0..octaves {
        sum += amp * value2(x, y, seed.wrapping_add(o));
        total += amp;
        amp *= 0.5;
        (x, y) = (x * 1.93 + 0.41 * y + 3.7, y * 1.93 - 0.41 * x + 1.3);
    }
    if total > 0.0 { sum / total } else { 0.0 }
}

/// `f32::floor` as an integer, without the library call that older processors need for it.
pub fn floor(x: f32) -> i32 {
    let i = x as i32;
    i - i32::from(x < i as f32)
}

fn fade(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}
