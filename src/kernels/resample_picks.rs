//! Rows of pixels on AVX-512, whose samples are picked from vectors instead of being loaded one by one: see [`super::resample`]. Serves where the source is up
//! to about three times as wide as the target, or four times, if grey.

use std::arch::x86_64::*;

use super::resample::{BLOCK, Block, Pairs, Row, Scaled, put, put_planes};
use super::resample_x86::{finish, half, load, shifted, words};

/// Target pixels of a vector: those of one colour lie side by side, so that planes are stored as they come.
const FOUR: usize = 4;
/// Samples of a vector.
const LANES: usize = 32;
/// Pairs of weights of a pixel, at most.
const MOST_PAIRS: usize = 2;

/// Where target pixels find their samples: a table beside that of the blocks.
#[derive(Clone, Debug)]
pub(super) enum Picks {
    /// Of pixels of three or four samples, by fours.
    Colours(Vec<[Pick<LANES>; BLOCK / FOUR]>),
    /// Of grey pixels, by blocks.
    Grey(Vec<Pick<{ 2 * BLOCK }>>),
}

/// The first sample of some target pixels, and the places of two neighbours of each pixel, counted from there.
#[derive(Clone, Debug)]
pub(super) struct Pick<const PLACES: usize> {
    begin: u32,
    places: [u16; PLACES],
}

impl Picks {
    /// Of blocks of pixels of `samples` samples that begin at `firsts` and have so many pairs of weights; `None` where the processor lacks what it takes, the
    /// pairs are more than two, or pixels that are made together have samples that are not in as many vectors.
    pub fn new(samples: usize, pairs: usize, firsts: &[[u32; BLOCK]]) -> Option<Self> {
        if !is_x86_feature_detected!("avx512bw") || !is_x86_feature_detected!("avx512vl") || pairs > MOST_PAIRS {
            return None;
        }
        let further = 2 * samples * (pairs - 1);
        if samples == 1 {
            let pick = |block: &[u32; BLOCK]| Pick::new(block, |lane| (lane, 0), 1, (further, 2 * BLOCK * pairs));
            return firsts.iter().map(pick).collect::<Option<_>>().map(Self::Grey);
        }
        // Pixels of three samples have no fourth, and the first stands there.
        let sample = |lane: usize| (lane % FOUR, lane / FOUR % samples);
        let four = |four: &[u32; FOUR]| Pick::new(four, sample, samples, (further, LANES * pairs));
        let fours = |block: &[u32; BLOCK]| {
            let (fours, _) = block.as_chunks::<FOUR>();
            Some([four(&fours[0])?, four(&fours[1])?])
        };
        firsts.iter().map(fours).collect::<Option<_>>().map(Self::Colours)
    }

    /// What [`Resample::row`](super::Resample::row) does.
    ///
    /// # Safety
    /// The row has the samples that its table reaches, and these are its table's picks.
    pub unsafe fn row(&self, row: Row<'_>, scaled: Scaled, planes: [&mut [f32]; 3]) {
        // SAFETY: there are no picks without the instructions, and the rest is as the caller says.
        unsafe {
            match (self, row.table.samples, row.table.pairs) {
                (Self::Grey(picks), ..) => grey(row, picks, scaled, planes),
                (Self::Colours(picks), 3, 1) => pixels::<3, 1>(row, picks, scaled, planes),
                (Self::Colours(picks), 3, _) => pixels::<3, 2>(row, picks, scaled, planes),
                (Self::Colours(picks), _, 1) => pixels::<4, 1>(row, picks, scaled, planes),
                (Self::Colours(picks), ..) => pixels::<4, 2>(row, picks, scaled, planes),
            }
        }
    }

    /// What [`Resample::bytes`](super::Resample::bytes) does.
    ///
    /// # Safety
    /// As of [`row`](Self::row).
    pub unsafe fn bytes(&self, row: Row<'_>, to: (u32, [usize; 3]), pixels: &mut [u32]) {
        // SAFETY: as above.
        unsafe {
            match (self, row.table.samples, row.table.pairs) {
                (Self::Grey(picks), ..) => grey_bytes(row, picks, to.0, pixels),
                (Self::Colours(picks), 3, 1) => pixel_bytes::<3, 1>(row, picks, to, pixels),
                (Self::Colours(picks), 3, _) => pixel_bytes::<3, 2>(row, picks, to, pixels),
                (Self::Colours(picks), _, 1) => pixel_bytes::<4, 1>(row, picks, to, pixels),
                (Self::Colours(picks), ..) => pixel_bytes::<4, 2>(row, picks, to, pixels),
            }
        }
    }
}

