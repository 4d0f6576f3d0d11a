//! Parameter values from and to r2r's types.

use r2r::rcl_interfaces::msg::{self, ParameterValue as Wire};

use super::super::event;
use crate::params::Value;

/// The value in a request; `None` for "not set", by which a parameter would be deleted. The numbers are those of rcl_interfaces/ParameterType.
pub fn from_wire(wire: &Wire) -> Option<Value> {
    Some(match wire.type_ {
        1 => Value::Bool(wire.bool_value),
        2 => Value::Integer(wire.integer_value),
        3 => Value::Double(wire.double_value),
        4 => Value::Text(wire.string_value.clone()),
        5 => Value::Bytes(wire.byte_array_value.clone()),
        6 => Value::Bools(wire.bool_array_value.clone()),
        7 => Value::Integers(wire.integer_array_value.clone()),
        8 => Value::Doubles(wire.double_array_value.clone()),
        9 => Value::Texts(wire.string_array_value.clone()),
        _ => return None,
    })
}

/// The value in a reply.
pub fn to_wire(value: &Value) -> Wire {
    let value = event::value(value);
    Wire {
        type_: value.kind,
        bool_value: value.bool_value,
        integer_value: value.integer_value,
        double_value: value.double_value,
        string_value: value.string_value,
        byte_array_value: value.byte_array_value,
        bool_array_value: value.bool_array_value,
        integer_array_value: value.integer_array_value,
        double_array_value: value.double_array_value,
        string_array_value: value.string_array_value,
    }
}

/// Name and value of each parameter in a request.
pub fn changes(parameters: &[msg::Parameter]) -> Vec<(String, Option<Value>)> {
    parameters.iter().map(|parameter| (parameter.name.clone(), from_wire(&parameter.value))).collect()
}
