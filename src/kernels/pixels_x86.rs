//! The same on AVX-512 with bf16, by permutations of whole vectors.

use std::arch::x86_64::*;

use super::normalise::Normalise;
use super::pixels::{Colours, PIXEL};

/// Values of a vector.
const LINE: usize = 32;

/// Whether this processor has what the functions here take.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bf16")
}

/// Rounds three rows and writes them pixel by pixel.
///
/// # Safety
/// The processor has AVX-512 with bf16. All rows have as many values as the first, and there is room for as many pixels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn colours(red: &[f32], green: &[f32], blue: &[f32], to: &mut [u16]) {
    for from in (0..red.len()).step_by(LINE) {
        // SAFETY: masks keep to the rows and to the room that there is.
        unsafe {
            let count = red.len() - from;
            let red = rounded(red.as_ptr().wrapping_add(from), count);
            let green = rounded(green.as_ptr().wrapping_add(from), count);
            let blue = rounded(blue.as_ptr().wrapping_add(from), count);
            for (vector, [two, three]) in PLACES.iter().enumerate() {
                let two = _mm512_loadu_si512(two.as_ptr().cast());
                let three = _mm512_loadu_si512(three.as_ptr().cast());
                let two = _mm512_permutex2var_epi16(red, two, green);
                let three = _mm512_maskz_permutex2var_epi16(COLOURED, two, three, blue);
                let at = PIXEL * from + vector * LINE;
                let left = to.len().saturating_sub(at);
                _mm512_mask_storeu_epi16(to.as_mut_ptr().wrapping_add(at).cast(), first(left), three);
            }
        }
    }
}

/// Which values of a vector are colours, not what is behind them.
const COLOURED: __mmask32 = 0x7777_7777;

/// For each vector of interleaved colours, where its values are: of the first two in their vectors, then of all three in what that gives and
/// the third's vector.
const PLACES: [[[u16; LINE]; 2]; PIXEL] = {
    let mut places = [[[0; LINE]; 2]; PIXEL];
    let mut index = 0;
    while index < PIXEL * LINE {
        let (vector, place) = (index / LINE, index % LINE);
        let (pixel, colour) = ((index / PIXEL) as u16, index % PIXEL);
        places[vector][0][place] = pixel + if colour == 1 { LINE as u16 } else { 0 };
        places[vector][1][place] = if colour == 2 { LINE as u16 + pixel } else { place as u16 };
        index += 1;
    }
    places
};

/// A mask of the first `count` of a vector of halves.
pub(super) fn first(count: usize) -> __mmask32 {
    if count < LINE { (1 << count) - 1 } else { __mmask32::MAX }
}

/// The first `count` of a vector's values, rounded, and zeros.
///
/// # Safety
/// The processor has AVX-512 with bf16, and the values are there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn rounded(values: *const f32, count: usize) -> __m512i {
    let mask = first(count);
    // SAFETY: masks keep to the values that are there.
    unsafe {
        let low = _mm512_maskz_loadu_ps(mask as __mmask16, values);
        let high = _mm512_maskz_loadu_ps((mask >> (LINE / 2)) as __mmask16, values.wrapping_add(LINE / 2));
        std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low))
    }
}

/// Pixels that are made of one load of samples.
const FOUR: usize = 4;
/// Values that memory is asked for before they are needed.
const AHEAD: usize = 1024;

/// Does the row's pixels by eights, and says how many that were.
///
/// # Safety
/// The processor has AVX-512 with bf16. A pixel has at most four samples, and there is room for as many pixels as the row has.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16,avx2")]
pub(super) unsafe fn samples(colours: &Colours, row: &[u8], to: &mut [u16]) -> usize {
    let Colours { samples, normalise: Normalise { scale, bias }, .. } = *colours;
    let places = places(colours);
    let four = |[red, green, blue]: [f32; 3]| [red, green, blue, 0.0];
    let eights = row.len() / (2 * FOUR * samples);
    // SAFETY: the mask keeps to the samples of four pixels, which are in the row, and there is room for them.
    unsafe {
        let places = _mm_loadu_si128(places.as_ptr().cast());
        let there = ((1u32 << (FOUR * samples)) - 1) as __mmask16;
        let [scale, bias] = [scale, bias].map(|each| _mm512_broadcast_f32x4(_mm_loadu_ps(four(each).as_ptr())));
        for eight in 0..eights {
            let pixel = 2 * FOUR * eight;
            // The network has driven both out of the near caches: 0.75 to 0.9 of the time.
            _mm_prefetch::<_MM_HINT_ET0>(to.as_ptr().wrapping_add(pixel * PIXEL + AHEAD).cast());
            _mm_prefetch::<_MM_HINT_T0>(row.as_ptr().wrapping_add(pixel * samples + AHEAD).cast());
            let values = [pixel, pixel + FOUR].map(|pixel| {
                let samples = _mm_maskz_loadu_epi8(there, row.as_ptr().add(pixel * samples).cast());
                let samples = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_shuffle_epi8(samples, places)));
                // Not fused, so that planes are rounded to the same.
                _mm512_add_ps(_mm512_mul_ps(samples, scale), bias)
            });
            let rounded = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(values[1], values[0]));
            _mm512_storeu_si512(to.as_mut_ptr().add(pixel * PIXEL).cast(), rounded);
        }
    }
    2 * FOUR * eights
}

/// Where the colours of four pixels are among their samples; a place with its highest bit set gives zero.
fn places(colours: &Colours) -> [u8; PIXEL * FOUR] {
    let Colours { samples, order, .. } = *colours;
    std::array::from_fn(|at| order.get(at % PIXEL).map_or(0x80, |place| (at / PIXEL * samples + place) as u8))
}

/// Whether this processor has what [`words`] takes.
pub(super) fn shuffles() -> bool {
    is_x86_feature_detected!("ssse3")
}

/// Does the row's pixels by fours as bytes, as far as 16 samples can be read, and says how many that were.
///
/// # Safety
/// The processor has SSSE3. A pixel has at most four samples, and there is room for as many pixels as the row has.
#[target_feature(enable = "ssse3")]
pub(super) unsafe fn words(colours: &Colours, row: &[u8], to: &mut [u32]) -> usize {
    let samples = colours.samples;
    let fours = (row.len() + FOUR * samples).saturating_sub(PIXEL * FOUR) / (FOUR * samples);
    let places = places(colours);
    // SAFETY: the last four is one behind which 16 samples are in the row, and there is room for them.
    unsafe {
        let places = _mm_loadu_si128(places.as_ptr().cast());
        for four in 0..fours {
            let from = _mm_loadu_si128(row.as_ptr().add(FOUR * four * samples).cast());
            _mm_storeu_si128(to.as_mut_ptr().add(FOUR * four).cast(), _mm_shuffle_epi8(from, places));
        }
    }
    FOUR * fours
}