impl<const PLACES: usize> Pick<PLACES> {
    /// Of pixels of `samples` samples that begin at `firsts`. `of` says of which of them a pair of lanes is, and of which of its samples. `None` where anything
    /// that is `further` on than the last place is not among `reach` samples.
    fn new(
        firsts: &[u32],
        of: impl Fn(usize) -> (usize, usize),
        samples: usize,
        (further, reach): (usize, usize),
    ) -> Option<Self> {
        let begin = *firsts.iter().min()?;
        let mut places = [0; PLACES];
        for (lane, pair) in places.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let (pixel, sample) = of(lane);
            let place = (firsts[pixel] - begin) as usize + sample;
            if place + samples + further >= reach {
                return None;
            }
            *pair = [place as u16, (place + samples) as u16];
        }
        Some(Self { begin, places })
    }
}

/// The blocks of a row, each with its picks.
#[inline(always)]
fn with<'a, P>(picks: &'a [P], row: Row<'a>) -> impl Iterator<Item = (&'a P, &'a [Pairs])> {
    picks.iter().zip(row.blocks()).map(|(pick, (_, weights)): (_, Block<'_>)| (pick, weights))
}

/// The sums, from `start` on, of a block: of its two fours, the first sample of each pixel, then the second, the third, and the fourth
/// or the first again.
///
/// # Safety
/// The processor has AVX-512, the row the samples that its table reaches, and its pixels `PAIRS` pairs of weights, which find all samples in as many
/// vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn sums<const N: usize, const PAIRS: usize>(
    row: Row<'_>,
    (picks, weights): (&[Pick<LANES>; BLOCK / FOUR], &[Pairs]),
    start: __m512i,
) -> [__m512i; BLOCK / FOUR] {
    let mut sums = [start; BLOCK / FOUR];
    for (four, (pick, sum)) in picks.iter().zip(&mut sums).enumerate() {
        let samples = row.samples.as_ptr().wrapping_add(pick.begin as usize);
        // SAFETY: the table reaches 64 samples from there. There are 64 bytes of places, and 16 of weights for each four.
        unsafe {
            let low = _mm512_loadu_si512(samples.cast());
            let mut places = _mm512_loadu_si512(pick.places.as_ptr().cast());
            for pair in 0..PAIRS {
                let weights = weights.get_unchecked(pair).as_ptr().add(FOUR * four);
                let weights = _mm512_broadcast_i32x4(_mm_loadu_si128(weights.cast()));
                let two = match PAIRS {
                    1 => _mm512_permutexvar_epi16(places, low),
                    _ => _mm512_permutex2var_epi16(low, places, _mm512_loadu_si512(samples.add(LANES).cast())),
                };
                *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(two, weights));
                places = _mm512_add_epi16(places, _mm512_set1_epi16(2 * N as i16));
            }
        }
    }
    sums
}

/// Pixels of `N` samples, to planes.
///
/// # Safety
/// As of [`sums`].
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pixels<const N: usize, const PAIRS: usize>(
    row: Row<'_>,
    picks: &[[Pick<LANES>; BLOCK / FOUR]],
    scaled: Scaled,
    planes: [&mut [f32]; 3],
) {
    let (scale, bias) = (colours(scaled.scale), colours(scaled.bias));
    let values = |block| {
        // SAFETY: as the caller says.
        let sums = unsafe { sums::<N, PAIRS>(row, block, _mm512_setzero_si512()) };
        // Not fused, so that it rounds as everywhere.
        let [a, b] = sums.map(|sums| _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale), bias));
        [
            eight(_mm512_extractf32x4_ps::<0>(a), _mm512_extractf32x4_ps::<0>(b)),
            eight(_mm512_extractf32x4_ps::<1>(a), _mm512_extractf32x4_ps::<1>(b)),
            eight(_mm512_extractf32x4_ps::<2>(a), _mm512_extractf32x4_ps::<2>(b)),
        ]
    };
    put_planes(planes, with(picks, row).map(values));
}

