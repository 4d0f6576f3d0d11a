//! A frame becomes the network's input in one pass over its pixels: colours, size and normalisation.
//!
//! Knows encodings (through [`decode::Rows`](crate::decode::Rows)) and the wanted size; knows nothing of networks or messages.
//!
//! Every source row is fetched once. Rows are weighted and summed first, in 16-bit lanes over the whole width; each finished row of the network's
//! height is then shortened or widened, normalised and written to its three planes ([`Resample`]). Sizes that are equal skip both.
//!
//! Threads share the lines of the network's height, in bands. Each line is made alike by any of them; source rows where two bands meet are fetched for both.

use std::ops::Range;
use std::sync::Arc;

use crate::decode::{Layout, Rows};
use crate::frame::{Frame, Size, check_size};
use crate::kernels::{Crew, Loops, Normalise, PIXEL, Resample, ValuesMut};

mod across;
mod lines;
mod weights;

use lines::{Band, row};
use weights::{Axis, COLUMNS, ROWS};

/// What the network wants to see: `[3, height, width] f32`, red, green and blue planes of `(v / 255 - mean) / std`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputSpec {
    /// The network's input size.
    pub size: Size,
    /// Mean of red, green and blue, for values from 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, for values from 0 to 1.
    pub std: [f32; 3],
}

/// How the pixels of a frame and those of the network's input lie over each other: the frame is stretched to the network's size.
///
/// Coordinates are those of pixel centres: 0.0 is the middle of the first pixel, and the outer edge of the picture lies at -0.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// The frame's size.
    pub source: Size,
    /// The network's input size.
    pub network: Size,
}

impl Geometry {
    /// The point of the network's input that shows a point of the frame.
    pub fn to_network(self, (x, y): (f64, f64)) -> (f64, f64) {
        (rescale(x, self.source.width, self.network.width), rescale(y, self.source.height, self.network.height))
    }

    /// The point of the frame that a point of the network's input shows.
    pub fn to_source(self, (x, y): (f64, f64)) -> (f64, f64) {
        (rescale(x, self.network.width, self.source.width), rescale(y, self.network.height, self.source.height))
    }
}

fn rescale(at: f64, from: u32, to: u32) -> f64 {
    (at + 0.5) * f64::from(to) / f64::from(from) - 0.5
}

/// What can be wrong on the way to the input tensor.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TensorError {
    /// The output does not have the network's size.
    #[error("output: expected {expected} values for {what} of {size}; got {got}")]
    Output {
        /// Three planes, pixels of four values, or pixels of bytes.
        what: &'static str,
        /// The network's input size.
        size: Size,
        /// Values that it takes.
        expected: usize,
        /// Values in the slice.
        got: usize,
    },
    /// The network's input size is empty or absurd.
    #[error("input size: {0}")]
    Size(#[from] crate::frame::FrameError),
    /// A mean that is no number, or a deviation that is not above zero.
    #[error("{field}: expected a finite number{above} for every colour; got {got:?}", above = if *.field == "std" { " above 0" } else { "" })]
    Normalisation {
        /// `mean` or `std`.
        field: &'static str,
        /// The three numbers.
        got: [f32; 3],
    },
}

/// Makes input tensors. Tables and buffers are kept, so that frames of the size before allocate nothing.
#[derive(Debug)]
pub struct TensorMaker {
    spec: InputSpec,
    crew: Arc<Crew>,
    tables: Tables,
    /// One for each band of lines.
    desks: Vec<Desk>,
}

/// What all lines have in common.
#[derive(Debug)]
struct Tables {
    normalise: Normalise,
    source: Option<Size>,
    /// For rows of that many samples a pixel.
    columns: Option<(usize, Resample)>,
    lines: Axis<i16>,
}

/// What a band's lines are made with.
#[derive(Debug, Default)]
struct Desk {
    rows: Rows,
    sums: Vec<u16>,
    /// Half of the sums, which has room for a sign.
    halves: Vec<i16>,
    /// A line of the tensor, before it is rounded.
    line: Vec<f32>,
}

/// Bands a thread.
const BANDS: usize = 2;
/// Memory is asked for rows of the source so many lines before they are used: near enough for the innermost cache to keep them.
const AHEAD: usize = 2;

