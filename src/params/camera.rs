//! The cameras that parameters name: which topic each is on, and how long each of its frames may take.

use std::time::Duration;

use super::{CAMERA_NAME, Parameters, is_camera_name};

/// A camera as the parameters have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCamera {
    /// Its name in `cameras`.
    pub name: String,
    /// Its image topic, as it was given.
    pub topic: String,
    /// Whether its images come compressed.
    pub compressed: bool,
    /// Time allowed for each of its frames.
    pub budget: Duration,
    /// Whether its frames may start warm.
    pub warm: bool,
}

/// Why the parameters name no cameras.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CameraError {
    /// A camera has no topic.
    #[error("camera `{camera}` of parameter `cameras` has no topic: set `{camera}.topic`")]
    NoTopic {
        /// The camera.
        camera: String,
    },
    /// A camera's name cannot stand in a topic, or stands twice.
    #[error("parameter `cameras`: expected names ({CAMERA_NAME}), each once, got `{camera}`")]
    Name {
        /// The name.
        camera: String,
    },
}

impl Parameters {
    /// The cameras of `cameras`, in that order; none where none is named.
    pub fn named_cameras(&self) -> Result<Vec<NamedCamera>, CameraError> {
        let mut cameras: Vec<NamedCamera> = Vec::new();
        for name in self.texts("cameras") {
            if !is_camera_name(&name) || cameras.iter().any(|camera| camera.name == name) {
                return Err(CameraError::Name { camera: name });
            }
            let topic = self.text(&format!("{name}.topic"));
            if topic.is_empty() {
                return Err(CameraError::NoTopic { camera: name });
            }
            let compressed = self.is_compressed(&name);
            let (budget, warm) = (self.budget_of(&name), self.may_start_warm(&name));
            cameras.push(NamedCamera { topic, compressed, budget, warm, name });
        }
        Ok(cameras)
    }

    /// Whether the images of a camera come compressed; the empty name stands for the only camera of a node without names.
    pub fn is_compressed(&self, camera: &str) -> bool {
        let own = self.text(&format!("{camera}.image_transport"));
        let transport = if own.is_empty() { self.text("image_transport") } else { own };
        transport == "compressed"
    }

    /// Whether frames of a camera may start warm: by its own word, else by that for all.
    pub fn may_start_warm(&self, camera: &str) -> bool {
        match self.text(&format!("{camera}.warm_start")).as_str() {
            "warm" => true,
            "cold" => false,
            _ => self.flag("warm_start"),
        }
    }

    /// Time allowed for each frame of a camera: its own budget, else that of all.
    pub fn budget_of(&self, camera: &str) -> Duration {
        let own = self.double(&format!("{camera}.budget_ms"));
        let ms = if own > 0.0 { own } else { self.double("budget_ms") };
        Duration::from_secs_f64(ms / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Value;

    fn parameters(set: &[(&str, Value)]) -> Parameters {
        let mut parameters = Parameters::default();
        set.iter().for_each(|(name, value)| parameters.set(name, value.clone()).expect(name));
        parameters
    }

    fn names(names: &[&str]) -> Value {
        Value::Texts(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_camera_has_what_is_its_own_and_else_what_holds_for_all() {
        let text = |text: &str| Value::Text(text.to_owned());
        let parameters = parameters(&[
            ("cameras", names(&["front", "rear"])),
            ("front.topic", text("/f")),
            ("rear.topic", text("/r")),
            ("rear.budget_ms", Value::Double(5.0)),
            ("rear.image_transport", text("compressed")),
        ]);
        let cameras = parameters.named_cameras().expect("two cameras");
        let told: Vec<_> = cameras.iter().map(|c| (c.name.as_str(), c.compressed, c.budget.as_millis())).collect();
        assert_eq!(told, [("front", false, 33), ("rear", true, 5)]);
        assert_eq!(parameters.budget_of(""), Duration::from_millis(33));
    }

    #[test]
    fn a_camera_may_start_warm_or_cold_whatever_holds_for_all() {
        for (all, expected) in [(false, [false, true, false]), (true, [true, true, false])] {
            let parameters = parameters(&[
                ("warm_start", Value::Bool(all)),
                ("b.warm_start", Value::Text("warm".to_owned())),
                ("c.warm_start", Value::Text("cold".to_owned())),
            ]);
            assert_eq!(["a", "b", "c"].map(|camera| parameters.may_start_warm(camera)), expected);
            assert_eq!(parameters.may_start_warm(""), all);
        }
    }

    #[test]
    fn a_name_that_fits_no_topic_or_stands_twice_and_a_camera_without_topic_are_named() {
        for bad in [&["a b"][..], &[""], &["front.left"]] {
            let error = parameters(&[("cameras", names(bad))]).named_cameras().expect_err("no name").to_string();
            assert!(error.contains(&format!("`{}`", bad[0])), "{error}");
        }
        let topic = ("front.topic", Value::Text("/f".to_owned()));
        let twice = parameters(&[("cameras", names(&["front", "front"])), topic]).named_cameras();
        assert_eq!(twice, Err(CameraError::Name { camera: "front".to_owned() }));
        let error = parameters(&[("cameras", names(&["rear"]))]).named_cameras().expect_err("no topic").to_string();
        assert!(error.contains("rear.topic"), "{error}");
    }
}
