//! Names of nodes, topics and services: what is allowed, and how a name becomes absolute.
//!
//! The rules are those of rcl (`expand_topic_name.c`, `validate_topic_name.c`) and rmw (`validate_*.c`). Knows nothing of remap rules.

use std::fmt;

/// Characters of the longest topic.
const LONGEST_TOPIC: usize = 247;
/// Characters of the longest namespace.
const LONGEST_NAMESPACE: usize = 245;
/// Characters of the longest node name.
const LONGEST_NODE: usize = 255;

/// Why a name or a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A topic or service.
    #[error("`{name}` is no name of a topic or service: {fault}")]
    Topic {
        /// As it was given, or as it became where the fault came with its namespace.
        name: String,
        /// What is wrong.
        fault: NameFault,
    },
    /// The name of a node.
    #[error("`{name}` is no name of a node: {fault}")]
    Node {
        /// As it was given.
        name: String,
        /// What is wrong.
        fault: NameFault,
    },
    /// A namespace.
    #[error("`{namespace}` is no namespace: {fault}")]
    Namespace {
        /// As it was given.
        namespace: String,
        /// What is wrong.
        fault: NameFault,
    },
    /// A remap rule.
    #[error("`{rule}` is no remap rule: {fault}")]
    Rule {
        /// As it was given.
        rule: String,
        /// What is wrong.
        fault: String,
    },
    /// A flag that needs a remap rule, at the end of the command line.
    #[error("`{flag}` is followed by no remap rule")]
    NoRule {
        /// The flag.
        flag: String,
    },
    /// A text that holds a zero byte, which ends a text for ROS.
    #[error("{what} {text:?} holds a zero byte")]
    Nul {
        /// What the text is.
        what: String,
        /// The text.
        text: String,
    },
}

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It does not begin with a slash.
    #[error("it does not begin with `/`")]
    NotAbsolute,
    /// It ends with a slash.
    #[error("it ends with `/`")]
    TrailingSlash,
    /// Nothing between two slashes.
    #[error("it has `//` in it")]
    DoubleSlash,
    /// A character that is neither letter nor digit nor underscore.
    #[error("it has {0:?} in it")]
    Character(char),
    /// A part that starts with a digit.
    #[error("`{0}` starts with a digit")]
    Digit(String),
    /// A tilde elsewhere than at the start and before a slash.
    #[error("`~` is allowed at the start alone, and before `/`")]
    Tilde,
    /// A brace without its partner, or with another one inside.
    #[error("its braces do not match")]
    Braces,
    /// Braces around something unknown.
    #[error("`{{{0}}}` stands for nothing; there are {{node}}, {{ns}} and {{namespace}}")]
    Substitution(String),
    /// Too many characters.
    #[error("it has {length} characters, at most {longest} are allowed")]
    TooLong {
        /// Characters there are.
        length: usize,
        /// Characters allowed.
        longest: usize,
    },
}

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

    /// `topic` as an absolute name: below the namespace, or below the node where it begins with `~`. No remap rule is applied.
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

/// Refuses a text with a zero byte, which no ROS library takes; `what` is how the error calls it.
///
/// # Errors
/// Where there is one.
pub fn without_nul<'a>(what: &str, text: &'a str) -> Result<&'a str, NameError> {
    match text.contains('\0') {
        true => Err(NameError::Nul { what: what.to_owned(), text: text.to_owned() }),
        false => Ok(text),
    }
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
    characters(name, |c| is_word(c))?;
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
mod tests {
    use super::*;

    fn node(namespace: &str) -> NodeName {
        NodeName::new(namespace, "itnet").expect("valid")
    }

    #[test]
    fn absolute_relative_and_private_names_become_absolute() {
        for (namespace, topic, expected) in [
            ("/", "/image", "/image"),
            ("/", "image", "/image"),
            ("", "~/mask", "/itnet/mask"),
            ("/robot", "/image", "/image"),
            ("/robot", "image/compressed", "/robot/image/compressed"),
            ("robot/front", "~/mask", "/robot/front/itnet/mask"),
            ("/robot", "~", "/robot/itnet"),
            ("/robot", "{node}/a_{node}", "/robot/itnet/a_itnet"),
            ("/robot", "{ns}/image", "/robot/image"),
            ("/robot", "/x{namespace}/image", "/x/robot/image"),
        ] {
            assert_eq!(node(namespace).expand(topic).expect(topic), expected);
        }
    }

    #[test]
    fn a_name_that_is_not_allowed_is_named_with_what_is_wrong() {
        for (topic, fault) in [
            ("", "empty"),
            ("/", "ends with `/`"),
            ("image/", "ends with `/`"),
            ("/a//b", "`//`"),
            ("a b", "' ' in it"),
            ("bild_größe", "'ö' in it"),
            ("/a/7b", "`7b` starts with a digit"),
            ("7b", "`7b` starts with a digit"),
            ("~mask", "`~`"),
            ("a/~/b", "`~`"),
            ("~/", "ends with `/`"),
            ("{node", "braces"),
            ("a}b", "braces"),
            ("{{node}}", "braces"),
            ("{a/b}", "braces"),
            ("{camera}", "{camera}"),
            ("{ns}/image", "`//`"),
            ("a\0b", "'\\0' in it"),
        ] {
            let error = node("/").expand(topic).expect_err(topic).to_string();
            assert!(error.contains(fault), "{topic:?}: {error}");
        }
        let error = node("/").expand(&"a".repeat(247)).expect_err("too long").to_string();
        assert!(error.contains("248 characters"), "{error}");
        assert!(node("/").expand(&"a".repeat(246)).is_ok());
    }

    #[test]
    fn a_node_with_a_wrong_name_or_namespace_is_refused() {
        for (namespace, name, fault) in [
            ("/", "", "empty"),
            ("/", "a/b", "'/' in it"),
            ("/", "7b", "digit"),
            ("/robot/", "itnet", "ends with `/`"),
            ("/a//b", "itnet", "`//`"),
            ("/a b", "itnet", "' ' in it"),
        ] {
            let error = NodeName::new(namespace, name).expect_err(name).to_string();
            assert!(error.contains(fault), "{namespace} {name}: {error}");
        }
        assert_eq!(node("/robot").to_string(), "/robot/itnet");
        assert_eq!(node("").to_string(), "/itnet");
    }

    #[test]
    fn a_zero_byte_is_found_before_ros_sees_it() {
        assert_eq!(without_nul("topic", "/image"), Ok("/image"));
        let error = without_nul("parameter `model`", "a\0b").expect_err("zero byte").to_string();
        assert_eq!(error, "parameter `model` \"a\\0b\" holds a zero byte");
    }
}
