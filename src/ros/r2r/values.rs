//! Parameter values from and to r2r's types.

use r2r::rcl_interfaces::msg::{self, ParameterValue as Wire};

use super::super::parameters::ParameterType;
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
    let mut wire = Wire { type_: ParameterType::of(value) as u8, ..Wire::default() };
    match value.clone() {
        Value::Bool(flag) => wire.bool_value = flag,
        Value::Integer(n) => wire.integer_value = n,
        Value::Double(x) => wire.double_value = x,
        Value::Text(text) => wire.string_value = text,
        Value::Bytes(bytes) => wire.byte_array_value = bytes,
        Value::Bools(flags) => wire.bool_array_value = flags,
        Value::Integers(numbers) => wire.integer_array_value = numbers,
        Value::Doubles(numbers) => wire.double_array_value = numbers,
        Value::Texts(texts) => wire.string_array_value = texts,
    }
    wire
}

/// Name and value of each parameter in a request.
pub fn changes(parameters: &[msg::Parameter]) -> Vec<(String, Option<Value>)> {
    parameters.iter().map(|parameter| (parameter.name.clone(), from_wire(&parameter.value))).collect()
}
