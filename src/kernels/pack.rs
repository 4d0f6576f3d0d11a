//! Rounds values and packs them into the words that kernels of lower precision read.
//!
//! A word is 32 bits: two bf16 or four bytes, those of channels that follow each other. A channel that is not there has weights of zero, and
//! any number in a word.

use super::isa::Isa;
use super::precision::Precision;
use super::tile::Range;
use super::value::{Value, half};

/// The largest byte, less one that rounding may add to it.
const LEVELS: f32 = 254.0;
/// A number so large that f32 has no fractions next to it: adding it rounds to nearest even, and leaves the result in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// Packs for one precision, on one instruction set.
#[derive(Clone, Copy)]
pub(super) struct Packer {
    precision: Precision,
    isa: Isa,
}

impl Range {
    /// How bytes stand best for values from `least` to `most`, and for zero.
    pub fn of([least, most]: [f32; 2]) -> Self {
        let (least, most) = (least.min(0.0), most.max(0.0));
        let span = most - least;
        let scale = if span.is_finite() { span / LEVELS } else { most / LEVELS - least / LEVELS };
        // Where all is zero, or so close to it that its scale has no reciprocal.
        let range = Self { scale: if scale < f32::MIN_POSITIVE { 0.0 } else { scale }, zero: 0 };
        Self { zero: -((least * range.reciprocal()).round_ties_even() as i32), ..range }
    }

    fn reciprocal(self) -> f32 {
        if self.scale > 0.0 { 1.0 / self.scale } else { 0.0 }
    }
}

impl Packer {
    /// Fails where the processor lacks what it takes.
    pub fn new(precision: Precision, isa: Isa) -> Result<Self, String> {
        if !precision.is_there(isa) {
            return Err(format!("this processor has no {precision:?} in {isa:?}"));
        }
        Ok(Self { precision, isa })
    }

    /// Least and greatest value, and those of `so_far`.
    pub fn bounds<T: Value>(self, values: &[T], so_far: [f32; 2]) -> [f32; 2] {
        match self.isa {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `new` has found the instructions.
            Isa::Avx512 => unsafe { x86::bounds(values, so_far) },
            _ => T::bounds(values, so_far),
        }
    }

    /// The word that stands for zeros.
    pub fn zeros(self, range: Range) -> u32 {
        match self.precision {
            Precision::Int8 => u32::from_ne_bytes([range.zero as u8; 4]),
            _ => 0,
        }
    }

    /// Packs pixels whose `channels` lie side by side, each into whole words.
    pub fn pixels<T: Value>(self, values: &[T], channels: usize, range: Range, words: &mut [u32]) {
        let each = self.precision.values();
        if channels.is_multiple_of(each) {
            return self.run(values, range, words);
        }
        for (pixel, words) in values.chunks_exact(channels).zip(words.chunks_exact_mut(channels.div_ceil(each))) {
            // A weight of zero makes nothing of what is no number.
            words.fill(0);
            self.run(pixel, range, words);
        }
    }

    /// Packs values one after another.
    fn run<T: Value>(self, values: &[T], range: Range, words: &mut [u32]) {
        assert!(values.len() <= words.len() * self.precision.values());
        match (self.precision, self.isa) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `new` has found the instructions.
            (Precision::Bf16, Isa::Avx512) => unsafe { x86::halves(values, words) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Precision::Int8, Isa::Avx512) => unsafe { x86::bytes(values, range, words) },
            (Precision::Bf16, _) => halves(values, words),
            (Precision::Int8, _) => bytes(values, range, words),
            (Precision::F32, _) => {
                words.iter_mut().zip(values).for_each(|(word, value)| *word = value.whole().to_bits())
            }
        }
    }

    /// Packs lines of as many planes as a word has values, or less.
    pub fn planes<T: Value>(self, planes: &[&[T]; 4], range: Range, words: &mut [u32]) {
        match (self.precision, self.isa) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `new` has found the instructions.
            (Precision::Bf16, Isa::Avx512) => unsafe { x86::plane_halves(planes, words) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Precision::Int8, Isa::Avx512) => unsafe { x86::plane_bytes(planes, range, words) },
            (Precision::Bf16, _) => plane_halves(planes, words),
            (Precision::Int8, _) => plane_bytes(planes, range, words),
            (Precision::F32, _) => {
                words.iter_mut().zip(planes[0]).for_each(|(word, value)| *word = value.whole().to_bits())
            }
        }
    }
}

/// The byte for a value; the least one for what is no number.
#[inline(always)]
fn byte(value: f32, reciprocal: f32, zero: u32) -> u32 {
    let level = value * reciprocal;
    if level.is_nan() { 0 } else { (level + ROUND).to_bits().wrapping_add(zero) & 0xff }
}

#[inline(always)]
fn halves<T: Value>(values: &[T], words: &mut [u32]) {
    // SAFETY: a word has two halves.
    let halves = unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u16>(), 2 * words.len()) };
    halves.iter_mut().zip(values).for_each(|(bits, value)| *bits = half(value.whole()));
}

