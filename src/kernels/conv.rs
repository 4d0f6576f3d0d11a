//! A convolution with what follows it: bias, sums with other tensors, ReLU.

use std::cell::RefCell;
use std::ops::Range;

use super::crew::Crew;
use super::depthwise::Depthwise;
use super::direct::Direct;
use super::geometry::{Addend, COLOURS, Geometry, Order, Values, ValuesMut};
use super::isa::Isa;
use super::normalise::Normalise;
use super::precision::Precision;
#[cfg(target_arch = "x86_64")]
use super::tiled::Tiled;
use super::turned::Turned;
use super::winograd::Winograd;
use super::work::{Desk, Output, Work};

/// Products below which a convolution is not worth waking other threads for.
const WORTH_SHARING: usize = 1 << 19;
/// Products of bytes whose sum, with what is taken from it, stays within 32 bits.
const MAX_PRODUCTS: usize = 1 << 15;
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
    #[cfg(target_arch = "x86_64")]
    Tiled(Tiled),
}

impl Way {
    fn new(geometry: &Geometry, weights: &[f32], bias: &[f32], isa: Isa, precision: Precision) -> Result<Self, String> {
        #[cfg(target_arch = "x86_64")]
        if is_tiled(geometry, isa, precision) {
            let served = served(geometry, isa, precision);
            return Ok(Self::Tiled(Tiled::new(geometry, [weights, bias], isa.vectors(), served)?));
        }
        if let Some(turned) = Turned::new(geometry, weights, bias, isa.vectors())? {
            return Ok(Self::Turned(turned));
        }
        let rounded = geometry.rounds() || geometry.from_order == Order::Rounded;
        if rounded && !is_rounding(geometry, isa, precision) {
            return Err(format!("rounded values without tiles or bytes: {geometry:?}"));
        }
        if geometry.depthwise {
            return Ok(Self::Depthwise(Depthwise::new(geometry, weights, bias, isa.vectors())?));
        }
        let precision = served(geometry, isa.vectors(), precision);
        if let Some(winograd) = Winograd::new(geometry, weights, bias, isa.vectors(), precision)? {
            return Ok(Self::Winograd(winograd));
        }
        Ok(Self::Direct(Direct::new(geometry, [weights, bias], isa.vectors(), precision, 0)?))
    }

    /// The way of an image's bytes, with `blank` around it.
    fn of_image(geometry: &Geometry, weights_and_bias: [&[f32]; 2], blank: u32, isa: Isa) -> Result<Self, String> {
        #[cfg(target_arch = "x86_64")]
        if fits_tiles(geometry, isa, Precision::Int8) {
            return Ok(Self::Tiled(Tiled::of_image(geometry, weights_and_bias, blank)));
        }
        Ok(Self::Direct(Direct::new(geometry, weights_and_bias, isa.vectors(), Precision::Int8, blank)?))
    }

    fn precision(&self) -> Precision {
        match self {
            Self::Direct(direct) => direct.precision(),
            Self::Winograd(winograd) => winograd.precision(),
            Self::Depthwise(_) | Self::Turned(_) => Precision::F32,
            #[cfg(target_arch = "x86_64")]
            Self::Tiled(tiled) => tiled.precision(),
        }
    }

    /// The parts that it does one by one: rows of the output or blocks of them, batches of squares, or stretches of pixels.
    fn parts(&self, geometry: &Geometry) -> usize {
        match self {
            Self::Direct(direct) => direct.blocks(geometry),
            Self::Depthwise(_) => geometry.to[0],
            Self::Winograd(winograd) => winograd.batches(geometry),
            Self::Turned(_) => Turned::stretches(geometry),
            #[cfg(target_arch = "x86_64")]
            Self::Tiled(tiled) => tiled.blocks(),
        }
    }

    /// Does some of the parts.
    fn run(&self, work: &Work<'_>, parts: Range<usize>, desk: &mut Desk) {
        match self {
            Self::Direct(direct) => parts.for_each(|block| direct.block(work, block, desk)),
            Self::Depthwise(depthwise) => parts.for_each(|row| depthwise.row(work, row, desk)),
            Self::Winograd(winograd) => parts.for_each(|batch| winograd.batch(work, batch, desk)),
            Self::Turned(turned) => parts.for_each(|stretch| turned.stretch(work, stretch, desk)),
            #[cfg(target_arch = "x86_64")]
            Self::Tiled(tiled) => tiled.blocks_of(work, parts, desk),
        }
    }
}

/// The precision that serves the convolution where `precision` is asked for. Bytes give way to bf16, or f32 where there is none, where their sums are too
/// long; and to bf16 in tiles where it is the faster.
fn served(geometry: &Geometry, isa: Isa, precision: Precision) -> Precision {
    let long = geometry.weights_len() / geometry.outputs > MAX_PRODUCTS;
    let faster = fits_tiles(geometry, isa, Precision::Bf16) && !fits_tiles(geometry, isa, Precision::Int8);
    match precision {
        Precision::Int8 if (long || faster) && Precision::Bf16.is_there(isa) => Precision::Bf16,
        Precision::Int8 if long => Precision::F32,
        _ => precision,
    }
}

/// Whether it is done in tiles.
fn is_tiled(geometry: &Geometry, isa: Isa, precision: Precision) -> bool {
    fits_tiles(geometry, isa, served(geometry, isa, precision))
}

/// Whether it can be done in tiles of `precision`; of bytes where they pay.
#[cfg(target_arch = "x86_64")]
fn fits_tiles(geometry: &Geometry, isa: Isa, precision: Precision) -> bool {
    isa == Isa::Amx && Tiled::fits(geometry, precision)
}

