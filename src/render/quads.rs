//! The quads between two grid rows: which are of one class, and the interpolation of those that are not.

use std::ops::Range;

use super::lerp::{Axis, Cell};
use super::scores::{Scores, clearly_above};
use crate::mask::UNLABELLED;
use crate::model::Logits;

/// Pixels that are interpolated together: some rows of a quad, or of a part of it. As many as a whole quad has in masks of four times the grid, and
/// enough for the compiler to take them for a loop, which it turns into vectors.
const LANES: usize = 16;

/// The quads between two grid rows.
#[derive(Debug, Default)]
pub(super) struct Band {
    /// For each cell of the upper row the class that wins everywhere between it, its right neighbour and those below, or [`UNLABELLED`].
    plain: Vec<u8>,
    /// The same for each pixel of a row of the mask.
    row: Vec<u8>,
    /// The quads in which classes meet, from left to right, each with its rivals.
    mixed: Vec<(Cell, Range<usize>)>,
    /// Classes that can win in the mixed quads, with their scores at the corners.
    rivals: Vec<Rival>,
    corners: Corners,
}

/// A class that may win somewhere in a quad.
#[derive(Debug, Clone, Copy)]
struct Rival {
    class: u8,
    /// Scores above left, above right, below left, below right.
    corners: [f32; 4],
}

/// What every class has at the corners of one quad; class by class, so that all of them are compared at once.
#[derive(Debug, Default)]
struct Corners {
    classes: usize,
    scores: [Vec<f32>; 4],
    /// Not zero where another class wins at every corner.
    beaten: Vec<u32>,
}