/// The same to bytes.
///
/// # Safety
/// As of [`sums`].
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pixel_bytes<const N: usize, const PAIRS: usize>(
    row: Row<'_>,
    picks: &[[Pick<LANES>; BLOCK / FOUR]],
    (shift, order): (u32, [usize; 3]),
    pixels: &mut [u32],
) {
    let (start, shift) = (_mm512_set1_epi32(1 << (shift - 1)), _mm_cvtsi32_si128(shift as i32));
    let places = word_places(order);
    let bytes = |block| {
        // SAFETY: as the caller says.
        let sums = unsafe { sums::<N, PAIRS>(row, block, start) };
        let [a, b] = sums.map(|sums| _mm512_cvtepi32_epi8(_mm512_sra_epi32(sums, shift)));
        let words = _mm256_set_m128i(_mm_shuffle_epi8(b, places), _mm_shuffle_epi8(a, places));
        // SAFETY: a vector is eight words.
        unsafe { std::mem::transmute::<__m256i, [u32; BLOCK]>(words) }
    };
    put(pixels, with(picks, row).map(bytes));
}

/// Where the bytes of four pixels' words are, whose first samples lie side by side, then their second ones, and so on.
#[inline]
#[target_feature(enable = "avx512f")]
fn word_places(order: [usize; 3]) -> __m128i {
    // A place with its highest bit set gives zero.
    let place = |at: usize| order.get(at % FOUR).map_or(0x80, |sample| (FOUR * sample + at / FOUR) as u8);
    let places: [u8; FOUR * FOUR] = std::array::from_fn(place);
    // SAFETY: there are sixteen.
    unsafe { _mm_loadu_si128(places.as_ptr().cast()) }
}

/// The sums of a block of grey pixels, from `start` on.
///
/// # Safety
/// As of [`sums`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn grey_sums(row: Row<'_>, (pick, weights): (&Pick<{ 2 * BLOCK }>, &[Pairs]), start: __m256i) -> __m256i {
    let samples = row.samples.as_ptr().wrapping_add(pick.begin as usize);
    // SAFETY: the table reaches 64 samples from there, and there are 32 bytes of places.
    let (low, high, mut places) = unsafe {
        let vector = |of: *const i16| _mm256_loadu_si256(of.cast());
        (vector(samples), vector(samples.add(2 * BLOCK)), _mm256_loadu_si256(pick.places.as_ptr().cast()))
    };
    let mut sum = start;
    for weights in weights {
        let two = _mm256_permutex2var_epi16(low, places, high);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(two, load(weights)));
        places = _mm256_add_epi16(places, _mm256_set1_epi16(2));
    }
    sum
}

/// Pixels of one sample, which go to all planes.
///
/// # Safety
/// As of [`sums`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn grey(row: Row<'_>, picks: &[Pick<{ 2 * BLOCK }>], scaled: Scaled, planes: [&mut [f32]; 3]) {
    let values = |block| {
        // SAFETY: as the caller says.
        let sums = unsafe { grey_sums(row, block, _mm256_setzero_si256()) };
        finish(scaled, [sums; 3])
    };
    put_planes(planes, with(picks, row).map(values));
}

/// The same to bytes.
///
/// # Safety
/// As of [`sums`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn grey_bytes(row: Row<'_>, picks: &[Pick<{ 2 * BLOCK }>], shift: u32, pixels: &mut [u32]) {
    let bytes = |block| {
        // SAFETY: as the caller says.
        let byte = shifted(unsafe { grey_sums(row, block, half(shift)) }, shift);
        words(_mm256_mullo_epi32(byte, _mm256_set1_epi32(0x01_01_01)))
    };
    put(pixels, with(picks, row).map(bytes));
}

/// What belongs to each colour, in the lanes of its four pixels.
#[inline]
#[target_feature(enable = "avx512f")]
fn colours([red, green, blue]: [f32; 3]) -> __m512 {
    let lanes = [[red; FOUR], [green; FOUR], [blue; FOUR], [0.0; FOUR]];
    // SAFETY: there are sixteen.
    unsafe { _mm512_loadu_ps(lanes.as_flattened().as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn eight(four: __m128, next: __m128) -> [f32; BLOCK] {
    // SAFETY: a vector is eight values.
    unsafe { std::mem::transmute(_mm256_set_m128(next, four)) }
}
