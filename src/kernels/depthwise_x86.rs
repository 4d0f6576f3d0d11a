//! Kernels of x86-64 vector instructions for convolutions whose channels do not mix.

use std::arch::x86_64::*;

use super::instance::instance;
use super::tile::{Kernel, Tile};

macro_rules! kernels {
    ($name:ident, $features:literal, $lanes:literal, $zero:ident, $load:ident, $store:ident, $fma:ident, $add:ident, $max:ident) => {
        /// # Safety
        /// As said at [`Kernel`], for a tile as `Depthwise` makes it; its channels are a multiple of the lanes.
        #[target_feature(enable = $features)]
        unsafe fn $name<const P: usize>(tile: &Tile<'_>) {
            let channels = tile.output_step;
            for c in (0..channels).step_by($lanes) {
                // SAFETY: the caller vouches for all channels of each pixel, of each row of weights, of bias, results and addends.
                unsafe {
                    let mut sums = [$load(tile.bias.add(c)); P];
                    let mut weights = tile.weights.add(c).cast::<f32>();
                    for run in tile.runs {
                        for k in 0..tile.len {
                            let row = $load(weights);
                            weights = weights.wrapping_add(channels);
                            let pixel = tile.input.add(run + k * channels + c).cast::<f32>();
                            for (p, sum) in sums.iter_mut().enumerate() {
                                *sum = $fma($load(pixel.add(p * tile.step)), row, *sum);
                            }
                        }
                    }
                    for (p, mut sum) in sums.into_iter().enumerate() {
                        for addend in tile.addends {
                            sum = $add(sum, $load(addend.at(p).add(c)));
                        }
                        if tile.relu {
                            sum = $max(sum, $zero());
                        }
                        $store(tile.output.add(p * channels + c), sum);
                    }
                }
            }
        }
    };
}

kernels!(
    wide,
    "avx512f,avx512vl,avx2,fma",
    16,
    _mm512_setzero_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps,
    _mm512_max_ps
);
kernels!(
    narrow,
    "avx512f,avx512vl,avx2,fma",
    8,
    _mm256_setzero_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps,
    _mm256_max_ps
);
kernels!(
    half,
    "avx2,fma",
    8,
    _mm256_setzero_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps,
    _mm256_max_ps
);

pub(super) fn avx512(channels: usize, pixels: usize) -> Option<Kernel> {
    match channels % 16 {
        0 => instance!(pixels, P of 1 2 3 4 5 6 7 8, wide::<P>),
        8 => instance!(pixels, P of 1 2 3 4 5 6 7 8, narrow::<P>),
        _ => None,
    }
}

pub(super) fn avx2(channels: usize, pixels: usize) -> Option<Kernel> {
    match channels % 8 {
        0 => instance!(pixels, P of 1 2 3 4 5 6 7 8, half::<P>),
        _ => None,
    }
}
