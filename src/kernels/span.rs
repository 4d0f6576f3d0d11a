//! Where the input of some neighbouring pixels lies.

use super::geometry::{Geometry, Order};
use super::work::Work;

/// The pixels `x..x + pixels` of row `y`, and where their input lies.
pub(super) struct Span<'a> {
    pub y: usize,
    pub x: usize,
    pub pixels: usize,
    pub input: *const u32,
    pub runs: &'a [usize],
    /// The first run, counted from the kernel's first row.
    pub first_run: usize,
}

/// Finds spans.
#[derive(Clone)]
pub(super) struct Spans {
    /// Where the runs of a span lie in the input, from the first one on.
    runs: Vec<usize>,
    /// What stands around the input.
    blank: u32,
}

impl Spans {
    pub fn new(geometry: &Geometry, blank: u32) -> Self {
        let ([height, width], rows) = (geometry.from, geometry.kernel[0]);
        let run = |index: usize| match geometry.from_order {
            Order::Planes => (index / rows * height + index % rows) * width,
            _ => index * width * geometry.unit(),
        };
        Self { runs: (0..geometry.runs()).map(run).collect(), blank }
    }

    /// Finds the input of a row's part: in place, or copied to `edge` with what stands around it.
    pub fn find<'a>(
        &'a self,
        work: &'a Work<'_>,
        y: usize,
        x: usize,
        pixels: usize,
        edge: &mut Vec<u32>,
        runs: &'a mut Vec<usize>,
    ) -> Span<'a> {
        let geometry = work.geometry;
        let ([height, width], [rows, columns]) = (geometry.from, geometry.kernel);
        let unit = geometry.unit();
        let top = (y * geometry.stride[0]) as isize - geometry.pad[0] as isize;
        let left = (x * geometry.stride[1]) as isize - geometry.pad[1] as isize;
        let across = (pixels - 1) * geometry.stride[1] + columns;
        let skipped = ((-top).max(0) as usize).min(rows);
        let live = ((height as isize - top).clamp(0, rows as isize) as usize).max(skipped) - skipped;
        let inside = left >= 0 && left as usize + across <= width;
        // Rows of zeros, where they are runs of their own, add nothing.
        let (first_run, count) = match geometry.from_order {
            Order::Interleaved => (skipped, live),
            _ => (0, self.runs.len()),
        };
        if inside && (live == rows || geometry.from_order == Order::Interleaved && live > 0) {
            let start = ((top + skipped as isize) as usize * width + left as usize) * unit;
            let input = work.words()[start..].as_ptr();
            return Span { y, x, pixels, input, runs: &self.runs[..count], first_run };
        }
        edge.clear();
        edge.resize(count * across * unit, self.blank);
        let from = (-left).max(0) as usize;
        let to = ((width as isize - left).max(0) as usize).min(across);
        for (index, line) in edge.chunks_exact_mut(across * unit).enumerate() {
            let (plane, row) = match geometry.from_order {
                Order::Planes => (index / rows, index % rows),
                _ => (0, first_run + index),
            };
            let row = top + row as isize;
            if row < 0 || row as usize >= height || from >= to {
                continue;
            }
            let start = (plane * height + row as usize) * width + (left + from as isize) as usize;
            line[from * unit..to * unit].copy_from_slice(&work.words()[start * unit..(start + to - from) * unit]);
        }
        runs.clear();
        runs.extend((0..count).map(|index| index * across * unit));
        Span { y, x, pixels, input: edge.as_ptr(), runs, first_run }
    }
}
