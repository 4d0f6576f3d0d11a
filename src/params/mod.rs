//! The parameters of the node and of replay: one table, from which everything else follows.
//!
//! The table gives name, type, default, range and description; files, messages and documentation are checked against it. Knows
//! nothing of ROS services or of what a parameter is used for.

mod file;
mod table;

pub use file::{ParameterFileError, read_file};
pub use table::{Kind, PARAMETERS, Parameter, camera_parameter, find};

use std::collections::BTreeMap;

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// True or false.
    Bool(bool),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Integer(n) => write!(f, "{n}"),
            Value::Double(x) => write!(f, "{x:?}"),
            Value::Text(text) => write!(f, "\"{text}\""),
            Value::Texts(texts) => write!(f, "{texts:?}"),
            Value::Bool(flag) => write!(f, "{flag}"),
        }
    }
}

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error("there is no parameter `{name}`{}", hint(.name))]
    Unknown {
        /// As it was given.
        name: String,
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

/// Names the parameter that was probably meant.
fn hint(name: &str) -> String {
    let near = PARAMETERS.iter().find(|p| p.name.replace(['_', '.'], "") == name.replace(['_', '.', '-'], ""));
    near.map_or_else(String::new, |p| format!("; did you mean `{}`?", p.name))
}

/// A checked set of parameters; those that were not set have their defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    set: BTreeMap<String, Value>,
}

impl Parameters {
    /// Sets a parameter after checking name, type and range. An integer is accepted where a double is asked for.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), ParameterError> {
        let parameter = find(name).ok_or_else(|| ParameterError::Unknown { name: name.to_owned() })?;
        self.set.insert(name.to_owned(), parameter.check(name, value)?);
        Ok(())
    }

    /// The value in force: what was set, else the table's default. `None` for a name that the table lacks.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.set.get(name).cloned().or_else(|| Some(find(name)?.default()))
    }

    /// Whether the parameter was set.
    pub fn is_set(&self, name: &str) -> bool {
        self.set.contains_key(name)
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
    fn every_default_lies_in_its_own_range() {
        for parameter in PARAMETERS {
            parameter.check(parameter.name, parameter.default()).expect(parameter.name);
        }
    }
}
