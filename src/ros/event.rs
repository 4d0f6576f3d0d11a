//! Changes of parameters as the message that tells of them.

use super::parameters::ParameterType;
use crate::frame::Stamp;
use crate::message::{ParameterEvent, ParameterMessage, ParameterValue};
use crate::params::Value;

/// A value as rcl_interfaces has it.
pub fn value(value: &Value) -> ParameterValue {
    let mut message = ParameterValue { kind: ParameterType::of(value) as u8, ..ParameterValue::default() };
    match value.clone() {
        Value::Bool(flag) => message.bool_value = flag,
        Value::Integer(n) => message.integer_value = n,
        Value::Double(x) => message.double_value = x,
        Value::Text(text) => message.string_value = text,
        Value::Bytes(bytes) => message.byte_array_value = bytes,
        Value::Bools(flags) => message.bool_array_value = flags,
        Value::Integers(numbers) => message.integer_array_value = numbers,
        Value::Doubles(numbers) => message.double_array_value = numbers,
        Value::Texts(texts) => message.string_array_value = texts,
    }
    message
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
            Value::Bytes(Vec::new()),
            Value::Bools(Vec::new()),
            Value::Integers(Vec::new()),
            Value::Doubles(Vec::new()),
            Value::Texts(Vec::new()),
        ];
        assert_eq!(values.map(|it| value(&it).kind), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
