//! ROS messages as CDR.

use itnet::camera::info_of;
use itnet::frame::{Header, Size, Stamp};
use itnet::message::{
    CameraInfo, CompressedImage, DiagnosticArray, DiagnosticStatus, Float64, Float64Stamped, Image, KeyValue,
    LabelInfo, LifecycleState, LifecycleTransition, Message, MetricsMessage, ParameterEvent, ParameterMessage,
    ParameterValue, StatisticDataPoint, TransitionEvent, VisionClass, decode, to_vec,
};
use itnet::pipeline::{ImageKind, frame_of};
use serde::Serialize;

use super::pictures;

/// What was read is written, and reads the same again. Bytes are compared: a number that is none is not equal to itself.
///
/// No function, because the two messages borrow from different bytes.
macro_rules! there_and_back {
    ($message:ty, $bytes:expr) => {
        if let Ok(message) = decode::<$message>($bytes) {
            let written = to_vec(&message).expect("what was read can be written");
            let (length, became) = ($bytes.len(), written.len());
            // An empty text may come without its end, and is written with it.
            assert!(became <= 2 * length + 8, "{length} bytes became {became}");
            let again = decode::<$message>(&written).expect("what was written can be read");
            assert_eq!(to_vec(&again).expect("writes"), written);
        }
    };
}

/// The first byte says which message the others are.
pub fn cdr(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 10 {
        0 => there_and_back!(Image<'_>, bytes),
        1 => there_and_back!(CompressedImage<'_>, bytes),
        2 => calibration(bytes),
        3 => there_and_back!(LabelInfo, bytes),
        4 => there_and_back!(DiagnosticArray, bytes),
        5 => there_and_back!(MetricsMessage, bytes),
        6 => there_and_back!(ParameterEvent, bytes),
        7 => there_and_back!(TransitionEvent, bytes),
        8 => there_and_back!(Float64, bytes),
        _ => there_and_back!(Float64Stamped, bytes),
    }
}

fn calibration(bytes: &[u8]) {
    there_and_back!(CameraInfo, bytes);
    if let Ok(info) = decode::<CameraInfo>(bytes) {
        to_vec(&info_of(&info, &Header::default(), Size::new(480, 360))).expect("writes");
    }
}

/// The first byte says whether the others are an Image or a CompressedImage.
pub fn image(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    let kind = if kind % 2 == 0 { ImageKind::Raw } else { ImageKind::Compressed };
    match frame_of(kind, bytes) {
        Ok(frame) => pictures::look_at(&frame),
        Err(fault) => assert!(fault.to_string().len() < 1000, "a fault must not grow with the message: {fault}"),
    }
}

fn header() -> Header {
    Header { stamp: Stamp { sec: 7, nanosec: 8 }, frame_id: "lens".into() }
}

fn tagged(kind: u8, message: &(impl Message + Serialize)) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(to_vec(message).expect("writes"));
    bytes
}

pub fn cdr_seeds() -> Vec<Vec<u8>> {
    let values = vec![KeyValue { key: "k".into(), value: "v".into() }];
    let status = DiagnosticStatus { level: 1, name: "n".into(), message: "m".into(), hardware_id: "h".into(), values };
    let value = ParameterValue {
        kind: 9,
        byte_array_value: vec![1, 2],
        bool_array_value: vec![true],
        integer_array_value: vec![3],
        double_array_value: vec![0.5],
        string_array_value: vec!["a".into(), "b".into()],
        ..ParameterValue::default()
    };
    let parameter = ParameterMessage { name: "p".into(), value };
    let state = |id| LifecycleState { id, label: "state".into() };
    let picture = Image { data: vec![1, 2, 3].into(), encoding: "rgb8".into(), header: header(), ..Image::default() };
    let file = CompressedImage { header: header(), format: "png".into(), data: vec![4; 5].into() };
    let info = CameraInfo {
        d: vec![0.1; 5],
        distortion_model: "plumb_bob".into(),
        width: 960,
        height: 720,
        ..CameraInfo::default()
    };
    let class_map = vec![VisionClass { class_id: 2, class_name: "road".into() }];
    let metrics = MetricsMessage {
        statistics: vec![StatisticDataPoint { data_type: 1, data: 2.5 }],
        ..MetricsMessage::default()
    };
    let event = ParameterEvent {
        stamp: header().stamp,
        node: "/itnet".into(),
        new_parameters: vec![parameter.clone()],
        changed_parameters: vec![parameter],
        deleted_parameters: Vec::new(),
    };
    let transition = LifecycleTransition { id: 1, label: "configure".into() };
    vec![
        tagged(0, &picture),
        tagged(1, &file),
        tagged(2, &info),
        tagged(3, &LabelInfo { header: header(), class_map, threshold: 0.5 }),
        tagged(4, &DiagnosticArray { header: header(), status: vec![status] }),
        tagged(5, &metrics),
        tagged(6, &event),
        tagged(7, &TransitionEvent { timestamp: 1, transition, start_state: state(1), goal_state: state(2) }),
        tagged(8, &Float64 { data: 1.5 }),
        tagged(9, &Float64Stamped { stamp: header().stamp, data: 1.5 }),
    ]
}

pub fn image_seeds() -> Vec<Vec<u8>> {
    let raw = pictures::frames().into_iter().map(|(size, encoding, step, data)| {
        let encoding = encoding.name().into();
        let (height, width) = (size.height, size.width);
        tagged(0, &Image { header: header(), height, width, encoding, is_bigendian: 0, step, data: data.into() })
    });
    let compressed = pictures::picture_seeds()
        .into_iter()
        .map(|file| tagged(1, &CompressedImage { header: header(), format: "jpeg".into(), data: file.into() }));
    raw.chain(compressed).collect()
}
