//! ROS 2 parameter files: `node name: {ros__parameters: {...}}`, as the node's `--params-file` takes them.

use std::path::{Path, PathBuf};

use super::tree::Yaml;
use super::{ParameterError, Parameters, Value};

/// Why a parameter file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ParameterFileError {
    /// The file cannot be read.
    #[error("parameter file {path}: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file is no YAML or has another structure.
    #[error("parameter file {path}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// A value is refused.
    #[error("parameter file {path}: {reason}")]
    Parameter {
        /// The file.
        path: PathBuf,
        /// The parameter, what was expected and what came.
        reason: ParameterError,
    },
}

/// Reads what a parameter file says to the node `node` (a full name such as `/itnet`). Names that the table lacks are
/// not errors: they are returned, to be warned of. QoS overrides are for the node and passed over.
pub fn read_file(path: &Path, node: &str) -> Result<(Parameters, Vec<String>), ParameterFileError> {
    let (mut parameters, mut unknown) = (Parameters::default(), Vec::new());
    for (name, value) in read_values(path, node)? {
        if super::is_qos_override(&name) {
            continue;
        }
        match parameters.set(&name, value) {
            Ok(()) => {}
            Err(ParameterError::Unknown { name, .. }) => unknown.push(name),
            Err(reason) => return Err(ParameterFileError::Parameter { path: path.to_owned(), reason }),
        }
    }
    Ok((parameters, unknown))
}

/// Reads all values that a parameter file gives the node `node`, with full names, unchecked and in the file's order:
/// of values for the same name, the last one counts.
pub fn read_values(path: &Path, node: &str) -> Result<Vec<(String, Value)>, ParameterFileError> {
    let text =
        std::fs::read_to_string(path).map_err(|reason| ParameterFileError::Read { path: path.to_owned(), reason })?;
    parse(&text, node).map_err(|reason| ParameterFileError::Format { path: path.to_owned(), reason })
}

/// The nodes that a parameter file is for, where it is not for `node`.
pub fn other_nodes(path: &Path, node: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let Ok(Yaml::Group(names)) = Yaml::parse(&text) else { return Vec::new() };
    let patterns: Vec<String> = nodes("", &names).unwrap_or_default().into_iter().map(|(pattern, _)| pattern).collect();
    if patterns.iter().any(|pattern| matches(pattern, node)) { Vec::new() } else { patterns }
}

/// Reads one value, as it stands behind a parameter's name.
pub fn parse_value(text: &str) -> Result<Value, String> {
    Yaml::parse(text)?.value().ok_or_else(|| "expected a value, or a list of values of one type".to_owned())
}

/// The key under which a node's parameters stand.
const PARAMETERS_KEY: &str = "ros__parameters";

fn parse(text: &str, node: &str) -> Result<Vec<(String, Value)>, String> {
    let Yaml::Group(names) = Yaml::parse(text)? else {
        return Err("expected node names at the top, such as `/**:`".to_owned());
    };
    let mut values = Vec::new();
    for (pattern, body) in nodes("", &names)? {
        if !matches(&pattern, node) {
            continue;
        }
        let Yaml::Group(members) = body else {
            return Err(format!("node `{pattern}`: expected names below `{PARAMETERS_KEY}:`"));
        };
        for (name, yaml) in flat("", members) {
            match yaml.value() {
                Some(value) => values.push((name, value)),
                None if matches!(yaml, Yaml::Null) => {}
                None => {
                    return Err(format!("parameter `{name}`: lists hold values of one type, and no lists or groups"));
                }
            }
        }
    }
    Ok(values)
}

/// Every `ros__parameters` with the node pattern above it; namespaces may be groups around the node's name.
fn nodes<'a>(namespace: &str, names: &'a [(String, Yaml)]) -> Result<Vec<(String, &'a Yaml)>, String> {
    let mut all = Vec::new();
    for (name, body) in names {
        if name == PARAMETERS_KEY && !namespace.is_empty() {
            all.push((namespace.to_owned(), body));
            continue;
        }
        let full = if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
        match body {
            Yaml::Group(inner) if name != PARAMETERS_KEY => all.extend(nodes(&full, inner)?),
            _ => return Err(format!("node `{full}`: expected `{PARAMETERS_KEY}:` with names below it")),
        }
    }
    Ok(all)
}

