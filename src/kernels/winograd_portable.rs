//! Winograd's transforms in plain Rust, for the precisions that a processor has no instructions for: they show what those cost in accuracy.

use super::transforms::{Lines, MAX_WINDOW, Results, Transforms};
use super::value::half;

const P: f32 = std::f32::consts::FRAC_1_SQRT_2;
const Q: f32 = std::f32::consts::SQRT_2;

/// The transforms for squares of `side`, which leave bf16 or what bytes are made of.
pub(super) fn transforms(side: usize, halves: bool) -> Option<Transforms> {
    match (side, halves) {
        (2, false) => Some(Transforms { forth: forth::<2, false>, back: back::<2> }),
        (4, false) => Some(Transforms { forth: forth::<4, false>, back: back::<4> }),
        (2, true) => Some(Transforms { forth: forth::<2, true>, back: back::<2> }),
        (4, true) => Some(Transforms { forth: forth::<4, true>, back: back::<4> }),
        _ => None,
    }
}

/// Rows of a transform by one dimension, as wide as a window.
type Rows<const N: usize> = [[f32; MAX_WINDOW]; N];

const FORTH_2: Rows<4> = [
    [1.0, 0.0, -1.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 1.0, 0.0, 0.0, 0.0],
    [0.0, -1.0, 1.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, -1.0, 0.0, 0.0],
];
const BACK_2: Rows<2> = [[1.0, 1.0, 1.0, 0.0, 0.0, 0.0], [0.0, 1.0, -1.0, -1.0, 0.0, 0.0]];
const FORTH_4: Rows<6> = [
    [1.0, 0.0, -2.5, 0.0, 1.0, 0.0],
    [0.0, -2.0 * P, -2.0, P, 1.0, 0.0],
    [0.0, 2.0 * P, -2.0, -P, 1.0, 0.0],
    [0.0, -0.5 * Q, -0.5, Q, 1.0, 0.0],
    [0.0, 0.5 * Q, -0.5, -Q, 1.0, 0.0],
    [0.0, 1.0, 0.0, -2.5, 0.0, 1.0],
];
const BACK_4: Rows<4> = [
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
    [0.0, P, -P, Q, -Q, 0.0],
    [0.0, 0.5, 0.5, 2.0, 2.0, 0.0],
    [0.0, 0.5 * P, -0.5 * P, 2.0 * Q, -2.0 * Q, 1.0],
];

/// A square of values, transformed by both dimensions.
fn transformed(
    rows: &[[f32; MAX_WINDOW]],
    square: &[[f32; MAX_WINDOW]; MAX_WINDOW],
) -> [[f32; MAX_WINDOW]; MAX_WINDOW] {
    let product = |row: &[f32; MAX_WINDOW], values: [f32; MAX_WINDOW]| -> f32 {
        row.iter().zip(values).filter(|(factor, _)| **factor != 0.0).map(|(factor, value)| factor * value).sum()
    };
    let mut down = [[0.0; MAX_WINDOW]; MAX_WINDOW];
    for (line, row) in down.iter_mut().zip(rows) {
        *line = std::array::from_fn(|x| product(row, std::array::from_fn(|y| square[y][x])));
    }
    down.map(|line| std::array::from_fn(|i| rows.get(i).map_or(0.0, |row| product(row, line))))
}

/// # Safety
/// As said at [`super::transforms::Forth`].
unsafe fn forth<const SIDE: usize, const HALVES: bool>(
    lines: &Lines,
    squares: usize,
    channels: usize,
    output: *mut u32,
    step: usize,
) {
    let window = SIDE + 2;
    let rows: &[_] = if SIDE == 2 { &FORTH_2 } else { &FORTH_4 };
    for square in 0..squares {
        for c in 0..channels {
            let mut values = [[0.0; MAX_WINDOW]; MAX_WINDOW];
            for (line, values) in lines.iter().zip(&mut values).take(window) {
                for (x, value) in values.iter_mut().enumerate().take(window) {
                    // SAFETY: the caller vouches for `channels` values of each pixel.
                    *value = unsafe { line.add((square * SIDE + x) * channels + c).read() };
                }
            }
            let places = transformed(rows, &values);
            for (p, value) in places.iter().take(window).flat_map(|line| &line[..window]).enumerate() {
                let at = square * channels + c;
                // SAFETY: the caller vouches for room for all channels, in words of two halves or of one value, at each place.
                unsafe {
                    if HALVES {
                        output.add(p * step).cast::<u16>().add(at).write(half(*value));
                    } else {
                        output.add(p * step + at).write(value.to_bits());
                    }
                }
            }
        }
    }
}

/// # Safety
/// As said at [`super::transforms::Back`].
unsafe fn back<const SIDE: usize>(results: &Results<'_>) {
    let window = SIDE + 2;
    let rows: &[_] = if SIDE == 2 { &BACK_2 } else { &BACK_4 };
    for square in 0..results.squares {
        for c in 0..results.channels {
            let mut values = [[0.0; MAX_WINDOW]; MAX_WINDOW];
            for (p, value) in values.iter_mut().take(window).flat_map(|line| &mut line[..window]).enumerate() {
                // SAFETY: the caller vouches for all channels at each place.
                *value = unsafe { results.places.add(p * results.step + square * results.width + c).read() };
            }
            let pixels = transformed(rows, &values);
            for (line, values) in results.lines.iter().zip(&pixels) {
                for (x, value) in values.iter().enumerate().take(SIDE) {
                    let p = square * SIDE + x;
                    if p >= results.pixels {
                        break;
                    }
                    // SAFETY: the caller vouches for `channels` values of bias, of each pixel, and of what is added to it.
                    unsafe {
                        let mut value = value + results.bias.add(c).read();
                        for addend in &line.addends[..results.addends] {
                            value += addend.at(p).add(c).read();
                        }
                        let value = if results.relu { value.max(0.0) } else { value };
                        line.output.add(p * results.output_step + c).write(value);
                    }
                }
            }
        }
    }
}
