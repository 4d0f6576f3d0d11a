//! The parameters of the running node, as ROS 2's six parameter services see them.
//!
//! [`ParameterServer`] answers as rclcpp of Humble does: parameters are declared, of one type, and keep to their
//! descriptors. It is plain data in, plain data out: it knows neither services nor messages, nor what a parameter is
//! used for. Who calls it publishes on /parameter_events what a set has changed, and hands it on.

mod descriptor;
#[cfg(test)]
mod tests;

pub use descriptor::{Descriptor, ParameterType, Range};

use std::collections::BTreeMap;

use crate::params::{
    CAMERA_NAME, CAMERA_PARAMETERS, PARAMETERS, Parameter, ParameterError, Parameters, Value, is_camera_name,
    is_qos_override,
};

/// Why a set is refused; its text is the reason in the service's answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SetError {
    /// No such parameter, another type, or out of range.
    #[error(transparent)]
    Value(#[from] ParameterError),
    /// The parameter is read at start only.
    #[error("parameter `{name}` is read only: it is {value} since start and takes a restart to change, got {got}")]
    ReadOnly {
        /// The parameter.
        name: String,
        /// The value in force.
        value: String,
        /// The value that was asked for.
        got: String,
    },
    /// Parameters cannot be deleted.
    #[error("parameter `{name}` cannot be deleted: it takes {expected}, got no value")]
    Deleted {
        /// The parameter.
        name: String,
        /// The type and its range, in words.
        expected: String,
    },
}

/// What one set has changed, in order: the content of one event, and what the node acts on. Values that were set again
/// are in it too, as in rclcpp.
pub type Changed = Vec<(String, Value)>;

/// Names that a list request asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// Parameters, sorted.
    pub names: Vec<String>,
    /// The groups that these are in, each once.
    pub prefixes: Vec<String>,
}

/// Declared parameters with their values.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterServer {
    parameters: Parameters,
    declared: BTreeMap<String, &'static Parameter>,
    qos_overrides: BTreeMap<String, Value>,
}

impl ParameterServer {
    /// Declares the table's parameters, and those of each camera that `cameras` names, with their values at start: from
    /// a parameter file or the command line, the last one of a name wins.
    ///
    /// Also returns the names that were not declared, to be warned of with [`Self::unknown`]. A wrong value is an
    /// error.
    pub fn new(overrides: impl IntoIterator<Item = (String, Value)>) -> Result<(Self, Vec<String>), ParameterError> {
        let given: BTreeMap<String, Value> = overrides.into_iter().collect();
        let declared = declare(&cameras(given.get("cameras"))?);
        let mut server = Self { parameters: Parameters::default(), declared, qos_overrides: BTreeMap::new() };
        let mut unknown = Vec::new();
        for (name, value) in given {
            if is_qos_override(&name) {
                server.qos_overrides.insert(name, value);
            } else if server.declared.contains_key(&name) {
                server.parameters.set(&name, value)?;
            } else {
                unknown.push(name);
            }
        }
        server.parameters.check_together()?;
        Ok((server, unknown))
    }

    /// The values in force, for the pipeline.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Values at start whose names begin with `qos_overrides.`, by full name.
    pub fn qos_overrides(&self) -> &BTreeMap<String, Value> {
        &self.qos_overrides
    }

    /// What is to be said of a name that is not declared, with the one that was probably meant.
    pub fn unknown(&self, name: &str) -> ParameterError {
        ParameterError::unknown(name, self.declared.keys().map(String::as_str))
    }

    /// All parameters with their values, sorted by name: what the first event of the node tells.
    pub fn all(&self) -> Vec<(String, Value)> {
        self.names().map(|name| (name.clone(), self.value(name))).filter_map(|(name, v)| Some((name, v?))).collect()
    }

    /// Names below any of `prefixes` (all where there are none) that have fewer than `depth` dots after it; 0: any
    /// number. The dot after the prefix counts, as in rclcpp.
    pub fn list(&self, prefixes: &[String], depth: u64) -> Listed {
        let shallow = |rest: &str| depth == 0 || (rest.matches('.').count() as u64) < depth;
        let below = |name: &str, prefix: &str| {
            name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') && shallow(rest))
        };
        let asked = |name: &&String| match prefixes {
            [] => shallow(name),
            prefixes => prefixes.iter().any(|prefix| below(name, prefix)),
        };
        let mut listed = Listed::default();
        for name in self.names().filter(asked) {
            listed.names.push(name.clone());
            if let Some((prefix, _)) = name.rsplit_once('.')
                && !listed.prefixes.iter().any(|known| known == prefix)
            {
                listed.prefixes.push(prefix.to_owned());
            }
        }
        listed
    }

