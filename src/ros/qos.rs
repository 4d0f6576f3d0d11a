//! Overrides of quality of service from parameters, and why nothing comes.
//!
//! `qos_overrides.<topic>.{publisher|subscription}.<policy>` as rclcpp reads it (`qos_parameters.hpp`), with the
//! topic's resolved name and with or without an id: `publisher_<id>` is taken for `publisher`. Values are spelled as
//! in rmw; `system_default` is what DDS itself takes: reliable for publishers, best effort for subscriptions,
//! volatile, keep last. Knows no topics of its own but `/clock`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::params::Value;
use crate::qos::{Durability, History, Qos, Reliability, mismatches};

/// What every override starts with.
const PREFIX: &str = "qos_overrides.";
/// Policies that rclcpp lets override and the node does not.
const FIXED: [&str; 4] = ["avoid_ros_namespace_conventions", "lifespan", "liveliness", "liveliness_lease_duration"];
/// The end of a topic whose policies are all the library's: it follows the clock.
const CLOCK: (&str, End) = ("/clock", End::Subscription);

/// Which end of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It is published.
    Publisher,
    /// It is subscribed to.
    Subscription,
}

/// Why an override is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QosError {
    /// The name is not that of an override.
    #[error(
        "parameter `{parameter}`: {fault}; expected qos_overrides.<topic>.{{publisher|subscription}}.\
         {{reliability|durability|history|depth|deadline}}"
    )]
    Name {
        /// The parameter.
        parameter: String,
        /// What is wrong.
        fault: String,
    },
    /// The value does not fit.
    #[error("parameter `{parameter}` takes {expected}, got {got}")]
    Value {
        /// The parameter.
        parameter: String,
        /// What it takes, in words.
        expected: &'static str,
        /// The value.
        got: String,
    },
}

/// What the overrides of one end of one topic say.
#[derive(Clone, Debug, Default, PartialEq)]
struct Override {
    /// The parameters it was read from.
    parameters: Vec<String>,
    /// The first policy or value that there is not.
    fault: Option<QosError>,
    reliability: Option<Reliability>,
    durability: Option<Durability>,
    keep_all: Option<bool>,
    depth: Option<u32>,
    deadline: Option<Option<Duration>>,
}

/// All overrides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QosOverrides {
    ends: BTreeMap<(String, End), Override>,
    /// Overrides of policies that stay as they are.
    fixed: Vec<String>,
}

impl QosOverrides {
    /// The overrides among parameters, which are given with their full names; other parameters are passed over. Whether their policies and values
    /// are sound is for [`check`](Self::check) to say, once it is known which topics are ours.
    ///
    /// # Errors
    /// The first override whose topic or end cannot be understood.
    pub fn parse(parameters: &BTreeMap<String, Value>) -> Result<Self, QosError> {
        let mut overrides = Self::default();
        for (parameter, value) in parameters {
            if let Some(rest) = parameter.strip_prefix(PREFIX) {
                overrides.read(parameter, rest, value)?;
            }
        }
        Ok(overrides)
    }

    fn read(&mut self, parameter: &str, rest: &str, value: &Value) -> Result<(), QosError> {
        let name = |fault: String| QosError::Name { parameter: parameter.to_owned(), fault };
        let [topic, end, policy] = rest.split('.').collect::<Vec<_>>()[..] else {
            return Err(name("it has too few or too many parts".to_owned()));
        };
        if !topic.starts_with('/') {
            return Err(name(format!("the topic `{topic}` does not begin with `/`")));
        }
        let end = match end.split_once('_').map_or(end, |(end, _)| end) {
            "publisher" => End::Publisher,
            "subscription" => End::Subscription,
            _ => return Err(name(format!("`{end}` is neither publisher nor subscription"))),
        };
        if FIXED.contains(&policy) || (topic, end) == CLOCK {
            self.fixed.push(parameter.to_owned());
            return Ok(());
        }
        let entry = self.ends.entry((topic.to_owned(), end)).or_default();
        entry.parameters.push(parameter.to_owned());
        let wrong = |expected| QosError::Value { parameter: parameter.to_owned(), expected, got: value.to_string() };
        let set = match policy {
            "reliability" => reliability(value, end).map(|said| entry.reliability = Some(said)).map_err(wrong),
            "durability" => durability(value).map(|said| entry.durability = Some(said)).map_err(wrong),
            "history" => keep_all(value).map(|said| entry.keep_all = Some(said)).map_err(wrong),
            "depth" => depth(value).map(|said| entry.depth = Some(said)).map_err(wrong),
            "deadline" => deadline(value).map(|said| entry.deadline = Some(said)).map_err(wrong),
            _ => Err(name(format!("there is no policy `{policy}`"))),
        };
        entry.fault = entry.fault.take().or(set.err());
        Ok(())
    }

    /// Refuses policies and values that there are not, for the ends of topics that are ours: a file for many nodes may say of others' what only
    /// they understand.
    ///
    /// # Errors
    /// The first such override.
    pub fn check(&self, is_ours: impl Fn(&str, End) -> bool) -> Result<(), QosError> {
        let ours = self.ends.iter().filter(|((topic, end), _)| is_ours(topic, *end));
        ours.filter_map(|(_, said)| said.fault.clone()).next().map_or(Ok(()), Err)
    }

