//! What a parameter's value may be: type, default and range, in words and as a check.

use super::{ParameterError, Value};

/// Type, default and range of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// True or false.
    Bool {
        /// Its default.
        default: bool,
    },
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
    /// A text: one of `choices` where there are some, else any; an empty one only where the default is empty.
    Text {
        /// Its default.
        default: &'static str,
        /// The values allowed; none: all.
        choices: &'static [&'static str],
    },
    /// A list of whole numbers, empty by default.
    Integers {
        /// The least value of an entry.
        min: i64,
        /// The greatest value of an entry.
        max: i64,
    },
    /// A list of texts, empty by default.
    Texts,
}

impl Kind {
    /// The value that holds until another one is set.
    pub fn default(&self) -> Value {
        match *self {
            Kind::Bool { default } => Value::Bool(default),
            Kind::Double { default, .. } => Value::Double(default),
            Kind::Integer { default, .. } => Value::Integer(default),
            Kind::Text { default, .. } => Value::Text(default.to_owned()),
            Kind::Integers { .. } => Value::Integers(Vec::new()),
            Kind::Texts => Value::Texts(Vec::new()),
        }
    }

    /// The type in a word or two, e.g. `list of whole numbers`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Kind::Bool { .. } => "true or false",
            Kind::Double { .. } => "number",
            Kind::Integer { .. } => "whole number",
            Kind::Text { .. } => "text",
            Kind::Integers { .. } => "list of whole numbers",
            Kind::Texts => "list of texts",
        }
    }

    /// The range in words, e.g. `0.1 to 10000`, or the choices; empty where every value of the type fits.
    pub fn range(&self) -> String {
        match *self {
            Kind::Double { min, max, .. } => format!("{min} to {max}"),
            Kind::Integer { min, max, .. } | Kind::Integers { min, max } => format!("{min} to {max}"),
            Kind::Text { choices, .. } => {
                let quoted = |choice: &&str| if choice.is_empty() { "\"\"".to_owned() } else { (*choice).to_owned() };
                choices.iter().map(quoted).collect::<Vec<_>>().join(", ")
            }
            Kind::Bool { .. } | Kind::Texts => String::new(),
        }
    }

    /// Type and range in words, e.g. `a number from 0.1 to 10000`.
    pub fn expected(&self) -> String {
        let (name, range) = (self.type_name(), self.range());
        match self {
            Kind::Bool { .. } => name.to_owned(),
            Kind::Text { default: "", choices: [] } => format!("a {name}"),
            Kind::Text { choices: [], .. } => format!("a {name} that is not empty"),
            Kind::Text { .. } => format!("one of {range}"),
            Kind::Double { .. } | Kind::Integer { .. } | Kind::Integers { .. } => format!("a {name} from {range}"),
            Kind::Texts => format!("a {name}"),
        }
    }

    /// The value as this type holds it: an integer becomes a double where one is asked for, an empty list one of the
    /// right type. `name` is how errors call the parameter.
    pub fn check(&self, name: &str, value: Value) -> Result<Value, ParameterError> {
        let got = value.to_string();
        match self.fit(value) {
            Some((value, true)) => Ok(value),
            Some(_) => Err(ParameterError::Range { name: name.to_owned(), expected: self.expected(), got }),
            None => Err(ParameterError::Type { name: name.to_owned(), expected: self.expected(), got }),
        }
    }

    /// The value in this type and whether it lies in the range; `None` where the type is another.
    fn fit(&self, value: Value) -> Option<(Value, bool)> {
        let fits = match (*self, &value) {
            (Kind::Integers { .. } | Kind::Texts, list) if list.is_empty_list() => return Some((self.default(), true)),
            (Kind::Double { .. }, Value::Integer(n)) => return self.fit(Value::Double(*n as f64)),
            (Kind::Bool { .. }, Value::Bool(_)) | (Kind::Texts, Value::Texts(_)) => true,
            (Kind::Double { min, max, .. }, Value::Double(x)) => (min..=max).contains(x),
            (Kind::Integer { min, max, .. }, Value::Integer(n)) => (min..=max).contains(n),
            (Kind::Text { default, choices: [] }, Value::Text(text)) => default.is_empty() || !text.is_empty(),
            (Kind::Text { choices, .. }, Value::Text(text)) => choices.contains(&text.as_str()),
            (Kind::Integers { min, max }, Value::Integers(list)) => list.iter().all(|n| (min..=max).contains(n)),
            _ => return None,
        };
        Some((value, fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_of_any_type_is_an_empty_list() {
        let list = Kind::Integers { min: 0, max: 255 };
        for empty in [Value::Bools(vec![]), Value::Texts(vec![]), Value::Bytes(vec![]), Value::Integers(vec![])] {
            assert_eq!(list.check("class_remap", empty), Ok(Value::Integers(vec![])));
        }
        assert!(list.check("class_remap", Value::Text(String::new())).is_err());
    }

    #[test]
    fn a_text_may_be_empty_only_where_its_default_is() {
        let empty = || Value::Text(String::new());
        assert!(Kind::Text { default: "", choices: &[] }.check("topic", empty()).is_ok());
        let error = Kind::Text { default: "itnet", choices: &[] }.check("hardware_id", empty()).expect_err("empty");
        assert_eq!(error.to_string(), "parameter `hardware_id` must be a text that is not empty, got \"\"");
    }

    #[test]
    fn each_entry_of_a_list_has_to_lie_in_the_range() {
        let list = Kind::Integers { min: 0, max: 255 };
        assert_eq!(list.check("class_remap", Value::Integers(vec![0, 255])), Ok(Value::Integers(vec![0, 255])));
        let error = list.check("class_remap", Value::Integers(vec![0, 256])).expect_err("too large").to_string();
        assert_eq!(error, "parameter `class_remap` must be a list of whole numbers from 0 to 255, got [0, 256]");
    }
}
