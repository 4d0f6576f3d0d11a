//! The quads between two grid rows: which are of one class, and the interpolation of those that are not.

use std::ops::Range;

use super::lerp::{Axis, Cell};
use super::scores::{Scores, clear_below};
use crate::kernels::{Corners, Kept};
use crate::mask::UNLABELLED;
use crate::model::Logits;

/// Pixels that are interpolated together: some rows of a quad, or of a part of it. As many as a whole quad has in masks of four times the grid, and
/// enough for the compiler to take them for a loop, which it turns into vectors.
const LANES: usize = 16;

/// The quads of any row, from left to right, and the pieces that they are drawn in.
#[derive(Debug, Default)]
pub(super) struct Quads {
    /// Cells and pixels that they are cut for.
    sizes: (u32, u32),
    quads: Vec<Quad>,
    pieces: Vec<Piece>,
}

impl Quads {
    /// Pixels of a row of the mask.
    pub fn width(&self) -> usize {
        self.sizes.1 as usize
    }

    /// Cuts the quads into pieces, where the columns are others than before.
    pub fn fit(&mut self, columns: &Axis) {
        if self.sizes == columns.sizes() {
            return;
        }
        self.sizes = columns.sizes();
        self.quads.clear();
        self.pieces.clear();
        for cell in columns.cells() {
            let columns_of_piece = WIDTHS[width_of(cell)];
            let first = self.pieces.len();
            for from in (cell.from..cell.to).step_by(columns_of_piece) {
                let right = columns.lanes::<LANES>(from as usize);
                self.pieces.push(Piece {
                    from,
                    to: cell.to.min(from + columns_of_piece as u32),
                    right: std::array::from_fn(|lane| right[lane % columns_of_piece]),
                });
            }
            self.quads.push(Quad { cell: *cell, pieces: first..self.pieces.len() });
        }
    }
}

/// What is found between two grid rows.
#[derive(Debug, Default)]
pub(super) struct Band {
    /// For each cell of the upper row the class that wins everywhere between it, its right neighbour and those below, or [`UNLABELLED`].
    plain: Vec<u8>,
    /// The same for each quad.
    classes: Vec<u8>,
    /// The same for each pixel of a row of the mask.
    row: Vec<u8>,
    /// The quads in which classes meet, from left to right, each with its rivals.
    mixed: Vec<(Quad, Range<usize>)>,
    /// Classes that can win in the mixed quads, with their scores at the corners.
    rivals: Rivals,
}

/// How far the lanes' pixels are from the upper grid row to the lower one, for rows that are drawn together.
#[derive(Debug, Default)]
pub(super) struct Downs {
    /// Cells and pixels that they are of.
    sizes: (u32, u32),
    lanes: Vec<[f32; LANES]>,
    /// For each group of rows, those of pieces of each of [`WIDTHS`].
    cells: Vec<[Range<usize>; WIDTHS.len()]>,
}

impl Downs {
    /// Lays the rows on the lanes, where they are others than before.
    pub fn fit(&mut self, lines: &Axis) {
        if self.sizes == lines.sizes() {
            return;
        }
        self.sizes = lines.sizes();
        self.lanes.clear();
        self.cells.clear();
        for cell in lines.cells() {
            let lanes = &mut self.lanes;
            self.cells.push(WIDTHS.map(|columns| {
                let first = lanes.len();
                for rows in lines.parts(cell).chunks(LANES / columns) {
                    lanes.push(std::array::from_fn(|lane| rows.get(lane / columns).copied().unwrap_or_default()));
                }
                first..lanes.len()
            }));
        }
    }

    /// Those of a group of rows, of pieces of each of [`WIDTHS`].
    #[inline(always)]
    fn of(&self, cell: usize) -> [&[[f32; LANES]]; WIDTHS.len()] {
        let cells = self.cells.get(cell).cloned().unwrap_or_default();
        cells.map(|lanes| self.lanes.get(lanes).unwrap_or_default())
    }
}

/// The pixels between two neighbours of a row and those below them.
#[derive(Debug, Clone)]
struct Quad {
    cell: Cell,
    /// Its pieces, all of them of the same one of [`WIDTHS`].
    pieces: Range<usize>,
}

/// Which of [`WIDTHS`] the pieces of a quad have: the narrowest that takes all of it, or the widest.
fn width_of(cell: &Cell) -> usize {
    WIDTHS.iter().position(|width| (cell.to - cell.from) as usize <= *width).unwrap_or(WIDTHS.len() - 1)
}

/// Neighbouring columns of a quad, as many rows of which are drawn together as fill the lanes.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: u32,
    to: u32,
    /// How far the lanes' pixels are from the left to the right.
    right: [f32; LANES],
}

/// Columns of a piece: as many rows as fill the lanes are drawn at once.
const WIDTHS: [usize; 3] = [4, 8, LANES];

/// Rivals of quads, one after another, and room behind them.
#[derive(Debug, Default)]
struct Rivals {
    room: Vec<Kept>,
    count: usize,
}

