//! Linear interpolation along one axis of the output grid, grouped by the two cells that a pixel lies between.

/// Pixels `from..to` of the mask lie between the centres of cells `at` and `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub at: u32,
    pub next: u32,
    pub from: u32,
    pub to: u32,
}

/// All pixels along one axis.
#[derive(Debug, Default)]
pub(super) struct Axis {
    sizes: (u32, u32),
    cells: Vec<Cell>,
    /// For every pixel how far it is from `at` towards `next`, 0 to 1.
    parts: Vec<f32>,
    /// The same in whole 256ths, of each pixel and the three behind it, from the lowest 16 bits up.
    fours: Vec<u64>,
}

impl Axis {
    /// Makes the tables for `grid` cells under `pixels` pixels, where they are not those already.
    pub fn fit(&mut self, grid: u32, pixels: u32) {
        if self.sizes == (grid, pixels) {
            return;
        }
        self.sizes = (grid, pixels);
        self.cells.clear();
        self.parts.clear();
        self.fours.clear();
        for pixel in 0..pixels {
            let (at, part) = place(pixel.into(), grid.into(), pixels.into());
            self.parts.push(part);
            match self.cells.last_mut() {
                Some(cell) if cell.at == at => cell.to = pixel + 1,
                _ => self.cells.push(Cell { at, next: (at + 1).min(grid - 1), from: pixel, to: pixel + 1 }),
            }
        }
        for pixel in 0..self.parts.len() {
            let four = self.parts.iter().skip(pixel).take(4).rev();
            self.fours.push(four.fold(0, |word, part| word << 16 | u64::from(levels(*part))));
        }
    }

    /// Cells of the grid, and pixels.
    pub fn sizes(&self) -> (u32, u32) {
        self.sizes
    }

    /// The groups of pixels, in order.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// How far each pixel of a group is from `at` towards `next`.
    #[inline(always)]
    pub fn parts(&self, cell: &Cell) -> &[f32] {
        self.parts.get(cell.from as usize..cell.to as usize).unwrap_or_default()
    }

    /// How far each of `N` pixels from `from` on is from `at` towards `next`; 0 past the last pixel.
    pub fn lanes<const N: usize>(&self, from: usize) -> [f32; N] {
        std::array::from_fn(|lane| self.parts.get(from + lane).copied().unwrap_or_default())
    }

    /// Interpolates a row of cells to a row of pixels.
    #[inline(always)]
    pub fn stretch(&self, row: &[u8], out: &mut Vec<u8>) {
        out.resize(self.parts.len(), 0);
        for cell in &self.cells {
            let value = |at: u32| u64::from(row.get(at as usize).copied().unwrap_or_default());
            let (a, b) = (value(cell.at), value(cell.next));
            for from in (cell.from as usize..cell.to as usize).step_by(4) {
                let right = self.fours.get(from).copied().unwrap_or_default();
                put_four(mix_four(a, b, right), out.get_mut(from..));
            }
        }
    }
}

/// Writes four values, or as many as there is room for. What lands past a cell is overwritten by the next one.
#[inline(always)]
fn put_four(four: [u8; 4], out: Option<&mut [u8]>) {
    let out = out.unwrap_or_default();
    match out.first_chunk_mut() {
        Some(out) => *out = four,
        None => out.iter_mut().zip(four).for_each(|(out, value)| *out = value),
    }
}

/// A word of four lanes of 16 bits.
const ONES: u64 = 0x0001_0001_0001_0001;

/// Four times between two levels, [`mix`] in the lanes of one word; `right` has the parts.
#[inline(always)]
fn mix_four(a: u64, b: u64, right: u64) -> [u8; 4] {
    let sums = a * (256 * ONES - right) + b * right + 128 * ONES;
    // The upper byte of each lane.
    let bytes = (sums >> 8) & (0xFF * ONES);
    let pairs = bytes | (bytes >> 8);
    ((pairs & 0xFFFF) as u32 | ((pairs >> 32 & 0xFFFF) as u32) << 16).to_le_bytes()
}

/// The cell before a pixel and the way from its centre to the next one: half-pixel centres, clamped at the borders.
fn place(pixel: u64, grid: u64, pixels: u64) -> (u32, f32) {
    // In units of 1 / (2 * pixels) of a cell, so that whole positions are met exactly.
    let unit = 2 * pixels;
    let centre = ((2 * pixel + 1) * grid).saturating_sub(pixels).min((grid - 1) * unit);
    ((centre / unit) as u32, (centre % unit) as f32 / unit as f32)
}

/// A part of 1 in whole 256ths.
#[inline(always)]
pub(super) fn levels(part: f32) -> u16 {
    (part * 256.0 + 0.5) as u16
}

/// Between two levels; `part` in 256ths, so that the sum stays in 16 bits.
#[inline(always)]
pub(super) fn mix(a: u8, b: u8, part: u16) -> u8 {
    // At most 255 * 256 + 128.
    ((u16::from(a) * (256 - part) + u16::from(b) * part + 128) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_times_the_grid_lies_at_odd_eighths_and_repeats_the_borders() {
        let mut axis = Axis::default();
        axis.fit(2, 8);
        assert_eq!(axis.parts, [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 0.0, 0.0]);
        let cell = |at, next, from, to| Cell { at, next, from, to };
        assert_eq!(axis.cells(), [cell(0, 1, 0, 6), cell(1, 1, 6, 8)]);
    }

    #[test]
    fn every_pixel_is_in_one_group_for_growing_and_shrinking() {
        for (grid, pixels) in [(1, 1), (1, 9), (9, 1), (7, 7), (120, 480), (90, 1080), (90, 31)] {
            let mut axis = Axis::default();
            axis.fit(grid, pixels);
            let mut expected = 0;
            for cell in axis.cells() {
                assert_eq!(cell.from, expected);
                assert!(cell.next < grid);
                expected = cell.to;
            }
            assert_eq!(expected, pixels);
        }
    }

    #[test]
    fn mixing_meets_both_ends_and_the_middle() {
        assert_eq!(mix(10, 200, levels(0.0)), 10);
        assert_eq!(mix(10, 200, levels(1.0)), 200);
        assert_eq!(mix(10, 200, levels(0.5)), 105);
        assert_eq!(mix(255, 255, levels(0.3)), 255);
    }

    #[test]
    fn four_at_once_are_mixed_like_one() {
        for (a, b) in [(0, 255), (255, 0), (255, 255), (3, 77)] {
            for level in 0..=253u16 {
                let four = [level, level + 1, level + 2, level + 3];
                let word = four.iter().rev().fold(0, |word, level| word << 16 | u64::from(*level));
                assert_eq!(mix_four(a.into(), b.into(), word), four.map(|level| mix(a, b, level)));
            }
        }
    }
}
