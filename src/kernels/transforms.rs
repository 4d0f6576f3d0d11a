//! What Winograd's transforms are given.

use super::tile::{MAX_ADDENDS, TileAddend};

/// The most pixels of the output along a side of a square.
pub(super) const MAX_SIDE: usize = 4;
/// The most pixels of the input along a side of a square, and of transformed values.
pub(super) const MAX_WINDOW: usize = MAX_SIDE + 2;

/// The transforms of an instruction set, for squares of one size.
#[derive(Clone, Copy)]
pub(super) struct Transforms {
    pub forth: Forth,
    pub back: Back,
}

/// Transforms squares of the input. Pixel `(y, x)` of square `s` has its channels at `lines[y][(side * s + x) * channels..]`; place `p` of
/// channel `c` goes to `output[p * step + s * channels + c]`, in words of as many
/// channels as their precision has.
///
/// # Safety
/// All that is there to be read and written, `channels` are at least [`LANES`](super::tile::LANES) and fill whole words, and the processor has the instructions.
pub(super) type Forth = unsafe fn(lines: &Lines, squares: usize, channels: usize, output: *mut u32, step: usize);

/// The lines of the input under a row of squares, as many as a square's window has.
pub(super) type Lines = [*const f32; MAX_WINDOW];

/// Transforms a row of squares back, adds, cuts off, and stores.
///
/// # Safety
/// All that the fields speak of is there to be read and written, `channels` are at least [`LANES`](super::tile::LANES), and the processor has the
/// instructions.
pub(super) type Back = unsafe fn(&Results<'_>);

/// A row of squares of results.
pub(super) struct Results<'a> {
    pub squares: usize,
    /// Place `p` of channel `c` of square `s` is at `places[p * step + s * width + c]`.
    pub places: *const f32,
    pub step: usize,
    pub width: usize,
    /// Channels to store, at most `width`.
    pub channels: usize,
    /// One value a channel.
    pub bias: *const f32,
    /// Lines of the output, at most a square's side.
    pub lines: &'a [Line],
    /// Number of addends of each line.
    pub addends: usize,
    /// Pixels of a line, at most a square's side for each square.
    pub pixels: usize,
    /// From one pixel of the output to the next.
    pub output_step: usize,
    pub relu: bool,
    /// Whether the output is of bits of bf16, by transforms that know of it.
    pub rounded: bool,
}

/// A line of the output: where its first pixel goes, and what is added.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub output: *mut f32,
    pub addends: [TileAddend; MAX_ADDENDS],
}
