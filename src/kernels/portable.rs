//! The kernels for every processor. The compiler makes what it can of them.

use super::depthwise::LANES;
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

pub(super) fn depthwise(channels: usize, pixels: usize) -> Option<Kernel> {
    match (channels % LANES, pixels) {
        (0, 1) => Some(channelwise::<1>),
        (0, 2) => Some(channelwise::<2>),
        (0, 3) => Some(channelwise::<3>),
        (0, 4) => Some(channelwise::<4>),
        (0, 5) => Some(channelwise::<5>),
        (0, 6) => Some(channelwise::<6>),
        (0, 7) => Some(channelwise::<7>),
        (0, 8) => Some(channelwise::<8>),
        _ => None,
    }
}

/// # Safety
/// As said at [`Kernel`], for a tile as `Depthwise` makes it.
unsafe fn channelwise<const P: usize>(tile: &Tile<'_>) {
    let channels = tile.output_step;
    for c in (0..channels).step_by(LANES) {
        // SAFETY: the caller vouches for all channels of each pixel, of each row of weights, of bias, results and addends.
        unsafe {
            let mut sums = [tile.bias.add(c).cast::<[f32; LANES]>().read(); P];
            let mut weights = tile.weights.add(c);
            for run in tile.runs {
                for k in 0..tile.len {
                    let row = weights.cast::<[f32; LANES]>().read();
                    weights = weights.wrapping_add(channels);
                    for (p, sums) in sums.iter_mut().enumerate() {
                        let pixel = tile.input.add(run + k * channels + c + p * tile.step);
                        let products = pixel.cast::<[f32; LANES]>().read().into_iter().zip(row);
                        sums.iter_mut().zip(products).for_each(|(sum, (value, weight))| *sum += value * weight);
                    }
                }
            }
            for (p, mut sums) in sums.into_iter().enumerate() {
                for addend in tile.addends {
                    let values = addend.at(p).add(c).cast::<[f32; LANES]>().read();
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
                if tile.relu {
                    sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));
                }
                tile.output.add(p * channels + c).cast::<[f32; LANES]>().write(sums);
            }
        }
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
