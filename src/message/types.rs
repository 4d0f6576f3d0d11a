//! The messages themselves, field by field in the order of their definitions.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::frame::Header;

/// sensor_msgs/Image: one uncompressed picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image<'a> {
    /// Stamp and frame of the camera.
    pub header: Header,
    /// Rows.
    pub height: u32,
    /// Pixels in a row.
    pub width: u32,
    /// Name of the pixel encoding, such as `bgr8` or `mono8`.
    pub encoding: String,
    /// 1 where pixels of several bytes are big endian.
    pub is_bigendian: u8,
    /// Bytes from one row to the next.
    pub step: u32,
    /// The rows; nothing promises that there are `step * height` bytes.
    #[serde(borrow, with = "serde_bytes")]
    pub data: Cow<'a, [u8]>,
}

/// sensor_msgs/CompressedImage: one picture as a JPEG or PNG file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompressedImage<'a> {
    /// Stamp and frame of the camera.
    pub header: Header,
    /// Free text that names the compression, such as `jpeg` or `bgr8; png compressed bgr8`.
    pub format: String,
    /// The file.
    #[serde(borrow, with = "serde_bytes")]
    pub data: Cow<'a, [u8]>,
}

/// sensor_msgs/RegionOfInterest: the part of the sensor an image shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionOfInterest {
    /// Leftmost pixel.
    pub x_offset: u32,
    /// Topmost pixel.
    pub y_offset: u32,
    /// Rows; 0 is the whole image.
    pub height: u32,
    /// Pixels in a row; 0 is the whole image.
    pub width: u32,
    /// Whether a rectified image is to be cut so.
    pub do_rectify: bool,
}

/// sensor_msgs/CameraInfo: the calibration of a camera.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CameraInfo {
    /// Stamp and frame of the image it belongs to.
    pub header: Header,
    /// Rows of the calibrated image.
    pub height: u32,
    /// Pixels in a row of the calibrated image.
    pub width: u32,
    /// Name of the distortion model, such as `plumb_bob`.
    pub distortion_model: String,
    /// Parameters of the distortion model.
    pub d: Vec<f64>,
    /// Intrinsic matrix of the raw image, row by row.
    pub k: [f64; 9],
    /// Rectification matrix, row by row.
    pub r: [f64; 9],
    /// Projection matrix, row by row.
    pub p: [f64; 12],
    /// Sensor pixels joined horizontally; 0 means 1.
    pub binning_x: u32,
    /// Sensor pixels joined vertically; 0 means 1.
    pub binning_y: u32,
    /// The part of the full sensor that is shown.
    pub roi: RegionOfInterest,
}

/// vision_msgs/VisionClass: one class of a label map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisionClass {
    /// The number in the mask.
    pub class_id: u16,
    /// What it means.
    pub class_name: String,
}

/// vision_msgs/LabelInfo: what the numbers in a mask mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelInfo {
    /// When the map became valid.
    pub header: Header,
    /// All classes.
    pub class_map: Vec<VisionClass>,
    /// Confidence below which a pixel carries no class, 0 to 1.
    pub threshold: f32,
}
