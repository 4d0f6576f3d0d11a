//! Winograd's transforms on x86-64 vector instructions, eight channels at once.

use std::arch::x86_64::*;
use std::mem::transmute;

use super::tile::LANES;
use super::transforms::{Lines, Results, Transforms};
use super::vectors::{Narrow, Vectors};

const P: f32 = std::f32::consts::FRAC_1_SQRT_2;
const Q: f32 = std::f32::consts::SQRT_2;

/// Transforms forth by one dimension, for F(2, 3): the products with the rows of `[1 0 -1 0], [0 1 1 0], [0 -1 1 0], [0 1 0 -1]`.
macro_rules! forth2 {
    ($v:expr) => {{
        let [a, b, c, d] = $v;
        [_mm256_sub_ps(a, c), _mm256_add_ps(b, c), _mm256_sub_ps(c, b), _mm256_sub_ps(b, d)]
    }};
}

/// Transforms back by one dimension, for F(2, 3): the products with the rows of `[1 1 1 0], [0 1 -1 -1]`.
macro_rules! back2 {
    ($v:expr) => {{
        let [a, b, c, d] = $v;
        [_mm256_add_ps(_mm256_add_ps(a, b), c), _mm256_sub_ps(_mm256_sub_ps(b, c), d)]
    }};
}

/// Transforms forth by one dimension, for F(4, 3) with `p = √½` and `q = √2`: the products with the rows of `[1 0 -5/2 0 1 0]`,
/// `[0 -2p -2 p 1 0]`, `[0 2p -2 -p 1 0]`, `[0 -q/2 -1/2 q 1 0]`, `[0 q/2 -1/2 -q 1 0]`, `[0 1 0 -5/2 0 1]`.
macro_rules! forth4 {
    ($v:expr) => {{
        let [a, b, c, d, e, f] = $v;
        let (half, two, most) = (_mm256_set1_ps(0.5), _mm256_set1_ps(2.0), _mm256_set1_ps(2.5));
        let (p, q) = (_mm256_set1_ps(P), _mm256_set1_ps(Q));
        let (even_p, odd_p) = (_mm256_fnmadd_ps(two, c, e), _mm256_fnmadd_ps(two, b, d));
        let (even_q, odd_q) = (_mm256_fnmadd_ps(half, c, e), _mm256_fnmadd_ps(half, b, d));
        [
            _mm256_add_ps(_mm256_fnmadd_ps(most, c, e), a),
            _mm256_fmadd_ps(p, odd_p, even_p),
            _mm256_fnmadd_ps(p, odd_p, even_p),
            _mm256_fmadd_ps(q, odd_q, even_q),
            _mm256_fnmadd_ps(q, odd_q, even_q),
            _mm256_add_ps(_mm256_fnmadd_ps(most, d, f), b),
        ]
    }};
}

/// Transforms back by one dimension, for F(4, 3): the products with the rows of `[1 1 1 1 1 0]`, `[0 p -p q -q 0]`,
/// `[0 1/2 1/2 2 2 0]`, `[0 p/2 -p/2 2q -2q 1]`.
macro_rules! back4 {
    ($v:expr) => {{
        let [a, b, c, d, e, f] = $v;
        let (half, two) = (_mm256_set1_ps(0.5), _mm256_set1_ps(2.0));
        let (p, q) = (_mm256_set1_ps(P), _mm256_set1_ps(Q));
        let (even_p, even_q) = (_mm256_add_ps(b, c), _mm256_add_ps(d, e));
        let odd_p = _mm256_mul_ps(p, _mm256_sub_ps(b, c));
        let odd_q = _mm256_mul_ps(q, _mm256_sub_ps(d, e));
        [
            _mm256_add_ps(_mm256_add_ps(a, even_p), even_q),
            _mm256_add_ps(odd_p, odd_q),
            _mm256_fmadd_ps(two, even_q, _mm256_mul_ps(half, even_p)),
            _mm256_add_ps(_mm256_fmadd_ps(two, odd_q, _mm256_mul_ps(half, odd_p)), f),
        ]
    }};
}

/// A function that transforms squares forth, by a line each way, and stores `$each` values a word.
macro_rules! forth {
    ($name:ident, $side:literal, $line:ident, $each:literal, $store:ident, $features:literal) => {
        /// # Safety
        /// As said at [`super::transforms::Forth`].
        #[target_feature(enable = $features)]
        unsafe fn $name(lines: &Lines, squares: usize, channels: usize, output: *mut u32, step: usize) {
            const WINDOW: usize = $side + 2;
            for square in 0..squares {
                for c in (0..channels).step_by(LANES) {
                    // The last ones are transformed twice where they do not fill a vector.
                    let c = c.min(channels - LANES);
                    // SAFETY: the caller vouches for `channels` values of each pixel, and at each place of each square.
                    unsafe {
                        let mut columns = [[_mm256_setzero_ps(); WINDOW]; WINDOW];
                        for (x, column) in columns.iter_mut().enumerate() {
                            let mut pixels = [_mm256_setzero_ps(); WINDOW];
                            for (pixel, line) in pixels.iter_mut().zip(lines) {
                                *pixel = _mm256_loadu_ps(line.add((square * $side + x) * channels + c));
                            }
                            *column = $line!(pixels);
                        }
                        let output = output.add((square * channels + c) / $each);
                        for row in 0..WINDOW {
                            let mut values = [_mm256_setzero_ps(); WINDOW];
                            for (value, column) in values.iter_mut().zip(&columns) {
                                *value = column[row];
                            }
                            for (column, value) in $line!(values).into_iter().enumerate() {
                                $store!(output.add((row * WINDOW + column) * step), value);
                            }
                        }
                    }
                }
            }
        }
    };
}

