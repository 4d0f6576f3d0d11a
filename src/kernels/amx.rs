//! The matrix unit of x86-64 processors that have AMX: tiles of sixteen rows of sixteen words, multiplied whole, of two bf16 or four bytes.
//!
//! The compiler has no stable names for these instructions, so they are written as assembly; nothing else uses the eight tile registers.
//! An operating system gives a process their 8 KiB a thread when it asks.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use super::finish::{Ending, finish};
use super::product::{Product, SIDE, STRIPS, SUMS, SUMS_STEP, Strip};

/// Bytes of a row of a tile.
const ROW: usize = 4 * SIDE;

/// Whether this processor has it, and the system lets us use it.
pub(super) fn is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| has_instructions() && is_permitted())
}

fn has_instructions() -> bool {
    // Intel's manual, volume 2, CPUID: leaf 7, EDX bits 22 (AMX-BF16), 24 (AMX-TILE) and 25 (AMX-INT8).
    const BITS: u32 = 1 << 22 | 1 << 24 | 1 << 25;
    // SAFETY: every processor of 64 bit has the instruction. Later compilers know that.
    #[allow(unused_unsafe)]
    unsafe {
        __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & BITS == BITS
    }
}

/// Asks for the tile registers, for all threads of the process that are there or will be.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    use nix::libc::{SYS_arch_prctl, syscall};
    // Linux, Documentation/arch/x86/xstate.rst.
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XFEATURE_XTILEDATA: u64 = 18;
    // SAFETY: the call takes two numbers and changes nothing but what the process may use.
    unsafe { syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl Shapes {
    /// Four registers of sums of `pixels`, two of their input in `words`, two of weights of as many: fewer rows and shorter ones are loaded faster.
    fn new(pixels: usize, words: usize) -> Self {
        let mut shapes = Self { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        let (pixels, words) = (pixels.min(SIDE) as u8, words.min(SIDE) as u8);
        shapes.rows[..8].copy_from_slice(&[pixels, pixels, pixels, pixels, pixels, pixels, words, words]);
        shapes.row_bytes[..8].fill(ROW as u16);
        shapes.row_bytes[4..6].fill(4 * u16::from(words));
        shapes
    }
}

/// This thread's tile registers, ready for use until it is dropped.
pub(super) struct Tiles(PhantomData<*const ()>);

impl Tiles {
    /// Registers for strips of at most so many pixels and, where runs are shorter than a tile, for so many words; none where there are no such registers.
    pub fn open(pixels: usize, words: usize) -> Option<Self> {
        let shapes = Shapes::new(pixels, words);
        // SAFETY: the instruction is there, and reads 64 bytes that are a configuration of its first palette.
        is_there().then(|| unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const shapes, options(nostack, preserves_flags, readonly))
        })?;
        Some(Self(PhantomData))
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the instruction is there, or `open` had given nothing; nobody else uses these registers.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) };
    }
}

