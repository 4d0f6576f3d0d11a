//! A convolution with what follows it: bias, sums with other tensors, ReLU.

use std::cell::RefCell;

use super::crew::Crew;
use super::depthwise::Depthwise;
use super::direct::Direct;
use super::geometry::{Addend, Geometry};
use super::isa::Isa;
use super::tile::{MAX_ADDENDS, TileAddend};
use super::winograd::{SIDE, Winograd};

/// Products below which a convolution is not worth waking other threads for.
const WORTH_SHARING: usize = 1 << 19;
/// Bands of rows a thread, so that one that was held up leaves some to the others.
const BANDS: usize = 4;

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
    Winograd(Winograd),
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
        let way = match Winograd::new(&geometry, weights, bias, isa)? {
            Some(winograd) => Way::Winograd(winograd),
            None if geometry.depthwise => Way::Depthwise(Depthwise::new(&geometry, weights, bias, isa)?),
            None => Way::Direct(Direct::new(&geometry, weights, bias, isa)?),
        };
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
        let rows = match self.way {
            Way::Direct(_) | Way::Depthwise(_) => geometry.to[0],
            Way::Winograd(_) => geometry.to[0].div_ceil(SIDE),
        };
        let macs = geometry.weights_len() * geometry.to[0] * geometry.to[1];
        let shared = crew.threads() > 1 && macs >= WORTH_SHARING;
        let bands = if shared { rows.min(BANDS * crew.threads()) } else { 1 };
        let work = Work { geometry, input, addends, output: Output(output.as_mut_ptr()) };
        crew.run(bands, &|band| {
            DESK.with_borrow_mut(|desk| {
                for row in band * rows / bands..(band + 1) * rows / bands {
                    match &self.way {
                        Way::Direct(direct) => direct.row(&work, row, desk),
                        Way::Depthwise(depthwise) => depthwise.row(&work, row, desk),
                        Way::Winograd(winograd) => winograd.row(&work, row, desk),
                    }
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
    /// A row's results where they cannot be stored as a kernel leaves them.
    pub rest: Vec<f32>,
    /// Transformed inputs and results.
    pub inputs: Vec<f32>,
    pub results: Vec<f32>,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// Where the results go. Rows are computed by one thread each.
pub(super) struct Output(*mut f32);

// SAFETY: every row of the output is written by one job alone.
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
