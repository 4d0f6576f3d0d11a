//! What a parameter is, in the words of rcl_interfaces.

use crate::params::{Kind, Parameter, Value};

/// The type of a value, with the numbers of rcl_interfaces/msg/ParameterType.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ParameterType {
    /// No value.
    NotSet = 0,
    /// True or false.
    Bool = 1,
    /// A whole number.
    Integer = 2,
    /// A number.
    Double = 3,
    /// A text.
    String = 4,
    /// Several bytes.
    ByteArray = 5,
    /// Several times true or false.
    BoolArray = 6,
    /// Several whole numbers.
    IntegerArray = 7,
    /// Several numbers.
    DoubleArray = 8,
    /// Several texts.
    StringArray = 9,
}

impl ParameterType {
    /// The type of `value`.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Bool(_) => Self::Bool,
            Value::Integer(_) => Self::Integer,
            Value::Double(_) => Self::Double,
            Value::Text(_) => Self::String,
            Value::Bytes(_) => Self::ByteArray,
            Value::Bools(_) => Self::BoolArray,
            Value::Integers(_) => Self::IntegerArray,
            Value::Doubles(_) => Self::DoubleArray,
            Value::Texts(_) => Self::StringArray,
        }
    }
}

/// An IntegerRange or a FloatingPointRange.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<T> {
    /// The least value.
    pub from: T,
    /// The greatest value.
    pub to: T,
    /// Distance between values; 0: every value.
    pub step: T,
}

/// A ParameterDescriptor. Typing is never dynamic.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// The full name.
    pub name: String,
    /// The type.
    pub kind: ParameterType,
    /// One sentence for people.
    pub description: String,
    /// What is allowed, in words, where a range does not say it.
    pub additional_constraints: String,
    /// Cannot be changed after start.
    pub read_only: bool,
    /// The range of a whole number.
    pub integer_range: Option<Range<i64>>,
    /// The range of a number.
    pub floating_point_range: Option<Range<f64>>,
}

impl Descriptor {
    /// A row of the table under its full name.
    pub(super) fn of(name: &str, parameter: &Parameter) -> Self {
        let (mut integer_range, mut floating_point_range) = (None, None);
        match parameter.kind {
            Kind::Integer { min, max, .. } => integer_range = Some(Range { from: min, to: max, step: 0 }),
            Kind::Double { min, max, .. } => floating_point_range = Some(Range { from: min, to: max, step: 0.0 }),
            Kind::Bool { .. } | Kind::Text { .. } | Kind::Integers { .. } | Kind::Texts => {}
        }
        let told =
            matches!(parameter.kind, Kind::Bool { .. }) || integer_range.is_some() || floating_point_range.is_some();
        Self {
            name: name.to_owned(),
            kind: ParameterType::of(&parameter.default()),
            description: parameter.description.to_owned(),
            additional_constraints: if told { String::new() } else { parameter.expected() },
            read_only: parameter.read_only,
            integer_range,
            floating_point_range,
        }
    }

    /// A QoS override.
    pub(super) fn of_qos(name: &str, value: &Value) -> Self {
        Self {
            name: name.to_owned(),
            kind: ParameterType::of(value),
            description: "Quality of service of a topic.".to_owned(),
            additional_constraints: String::new(),
            read_only: true,
            integer_range: None,
            floating_point_range: None,
        }
    }
}
