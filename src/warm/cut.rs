//! A scene cut, seen in the network's own input: the mean brightness of 16 x 12 cells, compared with that of the frame before.
//!
//! The measure is the mean absolute difference of the cells, as a fraction of full brightness. On CamVid it is at most 0.022 between frames of a drive
//! at 15 Hz and 0.050 at 5 Hz, and at least 0.084 from one drive to another, dusk included
//! (`cargo run --release --example scene_cuts -- CAMVID/val CAMVID/train`). A jump to a like view of the same street can pass unseen; a
//! sudden change of exposure can look like a cut, which costs one cold start.

use std::ops::Range;

use crate::frame::Size;
use crate::kernels::{PIXEL, Values, widen};
use crate::tensor::InputSpec;

/// A larger difference is a cut.
pub const CUT: f32 = 0.06;

const COLUMNS: usize = 16;
const ROWS: usize = 12;
/// Weights of red, green and blue in brightness (ITU-R BT.601).
const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];

/// The brightness of a picture's cells, up to a constant, row by row; 1 lies between black and white.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch(Vec<f32>);

impl Sketch {
    /// The sketch of a network's input, `[3, height, width] f32`, rounded `[height, width, 4]` or `[height, width]` words of bytes as `spec` says. Sides of fewer pixels than cells
    /// have a cell a pixel.
    pub fn of(input: Values<'_>, spec: &InputSpec) -> Self {
        let (width, height) = (spec.size.width as usize, spec.size.height as usize);
        let (columns, rows) = (width.min(COLUMNS), height.min(ROWS));
        let mut cells = Vec::with_capacity(columns * rows);
        let mut sums = vec![0.0f32; width];
        let weights: [f32; 3] = std::array::from_fn(|colour| WEIGHTS[colour] * spec.std[colour]);
        for row in 0..rows {
            let lines = row * height / rows..(row + 1) * height / rows;
            sums.fill(0.0);
            match input {
                Values::Whole(planes) => add_planes(planes, spec.size, &weights, &lines, &mut sums),
                Values::Rounded(pixels) => add_pixels(pixels, &weights, &lines, &mut sums),
                Values::Bytes(pixels) => add_bytes(pixels, &lines, &mut sums),
            }
            for column in 0..columns {
                let cell = &sums[column * width / columns..(column + 1) * width / columns];
                cells.push(cell.iter().sum::<f32>() / (cell.len() * lines.len()).max(1) as f32);
            }
        }
        Self(cells)
    }

    /// The mean absolute difference of the cells, 0 to 1; of sketches of unlike inputs 1.
    pub fn difference(&self, other: &Self) -> f32 {
        if self.0.len() != other.0.len() || self.0.is_empty() {
            return 1.0;
        }
        let sum: f32 = self.0.iter().zip(&other.0).map(|(a, b)| (a - b).abs()).sum();
        sum / self.0.len() as f32
    }
}

/// Adds the weighted colours of some lines of planes, column by column.
fn add_planes(planes: &[f32], size: Size, weights: &[f32; 3], lines: &Range<usize>, sums: &mut [f32]) {
    for (weight, plane) in weights.iter().zip(planes.chunks_exact(size.pixels().max(1))) {
        for line in plane.chunks_exact(sums.len().max(1)).take(lines.end).skip(lines.start) {
            sums.iter_mut().zip(line).for_each(|(sum, value)| *sum += weight * value);
        }
    }
}

/// The same of lines of rounded pixels.
fn add_pixels(pixels: &[u16], weights: &[f32; 3], lines: &Range<usize>, sums: &mut [f32]) {
    for line in pixels.chunks_exact((PIXEL * sums.len()).max(1)).take(lines.end).skip(lines.start) {
        for (sum, pixel) in sums.iter_mut().zip(line.chunks_exact(PIXEL)) {
            *sum += weights.iter().zip(pixel).map(|(weight, value)| weight * widen(*value)).sum::<f32>();
        }
    }
}

/// The same of lines of bytes, which are not normalised.
fn add_bytes(pixels: &[u32], lines: &Range<usize>, sums: &mut [f32]) {
    for line in pixels.chunks_exact(sums.len().max(1)).take(lines.end).skip(lines.start) {
        for (sum, pixel) in sums.iter_mut().zip(line) {
            let colours = pixel.to_ne_bytes().map(f32::from);
            *sum += WEIGHTS.iter().zip(colours).map(|(weight, value)| weight / 255.0 * value).sum::<f32>();
        }
    }
}
