//! The node on an edge without ROS: what goes in by topics and requests, and what comes out.

mod bond;
mod calibration;
#[path = "../common/mod.rs"]
mod common;
mod edge;
mod faults;
mod warm;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use common::tiny::write_tiny_bundle;
use edge::{FakeEdge, endpoint};
use itnet::clock::{Clock, Instant, SystemClock};
use itnet::frame::{Header, Stamp};
use itnet::message::{self, CameraInfo, DiagnosticArray, DiagnosticStatus, Image, LabelInfo, TransitionEvent};
use itnet::params::Value;
use itnet::qos::Qos;
use itnet::ros::Node;
use itnet::ros::lifecycle::{Request, State};
use itnet::ros::name::NodeName;
use itnet::ros::remap::Names;

const IMAGE: &str = "sensor_msgs/msg/Image";

/// A node with a small bundle, driven by hand.
struct Bench {
    edge: FakeEdge,
    node: Node,
    clock: Arc<dyn Clock>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(set: &[(&str, Value)], args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_tiny_bundle(&folder.path().join("model"), 40, 30, 6, 4);
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let names = names(&args);
        let mut edge = FakeEdge::new(names.clone());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let mut all = vec![
            ("model".to_owned(), Value::Text(folder.path().join("model").display().to_string())),
            ("budget_ms".to_owned(), Value::Double(5000.0)),
        ];
        all.extend(set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let node = Node::new(names, all, Arc::clone(&clock), &mut edge).expect("a node");
        Self { edge, node, clock, folder }
    }

    fn active(set: &[(&str, Value)], args: &[&str]) -> Self {
        let mut bench = Self::new(set, args);
        bench.node.start(&mut bench.edge);
        bench.until("the node is active", |bench| bench.node.lifecycle().state() == State::Active);
        bench
    }

    fn turn(&mut self) {
        self.node.pump();
        self.node.tick(&mut self.edge);
        self.clock.sleep_until(self.clock.now() + Duration::from_millis(1));
    }

    /// Turns until it is so; a minute is a fault.
    #[track_caller]
    fn until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        let start: Instant = self.clock.now();
        while !so(self) {
            assert!(self.clock.now().since(start) < Duration::from_secs(60), "{what}: not within a minute");
            self.turn();
        }
    }

    /// The messages on `topic`, once there are so many.
    #[track_caller]
    fn messages(&mut self, topic: &str, count: usize) -> Vec<Vec<u8>> {
        self.until(&format!("{count} messages on {topic}"), |bench| bench.edge.sent(topic).len() >= count);
        self.edge.sent(topic)
    }

    fn masks(&mut self, topic: &str, count: usize) -> Vec<Image<'static>> {
        let owned = |bytes: Vec<u8>| {
            let image: Image<'_> = message::decode(&bytes).expect("an image");
            Image { data: image.data.into_owned().into(), ..image }
        };
        self.messages(topic, count).into_iter().map(owned).collect()
    }

    fn change(&mut self, request: Request<'_>) -> Option<bool> {
        let answer = Rc::new(Cell::new(None));
        let told = Rc::clone(&answer);
        self.node.change_state(request, Box::new(move |success| told.set(Some(success))), &mut self.edge);
        self.until("the transition is answered", |_| answer.get().is_some());
        answer.get()
    }
}

fn names(args: &[String]) -> Names {
    Names::from_args(&NodeName::new("/", "itnet").expect("valid"), args).expect("rules")
}

fn header(n: u32) -> Header {
    Header { stamp: Stamp { sec: 7, nanosec: n }, frame_id: "lens".to_owned() }
}

