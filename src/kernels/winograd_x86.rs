//! Winograd's transforms on x86-64 vector instructions, eight channels at once.

use std::arch::x86_64::*;

use super::winograd::{LANES, Lines, Results, SIDE, Transforms, WINDOW};

/// Transforms forth by one dimension: the products with the rows of `[1 0 -1 0], [0 1 1 0], [0 -1 1 0], [0 1 0 -1]`.
macro_rules! forth {
    ($v:expr) => {{
        let [a, b, c, d] = $v;
        [_mm256_sub_ps(a, c), _mm256_add_ps(b, c), _mm256_sub_ps(c, b), _mm256_sub_ps(b, d)]
    }};
}

/// Transforms back by one dimension: the products with the rows of `[1 1 1 0], [0 1 -1 -1]`.
macro_rules! back {
    ($v:expr) => {{
        let [a, b, c, d] = $v;
        [_mm256_add_ps(_mm256_add_ps(a, b), c), _mm256_sub_ps(_mm256_sub_ps(b, c), d)]
    }};
}

macro_rules! transforms {
    ($name:ident, $forth:ident, $back:ident, $features:literal) => {
        pub(super) const $name: Transforms = Transforms { forth: $forth, back: $back };

        /// # Safety
        /// As said at [`super::winograd::Forth`].
        #[target_feature(enable = $features)]
        unsafe fn $forth(lines: &Lines, squares: usize, channels: usize, output: *mut f32, step: usize) {
            for square in 0..squares {
                for c in (0..channels).step_by(LANES) {
                    // SAFETY: the caller vouches for `channels` values of each pixel, and at each place of each square.
                    unsafe {
                        let mut columns = [[_mm256_setzero_ps(); WINDOW]; WINDOW];
                        for (x, column) in columns.iter_mut().enumerate() {
                            let mut pixels = [_mm256_setzero_ps(); WINDOW];
                            for (pixel, line) in pixels.iter_mut().zip(lines) {
                                *pixel = _mm256_loadu_ps(line.add((square * SIDE + x) * channels + c));
                            }
                            *column = forth!(pixels);
                        }
                        let output = output.add(square * channels + c);
                        for row in 0..WINDOW {
                            let places = forth!([columns[0][row], columns[1][row], columns[2][row], columns[3][row]]);
                            for (column, value) in places.into_iter().enumerate() {
                                _mm256_storeu_ps(output.add((row * WINDOW + column) * step), value);
                            }
                        }
                    }
                }
            }
        }

        /// # Safety
        /// As said at [`super::winograd::Back`].
        #[target_feature(enable = $features)]
        unsafe fn $back(results: &Results<'_>) {
            for square in 0..results.squares {
                for c in (0..results.channels).step_by(LANES) {
                    // SAFETY: the caller vouches for `channels` values at each place, of each pixel, and of what is added to it.
                    unsafe {
                        let places = results.places.add(square * results.width + c);
                        let mut columns = [[_mm256_setzero_ps(); SIDE]; WINDOW];
                        for (x, column) in columns.iter_mut().enumerate() {
                            let mut values = [_mm256_setzero_ps(); WINDOW];
                            for (y, value) in values.iter_mut().enumerate() {
                                *value = _mm256_loadu_ps(places.add((y * WINDOW + x) * results.step));
                            }
                            *column = back!(values);
                        }
                        for (row, line) in results.lines.iter().enumerate().take(SIDE) {
                            let values = back!([columns[0][row], columns[1][row], columns[2][row], columns[3][row]]);
                            for (x, mut value) in values.into_iter().enumerate() {
                                let p = square * SIDE + x;
                                if p >= results.pixels {
                                    break;
                                }
                                for addend in line.addends {
                                    value = _mm256_add_ps(value, _mm256_loadu_ps(addend.at(p).add(c)));
                                }
                                if results.relu {
                                    value = _mm256_max_ps(value, _mm256_setzero_ps());
                                }
                                _mm256_storeu_ps(line.output.add(p * results.output_step + c), value);
                            }
                        }
                    }
                }
            }
        }
    };
}

transforms!(AVX2, forth_avx2, back_avx2, "avx2,fma");
transforms!(AVX512, forth_avx512, back_avx512, "avx512f,avx512vl,avx2,fma");