#[inline(always)]
fn bytes<T: Value>(values: &[T], range: Range, words: &mut [u32]) {
    let (reciprocal, zero) = (range.reciprocal(), range.zero as u32);
    // SAFETY: a word has four bytes.
    let bytes = unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), 4 * words.len()) };
    bytes.iter_mut().zip(values).for_each(|(bits, value)| *bits = byte(value.whole(), reciprocal, zero) as u8);
}

#[inline(always)]
fn plane_halves<T: Value>(planes: &[&[T]; 4], words: &mut [u32]) {
    for ((word, first), second) in words.iter_mut().zip(planes[0]).zip(planes[1]) {
        *word = (u32::from(half(first.whole())) | u32::from(half(second.whole())) << 16).to_le();
    }
}

#[inline(always)]
fn plane_bytes<T: Value>(planes: &[&[T]; 4], range: Range, words: &mut [u32]) {
    let (reciprocal, zero) = (range.reciprocal(), range.zero as u32);
    let byte = |value: &T| byte(value.whole(), reciprocal, zero);
    let pairs = planes[0].iter().zip(planes[1]).zip(planes[2].iter().zip(planes[3]));
    for (word, ((a, b), (c, d))) in words.iter_mut().zip(pairs) {
        *word = (byte(a) | byte(b) << 8 | byte(c) << 16 | byte(d) << 24).to_le();
    }
}

/// The same for processors with AVX-512: the compiler knows what it may use.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Range, Value};

    /// Values that one instruction rounds.
    const ROUNDED: usize = 32;

    /// # Safety
    /// The processor has these instructions. The words hold all values.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    pub unsafe fn halves<T: Value>(values: &[T], words: &mut [u32]) {
        let (chunks, rest) = values.as_chunks::<ROUNDED>();
        for (chunk, words) in chunks.iter().zip(words.chunks_exact_mut(ROUNDED / 2)) {
            // SAFETY: a chunk is two vectors, its words are one.
            unsafe {
                let (low, high) = (T::sixteen(chunk.as_ptr()), T::sixteen(chunk[ROUNDED / 2..].as_ptr()));
                let rounded = _mm512_cvtne2ps_pbh(high, low);
                _mm512_storeu_si512(words.as_mut_ptr().cast(), std::mem::transmute::<__m512bh, __m512i>(rounded));
            }
        }
        super::halves(rest, &mut words[chunks.len() * ROUNDED / 2..]);
    }

    /// # Safety
    /// The processor has these instructions.
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx2,fma")]
    pub unsafe fn bounds<T: Value>(values: &[T], so_far: [f32; 2]) -> [f32; 2] {
        T::bounds(values, so_far)
    }

    /// Values that make a vector of bytes.
    const BYTES: usize = 64;

    /// # Safety
    /// The processor has these instructions. The words hold all values.
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx2,fma")]
    pub unsafe fn bytes<T: Value>(values: &[T], range: Range, words: &mut [u32]) {
        let (reciprocal, zero) = (_mm512_set1_ps(range.reciprocal()), _mm512_set1_epi16(range.zero as i16));
        // Packing keeps to the quarters of a vector.
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        let mut pack = |at: usize| {
            let (values, words) = (&values[at..][..BYTES], &mut words[at / 4..][..BYTES / 4]);
            // SAFETY: there are four times sixteen values, and their words are one vector.
            unsafe {
                let level = |quarter: usize| {
                    let values = T::sixteen(values.as_ptr().add(quarter * BYTES / 4));
                    // What is no number becomes the least integer, and so the least byte.
                    _mm512_cvtps_epi32(_mm512_mul_ps(values, reciprocal))
                };
                let low = _mm512_add_epi16(_mm512_packs_epi32(level(0), level(1)), zero);
                let high = _mm512_add_epi16(_mm512_packs_epi32(level(2), level(3)), zero);
                let bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
                _mm512_storeu_si512(words.as_mut_ptr().cast(), bytes);
            }
        };
        let whole = values.len() / BYTES * BYTES;
        (0..whole).step_by(BYTES).for_each(&mut pack);
        // What is left over is packed with some before it, once more to the same, where that makes whole words.
        match values.len() {
            len if len == whole => {}
            len if whole > 0 && len.is_multiple_of(4) => pack(len - BYTES),
            _ => super::bytes(&values[whole..], range, &mut words[whole / 4..]),
        }
    }

    /// # Safety
    /// The processor has these instructions.
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx2,fma")]
    pub unsafe fn plane_halves<T: Value>(planes: &[&[T]; 4], words: &mut [u32]) {
        super::plane_halves(planes, words)
    }

    /// # Safety
    /// The processor has these instructions.
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx2,fma")]
    pub unsafe fn plane_bytes<T: Value>(planes: &[&[T]; 4], range: Range, words: &mut [u32]) {
        super::plane_bytes(planes, range, words)
    }
}