fn picture(n: u32, width: u32, height: u32) -> Vec<u8> {
    let data: Vec<u8> = (0..3 * width * height).map(|i| ((i + 40 * n) % 251) as u8).collect();
    let image = Image {
        header: header(n),
        height,
        width,
        encoding: "rgb8".to_owned(),
        is_bigendian: 0,
        step: 3 * width,
        data: data.into(),
    };
    message::to_vec(&image).expect("encodes")
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn a_frame_gives_a_mask_with_its_header_and_size() {
    let mut bench = Bench::active(&[], &[]);
    bench.edge.send("/image", picture(1, 64, 48));
    let mask = bench.masks("/itnet/mask", 1).remove(0);
    assert_eq!(mask.header, header(1));
    assert_eq!((mask.width, mask.height, mask.step, mask.encoding.as_str()), (64, 48, 64, "mono8"));
    let confidence = bench.masks("/itnet/confidence", 1).remove(0);
    assert_eq!((confidence.header, confidence.data.len()), (header(1), 64 * 48));
}

#[test]
fn topics_are_remapped_and_the_calibration_is_the_sibling_of_the_image() {
    let args = ["--ros-args", "-r", "image:=/front/image_raw", "-r", "~/mask:=/segmentation/mask"];
    let mut bench = Bench::active(&[("mask_size", text("network"))], &args);
    let mut info = CameraInfo { width: 80, height: 60, ..CameraInfo::default() };
    info.k[0] = 100.0;
    bench.edge.send("/front/camera_info", message::to_vec(&info).expect("encodes"));
    bench.turn();
    bench.edge.send("/front/image_raw", picture(1, 80, 60));
    assert_eq!(bench.masks("/segmentation/mask", 1)[0].width, 40);
    let told = bench.messages("/itnet/camera_info", 1);
    let told: CameraInfo = message::decode(&told[0]).expect("decodes");
    assert_eq!((told.width, told.k[0], told.header), (40, 50.0, header(1)));
}

#[test]
fn labels_are_told_when_the_node_becomes_active_and_follow_the_remap() {
    let mut bench = Bench::active(&[("class_remap", Value::Integers(vec![9, 9]))], &[]);
    let labels = bench.messages("/itnet/label_info", 1);
    let labels: LabelInfo = message::decode(&labels[0]).expect("decodes");
    let joined = labels.class_map.iter().find(|class| class.class_id == 9).expect("there is a class 9");
    assert_eq!(joined.class_name, "class 0/class 1");
}

#[test]
fn labels_are_told_again_only_where_somebody_new_subscribes() {
    let mut bench = Bench::new(&[], &[]);
    bench.edge.unsubscribe_all();
    bench.edge.watch("/diagnostics");
    bench.node.start(&mut bench.edge);
    bench.until("the node is active", |bench| bench.node.lifecycle().state() == State::Active);
    let told = bench.edge.sent("/diagnostics").len();
    bench.messages("/diagnostics", told + 2);
    assert_eq!(bench.edge.sent("/itnet/label_info").len(), 1);
    bench.edge.watch("/itnet/label_info");
    let told = bench.edge.sent("/diagnostics").len();
    bench.messages("/diagnostics", told + 3);
    assert_eq!(bench.edge.sent("/itnet/label_info").len(), 2);
}

#[test]
fn nothing_is_encoded_that_nobody_wants() {
    let mut bench = Bench::active(&[], &[]);
    bench.edge.unsubscribe_all();
    bench.edge.send("/image", picture(1, 64, 48));
    bench.edge.watch("/diagnostics");
    bench.messages("/diagnostics", 2);
    for topic in ["/itnet/mask", "/itnet/confidence", "/itnet/overlay", "/itnet/mask/compressed", "/itnet/debug/frame"]
    {
        assert_eq!(bench.edge.sent(topic).len(), 0, "{topic}");
    }
}

#[test]
fn what_is_kept_for_late_subscribers_is_sent_though_nobody_subscribes_yet() {
    let kept = ["mask", "mask/compressed", "debug/frame"];
    let names = kept.map(|topic| format!("qos_overrides./itnet/{topic}.publisher.durability"));
    let set: Vec<_> = names.iter().map(|name| (name.as_str(), text("transient_local"))).collect();
    let mut bench = Bench::active(&set, &[]);
    bench.edge.unsubscribe_all();
    bench.edge.send("/image", picture(1, 64, 48));
    for topic in kept {
        bench.messages(&format!("/itnet/{topic}"), 1);
    }
    for topic in ["/itnet/confidence", "/itnet/overlay", "/itnet/debug/exit"] {
        assert_eq!(bench.edge.sent(topic).len(), 0, "{topic}");
    }
}

#[test]
fn pictures_are_made_for_who_subscribes() {
    let mut bench = Bench::active(&[], &[]);
    bench.edge.send("/image", picture(1, 64, 48));
    let overlay = bench.masks("/itnet/overlay", 1).remove(0);
    assert_eq!((overlay.encoding.as_str(), overlay.step, overlay.header), ("rgb8", 192, header(1)));
    let png = bench.messages("/itnet/mask/compressed", 1).remove(0);
    let png: message::CompressedImage<'_> = message::decode(&png).expect("decodes");
    assert!(png.data.starts_with(b"\x89PNG") && png.format.contains("png"), "{}", png.format);
}

#[test]
fn a_changed_budget_holds_from_the_next_frame_on() {
    let mut bench = Bench::active(&[], &[]);
    let budget = |bench: &mut Bench, n: u32, count: usize| -> String {
        bench.edge.send("/image", picture(n, 64, 48));
        let frame = bench.messages("/itnet/debug/frame", count).pop().expect("a message");
        let frame: DiagnosticArray = message::decode(&frame).expect("decodes");
        let values = &frame.status[0].values;
        values.iter().find(|value| value.key == "budget_ms").expect("a budget").value.clone()
    };
    assert_eq!(budget(&mut bench, 1, 1), "5000.000");
    let set = bench.node.set_parameters(vec![("budget_ms".to_owned(), Some(Value::Integer(7000)))], &mut bench.edge);
    assert_eq!(set, [Ok(())]);
    assert_eq!(budget(&mut bench, 2, 2), "7000.000");
    assert_eq!(bench.messages("/parameter_events", 2).len(), 2);
}

#[test]
fn each_parameter_of_a_set_stands_for_itself() {
    let mut bench = Bench::active(&[], &[]);
    let asked = [("budget_ms", 5.0), ("budget_ms", -1.0), ("compute_share", 0.5)];
    let asked = asked.map(|(name, value)| (name.to_owned(), Some(Value::Double(value))));
    let results = bench.node.set_parameters(asked.into(), &mut bench.edge);
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let parameters = bench.node.parameters().parameters();
    assert_eq!((parameters.double("budget_ms"), parameters.double("compute_share")), (5.0, 0.5));
}

#[test]
fn a_refused_parameter_is_named_with_its_range_and_changes_nothing() {
    let mut bench = Bench::active(&[], &[]);
    for (name, value, words) in [
        ("budget_ms", Value::Double(-1.0), ["budget_ms", "0.1", "10000"]),
        ("budget_ms", text("abc"), ["budget_ms", "number", "abc"]),
        ("class_remap", Value::Integers(vec![0; 7]), ["class_remap", "6", "7"]),
    ] {
        let reason = bench.node.set_parameters(vec![(name.to_owned(), Some(value))], &mut bench.edge).remove(0);
        let reason = reason.expect_err("refused");
        assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    }
    assert_eq!(bench.edge.sent("/parameter_events").len(), 1);
}

#[test]
fn each_camera_has_topics_and_a_budget_of_its_own() {
    let names = Value::Texts(vec!["front".to_owned(), "rear".to_owned()]);
    let cameras = [
        ("cameras", names),
        ("front.topic", text("/front/image_raw")),
        ("rear.topic", text("rear/image")),
        ("rear.budget_ms", Value::Double(800.0)),
    ];
    let mut bench =
        Bench::active(&cameras, &["--ros-args", "-r", "rear/image:=/rear/image_raw", "-r", "/rear/image_raw:=/no"]);
    for n in 0..4 {
        bench.edge.send("/front/image_raw", picture(n, 64, 48));
        bench.edge.send("/rear/image_raw", picture(n, 32, 24));
        bench.masks("/itnet/front/mask", n as usize + 1);
        bench.masks("/itnet/rear/mask", n as usize + 1);
    }
    let frame = bench.messages("/itnet/rear/debug/budget_ms", 4).pop().expect("a message");
    assert_eq!(f64::from_le_bytes(*frame.last_chunk().expect("8 bytes")), 800.0);
}

#[test]
fn a_burst_gives_the_newest_frame_and_counts_the_others_as_dropped() {
    let mut bench = Bench::active(&[], &[]);
    (0..20).for_each(|n| bench.edge.send("/image", picture(n, 64, 48)));
    bench.until("the newest mask", |bench| bench.masks_so_far().last().is_some_and(|mask| mask.header == header(19)));
    let published = bench.masks_so_far().len();
    bench.until("the totals", |bench| {
        let counts = bench.counts();
        counts == Some((20, published as u64))
    });
}

impl Bench {
    /// The next status of this name in the diagnostics.
    fn told_of(&mut self, name: &str) -> DiagnosticStatus {
        let before = self.edge.sent("/diagnostics").len();
        let told = self.messages("/diagnostics", before + 1).pop().expect("told");
        let told: DiagnosticArray = message::decode(&told).expect("decodes");
        told.status.into_iter().find(|status| status.name == name).expect("such a status")
    }

    fn masks_so_far(&mut self) -> Vec<Image<'static>> {
        let count = self.edge.sent("/itnet/mask").len();
        self.masks("/itnet/mask", count)
    }

    /// Received and published frames of the only camera, as the last diagnostics tell them.
    fn counts(&self) -> Option<(u64, u64)> {
        let told: DiagnosticArray = message::decode(self.edge.sent("/diagnostics").last()?).expect("decodes");
        let camera = told.status.iter().find(|status| status.name.starts_with("itnet: camera"))?;
        let count = |key: &str| camera.values.iter().find(|value| value.key == key)?.value.parse().ok();
        Some((count("received_frames")?, count("published_frames")?))
    }
}

