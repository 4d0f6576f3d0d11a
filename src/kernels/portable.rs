//! The kernel for every processor. The compiler makes what it can of it.

use super::tile::{Kernel, MAX_PIXELS, Tile};

pub(super) fn kernel(panel: usize, pixels: usize) -> Option<Kernel> {
    match (panel, pixels) {
        (8, 1) => Some(tile::<1, 8>),
        (8, 2) => Some(tile::<2, 8>),
        (8, 3) => Some(tile::<3, 8>),
        (8, 4) => Some(tile::<4, 8>),
        (16, 1) => Some(tile::<1, 16>),
        (16, 2) => Some(tile::<2, 16>),
        (16, 3) => Some(tile::<3, 16>),
        (16, 4) => Some(tile::<4, 16>),
        _ => None,
    }
}

/// # Safety
/// As said at [`Kernel`].
unsafe fn tile<const P: usize, const N: usize>(tile: &Tile<'_>) {
    const { assert!(P <= MAX_PIXELS) };
    // SAFETY: the caller vouches for `N` values of bias, and for a row of `N` weights and `P` inputs a product.
    unsafe {
        let bias: [f32; N] = tile.bias.cast::<[f32; N]>().read();
        let mut sums = [bias; P];
        let mut weights = tile.weights.cast::<[f32; N]>();
        for run in tile.runs {
            for k in 0..tile.len {
                let row = weights.read();
                weights = weights.add(1);
                for (p, sums) in sums.iter_mut().enumerate() {
                    let value = tile.input.add(run + p * tile.step + k).read();
                    sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += value * weight);
                }
            }
        }
        for (p, mut sums) in sums.into_iter().enumerate() {
            for addend in tile.addends {
                let values = addend.at(p).cast::<[f32; N]>().read();
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            if tile.relu {
                sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));
            }
            tile.output.add(p * tile.output_step).cast::<[f32; N]>().write(sums);
        }
    }
}
