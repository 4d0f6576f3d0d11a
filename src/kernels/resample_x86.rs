//! Rows of pixels on x86-64 vector instructions, eight target pixels at once: see [`super::resample`].

use std::arch::x86_64::*;

use super::resample::{BLOCK, Block, Pairs, Row, Scaled, put, put_planes};

/// The sums, from `start` on, of a block of pixels of `N` samples: of pixels 0 and 4, 1 and 5, 2 and 6, 3 and 7, three colours and a fourth of weight zero
/// each. A pair of source pixels is loaded at once and sorted into pairs of the same colour, which are multiplied with their two weights and added by
/// one instruction.
///
/// # Safety
/// The block is one of the row's, which has the samples that its table reaches.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sums<const N: usize>(
    samples: &[i16],
    (firsts, weights): Block<'_>,
    sorted: __m256i,
    start: __m256i,
) -> [__m256i; BLOCK / 2] {
    let mut sums = [start; BLOCK / 2];
    for (pair, weights) in weights.iter().enumerate() {
        let samples = samples.as_ptr().wrapping_add(pair * 2 * N);
        let weights = load(weights);
        let weights = [
            _mm256_shuffle_epi32::<0x00>(weights),
            _mm256_shuffle_epi32::<0x55>(weights),
            _mm256_shuffle_epi32::<0xAA>(weights),
            _mm256_shuffle_epi32::<0xFF>(weights),
        ];
        for (p, (sum, weights)) in sums.iter_mut().zip(weights).enumerate() {
            // SAFETY: the table reaches `LOAD` samples from there.
            let two = |p: usize| unsafe { _mm_loadu_si128(samples.add(firsts[p] as usize).cast()) };
            let samples = _mm256_shuffle_epi8(_mm256_set_m128i(two(p + BLOCK / 2), two(p)), sorted);
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(samples, weights));
        }
    }
    sums
}

/// Where the pairs of each colour are among two pixels of `N` samples.
#[inline]
#[target_feature(enable = "avx2")]
fn sorted<const N: usize>(order: [usize; 3]) -> __m256i {
    let mut places = [0x80u8; 16];
    for (pair, place) in places.as_chunks_mut::<4>().0.iter_mut().zip(order) {
        *pair = [2 * place, 2 * place + 1, 2 * (N + place), 2 * (N + place) + 1].map(|byte| byte as u8);
    }
    // SAFETY: there are sixteen.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(places.as_ptr().cast()) })
}

/// Pixels of `N` samples, to planes.
///
/// # Safety
/// The row must have the samples that the table reaches.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn pixels<const N: usize>(row: Row<'_>, scaled: Scaled, planes: [&mut [f32]; 3]) {
    let sorted = sorted::<N>([0, 1, 2]);
    let values = |block| {
        // SAFETY: as the caller says.
        let [a, b, c, d] = unsafe { sums::<N>(row.samples, block, sorted, _mm256_setzero_si256()) };
        let (first, second) = (_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d));
        let (third, fourth) = (_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d));
        let colours = [
            _mm256_unpacklo_epi64(first, second),
            _mm256_unpackhi_epi64(first, second),
            _mm256_unpacklo_epi64(third, fourth),
        ];
        finish(scaled, colours)
    };
    put_planes(planes, row.blocks().map(values));
}

/// The same to bytes.
///
/// # Safety
/// As of [`pixels`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn pixel_bytes<const N: usize>(row: Row<'_>, shift: u32, order: [usize; 3], pixels: &mut [u32]) {
    let sorted = sorted::<N>(order);
    let bytes = |block| {
        // SAFETY: as the caller says.
        let sums = unsafe { sums::<N>(row.samples, block, sorted, half(shift)) };
        let [a, b, c, d] = sums.map(|sums| shifted(sums, shift));
        // Within their halves of a vector, so that pixels come out one after another.
        words(_mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d)))
    };
    put(pixels, row.blocks().map(bytes));
}

/// What makes sums that begin with it come to the nearest once they are [`shifted`].
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn half(shift: u32) -> __m256i {
    _mm256_set1_epi32(1 << (shift - 1))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn shifted(sums: __m256i, shift: u32) -> __m256i {
    _mm256_sra_epi32(sums, _mm_cvtsi32_si128(shift as i32))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn words(vector: __m256i) -> [u32; BLOCK] {
    // SAFETY: a vector is eight words.
    unsafe { std::mem::transmute(vector) }
}

/// The sums, from `start` on, of a block of pixels of one sample.
///
/// # Safety
/// As of [`sums`].
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn grey_sums(samples: &[i16], (firsts, weights): Block<'_>, start: __m256i) -> __m256i {
    let mut sum = start;
    for (pair, weights) in weights.iter().enumerate() {
        let samples = samples.as_ptr().wrapping_add(2 * pair);
        // SAFETY: the table reaches `LOAD` samples from there.
        let two = |p: usize| unsafe { samples.add(firsts[p] as usize).cast::<i32>().read_unaligned() };
        let samples = _mm256_setr_epi32(two(0), two(1), two(2), two(3), two(4), two(5), two(6), two(7));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, load(weights)));
    }
    sum
}

/// Pixels of one sample, which go to all planes.
///
/// # Safety
/// As of [`pixels`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn grey(row: Row<'_>, scaled: Scaled, planes: [&mut [f32]; 3]) {
    let values = |block| {
        // SAFETY: as the caller says.
        let sums = unsafe { grey_sums(row.samples, block, _mm256_setzero_si256()) };
        finish(scaled, [sums; 3])
    };
    put_planes(planes, row.blocks().map(values));
}

/// The same to bytes.
///
/// # Safety
/// As of [`pixels`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn grey_bytes(row: Row<'_>, shift: u32, pixels: &mut [u32]) {
    let bytes = |block| {
        // SAFETY: as the caller says.
        let byte = shifted(unsafe { grey_sums(row.samples, block, half(shift)) }, shift);
        words(_mm256_mullo_epi32(byte, _mm256_set1_epi32(0x01_01_01)))
    };
    put(pixels, row.blocks().map(bytes));
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(weights: &Pairs) -> __m256i {
    // SAFETY: eight pairs of two bytes each, twice, are 32 bytes.
    unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) }
}

/// Not fused, so that it rounds as everywhere.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn finish(scaled: Scaled, sums: [__m256i; 3]) -> [[f32; BLOCK]; 3] {
    let mut values = [[0.0; BLOCK]; 3];
    for (c, (values, sum)) in values.iter_mut().zip(sums).enumerate() {
        let (scale, bias) = (_mm256_set1_ps(scaled.scale[c]), _mm256_set1_ps(scaled.bias[c]));
        let value = _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale), bias);
        // SAFETY: there are eight.
        unsafe { _mm256_storeu_ps(values.as_mut_ptr(), value) };
    }
    values
}