#[test]
fn what_is_no_frame_is_counted_and_the_node_goes_on() {
    let mut bench = Bench::active(&[], &[]);
    bench.edge.send("/image", vec![1, 2, 3]);
    bench.until("it is counted", |bench| bench.counts() == Some((1, 0)));
    bench.edge.send("/image", picture(2, 31, 17));
    assert_eq!(bench.masks("/itnet/mask", 1)[0].header, header(2));
    bench.edge.send("/image", picture(3, 80, 60));
    assert_eq!(bench.masks("/itnet/mask", 2)[1].width, 80);
}

#[test]
fn a_lifecycle_manager_drives_the_node_and_no_mask_comes_while_it_is_inactive() {
    let mut bench = Bench::new(&[("autostart", Value::Bool(false))], &[]);
    bench.node.start(&mut bench.edge);
    assert_eq!(bench.change(Request::ACTIVATE), Some(false));
    assert_eq!(bench.change(Request::CONFIGURE), Some(true));
    assert_eq!(bench.node.lifecycle().state(), State::Inactive);
    assert!(!bench.edge.is_subscribed("/image"));
    assert_eq!(bench.change(Request::ACTIVATE), Some(true));
    bench.edge.send("/image", picture(1, 64, 48));
    bench.masks("/itnet/mask", 1);
    assert_eq!(bench.change(Request::DEACTIVATE), Some(true));
    assert!(!bench.edge.is_subscribed("/image"));
    assert_eq!(bench.change(Request::CLEANUP), Some(true));
    assert!(!bench.edge.is_advertised("/itnet/mask"));
    assert_eq!(bench.change(Request::CONFIGURE), Some(true));
    assert_eq!(bench.change(Request::SHUTDOWN), Some(true));
    assert!(bench.node.is_finalized());
    let events = bench.edge.sent("/itnet/transition_event");
    let last: TransitionEvent = message::decode(events.last().expect("an event")).expect("decodes");
    assert_eq!((last.start_state.label.as_str(), last.goal_state.label.as_str()), ("shuttingdown", "finalized"));
}

