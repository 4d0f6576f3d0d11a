//! Changes of parameters as the message that tells of them.

use crate::frame::Stamp;
use crate::message::{ParameterEvent, ParameterMessage, ParameterValue};
use crate::params::Value;

/// A value as rcl_interfaces has it.
pub fn value(value: &Value) -> ParameterValue {
    let none = ParameterValue::default();
    match value {
        Value::Bool(flag) => ParameterValue { kind: ParameterValue::BOOL, bool_value: *flag, ..none },
        Value::Integer(n) => ParameterValue { kind: ParameterValue::INTEGER, integer_value: *n, ..none },
        Value::Double(x) => ParameterValue { kind: ParameterValue::DOUBLE, double_value: *x, ..none },
        Value::Text(text) => ParameterValue { kind: ParameterValue::STRING, string_value: text.clone(), ..none },
        Value::Texts(texts) => {
            ParameterValue { kind: ParameterValue::STRING_ARRAY, string_array_value: texts.clone(), ..none }
        }
    }
}

/// The parameters `new` and `changed` of the node with the full name `node`.
pub fn parameter_event(stamp: Stamp, node: &str, new: &[(&str, &Value)], changed: &[(&str, &Value)]) -> ParameterEvent {
    let list = |parameters: &[(&str, &Value)]| {
        let message = |(name, it): &(&str, &Value)| ParameterMessage { name: (*name).to_owned(), value: value(it) };
        parameters.iter().map(message).collect()
    };
    ParameterEvent {
        stamp,
        node: node.to_owned(),
        new_parameters: list(new),
        changed_parameters: list(changed),
        deleted_parameters: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_parameter_is_told_with_its_type_and_value() {
        let texts = Value::Texts(vec!["front".to_owned()]);
        let event =
            parameter_event(Stamp::default(), "/itnet", &[("cameras", &texts)], &[("budget_ms", &Value::Double(5.0))]);
        assert_eq!((event.node.as_str(), event.deleted_parameters.len()), ("/itnet", 0));
        assert_eq!(event.new_parameters[0].value.string_array_value, ["front"]);
        let changed = &event.changed_parameters[0];
        assert_eq!((changed.name.as_str(), changed.value.kind, changed.value.double_value), ("budget_ms", 3, 5.0));
    }

    #[test]
    fn every_type_of_value_has_its_number() {
        let values = [
            Value::Bool(true),
            Value::Integer(1),
            Value::Double(1.0),
            Value::Text("a".to_owned()),
            Value::Texts(Vec::new()),
        ];
        assert_eq!(values.map(|it| value(&it).kind), [1, 2, 3, 4, 9]);
    }
}