/// Whether a node pattern (`*` for one name, `**` for any number) covers the full node name.
fn matches(pattern: &str, node: &str) -> bool {
    let parts = |name: &str| name.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    covers(&parts(pattern), &parts(node))
}

fn covers(pattern: &[String], node: &[String]) -> bool {
    match (pattern.split_first(), node.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            covers(rest, node) || node.split_first().is_some_and(|(_, tail)| covers(pattern, tail))
        }
        (Some((first, rest)), Some((name, tail))) => (first == "*" || first == name) && covers(rest, tail),
        _ => false,
    }
}

/// Nested groups as dotted names.
fn flat<'a>(group: &str, members: &'a [(String, Yaml)]) -> Vec<(String, &'a Yaml)> {
    let mut all = Vec::new();
    for (name, yaml) in members {
        let full = if group.is_empty() { name.clone() } else { format!("{group}.{name}") };
        match yaml {
            Yaml::Group(inner) => all.extend(flat(&full, inner)),
            other => all.push((full, other)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Parameters, Vec<String>), String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("params.yaml");
        std::fs::write(&path, text).expect("writes");
        read_file(&path, "/itnet").map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_for_other_nodes_only_is_known_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parameters.yaml");
        let others = |text: &str| {
            std::fs::write(&path, text).unwrap();
            other_nodes(&path, "/itnet")
        };
        let body = "\n  ros__parameters:\n    threads: 1\n";
        assert_eq!(others(&format!("/robot/itnet:{body}/camera:{body}")), ["/robot/itnet", "/camera"]);
        for ours in ["/**", "itnet", "/*"] {
            assert!(others(&format!("/camera:{body}{ours}:{body}")).is_empty(), "{ours}");
        }
        assert!(others("[1]").is_empty() && others("").is_empty());
    }

    #[test]
    fn nested_and_dotted_names_are_the_same() {
        let nested = read("/**:\n  ros__parameters:\n    iterations:\n      max: 3\n").expect("reads").0;
        let dotted = read("itnet:\n  ros__parameters:\n    iterations.max: 3\n").expect("reads").0;
        assert_eq!(nested.integer("iterations.max"), 3);
        assert_eq!(nested, dotted);
    }

    #[test]
    fn only_sections_for_this_node_count_and_later_ones_win() {
        let text = "/other:\n  ros__parameters:\n    budget_ms: 1.0\n/**:\n  ros__parameters:\n    budget_ms: 2.0\n\
                    /itnet:\n  ros__parameters:\n    budget_ms: 3.0\n";
        assert_eq!(read(text).expect("reads").0.double("budget_ms"), 3.0);
    }

    #[test]
    fn what_rcl_reads_in_the_sections_of_other_nodes_does_not_stop_this_one() {
        for other in [
            "limit: .inf",
            "limit: -.INF",
            "limit: .nan",
            "limits: [1.0, .inf]",
            "a: 1\n    a: 2",
            "seed: 18446744073709551615",
            "seed: 99999999999999999999999",
        ] {
            let text =
                format!("/other:\n  ros__parameters:\n    {other}\n/itnet:\n  ros__parameters:\n    budget_ms: 3.0\n");
            assert_eq!(read(&text).expect(other).0.double("budget_ms"), 3.0, "{other}");
        }
    }

    #[test]
    fn of_a_name_or_a_section_that_stands_twice_the_later_one_wins() {
        let names = "/**:\n  ros__parameters:\n    budget_ms: 1.0\n    threads: 2\n    budget_ms: 2.0\n";
        let sections = "/**:\n  ros__parameters:\n    budget_ms: 1.0\n    threads: 2\n/**:\n  ros__parameters:\n    budget_ms: 2.0\n";
        for text in [names, sections] {
            let parameters = read(text).expect("reads").0;
            assert_eq!((parameters.double("budget_ms"), parameters.integer("threads")), (2.0, 2));
        }
    }

    #[test]
    fn flags_are_read_as_ros_reads_them() {
        for (text, flag) in [("true", true), ("False", false), ("off", false), ("yes", true)] {
            let file = format!("/**:\n  ros__parameters:\n    use_sim_time: {text}\n");
            assert_eq!(read(&file).expect(text).0.flag("use_sim_time"), flag, "{text}");
        }
    }

    #[test]
    fn wildcards_cover_namespaces() {
        assert!(matches("/**", "/itnet") && matches("/**/itnet", "/a/b/itnet") && matches("/*/itnet", "/a/itnet"));
        assert!(!matches("/*/itnet", "/itnet") && !matches("/itnet", "/a/itnet"));
    }

    #[test]
    fn namespaces_may_be_groups_around_the_node() {
        let text = "/robot:\n  itnet:\n    ros__parameters:\n      budget_ms: 4.0\n";
        let values = parse(text, "/robot/itnet").expect("reads");
        assert_eq!(values, [("budget_ms".to_owned(), Value::Double(4.0))]);
        assert_eq!(parse(text, "/itnet").expect("reads"), []);
    }

    #[test]
    fn what_only_matters_live_is_accepted_without_a_word() {
        let text = "/**:\n  ros__parameters:\n    autostart: false\n    class_remap: [0, 7]\n    \
                    qos_overrides: {/front/image: {subscription: {depth: 5}}}\n";
        let (parameters, unknown) = read(text).expect("reads");
        assert_eq!(unknown, Vec::<String>::new());
        assert!(!parameters.flag("autostart"));
        assert_eq!(parameters.integers("class_remap"), [0, 7]);
    }

    #[test]
    fn cameras_have_parameters_of_their_own() {
        let text =
            "/**:\n  ros__parameters:\n    cameras: [front, rear]\n    front: {topic: /f/image, budget_ms: 10}\n";
        let (parameters, unknown) = read(text).expect("reads");
        assert_eq!(parameters.texts("cameras"), ["front", "rear"]);
        assert_eq!(parameters.double("front.budget_ms"), 10.0);
        assert_eq!(unknown, Vec::<String>::new());
    }

    #[test]
    fn unknown_names_are_told_and_faults_name_file_and_parameter() {
        let (_, unknown) =
            read("/**:\n  ros__parameters:\n    colour: red\n    gains: [1, 2.5]\n    cameras:\n").expect("reads");
        assert_eq!(unknown, ["colour", "gains"]);
        for (text, word) in [
            ("/**:\n  ros__parameters:\n    budget_ms: -1.0\n", "budget_ms"),
            ("/**:\n  budget_ms: 1.0\n", "ros__parameters"),
            ("- 1\n", "node names"),
            ("a: [", "YAML"),
            ("/**:\n  ros__parameters:\n    cameras: [1, 2]\n", "cameras"),
            ("/**:\n  ros__parameters:\n    cameras: [front, 2]\n", "cameras"),
            ("/**:\n  ros__parameters:\n    budget_ms: .nan\n", "budget_ms"),
            ("/**:\n  ros__parameters:\n    budget_ms: .inf\n", "budget_ms"),
            ("/**:\n  ros__parameters:\n    threads: 18446744073709551615\n", "threads"),
            ("/**:\n  ros__parameters:\n    autostart: 1\n", "autostart"),
            ("/**:\n  ros__parameters:\n    class_remap: [1, 300]\n", "0 to 255"),
            ("/**:\n  ros__parameters: 1\n", "ros__parameters"),
            ("ros__parameters:\n  budget_ms: 1.0\n", "ros__parameters"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(word) && error.contains("params.yaml"), "{error}");
        }
    }
}
