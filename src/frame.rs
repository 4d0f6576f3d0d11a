//! What a camera frame is once its message was understood.
//!
//! Knows sizes, stamps and pixels; knows nothing of messages, bags, ROS or networks.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

mod encoding;

pub use encoding::{BayerPattern, Encoding};

/// The most pixels a frame may have on a side; larger claims are refused.
pub const MAX_SIDE: u32 = 16_384;

/// The time a frame was taken, as its sender wrote it (builtin_interfaces/Time).
///
/// Copied to the output untouched; never compared with the steady clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Whole seconds.
    pub sec: i32,
    /// Nanoseconds within the second.
    pub nanosec: u32,
}

impl Stamp {
    /// Nanoseconds since the stamp's epoch.
    pub fn nanos(self) -> i64 {
        i64::from(self.sec) * 1_000_000_000 + i64::from(self.nanosec)
    }
}

/// Stamp and coordinate frame of a message (std_msgs/Header).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// When the data was taken.
    pub stamp: Stamp,
    /// The coordinate frame of the camera.
    pub frame_id: String,
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// `width` by `height` pixels.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A camera frame whose bytes are known to suffice for its size, encoding and step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    header: Header,
    size: Size,
    encoding: Encoding,
    step: usize,
    big_endian: bool,
    data: Cow<'a, [u8]>,
}

