//! The parameters that a command line sets: files and single values, in their order, the later one winning.
//!
//! They are read here and not taken from the library because of the node names in files: `/**/itnet` and `/robot/*` are for a node as rclcpp
//! understands them, which not every library does.

use std::path::PathBuf;

use super::args::ros_flags;
use super::name::NodeName;
use crate::params::{ParameterFileError, Value, parse_value, read_values};

/// Why a parameter on the command line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// A file.
    #[error(transparent)]
    File(#[from] ParameterFileError),
    /// A single value.
    #[error("`-p {given}`: {fault}")]
    Value {
        /// As it was given.
        given: String,
        /// What is wrong.
        fault: String,
    },
}

/// What `--params-file` and `-p` say to `node`, by full names, unchecked.
///
/// # Errors
/// A file that cannot be read, and a value that is none.
pub fn parameter_overrides(args: &[String], node: &NodeName) -> Result<Vec<(String, Value)>, OverrideError> {
    let mut values = Vec::new();
    for (flag, value) in ros_flags(args) {
        let value = value.unwrap_or_default();
        match flag.as_str() {
            "--params-file" => values.extend(read_values(&PathBuf::from(value), &node.to_string())?),
            "-p" | "--param" => values.extend(single(&value, node)?),
            _ => (),
        }
    }
    Ok(values)
}

/// `name:=value`, or `node:name:=value` for one node.
fn single(given: &str, node: &NodeName) -> Result<Option<(String, Value)>, OverrideError> {
    let error = |fault: String| OverrideError::Value { given: given.to_owned(), fault };
    let (name, value) = given.split_once(":=").ok_or_else(|| error("expected name:=value".to_owned()))?;
    let (wanted, name) = name.split_once(':').map_or((None, name), |(wanted, name)| (Some(wanted), name));
    if wanted.is_some_and(|wanted| wanted != node.name()) {
        return Ok(None);
    }
    Ok(Some((name.to_owned(), parse_value(value).map_err(error)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &str, node: &NodeName) -> Result<Vec<(String, Value)>, String> {
        let args: Vec<String> = args.split(' ').map(str::to_owned).collect();
        parameter_overrides(&args, node).map_err(|error| error.to_string())
    }

    #[test]
    fn files_and_single_values_come_in_their_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("p.yaml");
        std::fs::write(
            &file,
            "/robot/*:\n  ros__parameters: {budget_ms: 20.0}\n/**/other:\n  ros__parameters: {threads: 2}\n",
        )
        .expect("writes");
        let node = NodeName::new("/robot", "itnet").expect("valid");
        let args = format!(
            "node -p no:=1 --ros-args -p budget_ms:=5 -r -p --params-file {} -p itnet:publish:=final -p rear:threads:=3",
            file.display()
        );
        let told = read(&args, &node).expect("reads");
        let names: Vec<_> = told.iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(names, ["budget_ms 5", "budget_ms 20.0", "publish \"final\""]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let node = NodeName::new("/", "itnet").expect("valid");
        let error = read("node --ros-args -p budget_ms", &node).expect_err("no value");
        assert!(error.contains("`-p budget_ms`"), "{error}");
        let error = read("node --ros-args -p budget_ms:=[", &node).expect_err("no YAML");
        assert!(error.contains("budget_ms:=["), "{error}");
        let error = read("node --ros-args --params-file /no/such.yaml", &node).expect_err("no file");
        assert!(error.contains("/no/such.yaml"), "{error}");
    }
}
