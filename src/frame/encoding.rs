//! How the bytes of a raw image mean colours: the encoding names of sensor_msgs that are understood.

use super::{FrameError, Size};

/// Which colour a Bayer sensor has at the top left, right of it, below it and diagonal to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BayerPattern {
    /// Red, green / green, blue.
    Rggb,
    /// Blue, green / green, red.
    Bggr,
    /// Green, blue / red, green.
    Gbrg,
    /// Green, red / blue, green.
    Grbg,
}

/// The meaning of a raw image's bytes.
///
/// YUV encodings are BT.601 in limited range (Y 16 to 235, U and V 16 to 240), which is what cv_bridge assumes through OpenCV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Red, green, blue.
    Rgb8,
    /// Blue, green, red.
    Bgr8,
    /// Red, green, blue, alpha; alpha is ignored.
    Rgba8,
    /// Blue, green, red, alpha; alpha is ignored.
    Bgra8,
    /// One grey byte a pixel.
    Mono8,
    /// One grey 16-bit word a pixel, in the byte order that the message names; 65535 is white.
    Mono16,
    /// `U Y0 V Y1` for two pixels of a row (`yuv422`, also named `uyvy`).
    Uyvy,
    /// `Y0 U Y1 V` for two pixels of a row (`yuv422_yuy2`, also named `yuyv`).
    Yuyv,
    /// A plane of Y rows, then a plane of half-height rows `U V U V ...`, all with the same step.
    Nv12,
    /// A plane of Y rows, then a plane of half-height rows `V U V U ...`, all with the same step.
    Nv21,
    /// One colour a pixel behind a 2x2 filter.
    Bayer8(BayerPattern),
}

impl Encoding {
    /// Every encoding that is understood, by its main name.
    pub const ALL: [Encoding; 14] = [
        Encoding::Rgb8,
        Encoding::Bgr8,
        Encoding::Rgba8,
        Encoding::Bgra8,
        Encoding::Mono8,
        Encoding::Mono16,
        Encoding::Uyvy,
        Encoding::Yuyv,
        Encoding::Nv12,
        Encoding::Nv21,
        Encoding::Bayer8(BayerPattern::Rggb),
        Encoding::Bayer8(BayerPattern::Bggr),
        Encoding::Bayer8(BayerPattern::Gbrg),
        Encoding::Bayer8(BayerPattern::Grbg),
    ];

    /// The name in sensor_msgs/image_encodings.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Rgb8 => "rgb8",
            Encoding::Bgr8 => "bgr8",
            Encoding::Rgba8 => "rgba8",
            Encoding::Bgra8 => "bgra8",
            Encoding::Mono8 => "mono8",
            Encoding::Mono16 => "mono16",
            Encoding::Uyvy => "yuv422",
            Encoding::Yuyv => "yuv422_yuy2",
            Encoding::Nv12 => "nv12",
            Encoding::Nv21 => "nv21",
            Encoding::Bayer8(BayerPattern::Rggb) => "bayer_rggb8",
            Encoding::Bayer8(BayerPattern::Bggr) => "bayer_bggr8",
            Encoding::Bayer8(BayerPattern::Gbrg) => "bayer_gbrg8",
            Encoding::Bayer8(BayerPattern::Grbg) => "bayer_grbg8",
        }
    }

    /// The encoding of that name; names are case-sensitive, as in ROS.
    pub fn from_name(name: &str) -> Result<Self, FrameError> {
        match name {
            "uyvy" => return Ok(Encoding::Uyvy),
            "yuyv" => return Ok(Encoding::Yuyv),
            _ => {}
        }
        Self::ALL
            .into_iter()
            .find(|encoding| encoding.name() == name)
            .ok_or_else(|| FrameError::Encoding { got: shortened(name) })
    }

    /// Bytes that a row of `width` pixels occupies, without padding.
    ///
    /// Encodings that share chroma between two pixels need room for whole pairs, so that an odd width counts as the next even one.
    pub const fn row_bytes(self, width: u32) -> u64 {
        let width = width as u64;
        match self {
            Encoding::Rgb8 | Encoding::Bgr8 => 3 * width,
            Encoding::Rgba8 | Encoding::Bgra8 => 4 * width,
            Encoding::Mono8 | Encoding::Bayer8(_) => width,
            Encoding::Mono16 => 2 * width,
            Encoding::Uyvy | Encoding::Yuyv => 4 * width.div_ceil(2),
            Encoding::Nv12 | Encoding::Nv21 => 2 * width.div_ceil(2),
        }
    }

    /// Rows of `step` bytes in the data of an image of that height: more than the height where a chroma plane follows.
    pub const fn rows(self, height: u32) -> u64 {
        let height = height as u64;
        match self {
            Encoding::Nv12 | Encoding::Nv21 => height + height.div_ceil(2),
            _ => height,
        }
    }

    /// Bytes that the data of an image must have; the last row needs no padding.
    pub const fn data_bytes(self, size: Size, step: u32) -> u64 {
        // Both factors are below 2^32, so that u64 cannot overflow.
        match self.rows(size.height) {
            0 => 0,
            rows => (rows - 1) * step as u64 + self.row_bytes(size.width),
        }
    }

    /// All names that [`from_name`](Self::from_name) takes, for messages.
    pub const SUPPORTED: &'static str = "rgb8, bgr8, rgba8, bgra8, mono8, mono16, yuv422 (uyvy), yuv422_yuy2 (yuyv), nv12, nv21, \
         bayer_rggb8, bayer_bggr8, bayer_gbrg8, bayer_grbg8";
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The beginning of a name that somebody sent: messages must not grow with hostile input.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 40;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_found_by_its_name_and_listed_as_supported() {
        for encoding in Encoding::ALL {
            assert_eq!(Encoding::from_name(encoding.name()).ok(), Some(encoding));
            assert!(Encoding::SUPPORTED.contains(encoding.name()), "{encoding} is not listed");
        }
    }

    #[test]
    fn the_short_names_of_the_yuv_encodings_mean_the_same() {
        assert_eq!(Encoding::from_name("uyvy").ok(), Some(Encoding::Uyvy));
        assert_eq!(Encoding::from_name("yuyv").ok(), Some(Encoding::Yuyv));
    }

    #[test]
    fn an_unknown_encoding_is_named_beside_the_supported_ones() {
        let message = Encoding::from_name("32FC1").map_err(|e| e.to_string()).unwrap_err();
        assert!(message.contains("32FC1"), "{message}");
        assert!(message.contains("yuv422_yuy2"), "{message}");
    }

    #[test]
    fn a_very_long_encoding_name_is_shortened_in_the_message() {
        let message = Encoding::from_name(&"ä".repeat(100_000)).map_err(|e| e.to_string()).unwrap_err();
        assert!(message.len() < 500, "{}", message.len());
    }

    #[test]
    fn odd_widths_need_room_for_whole_chroma_pairs() {
        assert_eq!(Encoding::Uyvy.row_bytes(3), 8);
        assert_eq!(Encoding::Nv12.row_bytes(3), 4);
        assert_eq!(Encoding::Nv12.rows(3), 5);
    }
}
