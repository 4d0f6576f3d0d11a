//! Pixels of three colours: rounded to bf16, as [`Order::Rounded`] has them, out of planes or samples; or bytes, as [`Order::Bytes`] has them, out of
//! samples.

use super::geometry::{COLOURS, Order};
use super::normalise::Normalise;
#[cfg(target_arch = "x86_64")]
use super::pixels_x86;
use super::value::half;

/// Rounds rows of planes, `[width] f32` each, and writes them pixel by pixel.
///
/// Panics where the rows are not of one width, or `to` has not just the room for their pixels.
pub fn interleave(rows: &[&[f32]], to: &mut [u16]) {
    let (width, unit) = (rows.first().map_or(0, |row| row.len()), Order::Rounded.unit(rows.len()));
    let fits = rows.iter().all(|row| row.len() == width) && to.len() == width * unit;
    assert!(fits, "{} values for {} rows, the first {width} wide", to.len(), rows.len());
    #[cfg(target_arch = "x86_64")]
    if let &[red, green, blue] = rows
        && pixels_x86::is_there()
    {
        // SAFETY: the processor has the instructions, and the lengths were checked.
        return unsafe { pixels_x86::colours(red, green, blue, to) };
    }
    for (x, to) in to.chunks_exact_mut(unit.max(1)).enumerate() {
        to.fill(0);
        to.iter_mut().zip(rows).for_each(|(to, row)| *to = half(row[x]));
    }
}

/// Values of a pixel of three colours, with the zero behind them, in [`Order::Rounded`].
pub const PIXEL: usize = Order::Rounded.unit(COLOURS);

/// How samples of 8 bits become the colours of a pixel.
#[derive(Clone, Copy, Debug)]
pub struct Colours {
    /// Samples of a pixel: 1 to 4.
    pub samples: usize,
    /// Which of them is each colour.
    pub order: [usize; 3],
    /// What becomes of them.
    pub normalise: Normalise,
}

impl Colours {
    /// Rounds the colours of a row of samples and writes them pixel by pixel.
    ///
    /// Panics where a colour is none of the samples, or `to` has not just the room for the row's pixels.
    pub fn row(&self, row: &[u8], to: &mut [u16]) {
        let Self { samples, order, normalise } = *self;
        self.check(row, to.len() / PIXEL);
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if pixels_x86::is_there() {
            // SAFETY: the processor has the instructions, and the lengths were checked.
            done = unsafe { pixels_x86::samples(self, row, to) };
        }
        let rest = row[done * samples..].chunks_exact(samples).zip(to[done * PIXEL..].chunks_exact_mut(PIXEL));
        for (from, to) in rest {
            to.fill(0);
            for (colour, to) in to.iter_mut().enumerate().take(3) {
                *to = half(f32::from(from[order[colour]]) * normalise.scale[colour] + normalise.bias[colour]);
            }
        }
    }

    /// Writes a row of samples pixel by pixel as [`Order::Bytes`] has them.
    ///
    /// Panics as [`row`](Self::row) does.
    pub fn bytes(&self, row: &[u8], to: &mut [u32]) {
        let Self { samples, order, .. } = *self;
        self.check(row, to.len());
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if pixels_x86::shuffles() {
            // SAFETY: the processor has the instructions, and the lengths were checked.
            done = unsafe { pixels_x86::words(self, row, to) };
        }
        for (from, to) in row[done * samples..].chunks_exact(samples).zip(&mut to[done..]) {
            let [red, green, blue] = order.map(|place| from[place]);
            *to = u32::from_ne_bytes([red, green, blue, 0]);
        }
    }

    fn check(&self, row: &[u8], pixels: usize) {
        let Self { samples, order, .. } = *self;
        assert!((1..=4).contains(&samples) && order.iter().all(|place| *place < samples), "{self:?}");
        assert_eq!(row.len(), pixels * samples, "samples of as many pixels as there is room for");
    }
}
