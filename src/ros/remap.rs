//! Remap rules of a command line, and names as they are after them.
//!
//! `--ros-args -r from:=to`, with `node:` before a rule for one node, `rostopic://` or `rosservice://` before `from`
//! for one kind of name, `__ns:=/robot`, `__node:=name`. As in rcl (`remap.c`, `arguments.c`): both sides are
//! expanded before they are compared, the first rule that fits is applied and no other one after it. Rules outside of
//! `--ros-args`, which rcl still takes with a warning, and wildcards, which it refuses too, are not read.

use super::args::ros_flags;
use super::name::{NameError, NodeName, is_word};

/// What a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Topics and services.
    Both,
    Topic,
    Service,
    Namespace,
    Node,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// The one node it is for.
    node: Option<String>,
    kind: Kind,
    /// Empty for [`Kind::Namespace`] and [`Kind::Node`].
    from: String,
    to: String,
}

/// All rules, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remaps {
    rules: Vec<Rule>,
}

impl Remaps {
    /// The rules of a command line.
    ///
    /// # Errors
    /// A rule that cannot be read, and a flag that no rule follows.
    pub fn from_args(args: &[String]) -> Result<Self, NameError> {
        let mut rules = Vec::new();
        for (flag, value) in ros_flags(args) {
            if matches!(flag.as_str(), "-r" | "--remap") {
                rules.push(Rule::parse(&value.ok_or(NameError::NoRule { flag })?)?);
            }
        }
        Ok(Self { rules })
    }

    /// The name and namespace of a node that is called `node` in the code.
    ///
    /// # Errors
    /// A namespace or name that is not allowed.
    pub fn node(&self, node: &NodeName) -> Result<NodeName, NameError> {
        let find = |kind, name: &str| self.rules.iter().find(|rule| rule.kind == kind && rule.is_for(name));
        let name = find(Kind::Node, node.name()).map_or(node.name(), |rule| &rule.to);
        let namespace = find(Kind::Namespace, name).map_or(node.namespace(), |rule| &rule.to);
        NodeName::new(namespace, name)
    }

    /// The absolute name of a topic of `node`, whose own name is already the remapped one.
    ///
    /// # Errors
    /// A name that is not allowed, before or after the rules.
    pub fn topic(&self, node: &NodeName, topic: &str) -> Result<String, NameError> {
        let name = node.expand(topic)?;
        let rule = self.for_topics(node).find(|rule| node.expand(&rule.from).is_ok_and(|from| from == name));
        rule.map_or(Ok(name), |rule| node.expand(&rule.to))
    }

    /// The absolute names of the topics that rules are for.
    fn sources(&self, node: &NodeName) -> impl Iterator<Item = String> {
        self.for_topics(node).filter_map(move |rule| node.expand(&rule.from).ok())
    }

    fn for_topics(&self, node: &NodeName) -> impl Iterator<Item = &Rule> {
        let rules = self.rules.iter().filter(|rule| matches!(rule.kind, Kind::Topic | Kind::Both));
        rules.filter(move |rule| rule.is_for(node.name()))
    }
}

/// The names of one node: its own, and those of its topics and services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    node: NodeName,
    remaps: Remaps,
}

impl Names {
    /// The names of the node that is called `node` where `args` say nothing else.
    ///
    /// # Errors
    /// Rules that cannot be read, and a name or namespace that is not allowed.
    pub fn from_args(node: &NodeName, args: &[String]) -> Result<Self, NameError> {
        let remaps = Remaps::from_args(args)?;
        Ok(Self { node: remaps.node(node)?, remaps })
    }

    /// The node's name, after the rules.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// The absolute name of a topic, after the rules.
    ///
    /// # Errors
    /// A name that is not allowed.
    pub fn resolve(&self, topic: &str) -> Result<String, NameError> {
        self.remaps.topic(&self.node, topic)
    }

    /// Whether a rule is for a topic.
    pub fn is_remapped(&self, topic: &str) -> bool {
        self.node.expand(topic).is_ok_and(|name| self.remaps.sources(&self.node).any(|from| from == name))
    }

