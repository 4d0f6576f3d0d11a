//! What a node says of changes of its parameters.

use serde::{Deserialize, Serialize};

use super::definition::{rule, time};
use super::{Message, MessageType};
use crate::frame::Stamp;

/// rcl_interfaces/ParameterValue: one value of one of several types.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterValue {
    /// Which field holds the value: one of the constants of this type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// For [`Self::BOOL`].
    pub bool_value: bool,
    /// For [`Self::INTEGER`].
    pub integer_value: i64,
    /// For [`Self::DOUBLE`].
    pub double_value: f64,
    /// For [`Self::STRING`].
    pub string_value: String,
    /// For type 5.
    #[serde(with = "serde_bytes")]
    pub byte_array_value: Vec<u8>,
    /// For type 6.
    pub bool_array_value: Vec<bool>,
    /// For type 7.
    pub integer_array_value: Vec<i64>,
    /// For type 8.
    pub double_array_value: Vec<f64>,
    /// For [`Self::STRING_ARRAY`].
    pub string_array_value: Vec<String>,
}

impl ParameterValue {
    /// There is no value.
    pub const NOT_SET: u8 = 0;
    /// True or false.
    pub const BOOL: u8 = 1;
    /// A whole number.
    pub const INTEGER: u8 = 2;
    /// A number.
    pub const DOUBLE: u8 = 3;
    /// A text.
    pub const STRING: u8 = 4;
    /// Several texts.
    pub const STRING_ARRAY: u8 = 9;
}

/// rcl_interfaces/Parameter: a name and its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterMessage {
    /// The full name.
    pub name: String,
    /// Its value.
    pub value: ParameterValue,
}

/// rcl_interfaces/ParameterEvent: parameters of a node that changed together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterEvent {
    /// When.
    pub stamp: Stamp,
    /// The node's full name.
    pub node: String,
    /// Those that had no value before.
    pub new_parameters: Vec<ParameterMessage>,
    /// Those that had another value.
    pub changed_parameters: Vec<ParameterMessage>,
    /// Those that have none any more.
    pub deleted_parameters: Vec<ParameterMessage>,
}

impl Message for ParameterEvent {
    const TYPE: MessageType = MessageType {
        name: "rcl_interfaces/msg/ParameterEvent",
        definition: concat!(
            "builtin_interfaces/Time stamp\nstring node\n",
            "rcl_interfaces/Parameter[] new_parameters\n",
            "rcl_interfaces/Parameter[] changed_parameters\n",
            "rcl_interfaces/Parameter[] deleted_parameters\n",
            time!(),
            rule!(),
            "MSG: rcl_interfaces/Parameter\nstring name\nrcl_interfaces/ParameterValue value\n",
            rule!(),
            "MSG: rcl_interfaces/ParameterValue\n",
            "uint8 type\nbool bool_value\nint64 integer_value\nfloat64 double_value\nstring string_value\n",
            "byte[] byte_array_value\nbool[] bool_array_value\nint64[] integer_array_value\n",
            "float64[] double_array_value\nstring[] string_array_value\n",
        ),
    };
}
