//! The network's scores become a mask of the frame's size, and a mask becomes something to look at.
//!
//! Knows logits and masks; knows nothing of networks, messages or budgets.
//!
//! Scores are upsampled bilinearly between the centres of the grid's cells (half-pixel centres, as PyTorch's `align_corners=False`), and the best
//! class wins. Most of that work is never done: where the four cells around a pixel agree on their best class, that class wins everywhere
//! between them, because a weighted mean keeps the order. Only the quads in which classes meet are interpolated. Threads share the grid's rows.

use std::sync::Arc;

use crate::frame::Size;
use crate::kernels::{Crew, Loops, widest};
use crate::mask::Mask;
use crate::model::Logits;

mod confidence;
mod lerp;
mod overlay;
mod png;
mod quads;
mod scores;

pub use confidence::ConfidenceRenderer;
pub use overlay::{overlay, stretched, to_rgb};
pub use png::{PngError, png_gray};

use lerp::{Axis, Cell};
use quads::{Band, Downs, Quads};
use scores::Scores;

/// What can be wrong with scores that are to be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The values do not fit the number of classes and the grid.
    #[error("logits: expected {expected} values for {classes} classes (1 to 255) on a {grid} grid; got {got}")]
    Logits {
        /// Number of classes.
        classes: usize,
        /// The output grid.
        grid: Size,
        /// Values that they take.
        expected: usize,
        /// Values in the slice.
        got: usize,
    },
    /// The output does not have the size of the grid.
    #[error("output: expected {expected} cells; got {got}")]
    Output {
        /// Cells of the grid.
        expected: usize,
        /// Bytes in the slice.
        got: usize,
    },
}

/// Renders masks; tables and buffers are kept, so that masks of the size before allocate nothing.
#[derive(Debug, Default)]
pub struct Renderer {
    crew: Arc<Crew>,
    scores: Scores,
    columns: Axis,
    lines: Axis,
    quads: Quads,
    downs: Downs,
    /// One for each stretch of rows.
    bands: Vec<Band>,
}

/// Stretches of rows a thread: where classes meet takes longer than where they do not.
const STRETCHES: usize = 4;

impl Renderer {
    /// A renderer without any tables yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same on the threads of `crew`, where there is one.
    pub fn on(self, crew: Option<&Arc<Crew>>) -> Self {
        Self { crew: crew.map_or(self.crew, Arc::clone), ..self }
    }

    /// Fills the mask, at the size it has, with the best class of every pixel: the highest bilinearly interpolated score; the lowest id among
    /// equals. A score that is not a number never wins, and a pixel without any score is [`UNLABELLED`](crate::mask::UNLABELLED).
    pub fn render(&mut self, logits: Logits<'_>, mask: &mut Mask) -> Result<(), RenderError> {
        check(logits)?;
        self.scores.read(logits, &self.crew);
        let Self { crew, scores, columns, lines, quads, downs, bands } = self;
        let size = mask.size();
        lines.fit(logits.grid.height, size.height);
        columns.fit(logits.grid.width, size.width);
        quads.fit(columns);
        downs.fit(lines);
        let cells = lines.cells();
        let count = crew.parts(STRETCHES, cells.len());
        bands.resize_with(count, Band::default);
        let mut rest = mask.classes_mut();
        crew.share(bands.iter_mut().enumerate().map(|(number, band)| {
            let first = number * cells.len() / count;
            let cells = &cells[first..(number + 1) * cells.len() / count];
            let rows = cells.iter().map(|cell| (cell.to - cell.from) as usize).sum::<usize>();
            let out = rest.split_off_mut(..rows * quads.width()).unwrap_or_default();
            Stretch { logits, scores, quads, downs, band, first, cells, out }
        }));
        Ok(())
    }

    /// The best class of every grid cell at the last [`render`](Self::render): what [`classes_of`] gives for its logits.
    pub fn classes(&self) -> &[u8] {
        self.scores.classes()
    }
}

/// Rows of a mask between some rows of the grid, to be drawn.
struct Stretch<'a> {
    logits: Logits<'a>,
    scores: &'a Scores,
    quads: &'a Quads,
    downs: &'a Downs,
    band: &'a mut Band,
    /// The number of the first group of the mask's rows, and the groups.
    first: usize,
    cells: &'a [Cell],
    out: &'a mut [u8],
}

impl Loops for Stretch<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { logits, scores, quads, downs, band, first, cells, mut out } = self;
        for (number, cell) in (first..).zip(cells) {
            band.find(quads, logits, scores, (cell.at, cell.next));
            let rows = (cell.to - cell.from) as usize * quads.width();
            band.draw(quads, downs, number, out.split_off_mut(..rows).unwrap_or_default());
        }
    }
}

/// The best class of every grid cell: the lowest id among equal scores, [`UNLABELLED`](crate::mask::UNLABELLED) where no score is a number.
pub fn classes_of(logits: Logits<'_>, out: &mut [u8]) -> Result<(), RenderError> {
    check(logits)?;
    if out.len() != logits.grid.pixels() {
        return Err(RenderError::Output { expected: logits.grid.pixels(), got: out.len() });
    }
    widest(BestClasses { logits, out });
    Ok(())
}

/// What [`classes_of`] does once the sizes are checked.
struct BestClasses<'a> {
    logits: Logits<'a>,
    out: &'a mut [u8],
}

impl Loops for BestClasses<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        scores::best_classes(self.logits, self.out);
    }
}

/// The fraction of pixels in which two class planes of the same size differ, 0 to 1; pixels that only one of them has differ.
pub fn change(a: &[u8], b: &[u8]) -> f64 {
    let longer = a.len().max(b.len());
    if longer == 0 {
        return 0.0;
    }
    let same = a.iter().zip(b).filter(|(a, b)| a == b).count();
    (longer - same) as f64 / longer as f64
}

fn check(logits: Logits<'_>) -> Result<(), RenderError> {
    let expected = logits.grid.pixels().saturating_mul(logits.classes);
    if expected == 0 || logits.classes > 255 || logits.values.len() != expected {
        return Err(RenderError::Logits {
            classes: logits.classes,
            grid: logits.grid,
            expected,
            got: logits.values.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