impl InputSpec {
    fn normalise(&self) -> Result<Normalise, TensorError> {
        if self.mean.iter().any(|mean| !mean.is_finite()) {
            return Err(TensorError::Normalisation { field: "mean", got: self.mean });
        }
        if self.std.iter().any(|std| !std.is_finite() || *std <= 0.0) {
            return Err(TensorError::Normalisation { field: "std", got: self.std });
        }
        Ok(Normalise::new(self.mean, self.std))
    }
}

impl TensorMaker {
    /// A maker of inputs of that size and normalisation.
    pub fn new(spec: InputSpec) -> Result<Self, TensorError> {
        check_size(spec.size)?;
        let tables = Tables { normalise: spec.normalise()?, source: None, columns: None, lines: Axis::default() };
        Ok(Self { spec, crew: Arc::default(), tables, desks: Vec::new() })
    }

    /// The same on the threads of `crew`, where there is one.
    pub fn on(self, crew: Option<&Arc<Crew>>) -> Self {
        Self { crew: crew.map_or(self.crew, Arc::clone), ..self }
    }

    /// What the tensors look like.
    pub fn spec(&self) -> InputSpec {
        self.spec
    }

    /// How frames of that size lie in the tensor.
    pub fn geometry(&self, source: Size) -> Geometry {
        Geometry { source, network: self.spec.size }
    }

    /// Number of values in a tensor of three planes.
    pub fn len(&self) -> usize {
        3 * self.spec.size.pixels()
    }

    /// Always false: a network's input has pixels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stretches the frame to the network's size and normalises it into `out`: `[3, H, W] f32`, or rounded `[H, W, 4]` bits of bf16, of which the
    /// last of each pixel is zero; or stretches it alone, into `[H, W]` words of 8 bits a colour and a zero.
    ///
    /// Each axis is interpolated linearly between pixel centres (half-pixel centres, as `align_corners=False`) where it grows or shrinks up to
    /// twofold, and averaged over the covered area where it shrinks further. Values of the resize are exact to about one level of 255.
    pub fn fill(&mut self, frame: &Frame<'_>, out: ValuesMut<'_>) -> Result<(), TensorError> {
        let size = self.spec.size;
        let (what, expected, got) = match &out {
            ValuesMut::Whole(values) => ("3 planes", self.len(), values.len()),
            ValuesMut::Rounded(values) => ("pixels of 4", PIXEL * size.pixels(), values.len()),
            ValuesMut::Bytes(pixels) => ("pixels of bytes", size.pixels(), pixels.len()),
        };
        if got != expected {
            return Err(TensorError::Output { what, size, expected, got });
        }
        if frame.size() != size {
            self.tables.fit(frame, size);
        }
        let (height, width) = (size.height as usize, size.width as usize);
        let count = self.crew.parts(BANDS, height);
        self.desks.resize_with(count, Desk::default);
        let (tables, mut rest) = (&self.tables, Band::all(out));
        self.crew.share(self.desks.iter_mut().enumerate().map(|(number, desk)| {
            let lines = number * height / count..(number + 1) * height / count;
            let band = rest.take(lines.len() * width);
            Job { tables, size, frame, desk, lines, band }
        }));
        Ok(())
    }
}

impl Tables {
    /// Makes the tables for frames like this one, where they are not those already.
    fn fit(&mut self, frame: &Frame<'_>, target: Size) {
        let (source, samples) = (frame.size(), Layout::of(frame.encoding()).samples());
        if self.source != Some(source) {
            self.lines = Axis::new(source.height, target.height).quantised(ROWS);
            self.columns = None;
            self.source = Some(source);
        }
        if self.columns.as_ref().is_none_or(|(of, _)| *of != samples) {
            let axis = Axis::new(source.width, target.width).quantised(COLUMNS);
            self.columns = Some((samples, Resample::new(samples, axis.spans())));
        }
    }
}

/// Some lines of a tensor, to be made.
struct Job<'a, 'f> {
    tables: &'a Tables,
    /// The tensor's size.
    size: Size,
    frame: &'a Frame<'f>,
    desk: &'a mut Desk,
    lines: Range<usize>,
    band: Band<'a>,
}

impl Loops for Job<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.desk.rows.start();
        match &self.tables.columns {
            Some((_, columns)) if self.frame.size() != self.size => self.resample(columns),
            _ => self.convert(),
        }
    }
}

