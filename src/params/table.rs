//! The table of parameters.

use super::{Kind, ParameterError, Value};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// The name, with dots between groups and the unit as suffix.
    pub name: &'static str,
    /// Type, default and range.
    pub kind: Kind,
    /// Only read at start.
    pub read_only: bool,
    /// Means something in the node only; elsewhere it is accepted and does nothing.
    pub node_only: bool,
    /// One sentence for people.
    pub description: &'static str,
}

const fn row(name: &'static str, kind: Kind, description: &'static str) -> Parameter {
    Parameter { name, kind, read_only: false, node_only: false, description }
}

const fn flag(name: &'static str, default: bool, description: &'static str) -> Parameter {
    row(name, Kind::Bool { default }, description)
}

const fn double(name: &'static str, default: f64, min: f64, max: f64, description: &'static str) -> Parameter {
    row(name, Kind::Double { default, min, max }, description)
}

const fn integer(name: &'static str, default: i64, min: i64, max: i64, description: &'static str) -> Parameter {
    row(name, Kind::Integer { default, min, max }, description)
}

const fn text(
    name: &'static str,
    default: &'static str,
    choices: &'static [&'static str],
    description: &'static str,
) -> Parameter {
    row(name, Kind::Text { default, choices }, description)
}

const fn at_start(parameter: Parameter) -> Parameter {
    Parameter { read_only: true, ..parameter }
}

const fn in_node(parameter: Parameter) -> Parameter {
    Parameter { node_only: true, ..parameter }
}

/// All parameters that have a fixed name.
pub const PARAMETERS: &[Parameter] = &[
    double("budget_ms", 33.0, 0.1, 10_000.0, "Time from a frame's arrival to its mask, in milliseconds."),
    double(
        "compute_share",
        1.0,
        0.05,
        1.0,
        "Largest part of a CPU that each of the network's threads may use on average; 1 is no limit.",
    ),
    integer("iterations.min", 1, 1, 64, "Iterations before the first exit; they run whatever the time."),
    integer(
        "iterations.max",
        64,
        1,
        64,
        "Iterations after which nothing more is done; the model's own limit is lower.",
    ),
    double(
        "converged_change",
        0.0,
        0.0,
        1.0,
        "Stop once less than this fraction of the mask changes from exit to exit; 0 never stops.",
    ),
    flag(
        "warm_start",
        false,
        "Start frames from the state the camera's last frame ended with, where the model offers it; cold after a gap or a cut.",
    ),
    double(
        "warm_max_gap_ms",
        250.0,
        1.0,
        10_000.0,
        "Longest time between the stamps of two frames for a warm start, in milliseconds.",
    ),
    text("publish", "final", &["final", "progressive"], "One mask a frame, or each exit as it finishes."),
    double("overlay_alpha", 0.5, 0.0, 1.0, "Opacity of the classes in the overlay."),
    text("mask_size", "input", &["input", "network"], "Masks of the frame's size, or of the network's input."),
    at_start(integer(
        "threads",
        1,
        1,
        64,
        "Threads of the network; no more than the CPUs that are ours are used, or than a quota keeps busy.",
    )),
    at_start(row(
        "cpu_affinity",
        Kind::Integers { min: 0, max: 1023 },
        "CPUs that the network's threads run on, such as [2, 3]; empty: all that are ours.",
    )),
    at_start(integer(
        "nice",
        0,
        -20,
        19,
        "Added to the nice value of the network's threads; below 0 they run before others, if the system allows it.",
    )),
    at_start(integer(
        "fifo_priority",
        0,
        0,
        99,
        "Real-time priority (SCHED_FIFO) of the network's threads, if the system allows it; 0: none.",
    )),
    at_start(flag("lock_memory", false, "Keep the process's memory from being paged out, if the system allows it.")),
    at_start(text(
        "precision",
        "auto",
        &["auto", "f32", "bf16", "int8"],
        "What convolutions multiply; auto: the fastest that the processor has and, by the manifest, hardly costs accuracy.",
    )),
    at_start(text("model", "models/itnet-s", &[], "Folder of the model bundle.")),
    at_start(row(
        "cameras",
        Kind::Texts,
        "Names of the cameras, each a group with a topic. None: the topic `image`; in replay, every image topic.",
    )),
    at_start(in_node(flag(
        "autostart",
        true,
        "Configure and activate at start; false leaves both to a lifecycle manager.",
    ))),
    in_node(flag("use_sim_time", false, "Take ROS time from /clock; deadlines are on the steady clock all the same.")),
    at_start(in_node(text(
        "image_transport",
        "raw",
        &["raw", "compressed"],
        "Subscribe to images, or to the compressed ones beside them.",
    ))),
    in_node(text(
        "mask_encoding",
        "mono8",
        &["mono8", "autoware_rle"],
        "A byte a pixel, or the runs that Autoware's segmentation fusion reads.",
    )),
    in_node(row(
        "class_remap",
        Kind::Integers { min: 0, max: 255 },
        "Entry i is the class id published for the model's class i; empty: as the model has them.",
    )),
    in_node(double("no_frame_s", 5.0, 0.5, 3600.0, "Seconds without a frame after which the log says why.")),
    in_node(text("diagnostics.hardware_id", "itnet", &[], "Hardware id in the diagnostics.")),
    in_node(double(
        "diagnostics.missed_warn",
        0.01,
        0.0,
        1.0,
        "Share of a second's frames that may miss their deadline before the diagnostics warn.",
    )),
    in_node(double(
        "diagnostics.dropped_warn",
        0.5,
        0.0,
        1.0,
        "Share of a second's frames that may be dropped before the diagnostics warn.",
    )),
];

