//! Results that kernels cannot store where they belong: in planes, or less channels than a panel is wide.

use super::geometry::Order;
use super::panel::Panel;
use super::value::whole;
use super::work::Work;

/// Stores a row of a panel that is not whole, after what a kernel does for whole ones.
pub(super) fn finish(work: &Work<'_>, panel: &Panel, y: usize, rest: &mut [f32]) {
    let geometry = work.geometry;
    let [height, width] = geometry.to;
    let live = panel.live(geometry.outputs);
    let (addends, count) = work.addends(panel.first, y, 0);
    if count > 0 {
        for (p, results) in rest.chunks_exact_mut(panel.width).enumerate() {
            for addend in &addends[..count] {
                // SAFETY: the addend has these channels, the live ones of the panel, for every pixel of the output.
                unsafe {
                    if addend.rounded {
                        let values = std::slice::from_raw_parts(addend.rounded_at(p), live);
                        results.iter_mut().zip(values).for_each(|(sum, value)| *sum += whole(*value));
                    } else {
                        let values = std::slice::from_raw_parts(addend.at(p), live);
                        results.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                    }
                }
            }
            if geometry.relu {
                results.iter_mut().for_each(|sum| *sum = sum.max(0.0));
            }
        }
    }
    match geometry.to_order {
        Order::Planes => {
            let plane = |channel| ((panel.first + channel) * height + y) * width;
            for channel in (0..live).step_by(BLOCK) {
                let mut store = |c: usize, x: usize, values: &[f32]| work.store(plane(channel + c) + x, values);
                transpose(rest, panel.width, channel, live.min(channel + BLOCK) - channel, &mut store);
            }
        }
        Order::Rounded => {
            for (x, results) in rest.chunks_exact(panel.width).enumerate() {
                work.store_rounded((y * width + x) * geometry.outputs + panel.first, &results[..live]);
            }
        }
        Order::Interleaved | Order::Bytes => {
            for (x, results) in rest.chunks_exact(panel.width).enumerate() {
                work.store((y * width + x) * geometry.outputs + panel.first, &results[..live]);
            }
        }
    }
}

/// Channels, and pixels, that are turned around at once.
pub(super) const BLOCK: usize = 4;

/// Gives `store` the values of `channels` channels from `first` on, each of many pixels side by side: channel, first pixel, values.
pub(super) fn transpose(
    rest: &[f32],
    width: usize,
    first: usize,
    channels: usize,
    store: &mut impl FnMut(usize, usize, &[f32]),
) {
    let mut blocks = rest.chunks_exact(BLOCK * width);
    for (index, block) in blocks.by_ref().enumerate() {
        let pixel = |p: usize| block[p * width + first..].first_chunk().copied().unwrap_or_default();
        let lines = turn(&[pixel(0), pixel(1), pixel(2), pixel(3)]);
        for (c, line) in lines.iter().enumerate().take(channels) {
            store(c, index * BLOCK, line);
        }
    }
    let done = rest.len() / (BLOCK * width) * BLOCK;
    for (p, results) in blocks.remainder().chunks_exact(width).enumerate() {
        for (c, value) in results[first..].iter().enumerate().take(channels) {
            store(c, done + p, std::slice::from_ref(value));
        }
    }
}

/// Rows for columns.
#[cfg(target_arch = "x86_64")]
pub(super) fn turn(rows: &[[f32; BLOCK]; BLOCK]) -> [[f32; BLOCK]; BLOCK] {
    use std::arch::x86_64::*;
    let mut columns = [[0.0; BLOCK]; BLOCK];
    // SAFETY: each array has the four values that are read or written; every processor of this kind has SSE.
    unsafe {
        let [a, b, c, d] = [0, 1, 2, 3].map(|row: usize| _mm_loadu_ps(rows[row].as_ptr()));
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        _mm_storeu_ps(columns[0].as_mut_ptr(), _mm_movelh_ps(ab, cd));
        _mm_storeu_ps(columns[1].as_mut_ptr(), _mm_movehl_ps(cd, ab));
        _mm_storeu_ps(columns[2].as_mut_ptr(), _mm_movelh_ps(ab_high, cd_high));
        _mm_storeu_ps(columns[3].as_mut_ptr(), _mm_movehl_ps(cd_high, ab_high));
    }
    columns
}

/// Rows for columns.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn turn(rows: &[[f32; BLOCK]; BLOCK]) -> [[f32; BLOCK]; BLOCK] {
    std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
}
