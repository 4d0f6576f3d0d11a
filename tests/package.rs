//! The ROS package around the crate: what its files say about each other, checked without ROS.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use itnet::params::{Kind, find, read_file};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of the files in a folder of the repository.
fn files(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).expect(folder);
    let files = entries.map(|entry| entry.expect(folder)).filter(|entry| entry.path().is_file());
    files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// What stands between `before` and `after`, everywhere.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    let parts = text.split(before).skip(1);
    parts.filter_map(|part| part.split_once(after)).map(|(found, _)| found).collect()
}

/// Words that are file names ending in `ending`.
fn named(text: &str, ending: &str) -> BTreeSet<String> {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let words = text.split(|c| !of_a_name(c)).filter(|word| word.ends_with(ending));
    words.map(|word| word.rsplit('/').next().unwrap_or(word).to_owned()).collect()
}

/// The parameters that the main launch file takes as arguments, with its choices.
fn launch_parameters() -> Vec<(String, Vec<String>)> {
    let launch = text("launch/itnet.launch.py");
    let table = between(&launch, "\nPARAMETERS = {\n", "\n}")[0];
    let row = |line: &str| {
        let name = line.trim().trim_start_matches('\'').split("':").next().unwrap_or_default();
        let choices = between(line, "['', ", "])").concat();
        let choices = choices.split(", ").map(|choice| choice.trim_matches('\'').to_owned());
        (name.to_owned(), choices.filter(|choice| !choice.is_empty()).collect())
    };
    table.lines().map(row).collect()
}

#[test]
fn crate_and_package_have_one_version() {
    assert_eq!(between(&text("package.xml"), "<version>", "</version>"), [env!("CARGO_PKG_VERSION")]);
    assert!(text("CHANGELOG.md").contains(&format!("## {} ", env!("CARGO_PKG_VERSION"))));
}

/// The packages of a lock file: their names and versions, and all that is said of them.
fn locked(name: &str) -> BTreeMap<String, String> {
    let text = text(name);
    let packages = text.split("[[package]]").skip(1).map(|package| {
        let name = between(package, "name = \"", "\"")[0];
        let version = between(package, "version = \"", "\"")[0];
        (format!("{name} {version}"), package.to_owned())
    });
    packages.collect()
}

#[test]
fn what_is_fuzzed_is_made_of_the_crates_that_are_shipped() {
    let (ours, fuzzed) = (locked("Cargo.lock"), locked("fuzz/Cargo.lock"));
    let others: Vec<&str> = fuzzed.keys().filter(|name| !ours.contains_key(*name)).map(String::as_str).collect();
    let names: Vec<&str> = others.iter().filter_map(|name| name.split(' ').next()).collect();
    assert_eq!(names, ["arbitrary", "itnet-fuzz", "libfuzzer-sys"], "{others:?}");
    // Whoever adds a crate brings the fuzz targets' lock file up to date: `cargo metadata --manifest-path fuzz/Cargo.toml`.
    let itnet = &fuzzed[concat!("itnet ", env!("CARGO_PKG_VERSION"))];
    let table = text("Cargo.toml");
    let wanted = between(&table, "[dependencies]\n", "\n[")[0].lines();
    let wanted = wanted.filter(|line| !line.contains("optional = true")).filter_map(|line| line.split_once(" = "));
    for (name, _) in wanted {
        assert!(itnet.contains(&format!(" \"{name}\"")) || itnet.contains(&format!(" \"{name} ")), "{name}");
    }
}

#[test]
fn every_launch_file_is_in_the_readme_and_no_other() {
    assert_eq!(named(&text("README.md"), ".launch.py"), files("launch"));
}

#[test]
fn every_file_of_config_that_a_document_or_launch_file_names_is_there_and_all_are_named() {
    let mut texts = text("README.md");
    texts.extend(files("launch").iter().map(|file| text(&format!("launch/{file}"))));
    let config = files("config");
    for folder in between(&texts, "config/", "/") {
        assert!(!folder.chars().all(char::is_alphanumeric), "config has no folder {folder}");
    }
    for file in &config {
        assert!(texts.contains(file.as_str()), "no document names config/{file}");
    }
    for word in texts.split(|c: char| c.is_whitespace() || "()[]`'\"".contains(c)) {
        if let Some(file) = word.strip_prefix("config/") {
            assert!(config.contains(file.trim_end_matches(['.', ',', ';', ':'])), "{word} is not there");
        }
    }
}

#[test]
fn every_parameter_that_can_be_launched_is_in_the_table_with_the_same_choices() {
    let parameters = launch_parameters();
    assert!(parameters.iter().any(|(name, _)| name == "budget_ms"), "{parameters:?}");
    for (name, choices) in parameters {
        let row = find(&name).unwrap_or_else(|| panic!("launch argument {name} is no parameter"));
        if let Kind::Text { choices: expected, .. } = row.kind {
            assert_eq!(choices, expected, "{name}");
        }
    }
}

#[test]
fn the_parameter_files_hold_nothing_that_is_unknown_or_out_of_range() {
    for file in files("config").iter().filter(|file| file.ends_with(".yaml")) {
        let (_, warnings) = read_file(&root().join("config").join(file), "itnet").unwrap_or_else(|e| panic!("{e}"));
        assert!(warnings.is_empty(), "{file}: {warnings:?}");
    }
    let (cameras, _) = read_file(&root().join("config/multi_camera.yaml"), "itnet").expect("reads");
    for camera in cameras.texts("cameras") {
        assert!(cameras.is_set(&format!("{camera}.topic")), "{camera}");
    }
}

#[test]
fn messages_that_the_package_depends_on_are_built_and_the_other_way_round() {
    let package = text("package.xml");
    let depends: BTreeSet<_> = between(&package, "<depend>", "</depend>").into_iter().collect();
    let messages = |name: &&str| *name == "bond" || name.ends_with("_msgs") || name.ends_with("_interfaces");
    let cmake = text("CMakeLists.txt");
    let built: BTreeSet<_> = between(&cmake, "set(message_packages", ")")[0].split_whitespace().collect();
    // Not in every distribution, or not of it: used, or built, where they are installed.
    let optional =
        ["autoware_internal_debug_msgs", "service_msgs", "tier4_debug_msgs", "type_description_interfaces"].into();
    assert_eq!(built.difference(&depends).copied().collect::<BTreeSet<_>>(), optional);
    assert_eq!(depends.iter().copied().filter(messages).collect::<BTreeSet<_>>(), &built - &optional);
}

#[test]
fn viewers_show_topics_that_the_readme_promises() {
    let readme = text("README.md");
    let layout: serde_json::Value = serde_json::from_str(&text("config/foxglove.json")).expect("valid JSON");
    let texts = layout.to_string() + &text("config/itnet.rviz");
    let topics: BTreeSet<_> = texts.split(['"', ' ', '\n']).filter_map(|word| word.strip_prefix("/itnet/")).collect();
    assert!(topics.len() > 5, "{topics:?}");
    for topic in topics {
        let topic = topic.strip_suffix(".data").unwrap_or(topic);
        assert!(readme.contains(&format!("`~/{topic}`")), "~/{topic} is not in the README");
    }
}