    /// The values of `names`; none at all where one of them is not declared.
    pub fn get(&self, names: &[String]) -> Vec<Value> {
        names.iter().map(|name| self.value(name)).collect::<Option<_>>().unwrap_or_default()
    }

    /// The types of `names`; none at all where one of them is not declared.
    pub fn types(&self, names: &[String]) -> Vec<ParameterType> {
        self.get(names).iter().map(ParameterType::of).collect()
    }

    /// What may be said of `names`; nothing at all where one of them is not declared.
    pub fn describe(&self, names: &[String]) -> Vec<Descriptor> {
        let describe = |name: &String| match self.declared.get(name) {
            Some(parameter) => Some(Descriptor::of(name, parameter)),
            None => self.qos_overrides.get(name).map(|value| Descriptor::of_qos(name, value)),
        };
        names.iter().map(describe).collect::<Option<_>>().unwrap_or_default()
    }

    /// Sets all of the parameters, or none of them where one is refused. `None` asks for a parameter's deletion.
    pub fn set(&mut self, asked: Vec<(String, Option<Value>)>) -> Result<Changed, SetError> {
        let mut parameters = self.parameters.clone();
        let mut changed = Vec::with_capacity(asked.len());
        for (name, value) in asked {
            let (parameter, value) = self.settable(&name, value)?;
            let value = parameter.check(&name, value)?;
            parameters.set(&name, value.clone())?;
            changed.push((name, value));
        }
        parameters.check_together()?;
        self.parameters = parameters;
        Ok(changed)
    }

    /// The row and the value, where the parameter is declared, may change, and has a value to change to.
    fn settable(&self, name: &str, value: Option<Value>) -> Result<(&'static Parameter, Value), SetError> {
        let Some(now) = self.value(name) else {
            return Err(self.unknown(name).into());
        };
        match (self.declared.get(name), value) {
            (Some(parameter), Some(value)) if !parameter.read_only => Ok((parameter, value)),
            (Some(parameter), None) if !parameter.read_only => {
                Err(SetError::Deleted { name: name.to_owned(), expected: parameter.expected() })
            }
            (_, value) => Err(SetError::ReadOnly {
                name: name.to_owned(),
                value: now.to_string(),
                got: value.map_or_else(|| "no value".to_owned(), |value| value.to_string()),
            }),
        }
    }

    /// All names, sorted.
    fn names(&self) -> impl Iterator<Item = &String> {
        let mut names: Vec<_> = self.declared.keys().chain(self.qos_overrides.keys()).collect();
        names.sort();
        names.into_iter()
    }

    fn value(&self, name: &str) -> Option<Value> {
        match self.declared.contains_key(name) {
            true => self.parameters.get(name),
            false => self.qos_overrides.get(name).cloned(),
        }
    }
}

/// The cameras' names.
fn cameras(given: Option<&Value>) -> Result<Vec<String>, ParameterError> {
    let mut parameters = Parameters::default();
    if let Some(value) = given {
        parameters.set("cameras", value.clone())?;
    }
    let names = parameters.texts("cameras");
    let wrong = |(i, name): (usize, &String)| !is_camera_name(name) || names[..i].contains(name);
    match names.iter().enumerate().any(wrong) {
        true => Err(ParameterError::Range {
            name: "cameras".to_owned(),
            expected: format!("names ({CAMERA_NAME}), each once"),
            got: Value::Texts(names).to_string(),
        }),
        false => Ok(names),
    }
}

/// The rows of the table by full name.
fn declare(cameras: &[String]) -> BTreeMap<String, &'static Parameter> {
    let of_table = PARAMETERS.iter().map(|parameter| (parameter.name.to_owned(), parameter));
    let of_camera = |camera: &String| {
        let camera = camera.clone();
        CAMERA_PARAMETERS.iter().map(move |parameter| (format!("{camera}.{}", parameter.name), parameter))
    };
    of_table.chain(cameras.iter().flat_map(of_camera)).collect()
}