#[test]
fn a_bundle_that_cannot_be_loaded_leaves_the_node_unconfigured_until_it_can() {
    let mut bench = Bench::new(&[("autostart", Value::Bool(false))], &[]);
    let data = bench.folder.path().join("model/data.onnx");
    let whole = std::fs::read(&data).expect("reads");
    std::fs::write(&data, &whole[..whole.len() / 2]).expect("writes");
    bench.node.start(&mut bench.edge);
    assert_eq!(bench.change(Request::CONFIGURE), Some(false));
    assert_eq!(bench.node.lifecycle().state(), State::Unconfigured);
    std::fs::write(&data, whole).expect("writes");
    assert_eq!(bench.change(Request::CONFIGURE), Some(true));
}

/// A node that could not start by itself, and what brings its bundle back.
fn without_its_bundle() -> (Bench, impl FnOnce()) {
    let mut bench = Bench::new(&[], &[]);
    let (model, away) = (bench.folder.path().join("model"), bench.folder.path().join("away"));
    std::fs::rename(&model, &away).expect("moves");
    bench.node.start(&mut bench.edge);
    bench.until("it fails", |bench| bench.node.lifecycle().state() == State::Unconfigured);
    (bench, move || std::fs::rename(&away, &model).expect("moves"))
}

#[test]
fn a_node_that_starts_by_itself_does_so_once_its_bundle_is_there() {
    let (mut bench, bring_back) = without_its_bundle();
    assert!(bench.told_of("itnet: lifecycle").message.contains("model"));
    bring_back();
    bench.until("the node is active", |bench| bench.node.lifecycle().state() == State::Active);
    bench.edge.send("/image", picture(1, 64, 48));
    bench.masks("/itnet/mask", 1);
}

