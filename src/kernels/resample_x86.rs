//! Rows of pixels on x86-64 vector instructions, eight target pixels at once: see [`super::resample`].

use std::arch::x86_64::*;

use super::resample::{BLOCK, Pairs, Row, put};

/// Pixels of `N` samples. A pair of source pixels is loaded at once and sorted into pairs of the same colour, which are multiplied with their two
/// weights and added by one instruction.
///
/// # Safety
/// The row must have the samples that the table reaches.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn pixels<const N: usize>(row: &Row<'_>, mut planes: [&mut [f32]; 3]) {
    let sorted = match N {
        3 => _mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1),
        _ => _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, -1, -1, -1, -1),
    };
    let sorted = _mm256_set_m128i(sorted, sorted);
    let table = row.table;
    for (block, firsts) in table.firsts.iter().enumerate() {
        // Of pixels 0 and 4, 1 and 5, 2 and 6, 3 and 7.
        let mut sums = [_mm256_setzero_si256(); BLOCK / 2];
        for (pair, weights) in table.weights[block * table.pairs..][..table.pairs].iter().enumerate() {
            let weights = load(weights);
            let weights = [
                _mm256_shuffle_epi32::<0x00>(weights),
                _mm256_shuffle_epi32::<0x55>(weights),
                _mm256_shuffle_epi32::<0xAA>(weights),
                _mm256_shuffle_epi32::<0xFF>(weights),
            ];
            for (p, (sum, weights)) in sums.iter_mut().zip(weights).enumerate() {
                let two = |p: usize| {
                    let at = firsts[p] as usize + pair * 2 * N;
                    // SAFETY: the table reaches `LOAD` samples from there.
                    unsafe { _mm_loadu_si128(row.samples.as_ptr().add(at).cast()) }
                };
                let samples = _mm256_shuffle_epi8(_mm256_set_m128i(two(p + BLOCK / 2), two(p)), sorted);
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(samples, weights));
            }
        }
        let [a, b, c, d] = sums;
        let (first, second) = (_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d));
        let (third, fourth) = (_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d));
        let colours = [
            _mm256_unpacklo_epi64(first, second),
            _mm256_unpackhi_epi64(first, second),
            _mm256_unpacklo_epi64(third, fourth),
        ];
        finish(row, &mut planes, block, colours);
    }
}

/// Pixels of one sample, which go to all planes.
///
/// # Safety
/// As of [`pixels`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn grey(row: &Row<'_>, mut planes: [&mut [f32]; 3]) {
    let table = row.table;
    for (block, firsts) in table.firsts.iter().enumerate() {
        let mut sum = _mm256_setzero_si256();
        for (pair, weights) in table.weights[block * table.pairs..][..table.pairs].iter().enumerate() {
            let two = |p: usize| {
                let at = firsts[p] as usize + pair * 2;
                // SAFETY: the table reaches `LOAD` samples from there.
                unsafe { row.samples.as_ptr().add(at).cast::<i32>().read_unaligned() }
            };
            let samples = _mm256_setr_epi32(two(0), two(1), two(2), two(3), two(4), two(5), two(6), two(7));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, load(weights)));
        }
        finish(row, &mut planes, block, [sum; 3]);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(weights: &Pairs) -> __m256i {
    // SAFETY: eight pairs of two bytes each, twice, are 32 bytes.
    unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) }
}

/// Not fused, so that it rounds as everywhere.
#[inline]
#[target_feature(enable = "avx2")]
fn finish(row: &Row<'_>, planes: &mut [&mut [f32]; 3], block: usize, sums: [__m256i; 3]) {
    let mut values = [[0.0; BLOCK]; 3];
    for (c, (values, sum)) in values.iter_mut().zip(sums).enumerate() {
        let (scale, bias) = (_mm256_set1_ps(row.scale[c]), _mm256_set1_ps(row.bias[c]));
        let value = _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale), bias);
        // SAFETY: there are eight.
        unsafe { _mm256_storeu_ps(values.as_mut_ptr(), value) };
    }
    put(planes, block, values);
}
