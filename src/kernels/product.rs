//! Strips of pixels times a panel of channels, as a unit for matrices is given them: what is read, and where results go.

use super::tile::{MAX_ADDENDS, Scaling, TileAddend};

/// Rows of a tile, and words of a row.
pub(super) const SIDE: usize = 16;
/// Strips of pixels, and vectors of channels, that are summed together.
pub(super) const STRIPS: usize = 2;
pub(super) const VECTORS: usize = 2;
/// Sums of a strip, and of a pixel.
pub(super) const SUMS: usize = SIDE * SUMS_STEP;
pub(super) const SUMS_STEP: usize = VECTORS * SIDE;

/// A row of a tile, in a cache line of its own: one that lies across two takes twice as long to load.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Line(pub [u32; SIDE]);

impl Line {
    pub const ZERO: Self = Self([0; SIDE]);

    /// The halves of the words of lines, one after another.
    pub fn halves(lines: &mut [Self]) -> &mut [u16] {
        // SAFETY: a line is its words and nothing else, and a word is two halves.
        unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), 2 * SIDE * lines.len()) }
    }

    /// The words of lines, one after another.
    pub fn words(lines: &mut [Self]) -> &mut [u32] {
        // SAFETY: a line is its words and nothing else.
        unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), SIDE * lines.len()) }
    }
}

/// Up to sixteen neighbouring pixels.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    /// Where the first pixel's words of each run begin.
    pub input: *const *const u32,
    pub pixels: usize,
    /// Where its results go, from the first of all channels on.
    pub output: Results,
    /// What is added to them, from the first of all channels on.
    pub addends: [TileAddend; MAX_ADDENDS],
}

impl Strip {
    /// None yet.
    pub const EMPTY: Self = Self {
        input: std::ptr::null(),
        pixels: 0,
        output: Results::Whole(std::ptr::null_mut()),
        addends: [TileAddend::NONE; MAX_ADDENDS],
    };
}

/// A product of strips of pixels with a panel of channels.
pub(super) struct Product<'a> {
    pub strips: &'a [Strip],
    /// Words from one pixel to the next, of two bf16, or of four bytes where there is a scaling.
    pub step: usize,
    pub runs: usize,
    /// Tiles of words of a run.
    pub tiles: usize,
    /// For each tile of words of each run, one tile a vector of channels: a row a word.
    pub weights: *const Line,
    /// The panel's first channel, and one value a channel of all vectors.
    pub first: usize,
    pub bias: *const f32,
    /// What the sums mean where bytes are multiplied, for as many channels.
    pub scaling: Option<Scaling>,
    /// Channels that are stored, of one vector or [`VECTORS`].
    pub channels: usize,
    /// Number of addends of each strip.
    pub addends: usize,
    pub relu: bool,
    /// Values from one pixel's results to those of the next.
    pub output_step: usize,
}

/// Where results go, and as what.
#[derive(Clone, Copy)]
pub(super) enum Results {
    Whole(*mut f32),
    /// Rounded to bf16; channels and first channel are even then.
    Rounded(*mut u16),
    /// To planes, so many values from one to the next. There are no addends then.
    Planes(*mut f32, usize),
}
