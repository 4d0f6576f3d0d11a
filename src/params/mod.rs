//! The parameters of the node and of replay: one table, from which everything else follows.
//!
//! The table gives name, type, default, range and description; parameter file, JSON schema and the README's tables are
//! printed from it. Knows nothing of ROS services or of what a parameter is used for.

mod camera;
mod document;
mod file;
mod kind;
mod near;
mod schema;
mod table;
mod tree;
mod value;

pub use camera::{CameraError, NamedCamera};
pub use document::{markdown, yaml};
pub use file::{ParameterFileError, other_nodes, parse_value, read_file, read_values};
pub use kind::Kind;
pub use schema::schema;
pub use table::{
    CAMERA_NAME, CAMERA_PARAMETERS, PARAMETERS, Parameter, QOS_OVERRIDES, camera_parameter, find, is_camera_name,
    is_qos_override,
};
pub use value::Value;

use std::collections::BTreeMap;

use near::near;

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error("there is no parameter `{name}`{}", meant(.near))]
    Unknown {
        /// As it was given.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// A parameter of a camera that is not there.
    #[error("there is no parameter `{name}`: `cameras` does not name `{camera}`")]
    NoCamera {
        /// As it was given.
        name: String,
        /// The camera.
        camera: String,
    },
    /// The type does not fit.
    #[error("parameter `{name}` takes {expected}, got {got}")]
    Type {
        /// The parameter.
        name: String,
        /// The type and its range, in words.
        expected: String,
        /// The value, in words.
        got: String,
    },
    /// The value lies outside its range or is none of the choices.
    #[error("parameter `{name}` must be {expected}, got {got}")]
    Range {
        /// The parameter.
        name: String,
        /// The range or the choices.
        expected: String,
        /// The value.
        got: String,
    },
}

impl ParameterError {
    /// The error for a name that is not among the `known` ones.
    pub fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        match camera_parameter(name) {
            Some((camera, _)) => Self::NoCamera { name: name.to_owned(), camera: camera.to_owned() },
            None => Self::Unknown { name: name.to_owned(), near: near(name, known) },
        }
    }
}

fn meant(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// A checked set of parameters; those that were not set have their defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    set: BTreeMap<String, Value>,
}

impl Parameters {
    /// Sets a parameter after checking name, type and range. An integer is accepted where a double is asked for.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), ParameterError> {
        let unknown = || ParameterError::unknown(name, PARAMETERS.iter().map(|parameter| parameter.name));
        let parameter = find(name).ok_or_else(unknown)?;
        self.set.insert(name.to_owned(), parameter.check(name, value)?);
        Ok(())
    }

    /// Whether the parameters fit together: `iterations.min` is at most `iterations.max`.
    pub fn check_together(&self) -> Result<(), ParameterError> {
        let least = self.set.iter().find_map(|(name, value)| match value {
            Value::Double(ms) if name.ends_with(".budget_ms") && *ms > 0.0 && *ms < 0.1 => Some((name, ms)),
            _ => None,
        });
        if let Some((name, ms)) = least {
            let expected = "0 or at least 0.1".to_owned();
            return Err(ParameterError::Range { name: name.clone(), expected, got: ms.to_string() });
        }
        let (min, max) = (self.integer("iterations.min"), self.integer("iterations.max"));
        if min <= max {
            return Ok(());
        }
        Err(ParameterError::Range {
            name: "iterations.min".to_owned(),
            expected: "at most `iterations.max`".to_owned(),
            got: format!("{min} with `iterations.max` {max}"),
        })
    }

    /// The value in force: what was set, else the table's default. `None` for a name that the table lacks.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.set.get(name).cloned().or_else(|| Some(find(name)?.default()))
    }

    /// Whether the parameter was set.
    pub fn is_set(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// True or false; false for a name that is neither in the table.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true)))
    }

    /// A number; the table's default, or 0 for a name that is no number there.
    pub fn double(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Value::Double(x)) => x,
            Some(Value::Integer(n)) => n as f64,
            _ => 0.0,
        }
    }

    /// A whole number; 0 for a name that is none in the table.
    pub fn integer(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Value::Integer(n)) => n,
            _ => 0,
        }
    }

    /// A text; empty for a name that is none in the table.
    pub fn text(&self, name: &str) -> String {
        match self.get(name) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        }
    }

    /// A list of whole numbers; empty for a name that is none in the table.
    pub fn integers(&self, name: &str) -> Vec<i64> {
        match self.get(name) {
            Some(Value::Integers(list)) => list,
            _ => Vec::new(),
        }
    }

    /// A list of texts; empty for a name that is none in the table.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Texts(texts)) => texts,
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_set_has_its_default() {
        assert_eq!(Parameters::default().double("budget_ms"), 33.0);
    }

    #[test]
    fn an_integer_is_accepted_for_a_double() {
        let mut parameters = Parameters::default();
        parameters.set("budget_ms", Value::Integer(5)).expect("fits");
        assert_eq!(parameters.get("budget_ms"), Some(Value::Double(5.0)));
    }

    #[test]
    fn a_refused_value_names_the_parameter_and_its_range_and_changes_nothing() {
        let mut parameters = Parameters::default();
        let error = parameters.set("budget_ms", Value::Double(-1.0)).expect_err("out of range").to_string();
        assert!(error.contains("`budget_ms`") && error.contains("0.1") && error.contains("-1"), "{error}");
        let error = parameters.set("budget_ms", Value::Text("abc".into())).expect_err("no number").to_string();
        assert!(error.contains("number") && error.contains("abc"), "{error}");
        let error = parameters.set("publish", Value::Text("all".into())).expect_err("no choice").to_string();
        assert!(error.contains("final") && error.contains("progressive"), "{error}");
        let nan = parameters.set("budget_ms", Value::Double(f64::NAN));
        assert!(nan.is_err() && !parameters.is_set("budget_ms"));
    }

    #[test]
    fn an_unknown_name_is_refused_and_the_near_one_is_named() {
        let error = Parameters::default().set("budgetms", Value::Integer(5)).expect_err("unknown").to_string();
        assert!(error.contains("budget_ms"), "{error}");
    }

    #[test]
    fn the_least_number_of_iterations_is_at_most_the_greatest() {
        let mut parameters = Parameters::default();
        parameters.set("iterations.max", Value::Integer(3)).expect("fits");
        assert_eq!(parameters.check_together(), Ok(()));
        parameters.set("front.budget_ms", Value::Double(0.01)).expect("fits");
        let error = parameters.check_together().expect_err("0.01 < 0.1").to_string();
        assert_eq!(error, "parameter `front.budget_ms` must be 0 or at least 0.1, got 0.01");
        parameters.set("front.budget_ms", Value::Double(0.0)).expect("fits");
        parameters.set("iterations.min", Value::Integer(4)).expect("fits");
        let error = parameters.check_together().expect_err("4 > 3").to_string();
        assert_eq!(error, "parameter `iterations.min` must be at most `iterations.max`, got 4 with `iterations.max` 3");
    }
}
