//! A tile: the pixels and channels that one kernel call computes.

/// The most pixels of a tile.
pub(super) const MAX_PIXELS: usize = 12;
/// Channels that the kernels of `depthwise` and the transforms of `winograd` take at once.
pub(super) const LANES: usize = 8;
/// The most tensors that can be added to a convolution.
pub(super) const MAX_ADDENDS: usize = 2;

/// What a kernel needs to know about its tile.
///
/// Inputs and weights are words of 32 bits: one f32, two bf16, or four bytes, unsigned ones of the input and signed ones of the weights. The
/// product of two words is the sum of the products of what they hold. The input of output pixel `p` for the `k`-th product of run `r` is `input[runs[r] + p * step + k]`; its weights for the panel follow
/// each other in the order of runs and `k`.
pub(super) struct Tile<'a> {
    /// Where the first pixel's input begins.
    pub input: *const u32,
    /// Words from the input of one pixel to that of the next.
    pub step: usize,
    /// Where each run begins.
    pub runs: &'a [usize],
    /// Products of a run.
    pub len: usize,
    /// `runs.len() * len` rows of the panel's width.
    pub weights: *const u32,
    /// One value a channel of the panel.
    pub bias: *const f32,
    /// What the sums mean where bytes were multiplied.
    pub scaling: Scaling,
    /// What is added after the last product.
    pub addends: &'a [TileAddend],
    /// Whether negative results become zero.
    pub relu: bool,
    /// Where the first pixel's results go.
    pub output: *mut f32,
    /// Whether they go there as bits of bf16, by kernels that know of it.
    pub rounded: bool,
    /// Values from one pixel's results to those of the next.
    pub output_step: usize,
    /// Channels that the panel's last vector has in common with the one before: it lies so many values further ahead, in results and addends.
    pub overlap: usize,
}

impl Tile<'_> {
    /// The channel that vector `v` of `vectors` begins with, of so many lanes each.
    #[inline(always)]
    pub fn channel(&self, v: usize, vectors: usize, lanes: usize) -> usize {
        v * lanes - if v + 1 == vectors { self.overlap } else { 0 }
    }
}

/// How the bytes of an input stand for values: `value = scale * (byte - zero)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub scale: f32,
    pub zero: i32,
}

impl Range {
    /// Of what is no byte.
    pub const NONE: Self = Self { scale: 1.0, zero: 0 };
}

/// What sums of bytes' products mean: `(sum - zero * sums[c]) * (scale * scales[c]) + bias[c]` for channel `c` of the panel.
#[derive(Clone, Copy)]
pub(super) struct Scaling {
    pub range: Range,
    /// One a channel: how the weights' bytes stand for values, and their sum.
    pub scales: *const f32,
    pub sums: *const i32,
}

impl Scaling {
    /// Of what is no sum of bytes.
    pub const NONE: Self = Self { range: Range::NONE, scales: std::ptr::null(), sums: std::ptr::null() };
}

/// Values to be added to a tile: those of pixel `p` are at `values[((phase + p) >> shift) * step]`.
#[derive(Clone, Copy)]
pub(super) struct TileAddend {
    /// Of f32, or of bf16 where they are rounded.
    pub values: *const u8,
    pub rounded: bool,
    pub step: usize,
    pub phase: usize,
    pub shift: u32,
}

impl TileAddend {
    /// None at all.
    pub const NONE: Self = Self { values: std::ptr::null(), rounded: false, step: 0, phase: 0, shift: 0 };

    /// Where the values for pixel `p` begin, where they are f32.
    pub fn at(&self, p: usize) -> *const f32 {
        self.values.cast::<f32>().wrapping_add(((self.phase + p) >> self.shift) * self.step)
    }

    /// The same where they are rounded.
    pub fn rounded_at(&self, p: usize) -> *const u16 {
        self.values.cast::<u16>().wrapping_add(((self.phase + p) >> self.shift) * self.step)
    }
}

/// Computes a tile of the number of pixels and the panel's width that it was chosen for.
///
/// # Safety
/// Everything that the tile points at by the formulas above must be there: inputs, weights, bias and addends to be read, results to be
/// written by nobody else. The processor must have the instructions that the kernel was made for.
pub(super) type Kernel = unsafe fn(&Tile<'_>);
