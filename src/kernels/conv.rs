//! A convolution with what follows it: bias, sums with other tensors, ReLU.

use std::cell::RefCell;

use super::crew::Crew;
use super::depthwise::Depthwise;
use super::direct::Direct;
use super::geometry::{Addend, Geometry};
use super::isa::Isa;
use super::tile::{MAX_ADDENDS, TileAddend};
use super::turned::Turned;
use super::winograd::Winograd;

/// Products below which a convolution is not worth waking other threads for.
const WORTH_SHARING: usize = 1 << 19;
/// Bands of parts a thread, so that one that was held up leaves some to the others.
const BANDS: usize = 8;

/// A convolution that is ready to run; immutable.
#[derive(Clone)]
pub struct Conv {
    geometry: Geometry,
    way: Way,
    isa: Isa,
}

#[derive(Clone)]
enum Way {
    Direct(Direct),
    Depthwise(Depthwise),
    Turned(Turned),
    Winograd(Winograd),
}

impl Way {
    fn new(geometry: &Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Result<Self, String> {
        if geometry.depthwise {
            return Ok(Self::Depthwise(Depthwise::new(geometry, weights, bias, isa)?));
        }
        if let Some(winograd) = Winograd::new(geometry, weights, bias, isa)? {
            return Ok(Self::Winograd(winograd));
        }
        if let Some(turned) = Turned::new(geometry, weights, bias, isa)? {
            return Ok(Self::Turned(turned));
        }
        Ok(Self::Direct(Direct::new(geometry, weights, bias, isa)?))
    }

    /// The parts that it does one by one: rows of the output or of squares, or stretches of pixels.
    fn parts(&self, geometry: &Geometry) -> usize {
        match self {
            Self::Direct(_) | Self::Depthwise(_) => geometry.to[0],
            Self::Winograd(winograd) => winograd.rows(geometry),
            Self::Turned(_) => Turned::stretches(geometry),
        }
    }

    fn part(&self, work: &Work<'_>, part: usize, desk: &mut Desk) {
        match self {
            Self::Direct(direct) => direct.row(work, part, desk),
            Self::Depthwise(depthwise) => depthwise.row(work, part, desk),
            Self::Winograd(winograd) => winograd.row(work, part, desk),
            Self::Turned(turned) => turned.stretch(work, part, desk),
        }
    }
}

impl Conv {
    /// A convolution with `weights[output][input][row][column]`, without `[input]` where channels do not mix, and one `bias` an output
    /// channel, on `isa`.
    ///
    /// Fails where the sizes do not fit together or this processor lacks `isa`.
    pub fn new(geometry: Geometry, weights: &[f32], bias: &[f32], isa: Isa) -> Result<Self, String> {
        geometry.check()?;
        geometry.check_rest(weights, bias)?;
        if !isa.is_there() {
            return Err(format!("this processor has no {isa:?}"));
        }
        let way = Way::new(&geometry, weights, bias, isa)?;
        Ok(Self { geometry, way, isa })
    }

    /// What it is.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Computes `output` from `input` and the addends, which come in the geometry's order, on the threads of `crew`.
    ///
    /// Fails where a length is not that of the geometry.
    pub fn run(&self, input: &[f32], addends: &[&[f32]], output: &mut [f32], crew: &Crew) -> Result<(), String> {
        let geometry = &self.geometry;
        let len = |addend: &Addend| addend.size[0] * addend.size[1] * geometry.outputs;
        let fits = input.len() == geometry.input_len()
            && output.len() == geometry.output_len()
            && addends.iter().map(|addend| addend.len()).eq(geometry.addends.iter().map(len));
        if !fits {
            let addends: Vec<usize> = addends.iter().map(|addend| addend.len()).collect();
            let (input, output) = (input.len(), output.len());
            return Err(format!("{input} values, {addends:?} to add, {output} of output for {geometry:?}"));
        }
        let parts = self.way.parts(geometry);
        let macs = geometry.weights_len() * geometry.to[0] * geometry.to[1];
        let shared = crew.threads() > 1 && macs >= WORTH_SHARING;
        let bands = if shared { parts.min(BANDS * crew.threads()) } else { 1 };
        let work = Work { geometry, input, addends, output: Output(output.as_mut_ptr()) };
        crew.run(bands, &|band| {
            DESK.with_borrow_mut(|desk| {
                for part in band * parts / bands..(band + 1) * parts / bands {
                    self.way.part(&work, part, desk);
                }
            });
        });
        Ok(())
    }
}

impl std::fmt::Debug for Conv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} on {:?}", self.geometry, self.isa)
    }
}

/// Memory that a thread keeps from one convolution to the next.
#[derive(Default)]
pub(super) struct Desk {
    /// A tile's input where it reaches over an edge, with the zeros there, and its runs.
    pub edge: Vec<f32>,
    pub runs: Vec<usize>,
    /// Results that cannot be stored as a kernel leaves them, or inputs that it cannot take as they are.
    pub rest: Vec<f32>,
    /// Transformed inputs and results.
    pub inputs: Vec<f32>,
    pub results: Vec<f32>,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// Where the results go. Every part is computed by one thread.
pub(super) struct Output(*mut f32);

// SAFETY: every value of the output is written by one job alone.
unsafe impl Sync for Output {}

impl Output {
    pub fn at(&self, index: usize) -> *mut f32 {
        self.0.wrapping_add(index)
    }
}

/// One run of a convolution, its lengths checked.
pub(super) struct Work<'a> {
    pub geometry: &'a Geometry,
    pub input: &'a [f32],
    addends: &'a [&'a [f32]],
    pub output: Output,
}

impl Work<'_> {
    /// Where the addends of the pixels from `(y, x)` on lie, from channel `first` on.
    pub fn addends(&self, first: usize, y: usize, x: usize) -> ([TileAddend; MAX_ADDENDS], usize) {
        let geometry = self.geometry;
        let mut addends = [TileAddend { values: std::ptr::null(), step: 0, phase: 0, shift: 0 }; MAX_ADDENDS];
        for ((slot, addend), values) in addends.iter_mut().zip(&geometry.addends).zip(self.addends) {
            let shift = addend.shift;
            let pixel = (y >> shift) * addend.size[1] + (x >> shift);
            let values = values[pixel * geometry.outputs + first..].as_ptr();
            *slot = TileAddend { values, step: geometry.outputs, phase: x - (x >> shift << shift), shift };
        }
        (addends, geometry.addends.len())
    }

    /// Writes values that belong together in the output.
    pub fn store(&self, at: usize, values: &[f32]) {
        debug_assert!(at + values.len() <= self.geometry.output_len());
        // SAFETY: callers stay within the output, whose length is checked, in their job's row.
        unsafe { self.output.at(at).copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    }
}
