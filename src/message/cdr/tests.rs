use std::borrow::Cow;
use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use crate::frame::{Header, Stamp};
use crate::message::{CameraInfo, CompressedImage, Image, LabelInfo, RegionOfInterest, VisionClass};

// The bytes an independent implementation (Python `rosbags`) writes for the values below.
const IMAGE_LE: &str =
    "0001000000105e5fab40f9030400000063616d000200000003000000060000006d6f6e6f380000000300000006000000010203fafbff";
const IMAGE_BE: &str =
    "000000005f5e100003f940ab0000000463616d000000000200000003000000066d6f6e6f380000000000000300000006010203fafbff";
const COMPRESSED_LE: &str = "0001000000105e5fab40f9030400000063616d00050000006a7065670000000003000000ffd807";
const COMPRESSED_BE: &str = "000000005f5e100003f940ab0000000463616d00000000056a7065670000000000000003ffd807";
const CAMERA_LE: &str = "0001000000105e5fab40f9030400000063616d0068010000e00100000a000000706c756d625f626f620000000200000000000000000000000000e03f000000000000d0bf0000000000000000000000000000f03f000000000000004000000000000008400000000000001040000000000000144000000000000018400000000000001c400000000000002040000000000000f03f000000000000000000000000000000000000000000000000000000000000f03f000000000000000000000000000000000000000000000000000000000000f03f0000000000000000000000000000e03f000000000000f03f000000000000f83f0000000000000040000000000000044000000000000008400000000000000c40000000000000104000000000000012400000000000001440000000000000164001000000020000000100000002000000030000000400000001";
const CAMERA_BE: &str = "000000005f5e100003f940ab0000000463616d0000000168000001e00000000a706c756d625f626f6200000000000002000000003fe0000000000000bfd000000000000000000000000000003ff000000000000040000000000000004008000000000000401000000000000040140000000000004018000000000000401c00000000000040200000000000003ff00000000000000000000000000000000000000000000000000000000000003ff00000000000000000000000000000000000000000000000000000000000003ff000000000000000000000000000003fe00000000000003ff00000000000003ff8000000000000400000000000000040040000000000004008000000000000400c000000000000401000000000000040120000000000004014000000000000401600000000000000000001000000020000000100000002000000030000000401";
const LABELS_LE: &str = "0001000000105e5fab40f9030400000063616d00030000000000000004000000736b790001000000090000006275696c64696e670000ff0001000000000000000000003f";
const LABELS_BE: &str = "000000005f5e100003f940ab0000000463616d00000000030000000000000004736b790000010000000000096275696c64696e67000000ff00000001000000003f000000";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn header() -> Header {
    Header { stamp: Stamp { sec: 1_600_000_000, nanosec: 66_666_667 }, frame_id: "cam".into() }
}

fn image() -> Image<'static> {
    Image {
        header: header(),
        height: 2,
        width: 3,
        encoding: "mono8".into(),
        is_bigendian: 0,
        step: 3,
        data: Cow::Borrowed(&[1, 2, 3, 250, 251, 255]),
    }
}

fn camera() -> CameraInfo {
    CameraInfo {
        header: header(),
        height: 360,
        width: 480,
        distortion_model: "plumb_bob".into(),
        d: vec![0.5, -0.25],
        k: [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5],
        binning_x: 1,
        binning_y: 2,
        roi: RegionOfInterest { x_offset: 1, y_offset: 2, height: 3, width: 4, do_rectify: true },
    }
}

fn labels() -> LabelInfo {
    let class = |class_id, name: &str| VisionClass { class_id, class_name: name.into() };
    LabelInfo {
        header: header(),
        class_map: vec![class(0, "sky"), class(1, "building"), class(255, "")],
        threshold: 0.5,
    }
}

#[track_caller]
fn check<T>(value: &T, little: &str, big: &str)
where
    T: Message + Serialize + for<'a> Deserialize<'a> + PartialEq + Debug,
{
    assert_eq!(&decode::<T>(&bytes(little)).unwrap(), value);
    assert_eq!(&decode::<T>(&bytes(big)).unwrap(), value);
    assert_eq!(to_vec(value).unwrap(), bytes(little));
}