impl Job<'_, '_> {
    /// Equal sizes: only colours and normalisation.
    #[inline(always)]
    fn convert(self) {
        let Self { tables, size, frame, desk, lines, band } = self;
        let (layout, width) = (Layout::of(frame.encoding()), size.width as usize);
        let (colours, first) = (tables.normalise.colours(layout), lines.start as u32);
        match band {
            Band::Planes(mut planes) => {
                for (line, y) in (0..lines.len()).zip(first..) {
                    let planes = planes.each_mut().map(|plane| row(plane, width, line));
                    across::normalise(desk.rows.row(frame, y), layout, &tables.normalise, planes);
                }
            }
            Band::Rounded(pixels) => {
                for (y, pixels) in (first..).zip(pixels.chunks_exact_mut(PIXEL * width)) {
                    colours.row(desk.rows.row(frame, y), pixels);
                }
            }
            Band::Bytes(pixels) => {
                for (y, pixels) in (first..).zip(pixels.chunks_exact_mut(width)) {
                    colours.bytes(desk.rows.row(frame, y), pixels);
                }
            }
        }
    }

    #[inline(always)]
    fn resample(self, columns: &Resample) {
        let Self { tables, size, frame, desk, lines, mut band } = self;
        let (layout, width) = (Layout::of(frame.encoding()), size.width as usize);
        let Desk { rows, sums, halves, line: scratch } = desk;
        sums.resize(frame.size().width as usize * layout.samples(), 0);
        halves.resize(columns.reach().max(sums.len()), 0);
        let spans = || tables.lines.spans().skip(lines.start).take(lines.len());
        let end = |(start, weights): (usize, &[i16])| (start + weights.len()) as u32;
        let (mut soon, mut asked) = (spans().skip(AHEAD).map(end), 0);
        for (line, span) in spans().enumerate() {
            down(frame, span, rows, sums, halves);
            let ahead = asked.max(end(span))..soon.next().unwrap_or_default();
            asked = asked.max(ahead.end);
            let row = (halves.as_slice(), Rows::plain(frame, ahead));
            let planes = |planes: [&mut [f32]; 3]| across::resample(row, layout, columns, &tables.normalise, planes);
            band.fill((line, width), scratch, planes, |pixels| across::bytes(row, layout, columns, pixels));
        }
    }
}

/// Halves of the sums of weighted rows from `start` on.
#[inline(always)]
fn down(frame: &Frame<'_>, (start, weights): (usize, &[i16]), rows: &mut Rows, sums: &mut [u16], halves: &mut [i16]) {
    if weights.len() <= 2 {
        return mix(rows.two(frame, start as u32), weights, halves);
    }
    sums.fill(0);
    for (y, weights) in (start as u32..).step_by(2).zip(weights.chunks(2)) {
        add(rows.two(frame, y), weights, sums);
    }
    halve(sums, halves);
}

/// Adds two weighted rows to sums: the weights of one sum add up to [`ROWS`], so that 16 bits suffice.
#[inline(always)]
fn add([upper, lower]: [&[u8]; 2], weights: &[i16], sums: &mut [u16]) {
    let [a, b] = two(weights);
    for ((sum, &upper), &lower) in sums.iter_mut().zip(upper).zip(lower) {
        *sum += a * u16::from(upper) + b * u16::from(lower);
    }
}

#[inline(always)]
fn halve(sums: &[u16], halves: &mut [i16]) {
    for (half, sum) in halves.iter_mut().zip(sums) {
        *half = (sum >> 1) as i16;
    }
}

/// Half of the sum of two weighted rows.
#[inline(always)]
fn mix([upper, lower]: [&[u8]; 2], weights: &[i16], halves: &mut [i16]) {
    let [a, b] = two(weights);
    for ((half, &upper), &lower) in halves.iter_mut().zip(upper).zip(lower) {
        *half = ((a * u16::from(upper) + b * u16::from(lower)) >> 1) as i16;
    }
}

/// Two weights; the second is 0 where there is only one.
#[inline(always)]
fn two(weights: &[i16]) -> [u16; 2] {
    [0, 1].map(|k| weights.get(k).copied().unwrap_or_default() as u16)
}

#[cfg(test)]
mod tests;
