//! The table as documents: the default parameter file and the tables of the README.

use super::{CAMERA_PARAMETERS, Kind, PARAMETERS, Parameter, Value};

const HEAD: &str = "\
# yaml-language-server: $schema=itnet.schema.json
# Parameters of itnet with their defaults, for the node (--params-file) and for `itnet replay --params`.
# Lists that are empty by default stand as comments: ROS 2 cannot tell the type of an empty list. So does use_sim_time: a value here
# would win over the one that a launch file sets for all its nodes.
/**:
  ros__parameters:
";

/// The default parameter file, `config/itnet.yaml`.
pub fn yaml() -> String {
    let mut text = HEAD.to_owned();
    let (mut group, mut node_only) = ("", false);
    for parameter in PARAMETERS {
        if parameter.node_only && !node_only {
            text += "\n    # From here on, for the node only: replay accepts these and does nothing with them.\n\n";
            node_only = true;
        }
        let (own, name) = parameter.name.split_once('.').unwrap_or(("", parameter.name));
        if own != group && !own.is_empty() {
            text += &format!("    {own}:\n");
        }
        group = own;
        let indent = if own.is_empty() { "    " } else { "      " };
        text += &format!("{indent}# {}\n", comment(parameter));
        text += &match parameter.kind {
            Kind::Texts => cameras(indent),
            Kind::Integers { .. } => format!("{indent}# {name}: [0, 1, 2]\n"),
            _ => {
                let mark = if is_for_all_nodes(parameter) { "# " } else { "" };
                format!("{indent}{mark}{name}: {}\n", plain(&parameter.default()))
            }
        };
    }
    text
}

/// Whether launch files set it for all their nodes: a value in the node's own file would win over theirs.
fn is_for_all_nodes(parameter: &Parameter) -> bool {
    parameter.name == "use_sim_time"
}

/// An example of two cameras, as a comment.
fn cameras(indent: &str) -> String {
    let mut text = format!("{indent}# cameras: [front, rear]\n");
    for camera in ["front", "rear"] {
        text += &format!("{indent}# {camera}:\n");
        for parameter in CAMERA_PARAMETERS {
            if camera == "front" {
                text += &format!("{indent}#   # {}\n", comment(parameter));
            }
            let value = match parameter.name {
                "topic" => format!("/{camera}/image_raw"),
                _ => plain(&parameter.default()),
            };
            text += &format!("{indent}#   {}: {value}\n", parameter.name);
        }
    }
    text
}

/// Description, range and when it is read.
fn comment(parameter: &Parameter) -> String {
    let mut text = parameter.description.to_owned();
    match (parameter.kind, parameter.kind.range()) {
        (_, range) if range.is_empty() => {}
        (Kind::Text { .. }, choices) => text += &format!(" One of {choices}."),
        (_, range) => text += &format!(" From {range}."),
    }
    if parameter.read_only {
        text += " Read at start.";
    }
    text
}

/// A value without quotes where it needs none.
fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) if !text.is_empty() => text.clone(),
        value => value.to_string(),
    }
}

/// The README's tables: parameters of node and replay, and those of the node alone.
pub fn markdown() -> String {
    let of_cameras = CAMERA_PARAMETERS.iter().map(|p| (format!("<camera>.{}", p.name), p));
    let all: Vec<_> = PARAMETERS.iter().map(|p| (p.name.to_owned(), p)).chain(of_cameras).collect();
    let rows = |node_only: bool| -> String {
        all.iter().filter(|(_, p)| p.node_only == node_only).map(|(name, p)| markdown_row(name, p)).collect()
    };
    let head = "| parameter | default | range | |\n|---|---|---|---|\n";
    format!("{head}{}\nOnly the node has a use for these:\n\n{head}{}", rows(false), rows(true))
}

fn markdown_row(name: &str, parameter: &Parameter) -> String {
    let default = match parameter.default() {
        value if value.is_empty_list() => "none".to_owned(),
        Value::Text(text) if text.is_empty() => String::new(),
        value => plain(&value),
    };
    let start = if parameter.read_only { " Read at start." } else { "" };
    let row = format!("| `{name}` | {default} | {} | {}{start} |\n", parameter.kind.range(), parameter.description);
    row.replace("|  |", "| |")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::params::{read_file, schema};

    fn shipped(file: &str) -> String {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file)
    }

    #[test]
    fn the_shipped_file_is_the_table() {
        assert_eq!(shipped("config/itnet.yaml"), yaml(), "write it with `itnet params --yaml`");
    }

    #[test]
    fn the_shipped_schema_is_the_table() {
        let json = format!("{:#}\n", schema());
        assert_eq!(shipped("config/itnet.schema.json"), json, "write it with `itnet params --schema`");
    }

    #[test]
    fn the_readme_has_the_table() {
        assert!(shipped("README.md").contains(&markdown()), "paste what `itnet params --markdown` prints");
    }

    #[test]
    fn the_default_file_reads_back_as_the_defaults() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/itnet.yaml");
        let (parameters, unknown) = read_file(&path, "/itnet").expect("reads");
        assert_eq!(unknown, Vec::<String>::new());
        for parameter in PARAMETERS {
            let is_comment = parameter.default().is_empty_list() || is_for_all_nodes(parameter);
            assert_eq!(parameters.is_set(parameter.name), !is_comment, "{}", parameter.name);
            assert_eq!(parameters.get(parameter.name), Some(parameter.default()), "{}", parameter.name);
        }
    }

    #[test]
    fn the_comments_of_the_default_file_are_parameters_too() {
        let lists = |line: &str| {
            ["cameras:", "class_remap:", "cpu_affinity:", "front:", "rear:", "use_sim_time:", "  "]
                .iter()
                .any(|w| line.starts_with(w))
        };
        let uncomment = |line: &str| match line.strip_prefix("    # ") {
            Some(rest) if lists(rest) => format!("    {rest}\n"),
            _ => format!("{line}\n"),
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("params.yaml");
        std::fs::write(&path, yaml().lines().map(uncomment).collect::<String>()).expect("writes");
        let (parameters, unknown) = read_file(&path, "/itnet").expect("reads");
        assert_eq!(unknown, Vec::<String>::new());
        assert_eq!(parameters.texts("cameras"), ["front", "rear"]);
        assert_eq!(parameters.text("rear.topic"), "/rear/image_raw");
        assert!(parameters.is_set("front.image_transport") && parameters.is_set("class_remap"));
        assert!(parameters.is_set("use_sim_time"));
    }
}
