//! The contact sheet: frames, masks at several exits and the overlay side by side, with a legend.

use std::path::Path;

use image::RgbImage;
use image::imageops::{FilterType, overlay as paste, resize};

use super::street::Shot;
use crate::cli::drawing::{LEGEND, PAPER, legend, write};
use crate::mask::Mask;
use crate::model::Class;
use crate::render::overlay;
use crate::scene::Light;

const CELL: (u32, u32) = (320, 240);
const GAP: u32 = 12;
const HEAD: u32 = 36;
/// How much of the overlay is the mask's colour.
const ALPHA: f32 = 0.55;
const ROWS: usize = 4;

/// The numbers of the shots to show, spread over the drive.
pub fn shown(shots: usize) -> Vec<usize> {
    (0..ROWS).map(|row| (2 * row + 1) * shots / (2 * ROWS)).collect()
}

/// A sheet that grows row by row.
pub struct Sheet {
    classes: Vec<Class>,
    /// The exits that are shown, from 1.
    exits: Vec<usize>,
    rows: Vec<Vec<RgbImage>>,
    names: Vec<String>,
}

impl Sheet {
    /// An empty sheet for a network with that many exits.
    pub fn new(classes: &[Class], exits: usize) -> Self {
        let mut shown = vec![1, 2, exits];
        shown.retain(|exit| *exit <= exits);
        shown.dedup();
        Self { classes: classes.to_vec(), exits: shown, rows: Vec::new(), names: Vec::new() }
    }

    /// Adds a row: the frame, the masks of the exits that are shown, and the last one over the frame.
    pub fn add(&mut self, shot: &Shot, masks: &[&Mask]) {
        let colors: Vec<[u8; 3]> = self.classes.iter().map(|class| class.color).collect();
        let size = (shot.picture.width as u32, shot.picture.height as u32);
        let small = |rgb: Vec<u8>| {
            let full = RgbImage::from_raw(size.0, size.1, rgb).unwrap_or_default();
            resize(&full, CELL.0, CELL.1, FilterType::Triangle)
        };
        let blank = vec![0; shot.picture.rgb.len()];
        let mut cells = vec![small(shot.picture.rgb.clone())];
        let chosen = self.exits.iter().filter_map(|exit| masks.get(exit - 1));
        cells.extend(chosen.map(|mask| small(overlay(&blank, mask, &colors, 1.0))));
        cells.extend(masks.last().map(|mask| small(overlay(&shot.picture.rgb, mask, &colors, ALPHA))));
        self.rows.push(cells);
        self.names.push(if shot.light == Light::Day { "day".into() } else { "dusk".into() });
    }

    /// Draws the sheet and writes it as PNG.
    pub fn save(&self, path: &Path) -> image::ImageResult<()> {
        let columns = self.exits.len() as u32 + 2;
        let width = GAP + columns * (CELL.0 + GAP);
        let height = HEAD + self.rows.len() as u32 * (CELL.1 + GAP) + LEGEND;
        let mut sheet = RgbImage::from_pixel(width, height, PAPER);
        let left = |column: u32| GAP + column * (CELL.0 + GAP);
        for (column, title) in (0..).zip(self.titles()) {
            write(&mut sheet, (left(column), 12), &title);
        }
        for (row, cells) in (0..).zip(&self.rows) {
            let top = HEAD + row * (CELL.1 + GAP);
            for (column, cell) in (0..).zip(cells) {
                paste(&mut sheet, cell, i64::from(left(column)), i64::from(top));
            }
        }
        legend(&mut sheet, (GAP, height - LEGEND), &self.classes);
        sheet.save(path)
    }

    fn titles(&self) -> Vec<String> {
        let last = self.exits.last().copied();
        let title = |exit: &usize| match Some(*exit) == last {
            true => format!("exit {exit} (last)"),
            false => format!("exit {exit}"),
        };
        let mut lights = self.names.clone();
        lights.dedup();
        let mut titles = vec![format!("frame ({})", lights.join(", "))];
        titles.extend(self.exits.iter().map(title));
        titles.push("overlay".to_owned());
        titles
    }
}