#[test]
fn messages_are_the_bytes_another_implementation_writes() {
    check(&camera(), CAMERA_LE, CAMERA_BE);
    check(&labels(), LABELS_LE, LABELS_BE);
    for golden in [IMAGE_LE, IMAGE_BE] {
        assert_eq!(decode::<Image>(&bytes(golden)).unwrap(), image());
    }
    assert_eq!(to_vec(&image()).unwrap(), bytes(IMAGE_LE));
    let compressed = CompressedImage { header: header(), format: "jpeg".into(), data: Cow::Borrowed(&[255, 216, 7]) };
    for golden in [COMPRESSED_LE, COMPRESSED_BE] {
        assert_eq!(decode::<CompressedImage>(&bytes(golden)).unwrap(), compressed);
    }
    assert_eq!(to_vec(&compressed).unwrap(), bytes(COMPRESSED_LE));
}

#[test]
fn pixels_are_borrowed_from_the_message() {
    let message = bytes(IMAGE_LE);
    let image: Image = decode(&message).unwrap();
    assert!(matches!(image.data, Cow::Borrowed(_)));
}

#[test]
fn a_head_tells_what_follows_it_and_refuses_what_cannot_be_told() {
    let (whole, mut head) = (image(), Vec::new());
    let without = Image { data: Cow::Borrowed(&[]), ..image() };
    encode_head(&without, whole.data.len(), &mut head).unwrap();
    assert_eq!([head, whole.data.to_vec()].concat(), bytes(IMAGE_LE));
    for length in [u32::MAX as usize, usize::MAX] {
        let error = encode_head(&without, length, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, MessageError::TooLong { length: told, .. } if told >= length), "{error}");
    }
}

#[test]
fn writing_reserves_the_exact_length_once() {
    let mut out = vec![7; 3];
    encode(&image(), &mut out).unwrap();
    assert_eq!(out, bytes(IMAGE_LE));
    assert_eq!(to_vec(&image()).unwrap().capacity(), IMAGE_LE.len() / 2);
}

#[test]
fn a_truncated_message_names_the_field() {
    let message = bytes(IMAGE_LE);
    let error = decode::<Image>(&message[..message.len() - 1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sensor_msgs/msg/Image: field `data` cannot be read at byte 48 of 53: unexpected end of input"
    );
    let error = decode::<Image>(&message[..14]).unwrap_err();
    assert!(error.to_string().contains("field `header`"), "{error}");
}

#[test]
fn every_truncation_is_an_error() {
    for golden in [IMAGE_LE, IMAGE_BE] {
        let message = bytes(golden);
        for length in 0..message.len() {
            decode::<Image>(&message[..length]).unwrap_err();
        }
    }
    let message = bytes(CAMERA_LE);
    for length in 0..message.len() {
        decode::<CameraInfo>(&message[..length]).unwrap_err();
    }
}

#[test]
fn lengths_beyond_the_message_are_refused() {
    let mut message = bytes(CAMERA_LE);
    message[44..48].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = decode::<CameraInfo>(&message).unwrap_err();
    assert!(error.to_string().contains("field `d`"), "{error}");

    let mut message = bytes(LABELS_LE);
    message[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = decode::<LabelInfo>(&message).unwrap_err();
    assert!(error.to_string().contains("field `class_map`"), "{error}");
}

#[test]
fn bytes_after_the_last_field_are_an_error_unless_they_pad() {
    let mut message = bytes(IMAGE_LE);
    message.extend_from_slice(&[0; 7]);
    decode::<Image>(&message).unwrap();
    message.push(0);
    let error = decode::<Image>(&message).unwrap_err();
    assert_eq!(error.to_string(), "sensor_msgs/msg/Image: 8 of 62 bytes follow the last field");
}

#[test]
fn other_encapsulations_are_named() {
    for (id, name) in [(3, "a parameter list"), (7, "XCDR version 2"), (9, "XCDR")] {
        let mut message = bytes(IMAGE_LE);
        message[1] = id;
        let error = decode::<Image>(&message).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(message in proptest::collection::vec(any::<u8>(), 0..400), order in 0u8..2) {
        let mut message = message;
        for (byte, value) in message.iter_mut().zip([0, order, 0, 0]) {
            *byte = value;
        }
        let _ = decode::<Image>(&message);
        let _ = decode::<CompressedImage>(&message);
        let _ = decode::<CameraInfo>(&message);
        let _ = decode::<LabelInfo>(&message);
    }

    #[test]
    fn no_flipped_bit_makes_it_panic(bit in 0..CAMERA_LE.len() * 4) {
        let mut message = bytes(CAMERA_LE);
        message[bit / 8] ^= 1 << (bit % 8);
        let _ = decode::<CameraInfo>(&message);
    }
}
