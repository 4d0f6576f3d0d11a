//! The result for one frame: a class for every pixel.
//!
//! Knows how class ids are renamed and packed for those who read them; knows nothing of messages, networks or pictures.

use crate::frame::Size;

mod class_map;
mod rle;

pub use class_map::{ClassMap, ClassMapError};
pub use rle::{RleError, rle_decode, rle_encode};

/// The class id of a pixel that bears no label.
pub const UNLABELLED: u8 = 255;

/// One class id a pixel, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    classes: Vec<u8>,
}

impl Mask {
    /// A mask of `size` whose pixels are all unlabelled; to be rendered into.
    pub fn unlabelled(size: Size) -> Self {
        Self { size, classes: vec![UNLABELLED; size.pixels()] }
    }

    /// Gives the mask another size; what it held is no longer meaningful.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
        self.classes.resize(size.pixels(), UNLABELLED);
    }

    /// Width and height in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Class ids, `size.pixels()` of them.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// The same, to be rendered into.
    pub fn classes_mut(&mut self) -> &mut [u8] {
        &mut self.classes
    }
}
