//! The quads between two grid rows: which are of one class, and the interpolation of those that are not.

use std::ops::Range;

use super::lerp::{Axis, Cell};
use super::scores::{Scores, clearly_above};
use crate::mask::UNLABELLED;
use crate::model::Logits;

/// Pixels that are interpolated together: one vector, and as many as a quad usually has in masks of up to eight times the grid.
const LANES: usize = 8;

/// The quads between two grid rows, from left to right.
#[derive(Debug, Default)]
pub(super) struct Band {
    spans: Vec<Span>,
    /// For each cell of the upper row the class that wins everywhere between it, its right neighbour and those below, or [`UNLABELLED`].
    plain: Vec<u8>,
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
        self.find_plain(scores.clear_row(above), scores.clear_row(below));
        for cell in columns.cells() {
            let (left, right) = (cell.at as usize, cell.next as usize);
            match self.plain.get(left).copied().unwrap_or(UNLABELLED) {
                UNLABELLED => {
                    let winners = corners(classes, left, right);
                    let rivals = self.push_rivals(logits, [above, below], [left, right], winners);
                    self.spans.push(Span::Mixed { cell: *cell, rivals });
                }
                class => self.push_plain(cell, class),
            }
        }
    }

    #[inline(always)]
    fn find_plain(&mut self, above: &[u8], below: &[u8]) {
        self.plain.clear();
        self.plain.extend_from_slice(above);
        let right = above.iter().zip(below).skip(1);
        for ((plain, below_left), (above, below)) in self.plain.iter_mut().zip(below).zip(right) {
            let same = (*plain == *below_left) & (*plain == *above) & (*plain == *below);
            *plain = if same { *plain } else { UNLABELLED };
        }
        // Right of the last cell it repeats itself.
        if let (Some(plain), Some(below)) = (self.plain.last_mut(), below.last()) {
            *plain = if plain == below { *plain } else { UNLABELLED };
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
        let [a, b] = [rows[0] as usize * width, rows[1] as usize * width];
        let [l, r] = columns;
        let at = |class: usize| {
            let plane = class * logits.grid.pixels();
            let score = |cell: usize| logits.values.get(plane + cell).copied().unwrap_or(f32::NAN);
            [score(a + l), score(a + r), score(b + l), score(b + r)]
        };
        let [first_winner, second, third, fourth] = winners;
        let leaders = [at(first_winner.into()), at(second.into()), at(third.into()), at(fourth.into())];
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
                    for from in (cell.from as usize..cell.to as usize).step_by(LANES) {
                        let winners = draw_mixed(rivals, part, columns.lanes(from));
                        // What is written past the quad is overwritten by the next one.
                        let out = out.get_mut(from..).unwrap_or_default();
                        match out.first_chunk_mut() {
                            Some(out) => *out = winners,
                            None => out.iter_mut().zip(winners).for_each(|(out, winner)| *out = winner),
                        }
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

/// The best class of some pixels, whose ways between the edges are `parts`: interpolates the rivals down the left and right edge, then between
/// the edges; the highest wins, the lowest id among equals.
#[inline(always)]
fn draw_mixed(rivals: &[Rival], part: f32, parts: [f32; LANES]) -> [u8; LANES] {
    let mut best = [f32::NEG_INFINITY; LANES];
    let mut winner = [u32::from(UNLABELLED); LANES];
    for rival in rivals {
        let [al, ar, bl, br] = rival.corners;
        let left = between(al, bl, part);
        let right = between(ar, br, part);
        for k in 0..LANES {
            let score = between(left, right, parts[k]);
            let wins = score > best[k];
            best[k] = if wins { score } else { best[k] };
            winner[k] = if wins { u32::from(rival.class) } else { winner[k] };
        }
    }
    let mut classes = [0; LANES];
    for k in 0..LANES {
        classes[k] = winner[k] as u8;
    }
    classes
}

/// A weighted mean; never decreasing in either score, also after rounding.
#[inline(always)]
pub(super) fn between(a: f32, b: f32, part: f32) -> f32 {
    a * (1.0 - part) + b * part
}