#[test]
fn a_node_that_could_not_start_by_itself_leaves_it_to_whoever_asks_for_a_transition() {
    let (mut bench, bring_back) = without_its_bundle();
    assert_eq!(bench.change(Request::CONFIGURE), Some(false));
    bring_back();
    let told = bench.edge.sent("/diagnostics").len();
    bench.messages("/diagnostics", told + 3);
    assert_eq!(bench.node.lifecycle().state(), State::Unconfigured);
}

#[test]
fn cpus_that_are_not_ours_are_a_warning_and_none_at_all_a_reason_not_to_start() {
    let ours = rustix::thread::sched_getaffinity(None).expect("known");
    let first = (0..1023).find(|&cpu| ours.is_set(cpu)).expect("a CPU") as i64;
    let mut bench = Bench::active(&[("cpu_affinity", Value::Integers(vec![first, 1023]))], &[]);
    bench.edge.send("/image", picture(1, 64, 48));
    bench.masks("/itnet/mask", 1);
    let network = bench.told_of("itnet: network");
    assert!(network.level == 1 && network.message.contains("CPU 1023"), "{network:?}");
    let cpus = network.values.iter().find(|value| value.key == "cpus").map(|value| value.value.as_str());
    assert_eq!(cpus, Some(first.to_string().as_str()));

    let wrong = [("cpu_affinity", Value::Integers(vec![1023])), ("autostart", Value::Bool(false))];
    let mut bench = Bench::new(&wrong, &[]);
    bench.node.start(&mut bench.edge);
    assert_eq!(bench.change(Request::CONFIGURE), Some(false));
    let lifecycle = bench.told_of("itnet: lifecycle");
    assert!(lifecycle.level == 2 && lifecycle.message.contains("cpu_affinity"), "{lifecycle:?}");
}

