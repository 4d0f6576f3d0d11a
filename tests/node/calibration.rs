//! The camera's calibration: where it is looked for, and that its absence is told to who wants it.

use super::*;

const INFO: &str = "sensor_msgs/msg/CameraInfo";

impl Bench {
    /// What the next diagnostics say of the calibration of the camera on `/image`.
    fn told_of_calibration(&mut self) -> Option<String> {
        let camera = self.told_of("itnet: camera /image");
        camera.values.into_iter().find(|value| value.key == "calibration").map(|value| value.value)
    }

    /// An active node with a frame that came half a second ago.
    fn with_a_frame() -> Self {
        let mut bench = Self::active(&[("no_frame_s", Value::Double(0.5))], &[]);
        bench.edge.send("/image", picture(1, 64, 48));
        bench.told_of("itnet: network");
        bench
    }
}

#[test]
fn a_rule_for_the_calibration_beside_the_topic_before_remapping_is_followed() {
    let rules = ["--ros-args", "-r", "image:=/front/image_raw", "-r", "camera_info:=/calibrated/info"];
    let bench = Bench::active(&[], &rules);
    assert!(bench.edge.is_subscribed("/calibrated/info") && !bench.edge.is_subscribed("/front/camera_info"));
    let rules = ["--ros-args", "-r", "image:=/front/image_raw", "-r", "/front/camera_info:=/calibrated/info"];
    let bench = Bench::active(&[], &rules);
    assert!(bench.edge.is_subscribed("/calibrated/info") && !bench.edge.is_subscribed("/front/camera_info"));
}

#[test]
fn frames_without_a_calibration_are_told_of_with_the_reason_until_one_comes() {
    let mut bench = Bench::with_a_frame();
    let told = |bench: &mut Bench| bench.told_of_calibration();
    assert_eq!(told(&mut bench).as_deref(), Some("no calibration on /camera_info: there is no publisher"));
    bench.edge.publishers.insert("/camera_info".to_owned(), vec![endpoint("/driver", INFO, Qos::reliable(1))]);
    let reason = "no calibration on /camera_info: /driver could be heard and sends nothing";
    assert_eq!(told(&mut bench).as_deref(), Some(reason));
    bench.edge.send("/camera_info", vec![1, 2, 3]);
    assert!(told(&mut bench).expect("it was none").starts_with("no calibration on /camera_info: "));
    bench.edge.send("/camera_info", message::to_vec(&CameraInfo::default()).expect("encodes"));
    assert_eq!(told(&mut bench), None);
}

#[test]
fn no_calibration_is_missed_before_a_frame_comes_or_where_nobody_wants_one() {
    let mut bench = Bench::active(&[("no_frame_s", Value::Double(0.5))], &[]);
    assert_eq!(bench.told_of_calibration(), None);
    let mut bench = Bench::with_a_frame();
    bench.edge.unsubscribe_all();
    assert_eq!(bench.told_of_calibration(), None);
    bench.edge.watch("/itnet/camera_info");
    assert!(bench.told_of_calibration().is_some());
}
