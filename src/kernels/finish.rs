//! What becomes of the sums that tiles leave: those of bytes are scaled, bias and addends are added, negative ones cut off, and they are stored.

use std::arch::x86_64::*;

use super::product::{Product, Results, SIDE, SUMS, SUMS_STEP, Strip};
use super::tile::TileAddend;
use super::vectors::{Vectors, Wide};

/// What all sums of a panel of `V` vectors have in common, those of `BYTES` or others.
pub(super) struct Ending<const V: usize, const BYTES: bool> {
    /// What is taken from sums and what they are multiplied with where they are of bytes, and what is added.
    meaning: [[__m512; 3]; V],
    /// What negative results become.
    floor: __m512,
    /// Lanes that are channels.
    masks: [__mmask16; V],
}

impl<const V: usize, const BYTES: bool> Ending<V, BYTES> {
    /// That of a product's panel.
    ///
    /// # Safety
    /// As said at `multiply`, whose product it is.
    // Without closures, which the compiler leaves outside, where there are no such vectors.
    #[inline(always)]
    pub unsafe fn of(product: &Product<'_>) -> Self {
        // SAFETY: bias and scaling have whole vectors.
        unsafe {
            let zero = _mm512_setzero_ps();
            let floor = _mm512_set1_ps(if product.relu { 0.0 } else { f32::NEG_INFINITY });
            let mut ending = Self { meaning: [[zero; 3]; V], floor, masks: [0; V] };
            for v in 0..V {
                let first = v * SIDE;
                ending.meaning[v] = match &product.scaling {
                    Some(scaling) => Wide::meaning(scaling, product.bias, first),
                    None => [zero, zero, _mm512_loadu_ps(product.bias.add(first))],
                };
                ending.masks[v] = ((1u32 << (product.channels - first).min(SIDE)) - 1) as __mmask16;
            }
            ending
        }
    }

    /// Vector `v` of a pixel's sums with their bias, as values.
    #[inline(always)]
    unsafe fn value(&self, v: usize, sums: *const f32) -> __m512 {
        let meaning = &self.meaning[v];
        // SAFETY: there are whole vectors, each in a line of its own.
        unsafe {
            let sums = _mm512_load_ps(sums.add(v * SIDE));
            if BYTES { Wide::scaled(sums, meaning) } else { _mm512_add_ps(sums, meaning[2]) }
        }
    }

    /// All of a pixel's.
    #[inline(always)]
    unsafe fn values(&self, sums: *const f32) -> [__m512; V] {
        // SAFETY: as above.
        unsafe {
            let mut values = [_mm512_setzero_ps(); V];
            for (v, value) in values.iter_mut().enumerate() {
                *value = self.value(v, sums);
            }
            values
        }
    }

    /// Cuts off.
    #[inline(always)]
    unsafe fn cut(&self, value: __m512) -> __m512 {
        // In this order what is no number stays.
        // SAFETY: as the caller says, there is AVX-512.
        unsafe { _mm512_max_ps(self.floor, value) }
    }

    /// Cuts a pixel's results off, rounds and stores them.
    #[inline(always)]
    unsafe fn store_rounded(&self, output: *mut u16, results: [__m512; V]) {
        // SAFETY: masks keep to channels that are there.
        unsafe {
            let (high, mask) = if V == 2 {
                (self.cut(results[V - 1]), u32::from(self.masks[0]) | u32::from(self.masks[V - 1]) << SIDE)
            } else {
                (_mm512_setzero_ps(), u32::from(self.masks[0]))
            };
            let rounded = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, self.cut(results[0])));
            _mm512_mask_storeu_epi16(output.cast(), mask, rounded);
        }
    }
}

