//! Texts: manifests, parameters, overrides of quality of service, command lines.

use std::collections::BTreeMap;

use itnet::model::Manifest;
use itnet::params::{PARAMETERS, ParameterError, parse_value, read_file, read_values, yaml};
use itnet::qos::Qos;
use itnet::ros::args::{unknown_ros_arg, without_ros_args};
use itnet::ros::name::NodeName;
use itnet::ros::overrides::parameter_overrides;
use itnet::ros::parameters::ParameterServer;
use itnet::ros::qos::{End, QosOverrides};
use itnet::ros::remap::Names;

use super::graphs;

/// A manifest.json.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(manifest) = Manifest::parse(text) else { return };
    let written = serde_json::to_string(&manifest).expect("what was read can be written");
    assert_eq!(Manifest::parse(&written), Ok(manifest));
}

/// A parameter file.
pub fn parameters(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, data).expect("writes");
    // Replay's reading, then the node's.
    if let Ok((parameters, _)) = read_file(&path, "/robot/itnet") {
        let _ = parameters.named_cameras();
        let _ = parameters.check_together();
    }
    let Ok(values) = read_values(&path, "/robot/itnet") else { return };
    let Ok((server, unknown)) = ParameterServer::new(values) else { return };
    for name in &unknown {
        assert!(matches!(server.unknown(name), ParameterError::Unknown { .. } | ParameterError::NoCamera { .. }));
    }
    let names: Vec<String> = server.all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(server.get(&names).len(), names.len());
    assert_eq!(server.describe(&names).len(), names.len());
    overrides(server.qos_overrides());
}

fn overrides(values: &BTreeMap<String, itnet::params::Value>) {
    let Ok(overrides) = QosOverrides::parse(values) else { return };
    for end in [End::Publisher, End::Subscription] {
        overrides.of("/image", end, Qos::sensor_data());
    }
    assert!(overrides.unused([("/image", End::Subscription), ("/itnet/mask", End::Publisher)]).len() <= values.len());
}

/// A parameter's name in the first line, a prefix to list in the second, its value in the others.
pub fn parameter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (name, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (prefix, value) = rest.split_once('\n').unwrap_or(("", rest));
    let (mut server, _) = ParameterServer::new([]).expect("the defaults");
    for listed in server.list(&[prefix.to_owned()], 2).names {
        assert!(listed.starts_with(prefix));
    }
    let Ok(value) = parse_value(value) else { return };
    for name in PARAMETERS.iter().map(|parameter| parameter.name).chain([name]) {
        let before = server.clone();
        match server.set(vec![(name.to_owned(), Some(value.clone()))]) {
            Ok(changed) => {
                let (_, value) = changed.first().expect("a change");
                assert_eq!(server.get(&[name.to_owned()]).first(), Some(value), "{name}");
            }
            Err(_) => assert!(server == before, "{name}: a set that was refused changed something"),
        }
    }
}

/// Lines of `name value`; each name gets `qos_overrides.` before it.
pub fn qos(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let value = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((format!("qos_overrides.{name}"), parse_value(value).ok()?))
    };
    overrides(&text.lines().filter_map(value).collect());
}

/// A command line, an argument a line.
fn lines_of(data: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(data).ok()?;
    // What files say is another target's affair.
    (!text.contains("params-file")).then(|| text.lines().map(str::to_owned).collect())
}

/// A command line, and the names of a node after it.
pub fn ros_args(data: &[u8]) {
    let Some(args) = lines_of(data) else { return };
    assert!(without_ros_args(&args).len() + itnet::ros::args::ros_args(&args).len() <= args.len());
    unknown_ros_arg(&args);
    let node = NodeName::new("/", "itnet").expect("a name");
    let _ = parameter_overrides(&args, &node);
    let Ok(names) = Names::from_args(&node, &args) else { return };
    let asked = ["image", "~/mask", "/camera/image_raw", "~"];
    for topic in asked.into_iter().chain(args.iter().map(String::as_str)) {
        let Ok(resolved) = names.resolve(topic) else { continue };
        let again = names.node().expand(&resolved);
        assert_eq!(again.as_ref(), Ok(&resolved), "`{topic}` became a name that is none");
    }
}

fn bytes<const N: usize>(texts: [&str; N]) -> Vec<Vec<u8>> {
    texts.map(|text| text.as_bytes().to_vec()).into()
}

pub fn manifest_seeds() -> Vec<Vec<u8>> {
    vec![graphs::manifest().into_bytes()]
}

pub fn parameters_seeds() -> Vec<Vec<u8>> {
    let mut seeds = bytes([
        "/**:\n  ros__parameters:\n    iterations: {max: 3}\n    iterations.min: 2\n",
        "/robot:\n  itnet:\n    ros__parameters:\n      cameras: [a, b]\n      a: {topic: /a, budget_ms: 5}\n      b.topic: /b\n",
        "/**/itnet:\n  ros__parameters: {class_remap: [1, 255], use_sim_time: on, model: \"x\"}\n",
        "{\"/*/itnet\": {\"ros__parameters\": {\"qos_overrides\": {\"/image\": {\"subscription\": {\"depth\": 5}}}}}}",
        "a: &x [1, 2.5]\n/**: {ros__parameters: {p: *x, q: !!str 1, r: 0x1f, s: |\n  text\n}}\n",
    ]);
    seeds.push(yaml().into_bytes());
    seeds
}

pub fn parameter_seeds() -> Vec<Vec<u8>> {
    bytes([
        "budget_ms\niterations\n5.5",
        "cameras\n\n[front, rear]",
        "class_remap\nx\n[1, 2]",
        "front.topic\nf\n/front",
    ])
}

pub fn qos_seeds() -> Vec<Vec<u8>> {
    bytes([
        "/image.subscription.reliability reliable\n/image.subscription.depth 5\n/image.subscription.history keep_last",
        "/itnet/mask.publisher.durability transient_local\n/itnet/mask.publisher.deadline 40000000",
        "/x.publisher_a.reliability system_default\n/x.subscription.history keep_all\n/x.subscription.lifespan 1",
    ])
}

pub fn ros_args_seeds() -> Vec<Vec<u8>> {
    bytes([
        "itnet_node\n--ros-args\n-r\nimage:=/front/image_raw\n-r\n__ns:=/robot\n-r\n__node:=eye\n-p\nbudget_ms:=5.0",
        "--ros-args\n--remap\nitnet:rostopic://~/mask:=/{ns}/m\n--\nx\n--ros-args\n--log-level\ninfo\n-p\nitnet:cameras:=[a]",
        "--ros-args\n-r\nrosservice:///a:=b\n-e\n/e\n--disable-rosout-logs\n{node}/a\n~/b/{namespace}",
    ])
}