#[cfg(not(target_arch = "x86_64"))]
fn fits_tiles(_: &Geometry, _: Isa, _: Precision) -> bool {
    false
}

/// Whether vectors of bytes can be made of rounded values, and rounded values of what becomes of them.
fn is_rounding(geometry: &Geometry, isa: Isa, precision: Precision) -> bool {
    let bytes = served(geometry, isa, precision) == Precision::Int8 && Precision::Int8.rounds_between(isa);
    let even = |order: Order, channels: usize| order != Order::Rounded || channels.is_multiple_of(2);
    let whole =
        even(geometry.from_order, geometry.inputs) && (!geometry.rounds() || geometry.outputs.is_multiple_of(2));
    bytes && whole && !geometry.depthwise
}

impl Conv {
    /// Whether there is a way to do the convolution where something of it is [`Order::Rounded`], as `geometry` says.
    pub fn takes_rounded(geometry: &Geometry, isa: Isa, precision: Precision) -> bool {
        let ways = is_tiled(geometry, isa, precision) || is_rounding(geometry, isa, precision);
        ways && precision.is_there(isa) || Turned::fits(geometry)
    }

    /// A convolution with `weights[output][input][row][column]`, without `[input]` where channels do not mix, and one `bias` an output
    /// channel, on `isa`.
    ///
    /// Where `precision` gains nothing, as where channels do not mix, it is f32. Fails where the sizes do not fit together or this processor
    /// lacks `isa`, or what `precision` needs in it.
    pub fn new(
        geometry: Geometry,
        weights: &[f32],
        bias: &[f32],
        isa: Isa,
        precision: Precision,
    ) -> Result<Self, String> {
        geometry.check()?;
        geometry.check_rest(weights, bias)?;
        if !precision.is_there(isa) {
            return Err(format!("this processor has no {precision:?} in {isa:?}"));
        }
        if geometry.from_order == Order::Bytes {
            return Err(format!("bytes, and nothing said of what they stand for: {geometry:?}"));
        }
        let way = Way::new(&geometry, weights, bias, isa, precision)?;
        Ok(Self { geometry, way, isa })
    }

    /// The same of [`Order::Bytes`], which stand for what `normalise` makes of them: the weights are made for bytes as they are, so that these are
    /// multiplied where they lie. Around the image stand the bytes that are nearest to zero.
    ///
    /// Fails where [`takes_bytes`](Self::takes_bytes) says no.
    pub fn of_bytes(
        geometry: Geometry,
        weights: &[f32],
        bias: &[f32],
        normalise: &Normalise,
        isa: Isa,
    ) -> Result<Self, String> {
        geometry.check()?;
        geometry.check_rest(weights, bias)?;
        let precision = Precision::Int8;
        let blank = normalise.blank().filter(|_| Self::takes_bytes(&geometry, normalise, isa, precision));
        let blank = blank.ok_or_else(|| format!("no bytes of {normalise:?} in {isa:?} for {geometry:?}"))?;
        let (weights, bias) = normalise.folded(weights, bias);
        let way = Way::of_image(&geometry, [&weights, &bias], blank, isa)?;
        Ok(Self { geometry, way, isa })
    }

    /// Whether there is a way to do the convolution, which passes [`Geometry::check`], of an image's bytes that stand for what `normalise` makes of them.
    pub fn takes_bytes(geometry: &Geometry, normalise: &Normalise, isa: Isa, precision: Precision) -> bool {
        let direct = geometry.from_order == Order::Bytes && geometry.inputs == COLOURS && !geometry.depthwise;
        let rounds = !geometry.rounds() || is_rounding(geometry, isa, precision);
        let bytes = served(geometry, isa, precision) == Precision::Int8 && precision.is_there(isa);
        direct && bytes && rounds && normalise.blank().is_some()
    }

    /// What it is.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// What it multiplies.
    pub fn precision(&self) -> Precision {
        self.way.precision()
    }

    /// Computes `output` from `input` and the addends, which come in the geometry's order, on the threads of `crew`.
    ///
    /// Fails where a length is not that of the geometry, or values are rounded that should not be, or the other way round.
    pub fn run(
        &self,
        input: Values<'_>,
        addends: &[Values<'_>],
        output: ValuesMut<'_>,
        crew: &Crew,
    ) -> Result<(), String> {
        let geometry = &self.geometry;
        let len = |addend: &Addend| (addend.size[0] * addend.size[1] * geometry.outputs, addend.order.kept());
        let fits = input.extent() == (geometry.input_len(), geometry.from_order.kept())
            && output.extent() == (geometry.output_len(), geometry.to_order.kept())
            && addends.iter().map(Values::extent).eq(geometry.addends.iter().map(len));
        if !fits {
            let addends: Vec<_> = addends.iter().map(Values::extent).collect();
            let (input, output) = (input.extent(), output.extent());
            return Err(format!("{input:?} values, {addends:?} to add, {output:?} of output for {geometry:?}"));
        }
        let parts = self.way.parts(geometry);
        let shared = crew.threads() > 1 && geometry.macs() >= WORTH_SHARING;
        let bands = if shared { parts.min(BANDS * crew.threads()) } else { 1 };
        let work = Work { geometry, input, addends, output: Output::new(output) };
        crew.run(bands, &|band| {
            DESK.with_borrow_mut(|desk| {
                self.way.run(&work, band * parts / bands..(band + 1) * parts / bands, desk);
            });
        });
        Ok(())
    }
}

impl std::fmt::Debug for Conv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} in {} on {:?}", self.geometry, self.precision().name(), self.isa)
    }
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}
