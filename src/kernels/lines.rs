//! Lays out what tiles are loaded from: the input under a block of rows of the output, rounded or an image's bytes, with what stands around it.

use std::arch::x86_64::*;
use std::ops::Range;

use super::geometry::{Geometry, Order, Values};
use super::pixels::interleave;
use super::pixels_x86::{first, rounded};
use super::product::{Line, SIDE};
use super::work::{Desk, Work};

/// Values of a line.
const LINE: usize = 2 * SIDE;
/// Planes that are interleaved, at most.
const MAX_PLANES: usize = 4;

/// Pixels of a row of the input that are under a strip, from `x` on as counted with the zeros before the row.
struct Reach {
    x: usize,
    pixels: usize,
}

/// How the input is packed: row by row, each row of the kernel a run of its own.
///
/// Values are halves of words: those of bf16, or two bytes of an image each.
#[derive(Clone, Debug)]
pub(super) struct Packing {
    /// Values of a pixel of the input, with what lies behind it: whole words.
    pub unit: usize,
    /// Values from one pixel of the output to the next.
    step: usize,
    /// Values of a packed row, whole lines of them.
    row: usize,
    /// Lines of a run.
    pub tiles: usize,
    /// The word that stands around the input.
    blank: [u16; 2],
}

/// Columns of an output by strips of neighbours, as even as can be.
pub(super) fn strips(columns: usize) -> Vec<Range<usize>> {
    let count = columns.div_ceil(SIDE);
    (0..count).map(|strip| strip * columns / count..(strip + 1) * columns / count).collect()
}

/// Tiles of a row of the kernel, where pixels of the input have `unit` words.
pub(super) fn tiles(geometry: &Geometry, unit: usize) -> usize {
    (geometry.kernel[1] * unit).div_ceil(SIDE)
}

impl Packing {
    /// Whether there is a packing for the input.
    pub fn fits(geometry: &Geometry) -> bool {
        match geometry.from_order {
            Order::Planes => geometry.inputs <= MAX_PLANES,
            Order::Interleaved | Order::Rounded | Order::Bytes => true,
        }
    }

    /// The packing of an input with words of `blank` around it.
    pub fn new(geometry: &Geometry, blank: u32) -> Self {
        let unit = match geometry.from_order {
            Order::Bytes => 2,
            _ => Order::Rounded.unit(geometry.inputs),
        };
        let row = (unit * across(geometry)).next_multiple_of(LINE);
        let tiles = tiles(geometry, unit / 2);
        let blank = [blank as u16, (blank >> 16) as u16];
        Self { unit, step: geometry.stride[1] * unit, row, tiles, blank }
    }

    /// Column of the kernel and channel of the input of a run's value, where it has one.
    pub fn place(&self, geometry: &Geometry, value: usize) -> Option<[usize; 2]> {
        let (column, input) = (value / self.unit, value % self.unit);
        (column < geometry.kernel[1] && input < geometry.inputs).then_some([column, input])
    }

    /// Lays out the input under `rows` of the output and what stands around it, and sets `desk.begins` to where the values under each of `strips` begin:
    /// one strip after another, each with all rows of the input. Returns how many rows.
    ///
    /// Behind each beginning there are values enough for a whole strip of whole tiles.
    pub fn lay(&self, work: &Work<'_>, strips: &[Range<usize>], rows: &Range<usize>, desk: &mut Desk) -> usize {
        let geometry = work.geometry;
        let first = rows.start * geometry.stride[0];
        let under = first..first + (rows.len() - 1) * geometry.stride[0] + geometry.kernel[0];
        // Of two strips both reach over a side.
        if work.halves().is_empty() || strips.len() <= 2 {
            self.lay_packed(work, strips, &under, desk);
        } else {
            self.lay_in_place(work, strips, &under, desk);
        }
        under.len()
    }

    /// Values of a strip, with what is loaded beside them.
    fn span(&self) -> usize {
        (SIDE * self.step + self.tiles * LINE).next_multiple_of(LINE)
    }

    /// Packs rows of the input, counted from the first one above it.
    fn lay_packed(&self, work: &Work<'_>, strips: &[Range<usize>], rows: &Range<usize>, desk: &mut Desk) {
        let count = rows.len();
        desk.lines.resize((count * self.row + self.span()).div_ceil(LINE), Line::ZERO);
        let packed = Line::halves(&mut desk.lines);
        packed[count * self.row..].fill(0);
        for (y, row) in rows.clone().zip(packed.chunks_exact_mut(self.row)) {
            self.pack_row(work, y, row);
        }
        desk.begins.clear();
        for columns in strips {
            let packed = &packed[columns.start * self.step..];
            desk.begins.extend((0..count).map(|row| packed[row * self.row..].as_ptr().cast()));
        }
    }

