//! One run of a convolution: what it reads, where its results go, and the memory that a thread does it with.

use super::geometry::{Geometry, Values, ValuesMut};
#[cfg(target_arch = "x86_64")]
use super::product::{Line, Strip};
use super::tile::{MAX_ADDENDS, Range, TileAddend};
use super::value::half;

/// Memory that a thread keeps from one convolution to the next.
#[derive(Default)]
pub(super) struct Desk {
    /// A square's input where it reaches over an edge, with the zeros there.
    pub edge: Vec<f32>,
    /// Values that were rounded.
    pub whole: Vec<f32>,
    /// Rows of the input, rounded; or a tile's input where it reaches over an edge, with what stands there, and its runs.
    pub packed: Vec<u32>,
    pub runs: Vec<usize>,
    /// Results that cannot be stored as a kernel leaves them, or inputs that it cannot take as they are.
    pub rest: Vec<f32>,
    /// Transformed inputs and results.
    pub inputs: Vec<u32>,
    /// How bytes stand for them, by place.
    pub ranges: Vec<Range>,
    pub results: Vec<f32>,
    /// Packed rows of a block of rows, where the values under its strips of pixels begin, and the strips.
    #[cfg(target_arch = "x86_64")]
    pub lines: Vec<Line>,
    #[cfg(target_arch = "x86_64")]
    pub begins: Vec<*const u32>,
    #[cfg(target_arch = "x86_64")]
    pub strips: Vec<Strip>,
}

/// Where the results go. Every part is computed by one thread.
#[derive(Clone, Copy)]
pub(super) struct Output(*mut f32);

// SAFETY: every value of the output is written by one job alone.
unsafe impl Sync for Output {}

impl Output {
    pub fn new(values: ValuesMut<'_>) -> Self {
        match values {
            ValuesMut::Whole(values) => Self(values.as_mut_ptr()),
            ValuesMut::Rounded(values) => Self(values.as_mut_ptr().cast()),
            // `Geometry::check` has refused them.
            ValuesMut::Bytes(pixels) => Self(pixels.as_mut_ptr().cast()),
        }
    }

    pub fn at(&self, index: usize) -> *mut f32 {
        self.0.wrapping_add(index)
    }

    /// Where a rounded value goes.
    pub fn rounded_at(&self, index: usize) -> *mut u16 {
        self.0.cast::<u16>().wrapping_add(index)
    }
}

/// One run of a convolution, its lengths checked.
pub(super) struct Work<'a> {
    pub geometry: &'a Geometry,
    pub input: Values<'a>,
    pub addends: &'a [Values<'a>],
    pub output: Output,
}

impl<'a> Work<'a> {
    /// The input where it is whole; nothing where it is rounded or bytes, which others read elsewhere.
    pub fn whole(&self) -> &'a [f32] {
        match self.input {
            Values::Whole(values) => values,
            Values::Rounded(_) | Values::Bytes(_) => &[],
        }
    }

    /// The input's words, as kernels read them where it lies: those of f32, or of bytes.
    pub fn words(&self) -> &'a [u32] {
        match self.input {
            // SAFETY: both have 32 bits, and whatever they are, they are a word.
            Values::Whole(values) => unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) },
            Values::Bytes(pixels) => pixels,
            Values::Rounded(_) => &[],
        }
    }

    /// The halves of the input's words, as tiles read them where it lies: bf16, or two bytes of an image; nothing where it is whole.
    #[cfg(target_arch = "x86_64")]
    pub fn halves(&self) -> &'a [u16] {
        match self.input {
            Values::Rounded(values) => values,
            // SAFETY: a word is two halves, whatever they are.
            Values::Bytes(pixels) => unsafe { std::slice::from_raw_parts(pixels.as_ptr().cast(), 2 * pixels.len()) },
            Values::Whole(_) => &[],
        }
    }

    /// Where the addends of the pixels from `(y, x)` on lie, from channel `first` on.
    #[inline]
    pub fn addends(&self, first: usize, y: usize, x: usize) -> ([TileAddend; MAX_ADDENDS], usize) {
        let mut addends = [TileAddend::NONE; MAX_ADDENDS];
        self.set_addends(&mut addends, first, y, x);
        (addends, self.geometry.addends.len())
    }

    /// Writes the same where they are needed, which spares a copy that would have to wait for it.
    #[inline]
    pub fn set_addends(&self, addends: &mut [TileAddend; MAX_ADDENDS], first: usize, y: usize, x: usize) {
        let geometry = self.geometry;
        for ((slot, addend), values) in addends.iter_mut().zip(&geometry.addends).zip(self.addends) {
            let shift = addend.shift;
            let pixel = (y >> shift) * addend.size[1] + (x >> shift);
            let at = pixel * geometry.outputs + first;
            let (values, rounded) = match values {
                Values::Whole(values) => (values[at..].as_ptr().cast(), false),
                Values::Rounded(values) => (values[at..].as_ptr().cast(), true),
                // `Geometry::check` has refused them.
                Values::Bytes(_) => continue,
            };
            *slot = TileAddend { values, rounded, step: geometry.outputs, phase: x - (x >> shift << shift), shift };
        }
    }

    /// Rounds values that belong together in the output and writes them.
    pub fn store_rounded(&self, at: usize, values: &[f32]) {
        debug_assert!(at + values.len() <= self.geometry.output_len());
        for (at, value) in (at..).zip(values) {
            // SAFETY: callers stay within the output, whose length is checked, in their job's row.
            unsafe { self.output.rounded_at(at).write(half(*value)) };
        }
    }

    /// Writes values that belong together in the output.
    pub fn store(&self, at: usize, values: &[f32]) {
        debug_assert!(at + values.len() <= self.geometry.output_len());
        // SAFETY: callers stay within the output, whose length is checked, in their job's row.
        unsafe { self.output.at(at).copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    }
}