    /// Whether the absolute `topic` is the node's own: below its name (`/itnet/...`), or what a rule renames such a topic to.
    pub fn is_below_node(&self, topic: &str) -> bool {
        let below = format!("{}/", self.node);
        let mut moved = self.remaps.sources(&self.node).filter(|from| from.starts_with(&below));
        topic.starts_with(&below) || moved.any(|from| self.resolve(&from).is_ok_and(|to| to == topic))
    }
}

impl Rule {
    fn is_for(&self, node: &str) -> bool {
        self.node.as_deref().is_none_or(|name| name == node)
    }

    fn parse(rule: &str) -> Result<Self, NameError> {
        Self::read(rule).map_err(|fault| NameError::Rule { rule: rule.to_owned(), fault })
    }

    fn read(rule: &str) -> Result<Self, String> {
        let (from, to) = rule.split_once(":=").ok_or("there is no `:=`")?;
        let (node, from) = match from.split_once(':') {
            Some((node, rest)) if is_token(node) && !rest.starts_with("//") => (Some(node.to_owned()), rest),
            _ => (None, from),
        };
        let (kind, from) = match from {
            "__ns" => (Kind::Namespace, ""),
            "__node" | "__name" => (Kind::Node, ""),
            _ => match (from.strip_prefix("rostopic://"), from.strip_prefix("rosservice://")) {
                (Some(from), _) => (Kind::Topic, from),
                (_, Some(from)) => (Kind::Service, from),
                _ => (Kind::Both, from),
            },
        };
        match kind {
            Kind::Node if !is_token(to) => return Err(format!("`{to}` is no name of a node")),
            Kind::Namespace if !to.starts_with('/') => return Err(format!("the namespace `{to}` must begin with `/`")),
            Kind::Namespace if to != "/" => check_side(to)?,
            Kind::Namespace | Kind::Node => {}
            Kind::Both | Kind::Topic | Kind::Service => [from, to].into_iter().try_for_each(check_side)?,
        }
        Ok(Self { node, kind, from: from.to_owned(), to: to.to_owned() })
    }
}

/// A side of a rule: tokens with slashes between them, after nothing, `/` or `~/`.
fn check_side(name: &str) -> Result<(), String> {
    let below = name.strip_prefix("~/").or_else(|| name.strip_prefix('/')).unwrap_or(name);
    match below.split('/').find(|token| !is_token(token)) {
        None => Ok(()),
        Some("") => Err(format!("`{name}` lacks a name between, before or after its slashes")),
        Some(token) if token.contains('*') => Err(format!("`{name}`: there are no wildcards")),
        Some(token) => Err(format!("`{token}` in `{name}` is no name")),
    }
}

