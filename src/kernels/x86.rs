//! Kernels of x86-64 vector instructions.
//!
//! A product is a broadcast input times a vector of weights. All sums of a tile stay in registers: at most 12 pixels times two vectors of the
//! 32 that AVX-512 has, at most 4 times three, or 6 times two, of AVX2's 16. For 24 channels AVX-512 uses three vectors of 256 bit instead of
//! one and a half of 512, which a processor with two 256 bit units does in the same time and one with 512 bit units hardly slower.

use std::arch::x86_64::*;

use super::tile::{Kernel, MAX_PIXELS, Tile};

/// Pixels that share a base address: the others are reached by the indices 0, `step` and `2 * step`.
const SHARED: usize = 3;
const BASES: usize = MAX_PIXELS.div_ceil(SHARED);
/// Products between two updates of the base addresses.
const UNROLL: usize = 4;

macro_rules! kernels {
    ($name:ident, $features:literal, $vector:ty, $lanes:literal, $zero:ident, $one:ident, $load:ident, $store:ident,
        $fma:ident, $add:ident, $max:ident) => {
        /// # Safety
        /// As said at [`Kernel`]; the panel has `V` vectors.
        #[target_feature(enable = $features)]
        unsafe fn $name<const P: usize, const V: usize>(tile: &Tile<'_>) {
            const { assert!(P <= MAX_PIXELS) };
            const ROW: usize = $lanes;
            // SAFETY: the caller vouches for `V` vectors of bias, for a row of `V` vectors of weights and `P` inputs a product, and for
            // `V` vectors a pixel of results and addends. Base addresses may end past the input, but are not read there.
            unsafe {
                let mut sums = [[$zero(); V]; P];
                for sums in &mut sums {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = $load(tile.bias.add(v * ROW));
                    }
                }
                let step = tile.step;
                let mut weights = tile.weights;
                for run in tile.runs {
                    let mut bases = [tile.input; BASES];
                    for (b, base) in bases.iter_mut().enumerate() {
                        *base = base.wrapping_add(run + b * SHARED * step);
                    }
                    let mut product = |bases: &[*const f32; BASES], k: usize| {
                        let mut row = [$zero(); V];
                        for (v, row) in row.iter_mut().enumerate() {
                            *row = $load(weights.add(v * ROW));
                        }
                        weights = weights.add(V * ROW);
                        for (p, sums) in sums.iter_mut().enumerate() {
                            let value = $one(bases[p / SHARED].wrapping_add(p % SHARED * step + k).read());
                            for (sum, row) in sums.iter_mut().zip(row) {
                                *sum = $fma(value, row, *sum);
                            }
                        }
                    };
                    for _ in 0..tile.len / UNROLL {
                        for k in 0..UNROLL {
                            product(&bases, k);
                        }
                        bases.iter_mut().for_each(|base| *base = base.wrapping_add(UNROLL));
                    }
                    for _ in 0..tile.len % UNROLL {
                        product(&bases, 0);
                        bases.iter_mut().for_each(|base| *base = base.wrapping_add(1));
                    }
                }
                for (p, mut sums) in sums.into_iter().enumerate() {
                    for addend in tile.addends {
                        let values = addend.at(p);
                        for (v, sum) in sums.iter_mut().enumerate() {
                            *sum = $add(*sum, $load(values.add(v * ROW)));
                        }
                    }
                    for (v, mut sum) in sums.into_iter().enumerate() {
                        if tile.relu {
                            sum = $max(sum, $zero());
                        }
                        $store(tile.output.add(p * tile.output_step + v * ROW), sum);
                    }
                }
            }
        }
    };
}

kernels!(
    wide,
    "avx512f,avx512vl,avx2,fma",
    __m512,
    16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps,
    _mm512_max_ps
);
kernels!(
    narrow,
    "avx512f,avx512vl,avx2,fma",
    __m256,
    8,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps,
    _mm256_max_ps
);
kernels!(
    half,
    "avx2,fma",
    __m256,
    8,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps,
    _mm256_max_ps
);

/// The instance of `$kernel` with `$vectors` for a number of pixels out of those listed.
macro_rules! instance {
    ($kernel:ident, $vectors:literal, $pixels:expr, $($p:literal)*) => {
        match $pixels {
            $($p => Some($kernel::<$p, $vectors>),)*
            _ => None,
        }
    };
}

pub(super) fn avx512(panel: usize, pixels: usize) -> Option<Kernel> {
    match panel {
        8 => instance!(narrow, 1, pixels, 1 2 3 4 5 6 7 8 9 10 11 12),
        16 => instance!(wide, 1, pixels, 1 2 3 4 5 6 7 8 9 10 11 12),
        24 => instance!(narrow, 3, pixels, 1 2 3 4 5 6 7 8),
        32 => instance!(wide, 2, pixels, 1 2 3 4 5 6 7 8 9 10 11 12),
        _ => None,
    }
}

pub(super) fn avx2(panel: usize, pixels: usize) -> Option<Kernel> {
    match panel {
        8 => instance!(half, 1, pixels, 1 2 3 4 5 6 7 8),
        16 => instance!(half, 2, pixels, 1 2 3 4 5 6),
        24 => instance!(half, 3, pixels, 1 2 3 4),
        _ => None,
    }
}
