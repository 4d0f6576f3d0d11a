//! What a convolution is, all but its weights.

use super::tile::{LANES, MAX_ADDENDS};

/// The largest side of a kernel, and the largest stride.
const MAX_KERNEL: usize = 32;
/// The most channels.
const MAX_CHANNELS: usize = 1 << 14;
/// The largest height or width of an image.
const MAX_SIDE: usize = 1 << 16;

/// Colours of a pixel of [`Order::Bytes`].
pub(super) const COLOURS: usize = 3;

/// How the values of `channels` by `height` by `width` follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// `[channels, height, width]`.
    Planes,
    /// `[height, width, channels]`.
    Interleaved,
    /// The same, each value rounded to bf16 and kept in two bytes, for convolutions that multiply no more than that of it. A zero follows
    /// the channels of a pixel where they are odd in number, so that it has whole words.
    Rounded,
    /// `[height, width]`: a pixel's three colours as cameras have them, 8 bits each and a zero behind them, in a word; to be read only.
    Bytes,
}

impl Order {
    /// Values from one pixel to the next, of `channels` that lie side by side, or words.
    pub const fn unit(self, channels: usize) -> usize {
        match self {
            Self::Planes | Self::Bytes => 1,
            Self::Interleaved => channels,
            Self::Rounded => channels.next_multiple_of(2),
        }
    }

    /// What the values are kept in.
    pub(super) fn kept(self) -> Kept {
        match self {
            Self::Planes | Self::Interleaved => Kept::Whole,
            Self::Rounded => Kept::Rounded,
            Self::Bytes => Kept::Bytes,
        }
    }
}

/// What values are kept in: f32, bits of bf16, or words of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Whole,
    Rounded,
    Bytes,
}

/// Values where they lie.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// In planes or interleaved.
    Whole(&'a [f32]),
    /// Bits of bf16, of [`Order::Rounded`].
    Rounded(&'a [u16]),
    /// Pixels of [`Order::Bytes`].
    Bytes(&'a [u32]),
}

/// The same, to be written.
#[derive(Debug)]
pub enum ValuesMut<'a> {
    /// To planes or interleaved.
    Whole(&'a mut [f32]),
    /// Bits of bf16, to [`Order::Rounded`].
    Rounded(&'a mut [u16]),
    /// Pixels of [`Order::Bytes`].
    Bytes(&'a mut [u32]),
}

impl<'a> ValuesMut<'a> {
    /// The values where they are whole.
    pub fn whole(self) -> Option<&'a mut [f32]> {
        match self {
            Self::Whole(values) => Some(values),
            Self::Rounded(_) | Self::Bytes(_) => None,
        }
    }

    /// Makes all of them zero, which is black where they are bytes.
    pub fn clear(&mut self) {
        match self {
            Self::Whole(values) => values.fill(0.0),
            Self::Rounded(values) => values.fill(0),
            Self::Bytes(pixels) => pixels.fill(0),
        }
    }

    /// The same, to be read.
    pub fn read(&self) -> Values<'_> {
        match self {
            Self::Whole(values) => Values::Whole(values),
            Self::Rounded(values) => Values::Rounded(values),
            Self::Bytes(pixels) => Values::Bytes(pixels),
        }
    }
}

impl Values<'_> {
    /// How many there are, and what they are kept in.
    pub(super) fn extent(&self) -> (usize, Kept) {
        match self {
            Self::Whole(values) => (values.len(), Kept::Whole),
            Self::Rounded(values) => (values.len(), Kept::Rounded),
            Self::Bytes(pixels) => (pixels.len(), Kept::Bytes),
        }
    }
}

impl ValuesMut<'_> {
    /// How many there are, and what they are kept in.
    pub(super) fn extent(&self) -> (usize, Kept) {
        match self {
            Self::Whole(values) => (values.len(), Kept::Whole),
            Self::Rounded(values) => (values.len(), Kept::Rounded),
            Self::Bytes(pixels) => (pixels.len(), Kept::Bytes),
        }
    }
}

/// Values that are added to a convolution's: as many channels as its output has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addend {
    /// Interleaved or rounded.
    pub order: Order,
    /// Height and width.
    pub size: [usize; 2],
    /// Its pixel `(y >> shift, x >> shift)` goes to output pixel `(y, x)`: 0 for one as large as the output, 1 for one that is to be
    /// enlarged by two, each value to a square of four.
    pub shift: u32,
}

