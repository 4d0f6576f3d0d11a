//! ROS 2 parameter files: `node name: {ros__parameters: {...}}`, as the node's `--params-file` takes them.

use std::path::{Path, PathBuf};

use serde_json::Value as Yaml;

use super::{ParameterError, Parameters, Value};

/// Why a parameter file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ParameterFileError {
    /// The file cannot be read.
    #[error("parameter file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
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
    #[error("parameter file {path}: {source}")]
    Parameter {
        /// The file.
        path: PathBuf,
        /// The parameter, what was expected and what came.
        source: ParameterError,
    },
}

/// Reads what a parameter file says to the node `node` (a full name such as `/itnet`). Names that the table lacks are
/// not errors: they are returned, to be warned of.
pub fn read_file(path: &Path, node: &str) -> Result<(Parameters, Vec<String>), ParameterFileError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ParameterFileError::Read { path: path.to_owned(), source })?;
    parse(&text, node).map_err(|fault| match fault {
        Fault::Format(reason) => ParameterFileError::Format { path: path.to_owned(), reason },
        Fault::Parameter(source) => ParameterFileError::Parameter { path: path.to_owned(), source },
    })
}

enum Fault {
    Format(String),
    Parameter(ParameterError),
}

fn parse(text: &str, node: &str) -> Result<(Parameters, Vec<String>), Fault> {
    let yaml: Yaml = serde_saphyr::from_str(text).map_err(|error| Fault::Format(format!("no valid YAML: {error}")))?;
    let Yaml::Object(nodes) = yaml else {
        return Err(Fault::Format("expected node names at the top, such as `/**:`".to_owned()));
    };
    let (mut parameters, mut unknown) = (Parameters::default(), Vec::new());
    for (pattern, body) in &nodes {
        if !matches(pattern, node) {
            continue;
        }
        let Some(Yaml::Object(groups)) = body.get("ros__parameters") else {
            return Err(Fault::Format(format!("node `{pattern}`: expected `ros__parameters:` with names below it")));
        };
        for (name, value) in flat("", groups) {
            let Some(value) = scalar(value) else {
                return Err(Fault::Format(format!("parameter `{name}`: {value} is no value a parameter can have")));
            };
            match parameters.set(&name, value) {
                Err(ParameterError::Unknown { name }) => unknown.push(name),
                other => other.map_err(Fault::Parameter)?,
            }
        }
    }
    Ok((parameters, unknown))
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
fn flat<'a>(group: &str, members: &'a serde_json::Map<String, Yaml>) -> Vec<(String, &'a Yaml)> {
    let mut all = Vec::new();
    for (name, value) in members {
        let full = if group.is_empty() { name.clone() } else { format!("{group}.{name}") };
        match value {
            Yaml::Object(inner) => all.extend(flat(&full, inner)),
            other => all.push((full, other)),
        }
    }
    all
}

fn scalar(yaml: &Yaml) -> Option<Value> {
    Some(match yaml {
        Yaml::Bool(flag) => Value::Bool(*flag),
        Yaml::Number(n) => n.as_i64().map(Value::Integer).or_else(|| n.as_f64().map(Value::Double))?,
        Yaml::String(text) => Value::Text(text.clone()),
        Yaml::Array(items) => {
            Value::Texts(items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?)
        }
        Yaml::Null | Yaml::Object(_) => return None,
    })
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
    fn wildcards_cover_namespaces() {
        assert!(matches("/**", "/itnet") && matches("/**/itnet", "/a/b/itnet") && matches("/*/itnet", "/a/itnet"));
        assert!(!matches("/*/itnet", "/itnet") && !matches("/itnet", "/a/itnet"));
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
        let (_, unknown) = read("/**:\n  ros__parameters:\n    colour: red\n").expect("reads");
        assert_eq!(unknown, ["colour"]);
        for (text, word) in [
            ("/**:\n  ros__parameters:\n    budget_ms: -1.0\n", "budget_ms"),
            ("/**:\n  budget_ms: 1.0\n", "ros__parameters"),
            ("- 1\n", "node names"),
            ("a: [", "YAML"),
            ("/**:\n  ros__parameters:\n    cameras: [1, 2]\n", "cameras"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(word) && error.contains("params.yaml"), "{error}");
        }
    }

    /// The shipped file has every parameter of the table, with its default and its range beside it.
    #[test]
    fn the_shipped_file_is_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/itnet.yaml");
        let (parameters, unknown) = read_file(&path, "/itnet").expect("reads");
        assert_eq!(unknown, Vec::<String>::new());
        let text = std::fs::read_to_string(&path).expect("reads");
        for parameter in super::super::PARAMETERS {
            assert!(parameters.is_set(parameter.name), "{} is not in the file", parameter.name);
            assert_eq!(parameters.get(parameter.name), Some(parameter.default()), "{}", parameter.name);
            let words = parameter.expected();
            let range = words.rsplit_once("from ").map_or("", |(_, range)| range).replace(".0", "");
            assert!(text.replace(".0", "").contains(&range), "{}: {range} is not in the file", parameter.name);
        }
    }
}