#[test]
fn a_wish_for_priority_is_granted_or_refused_but_the_node_runs() {
    let wishes =
        [("nice", Value::Integer(-1)), ("fifo_priority", Value::Integer(1)), ("lock_memory", Value::Bool(false))];
    let mut bench = Bench::active(&wishes, &[]);
    bench.edge.send("/image", picture(1, 64, 48));
    bench.masks("/itnet/mask", 1);
    let network = bench.told_of("itnet: network");
    let value = |key: &str| network.values.iter().find(|value| value.key == key).expect(key).value.clone();
    let wished = rustix::process::getpriority_process(None).expect("known") - 1;
    let granted = value("fifo_priority") == "1" && value("nice") == wished.to_string();
    assert_eq!(network.level == 0, granted, "{network:?}");
    assert!(granted || network.message.contains("CAP_SYS_NICE"), "{network:?}");
}

#[test]
fn a_silent_camera_is_told_with_the_reason() {
    let mut bench = Bench::active(&[("no_frame_s", Value::Double(0.5))], &[]);
    bench
        .edge
        .publishers
        .insert("/image".to_owned(), vec![endpoint("/driver", "sensor_msgs/msg/PointCloud2", Qos::reliable(1))]);
    bench.until("the diagnostics say why", |bench| {
        let told = bench.edge.sent("/diagnostics");
        let told: Option<DiagnosticArray> = told.last().map(|bytes| message::decode(bytes).expect("decodes"));
        told.is_some_and(|told| {
            told.status.iter().any(|s| s.message.contains("PointCloud2") && s.message.contains(IMAGE))
        })
    });
}

#[test]
fn wrong_parameters_at_start_are_named() {
    let mut edge = FakeEdge::new(names(&[]));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    for (name, value, word) in [
        ("budget_ms", Value::Double(0.0), "budget_ms"),
        ("qos_overrides./image.subscription.reliability", text("sometimes"), "best_effort"),
        ("qos_overrides./camera_info.subscription.depth", text("deep"), "whole number"),
        ("qos_overrides./itnet/mask.publisher.durability", text("best_available"), "transient_local"),
        ("qos_overrides./diagnostics.publisher.color", text("red"), "reliability"),
    ] {
        let made = Node::new(names(&[]), vec![(name.to_owned(), value)], Arc::clone(&clock), &mut edge);
        let error = made.err().expect("refused").to_string();
        assert!(error.contains(word) && error.contains(name), "{error}");
    }
}

#[test]
fn what_a_file_says_of_the_topics_of_others_ends_no_node() {
    let others = ["/image.publisher.reliability", "/scan.subscription.reliability", "/tf.publisher.color"];
    let names = others.map(|rest| format!("qos_overrides.{rest}"));
    let set: Vec<_> = names.iter().map(|name| (name.as_str(), text("best_available"))).collect();
    let bench = Bench::active(&set, &[]);
    assert_eq!(bench.edge.subscribed_with("/image").map(|qos| qos.reliability), Some(Qos::sensor_data().reliability));
}

#[test]
fn an_override_of_quality_of_service_reaches_the_subscription() {
    let set = [("qos_overrides./image.subscription.reliability", text("reliable"))];
    let bench = Bench::active(&set, &[]);
    assert_eq!(
        bench.edge.subscribed_with("/image").map(|qos| qos.reliability),
        Some(itnet::qos::Reliability::Reliable)
    );
}

#[test]
fn an_activation_that_fails_leaves_no_camera_subscribed() {
    let two = [
        ("cameras", Value::Texts(vec!["front".to_owned(), "rear".to_owned()])),
        ("front.topic", text("/front")),
        ("rear.topic", text("/rear")),
        ("autostart", Value::Bool(false)),
    ];
    let mut bench = Bench::new(&two, &[]);
    bench.edge.refused.insert("/rear".to_owned());
    bench.node.start(&mut bench.edge);
    assert_eq!(bench.change(Request::CONFIGURE), Some(true));
    assert_eq!(bench.change(Request::ACTIVATE), Some(false));
    assert_eq!(bench.node.lifecycle().state(), State::Inactive);
    assert!(!bench.edge.is_subscribed("/front"));
    bench.edge.refused.clear();
    assert_eq!(bench.change(Request::ACTIVATE), Some(true));
    assert!(bench.edge.is_subscribed("/front") && bench.edge.is_subscribed("/rear"));
}

