//! What this processor can do.

use super::precision::Precision;
use super::tile::{Kernel, MAX_PIXELS};
use super::transforms::Transforms;

/// A set of vector instructions that there are kernels for, from the slowest to the fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// What every processor has.
    Portable,
    /// 256 bit, with fused multiply-add.
    Avx2,
    /// 512 bit, and 256 bit with all 32 registers.
    Avx512,
    /// The same, and tiles of bf16 or bytes that are multiplied whole.
    Amx,
}

impl Isa {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Amx];

    /// The fastest set that this processor has.
    pub fn detect() -> Self {
        let fastest = Self::ALL.into_iter().rev().find(|isa| isa.is_there());
        fastest.unwrap_or(Self::Portable)
    }

    /// Whether this processor has it.
    pub fn is_there(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_there() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Precision::Bf16.is_there(Self::Avx512) && super::amx::is_there(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 | Self::Amx => false,
        }
    }

    /// What there is beside tiles: all ways but `tiled` are chosen by this.
    pub(super) fn vectors(self) -> Self {
        if self == Self::Amx { Self::Avx512 } else { self }
    }

    /// The widest panel worth using where `left` output channels are left: a multiple of 8, which may be more than `left`.
    pub(super) fn panel(self, left: usize) -> usize {
        match (self, left) {
            (_, ..=8) => 8,
            (_, 9..=16) => 16,
            (Self::Portable, _) => 16,
            (_, 17..=24) => 24,
            (Self::Avx2, _) => 16,
            (Self::Avx512 | Self::Amx, _) => 32,
        }
    }

    /// Channels of one vector of the kernels for a panel of this width.
    pub(super) fn lanes(self, panel: usize) -> usize {
        match (self, panel) {
            (Self::Avx512 | Self::Amx, 16 | 32) => 16,
            _ => 8,
        }
    }

    /// The most pixels of a tile beside a panel of this width.
    pub(super) fn pixels(self, panel: usize) -> usize {
        match (self, panel) {
            (Self::Portable, _) => 4,
            (Self::Avx2, 8) => 8,
            (Self::Avx2, 16) => 6,
            // Twelve sums, three vectors of weights and an input would take all 16 registers, and compilers then keep a sum in memory.
            (Self::Avx2, _) => 3,
            (Self::Avx512 | Self::Amx, 24) => 8,
            (Self::Avx512 | Self::Amx, 32) => 10,
            (Self::Avx512 | Self::Amx, _) => MAX_PIXELS,
        }
    }

    /// The kernel for a tile of `pixels` beside a panel. Where it `rounds`, results and addends may be bf16; only bytes have such kernels.
    pub(super) fn kernel(self, panel: usize, pixels: usize, precision: Precision, rounds: bool) -> Option<Kernel> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if rounds && precision == Precision::Int8 => super::x86::avx512_rounding(panel, pixels),
            _ if rounds => None,
            Self::Portable => super::portable::kernel(panel, pixels, precision),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::x86::avx2(panel, pixels).filter(|_| precision == Precision::F32),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Amx => super::x86::avx512(panel, pixels, precision),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 | Self::Amx => None,
        }
    }

    /// The kernel for a tile of `pixels` whose channels, a multiple of 8, do not mix.
    pub(super) fn depthwise(self, channels: usize, pixels: usize) -> Option<Kernel> {
        match self {
            Self::Portable => super::portable::depthwise(channels, pixels),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::depthwise_x86::avx2(channels, pixels),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Amx => super::depthwise_x86::avx512(channels, pixels),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 | Self::Amx => None,
        }
    }

    /// Winograd's transforms for squares of this side, where there are any. Those of bf16 round what they give; bytes are made of f32. Where they
    /// `round`, what they write and add may be bf16; only bytes have such transforms.
    pub(super) fn transforms(self, side: usize, precision: Precision, rounds: bool) -> Option<Transforms> {
        #[cfg(target_arch = "x86_64")]
        use super::winograd_x86::*;
        match (self, precision, side) {
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512, Precision::Int8, 2) if rounds => Some(ROUNDING_SMALL),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512, Precision::Int8, 4) if rounds => Some(ROUNDING_LARGE),
            _ if rounds => None,
            (Self::Portable, Precision::Bf16 | Precision::Int8, _) => {
                super::winograd_portable::transforms(side, precision == Precision::Bf16)
            }
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2, Precision::F32, 2) => Some(AVX2_SMALL),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2, Precision::F32, 4) => Some(AVX2_LARGE),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512, Precision::F32 | Precision::Int8, 2) => Some(AVX512_SMALL),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512, Precision::F32 | Precision::Int8, 4) => Some(AVX512_LARGE),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512, Precision::Bf16, 2) => Some(BF16_SMALL),
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512, Precision::Bf16, 4) => Some(BF16_LARGE),
            _ => None,
        }
    }
}
