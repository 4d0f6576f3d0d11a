//! Results that kernels cannot store where they belong: in planes, or less channels than a panel is wide.

use super::conv::Work;
use super::geometry::Order;
use super::panel::Panel;

/// Stores a row of a panel that is not whole, after what a kernel does for whole ones.
pub(super) fn finish(work: &Work<'_>, panel: &Panel, y: usize, rest: &mut [f32]) {
    let geometry = work.geometry;
    let [height, width] = geometry.to;
    let live = panel.width.min(geometry.outputs - panel.first);
    let (addends, count) = work.addends(panel.first, y, 0);
    if count > 0 {
        for (p, results) in rest.chunks_exact_mut(panel.width).enumerate() {
            for addend in &addends[..count] {
                // SAFETY: the addend has these channels, the live ones of the panel, for every pixel of the output.
                let values = unsafe { std::slice::from_raw_parts(addend.at(p), live) };
                results.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
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
        Order::Interleaved => {
            for (x, results) in rest.chunks_exact(panel.width).enumerate() {
                work.store((y * width + x) * geometry.outputs + panel.first, &results[..live]);
            }
        }
    }
}

/// Channels, and pixels, that are turned around at once.
const BLOCK: usize = 4;

/// Gives `store` the values of `channels` channels from `first` on, each of many pixels side by side: channel, first pixel, values.
fn transpose(rest: &[f32], width: usize, first: usize, channels: usize, store: &mut impl FnMut(usize, usize, &[f32])) {
    let mut blocks = rest.chunks_exact(BLOCK * width);
    for (index, block) in blocks.by_ref().enumerate() {
        let pixel = |p: usize| block[p * width + first..].first_chunk().copied().unwrap_or([0.0; BLOCK]);
        let [a, b, c, d] = [pixel(0), pixel(1), pixel(2), pixel(3)];
        // Written out, it becomes shuffles of registers.
        let lines =
            [[a[0], b[0], c[0], d[0]], [a[1], b[1], c[1], d[1]], [a[2], b[2], c[2], d[2]], [a[3], b[3], c[3], d[3]]];
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