impl<'a> Frame<'a> {
    /// Checks the fields of a raw image message (sensor_msgs/Image).
    ///
    /// - `size`: 1 to [`MAX_SIDE`] pixels on each side; for nv12 and nv21 the height of the picture, without the chroma rows.
    /// - `encoding`: a name that [`Encoding::from_name`] knows.
    /// - `big_endian`: byte order of mono16; other encodings ignore it.
    /// - `step`: bytes from one row to the next, at least [`Encoding::row_bytes`].
    /// - `data`: at least [`Encoding::data_bytes`]; the last row may lack its padding. For nv12 and nv21 the chroma rows follow the
    ///   Y rows with the same step, `step * height * 3 / 2` bytes for even heights (sensor_msgs `getHeightScaling`).
    ///
    /// An odd width of yuv422, yuv422_yuy2, nv12 or nv21 needs rows for whole pairs of pixels; a step without room for them is refused.
    pub fn new(
        header: Header,
        size: Size,
        encoding: &str,
        big_endian: bool,
        step: u32,
        data: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, FrameError> {
        let unknown = || FrameError::Encoding { got: encoding::shortened(encoding), size };
        let encoding = Encoding::from_name(encoding).ok_or_else(unknown)?;
        Self::encoded(header, size, encoding, big_endian, step, data)
    }

    /// As [`new`](Self::new), for an encoding that is already known.
    pub fn encoded(
        header: Header,
        size: Size,
        encoding: Encoding,
        big_endian: bool,
        step: u32,
        data: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, FrameError> {
        check_size(size)?;
        let data = data.into();
        let row = encoding.row_bytes(size.width);
        if u64::from(step) < row {
            return Err(FrameError::Step { encoding, size, expected: row, got: step });
        }
        let expected = encoding.data_bytes(size, step);
        if (data.len() as u64) < expected {
            return Err(FrameError::Data { encoding, size, step, expected, got: data.len() });
        }
        Ok(Self { header, size, encoding, step: step as usize, big_endian, data })
    }

    /// A frame without padding between its rows.
    pub fn packed(
        header: Header,
        size: Size,
        encoding: Encoding,
        data: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, FrameError> {
        check_size(size)?;
        // MAX_SIDE keeps a row far below u32::MAX.
        let step = encoding.row_bytes(size.width) as u32;
        Self::encoded(header, size, encoding, false, step, data)
    }

    /// Stamp and coordinate frame, as the sender wrote them.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The same, taken out of a frame that is no longer needed.
    pub fn into_header(self) -> Header {
        self.header
    }

    /// Width and height of the picture in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The meaning of the bytes.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bytes from one row to the next.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Whether 16-bit words have their high byte first.
    pub fn big_endian(&self) -> bool {
        self.big_endian
    }

    /// All bytes, padding included.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The bytes of one row without padding. Rows from the height on are chroma rows (nv12, nv21); past the last row it is empty.
    pub fn row(&self, y: u32) -> &[u8] {
        let start = y as usize * self.step;
        let end = start + self.encoding.row_bytes(self.size.width) as usize;
        self.data.get(start..end).unwrap_or_default()
    }

    /// The bytes of some rows, with the padding between them; none where not all of these rows are there.
    pub fn rows(&self, rows: Range<u32>) -> &[u8] {
        let Some(last) = rows.clone().last() else { return &[] };
        let (start, end) = (rows.start as usize * self.step, last as usize * self.step + self.row(last).len());
        self.data.get(start..end).unwrap_or_default()
    }

    /// The same frame with bytes of its own.
    pub fn into_owned(self) -> Frame<'static> {
        Frame {
            header: self.header,
            size: self.size,
            encoding: self.encoding,
            step: self.step,
            big_endian: self.big_endian,
            data: Cow::Owned(self.data.into_owned()),
        }
    }
}

/// Refuses empty and absurd sizes.
pub fn check_size(size: Size) -> Result<(), FrameError> {
    let fits = |side| (1..=MAX_SIDE).contains(&side);
    match fits(size.width) && fits(size.height) {
        true => Ok(()),
        false => Err(FrameError::Size { got: size }),
    }
}

/// What can be wrong with the fields of an image message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The encoding's name is not known.
    #[error("encoding of a {size} image: expected one of {}; got \"{got}\"", Encoding::SUPPORTED)]
    Encoding {
        /// The size in the message.
        size: Size,
        /// The name in the message, shortened where very long.
        got: String,
    },
    /// A side is empty or absurdly long.
    #[error("size: expected 1 to {MAX_SIDE} pixels a side; got {got}")]
    Size {
        /// The size in the message.
        got: Size,
    },
    /// Rows would overlap.
    #[error("step: a row of a {size} {encoding} image takes at least {expected} bytes; got {got}")]
    Step {
        /// The encoding in the message.
        encoding: Encoding,
        /// The size in the message.
        size: Size,
        /// The least step.
        expected: u64,
        /// The step in the message.
        got: u32,
    },
    /// The data ends before the last pixel.
    #[error("data: a {size} {encoding} image with a step of {step} takes at least {expected} bytes; got {got}")]
    Data {
        /// The encoding in the message.
        encoding: Encoding,
        /// The size in the message.
        size: Size,
        /// The step in the message.
        step: u32,
        /// The least number of bytes.
        expected: u64,
        /// The bytes in the message.
        got: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(size: Size, encoding: &str, step: u32, bytes: usize) -> Result<Frame<'static>, FrameError> {
        Frame::new(Header::default(), size, encoding, false, step, vec![0; bytes])
    }

    #[test]
    fn data_one_byte_short_is_refused_and_the_last_row_needs_no_padding() {
        for encoding in Encoding::ALL {
            for size in [Size::new(1, 1), Size::new(2, 2), Size::new(5, 3)] {
                let step = encoding.row_bytes(size.width) as u32 + 3;
                let need = encoding.data_bytes(size, step) as usize;
                assert!(frame(size, encoding.name(), step, need).is_ok());
                let error = frame(size, encoding.name(), step, need - 1).unwrap_err();
                assert_eq!(error, FrameError::Data { encoding, size, step, expected: need as u64, got: need - 1 });
            }
        }
    }

    #[test]
    fn rows_are_what_lies_from_the_first_to_the_end_of_the_last() {
        let (size, data) = (Size::new(3, 4), (0..19).collect::<Vec<u8>>());
        let frame = Frame::new(Header::default(), size, "mono8", false, 5, data.clone()).unwrap();
        assert_eq!(frame.rows(1..3), &data[5..13]);
        assert_eq!(frame.rows(2..4), &data[10..18]);
        for none in [0..0, 2..2, Range { start: 3, end: 2 }, 3..5, 4..u32::MAX] {
            assert!(frame.rows(none.clone()).is_empty(), "{none:?}");
        }
    }

    #[test]
    fn a_step_shorter_than_a_row_is_refused() {
        for encoding in Encoding::ALL {
            let row = encoding.row_bytes(7) as u32;
            let error = frame(Size::new(7, 2), encoding.name(), row - 1, 1000).unwrap_err();
            assert!(matches!(error, FrameError::Step { got, .. } if got == row - 1));
        }
    }

    #[test]
    fn an_unknown_encoding_is_refused_with_the_size_and_what_is_supported() {
        let message = frame(Size::new(4, 3), "32FC1", 16, 48).unwrap_err().to_string();
        for word in ["4x3", "32FC1", "yuv422_yuy2"] {
            assert!(message.contains(word), "{message}");
        }
        let message = frame(Size::new(4, 3), &"ä".repeat(100_000), 16, 48).unwrap_err().to_string();
        assert!(message.len() < 500, "{}", message.len());
    }

    #[test]
    fn empty_and_absurd_sizes_are_refused_by_name() {
        let tall = frame(Size::new(4, MAX_SIDE + 1), "rgb8", 12, 0).unwrap_err();
        assert_eq!(tall.to_string(), "size: expected 1 to 16384 pixels a side; got 4x16385");
        let empty = frame(Size::new(0, 4), "rgb8", 12, 0).unwrap_err();
        assert_eq!(empty.to_string(), "size: expected 1 to 16384 pixels a side; got 0x4");
    }

    #[test]
    fn the_largest_fields_do_not_overflow() {
        let size = Size::new(MAX_SIDE, MAX_SIDE);
        let error = frame(size, "nv12", u32::MAX, 10).unwrap_err();
        assert!(matches!(error, FrameError::Data { got: 10, .. }));
    }

    #[test]
    fn an_even_nv12_image_takes_one_and_a_half_times_its_y_plane() {
        assert!(frame(Size::new(6, 4), "nv12", 6, 36).is_ok());
        assert!(frame(Size::new(6, 4), "nv12", 6, 35).is_err());
    }

    #[test]
    fn an_odd_yuv422_width_without_room_for_the_last_pair_is_refused() {
        let error = frame(Size::new(3, 1), "yuv422", 6, 6).unwrap_err();
        assert_eq!(error.to_string(), "step: a row of a 3x1 yuv422 image takes at least 8 bytes; got 6");
    }

    #[test]
    fn a_row_excludes_the_padding() {
        let frame = Frame::new(Header::default(), Size::new(2, 2), "mono8", false, 3, vec![1, 2, 9, 3, 4]).unwrap();
        assert_eq!(frame.row(0), [1, 2]);
        assert_eq!(frame.row(1), [3, 4]);
        assert!(frame.row(2).is_empty());
    }
}
