//! Kernels of x86-64 vector instructions.
//!
//! A product is a broadcast word of the input times a vector of words of weights. All sums of a tile stay in registers: at most 12 pixels times two
//! vectors of the 32 that AVX-512 has, at most 3 times three, or 6 times two, of AVX2's 16. For 24 channels AVX-512 uses three vectors of 256 bit
//! instead of one and a half of 512, which a processor with two 256 bit units does in the same time and one with 512 bit units
//! hardly slower. A processor that multiplies pairs of bf16, or four bytes, at once does as many words in the same time: two and four times
//! the products.

use std::mem::MaybeUninit;

use super::instance::instance;
use super::precision::Precision;
use super::tile::{Kernel, MAX_PIXELS, Tile};
use super::vectors::{Narrow, Vectors, Wide};

/// Pixels that share a base address: the others are reached by the indices 0, `step` and `2 * step`.
const SHARED: usize = 3;
const BASES: usize = MAX_PIXELS.div_ceil(SHARED);
/// Products between two updates of the base addresses.
const UNROLL: usize = 4;

/// Computes a tile of `P` pixels and `V` vectors of channels, each word holding `EACH` values; results and addends may be rounded where it `ROUNDS`.
///
/// # Safety
/// As said at [`Kernel`]; the panel has `V` vectors. To be inlined where the instructions are enabled.
#[inline(always)]
unsafe fn tile<X: Vectors, const EACH: usize, const ROUNDS: bool, const P: usize, const V: usize>(tile: &Tile<'_>) {
    const { assert!(P <= MAX_PIXELS) };
    // SAFETY: the caller vouches for `V` vectors of bias, for a row of `V` vectors of weights and `P` inputs a product, and for
    // `V` vectors a pixel of results and addends. Base addresses may end past the input, but are not read there.
    unsafe {
        let mut sums = [[X::zero(); V]; P];
        if EACH < 4 {
            sums = [vectors::<X, V>(tile.bias); P];
        }
        let step = tile.step;
        let mut weights = tile.weights.cast::<f32>();
        for run in tile.runs {
            let mut bases = [tile.input.cast::<f32>(); BASES];
            for (b, base) in bases.iter_mut().enumerate() {
                *base = base.wrapping_add(run + b * SHARED * step);
            }
            for _ in 0..tile.len / UNROLL {
                for k in 0..UNROLL {
                    product::<X, EACH, P, V>(&bases, step, k, &mut weights, &mut sums);
                }
                bases.iter_mut().for_each(|base| *base = base.wrapping_add(UNROLL));
            }
            for _ in 0..tile.len % UNROLL {
                product::<X, EACH, P, V>(&bases, step, 0, &mut weights, &mut sums);
                bases.iter_mut().for_each(|base| *base = base.wrapping_add(1));
            }
        }
        // What a loop indexes that is not unrolled cannot stay in registers: let that be a copy, and not the sums.
        let mut done = MaybeUninit::<[[X::Vector; V]; P]>::uninit();
        for (p, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                done.as_mut_ptr().cast::<X::Vector>().add(p * V + v).write_volatile(*sum);
            }
        }
        if ROUNDS && tile.rounded {
            finish::<X, EACH, true, true, V>(tile, done.assume_init_ref());
        } else {
            finish::<X, EACH, ROUNDS, false, V>(tile, done.assume_init_ref());
        }
    }
}

/// Stores the results of sums, pixel by pixel.
///
/// # Safety
/// As said at [`tile`].
#[inline(always)]
unsafe fn finish<X: Vectors, const EACH: usize, const ROUNDS: bool, const ROUNDED: bool, const V: usize>(
    tile: &Tile<'_>,
    sums: &[[X::Vector; V]],
) {
    // SAFETY: as in `tile`.
    unsafe {
        let mut meanings = [[X::zero(); 3]; V];
        if EACH == 4 {
            for (v, meaning) in meanings.iter_mut().enumerate() {
                *meaning = X::meaning(&tile.scaling, tile.bias, v * X::LANES);
            }
        }
        for (p, sums) in sums.iter().enumerate() {
            let mut results = *sums;
            if EACH == 4 {
                for (result, meaning) in results.iter_mut().zip(&meanings) {
                    *result = X::scaled(*result, meaning);
                }
            }
            for addend in tile.addends {
                if ROUNDS && addend.rounded {
                    for (v, result) in results.iter_mut().enumerate() {
                        let values = addend.rounded_at(p).add(tile.channel(v, V, X::LANES));
                        *result = X::add(*result, X::load_rounded(values));
                    }
                } else {
                    for (v, result) in results.iter_mut().enumerate() {
                        *result = X::add(*result, X::load(addend.at(p).add(tile.channel(v, V, X::LANES))));
                    }
                }
            }
            for (v, result) in results.iter_mut().enumerate() {
                if tile.relu {
                    *result = X::max(*result, X::zero());
                }
                let at = p * tile.output_step + tile.channel(v, V, X::LANES);
                if ROUNDED {
                    X::store_rounded(tile.output.cast::<u16>().add(at), *result);
                } else {
                    X::store(tile.output.add(at), *result);
                }
            }
        }
    }
}

