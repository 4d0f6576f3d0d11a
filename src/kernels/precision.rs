//! What a convolution multiplies.

use super::isa::Isa;

/// What a convolution rounds its inputs and its weights to before it multiplies them. Sums are kept in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Not rounded.
    #[default]
    F32,
    /// 8 bits of mantissa, to nearest even; summed in f32.
    Bf16,
    /// Bytes: weights on a scale for each output channel, inputs on one for all that a few rows of the output depend on, found as they
    /// are read. Summed in i32, exactly.
    Int8,
}

impl Precision {
    /// All of them, from the highest to the lowest.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::Int8];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// Values that a word of 32 bits holds, which is what kernels multiply at once.
    pub(super) fn values(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::Bf16 => 2,
            Self::Int8 => 4,
        }
    }

    /// Whether convolutions in it can read and write values that are rounded to bf16, where their channels allow it: in tiles, and in vectors of bytes where
    /// there are instructions that round.
    pub fn rounds_between(self, isa: Isa) -> bool {
        match (self, isa) {
            (Self::Bf16, Isa::Amx) => self.is_there(isa),
            (Self::Int8, Isa::Avx512 | Isa::Amx) => self.is_there(isa) && Self::Bf16.is_there(isa),
            _ => false,
        }
    }

    /// Whether this processor has instructions for it in `isa`. The portable kernels know all of them.
    pub fn is_there(self, isa: Isa) -> bool {
        match (self, isa) {
            (Self::F32, _) | (_, Isa::Portable) => isa.is_there(),
            #[cfg(target_arch = "x86_64")]
            (Self::Bf16, Isa::Avx512) => {
                isa.is_there() && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512bf16")
            }
            #[cfg(target_arch = "x86_64")]
            (Self::Int8, Isa::Avx512) => {
                let narrow = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl");
                isa.is_there() && narrow && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            // What is summed in tiles is finished and rounded in vectors.
            (Self::Bf16, Isa::Amx) => isa.is_there() && is_x86_feature_detected!("avx512bw"),
            #[cfg(target_arch = "x86_64")]
            (Self::Int8, Isa::Amx) => isa.is_there() && self.is_there(Isa::Avx512),
            _ => false,
        }
    }
}
