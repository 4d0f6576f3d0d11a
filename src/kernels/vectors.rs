//! Vectors of two widths under the same names.

use std::arch::x86_64::*;
use std::mem::transmute;

use super::tile::Scaling;

/// Vectors of one width. Words and sums of every kind go by the type of f32.
///
/// # Safety
/// Of every function: it is inlined where the instructions are enabled that it is made of, and what it is to read or write is there.
pub(super) trait Vectors {
    type Vector: Copy;
    const LANES: usize;
    unsafe fn zero() -> Self::Vector;
    unsafe fn one(value: f32) -> Self::Vector;
    unsafe fn load(values: *const f32) -> Self::Vector;
    unsafe fn store(values: *mut f32, vector: Self::Vector);
    /// The same of bits of bf16.
    unsafe fn load_rounded(values: *const u16) -> Self::Vector;
    unsafe fn store_rounded(values: *mut u16, vector: Self::Vector);
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn max(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// A sum and a product of f32, rounded once.
    unsafe fn single(value: Self::Vector, row: Self::Vector, sum: Self::Vector) -> Self::Vector;
    /// A sum and two products of bf16.
    unsafe fn halves(value: Self::Vector, row: Self::Vector, sum: Self::Vector) -> Self::Vector;
    /// A sum of i32 and four products of bytes, unsigned values and signed weights.
    unsafe fn bytes(value: Self::Vector, row: Self::Vector, sum: Self::Vector) -> Self::Vector;
    /// What sums of bytes' products mean that begin at channel `at`: what is taken from them, what they are multiplied with, what is added.
    unsafe fn meaning(scaling: &Scaling, bias: *const f32, at: usize) -> [Self::Vector; 3];
    /// The values that they mean.
    unsafe fn scaled(sum: Self::Vector, meaning: &[Self::Vector; 3]) -> Self::Vector;
}

/// 512 bit.
pub(super) struct Wide;
/// 256 bit.
pub(super) struct Narrow;

macro_rules! vectors {
    ($name:ident, $vector:ty, $halves:ty, $lanes:literal, $zero:ident, $one:ident, $load:ident, $store:ident, $add:ident, $max:ident, $fma:ident,
        $dot_halves:ident, $dot_bytes:ident, $int:ident, $from_int:ident, $to_float:ident, $one_int:ident, $load_int:ident,
        $sub_int:ident, $mul_int:ident, $mul:ident,
        $shift:ident, $widen:ident, $load_halves:ident, $store_halves:ident, $round:ident, $rounded:ty, $half_int:ty) => {
        // SAFETY: every block does what its function asks its caller to vouch for.
        impl Vectors for $name {
            type Vector = $vector;
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn zero() -> $vector {
                unsafe { $zero() }
            }

            #[inline(always)]
            unsafe fn one(value: f32) -> $vector {
                unsafe { $one(value) }
            }

            #[inline(always)]
            unsafe fn load(values: *const f32) -> $vector {
                unsafe { $load(values) }
            }

            #[inline(always)]
            unsafe fn store(values: *mut f32, vector: $vector) {
                unsafe { $store(values, vector) }
            }

            #[inline(always)]
            unsafe fn load_rounded(values: *const u16) -> $vector {
                unsafe { $from_int($shift::<16>($widen($load_halves(values.cast())))) }
            }

            #[inline(always)]
            unsafe fn store_rounded(values: *mut u16, vector: $vector) {
                unsafe { $store_halves(values.cast(), transmute::<$rounded, $half_int>($round(vector))) }
            }

            #[inline(always)]
            unsafe fn add(a: $vector, b: $vector) -> $vector {
                unsafe { $add(a, b) }
            }

            #[inline(always)]
            unsafe fn max(a: $vector, b: $vector) -> $vector {
                unsafe { $max(a, b) }
            }

            #[inline(always)]
            unsafe fn single(value: $vector, row: $vector, sum: $vector) -> $vector {
                unsafe { $fma(value, row, sum) }
            }

            #[inline(always)]
            unsafe fn halves(value: $vector, row: $vector, sum: $vector) -> $vector {
                unsafe { $dot_halves(sum, transmute::<$vector, $halves>(value), transmute::<$vector, $halves>(row)) }
            }

            #[inline(always)]
            unsafe fn bytes(value: $vector, row: $vector, sum: $vector) -> $vector {
                unsafe { $from_int($dot_bytes($int(sum), $int(value), $int(row))) }
            }

            #[inline(always)]
            unsafe fn meaning(scaling: &Scaling, bias: *const f32, at: usize) -> [$vector; 3] {
                unsafe {
                    let zeros = $mul_int($one_int(scaling.range.zero), $load_int(scaling.sums.add(at).cast()));
                    let scale = $mul($one(scaling.range.scale), $load(scaling.scales.add(at)));
                    [$from_int(zeros), scale, $load(bias.add(at))]
                }
            }

            #[inline(always)]
            unsafe fn scaled(sum: $vector, [zeros, scale, bias]: &[$vector; 3]) -> $vector {
                unsafe { $add($mul($to_float($sub_int($int(sum), $int(*zeros))), *scale), *bias) }
            }
        }
    };
}

vectors!(
    Wide,
    __m512,
    __m512bh,
    16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_max_ps,
    _mm512_fmadd_ps,
    _mm512_dpbf16_ps,
    _mm512_dpbusd_epi32,
    _mm512_castps_si512,
    _mm512_castsi512_ps,
    _mm512_cvtepi32_ps,
    _mm512_set1_epi32,
    _mm512_loadu_si512,
    _mm512_sub_epi32,
    _mm512_mullo_epi32,
    _mm512_mul_ps,
    _mm512_slli_epi32,
    _mm512_cvtepu16_epi32,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm512_cvtneps_pbh,
    __m256bh,
    __m256i
);
vectors!(
    Narrow,
    __m256,
    __m256bh,
    8,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_max_ps,
    _mm256_fmadd_ps,
    _mm256_dpbf16_ps,
    _mm256_dpbusd_epi32,
    _mm256_castps_si256,
    _mm256_castsi256_ps,
    _mm256_cvtepi32_ps,
    _mm256_set1_epi32,
    _mm256_loadu_si256,
    _mm256_sub_epi32,
    _mm256_mullo_epi32,
    _mm256_mul_ps,
    _mm256_slli_epi32,
    _mm256_cvtepu16_epi32,
    _mm_loadu_si128,
    _mm_storeu_si128,
    _mm256_cvtneps_pbh,
    __m128bh,
    __m128i
);