/// A function that transforms squares back, by a line each way; where it `$rounds`, what it adds and stores may be bf16.
macro_rules! back {
    ($name:ident, $side:literal, $line:ident, $rounds:literal, $features:literal) => {
        /// # Safety
        /// As said at [`super::transforms::Back`].
        #[target_feature(enable = $features)]
        unsafe fn $name(results: &Results<'_>) {
            const WINDOW: usize = $side + 2;
            for square in 0..results.squares {
                for c in (0..results.channels).step_by(LANES) {
                    let c = c.min(results.channels - LANES);
                    // SAFETY: the caller vouches for `channels` values at each place, of bias, of each pixel, and of what is added to it.
                    unsafe {
                        let places = results.places.add(square * results.width + c);
                        let bias = _mm256_loadu_ps(results.bias.add(c));
                        let mut columns = [[_mm256_setzero_ps(); $side]; WINDOW];
                        for (x, column) in columns.iter_mut().enumerate() {
                            let mut values = [_mm256_setzero_ps(); WINDOW];
                            for (y, value) in values.iter_mut().enumerate() {
                                *value = _mm256_loadu_ps(places.add((y * WINDOW + x) * results.step));
                            }
                            *column = $line!(values);
                        }
                        for (row, line) in results.lines.iter().enumerate().take($side) {
                            let mut values = [_mm256_setzero_ps(); WINDOW];
                            for (value, column) in values.iter_mut().zip(&columns) {
                                *value = column[row];
                            }
                            for (x, value) in $line!(values).into_iter().enumerate() {
                                let p = square * $side + x;
                                if p >= results.pixels {
                                    break;
                                }
                                let mut value = _mm256_add_ps(value, bias);
                                for addend in &line.addends[..results.addends] {
                                    let other = match $rounds && addend.rounded {
                                        true => Narrow::load_rounded(addend.rounded_at(p).add(c)),
                                        false => _mm256_loadu_ps(addend.at(p).add(c)),
                                    };
                                    value = _mm256_add_ps(value, other);
                                }
                                if results.relu {
                                    value = _mm256_max_ps(value, _mm256_setzero_ps());
                                }
                                let at = p * results.output_step + c;
                                match $rounds && results.rounded {
                                    true => Narrow::store_rounded(line.output.cast::<u16>().add(at), value),
                                    false => _mm256_storeu_ps(line.output.add(at), value),
                                }
                            }
                        }
                    }
                }
            }
        }
    };
}

/// Stores transformed values as they are.
macro_rules! singles {
    ($output:expr, $values:expr) => {
        _mm256_storeu_ps($output.cast(), $values)
    };
}

/// Stores transformed values as bf16.
macro_rules! halves {
    ($output:expr, $values:expr) => {
        _mm_storeu_si128($output.cast(), transmute::<__m128bh, __m128i>(_mm256_cvtneps_pbh($values)))
    };
}

forth!(forth2_avx2, 2, forth2, 1, singles, "avx2,fma");
forth!(forth4_avx2, 4, forth4, 1, singles, "avx2,fma");
forth!(forth2_avx512, 2, forth2, 1, singles, "avx512f,avx512vl,avx2,fma");
forth!(forth4_avx512, 4, forth4, 1, singles, "avx512f,avx512vl,avx2,fma");
forth!(forth2_bf16, 2, forth2, 2, halves, "avx512f,avx512vl,avx512bf16,avx2,fma");
forth!(forth4_bf16, 4, forth4, 2, halves, "avx512f,avx512vl,avx512bf16,avx2,fma");
back!(back2_avx2, 2, back2, false, "avx2,fma");
back!(back4_avx2, 4, back4, false, "avx2,fma");
back!(back2_avx512, 2, back2, false, "avx512f,avx512vl,avx2,fma");
back!(back4_avx512, 4, back4, false, "avx512f,avx512vl,avx2,fma");
back!(back2_rounding, 2, back2, true, "avx512f,avx512vl,avx512bf16,avx2,fma");
back!(back4_rounding, 4, back4, true, "avx512f,avx512vl,avx512bf16,avx2,fma");

pub(super) const AVX2_SMALL: Transforms = Transforms { forth: forth2_avx2, back: back2_avx2 };
pub(super) const AVX2_LARGE: Transforms = Transforms { forth: forth4_avx2, back: back4_avx2 };
pub(super) const AVX512_SMALL: Transforms = Transforms { forth: forth2_avx512, back: back2_avx512 };
pub(super) const AVX512_LARGE: Transforms = Transforms { forth: forth4_avx512, back: back4_avx512 };
pub(super) const BF16_SMALL: Transforms = Transforms { forth: forth2_bf16, back: back2_avx512 };
pub(super) const BF16_LARGE: Transforms = Transforms { forth: forth4_bf16, back: back4_avx512 };
pub(super) const ROUNDING_SMALL: Transforms = Transforms { forth: forth2_avx512, back: back2_rounding };
pub(super) const ROUNDING_LARGE: Transforms = Transforms { forth: forth4_avx512, back: back4_rounding };