    /// Leaves values where they lie. Only strips that reach over the sides of the input, or the end of it, are copied, one after another.
    fn lay_in_place(&self, work: &Work<'_>, strips: &[Range<usize>], rows: &Range<usize>, desk: &mut Desk) {
        let (geometry, values) = (work.geometry, work.halves());
        let ([height, width], [above, left], stride) = (geometry.from, geometry.pad, geometry.stride);
        let (span, first, count) = (self.span(), rows.start, rows.len());
        // Rows of the input, and those of them that are not around it.
        let top = above.saturating_sub(first).min(count);
        let bottom = (height + above).saturating_sub(first).clamp(top, count);
        let line = |row: usize| (first + row - above) * width * self.unit;
        let strips = strips.iter().map(|columns| Reach {
            x: columns.start * stride[1],
            pixels: (columns.len() - 1) * stride[1] + geometry.kernel[1],
        });
        // Where the strip begins in a row, if all that it has in all rows is there.
        let inside = |strip: &Reach| {
            let x = strip.x.checked_sub(left).filter(|x| x + strip.pixels <= width)?;
            (top == bottom || line(bottom - 1) + x * self.unit + span <= values.len()).then_some(x * self.unit)
        };
        let copies = strips.clone().filter(|strip| inside(strip).is_none()).count() * (bottom - top);
        desk.lines.resize((1 + copies) * span / LINE, Line::ZERO);
        let (around, copies) = Line::halves(&mut desk.lines).split_at_mut(span);
        self.leave_blank(around);
        let mut copies = copies.chunks_exact_mut(span);
        desk.begins.clear();
        for strip in strips {
            desk.begins.extend(std::iter::repeat_n(around.as_ptr().cast(), top));
            match inside(&strip) {
                Some(at) => desk.begins.extend((top..bottom).map(|row| values[line(row) + at..].as_ptr().cast())),
                None => desk.begins.extend((top..bottom).zip(&mut copies).map(|(row, copy)| {
                    self.copy(geometry, &values[line(row)..][..width * self.unit], &strip, copy);
                    copy.as_ptr().cast()
                })),
            }
            desk.begins.extend(std::iter::repeat_n(around.as_ptr().cast(), count - bottom));
        }
    }

    /// Copies what a strip has of a row of the input, and what is loaded with the last of it.
    fn copy(&self, geometry: &Geometry, row: &[u16], strip: &Reach, to: &mut [u16]) {
        let (left, pixels) = (geometry.pad[1].saturating_sub(strip.x).min(strip.pixels), strip.pixels);
        let from = &row[((strip.x + left - geometry.pad[1]) * self.unit).min(row.len())..];
        let to = &mut to[..pixels * self.unit + self.tiles * LINE - geometry.kernel[1] * self.unit];
        let (before, to) = to.split_at_mut(left * self.unit);
        let (inside, after) = to.split_at_mut(from.len().min((pixels - left) * self.unit));
        self.leave_blank(before);
        inside.copy_from_slice(&from[..inside.len()]);
        self.leave_blank(after);
    }

    /// Fills whole words with what stands around the input.
    fn leave_blank(&self, values: &mut [u16]) {
        values.as_chunks_mut().0.fill(self.blank);
    }

    /// Packs a row of the input, counted from the first one that stands above it.
    fn pack_row(&self, work: &Work<'_>, y: usize, row: &mut [u16]) {
        let geometry = work.geometry;
        let ([height, width], channels) = (geometry.from, geometry.inputs);
        let y = y.wrapping_sub(geometry.pad[0]);
        if y >= height {
            return self.leave_blank(row);
        }
        let left = geometry.pad[1].min(across(geometry));
        let pixels = width.min(across(geometry) - left);
        let (before, row) = row.split_at_mut(left * self.unit);
        let (row, after) = row.split_at_mut(pixels * self.unit);
        self.leave_blank(before);
        self.leave_blank(after);
        match work.input {
            Values::Rounded(_) | Values::Bytes(_) => {
                row.copy_from_slice(&work.halves()[y * width * self.unit..][..pixels * self.unit]);
            }
            Values::Whole(values) if geometry.from_order == Order::Planes => {
                let line = |plane: usize| &values[(plane.min(channels - 1) * height + y) * width..][..pixels];
                interleave(&std::array::from_fn::<_, MAX_PLANES, _>(line)[..channels], row);
            }
            Values::Whole(values) => {
                let line = &values[y * width * channels..][..pixels * channels];
                // Without gaps a row is one long pixel.
                let [channels, unit] = if channels == self.unit { [line.len(); 2] } else { [channels, self.unit] };
                // SAFETY: the line has as many pixels as the row has room for, and `unit` is not less than their channels. Where there are tiles,
                // there is AVX-512 with bf16.
                unsafe { round_pixels(line, channels, unit, row.as_mut_ptr()) };
            }
        }
    }
}

/// Pixels of a row of the input that a row of the output needs.
fn across(geometry: &Geometry) -> usize {
    (geometry.to[1] - 1) * geometry.stride[1] + geometry.kernel[1]
}

/// Rounds pixels of `channels` values and writes each with zeros behind it, `unit` halves in all.
///
/// # Safety
/// The processor has AVX-512 with bf16. `unit` is not less than `channels`, and there is room for as many pixels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn round_pixels(values: &[f32], channels: usize, unit: usize, to: *mut u16) {
    for (index, pixel) in values.chunks_exact(channels).enumerate() {
        for from in (0..unit).step_by(LINE) {
            // SAFETY: masks keep to the pixel, and to its place.
            unsafe {
                let values = rounded(pixel.as_ptr().wrapping_add(from), channels.saturating_sub(from));
                _mm512_mask_storeu_epi16(to.add(index * unit + from).cast(), first(unit - from), values);
            }
        }
    }
}
