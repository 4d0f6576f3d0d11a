//! One row of a frame in any encoding as 8-bit samples in one of four simple layouts.

use std::ops::Range;

use super::{bayer, yuv};
use crate::frame::{Encoding, Frame};

/// How the samples of a row that [`Rows::row`] gives are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One grey sample a pixel.
    Grey,
    /// Three samples a pixel; the numbers say where red, green and blue are.
    Rgb([usize; 3]),
    /// Four samples a pixel; the numbers say where red, green and blue are.
    Rgba([usize; 3]),
}

impl Layout {
    /// The layout that rows of this encoding come in.
    ///
    /// What lies in memory as plain samples stays as it is, so that nothing is copied before the resize; only YUV, Bayer and
    /// 16-bit rows are converted.
    pub const fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Rgb8 => Layout::Rgb([0, 1, 2]),
            Encoding::Bgr8 => Layout::Rgb([2, 1, 0]),
            Encoding::Bgra8 => Layout::Rgba([2, 1, 0]),
            Encoding::Mono8 | Encoding::Mono16 => Layout::Grey,
            // A pixel of four samples is the better to handle.
            Encoding::Rgba8
            | Encoding::Uyvy
            | Encoding::Yuyv
            | Encoding::Nv12
            | Encoding::Nv21
            | Encoding::Bayer8(_) => Layout::Rgba([0, 1, 2]),
        }
    }

    /// Samples of one pixel.
    pub const fn samples(self) -> usize {
        match self {
            Layout::Grey => 1,
            Layout::Rgb(_) => 3,
            Layout::Rgba(_) => 4,
        }
    }
}

/// Reads the rows of a frame; its buffers are reused between frames.
///
/// Two converted rows are kept, so that asking for neighbouring rows in ascending order converts each of them once.
#[derive(Debug, Default)]
pub struct Rows {
    kept: [Kept; 2],
    yuv: yuv::Scratch,
}

#[derive(Debug, Default)]
struct Kept {
    row: Option<u32>,
    samples: Vec<u8>,
}

impl Rows {
    /// Forgets the rows of the frame before. To be called once for every frame.
    pub fn start(&mut self) {
        for kept in &mut self.kept {
            kept.row = None;
        }
    }

    /// Row `y` of the frame: `width * Layout::of(encoding).samples()` samples. Past the height it is empty.
    #[inline(always)]
    pub fn row<'a>(&'a mut self, frame: &'a Frame<'_>, y: u32) -> &'a [u8] {
        self.convert(frame, y);
        self.converted(frame, y)
    }

    /// Rows `y` and `y + 1`; the last one twice where there is no other.
    #[inline(always)]
    pub fn two<'a>(&'a mut self, frame: &'a Frame<'_>, y: u32) -> [&'a [u8]; 2] {
        let next = (y + 1).min(frame.size().height.saturating_sub(1));
        self.convert(frame, y);
        self.convert(frame, next);
        [y, next].map(|y| self.converted(frame, y))
    }

    /// The bytes of rows that are read as they lie in memory; none where rows are converted.
    #[inline(always)]
    pub fn plain<'a>(frame: &'a Frame<'_>, rows: Range<u32>) -> &'a [u8] {
        if is_plain(frame.encoding()) { frame.rows(rows) } else { &[] }
    }

    /// Makes sure that row `y` can be had from [`converted`](Self::converted).
    #[inline(always)]
    fn convert(&mut self, frame: &Frame<'_>, y: u32) {
        let encoding = frame.encoding();
        let kept = &mut self.kept[(y % 2) as usize];
        if is_plain(encoding) || kept.row == Some(y) || y >= frame.size().height {
            return;
        }
        // Whole pairs: most conversions make two pixels at once.
        let width = frame.size().width.next_multiple_of(2) as usize;
        kept.samples.resize(width * Layout::of(encoding).samples(), 0);
        let out = kept.samples.as_mut_slice();
        match encoding {
            Encoding::Mono16 => grey16(frame.row(y), frame.big_endian(), out),
            Encoding::Bayer8(pattern) => bayer::row(frame, pattern, y, out),
            _ => yuv::row(frame, y, &mut self.yuv, out),
        }
        kept.row = Some(y);
    }

    #[inline(always)]
    fn converted<'a>(&'a self, frame: &'a Frame<'_>, y: u32) -> &'a [u8] {
        let size = frame.size();
        if y >= size.height {
            return &[];
        }
        if is_plain(frame.encoding()) {
            return frame.row(y);
        }
        let samples = &self.kept[(y % 2) as usize].samples;
        samples.get(..size.width as usize * Layout::of(frame.encoding()).samples()).unwrap_or_default()
    }

    /// Row `y` as `R G B R G B ...` into `out`, which takes `3 * width` bytes.
    pub fn rgb(&mut self, frame: &Frame<'_>, y: u32, out: &mut [u8]) {
        let layout = Layout::of(frame.encoding());
        let row = self.row(frame, y);
        let pixels = out.chunks_exact_mut(3);
        match layout {
            Layout::Grey => {
                for (pixel, &grey) in pixels.zip(row) {
                    pixel.fill(grey);
                }
            }
            Layout::Rgb(order) => {
                for (pixel, from) in pixels.zip(row.chunks_exact(3)) {
                    pixel.copy_from_slice(&order.map(|k| from[k]));
                }
            }
            Layout::Rgba(order) => {
                for (pixel, from) in pixels.zip(row.chunks_exact(4)) {
                    pixel.copy_from_slice(&order.map(|k| from[k]));
                }
            }
        }
    }
}

/// Whether rows of this encoding are samples as they lie.
#[inline(always)]
fn is_plain(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::Rgb8 | Encoding::Bgr8 | Encoding::Rgba8 | Encoding::Bgra8 | Encoding::Mono8)
}

/// 16-bit grey to 8 bits, rounded: 65535 becomes 255, as cv_bridge scales it.
#[inline(always)]
fn grey16(row: &[u8], big_endian: bool, out: &mut [u8]) {
    let reduce = |word: u16| ((u32::from(word) * 255 + 32_895) >> 16) as u8;
    let (words, _) = row.as_chunks::<2>();
    if big_endian {
        for (grey, &word) in out.iter_mut().zip(words) {
            *grey = reduce(u16::from_be_bytes(word));
        }
    } else {
        for (grey, &word) in out.iter_mut().zip(words) {
            *grey = reduce(u16::from_le_bytes(word));
        }
    }
}
