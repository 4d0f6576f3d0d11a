//! The quads between two grid rows: which are of one class, and the interpolation of those that are not.

use std::ops::Range;

use super::lerp::{Axis, Cell};
use super::scores::{Scores, clearly_above};
use crate::mask::UNLABELLED;
use crate::model::Logits;

/// Pixels that are interpolated together.
const LANES: usize = 4;

/// The quads between two grid rows, from left to right.
#[derive(Debug, Default)]
pub(super) struct Band {
    spans: Vec<Span>,
    /// Classes that can win in the mixed quads, with their scores at the corners.
    rivals: Vec<Rival>,
}

#[derive(Debug)]
enum Span {
    /// One class for these pixels.
    Plain { pixels: Range<usize>, class: u8 },
    /// A quad in which these rivals meet.
    Mixed { cell: Cell, rivals: Range<usize> },
}

/// A class that may win somewhere in a quad.
#[derive(Debug, Clone, Copy)]
struct Rival {
    class: u8,
    /// Scores above left, above right, below left, below right.
    corners: [f32; 4],
}

impl Band {
    /// Sorts the quads between two grid rows into plain and mixed ones.
    #[inline(always)]
    pub fn find(&mut self, logits: Logits<'_>, scores: &Scores, (above, below): (u32, u32), columns: &Axis) {
        self.spans.clear();
        self.rivals.clear();
        let classes = [scores.class_row(above), scores.class_row(below)];
        let clear = [scores.clear_row(above), scores.clear_row(below)];
        for cell in columns.cells() {
            let (left, right) = (cell.at as usize, cell.next as usize);
            let winners = corners(classes, left, right);
            let plain = corners(clear, left, right) == [true; 4] && winners.iter().all(|class| *class == winners[0]);
            if plain {
                self.push_plain(cell, winners[0]);
            } else {
                let rivals = self.push_rivals(logits, [above, below], [left, right], winners);
                self.spans.push(Span::Mixed { cell: *cell, rivals });
            }
        }
    }

    #[inline(always)]
    fn push_plain(&mut self, cell: &Cell, winner: u8) {
        let (from, to) = (cell.from as usize, cell.to as usize);
        match self.spans.last_mut() {
            Some(Span::Plain { pixels, class }) if *class == winner => pixels.end = to,
            _ => self.spans.push(Span::Plain { pixels: from..to, class: winner }),
        }
    }

    /// Keeps the classes that may win in a quad: all but those which a corner's winner clearly beats at every corner.
    #[inline(always)]
    fn push_rivals(
        &mut self,
        logits: Logits<'_>,
        rows: [u32; 2],
        columns: [usize; 2],
        winners: [u8; 4],
    ) -> Range<usize> {
        let first = self.rivals.len();
        let width = logits.grid.width as usize;
        let [a, b] = rows.map(|row| row as usize * width);
        let [l, r] = columns;
        let at = |class: usize| {
            let plane = class * logits.grid.pixels();
            let score = |cell: usize| logits.values.get(plane + cell).copied();
            [a + l, a + r, b + l, b + r].map(|cell| score(cell).unwrap_or(f32::NAN))
        };
        let leaders = winners.map(|class| at(class.into()));
        for class in 0..logits.classes {
            let corners = at(class);
            let beaten = leaders.iter().any(|leader| {
                let mut pairs = leader.iter().zip(&corners);
                pairs.all(|(&leader, &score)| clearly_above(leader, score))
            });
            if !beaten {
                let class = class as u8;
                self.rivals.push(Rival { class, corners });
            }
        }
        first..self.rivals.len()
    }

    /// Draws one row of the mask, `part` of the way from the upper grid row to the lower one.
    #[inline(always)]
    pub fn draw(&self, part: f32, columns: &Axis, out: &mut [u8]) {
        for span in &self.spans {
            match span {
                Span::Plain { pixels, class } => {
                    if let Some(out) = out.get_mut(pixels.clone()) {
                        out.fill(*class);
                    }
                }
                Span::Mixed { cell, rivals } => {
                    let rivals = self.rivals.get(rivals.clone()).unwrap_or_default();
                    let pixels = cell.from as usize..cell.to as usize;
                    if let Some(out) = out.get_mut(pixels) {
                        draw_mixed(rivals, part, columns.parts(cell), out);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn corners<T: Copy + Default>([above, below]: [&[T]; 2], left: usize, right: usize) -> [T; 4] {
    let at = |row: &[T], x: usize| row.get(x).copied().unwrap_or_default();
    [at(above, left), at(above, right), at(below, left), at(below, right)]
}

/// Interpolates the rivals down the left and right edge, then between the edges; the highest wins, the lowest id among equals.
#[inline(always)]
fn draw_mixed(rivals: &[Rival], part: f32, parts: &[f32], out: &mut [u8]) {
    for (out, parts) in out.chunks_mut(LANES).zip(parts.chunks(LANES)) {
        let mut right_part = [0.0; LANES];
        right_part[..parts.len()].copy_from_slice(parts);
        let mut best = [f32::NEG_INFINITY; LANES];
        let mut winner = [u32::from(UNLABELLED); LANES];
        for rival in rivals {
            let [al, ar, bl, br] = rival.corners;
            let left = between(al, bl, part);
            let right = between(ar, br, part);
            for ((best, winner), &part) in best.iter_mut().zip(&mut winner).zip(&right_part) {
                let score = between(left, right, part);
                let wins = score > *best;
                *best = if wins { score } else { *best };
                *winner = if wins { u32::from(rival.class) } else { *winner };
            }
        }
        for (out, &class) in out.iter_mut().zip(&winner) {
            *out = class as u8;
        }
    }
}

/// A weighted mean; never decreasing in either score, also after rounding.
#[inline(always)]
pub(super) fn between(a: f32, b: f32, part: f32) -> f32 {
    a * (1.0 - part) + b * part
}