/// Finishes strips, whose sums follow each other, [`SUMS`] each: i32 where they are of `BYTES`.
///
/// # Safety
/// As said at `multiply`, whose strips, bias, addends and results these are.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16,avx2,fma")]
pub(super) unsafe fn finish<const V: usize, const BYTES: bool>(
    product: &Product<'_>,
    ending: &Ending<V, BYTES>,
    strips: &[Strip],
    mut sums: *const f32,
) {
    for strip in strips {
        // SAFETY: as the caller says.
        unsafe {
            match (strip.output, &strip.addends[..product.addends]) {
                (Results::Planes(output, step), _) => {
                    finish_planes(product, ending, strip.pixels, (output, step), sums);
                }
                (Results::Rounded(output), []) => finish_rounded(product, ending, strip.pixels, output, [], sums),
                (Results::Rounded(output), [a]) if a.rounded => {
                    finish_rounded(product, ending, strip.pixels, output, [a], sums);
                }
                (Results::Rounded(output), [a, b]) if a.rounded && b.rounded => {
                    finish_rounded(product, ending, strip.pixels, output, [a, b], sums);
                }
                _ => finish_pixels(product, ending, strip, sums),
            }
            sums = sums.add(SUMS);
        }
    }
}

/// Adds `A` addends, all of them rounded, cuts off, rounds and stores a strip's sums: most strips are such, and nothing is decided pixel by pixel here.
///
/// # Safety
/// As said at [`finish`].
#[inline(always)]
unsafe fn finish_rounded<const V: usize, const BYTES: bool, const A: usize>(
    product: &Product<'_>,
    ending: &Ending<V, BYTES>,
    pixels: usize,
    output: *mut u16,
    addends: [&TileAddend; A],
    sums: *const f32,
) {
    // SAFETY: masks keep to the channels that are there.
    unsafe {
        for p in 0..pixels {
            let mut values = ending.values(sums.add(p * SUMS_STEP));
            for addend in addends {
                let halves = addend.rounded_at(p).add(product.first);
                for (v, value) in values.iter_mut().enumerate() {
                    *value = _mm512_add_ps(*value, widened(halves.add(v * SIDE), ending.masks[v]));
                }
            }
            ending.store_rounded(output.add(p * product.output_step + product.first), values);
        }
    }
}

/// Values of bf16 in full, as far as the mask has them.
///
/// # Safety
/// They are there, and the processor has AVX-512.
#[inline(always)]
unsafe fn widened(halves: *const u16, mask: __mmask16) -> __m512 {
    // SAFETY: as the caller says.
    unsafe {
        let halves = _mm256_maskz_loadu_epi16(mask, halves.cast());
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
    }
}

/// Adds, cuts off and stores a strip's sums, whatever is added and written.
///
/// # Safety
/// As said at [`finish`].
#[inline(always)]
unsafe fn finish_pixels<const V: usize, const BYTES: bool>(
    product: &Product<'_>,
    ending: &Ending<V, BYTES>,
    strip: &Strip,
    sums: *const f32,
) {
    // SAFETY: masks keep to the channels that are there.
    unsafe {
        for p in 0..strip.pixels {
            let mut values = ending.values(sums.add(p * SUMS_STEP));
            for addend in &strip.addends[..product.addends] {
                for (v, value) in values.iter_mut().enumerate() {
                    let channel = product.first + v * SIDE;
                    let added = if addend.rounded {
                        widened(addend.rounded_at(p).add(channel), ending.masks[v])
                    } else {
                        _mm512_maskz_loadu_ps(ending.masks[v], addend.at(p).add(channel))
                    };
                    *value = _mm512_add_ps(*value, added);
                }
            }
            let at = p * product.output_step + product.first;
            match strip.output {
                Results::Whole(output) => {
                    for (v, value) in values.into_iter().enumerate() {
                        _mm512_mask_storeu_ps(output.add(at + v * SIDE), ending.masks[v], ending.cut(value));
                    }
                }
                Results::Planes(..) => unreachable!("`finish` takes these elsewhere"),
                Results::Rounded(output) => ending.store_rounded(output.add(at), values),
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
    ending: &Ending<V, BYTES>,
    pixels: usize,
    (output, step): (*mut f32, usize),
    sums: *const f32,
) {
    let mask = ((1u32 << pixels) - 1) as __mmask16;
    // SAFETY: no sums are read but those of pixels that are there, the mask keeps to these, and no more channels are stored than are.
    unsafe {
        for v in 0..V {
            let first = v * SIDE;
            let rows = std::array::from_fn(|p| ending.value(v, sums.add(p.min(pixels - 1) * SUMS_STEP)));
            let count = (product.channels - first).min(SIDE);
            for (channel, values) in transposed(rows).into_iter().enumerate().take(count) {
                _mm512_mask_storeu_ps(output.add((product.first + first + channel) * step), mask, ending.cut(values));
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