/// A part of a name as rules have them: no digit first, no two underscores in a row.
fn is_token(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|c| !c.is_ascii_digit()) && text.chars().all(is_word) && !text.contains("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[track_caller]
    fn names(args: &str) -> Names {
        let node = NodeName::new("/", "itnet").expect("valid");
        Names::from_args(&node, &list(&format!("itnet_node --ros-args {args}"))).expect(args)
    }

    #[test]
    fn a_rule_is_applied_to_the_expanded_name() {
        for (args, topic, expected) in [
            ("-r image:=/front/image_raw", "image", "/front/image_raw"),
            ("--remap image:=/front/image_raw", "/image", "/front/image_raw"),
            ("-r /image:=front", "image", "/front"),
            ("-r ~/mask:=/segmentation/mask", "~/mask", "/segmentation/mask"),
            ("-r /itnet/mask:=/m", "~/mask", "/m"),
            ("-r mask:=/m", "~/mask", "/itnet/mask"),
            ("-r image:=~/image", "image", "/itnet/image"),
            ("-r image:=/front/image_raw", "image/compressed", "/image/compressed"),
            ("-r rostopic://image:=/a", "image", "/a"),
            ("-r rosservice://image:=/a", "image", "/image"),
            ("-r itnet:image:=/a", "image", "/a"),
            ("-r other:image:=/a", "image", "/image"),
            ("-r itnet:rostopic:///image:=/a", "image", "/a"),
            ("-p image:=1 --log-level -r --params-file -r", "image", "/image"),
            ("-r image:=/a -- -r image:=/b", "image", "/a"),
        ] {
            assert_eq!(names(args).resolve(topic).expect(args), expected, "{args}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_wins_and_no_second_one_is_applied() {
        assert_eq!(names("-r image:=/a -r image:=/b").resolve("image"), Ok("/a".to_owned()));
        assert_eq!(names("-r image:=/a -r /a:=/b").resolve("image"), Ok("/a".to_owned()));
    }

    #[test]
    fn a_topic_is_remapped_where_a_rule_is_for_it_even_if_it_keeps_its_name() {
        let names = names("-r camera_info:=camera_info -r rosservice://image:=/a -r other:mask:=/b");
        assert!(names.is_remapped("camera_info") && names.is_remapped("/camera_info"));
        assert!(["image", "mask", "/front/camera_info", "7"].iter().all(|topic| !names.is_remapped(topic)));
    }

    #[test]
    fn what_is_below_the_node_is_known_by_its_name_and_by_the_rules() {
        let names = names("-r __node:=eye -r ~/mask:=/segmentation/mask -r image:=/front/image -r other:~/x:=/x");
        assert!(["/eye/mask", "/eye/front/mask", "/segmentation/mask"].iter().all(|topic| names.is_below_node(topic)));
        assert!(["/eye", "/eyes/mask", "/front/image", "/x"].iter().all(|topic| !names.is_below_node(topic)));
    }

    #[test]
    fn rules_for_services_are_not_for_topics() {
        let names = names("-r rosservice://~/mask:=/go -r rostopic://~/mask:=/no");
        assert_eq!(names.resolve("~/mask"), Ok("/no".to_owned()));
    }

    #[test]
    fn the_node_is_renamed_before_its_topics_are_resolved() {
        let names = names("-r __node:=eye -r __ns:=/robot/front -r image:=cam -r eye:~/mask:=/m");
        assert_eq!(names.node().to_string(), "/robot/front/eye");
        assert_eq!(names.resolve("image"), Ok("/robot/front/cam".to_owned()));
        assert_eq!(names.resolve("~/confidence"), Ok("/robot/front/eye/confidence".to_owned()));
        assert_eq!(names.resolve("~/mask"), Ok("/m".to_owned()));
        assert_eq!(self::names("-r itnet:__name:=a -r a:__ns:=/b").node().to_string(), "/b/a");
        assert_eq!(self::names("-r other:__name:=a -r other:__ns:=/b").node().to_string(), "/itnet");
        assert_eq!(self::names("-r __ns:=/").node().to_string(), "/itnet");
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_named_with_what_is_wrong() {
        let node = NodeName::new("/", "itnet").expect("valid");
        for (rule, fault) in [
            ("image", "no `:=`"),
            (":=a", "lacks a name"),
            ("image:=", "lacks a name"),
            ("image:=a//b", "lacks a name"),
            ("image:=/a/", "lacks a name"),
            ("image:=7a", "`7a` in `7a`"),
            ("image:=a__b", "`a__b`"),
            ("im age:=a", "`im age`"),
            ("*:=a", "wildcards"),
            ("image:=\\1", "`\\1`"),
            ("__ns:=robot", "must begin with `/`"),
            ("__ns:=/a/", "lacks a name"),
            ("__ns:=/a__b", "`a__b`"),
            ("__node:=a/b", "`a/b` is no name of a node"),
            ("a:b:c:=d", "`b:c`"),
        ] {
            let args = ["--ros-args".to_owned(), "-r".to_owned(), rule.to_owned()];
            let error = Names::from_args(&node, &args).expect_err(rule).to_string();
            assert!(error.contains(&format!("`{rule}`")) && error.contains(fault), "{error}");
        }
        let error = Names::from_args(&node, &list("--ros-args -r")).expect_err("no rule").to_string();
        assert_eq!(error, "`-r` is followed by no remap rule");
    }
}
