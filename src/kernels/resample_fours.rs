//! Rows of pixels on AVX-512, four target pixels at once, whose samples are picked from vectors instead of being loaded one by one: see
//! [`super::resample`]. Serves where the source is up to about three times as wide as the target.

use std::arch::x86_64::*;

use super::resample::{BLOCK, Pairs, Row, Scaled, put, put_planes};

/// Target pixels of a vector: those of one colour lie side by side, so that planes are stored as they come.
const FOUR: usize = 4;
/// Samples of a vector.
const LANES: usize = 32;
/// Pairs of weights of a pixel, at most: enough for sources of three times the size.
const MOST_PAIRS: usize = 2;

/// Where fours of target pixels find their samples: a table beside that of the blocks.
#[derive(Clone, Debug)]
pub(super) struct Fours {
    /// The first sample of each, by blocks.
    begins: Vec<[u32; BLOCK / FOUR]>,
    /// From there on, the places of two neighbours of each pixel of each sample.
    places: Vec<[[u16; LANES]; BLOCK / FOUR]>,
}

impl Fours {
    /// Of blocks of pixels of `samples` samples that begin at `firsts` and have so many pairs of weights; `None` where those are more than two, or some four
    /// has samples that are not in as many vectors.
    pub fn new(samples: usize, pairs: usize, firsts: &[[u32; BLOCK]]) -> Option<Self> {
        let mut fours = Self { begins: Vec::new(), places: Vec::new() };
        for block in firsts {
            let (block, _) = block.as_chunks::<FOUR>();
            let begins = [block[0], block[1]].map(|four| four.into_iter().min().unwrap_or_default());
            let places = [places(samples, block[0], begins[0]), places(samples, block[1], begins[1])];
            let last = usize::from(*places.as_flattened().iter().max()?) + 2 * samples * (pairs - 1);
            if pairs > MOST_PAIRS || last >= pairs * LANES {
                return None;
            }
            fours.begins.push(begins);
            fours.places.push(places);
        }
        Some(fours)
    }

    /// The blocks of the row's table, in order.
    #[inline(always)]
    fn blocks<'a>(&'a self, row: Row<'a>) -> impl Iterator<Item = FoursOf<'a>> {
        let tables = self.begins.iter().zip(&self.places);
        tables.zip(row.blocks()).map(|((begins, places), (_, weights))| FoursOf { begins, places, weights })
    }
}

/// What is known of the fours of a block.
struct FoursOf<'a> {
    begins: &'a [u32; BLOCK / FOUR],
    places: &'a [[u16; LANES]; BLOCK / FOUR],
    weights: &'a [Pairs],
}

/// The places of a four's first pairs, counted from `begin` on.
fn places(samples: usize, four: [u32; FOUR], begin: u32) -> [u16; LANES] {
    let mut places = [0; LANES];
    for (lane, pair) in places.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        // Pixels of three samples have no fourth, and the first stands there.
        let sample = (lane / FOUR) % samples;
        // What is too far from the others for 16 bits is too far for a vector, too.
        let place = (four[lane % FOUR] - begin).min(u16::MAX.into()) as u16;
        *pair = [sample, sample + samples].map(|sample| place.saturating_add(sample as u16));
    }
    places
}

/// Whether this processor has what the functions here take.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx512bw")
}

/// The sums, from `start` on, of the block of that number: of its two fours, the first sample of each pixel, then the second, the third, and the fourth
/// or the first again.
///
/// # Safety
/// The processor has AVX-512, the row the samples that its table reaches, and its pixels `PAIRS` pairs of weights, which find all samples in as many
/// vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn sums<const N: usize, const PAIRS: usize>(
    row: Row<'_>,
    block: &FoursOf<'_>,
    start: __m512i,
) -> [__m512i; BLOCK / FOUR] {
    let mut sums = [start; BLOCK / FOUR];
    for (four, sum) in sums.iter_mut().enumerate() {
        let samples = row.samples.as_ptr().wrapping_add(block.begins[four] as usize);
        // SAFETY: the table reaches 64 samples from there. There are 64 bytes of places, and 16 of weights for each four.
        unsafe {
            let low = _mm512_loadu_si512(samples.cast());
            let mut places = _mm512_loadu_si512(block.places[four].as_ptr().cast());
            for pair in 0..PAIRS {
                let weights = block.weights.get_unchecked(pair).as_ptr().add(FOUR * four);
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
pub(super) unsafe fn pixels<const N: usize, const PAIRS: usize>(
    row: Row<'_>,
    fours: &Fours,
    scaled: Scaled,
    planes: [&mut [f32]; 3],
) {
    let (scale, bias) = (colours(scaled.scale), colours(scaled.bias));
    let values = |block: FoursOf<'_>| {
        // SAFETY: as the caller says.
        let sums = unsafe { sums::<N, PAIRS>(row, &block, _mm512_setzero_si512()) };
        // Not fused, so that it rounds as everywhere.
        let [a, b] = sums.map(|sums| _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sums), scale), bias));
        [
            eight(_mm512_extractf32x4_ps::<0>(a), _mm512_extractf32x4_ps::<0>(b)),
            eight(_mm512_extractf32x4_ps::<1>(a), _mm512_extractf32x4_ps::<1>(b)),
            eight(_mm512_extractf32x4_ps::<2>(a), _mm512_extractf32x4_ps::<2>(b)),
        ]
    };
    put_planes(planes, fours.blocks(row).map(values));
}

/// The same to bytes.
///
/// # Safety
/// As of [`sums`].
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn pixel_bytes<const N: usize, const PAIRS: usize>(
    row: Row<'_>,
    fours: &Fours,
    (shift, order): (u32, [usize; 3]),
    pixels: &mut [u32],
) {
    let (half, shift) = (_mm512_set1_epi32(1 << (shift - 1)), _mm_cvtsi32_si128(shift as i32));
    let places = word_places(order);
    let bytes = |block: FoursOf<'_>| {
        // SAFETY: as the caller says.
        let sums = unsafe { sums::<N, PAIRS>(row, &block, half) };
        let [a, b] = sums.map(|sums| _mm512_cvtepi32_epi8(_mm512_sra_epi32(sums, shift)));
        let words = _mm256_set_m128i(_mm_shuffle_epi8(b, places), _mm_shuffle_epi8(a, places));
        // SAFETY: a vector is eight words.
        unsafe { std::mem::transmute::<__m256i, [u32; BLOCK]>(words) }
    };
    put(pixels, fours.blocks(row).map(bytes));
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
