//! The pictures that a network does worst on, each drawn as its frame, the truth, the mask and what is wrong, side by side.

use std::path::Path;

use anyhow::Context;
use image::RgbImage;
use image::imageops::{FilterType, overlay as paste, resize};
use serde::Serialize;

use super::drawing::{LEGEND, PAPER, legend, write};
use crate::frame::Frame;
use crate::mask::Mask;
use crate::model::Class;
use crate::render::{overlay, to_rgb};
use crate::score::Confusion;

/// Width of each of the four pictures in a drawing; the height follows the frame's.
const WIDTH: u32 = 320;
const GAP: u32 = 8;
const HEAD: u32 = 28;
const WRONG: [u8; 3] = [230, 30, 40];

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Bad {
    /// Its name among the images.
    pub image: String,
    /// Its own intersection over union, the mean over the classes that its labels hold.
    pub miou: f64,
    #[serde(skip)]
    drawing: RgbImage,
}

/// Keeps the worst of the pictures it is shown.
pub struct Worst {
    classes: Vec<Class>,
    limit: usize,
    kept: Vec<Bad>,
}

impl Worst {
    /// Keeps up to `limit` pictures of a network with these classes.
    pub fn new(classes: &[Class], limit: usize) -> Self {
        Self { classes: classes.to_vec(), limit, kept: Vec::new() }
    }

    /// Looks at a frame with its labels and the network's mask of the same size.
    pub fn add(&mut self, image: &str, frame: &Frame<'_>, labels: &[u8], mask: &Mask) {
        let mut confusion = Confusion::new(self.classes.len());
        confusion.add(labels, mask.classes());
        // A picture without labels is not worse than any other.
        if confusion.pixels() == 0 {
            return;
        }
        let miou = confusion.miou_of_labelled();
        let place = self.kept.partition_point(|bad| bad.miou <= miou);
        if place < self.limit {
            self.kept.truncate(self.limit - 1);
            let drawing = self.draw(frame, labels, mask);
            self.kept.insert(place, Bad { image: image.to_owned(), miou, drawing });
        }
    }

    /// What is kept, the worst first.
    pub fn kept(&self) -> &[Bad] {
        &self.kept
    }

    /// Writes the drawings into `folder`, which is there, the worst as `1_NAME.png`.
    pub fn save(&self, folder: &Path) -> anyhow::Result<()> {
        for (rank, bad) in (1..).zip(&self.kept) {
            let stem = Path::new(&bad.image).file_stem().unwrap_or_default().to_string_lossy();
            let path = folder.join(format!("{rank}_{stem}.png"));
            bad.drawing.save(&path).with_context(|| format!("picture {}", path.display()))?;
        }
        Ok(())
    }

    fn draw(&self, frame: &Frame<'_>, labels: &[u8], mask: &Mask) -> RgbImage {
        let size = frame.size();
        let colors: Vec<[u8; 3]> = self.classes.iter().map(|class| class.color).collect();
        let rgb = to_rgb(frame);
        let blank = vec![0; rgb.len()];
        let dim: Vec<u8> = rgb.iter().map(|value| value / 3).collect();
        let known = |label: u8| usize::from(label) < colors.len();
        let wrong = labels.iter().zip(mask.classes()).map(|(&label, &class)| u8::from(known(label) && label != class));
        let of = |classes: &mut dyn Iterator<Item = u8>| {
            let mut plane = Mask::unlabelled(size);
            plane.classes_mut().iter_mut().zip(classes).for_each(|(pixel, class)| *pixel = class);
            plane
        };
        let wrong = of(&mut wrong.map(|wrong| if wrong == 1 { 0 } else { u8::MAX }));
        let cells = [
            overlay(&blank, &of(&mut labels.iter().copied()), &colors, 1.0),
            overlay(&blank, mask, &colors, 1.0),
            overlay(&dim, &wrong, &[WRONG], 1.0),
        ];
        let height = (u64::from(WIDTH) * u64::from(size.height) / u64::from(size.width.max(1))).max(1) as u32;
        let mut sheet = RgbImage::from_pixel(4 * WIDTH + 3 * GAP, HEAD + height + GAP + LEGEND, PAPER);
        let titles = ["frame", "labels", "last exit", "errors"];
        for ((column, title), cell) in (0..).zip(titles).zip(std::iter::once(rgb).chain(cells)) {
            write(&mut sheet, (column * (WIDTH + GAP), 6), title);
            let full = RgbImage::from_raw(size.width, size.height, cell).unwrap_or_default();
            let small = resize(&full, WIDTH, height, FilterType::Triangle);
            paste(&mut sheet, &small, i64::from(column * (WIDTH + GAP)), i64::from(HEAD));
        }
        legend(&mut sheet, (0, HEAD + height + GAP), &self.classes);
        sheet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Encoding, Header, Size};

    #[test]
    fn the_worst_pictures_are_kept_the_worst_first_and_their_errors_are_red() {
        let class = |name: &str| Class { name: name.to_owned(), color: [0, 0, 255] };
        let size = Size::new(320, 4);
        let frame = Frame::packed(Header::default(), size, Encoding::Mono8, vec![90; 1280]).unwrap();
        let labels = vec![0; 1280];
        let mut worst = Worst::new(&[class("a"), class("b")], 2);
        for (name, right) in [("good", 1280), ("bad", 100), ("worse", 0), ("fair", 1000)] {
            let mut mask = Mask::unlabelled(size);
            mask.classes_mut().iter_mut().enumerate().for_each(|(i, pixel)| *pixel = u8::from(i >= right));
            worst.add(name, &frame, &labels, &mask);
        }
        let kept: Vec<_> = worst.kept().iter().map(|bad| (bad.image.as_str(), bad.miou)).collect();
        assert_eq!(kept, [("worse", 0.0), ("bad", 100.0 / 1280.0)]);
        let bad = &worst.kept()[1].drawing;
        let errors = |x| bad.get_pixel(3 * (WIDTH + GAP) + x, HEAD).0;
        assert_eq!((errors(50), errors(150)), ([30; 3], WRONG));
    }
}
