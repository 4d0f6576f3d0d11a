//! Messages against the bytes that an independent implementation writes.
//!
//! The constants are what Python's `rosbags` gives for the values below, with `store = get_typestore(Stores.ROS2_HUMBLE)`
//! and `store.serialize_cdr(message, type, little_endian=...)`; `Float64Stamped`, bond and vision_msgs were registered from
//! their definitions. rmw_cyclonedds of Humble gives the same little-endian bytes for the types that it has. `..._BE`
//! are big endian; `NO_...` have empty texts and sequences.

use std::borrow::Cow;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::*;
use crate::frame::{Header, Stamp};

const DIAGNOSTICS: &str = "0001000000105e5fab40f903010000000000000002000000010000001000000069746e65743a20646561646c696e65001600000033206f66203330206672616d6573206d69737365640000000400000063707500020000000d0000006d69737365645f73686172650000000004000000302e31000a0000006275646765745f6d73000000010000000000000002000000610000000100000000000000020000006800000000000000";
const DIAGNOSTICS_BE: &str = "000000005f5e100003f940ab000000010000000000000002010000000000001069746e65743a20646561646c696e65000000001633206f66203330206672616d6573206d69737365640000000000000463707500000000020000000d6d69737365645f73686172650000000000000004302e31000000000a6275646765745f6d73000000000000010000000000000002610000000000000100000000000000026800000000000000";
const NO_DIAGNOSTICS: &str = "000100000000000000000000010000000000000000000000";
const BOND: &str =
    "0001000000105e5fab40f90301000000000000000600000069746e657400000009000000303063306666656500010000000080400000803e";
const BOND_BE: &str =
    "000000005f5e100003f940ab00000001000000000000000669746e657400000000000009303063306666656500010000408000003e800000";
const METRICS: &str = "00010000070000002f69746e657400000b000000656c61707365645f6d730000030000006d73000001000000020000000200000003000000020000000100000000000000000000000000294005000000000000000000000000003e40";
const NO_METRICS: &str =
    "000100000600000069746e657400000001000000000000000100000000000000ffffffff00000000000000000000000000000000";
const TRANSITION: &str = "000100000807060504030201010000000a000000636f6e6669677572650001000d000000756e636f6e66696775726564000a00000c000000636f6e6669677572696e6700";
const TRANSITION_BE: &str = "000000000102030405060708010000000000000a636f6e6669677572650001000000000d756e636f6e66696775726564000a00000000000c636f6e6669677572696e6700";
const FLOAT: &str = "000100009a9999999999b93f";
const FLOAT_STAMPED: &str = "0001000000105e5fab40f9030000000000a040c0";
const PARAMETERS: &str = "0001000000105e5fab40f903070000002f69746e657400000100000008000000746872656164730002000000feffffffffffffff000000000000000001000000000000000000000000000000000000000000000000000000040000000a0000006275646765745f6d730003000000000000000000000000000000144001000000000000000000000000000000000000000000000000000000080000007075626c697368000400000000000000000000000000000000000000000000000600000066696e616c000000000000000000000000000000000000000000000005000000666c6167000101000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000800000063616d6572617300090000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000020000000600000066726f6e7400000003000000726500000100000005000000676f6e65000000000000000000000000000000000000000001000000000000000000000000000000000000000000000000000000";
const NO_PARAMETERS: &str = "000100000000000000000000030000002f6e0000000000000000000000000000";
const ARRAYS: &str = "00010000000000000000000001000000000000000100000004000000616c6c0005000000000000000000000000000000000000000100000000000000030000000102030002000000010000000100000000000000ffffffffffffffff0100000000000000000000000000e03f0100000001000000000000000000000000000000";
const NO_IMAGE: &str = "0001000000000000000000000100000000000000000000000000000001000000000000000000000000000000";
const NO_COMPRESSED: &str = "0001000000000000000000000100000000000000010000000000000000000000";
const NO_CAMERA: &str = "000100000000000000000000010000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
const NO_LABELS: &str = "0001000000000000000000000200000063000000000000000000803e";

const STAMP: Stamp = Stamp { sec: 1_600_000_000, nanosec: 66_666_667 };
const ZERO: Stamp = Stamp { sec: 0, nanosec: 0 };

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

