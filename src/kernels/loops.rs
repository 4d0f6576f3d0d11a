//! Plain loops, compiled once more for each set of vector instructions.

/// Loops over slices that the compiler turns into vectors.
pub trait Loops {
    /// What they give.
    type Output;

    /// Runs them. Has to be `#[inline(always)]`, and so has what it calls: only what is inlined is compiled for wider vectors.
    fn run(self) -> Self::Output;
}

/// Runs loops with the widest vectors that this processor has. Their results do not depend on it.
pub fn widest<L: Loops>(loops: L) -> L::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: the processor has these instructions; those of AVX2 are part of AVX-512.
            return unsafe { avx512(loops) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has these instructions.
            return unsafe { avx2(loops) };
        }
    }
    loops.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2")]
fn avx512<L: Loops>(loops: L) -> L::Output {
    loops.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<L: Loops>(loops: L) -> L::Output {
    loops.run()
}

/// Asks the processor to have bytes in its caches soon. Its own foresight ends with each page of memory.
///
/// Measured: in chunks of a length known beforehand, which the compiler unrolls, asking is quicker and tensors take longer than without it.
#[inline(always)]
pub(super) fn fetch_ahead(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it only advises; any address will do.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Bytes of a line of the cache.
pub(super) const LINE: usize = 64;
