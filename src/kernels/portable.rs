//! The kernels for every processor. The compiler makes what it can of them.

use super::instance::instance;
use super::precision::Precision;
use super::tile::{Kernel, LANES, MAX_PIXELS, Scaling, Tile};
use super::value::whole;

pub(super) fn kernel(panel: usize, pixels: usize, precision: Precision) -> Option<Kernel> {
    match (precision, panel) {
        (Precision::F32, 8) => instance!(pixels, P of 1 2 3 4, tile::<Single, P, 8>),
        (Precision::F32, 16) => instance!(pixels, P of 1 2 3 4, tile::<Single, P, 16>),
        (Precision::Bf16, 8) => instance!(pixels, P of 1 2 3 4, tile::<Halves, P, 8>),
        (Precision::Bf16, 16) => instance!(pixels, P of 1 2 3 4, tile::<Halves, P, 16>),
        (Precision::Int8, 8) => instance!(pixels, P of 1 2 3 4, tile::<Bytes, P, 8>),
        (Precision::Int8, 16) => instance!(pixels, P of 1 2 3 4, tile::<Bytes, P, 16>),
        _ => None,
    }
}

pub(super) fn depthwise(channels: usize, pixels: usize) -> Option<Kernel> {
    match channels % LANES {
        0 => instance!(pixels, P of 1 2 3 4 5 6 7 8, channelwise::<P>),
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
            let mut weights = tile.weights.add(c).cast::<f32>();
            for run in tile.runs {
                for k in 0..tile.len {
                    let row = weights.cast::<[f32; LANES]>().read();
                    weights = weights.wrapping_add(channels);
                    for (p, sums) in sums.iter_mut().enumerate() {
                        let pixel = tile.input.add(run + k * channels + c + p * tile.step).cast::<f32>();
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

/// How words are multiplied, and what the sums mean.
trait Product {
    type Sum: Copy;
    fn start(bias: f32) -> Self::Sum;
    fn add(sum: Self::Sum, value: u32, weight: u32) -> Self::Sum;
    /// # Safety
    /// The scaling has a channel `c`.
    unsafe fn result(sum: Self::Sum, scaling: &Scaling, bias: f32, c: usize) -> f32;
}

struct Single;

impl Product for Single {
    type Sum = f32;

    fn start(bias: f32) -> f32 {
        bias
    }

    fn add(sum: f32, value: u32, weight: u32) -> f32 {
        sum + f32::from_bits(value) * f32::from_bits(weight)
    }

    unsafe fn result(sum: f32, _: &Scaling, _: f32, _: usize) -> f32 {
        sum
    }
}

struct Halves;

impl Product for Halves {
    type Sum = f32;

    fn start(bias: f32) -> f32 {
        bias
    }

    fn add(sum: f32, value: u32, weight: u32) -> f32 {
        let (value, weight) = (value.to_le(), weight.to_le());
        let high = whole((value >> 16) as u16) * whole((weight >> 16) as u16);
        sum + high + whole(value as u16) * whole(weight as u16)
    }

    unsafe fn result(sum: f32, _: &Scaling, _: f32, _: usize) -> f32 {
        sum
    }
}

struct Bytes;

impl Product for Bytes {
    type Sum = i32;

    fn start(_: f32) -> i32 {
        0
    }

    fn add(sum: i32, value: u32, weight: u32) -> i32 {
        let products = value.to_ne_bytes().into_iter().zip(weight.to_ne_bytes());
        sum + products.map(|(value, weight)| i32::from(value) * i32::from(weight as i8)).sum::<i32>()
    }

    unsafe fn result(sum: i32, scaling: &Scaling, bias: f32, c: usize) -> f32 {
        // SAFETY: the caller vouches for the channel.
        let (scale, weights) = unsafe { (scaling.scales.add(c).read(), scaling.sums.add(c).read()) };
        (sum - scaling.range.zero * weights) as f32 * (scaling.range.scale * scale) + bias
    }
}

/// # Safety
/// As said at [`Kernel`].
unsafe fn tile<M: Product, const P: usize, const N: usize>(tile: &Tile<'_>) {
    const { assert!(P <= MAX_PIXELS) };
    // SAFETY: the caller vouches for `N` values of bias, and for a row of `N` weights and `P` inputs a product.
    unsafe {
        let bias: [f32; N] = tile.bias.cast::<[f32; N]>().read();
        let mut sums = [bias.map(M::start); P];
        let mut weights = tile.weights.cast::<[u32; N]>();
        for run in tile.runs {
            for k in 0..tile.len {
                let row = weights.read();
                weights = weights.add(1);
                for (p, sums) in sums.iter_mut().enumerate() {
                    let value = tile.input.add(run + p * tile.step + k).read();
                    sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum = M::add(*sum, value, weight));
                }
            }
        }
        for (p, sums) in sums.into_iter().enumerate() {
            let sums: [f32; N] = std::array::from_fn(|c| M::result(sums[c], &tile.scaling, bias[c], c));
            for (v, sums) in sums.as_chunks::<LANES>().0.iter().enumerate() {
                let (mut sums, channel) = (*sums, tile.channel(v, N / LANES, LANES));
                for addend in tile.addends {
                    let values = addend.at(p).add(channel).cast::<[f32; LANES]>().read();
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
                if tile.relu {
                    sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));
                }
                tile.output.add(p * tile.output_step + channel).cast::<[f32; LANES]>().write(sums);
            }
        }
    }
}