impl Band {
    /// Sorts the quads between two grid rows into plain and mixed ones.
    #[inline(always)]
    pub fn find(&mut self, quads: &Quads, logits: Logits<'_>, scores: &Scores, (above, below): (u32, u32)) {
        self.mixed.clear();
        self.rivals.count = 0;
        self.row.resize(quads.width(), UNLABELLED);
        self.find_plain(&quads.quads, scores.clear_row(above), scores.clear_row(below));
        let corner_classes = [scores.class_row(above), scores.class_row(below)];
        let [above, below] = [above, below].map(|row| row as usize * logits.grid.width as usize);
        let planes = [logits.classes, logits.grid.pixels()];
        let mut quads = quads.quads.as_slice();
        // Most of a row is a few stretches of one class each.
        for classes in self.classes.chunk_by(|a, b| a == b) {
            let (stretch, rest) = quads.split_at(classes.len().min(quads.len()));
            let (Some(first), Some(last), Some(&class)) = (stretch.first(), stretch.last(), classes.first()) else {
                break;
            };
            self.row.get_mut(first.cell.from as usize..last.cell.to as usize).unwrap_or_default().fill(class);
            for quad in stretch.iter().filter(|_| class == UNLABELLED) {
                let (left, right) = (quad.cell.at as usize, quad.cell.next as usize);
                let (first, winners) = (self.rivals.count, corners(corner_classes, left, right));
                let corners = Corners::new(logits.values, planes, [above + left, below + left], left == right);
                push_rivals(corners, winners, &mut self.rivals);
                self.mixed.push((quad.clone(), first..self.rivals.count));
            }
            quads = rest;
        }
    }

    #[inline(always)]
    fn find_plain(&mut self, quads: &[Quad], above: &[u8], below: &[u8]) {
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
        self.classes.clear();
        // Masks that are no smaller than the grid have a quad for each cell.
        if quads.len() == self.plain.len() {
            self.classes.extend_from_slice(&self.plain);
            return;
        }
        let plain = |quad: &Quad| self.plain.get(quad.cell.at as usize).copied().unwrap_or(UNLABELLED);
        self.classes.extend(quads.iter().map(plain));
    }

    /// Draws all rows of the mask between the two grid rows, which are group `cell` of the rows.
    #[inline(always)]
    pub fn draw(&self, Quads { pieces, .. }: &Quads, downs: &Downs, cell: usize, out: &mut [u8]) {
        let width = self.row.len();
        for row in out.chunks_exact_mut(width.max(1)) {
            row.copy_from_slice(&self.row);
        }
        let downs = downs.of(cell);
        for (quad, rivals) in &self.mixed {
            let rivals = self.rivals.room.get(rivals.clone()).unwrap_or_default();
            let pieces = pieces.get(quad.pieces.clone()).unwrap_or_default();
            match width_of(&quad.cell) {
                0 => draw_quad::<{ WIDTHS[0] }>(rivals, pieces, downs[0], (width, out)),
                1 => draw_quad::<{ WIDTHS[1] }>(rivals, pieces, downs[1], (width, out)),
                _ => draw_quad::<{ WIDTHS[2] }>(rivals, pieces, downs[2], (width, out)),
            }
        }
    }
}

/// Draws a mixed quad, `COLUMNS` pixels and as many rows as fill the lanes at once.
#[inline(always)]
fn draw_quad<const COLUMNS: usize>(
    rivals: &[Kept],
    pieces: &[Piece],
    down: &[[f32; LANES]],
    (width, out): (usize, &mut [u8]),
) {
    for piece in pieces {
        // Chunks would take a division for each quad.
        let mut rest = &mut *out;
        for down in down {
            let winners = draw_mixed(rivals, down, &piece.right);
            for winners in winners.as_chunks::<COLUMNS>().0 {
                let Some(row) = rest.split_off_mut(..width) else { break };
                put(winners, row.get_mut(piece.from as usize..piece.to as usize));
            }
        }
    }
}

/// Writes as many classes as there is room for: half of a piece at once, and more by its first half and the last one that there is.
#[inline(always)]
fn put<const COLUMNS: usize>(winners: &[u8; COLUMNS], out: Option<&mut [u8]>) {
    let out = out.unwrap_or_default();
    let half = (COLUMNS / 2).max(WIDTHS[0]);
    match out.len().checked_sub(half) {
        Some(last) if last + half <= COLUMNS => {
            let halves = if COLUMNS > half { 2 } else { 1 };
            for at in [0, last].into_iter().take(halves) {
                out[at..at + half].copy_from_slice(&winners[at..at + half]);
            }
        }
        _ => out.iter_mut().zip(winners).for_each(|(out, winner)| *out = *winner),
    }
}

/// Keeps the classes that may win in a quad: all but those which one of two of the corners' winners clearly beats at every corner.
///
/// Not compiled for wide vectors, which gain nothing with four corners.
#[inline(never)]
fn push_rivals(corners: Corners<'_>, winners: [u8; 4], rivals: &mut Rivals) {
    // Two will do: there are hardly ever more, and no harm comes of a rival that cannot win. Nor does it matter which class leads where a corner
    // has no winner.
    let [one, others @ ..] = winners;
    let other = others.into_iter().fold(one, |other, winner| if winner == one { other } else { winner });
    let scores = |winner: u8| corners.of(usize::from(winner).min(corners.planes() - 1));
    let floors = [scores(one).map(clear_below), scores(other).map(clear_below)];
    if rivals.room.len() < rivals.count + corners.planes() {
        rivals.room.resize(rivals.count + corners.planes(), Kept::default());
    }
    rivals.count += corners.keep(&floors, &mut rivals.room[rivals.count..]);
}

#[inline(always)]
fn corners<T: Copy + Default>([above, below]: [&[T]; 2], left: usize, right: usize) -> [T; 4] {
    let at = |row: &[T], x: usize| row.get(x).copied().unwrap_or_default();
    [at(above, left), at(above, right), at(below, left), at(below, right)]
}

/// The best class of some pixels, `down` on their way from above to below and `right` from left to right: interpolates the rivals down the left and
/// right edge, then between the edges; the highest wins, the lowest id among equals.
#[inline(always)]
fn draw_mixed(rivals: &[Kept], down: &[f32; LANES], right: &[f32; LANES]) -> [u8; LANES] {
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
            *winner = *winner & !wins | u32::from(rival.plane) & wins;
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
