//! What can be wrong with names and rules.

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