/// Adds the products of one word of each pixel with a row of weights.
///
/// # Safety
/// As said at [`tile`].
#[inline(always)]
unsafe fn product<X: Vectors, const EACH: usize, const P: usize, const V: usize>(
    bases: &[*const f32; BASES],
    step: usize,
    k: usize,
    weights: &mut *const f32,
    sums: &mut [[X::Vector; V]; P],
) {
    // SAFETY: as in `tile`.
    unsafe {
        let row = vectors::<X, V>(*weights);
        *weights = weights.add(V * X::LANES);
        for (p, sums) in sums.iter_mut().enumerate() {
            let value = X::one(bases[p / SHARED].wrapping_add(p % SHARED * step + k).read());
            for (sum, row) in sums.iter_mut().zip(row) {
                *sum = match EACH {
                    1 => X::single(value, row, *sum),
                    2 => X::halves(value, row, *sum),
                    _ => X::bytes(value, row, *sum),
                };
            }
        }
    }
}

/// # Safety
/// There are `V` vectors to be read.
#[inline(always)]
unsafe fn vectors<X: Vectors, const V: usize>(values: *const f32) -> [X::Vector; V] {
    // SAFETY: the caller vouches for them.
    unsafe {
        let mut vectors = [X::zero(); V];
        for (v, vector) in vectors.iter_mut().enumerate() {
            *vector = X::load(values.add(v * X::LANES));
        }
        vectors
    }
}

macro_rules! compiled {
    ($($name:ident: $vectors:ident, $each:literal, $rounds:literal, $features:literal;)*) => {
        $(
            /// # Safety
            /// As said at [`Kernel`]; the panel has `V` vectors.
            #[target_feature(enable = $features)]
            unsafe fn $name<const P: usize, const V: usize>(it: &Tile<'_>) {
                // SAFETY: the caller vouches for all that it asks for, and the instructions are enabled.
                unsafe { tile::<$vectors, $each, $rounds, P, V>(it) }
            }
        )*
    };
}

compiled! {
    wide: Wide, 1, false, "avx512f,avx512vl,avx2,fma";
    narrow: Narrow, 1, false, "avx512f,avx512vl,avx2,fma";
    wide_halves: Wide, 2, false, "avx512f,avx512vl,avx512bf16,avx2,fma";
    narrow_halves: Narrow, 2, false, "avx512f,avx512vl,avx512bf16,avx2,fma";
    wide_bytes: Wide, 4, false, "avx512f,avx512vl,avx512vnni,avx2,fma";
    narrow_bytes: Narrow, 4, false, "avx512f,avx512vl,avx512vnni,avx2,fma";
    wide_rounding: Wide, 4, true, "avx512f,avx512vl,avx512vnni,avx512bf16,avx2,fma";
    narrow_rounding: Narrow, 4, true, "avx512f,avx512vl,avx512vnni,avx512bf16,avx2,fma";
    half: Narrow, 1, false, "avx2,fma";
}

pub(super) fn avx512(panel: usize, pixels: usize, precision: Precision) -> Option<Kernel> {
    match (precision, panel) {
        (Precision::F32, 8) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10 11 12, narrow::<P, 1>),
        (Precision::F32, 16) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10 11 12, wide::<P, 1>),
        (Precision::F32, 24) => instance!(pixels, P of 1 2 3 4 5 6 7 8, narrow::<P, 3>),
        (Precision::F32, 32) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10, wide::<P, 2>),
        (Precision::Bf16, 8) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10 11 12, narrow_halves::<P, 1>),
        (Precision::Bf16, 16) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10 11 12, wide_halves::<P, 1>),
        (Precision::Bf16, 24) => instance!(pixels, P of 1 2 3 4 5 6 7 8, narrow_halves::<P, 3>),
        (Precision::Bf16, 32) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10, wide_halves::<P, 2>),
        (Precision::Int8, 8) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10 11 12, narrow_bytes::<P, 1>),
        (Precision::Int8, 16) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10 11 12, wide_bytes::<P, 1>),
        (Precision::Int8, 24) => instance!(pixels, P of 1 2 3 4 5 6 7 8, narrow_bytes::<P, 3>),
        (Precision::Int8, 32) => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10, wide_bytes::<P, 2>),
        _ => None,
    }
}

/// The kernels of bytes that write and add rounded values too.
pub(super) fn avx512_rounding(panel: usize, pixels: usize) -> Option<Kernel> {
    match panel {
        8 => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10 11 12, narrow_rounding::<P, 1>),
        16 => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10 11 12, wide_rounding::<P, 1>),
        24 => instance!(pixels, P of 1 2 3 4 5 6 7 8, narrow_rounding::<P, 3>),
        32 => instance!(pixels, P of 1 2 3 4 5 6 7 8 9 10, wide_rounding::<P, 2>),
        _ => None,
    }
}

pub(super) fn avx2(panel: usize, pixels: usize) -> Option<Kernel> {
    match panel {
        8 => instance!(pixels, P of 1 2 3 4 5 6 7 8, half::<P, 1>),
        16 => instance!(pixels, P of 1 2 3 4 5 6, half::<P, 2>),
        24 => instance!(pixels, P of 1 2 3, half::<P, 3>),
        _ => None,
    }
}