    /// The quality of service of one end of `topic`, which is `default` without overrides.
    pub fn of(&self, topic: &str, end: End, default: Qos) -> Qos {
        let none = Override::default();
        let said = self.ends.get(&(topic.to_owned(), end)).unwrap_or(&none);
        let (keeps_all, kept) = match default.history {
            History::KeepAll => (true, 1),
            History::KeepLast(depth) => (false, depth),
        };
        Qos {
            reliability: said.reliability.unwrap_or(default.reliability),
            durability: said.durability.unwrap_or(default.durability),
            history: match said.keep_all.unwrap_or(keeps_all) {
                true => History::KeepAll,
                false => History::KeepLast(said.depth.unwrap_or(kept)),
            },
            deadline: said.deadline.unwrap_or(default.deadline),
        }
    }

    /// One sentence for each override that changes nothing: its topic is none of `ends`, or its policy is fixed.
    pub fn unused<'a>(&self, ends: impl IntoIterator<Item = (&'a str, End)>) -> Vec<String> {
        let ends: Vec<_> = ends.into_iter().collect();
        let list = |wanted: End| -> String {
            let topics: Vec<_> = ends.iter().filter(|(_, end)| *end == wanted).map(|(topic, _)| *topic).collect();
            if topics.is_empty() { "nothing".to_owned() } else { topics.join(", ") }
        };
        let strange = self.ends.iter().filter(|((topic, end), _)| !ends.contains(&(topic.as_str(), *end)));
        let strange = strange.flat_map(|((topic, end), said)| {
            let does = match end {
                End::Publisher => "published",
                End::Subscription => "subscribed to",
            };
            let there = list(*end);
            let tell = move |parameter| {
                format!("parameter `{parameter}` changes nothing: {topic} is not {does} here ({does}: {there})")
            };
            said.parameters.iter().map(tell)
        });
        let fixed =
            self.fixed.iter().map(|parameter| format!("parameter `{parameter}` changes nothing: the policy is fixed"));
        strange.chain(fixed).collect()
    }
}

fn reliability(value: &Value, end: End) -> Result<Reliability, &'static str> {
    match (value, end) {
        (Value::Text(text), _) if text == "reliable" => Ok(Reliability::Reliable),
        (Value::Text(text), _) if text == "best_effort" => Ok(Reliability::BestEffort),
        (Value::Text(text), End::Publisher) if text == "system_default" => Ok(Reliability::Reliable),
        (Value::Text(text), End::Subscription) if text == "system_default" => Ok(Reliability::BestEffort),
        _ => Err("one of reliable, best_effort, system_default"),
    }
}

fn durability(value: &Value) -> Result<Durability, &'static str> {
    match value {
        Value::Text(text) if text == "transient_local" => Ok(Durability::TransientLocal),
        Value::Text(text) if text == "volatile" || text == "system_default" => Ok(Durability::Volatile),
        _ => Err("one of volatile, transient_local, system_default"),
    }
}

fn keep_all(value: &Value) -> Result<bool, &'static str> {
    match value {
        Value::Text(text) if text == "keep_all" => Ok(true),
        Value::Text(text) if text == "keep_last" || text == "system_default" => Ok(false),
        _ => Err("one of keep_last, keep_all, system_default"),
    }
}

fn depth(value: &Value) -> Result<u32, &'static str> {
    let depth = match value {
        Value::Integer(depth) => i32::try_from(*depth).ok().filter(|depth| *depth >= 1),
        _ => None,
    };
    depth.map(i32::unsigned_abs).ok_or("a whole number from 1 to 2147483647")
}

/// In nanoseconds; 0 and the largest number are no deadline.
fn deadline(value: &Value) -> Result<Option<Duration>, &'static str> {
    match value {
        Value::Integer(0 | i64::MAX) => Ok(None),
        Value::Integer(nanos @ 1..) => Ok(Some(Duration::from_nanos(nanos.unsigned_abs()))),
        _ => Err("a whole number of nanoseconds from 0, which is none"),
    }
}

/// A publisher of a topic, as the graph shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Full name of its node.
    pub node: String,
    /// Type of its messages, such as `sensor_msgs/msg/Image`.
    pub type_name: String,
    /// What it offers.
    pub qos: Qos,
}

/// One sentence on why no message of `wanted_type` comes on `topic`, which is subscribed to with `qos` and published by `endpoints`. `what` is the sentence's
/// word for such a message: `frame`, `calibration`.
pub fn why_none(what: &str, topic: &str, endpoints: &[Endpoint], wanted_type: &str, qos: &Qos) -> String {
    let (fitting, others): (Vec<_>, Vec<_>) = endpoints.iter().partition(|end| end.type_name == wanted_type);
    let silent: Vec<_> = fitting.iter().filter(|end| mismatches(&end.qos, qos).is_empty()).map(|e| &*e.node).collect();
    let reason = if endpoints.is_empty() {
        "there is no publisher".to_owned()
    } else if fitting.is_empty() {
        let told = others.iter().map(|end| format!("{} publishes {}", end.node, end.type_name));
        format!("{}, we want {wanted_type}", told.collect::<Vec<_>>().join(", "))
    } else if silent.is_empty() {
        let told = fitting.iter().map(|end| {
            let gaps = mismatches(&end.qos, qos).iter().map(ToString::to_string).collect::<Vec<_>>();
            format!("{} {}", end.node, gaps.join(" and "))
        });
        told.collect::<Vec<_>>().join("; ")
    } else {
        let verb = if silent.len() == 1 { "sends" } else { "send" };
        format!("{} could be heard and {verb} nothing", silent.join(", "))
    };
    format!("no {what} on {topic}: {reason}")
}

#[cfg(test)]
mod tests;
