//! Pixels of whole words, out of planes and out of samples.

use super::*;

#[test]
fn rows_of_planes_become_pixels_of_whole_words() {
    for planes in 1..=5 {
        for width in [1, 2, 31, 32, 33, 100] {
            let rows: Vec<Vec<f32>> = (0..planes).map(|plane| values(width, plane)).collect();
            let unit = Order::Rounded.unit(rows.len());
            let mut pixels = vec![u16::MAX; unit * width];
            interleave(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut pixels);
            for (x, pixel) in pixels.chunks_exact(unit).enumerate() {
                let want = rows.iter().map(|row| round(row[x])).chain([0]).take(unit);
                assert!(pixel.iter().copied().eq(want), "{pixel:?} at {x} of {planes} rows, {width} wide");
            }
        }
    }
}

#[test]
fn samples_become_pixels_of_whole_words() {
    let (scale, bias) = ([0.5, 0.013, 1.0], [-0.25, 0.1, -7.0]);
    for (samples, order) in [(1, [0; 3]), (2, [1, 0, 1]), (3, [2, 1, 0]), (4, [0, 1, 2])] {
        let colours = Colours { samples, order, normalise: Normalise { scale, bias } };
        for width in 0..70 {
            let row: Vec<u8> = (0..width * samples).map(|at| (at * 41 % 256) as u8).collect();
            let mut pixels = vec![u16::MAX; 4 * width];
            colours.row(&row, &mut pixels);
            for (x, pixel) in pixels.chunks_exact(4).enumerate() {
                let value = |colour: usize| f32::from(row[x * samples + order[colour]]) * scale[colour] + bias[colour];
                let [red, green, blue] = [0, 1, 2].map(|colour| round(value(colour)));
                assert_eq!(pixel, [red, green, blue, 0], "at {x} of {width}, {samples} samples");
            }
            let mut words = vec![u32::MAX; width];
            colours.bytes(&row, &mut words);
            for (x, word) in words.into_iter().enumerate() {
                let [red, green, blue] = order.map(|place| row[x * samples + place]);
                assert_eq!(word.to_ne_bytes(), [red, green, blue, 0], "at {x} of {width}, {samples} samples");
            }
        }
    }
}
