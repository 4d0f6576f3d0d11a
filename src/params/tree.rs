//! YAML as parameter files use it, in the order of the file.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::Value;

/// A node of the document.
#[derive(Clone, Debug)]
pub enum Yaml {
    Null,
    Scalar(Value),
    List(Vec<Yaml>),
    Group(Vec<(String, Yaml)>),
}

impl Yaml {
    /// Reads a document. What the parser of rcl takes is taken: a name that stands twice stays twice, in order, and numbers need not be finite. It
    /// may be another node's part of a file that all nodes share.
    pub fn parse(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! {
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| format!("no valid YAML: {error}"))
    }

    /// The value of a parameter; `None` for what none can have. An empty list has no type and becomes one of texts.
    pub fn value(&self) -> Option<Value> {
        match self {
            Yaml::Scalar(value) => Some(value.clone()),
            Yaml::List(items) => texts(items).or_else(|| bools(items)).or_else(|| numbers(items)),
            Yaml::Null | Yaml::Group(_) => None,
        }
    }
}

fn texts(items: &[Yaml]) -> Option<Value> {
    let text = |item: &Yaml| match item {
        Yaml::Scalar(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    items.iter().map(text).collect::<Option<_>>().map(Value::Texts)
}

fn bools(items: &[Yaml]) -> Option<Value> {
    let flag = |item: &Yaml| match item {
        Yaml::Scalar(Value::Bool(flag)) => Some(*flag),
        _ => None,
    };
    items.iter().map(flag).collect::<Option<_>>().map(Value::Bools)
}

fn numbers(items: &[Yaml]) -> Option<Value> {
    let whole = |item: &Yaml| match item {
        Yaml::Scalar(Value::Integer(n)) => Some(*n),
        _ => None,
    };
    let number = |item: &Yaml| match item {
        Yaml::Scalar(Value::Integer(n)) => Some(*n as f64),
        Yaml::Scalar(Value::Double(x)) => Some(*x),
        _ => None,
    };
    let wholes = || items.iter().map(whole).collect::<Option<_>>().map(Value::Integers);
    wholes().or_else(|| items.iter().map(number).collect::<Option<_>>().map(Value::Doubles))
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Build)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Yaml;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value, a list or a group")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        Yaml::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Value::Bool(flag)))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Value::Integer(n)))
    }

    /// A double where it is more than an integer holds, as in ROS.
    fn visit_u64<E>(self, n: u64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(i64::try_from(n).map_or(Value::Double(n as f64), Value::Integer)))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Value::Double(x)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Value::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Yaml, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Yaml::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Yaml, A::Error> {
        let mut group = Vec::new();
        while let Some(member) = members.next_entry()? {
            group.push(member);
        }
        Ok(Yaml::Group(group))
    }
}
