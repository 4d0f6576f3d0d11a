//! Which topics of a bag are cameras, and what belongs to each.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ReplayError;
use crate::bag::Topic;
use crate::params::{NamedCamera, Parameters};
use crate::pipeline::ImageKind;
use crate::topics::{base, camera_info_of, compressed};

/// One camera of a bag.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// Its image topic.
    pub topic: String,
    /// Raw or compressed.
    pub kind: ImageKind,
    /// Below which namespace its masks are published, such as `/itnet`.
    pub output: String,
    /// Its camera_info topic, whether or not the bag has it.
    pub info_topic: String,
    /// Time allowed for each frame.
    pub budget: Duration,
    /// Whether its frames may start warm.
    pub warm: bool,
}

/// The node's name, as a bag's masks are published below it.
pub const NODE: &str = "/itnet";

/// What is asked for: topics given by hand, else the cameras of the parameters, else every image topic of the bag.
pub fn choose(topics: &[Topic], asked: &[String], parameters: &Parameters) -> Result<Vec<Camera>, ReplayError> {
    let (budget, warm) = (parameters.budget_of(""), parameters.may_start_warm(""));
    let named = parameters.named_cameras()?;
    let chosen: Vec<(Option<String>, String, Duration, bool)> = if !asked.is_empty() {
        asked.iter().map(|topic| (None, in_bag(topics, topic, false), budget, warm)).collect()
    } else if !named.is_empty() {
        let camera = |NamedCamera { name, topic, budget, warm, compressed, .. }| {
            (Some(name), in_bag(topics, &topic, compressed), budget, warm)
        };
        named.into_iter().map(camera).collect()
    } else {
        found(topics).into_iter().map(|topic| (None, topic, budget, warm)).collect()
    };
    if chosen.is_empty() {
        return Err(ReplayError::NoCamera { topics: list(topics) });
    }
    if let Some(topic) = twice(chosen.iter().map(|(_, topic, ..)| topic)) {
        return Err(ReplayError::SameTopic { topic: topic.clone() });
    }
    let alone = chosen.len() == 1;
    let mut cameras = Vec::with_capacity(chosen.len());
    for (name, topic, budget, warm) in chosen {
        let kind = kind_of(topics, &topic)?;
        let output = match (alone, name) {
            (_, Some(name)) => format!("{NODE}/{name}"),
            (true, None) => NODE.to_owned(),
            (false, None) => below_node(place(&topic)),
        };
        cameras.push(Camera { info_topic: camera_info_of(&topic), topic, kind, output, budget, warm });
    }
    Ok(apart(cameras))
}

/// The topic of the bag that is meant, as the node would take it: names without a slash in front are below the root, and the compressed twin of a topic
/// is taken where it is `wished`, or was recorded alone.
fn in_bag(topics: &[Topic], name: &str, wished: bool) -> String {
    let has = |name: &str| topics.iter().any(|topic| topic.name == name);
    let absolute = format!("/{}", name.trim_start_matches('/'));
    let given = if has(name) { name.to_owned() } else { absolute };
    let twin = compressed(&given);
    if has(&twin) && (wished || !has(&given)) { twin } else { given }
}

fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

fn below_node(topic: &str) -> String {
    format!("{NODE}/{}", topic.trim_start_matches('/'))
}

/// Topics by these last names hold results, not pictures.
const RESULTS: [&str; 4] = ["mask", "confidence", "labels", "overlay"];

/// Every image topic, without masks and without the compressed twins of raw ones.
fn found(topics: &[Topic]) -> Vec<String> {
    let is_result = |name: &str| RESULTS.contains(&base(name).rsplit('/').next().unwrap_or_default());
    let is_camera = |topic: &&Topic| {
        let usable = topic.serialization_format == "cdr" && !topic.name.ends_with("/compressedDepth");
        usable && ImageKind::of(&topic.message_type).is_some() && !is_result(&topic.name)
    };
    let images = || topics.iter().filter(is_camera);
    let has = |name: &str| images().any(|topic| topic.name == name);
    images()
        .filter(|topic| !topic.name.strip_suffix("/compressed").is_some_and(has))
        .map(|topic| topic.name.clone())
        .collect()
}

fn kind_of(topics: &[Topic], name: &str) -> Result<ImageKind, ReplayError> {
    let topic = topics.iter().find(|topic| topic.name == name);
    let topic = topic.ok_or_else(|| ReplayError::NoTopic { topic: name.to_owned(), topics: list(topics) })?;
    let no_image = || ReplayError::NoImage { topic: name.to_owned(), message_type: topic.message_type.clone() };
    ImageKind::of(&topic.message_type).filter(|_| topic.serialization_format == "cdr").ok_or_else(no_image)
}

fn list(topics: &[Topic]) -> String {
    let rows: Vec<_> = topics.iter().map(|topic| format!("\n  {} ({})", topic.name, topic.message_type)).collect();
    if rows.is_empty() { " none".to_owned() } else { rows.concat() }
}

/// The camera's namespace: `/front` for `/front/image_raw`, the topic itself where it has none.
fn place(topic: &str) -> &str {
    match base(topic).rsplit_once('/') {
        Some((namespace, _)) if !namespace.is_empty() => namespace,
        _ => base(topic),
    }
}