impl Band {
    /// Sorts the quads between two grid rows into plain and mixed ones.
    #[inline(always)]
    pub fn find(&mut self, logits: Logits<'_>, scores: &Scores, (above, below): (u32, u32), columns: &Axis) {
        self.mixed.clear();
        self.rivals.clear();
        let classes = [scores.class_row(above), scores.class_row(below)];
        self.find_plain(scores.clear_row(above), scores.clear_row(below));
        columns.repeat(&self.plain, &mut self.row);
        for cell in columns.cells() {
            let (left, right) = (cell.at as usize, cell.next as usize);
            if self.plain.get(left).is_none_or(|class| *class == UNLABELLED) {
                self.corners.read(logits, [above, below], [left, right]);
                let first = self.rivals.len();
                self.corners.push_rivals(corners(classes, left, right), &mut self.rivals);
                self.mixed.push((*cell, first..self.rivals.len()));
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

    /// Draws all rows of the mask between the two grid rows; `down` says how far each of them is from the upper one to the lower one.
    #[inline(always)]
    pub fn draw(&self, down: &[f32], columns: &Axis, out: &mut [u8]) {
        let width = self.row.len();
        for row in out.chunks_exact_mut(width.max(1)) {
            row.copy_from_slice(&self.row);
        }
        for (cell, rivals) in &self.mixed {
            let rivals = self.rivals.get(rivals.clone()).unwrap_or_default();
            if cell.to - cell.from <= 4 {
                draw_quad::<4>(rivals, cell, down, columns, out);
            } else {
                draw_quad::<8>(rivals, cell, down, columns, out);
            }
        }
    }
}

/// Draws a mixed quad, `COLUMNS` pixels and as many rows as fill the lanes at once.
#[inline(always)]
fn draw_quad<const COLUMNS: usize>(rivals: &[Rival], cell: &Cell, down: &[f32], columns: &Axis, out: &mut [u8]) {
    let width = columns.len();
    let (from, to) = (cell.from as usize, cell.to as usize);
    let rows = LANES / COLUMNS;
    for (down, out) in down.chunks(rows).zip(out.chunks_mut(rows * width)) {
        let mut lanes = [0.0; LANES];
        for (lanes, part) in lanes.chunks_exact_mut(COLUMNS).zip(down) {
            lanes.fill(*part);
        }
        for at in (from..to).step_by(COLUMNS) {
            let right = columns.lanes::<COLUMNS>(at);
            let mut wide = [0.0; LANES];
            wide.chunks_exact_mut(COLUMNS).for_each(|lanes| lanes.copy_from_slice(&right));
            let winners = draw_mixed(rivals, &lanes, &wide);
            for (winners, row) in winners.chunks_exact(COLUMNS).zip(out.chunks_mut(width)) {
                put(winners, row.get_mut(at..to.min(at + COLUMNS)));
            }
        }
    }
}

/// Writes as many classes as there is room for.
#[inline(always)]
fn put(winners: &[u8], out: Option<&mut [u8]>) {
    let out = out.unwrap_or_default();
    match (<&mut [u8; 4]>::try_from(&mut *out), winners.first_chunk()) {
        (Ok(out), Some(winners)) => *out = *winners,
        _ => out.iter_mut().zip(winners).for_each(|(out, winner)| *out = *winner),
    }
}

impl Corners {
    /// Collects the scores of every class at the corners of a quad.
    #[inline(always)]
    fn read(&mut self, logits: Logits<'_>, [above, below]: [u32; 2], [left, right]: [usize; 2]) {
        let (width, plane) = (logits.grid.width as usize, logits.grid.pixels());
        // Whole vectors; what lies behind the last class is compared, and nothing comes of it.
        let room = logits.classes.next_multiple_of(8);
        let [above, below] = [above as usize * width, below as usize * width];
        let places = [above + left, above + right, below + left, below + right];
        for (scores, place) in self.scores.iter_mut().zip(places) {
            scores.resize(room, f32::NAN);
            let cells = logits.values.get(place..).unwrap_or_default().iter().step_by(plane);
            for (to, score) in scores.iter_mut().zip(cells).take(logits.classes) {
                *to = *score;
            }
        }
        self.classes = logits.classes;
        self.beaten.clear();
        self.beaten.resize(room, 0);
    }

    /// Keeps the classes that may win in the quad: all but those which a corner's winner clearly beats at every corner.
    #[inline(always)]
    fn push_rivals(&mut self, winners: [u8; 4], rivals: &mut Vec<Rival>) {
        for (k, winner) in winners.iter().enumerate() {
            if !winners.iter().take(k).any(|other| other == winner) {
                self.beat(*winner as usize);
            }
        }
        let [a, b, c, d] = &self.scores;
        let scores = a.iter().zip(b).zip(c.iter().zip(d)).map(|((a, b), (c, d))| [*a, *b, *c, *d]);
        for (class, (corners, beaten)) in scores.zip(&self.beaten).enumerate().take(self.classes) {
            if *beaten == 0 {
                rivals.push(Rival { class: class as u8, corners });
            }
        }
    }

    /// Marks the classes that `leader` clearly beats at every corner.
    #[inline(always)]
    fn beat(&mut self, leader: usize) {
        let Self { scores, beaten, .. } = self;
        let [al, ar, bl, br] = [0, 1, 2, 3].map(|k| scores[k].get(leader).copied().unwrap_or(f32::NAN));
        let [a, b, c, d] = scores;
        for ((((beaten, &a), &b), &c), &d) in beaten.iter_mut().zip(&*a).zip(&*b).zip(&*c).zip(&*d) {
            let above = clearly_above(al, a) & clearly_above(ar, b) & clearly_above(bl, c) & clearly_above(br, d);
            *beaten |= u32::from(above);
        }
    }
}

#[inline(always)]
fn corners<T: Copy + Default>([above, below]: [&[T]; 2], left: usize, right: usize) -> [T; 4] {
    let at = |row: &[T], x: usize| row.get(x).copied().unwrap_or_default();
    [at(above, left), at(above, right), at(below, left), at(below, right)]
}

/// The best class of some pixels, `down` on their way from above to below and `right` from left to right: interpolates the rivals down the left and
/// right edge, then between the edges; the highest wins, the lowest id among equals.
#[inline(always)]
fn draw_mixed(rivals: &[Rival], down: &[f32; LANES], right: &[f32; LANES]) -> [u8; LANES] {
    let mut best = [f32::NEG_INFINITY; LANES];
    let mut winner = [u32::from(UNLABELLED); LANES];
    for rival in rivals {
        let [above_left, above_right, below_left, below_right] = rival.corners;
        let known = best.iter_mut().zip(&mut winner);
        for ((best, winner), (&down, &right)) in known.zip(down.iter().zip(right)) {
            let left_edge = between(above_left, below_left, down);
            let right_edge = between(above_right, below_right, down);
            let score = between(left_edge, right_edge, right);
            // By a mask: the compiler makes a branch of a choice here.
            let wins = u32::from(score > *best).wrapping_neg();
            *winner = *winner & !wins | u32::from(rival.class) & wins;
            *best = if score > *best { score } else { *best };
        }
    }
    let mut classes = [0; LANES];
    for (class, winner) in classes.iter_mut().zip(winner) {
        *class = winner as u8;
    }
    classes
}

/// A weighted mean; never decreasing in either score, also after rounding.
#[inline(always)]
pub(super) fn between(a: f32, b: f32, part: f32) -> f32 {
    a * (1.0 - part) + b * part
}
