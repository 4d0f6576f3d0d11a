//! What becomes of the sums that tiles leave: those of bytes are scaled, bias and addends are added, negative ones cut off, and they are stored.

use std::arch::x86_64::*;

use super::product::{Product, Results, SIDE, SUMS, SUMS_STEP, Strip};
use super::tile::TileAddend;
use super::vectors::{Vectors, Wide};

/// Finishes strips, whose sums follow each other, [`SUMS`] each: i32 where they are of `BYTES`.
///
/// # Safety
/// As said at `multiply`, whose strips, bias, addends and results these are.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16,avx2,fma")]
pub(super) unsafe fn finish<const V: usize, const BYTES: bool>(
    product: &Product<'_>,
    strips: &[Strip],
    sums: *const f32,
) {
    for (index, strip) in strips.iter().enumerate() {
        // SAFETY: as the caller says.
        unsafe {
            let sums = sums.add(index * SUMS);
            match (strip.output, &strip.addends[..product.addends]) {
                (Results::Planes(output, step), _) => {
                    finish_planes::<V, BYTES>(product, strip.pixels, output, step, sums);
                }
                (Results::Rounded(output), []) => {
                    finish_rounded::<V, BYTES, 0>(product, strip.pixels, output, [], sums);
                }
                (Results::Rounded(output), [a]) if a.rounded => {
                    finish_rounded::<V, BYTES, 1>(product, strip.pixels, output, [a], sums);
                }
                (Results::Rounded(output), [a, b]) if a.rounded && b.rounded => {
                    finish_rounded::<V, BYTES, 2>(product, strip.pixels, output, [a, b], sums);
                }
                _ => finish_pixels::<V, BYTES>(product, strip, sums),
            }
        }
    }
}

/// What sums mean that begin at channel `first` of the panel: what is taken from them and what they are multiplied with where they are of bytes, and what is added.
///
/// # Safety
/// As said at [`finish`].
#[inline(always)]
unsafe fn meaning<const BYTES: bool>(product: &Product<'_>, first: usize) -> [__m512; 3] {
    // SAFETY: there is a whole vector of each.
    unsafe {
        match &product.scaling {
            Some(scaling) if BYTES => Wide::meaning(scaling, product.bias, first),
            _ => [_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_loadu_ps(product.bias.add(first))],
        }
    }
}

/// Sums with their bias, as values.
///
/// # Safety
/// As said at [`finish`].
#[inline(always)]
unsafe fn valued<const BYTES: bool>(sums: *const f32, meaning: &[__m512; 3]) -> __m512 {
    // SAFETY: there is a whole vector, in a line of its own.
    unsafe {
        let sums = _mm512_load_ps(sums);
        if BYTES { Wide::scaled(sums, meaning) } else { _mm512_add_ps(sums, meaning[2]) }
    }
}

/// Lanes of the panel's vectors that are channels.
#[inline(always)]
fn masks<const V: usize>(product: &Product<'_>) -> [__mmask16; V] {
    std::array::from_fn(|v| ((1u32 << (product.channels - v * SIDE).min(SIDE)) - 1) as __mmask16)
}

/// What negative results become.
#[inline(always)]
unsafe fn floor(product: &Product<'_>) -> __m512 {
    // SAFETY: as the caller says, there is AVX-512.
    unsafe { _mm512_set1_ps(if product.relu { 0.0 } else { f32::NEG_INFINITY }) }
}

/// Rounds a pixel's results and stores them.
///
/// # Safety
/// As said at [`finish`]; the masks keep to channels that are there.
#[inline(always)]
unsafe fn store_rounded<const V: usize>(output: *mut u16, results: [__m512; V], masks: [__mmask16; V]) {
    // SAFETY: as the caller says.
    unsafe {
        let (high, mask) = if V == 2 {
            (results[V - 1], u32::from(masks[0]) | u32::from(masks[V - 1]) << SIDE)
        } else {
            (_mm512_setzero_ps(), u32::from(masks[0]))
        };
        let rounded = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, results[0]));
        _mm512_mask_storeu_epi16(output.cast(), mask, rounded);
    }
}

/// Adds `A` addends, all of them rounded, cuts off, rounds and stores a strip's sums: most of them are such, and nothing is decided pixel by pixel here.
///
/// # Safety
/// As said at [`finish`].
#[inline(always)]
unsafe fn finish_rounded<const V: usize, const BYTES: bool, const A: usize>(
    product: &Product<'_>,
    pixels: usize,
    output: *mut u16,
    addends: [&TileAddend; A],
    sums: *const f32,
) {
    let masks = masks::<V>(product);
    // SAFETY: the masks keep to the channels that are there; the bias has whole vectors.
    unsafe {
        let meaning: [_; V] = std::array::from_fn(|v| meaning::<BYTES>(product, v * SIDE));
        let floor = floor(product);
        for p in 0..pixels {
            let mut results: [__m512; V] =
                std::array::from_fn(|v| valued::<BYTES>(sums.add(p * SUMS_STEP + v * SIDE), &meaning[v]));
            for addend in addends {
                let values = addend.rounded_at(p).add(product.first);
                for v in 0..V {
                    let halves = _mm256_maskz_loadu_epi16(masks[v], values.add(v * SIDE).cast());
                    results[v] = _mm512_add_ps(results[v], widened(halves));
                }
            }
            // In this order what is no number stays.
            let results = results.map(|result| _mm512_max_ps(floor, result));
            store_rounded(output.add(p * product.output_step + product.first), results, masks);
        }
    }
}