#[test]
fn two_cameras_on_one_topic_are_refused() {
    let two = [
        ("cameras", Value::Texts(vec!["a".to_owned(), "b".to_owned()])),
        ("a.topic", text("/image")),
        ("b.topic", text("image")),
        ("autostart", Value::Bool(false)),
    ];
    let mut bench = Bench::new(&two, &[]);
    bench.node.start(&mut bench.edge);
    assert_eq!(bench.change(Request::CONFIGURE), Some(false));
    bench.until("the diagnostics say why", |bench| {
        let told = bench.edge.sent("/diagnostics");
        let told: Option<DiagnosticArray> = told.last().map(|bytes| message::decode(bytes).expect("decodes"));
        told.is_some_and(|told| told.status[0].level == 2 && told.status[0].message.contains("/image"))
    });
}

#[test]
fn a_node_that_is_configured_again_by_hand_waits_to_be_activated() {
    let mut bench = Bench::active(&[], &[]);
    assert_eq!(bench.change(Request::DEACTIVATE), Some(true));
    assert_eq!(bench.change(Request::CLEANUP), Some(true));
    assert_eq!(bench.change(Request::CONFIGURE), Some(true));
    assert_eq!(bench.node.lifecycle().state(), State::Inactive);
    assert_eq!(bench.change(Request::ACTIVATE), Some(true));
}

#[test]
fn labels_follow_the_remap_at_once() {
    let mut bench = Bench::active(&[], &[]);
    let before = bench.edge.sent("/itnet/label_info").len();
    let remap = vec![("class_remap".to_owned(), Some(Value::Integers(vec![42])))];
    assert_eq!(bench.node.set_parameters(remap, &mut bench.edge), [Ok(())]);
    let labels = bench.edge.sent("/itnet/label_info");
    assert!(labels.len() > before);
    let labels: LabelInfo = message::decode(labels.last().expect("told")).expect("decodes");
    assert!(labels.class_map.iter().any(|class| class.class_id == 42 && class.class_name == "class 0"));
}

#[test]
fn a_mask_that_went_out_while_the_node_was_deactivated_counts_as_published() {
    let mut bench = Bench::active(&[], &[]);
    let confidence = bench.edge.hold("/itnet/confidence");
    let held = confidence.lock().unwrap();
    bench.edge.send("/image", picture(1, 64, 48));
    // The mask is out, and the frame still under way.
    bench.masks("/itnet/mask", 1);
    assert_eq!(bench.change(Request::DEACTIVATE), Some(true));
    drop(held);
    bench.until("it is counted", |bench| bench.counts().is_some_and(|(received, _)| received == 1));
    assert_eq!(bench.counts(), Some((1, 1)));
    assert_eq!(bench.edge.sent("/itnet/debug/frame").len(), 0, "said of an inactive node's frame");
}

#[test]
fn the_frame_under_way_gives_no_mask_once_the_node_is_inactive() {
    let mut bench = Bench::active(&[], &[]);
    for n in 0..30 {
        bench.edge.send("/image", picture(n, 64, 48));
        bench.node.pump();
        assert_eq!(bench.change(Request::DEACTIVATE), Some(true));
        let masks = bench.edge.sent("/itnet/mask").len();
        bench.turn();
        bench.turn();
        assert_eq!(bench.edge.sent("/itnet/mask").len(), masks, "after deactivation {n}");
        assert_eq!(bench.change(Request::ACTIVATE), Some(true));
    }
}
