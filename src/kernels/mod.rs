//! Convolutions on this processor's vector units, rows of pixels resampled there ([`Resample`]), planes sorted out by a quad's [`Corners`], and anybody's
//! plain loops on the widest of them ([`widest`]).
//!
//! Knows slices of f32, shapes and threads; knows nothing of graphs, tensors or stages.
//!
//! Values lie *interleaved* (`[height, width, channels]`, all channels of a pixel side by side) between convolutions, so that the part of
//! the input under one row of the kernel is one contiguous run, whatever the kernel's width, and every number of channels is stored
//! without padding. A convolution also reads *planes* (`[channels, height, width]`), as images come, and writes them.
//!
//! A tile of neighbouring pixels times a panel of output channels is held in registers from the bias to the last product; then what is
//! to be added is added, negative values are cut off where wanted, and the tile is written once. Every sum is one chain of multiply-adds in
//! one order: neither the tile it falls in nor the number of threads changes a bit of it. The instruction set does, where it
//! rounds a product before adding it, and where it has no transforms for Winograd's way, as portable f32 has none.
//!
//! In a lower precision a convolution rounds what it reads: weights once, inputs a few rows at a time as they are needed, into words of two bf16 or four
//! bytes. Sums stay f32 (of bytes' products i32), and so a kernel differs only in what it multiplies two words with. Convolutions in tiles, and those of
//! bytes in vectors where there is AVX-512 with bf16, can also read, add and write values that are rounded to bf16
//! (`Order::Rounded`): half as much to read and write. Tiles of bf16 multiply the same then, to the bit; bytes made of rounded values differ a little from those of whole ones.
//! For the same input bytes give exactly the same on every instruction set, Winograd's way aside, and what is no number.
//! An image can also come as the bytes that cameras give (`Order::Bytes`), which are multiplied where they lie.
//!
//! | way | for |
//! |---|---|
//! | `direct` | every convolution there is no better way for |
//! | `winograd` | three by three without stride, on 16 channels or more, in fours; of bytes, to 96 or more |
//! | `depthwise` | channels that do not mix |
//! | `tiled` | in lower precision, where there are tiles, what mixes channels; not many planes, or sums in planes |
//! | `turned` | single pixels into planes, logits, where there are no tiles |
//!
//! This is the one place with `unsafe` code: vector instructions through pointers, and jobs that threads borrow. What can be called
//! from outside checks every length before, so that no safe call reads or writes out of bounds.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod amx;
mod conv;
mod corners;
mod crew;
mod depthwise;
#[cfg(target_arch = "x86_64")]
mod depthwise_x86;
mod direct;
#[cfg(target_arch = "x86_64")]
mod finish;
mod geometry;
mod instance;
mod isa;
#[cfg(target_arch = "x86_64")]
mod lines;
mod loops;
mod normalise;
mod pack;
mod panel;
mod pixels;
#[cfg(target_arch = "x86_64")]
mod pixels_x86;
mod portable;
mod precision;
#[cfg(target_arch = "x86_64")]
mod product;
mod resample;
#[cfg(target_arch = "x86_64")]
mod resample_picks;
#[cfg(target_arch = "x86_64")]
mod resample_x86;
mod rest;
mod rows;
mod span;
mod tile;
#[cfg(target_arch = "x86_64")]
mod tiled;
mod transforms;
mod turned;
mod value;
#[cfg(target_arch = "x86_64")]
mod vectors;
mod winograd;
mod winograd_portable;
#[cfg(target_arch = "x86_64")]
mod winograd_x86;
mod work;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use conv::Conv;
pub use corners::{Corners, Kept};
pub use crew::Crew;
pub use geometry::{Addend, Geometry, Order, Values, ValuesMut};
pub use isa::Isa;
pub use loops::{Loops, widest};
pub use normalise::Normalise;
pub use pixels::{Colours, PIXEL, interleave};
pub use precision::Precision;
pub use resample::Resample;
pub use value::{half as round, whole as widen};

#[cfg(test)]
mod tests;
