//! Values that a parameter can have.

/// The value of a parameter: all that ROS 2 knows, so that whatever is given can be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// A text.
    Text(String),
    /// Several bytes.
    Bytes(Vec<u8>),
    /// Several times true or false.
    Bools(Vec<bool>),
    /// Several whole numbers.
    Integers(Vec<i64>),
    /// Several numbers.
    Doubles(Vec<f64>),
    /// Several texts.
    Texts(Vec<String>),
}

impl Value {
    /// Whether it is a list without entries. Those come without a type where they come from YAML.
    pub fn is_empty_list(&self) -> bool {
        match self {
            Value::Bytes(list) => list.is_empty(),
            Value::Bools(list) => list.is_empty(),
            Value::Integers(list) => list.is_empty(),
            Value::Doubles(list) => list.is_empty(),
            Value::Texts(list) => list.is_empty(),
            Value::Bool(_) | Value::Integer(_) | Value::Double(_) | Value::Text(_) => false,
        }
    }
}

/// As YAML and JSON spell it.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Bool(flag) => write!(f, "{flag}"),
            Value::Integer(n) => write!(f, "{n}"),
            Value::Double(x) => write!(f, "{x:?}"),
            Value::Text(text) => write!(f, "\"{text}\""),
            Value::Bytes(list) => write!(f, "{list:?}"),
            Value::Bools(list) => write!(f, "{list:?}"),
            Value::Integers(list) => write!(f, "{list:?}"),
            Value::Doubles(list) => write!(f, "{list:?}"),
            Value::Texts(list) => write!(f, "{list:?}"),
        }
    }
}
