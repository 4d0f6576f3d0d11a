//! Names of nodes, topics and services: what is allowed, and how a name becomes absolute.
//!
//! The rules are those of rcl (`expand_topic_name.c`, `validate_topic_name.c`) and rmw (`validate_*.c`). Knows
//! nothing of remap rules.

mod error;

use std::fmt;

pub use error::{NameError, NameFault};

/// Characters of the longest topic.
const LONGEST_TOPIC: usize = 247;
/// Characters of the longest namespace.
const LONGEST_NAMESPACE: usize = 245;
/// Characters of the longest node name.
const LONGEST_NODE: usize = 255;

/// A node's name and namespace, both valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName {
    namespace: String,
    name: String,
}

impl NodeName {
    /// The node `name` in `namespace`; an empty namespace is `/`, one without the leading slash gets it.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn new(namespace: &str, name: &str) -> Result<Self, NameError> {
        let namespace = if namespace.starts_with('/') { namespace.to_owned() } else { format!("/{namespace}") };
        check_namespace(&namespace).map_err(|fault| NameError::Namespace { namespace: namespace.clone(), fault })?;
        check_node(name).map_err(|fault| NameError::Node { name: name.to_owned(), fault })?;
        Ok(Self { namespace, name: name.to_owned() })
    }

    /// The namespace, `/` or such as `/robot/front`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name alone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `topic` as an absolute name: below the namespace, or below the node where it begins with `~`. No remap rule is
    /// applied.
    ///
    /// # Errors
    /// What is wrong with the topic, as it was given or with its namespace.
    pub fn expand(&self, topic: &str) -> Result<String, NameError> {
        let error = |name: &str, fault| NameError::Topic { name: name.to_owned(), fault };
        check_relative(topic).map_err(|fault| error(topic, fault))?;
        let topic = self.substitute(topic).map_err(|fault| error(topic, fault))?;
        let absolute = match topic.strip_prefix('~') {
            Some(rest) => format!("{self}{rest}"),
            None if topic.starts_with('/') => topic,
            None => join(&self.namespace, &topic),
        };
        check_topic(&absolute).map_err(|fault| error(&absolute, fault))?;
        Ok(absolute)
    }

    fn substitute(&self, topic: &str) -> Result<String, NameFault> {
        let mut done = String::new();
        let mut left = topic;
        while let Some((before, rest)) = left.split_once('{') {
            let (key, after) = rest.split_once('}').ok_or(NameFault::Braces)?;
            done += before;
            done += match key {
                "node" => &self.name,
                "ns" | "namespace" => &self.namespace,
                _ => return Err(NameFault::Substitution(key.to_owned())),
            };
            left = after;
        }
        Ok(done + left)
    }
}

/// The full name, such as `/robot/itnet`.
impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(&self.namespace, &self.name))
    }
}

fn join(namespace: &str, name: &str) -> String {
    if namespace == "/" { format!("/{name}") } else { format!("{namespace}/{name}") }
}

/// What is wrong with an absolute name of a topic.
fn check_topic(topic: &str) -> Result<(), NameFault> {
    if !topic.starts_with('/') {
        return Err(NameFault::NotAbsolute);
    }
    check_parts(topic)?;
    short(topic, LONGEST_TOPIC)
}

fn check_namespace(namespace: &str) -> Result<(), NameFault> {
    if namespace == "/" {
        return Ok(());
    }
    check_topic(namespace)?;
    short(namespace, LONGEST_NAMESPACE)
}

fn check_node(name: &str) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    characters(name, is_word)?;
    check_digit(name)?;
    short(name, LONGEST_NODE)
}

/// What is wrong with a name before it is absolute.
fn check_relative(topic: &str) -> Result<(), NameFault> {
    let below = match topic.strip_prefix('~') {
        Some("") => return Ok(()),
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) => return Err(NameFault::Tilde),
        None => topic,
    };
    if below.contains('~') {
        return Err(NameFault::Tilde);
    }
    check_braces(below)?;
    check_parts(&below.replace(['{', '}'], "_"))
}

fn check_braces(topic: &str) -> Result<(), NameFault> {
    let mut open = false;
    for c in topic.chars() {
        match c {
            '{' | '}' if open == (c == '{') => return Err(NameFault::Braces),
            '{' | '}' => open = !open,
            '/' if open => return Err(NameFault::Braces),
            _ => {}
        }
    }
    if open { Err(NameFault::Braces) } else { Ok(()) }
}

/// Characters, slashes and digits of a name, absolute or not.
fn check_parts(name: &str) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.ends_with('/') {
        return Err(NameFault::TrailingSlash);
    }
    if name.contains("//") {
        return Err(NameFault::DoubleSlash);
    }
    characters(name, |c| is_word(c) || c == '/')?;
    name.split('/').try_for_each(check_digit)
}

fn check_digit(part: &str) -> Result<(), NameFault> {
    match part.starts_with(|c: char| c.is_ascii_digit()) {
        true => Err(NameFault::Digit(part.to_owned())),
        false => Ok(()),
    }
}

fn characters(name: &str, allowed: impl Fn(char) -> bool) -> Result<(), NameFault> {
    name.chars().find(|c| !allowed(*c)).map_or(Ok(()), |c| Err(NameFault::Character(c)))
}

fn short(name: &str, longest: usize) -> Result<(), NameFault> {
    if name.len() > longest { Err(NameFault::TooLong { length: name.len(), longest }) } else { Ok(()) }
}

/// Whether a name may have this character beside slashes.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