/// Cameras whose outputs would fall together get their whole image topic as namespace, and so do those with which these would then. Topics differ, so this ends.
fn apart(mut cameras: Vec<Camera>) -> Vec<Camera> {
    loop {
        let outputs: Vec<String> = cameras.iter().map(|camera| camera.output.clone()).collect();
        let twice = |camera: &Camera| outputs.iter().filter(|output| **output == camera.output).count() > 1;
        let whole = |camera: &Camera| below_node(&camera.topic);
        let mut together =
            cameras.iter_mut().filter(|camera| twice(camera) && camera.output != whole(camera)).peekable();
        if together.peek().is_none() {
            return cameras;
        }
        together.for_each(|camera| camera.output = whole(camera));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Value;

    fn topic(name: &str, message_type: &str) -> Topic {
        Topic {
            name: name.into(),
            message_type: message_type.into(),
            serialization_format: "cdr".into(),
            offered_qos_profiles: String::new(),
            message_count: None,
        }
    }

    fn drive() -> Vec<Topic> {
        vec![
            topic("/tf", "tf2_msgs/msg/TFMessage"),
            topic("/front/image_raw", "sensor_msgs/msg/Image"),
            topic("/front/image_raw/compressed", "sensor_msgs/msg/CompressedImage"),
            topic("/rear/image_raw/compressed", "sensor_msgs/msg/CompressedImage"),
            topic("/itnet/mask", "sensor_msgs/msg/Image"),
        ]
    }

    fn outputs(cameras: &[Camera]) -> Vec<&str> {
        cameras.iter().map(|camera| camera.output.as_str()).collect()
    }

    #[test]
    fn topics_are_meant_as_the_node_takes_them() {
        let topics = [
            topic("/front/image_raw", "sensor_msgs/msg/Image"),
            topic("/rear/image/compressed", "sensor_msgs/msg/CompressedImage"),
        ];
        let chosen = |asked: &str| {
            choose(&topics, &[asked.to_owned()], &Parameters::default()).map(|cameras| cameras[0].topic.clone())
        };
        for (asked, meant) in [
            ("/front/image_raw", "/front/image_raw"),
            ("front/image_raw", "/front/image_raw"),
            ("/rear/image", "/rear/image/compressed"),
            ("rear/image/compressed", "/rear/image/compressed"),
        ] {
            assert_eq!(chosen(asked).unwrap(), meant, "{asked}");
        }
        assert!(chosen("side/image").unwrap_err().to_string().contains("/side/image"));
    }

    #[test]
    fn image_topics_are_found_and_a_compressed_twin_is_left_out() {
        let cameras = choose(&drive(), &[], &Parameters::default()).expect("finds");
        assert_eq!(outputs(&cameras), ["/itnet/front", "/itnet/rear"]);
        assert_eq!(cameras[0].kind, ImageKind::Raw);
        assert_eq!(cameras[1].info_topic, "/rear/camera_info");
    }

    #[test]
    fn a_lone_camera_publishes_below_the_node_itself() {
        let cameras = choose(&drive(), &["/front/image_raw".into()], &Parameters::default()).expect("finds");
        assert_eq!(outputs(&cameras), ["/itnet"]);
    }

    #[test]
    fn parameters_name_cameras_and_give_them_budgets() {
        let mut parameters = Parameters::default();
        let texts = |texts: &[&str]| Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
        parameters.set("cameras", texts(&["a", "b"])).expect("fits");
        parameters.set("a.topic", Value::Text("/front/image_raw".into())).expect("fits");
        parameters.set("a.budget_ms", Value::Double(5.0)).expect("fits");
        let error = choose(&drive(), &[], &parameters).expect_err("b has none").to_string();
        assert!(error.contains("b.topic"), "{error}");
        parameters.set("b.topic", Value::Text("/rear/image_raw/compressed".into())).expect("fits");
        parameters.set("b.budget_ms", Value::Double(0.0)).expect("fits");
        let cameras = choose(&drive(), &[], &parameters).expect("finds");
        assert_eq!(outputs(&cameras), ["/itnet/a", "/itnet/b"]);
        assert_eq!(cameras[0].budget, Duration::from_millis(5));
        assert_eq!(cameras[1].budget, Duration::from_millis(33));
    }

    #[test]
    fn two_topics_of_one_camera_do_not_fall_together() {
        let asked = ["/front/image_raw".to_owned(), "/front/image_raw/compressed".to_owned()];
        let cameras = choose(&drive(), &asked, &Parameters::default()).expect("finds");
        assert_eq!(outputs(&cameras), ["/itnet/front/image_raw", "/itnet/front/image_raw/compressed"]);
    }

    #[test]
    fn a_namespace_that_is_another_cameras_topic_is_given_once() {
        let topics = ["/cam/left", "/cam/right", "/cam/left/rect"].map(|name| topic(name, "sensor_msgs/msg/Image"));
        let cameras = choose(&topics, &[], &Parameters::default()).expect("finds");
        assert_eq!(outputs(&cameras), ["/itnet/cam/left", "/itnet/cam/right", "/itnet/cam/left/rect"]);
    }

    #[test]
    fn the_same_topic_twice_and_names_that_fit_no_topic_are_refused() {
        let asked = ["/front/image_raw".to_owned(), "/front/image_raw".to_owned()];
        let error = choose(&drive(), &asked, &Parameters::default()).expect_err("twice").to_string();
        assert!(error.contains("/front/image_raw"), "{error}");
        for name in ["front.left", "", "a b", "iterations"] {
            let mut parameters = Parameters::default();
            parameters.set("cameras", Value::Texts(vec![name.to_owned()])).expect("fits");
            let error = choose(&drive(), &[], &parameters).expect_err("no name").to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn a_topic_that_is_not_there_or_no_image_is_named_with_what_there_is() {
        let error = choose(&drive(), &["/left".into()], &Parameters::default()).expect_err("no such").to_string();
        assert!(error.contains("/left") && error.contains("/rear/image_raw/compressed"), "{error}");
        let error = choose(&drive(), &["/tf".into()], &Parameters::default()).expect_err("no image").to_string();
        assert!(error.contains("/tf") && error.contains("TFMessage"), "{error}");
        assert!(choose(&drive()[..1], &[], &Parameters::default()).is_err());
    }
}
