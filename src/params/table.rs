//! The table of parameters.

use super::{ParameterError, Value};

/// Type, default and range of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A number.
    Double {
        /// Its default.
        default: f64,
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
    },
    /// A whole number.
    Integer {
        /// Its default.
        default: i64,
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// A text: any, or one of `choices` where there are some.
    Text {
        /// Its default.
        default: &'static str,
        /// The values allowed; none: all.
        choices: &'static [&'static str],
    },
    /// A list of texts, empty by default.
    Texts,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// The name, with dots between groups and the unit as suffix.
    pub name: &'static str,
    /// Type, default and range.
    pub kind: Kind,
    /// Only read at start.
    pub read_only: bool,
    /// One sentence for people.
    pub description: &'static str,
}

const fn double(name: &'static str, default: f64, min: f64, max: f64, description: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Double { default, min, max }, read_only: false, description }
}

const fn integer(name: &'static str, default: i64, min: i64, max: i64, description: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Integer { default, min, max }, read_only: false, description }
}

const fn text(
    name: &'static str,
    default: &'static str,
    choices: &'static [&'static str],
    description: &'static str,
) -> Parameter {
    Parameter { name, kind: Kind::Text { default, choices }, read_only: false, description }
}

const fn at_start(parameter: Parameter) -> Parameter {
    Parameter { read_only: true, ..parameter }
}

/// All parameters that have a fixed name.
pub const PARAMETERS: &[Parameter] = &[
    double("budget_ms", 33.0, 0.1, 10_000.0, "Time from a frame's arrival to its mask, in milliseconds."),
    double("compute_share", 1.0, 0.05, 1.0, "Share of the time that may be spent computing; 1 is all of it."),
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
        "Stop once less than this fraction of the mask changes from exit to exit.",
    ),
    text("publish", "final", &["final", "progressive"], "One mask a frame, or each exit as it finishes."),
    at_start(integer("threads", 1, 1, 64, "Threads of the network; no more than the CPUs that are ours are used.")),
    at_start(text("model", "models/itnet-s", &[], "Folder of the model bundle.")),
    at_start(Parameter {
        name: "cameras",
        kind: Kind::Texts,
        read_only: true,
        description: "Names of the cameras; each has `<camera>.topic` and may have `<camera>.budget_ms`.",
    }),
];

/// The parameters of each camera, spelled `<camera>.<name>`.
const OF_A_CAMERA: &[Parameter] = &[
    at_start(text("topic", "", &[], "Image topic of this camera.")),
    double("budget_ms", 33.0, 0.1, 10_000.0, "Budget of this camera's frames, in milliseconds."),
];

/// The row for `name`, which may be a parameter of a camera.
pub fn find(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|p| p.name == name).or_else(|| camera_parameter(name).map(|(_, p)| p))
}

/// Camera and row of a name like `front.budget_ms`; `None` where it is no parameter of a camera.
pub fn camera_parameter(name: &str) -> Option<(&str, &'static Parameter)> {
    let (camera, rest) = name.split_once('.')?;
    let parameter = OF_A_CAMERA.iter().find(|p| p.name == rest)?;
    (!camera.is_empty()).then_some((camera, parameter))
}

impl Parameter {
    /// The value that holds until another one is set.
    pub fn default(&self) -> Value {
        match self.kind {
            Kind::Double { default, .. } => Value::Double(default),
            Kind::Integer { default, .. } => Value::Integer(default),
            Kind::Text { default, .. } => Value::Text(default.to_owned()),
            Kind::Texts => Value::Texts(Vec::new()),
        }
    }

    /// Type and range in words, e.g. `a number from 0.1 to 10000`.
    pub fn expected(&self) -> String {
        match self.kind {
            Kind::Double { min, max, .. } => format!("a number from {min} to {max}"),
            Kind::Integer { min, max, .. } => format!("a whole number from {min} to {max}"),
            Kind::Text { choices: [], .. } => "a text".to_owned(),
            Kind::Text { choices, .. } => format!("one of {}", choices.join(", ")),
            Kind::Texts => "a list of texts".to_owned(),
        }
    }

    /// The value, with an integer turned into a double where one is asked for; `name` is how errors call the parameter.
    pub fn check(&self, name: &str, value: Value) -> Result<Value, ParameterError> {
        let expected = self.expected();
        let (name, got) = (name.to_owned(), value.to_string());
        let fits = |yes: bool, value: Value| match yes {
            true => Ok(value),
            false => Err(ParameterError::Range { name: name.clone(), expected: expected.clone(), got: got.clone() }),
        };
        match (self.kind, value) {
            (Kind::Double { min, max, .. }, Value::Double(x)) => fits(x >= min && x <= max, Value::Double(x)),
            (Kind::Double { min, max, .. }, Value::Integer(n)) => {
                let x = n as f64;
                fits(x >= min && x <= max, Value::Double(x))
            }
            (Kind::Integer { min, max, .. }, Value::Integer(n)) => fits(n >= min && n <= max, Value::Integer(n)),
            (Kind::Text { choices, .. }, Value::Text(text)) => {
                fits(choices.is_empty() || choices.contains(&text.as_str()), Value::Text(text))
            }
            (Kind::Texts, Value::Texts(texts)) => Ok(Value::Texts(texts)),
            _ => Err(ParameterError::Type { name, expected, got }),
        }
    }
}