/// The parameters of each camera, spelled `<camera>.<name>`.
pub const CAMERA_PARAMETERS: &[Parameter] = &[
    at_start(text("topic", "", &[], "Image topic of this camera.")),
    double("budget_ms", 0.0, 0.0, 10_000.0, "Budget of this camera's frames, in milliseconds; 0: as `budget_ms`."),
    text(
        "warm_start",
        "",
        &["warm", "cold", ""],
        "Whether this camera's frames may start warm or always start cold; empty: as `warm_start`.",
    ),
    at_start(in_node(text(
        "image_transport",
        "",
        &["raw", "compressed", ""],
        "Transport of this camera's images; empty: as `image_transport`.",
    ))),
];

/// The group of QoS overrides. They are named after topics, so the table has no rows for them.
pub const QOS_OVERRIDES: &str = "qos_overrides";

/// Whether the name is that of a QoS override, such as `qos_overrides./front/image.subscription.depth`.
pub fn is_qos_override(name: &str) -> bool {
    name.strip_prefix(QOS_OVERRIDES).is_some_and(|rest| rest.starts_with('.'))
}

/// The row for `name`, which may be a parameter of a camera.
pub fn find(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|p| p.name == name).or_else(|| camera_parameter(name).map(|(_, p)| p))
}

/// Camera and row of a name like `front.budget_ms`; `None` where it is no parameter of a camera.
pub fn camera_parameter(name: &str) -> Option<(&str, &'static Parameter)> {
    let (camera, rest) = name.split_once('.')?;
    let parameter = CAMERA_PARAMETERS.iter().find(|p| p.name == rest)?;
    (!camera.is_empty()).then_some((camera, parameter))
}

/// What [`is_camera_name`] asks for, in words.
pub const CAMERA_NAME: &str = "letters, digits and single _, a letter first, and no group of other parameters";

/// Whether a camera can have this name: it becomes a part of topics and a group of parameters.
pub fn is_camera_name(name: &str) -> bool {
    let group = |p: &Parameter| p.name.split_once('.').is_some_and(|(group, _)| group == name);
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.contains("__")
        && name != QOS_OVERRIDES
        && !PARAMETERS.iter().any(group)
}

impl Parameter {
    /// The value that holds until another one is set.
    pub fn default(&self) -> Value {
        self.kind.default()
    }

    /// Type and range in words, e.g. `a number from 0.1 to 10000`.
    pub fn expected(&self) -> String {
        self.kind.expected()
    }

    /// The value as the parameter holds it; `name` is how errors call the parameter. See [`Kind::check`].
    pub fn check(&self, name: &str, value: Value) -> Result<Value, ParameterError> {
        self.kind.check(name, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_lies_in_its_own_range() {
        for parameter in PARAMETERS.iter().chain(CAMERA_PARAMETERS) {
            assert_eq!(parameter.check(parameter.name, parameter.default()), Ok(parameter.default()));
        }
    }

    #[test]
    fn names_are_unique_and_descriptions_are_sentences() {
        for table in [PARAMETERS, CAMERA_PARAMETERS] {
            for (i, parameter) in table.iter().enumerate() {
                assert!(table[..i].iter().all(|p| p.name != parameter.name), "{} twice", parameter.name);
                assert!(parameter.description.ends_with('.'), "{}", parameter.name);
            }
        }
    }

    #[test]
    fn a_camera_has_a_name_that_topics_and_groups_can_have() {
        for name in ["front", "rear_left", "c0"] {
            assert!(is_camera_name(name), "{name}");
        }
        for name in ["", "0c", "_c", "a b", "a.b", "a/b", "a__b", "iterations", "diagnostics", "qos_overrides"] {
            assert!(!is_camera_name(name), "{name}");
        }
    }
}