/// Values of bf16 in full.
#[inline(always)]
unsafe fn widened(halves: __m256i) -> __m512 {
    // SAFETY: as the caller says, there is AVX-512.
    unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves))) }
}

/// Adds, cuts off and stores a strip's sums, whatever is added and written.
///
/// # Safety
/// As said at [`finish`].
#[inline(always)]
unsafe fn finish_pixels<const V: usize, const BYTES: bool>(product: &Product<'_>, strip: &Strip, sums: *const f32) {
    let masks = masks::<V>(product);
    // SAFETY: the masks keep to the channels that are there; the bias has whole vectors.
    unsafe {
        let meaning: [_; V] = std::array::from_fn(|v| meaning::<BYTES>(product, v * SIDE));
        let floor = floor(product);
        for p in 0..strip.pixels {
            let sums = sums.add(p * SUMS_STEP);
            let mut results: [__m512; V] = std::array::from_fn(|v| valued::<BYTES>(sums.add(v * SIDE), &meaning[v]));
            for addend in &strip.addends[..product.addends] {
                for v in 0..V {
                    let channel = product.first + v * SIDE;
                    let values = if addend.rounded {
                        widened(_mm256_maskz_loadu_epi16(masks[v], addend.rounded_at(p).add(channel).cast()))
                    } else {
                        _mm512_maskz_loadu_ps(masks[v], addend.at(p).add(channel))
                    };
                    results[v] = _mm512_add_ps(results[v], values);
                }
            }
            // In this order what is no number stays.
            let results = results.map(|result| _mm512_max_ps(floor, result));
            let at = p * product.output_step + product.first;
            match strip.output {
                Results::Whole(output) => {
                    for v in 0..V {
                        _mm512_mask_storeu_ps(output.add(at + v * SIDE), masks[v], results[v]);
                    }
                }
                Results::Planes(..) => unreachable!("`finish` takes these elsewhere"),
                Results::Rounded(output) => store_rounded(output.add(at), results, masks),
            }
        }
    }
}

/// The same for sums that go to planes.
///
/// # Safety
/// As said at [`finish`].
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16,avx2,fma")]
unsafe fn finish_planes<const V: usize, const BYTES: bool>(
    product: &Product<'_>,
    pixels: usize,
    output: *mut f32,
    step: usize,
    sums: *const f32,
) {
    let mask = ((1u32 << pixels) - 1) as __mmask16;
    // SAFETY: the mask keeps to the pixels that are there, and no more channels are stored than are.
    unsafe {
        let floor = floor(product);
        for v in 0..V {
            let first = v * SIDE;
            let meaning = meaning::<BYTES>(product, first);
            let rows = std::array::from_fn(|p| valued::<BYTES>(sums.add(p * SUMS_STEP + first), &meaning));
            let count = (product.channels - first).min(SIDE);
            for (channel, values) in transposed(rows).into_iter().enumerate().take(count) {
                // In this order what is no number stays.
                let values = _mm512_max_ps(floor, values);
                _mm512_mask_storeu_ps(output.add((product.first + first + channel) * step), mask, values);
            }
        }
    }
}

/// Columns for rows: squares beside the diagonal change places, first the two of eight by eight, in the end those of single values.
#[inline]
#[target_feature(enable = "avx512f")]
fn transposed(mut rows: [__m512; SIDE]) -> [__m512; SIDE] {
    change::<8>(&mut rows);
    change::<4>(&mut rows);
    change::<2>(&mut rows);
    change::<1>(&mut rows);
    rows
}

/// Changes squares with `S` values a side.
#[inline]
#[target_feature(enable = "avx512f")]
fn change<const S: usize>(rows: &mut [__m512; SIDE]) {
    let [above, below] = const { [places(S, true), places(S, false)] };
    // SAFETY: a vector of places is as long as one of values.
    let [above, below] = [above, below].map(|places| unsafe { _mm512_loadu_si512(places.as_ptr().cast()) });
    for pair in 0..SIDE / 2 {
        let row = pair / S * 2 * S + pair % S;
        let (a, b) = (rows[row], rows[row + S]);
        rows[row] = _mm512_permutex2var_ps(a, above, b);
        rows[row + S] = _mm512_permutex2var_ps(a, below, b);
    }
}

/// Where the values of the row above or below are: in the one above, or by [`SIDE`] more in that below.
const fn places(side: usize, above: bool) -> [u32; SIDE] {
    let mut places = [0; SIDE];
    let mut place = 0;
    while place < SIDE {
        let from = match (above, place & side == 0) {
            (true, true) => place,
            (true, false) => SIDE + place - side,
            (false, true) => place + side,
            (false, false) => SIDE + place,
        };
        places[place] = from as u32;
        place += 1;
    }
    places
}
