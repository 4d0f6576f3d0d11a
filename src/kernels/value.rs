//! Values where they lie, f32 or bits of bf16: each in full, many at once, and the least and the greatest of them.

use super::loops::Loops;
#[cfg(target_arch = "x86_64")]
use super::vectors::{Vectors, Wide};

/// A value where it lies.
pub(super) trait Value: Copy {
    /// The value in full.
    fn whole(self) -> f32;

    /// Least and greatest of many, and those of `so_far`.
    fn bounds(values: &[Self], so_far: [f32; 2]) -> [f32; 2];

    /// Sixteen in full.
    ///
    /// # Safety
    /// They are there, and the processor has AVX-512.
    #[cfg(target_arch = "x86_64")]
    unsafe fn sixteen(values: *const Self) -> std::arch::x86_64::__m512;
}

impl Value for f32 {
    #[inline(always)]
    fn whole(self) -> f32 {
        self
    }

    #[inline(always)]
    fn bounds(values: &[Self], so_far: [f32; 2]) -> [f32; 2] {
        bounds(values, so_far)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn sixteen(values: *const Self) -> std::arch::x86_64::__m512 {
        // SAFETY: as the caller says.
        unsafe { Wide::load(values) }
    }
}

/// Bits of bf16.
impl Value for u16 {
    #[inline(always)]
    fn whole(self) -> f32 {
        whole(self)
    }

    #[inline(always)]
    fn bounds(values: &[Self], so_far: [f32; 2]) -> [f32; 2] {
        rounded_bounds(values, so_far)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn sixteen(values: *const Self) -> std::arch::x86_64::__m512 {
        // SAFETY: as the caller says.
        unsafe { Wide::load_rounded(values) }
    }
}

/// The bits of the bf16 that is nearest, an even one among two; a NaN stays one.
#[inline(always)]
pub fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    (if value.is_nan() { bits >> 16 | 0x40 } else { rounded }) as u16
}

/// The value that these bits of a bf16 mean.
#[inline(always)]
pub fn whole(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Makes rounded values whole.
pub(super) struct Widen<'a> {
    pub from: &'a [u16],
    pub to: &'a mut [f32],
}

impl Loops for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.to.iter_mut().zip(self.from).for_each(|(to, from)| *to = whole(*from));
    }
}

/// Least and greatest of `values`, and those of `so_far`; what is no number is passed over.
#[inline(always)]
fn bounds(values: &[f32], so_far: [f32; 2]) -> [f32; 2] {
    const LANES: usize = 32;
    let (chunks, rest) = values.as_chunks::<LANES>();
    let (mut least, mut most) = ([so_far[0]; LANES], [so_far[1]; LANES]);
    for values in chunks {
        for ((value, least), most) in values.iter().zip(&mut least).zip(&mut most) {
            *least = lower(*value, *least);
            *most = higher(*value, *most);
        }
    }
    for ((value, least), most) in rest.iter().zip(&mut least).zip(&mut most) {
        *least = lower(*value, *least);
        *most = higher(*value, *most);
    }
    // By halves: a chain of as many steps as there are lanes would take longer than all before.
    let mut lanes = LANES;
    while lanes > 1 {
        lanes /= 2;
        for lane in 0..lanes {
            least[lane] = lower(least[lane + lanes], least[lane]);
            most[lane] = higher(most[lane + lanes], most[lane]);
        }
    }
    [least[0], most[0]]
}

/// The same of bits of bf16, of which zero counts as one. As integers with a sign, positive values come in their order and all others below them; without one,
/// negative ones come in reverse order above all others. What is no number lies beyond all others, and makes a bound infinite.
#[inline(always)]
fn rounded_bounds(values: &[u16], [least, most]: [f32; 2]) -> [f32; 2] {
    const LANES: usize = 64;
    const SIGN: u16 = 1 << 15;
    let (chunks, rest) = values.as_chunks::<LANES>();
    let (mut lowest, mut highest) = ([SIGN; LANES], [0i16; LANES]);
    for values in chunks {
        for ((value, lowest), highest) in values.iter().zip(&mut lowest).zip(&mut highest) {
            *lowest = (*lowest).max(*value);
            *highest = (*highest).max(value.cast_signed());
        }
    }
    let rest = || rest.iter().copied();
    let lowest = lowest.into_iter().chain(rest()).fold(SIGN, u16::max);
    let highest = highest.into_iter().chain(rest().map(u16::cast_signed)).fold(0, i16::max);
    let number = |value: f32, other: f32| if value.is_nan() { other } else { value };
    let lowest = number(whole(lowest), f32::NEG_INFINITY);
    let highest = number(whole(highest.cast_unsigned()), f32::INFINITY);
    [lower(lowest, least), higher(highest, most)]
}

/// The lower one; `b` where one of them is no number.
#[inline(always)]
fn lower(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The higher one; `b` where one of them is no number.
#[inline(always)]
fn higher(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}