/// What a convolution is, all but its weights. Pairs are height and width; images are single, dilation is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Whether each channel has a kernel of its own, instead of all mixing. There are as many outputs as inputs then, a multiple of 8, and
    /// both are interleaved.
    pub depthwise: bool,
    /// Sides of the kernel.
    pub kernel: [usize; 2],
    /// Input pixels from one output pixel to the next.
    pub stride: [usize; 2],
    /// Zeros above and left of the input. Below and right there are as many as the output's size asks for.
    pub pad: [usize; 2],
    /// Sides of the input.
    pub from: [usize; 2],
    /// Sides of the output.
    pub to: [usize; 2],
    /// Order of the input.
    pub from_order: Order,
    /// Order of the output.
    pub to_order: Order,
    /// What is added, in this order; at most two.
    pub addends: Vec<Addend>,
    /// Whether negative results become zero, after all else.
    pub relu: bool,
}

impl Geometry {
    /// Whether anything that is written or added is rounded.
    pub(super) fn rounds(&self) -> bool {
        let addends = self.addends.iter().map(|addend| addend.order);
        addends.chain([self.to_order]).any(|order| order == Order::Rounded)
    }

    pub(super) fn input_len(&self) -> usize {
        let pixel = if self.from_order == Order::Planes { self.inputs } else { self.unit() };
        pixel * self.from[0] * self.from[1]
    }

    /// Number of values of its output.
    pub fn output_len(&self) -> usize {
        self.outputs * self.to[0] * self.to[1]
    }

    /// Multiply-accumulates of a run.
    pub fn macs(&self) -> usize {
        self.weights_len() * self.to[0] * self.to[1]
    }

    pub(super) fn weights_len(&self) -> usize {
        let mixing = if self.depthwise { 1 } else { self.inputs };
        self.outputs * mixing * self.kernel[0] * self.kernel[1]
    }

    /// Values from one pixel of the input to the next.
    pub(super) fn unit(&self) -> usize {
        self.from_order.unit(self.inputs)
    }

    /// Rows of the kernel that are runs of their own.
    pub(super) fn runs(&self) -> usize {
        match self.from_order {
            Order::Planes => self.inputs * self.kernel[0],
            Order::Interleaved | Order::Rounded | Order::Bytes => self.kernel[0],
        }
    }

    /// Whether the kernels can do it: every side at least 1 and not beyond reason, so that no product of sides is too large for a number (which on 32 bits
    /// takes a look at them), and addends that cover the output.
    pub fn check(&self) -> Result<(), String> {
        let within = |sides: &[usize], most: usize| sides.iter().all(|side| (1..=most).contains(side));
        let small = within(&self.kernel, MAX_KERNEL) && within(&self.stride, MAX_KERNEL);
        let padded = self.pad[0] < self.kernel[0] && self.pad[1] < self.kernel[1];
        let channels = within(&[self.inputs, self.outputs], MAX_CHANNELS);
        let sides = within(&self.from, MAX_SIDE) && within(&self.to, MAX_SIDE);
        if !(small && padded && channels && sides) {
            return Err(format!("not a convolution that the kernels can do: {self:?}"));
        }
        let countable = |[height, width]: [usize; 2], channels: usize| {
            // Words of up to four bytes each.
            height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels)?.checked_mul(4)).is_some()
        };
        if !countable(self.from, self.inputs.max(4)) || !countable(self.to, self.outputs) {
            return Err(format!("more values than can be counted: {self:?}"));
        }
        if self.depthwise && (self.inputs != self.outputs || !self.inputs.is_multiple_of(LANES)) {
            return Err(format!("{} and {} channels that do not mix", self.inputs, self.outputs));
        }
        if self.addends.len() > MAX_ADDENDS {
            return Err(format!("{} addends, at most {MAX_ADDENDS} can be", self.addends.len()));
        }
        if self.addends.iter().any(|addend| [Order::Planes, Order::Bytes].contains(&addend.order)) {
            return Err("planes or bytes to be added".to_owned());
        }
        if self.to_order == Order::Bytes || self.from_order == Order::Bytes && self.inputs != COLOURS {
            return Err(format!("bytes of other than {COLOURS} colours, or to be written: {self:?}"));
        }
        let covers = |addend: &Addend| {
            let reach = |axis: usize| (self.to[axis] - 1) >> addend.shift;
            addend.shift < 16 && within(&addend.size, MAX_SIDE) && (0..2).all(|axis| reach(axis) < addend.size[axis])
        };
        match self.addends.iter().find(|addend| !covers(addend)) {
            Some(addend) => Err(format!("{addend:?} does not cover an output of {:?}", self.to)),
            None => Ok(()),
        }
    }

    /// The rest of what must fit; the orders are settled last.
    pub(super) fn check_rest(&self, weights: &[f32], bias: &[f32]) -> Result<(), String> {
        if self.depthwise && [self.from_order, self.to_order] != [Order::Interleaved; 2] {
            return Err("planes of channels that do not mix".to_owned());
        }
        if weights.len() != self.weights_len() || bias.len() != self.outputs {
            let (weights, bias) = (weights.len(), bias.len());
            return Err(format!("{weights} weights and {bias} of bias for {self:?}"));
        }
        Ok(())
    }
}
