//! The network's scores become a mask of the frame's size, and a mask becomes something to look at.
//!
//! Knows logits and masks; knows nothing of networks, messages or budgets.
//!
//! Scores are upsampled bilinearly between the centres of the grid's cells (half-pixel centres, as PyTorch's `align_corners=False`), and the best
//! class wins. Most of that work is never done: where the four cells around a pixel agree on their best class, that class wins everywhere
//! between them, because a weighted mean keeps the order. Only the quads in which classes meet are interpolated.

use crate::frame::Size;
use crate::kernels::{Loops, widest};
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

use lerp::Axis;
use quads::Band;
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
    scores: Scores,
    columns: Axis,
    lines: Axis,
    band: Band,
}

impl Renderer {
    /// A renderer without any tables yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills the mask, at the size it has, with the best class of every pixel: the highest bilinearly interpolated score; the lowest id among
    /// equals. A score that is not a number never wins, and a pixel without any score is [`UNLABELLED`](crate::mask::UNLABELLED).
    pub fn render(&mut self, logits: Logits<'_>, mask: &mut Mask) -> Result<(), RenderError> {
        check(logits)?;
        widest(Render { renderer: self, logits, mask });
        Ok(())
    }

    /// The best class of every grid cell at the last [`render`](Self::render): what [`classes_of`] gives for its logits.
    pub fn classes(&self) -> &[u8] {
        self.scores.classes()
    }
}

/// What [`Renderer::render`] does once the logits are checked.
struct Render<'a> {
    renderer: &'a mut Renderer,
    logits: Logits<'a>,
    mask: &'a mut Mask,
}

impl Loops for Render<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { renderer, logits, mask } = self;
        let size = mask.size();
        renderer.scores.read(logits);
        let Renderer { scores, columns, lines, band } = renderer;
        lines.fit(logits.grid.height, size.height);
        if columns.fit(logits.grid.width, size.width) {
            band.fit(columns);
        }
        let width = size.width as usize;
        let classes = mask.classes_mut();
        for cell in lines.cells() {
            band.find(logits, scores, (cell.at, cell.next));
            let rows = cell.from as usize * width..cell.to as usize * width;
            band.draw(lines.parts(cell), classes.get_mut(rows).unwrap_or_default());
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