/// The value is read from every golden message and written as the first, which is little endian; no shorter message is read.
#[track_caller]
fn check<T>(value: &T, goldens: &[&str])
where
    T: Message + Serialize + for<'a> Deserialize<'a> + PartialEq + Debug,
{
    for golden in goldens {
        let golden = bytes(golden);
        assert_eq!(&decode::<T>(&golden).expect("reads"), value);
        for length in 0..golden.len() {
            decode::<T>(&golden[..length]).expect_err("truncated");
        }
    }
    assert_eq!(to_vec(value).expect("writes"), bytes(goldens[0]));
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn diagnostics_are_the_bytes_another_implementation_writes() {
    let value = |key: &str, value: &str| KeyValue { key: text(key), value: text(value) };
    let late = DiagnosticStatus {
        level: Level::Warn as u8,
        name: text("itnet: deadline"),
        message: text("3 of 30 frames missed"),
        hardware_id: text("cpu"),
        values: vec![value("missed_share", "0.1"), value("budget_ms", "")],
    };
    let fine = DiagnosticStatus { name: text("a"), hardware_id: text("h"), ..DiagnosticStatus::default() };
    let header = Header { stamp: STAMP, frame_id: String::new() };
    check(&DiagnosticArray { header, status: vec![late, fine] }, &[DIAGNOSTICS, DIAGNOSTICS_BE]);
    check(&DiagnosticArray::default(), &[NO_DIAGNOSTICS]);
}

#[test]
fn signs_of_life_are_the_bytes_another_implementation_writes() {
    let status = BondStatus {
        header: Header { stamp: STAMP, frame_id: String::new() },
        id: text("itnet"),
        instance_id: text("00c0ffee"),
        active: true,
        heartbeat_timeout: 4.0,
        heartbeat_period: 0.25,
    };
    check(&status, &[BOND, BOND_BE]);
}

#[test]
fn statistics_are_the_bytes_another_implementation_writes() {
    let point = |kind: StatisticKind, data| StatisticDataPoint { data_type: kind as u8, data };
    let metrics = MetricsMessage {
        measurement_source_name: text("/itnet"),
        metrics_source: text("elapsed_ms"),
        unit: text("ms"),
        window_start: Stamp { sec: 1, nanosec: 2 },
        window_stop: Stamp { sec: 2, nanosec: 3 },
        statistics: vec![point(StatisticKind::Average, 12.5), point(StatisticKind::SampleCount, 30.0)],
    };
    check(&metrics, &[METRICS]);
    let none = MetricsMessage {
        measurement_source_name: text("itnet"),
        window_start: Stamp { sec: -1, nanosec: 0 },
        ..MetricsMessage::default()
    };
    check(&none, &[NO_METRICS]);
}

#[test]
fn transitions_are_the_bytes_another_implementation_writes() {
    let event = TransitionEvent {
        timestamp: 0x0102_0304_0506_0708,
        transition: LifecycleTransition { id: 1, label: text("configure") },
        start_state: LifecycleState { id: 1, label: text("unconfigured") },
        goal_state: LifecycleState { id: 10, label: text("configuring") },
    };
    check(&event, &[TRANSITION, TRANSITION_BE]);
}

#[test]
fn numbers_are_the_bytes_another_implementation_writes() {
    check(&Float64 { data: 0.1 }, &[FLOAT]);
    check(&Float64Stamped { stamp: STAMP, data: -33.25 }, &[FLOAT_STAMPED]);
    assert_eq!(Float64Stamped::TIER4.name, "tier4_debug_msgs/msg/Float64Stamped");
}

fn parameter(name: &str, kind: u8, value: ParameterValue) -> ParameterMessage {
    ParameterMessage { name: text(name), value: ParameterValue { kind, ..value } }
}

#[test]
fn parameter_events_are_the_bytes_another_implementation_writes() {
    let none = ParameterValue::default;
    let cameras = vec![text("front"), text("re")];
    let event = ParameterEvent {
        stamp: STAMP,
        node: text("/itnet"),
        new_parameters: vec![parameter(
            "threads",
            ParameterValue::INTEGER,
            ParameterValue { integer_value: -2, ..none() },
        )],
        changed_parameters: vec![
            parameter("budget_ms", ParameterValue::DOUBLE, ParameterValue { double_value: 5.0, ..none() }),
            parameter("publish", ParameterValue::STRING, ParameterValue { string_value: text("final"), ..none() }),
            parameter("flag", ParameterValue::BOOL, ParameterValue { bool_value: true, ..none() }),
            parameter(
                "cameras",
                ParameterValue::STRING_ARRAY,
                ParameterValue { string_array_value: cameras, ..none() },
            ),
        ],
        deleted_parameters: vec![parameter("gone", ParameterValue::NOT_SET, none())],
    };
    check(&event, &[PARAMETERS]);
    check(&ParameterEvent { node: text("/n"), ..ParameterEvent::default() }, &[NO_PARAMETERS]);
    let arrays = ParameterValue {
        byte_array_value: vec![1, 2, 3],
        bool_array_value: vec![true, false],
        integer_array_value: vec![-1],
        double_array_value: vec![0.5],
        string_array_value: vec![String::new()],
        ..none()
    };
    check(
        &ParameterEvent { new_parameters: vec![parameter("all", 5, arrays)], ..ParameterEvent::default() },
        &[ARRAYS],
    );
}

#[test]
fn empty_pictures_and_calibrations_are_the_bytes_another_implementation_writes() {
    let image = Image { data: Cow::Borrowed(&[]), ..Image::default() };
    assert_eq!(to_vec(&image).expect("writes"), bytes(NO_IMAGE));
    assert_eq!(decode::<Image>(&bytes(NO_IMAGE)).expect("reads"), image);
    assert_eq!(to_vec(&CompressedImage::default()).expect("writes"), bytes(NO_COMPRESSED));
    check(&CameraInfo::default(), &[NO_CAMERA]);
    let header = Header { stamp: ZERO, frame_id: text("c") };
    check(&LabelInfo { header, class_map: Vec::new(), threshold: 0.25 }, &[NO_LABELS]);
}
