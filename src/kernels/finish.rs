//! What becomes of the sums that tiles leave: bias and addends are added to them, negative ones cut off, and they are stored.

use std::arch::x86_64::*;

use super::product::{Product, Results, SIDE, SUMS, SUMS_STEP, Strip};

/// Finishes strips, whose sums follow each other, [`SUMS`] each.
///
/// # Safety
/// As said at `multiply`, whose strips, bias, addends and results these are.
#[inline(always)]
pub(super) unsafe fn finish<const V: usize>(product: &Product<'_>, strips: &[Strip], sums: *const f32) {
    for (index, strip) in strips.iter().enumerate() {
        // SAFETY: as the caller says.
        unsafe {
            let sums = sums.add(index * SUMS);
            match strip.output {
                Results::Planes(output, step) => finish_planes::<V>(product, strip.pixels, output, step, sums),
                _ => finish_pixels::<V>(product, strip, sums),
            }
        }
    }
}

/// Adds, cuts off and stores a strip's sums.
///
/// # Safety
/// As said at [`finish`].
#[inline(always)]
unsafe fn finish_pixels<const V: usize>(product: &Product<'_>, strip: &Strip, sums: *const f32) {
    let mask: [__mmask16; V] =
        std::array::from_fn(|v| ((1u32 << (product.channels - v * SIDE).min(SIDE)) - 1) as __mmask16);
    // SAFETY: the masks keep to the channels that are there; the bias has whole vectors.
    unsafe {
        let bias: [__m512; V] = std::array::from_fn(|v| _mm512_loadu_ps(product.bias.add(v * SIDE)));
        let floor = _mm512_set1_ps(if product.relu { 0.0 } else { f32::NEG_INFINITY });
        for p in 0..strip.pixels {
            let sums = sums.add(p * SUMS_STEP);
            let mut results: [__m512; V] =
                std::array::from_fn(|v| _mm512_add_ps(_mm512_load_ps(sums.add(v * SIDE)), bias[v]));
            for addend in &strip.addends[..product.addends] {
                for v in 0..V {
                    let channel = product.first + v * SIDE;
                    let values = if addend.rounded {
                        let halves = _mm256_maskz_loadu_epi16(mask[v], addend.rounded_at(p).add(channel).cast());
                        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
                    } else {
                        _mm512_maskz_loadu_ps(mask[v], addend.at(p).add(channel))
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
                        _mm512_mask_storeu_ps(output.add(at + v * SIDE), mask[v], results[v]);
                    }
                }
                Results::Planes(..) => unreachable!("`finish` takes these elsewhere"),
                Results::Rounded(output) => {
                    let high = if V == 2 { results[V - 1] } else { _mm512_setzero_ps() };
                    let mask = u32::from(mask[0]) | if V == 2 { u32::from(mask[V - 1]) << SIDE } else { 0 };
                    let rounded = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, results[0]));
                    _mm512_mask_storeu_epi16(output.add(at).cast(), mask, rounded);
                }
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
unsafe fn finish_planes<const V: usize>(
    product: &Product<'_>,
    pixels: usize,
    output: *mut f32,
    step: usize,
    sums: *const f32,
) {
    let mask = ((1u32 << pixels) - 1) as __mmask16;
    // SAFETY: the mask keeps to the pixels that are there, and no more channels are stored than are.
    unsafe {
        let floor = _mm512_set1_ps(if product.relu { 0.0 } else { f32::NEG_INFINITY });
        for v in 0..V {
            let first = v * SIDE;
            let bias = _mm512_loadu_ps(product.bias.add(first));
            let rows = std::array::from_fn(|p| _mm512_add_ps(_mm512_load_ps(sums.add(p * SUMS_STEP + first)), bias));
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