/// Sums of strips by vectors, pixel by pixel.
#[repr(align(64))]
struct Sums(#[expect(dead_code, reason = "read and written through a pointer")] [f32; STRIPS * SUMS]);

/// Bytes from one pixel's sums to those of the next.
const SUMS_ROW: usize = 4 * SUMS_STEP;

/// Loads a tile register with rows that lie `step` bytes apart.
macro_rules! load {
    ($tile:literal, $from:expr, $step:expr) => {
        asm!(concat!("tileloadd ", $tile, ", [{from} + {step}*1]"), from = in(reg) $from, step = in(reg) $step,
            options(nostack, preserves_flags, readonly))
    };
}

/// Adds the products of two tile registers to a third: of inputs and weights in bytes, unsigned and signed, or of bf16.
macro_rules! add_products {
    ($bytes:expr, $tiles:literal) => {
        if $bytes {
            asm!(concat!("tdpbusd ", $tiles), options(nostack, preserves_flags, nomem))
        } else {
            asm!(concat!("tdpbf16ps ", $tiles), options(nostack, preserves_flags, nomem))
        }
    };
}

/// Computes it.
///
/// # Safety
/// Each strip has a beginning for every run, and from there on sixteen pixels of `tiles` times sixteen words, whatever its `pixels`; weights, whole vectors of bias and scaling, and addends of `channels` are
/// there to be read, results of as many channels to be written by nobody else. This thread has [`Tiles`] that were opened for as many pixels as the longest strip has, or more, and for
/// the words of a run; and the processor AVX-512 with bf16.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16,avx2,fma")]
pub(super) unsafe fn multiply(product: &Product<'_>) {
    // SAFETY: as the caller says.
    unsafe {
        match (product.channels > SIDE, product.scaling.is_some()) {
            (true, false) => multiply_by::<2, false>(product),
            (false, false) => multiply_by::<1, false>(product),
            (true, true) => multiply_by::<2, true>(product),
            (false, true) => multiply_by::<1, true>(product),
        }
    }
}

/// The same with `V` vectors of channels, of `BYTES` or else of bf16.
///
/// Sums stay in their registers until those before them are finished: so the unit has the next strips meanwhile, and no load has to wait for a store.
///
/// # Safety
/// As said at [`multiply`].
#[inline(always)]
unsafe fn multiply_by<const V: usize, const BYTES: bool>(product: &Product<'_>) {
    let mut sums = MaybeUninit::<Sums>::uninit();
    let sums = sums.as_mut_ptr().cast::<f32>();
    let mut last: &[Strip] = &[];
    // SAFETY: the caller vouches for what is read; the sums have room for all strips and vectors, and those of the strips' pixels are written before
    // they are read.
    unsafe {
        let ending = Ending::<V, BYTES>::of(product);
        for strips in product.strips.chunks(STRIPS) {
            if let [a, b] = strips {
                sum::<2, V, BYTES>(product, [a.input, b.input]);
                finish(product, &ending, last, sums);
                store::<2, V>(sums);
            } else if let [a] = strips {
                sum::<1, V, BYTES>(product, [a.input; 2]);
                finish(product, &ending, last, sums);
                store::<1, V>(sums);
            }
            last = strips;
        }
        finish(product, &ending, last, sums);
    }
}

/// Sums the products of `S` strips and `V` vectors.
///
/// # Safety
/// As said at [`multiply`].
#[inline(always)]
unsafe fn sum<const S: usize, const V: usize, const BYTES: bool>(
    product: &Product<'_>,
    inputs: [*const *const u32; 2],
) {
    let mut weights = product.weights;
    let step = 4 * product.step;
    // SAFETY: every register is filled before it is used; the caller vouches for the rest.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            options(nostack, preserves_flags, nomem)
        );
        for run in 0..product.runs {
            let inputs = inputs.map(|input| *input.add(run));
            for tile in 0..product.tiles {
                let [a, b] = inputs.map(|input| input.add(tile * SIDE));
                load!("tmm6", weights, ROW);
                load!("tmm4", a, step);
                add_products!(BYTES, "tmm0, tmm4, tmm6");
                if V == 2 {
                    load!("tmm7", weights.add(SIDE), ROW);
                    add_products!(BYTES, "tmm1, tmm4, tmm7");
                }
                if S == 2 {
                    load!("tmm5", b, step);
                    add_products!(BYTES, "tmm2, tmm5, tmm6");
                    if V == 2 {
                        add_products!(BYTES, "tmm3, tmm5, tmm7");
                    }
                }
                weights = weights.add(V * SIDE);
            }
        }
    }
}

/// Stores the sums of `S` strips and `V` vectors.
///
/// # Safety
/// As said at [`multiply`]; `out` has room for all of them.
#[inline(always)]
unsafe fn store<const S: usize, const V: usize>(out: *mut f32) {
    // SAFETY: as the caller says.
    unsafe {
        asm!("tilestored [{out} + {row}*1], tmm0", out = in(reg) out, row = in(reg) SUMS_ROW, options(nostack, preserves_flags));
        if V == 2 {
            asm!("tilestored [{out} + {row}*1], tmm1", out = in(reg) out.add(SIDE), row = in(reg) SUMS_ROW, options(nostack, preserves_flags));
        }
        if S == 2 {
            let out = out.add(SUMS);
            asm!("tilestored [{out} + {row}*1], tmm2", out = in(reg) out, row = in(reg) SUMS_ROW, options(nostack, preserves_flags));
            if V == 2 {
                asm!("tilestored [{out} + {row}*1], tmm3", out = in(reg) out.add(SIDE), row = in(reg) SUMS_ROW, options(nostack, preserves_flags));
            }
        }
    }
}
