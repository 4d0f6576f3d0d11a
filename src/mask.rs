//! The result for one frame: a class for every pixel.
//!
//! Knows how class ids are renamed and packed for those who read them, and that a head may come before them; knows nothing of what messages, networks or pictures are.

use crate::frame::Size;

mod class_map;
mod rle;

pub use class_map::{ClassMap, ClassMapError};
pub use rle::{RleError, rle_decode, rle_encode};

/// The class id of a pixel that bears no label.
pub const UNLABELLED: u8 = 255;
/// Bytes kept free before the classes: more than what a message has before its data, but for very long names of coordinate frames.
const ROOM: usize = 256;

/// One class id a pixel, row by row, and room before them for the head of a message.
#[derive(Clone, Debug)]
pub struct Mask {
    size: Size,
    room: usize,
    /// As many as there is room for, then the classes.
    bytes: Vec<u8>,
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size && self.classes() == other.classes()
    }
}

impl Eq for Mask {}

impl Mask {
    /// A mask of `size` whose pixels are all unlabelled; to be rendered into.
    pub fn unlabelled(size: Size) -> Self {
        Self { size, room: ROOM, bytes: vec![UNLABELLED; ROOM + size.pixels()] }
    }

    /// Gives the mask another size; what it held is no longer meaningful.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
        self.bytes.resize(self.room + size.pixels(), UNLABELLED);
    }

    /// Width and height in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Class ids, `size.pixels()` of them.
    pub fn classes(&self) -> &[u8] {
        &self.bytes[self.room..]
    }

    /// The same, to be rendered into.
    pub fn classes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.room..]
    }

    /// `head` with the class ids behind it, in one piece: a message that ends with its data. The ids stay where they are, unless this head is longer than any
    /// before.
    pub fn behind(&mut self, head: &[u8]) -> &[u8] {
        let missing = head.len().saturating_sub(self.room);
        self.bytes.splice(..0, std::iter::repeat_n(0, missing));
        self.room += missing;
        let start = self.room - head.len();
        self.bytes[start..self.room].copy_from_slice(head);
        &self.bytes[start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_stay_what_they_are_behind_heads_of_any_length() {
        let mut mask = Mask::unlabelled(Size::new(3, 1));
        mask.classes_mut().copy_from_slice(&[1, 2, 3]);
        let before = mask.clone();
        for length in [0, 1, ROOM, ROOM + 1, 3 * ROOM, 5] {
            let head: Vec<u8> = (0..length).map(|at| at as u8).collect();
            assert_eq!(mask.behind(&head), [&head[..], &[1, 2, 3]].concat());
            assert_eq!(mask, before);
        }
        mask.resize(Size::new(2, 2));
        assert_eq!(mask.classes().len(), 4);
    }
}
