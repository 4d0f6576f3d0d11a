//! Names of message types and their definitions as text.
//!
//! The text is the form MCAP calls `ros2msg`: the fields of the message, then every type it
//! uses, parted by lines of 80 equals signs.

use super::types::{CameraInfo, CompressedImage, Image, LabelInfo};

/// A message type, as a bag describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageType {
    /// Full name, such as `sensor_msgs/msg/Image`.
    pub name: &'static str,
    /// Definition with all types it uses (`ros2msg`).
    pub definition: &'static str,
}

/// A message with a known type.
pub trait Message {
    /// Its type.
    const TYPE: MessageType;
}

macro_rules! rule {
    () => {
        "================================================================================\n"
    };
}

macro_rules! time {
    () => {
        concat!(rule!(), "MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n")
    };
}

macro_rules! header {
    () => {
        concat!(rule!(), "MSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n", time!(),)
    };
}

pub(super) use {header, rule, time};

impl Message for Image<'_> {
    const TYPE: MessageType = MessageType {
        name: "sensor_msgs/msg/Image",
        definition: concat!(
            "std_msgs/Header header\n",
            "uint32 height\nuint32 width\nstring encoding\n",
            "uint8 is_bigendian\nuint32 step\nuint8[] data\n",
            header!(),
        ),
    };
}

impl Message for CompressedImage<'_> {
    const TYPE: MessageType = MessageType {
        name: "sensor_msgs/msg/CompressedImage",
        definition: concat!("std_msgs/Header header\nstring format\nuint8[] data\n", header!(),),
    };
}

impl Message for CameraInfo {
    const TYPE: MessageType = MessageType {
        name: "sensor_msgs/msg/CameraInfo",
        definition: concat!(
            "std_msgs/Header header\n",
            "uint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\n",
            "float64[9] k\nfloat64[9] r\nfloat64[12] p\n",
            "uint32 binning_x\nuint32 binning_y\nsensor_msgs/RegionOfInterest roi\n",
            header!(),
            rule!(),
            "MSG: sensor_msgs/RegionOfInterest\n",
            "uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify\n",
        ),
    };
}

impl Message for LabelInfo {
    const TYPE: MessageType = MessageType {
        name: "vision_msgs/msg/LabelInfo",
        definition: concat!(
            "std_msgs/Header header\n",
            "vision_msgs/VisionClass[] class_map\nfloat32 threshold\n",
            header!(),
            rule!(),
            "MSG: vision_msgs/VisionClass\nuint16 class_id\nstring class_name\n",
        ),
    };
}
