//! `itnet params`: the table of parameters, for people and as the files that are made from it.

use std::io::Write;

use super::Ending;
use super::table::{row, table};
use crate::params::{CAMERA_PARAMETERS, PARAMETERS, Parameter, markdown, schema, yaml};

/// Arguments of `itnet params`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Form {
    /// Print the default parameter file
    #[arg(long)]
    yaml: bool,
    /// Print the JSON schema of parameter files
    #[arg(long)]
    schema: bool,
    /// Print the README's tables
    #[arg(long)]
    markdown: bool,
}

pub fn run(args: Args) -> anyhow::Result<Ending> {
    let text = match args.form {
        Form { yaml: true, .. } => yaml(),
        Form { schema: true, .. } => format!("{:#}\n", schema()),
        Form { markdown: true, .. } => markdown(),
        Form { .. } => for_people(),
    };
    write!(std::io::stdout().lock(), "{text}")?;
    Ok(Ending::Done)
}

fn for_people() -> String {
    let mut rows = vec![row(["parameter", "default", "range", "read", ""])];
    rows.extend(PARAMETERS.iter().map(|parameter| cells(parameter.name, parameter)));
    let of_cameras = CAMERA_PARAMETERS.iter();
    rows.extend(of_cameras.map(|parameter| cells(&format!("<camera>.{}", parameter.name), parameter)));
    table(&rows)
}

fn cells(name: &str, parameter: &Parameter) -> Vec<String> {
    let range = match parameter.kind.range() {
        range if range.is_empty() => parameter.kind.type_name().to_owned(),
        range => range,
    };
    let read = if parameter.read_only { "at start" } else { "live" };
    row([name, &parameter.default().to_string(), &range, read, parameter.description])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_listed() {
        let text = for_people();
        for parameter in PARAMETERS {
            assert!(text.contains(parameter.name) && text.contains(parameter.description), "{}", parameter.name);
        }
        assert!(text.contains("<camera>.topic"));
    }
}
