//! What pictures for people have in common: paper, letters, and the legend of the classes.

use font8x8::UnicodeFonts;
use image::{Rgb, RgbImage};

use crate::model::Class;

pub const PAPER: Rgb<u8> = Rgb([250, 250, 248]);
const INK: Rgb<u8> = Rgb([40, 42, 46]);
/// Height of a legend.
pub const LEGEND: u32 = 68;

/// Draws the classes with their colours in two rows, from there to the right edge.
pub fn legend(sheet: &mut RgbImage, (left, top): (u32, u32), classes: &[Class]) {
    let per_row = classes.len().div_ceil(2).max(1);
    let step = (sheet.width() - left) / per_row as u32;
    for (index, class) in classes.iter().enumerate() {
        let x = left + (index % per_row) as u32 * step;
        let y = top + (index / per_row) as u32 * 30;
        for (dx, dy) in (0..22).flat_map(|dx| (0..20).map(move |dy| (dx, dy))) {
            put(sheet, (x + dx, y + dy), Rgb(class.color));
        }
        write(sheet, (x + 30, y + 3), &class.name);
    }
}

/// Writes text with letters of 16 by 16 pixels; what the font lacks stays blank.
pub fn write(sheet: &mut RgbImage, (x, y): (u32, u32), text: &str) {
    const SCALE: u32 = 2;
    for (n, letter) in (0..).zip(text.chars()) {
        let rows = font8x8::BASIC_FONTS.get(letter).unwrap_or_default();
        for (dy, bits) in (0..).zip(rows) {
            for dx in (0..8).filter(|dx| bits >> dx & 1 == 1) {
                for (sx, sy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    // Letters of the font are six pixels wide: narrower steps read better.
                    put(sheet, (x + n * 7 * SCALE + dx * SCALE + sx, y + dy * SCALE + sy), INK);
                }
            }
        }
    }
}

fn put(sheet: &mut RgbImage, (x, y): (u32, u32), color: Rgb<u8>) {
    if let Some(pixel) = sheet.get_pixel_mut_checked(x, y) {
        *pixel = color;
    }
}
