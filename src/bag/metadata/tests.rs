use super::*;

fn parse(text: &str) -> Result<Information, BagError> {
    Information::parse(Path::new("bag/metadata.yaml"), text)
}

/// A document of `version`, with `qos` and `tail` as that version writes them.
fn sample(version: i64, qos: &str, tail: &str) -> String {
    format!(
        "rosbag2_bagfile_information:
  version: {version}
  storage_identifier: sqlite3
  duration:
    nanoseconds: 733333337
  starting_time:
    nanoseconds_since_epoch: 1600000000004000000
  message_count: 24
  topics_with_message_count:
    - topic_metadata:
        name: /camera/image_raw
        type: sensor_msgs/msg/Image
        serialization_format: cdr
        offered_qos_profiles: {qos}
      message_count: 24
  relative_file_paths:
    - drive_0.db3
{tail}"
    )
}

const TEXT_QOS: &str = r#""- history: 3\n  depth: 0\n  reliability: 1""#;
const LIST_QOS: &str = "
          - history: keep_last
            depth: 5
            reliability: reliable
            durability: volatile
            deadline:
              sec: 9223372036
              nsec: 854775807
            avoid_ros_namespace_conventions: false
        type_description_hash: RIHS01_d31d";
const COMPRESSION: &str = "  compression_format: zstd\n  compression_mode: FILE\n";
const FILES: &str = "  files:
    - path: drive_0.db3
      starting_time:
        nanoseconds_since_epoch: 1600000000004000000
      duration:
        nanoseconds: 733333337
      message_count: 24
";
const CUSTOM: &str = "  custom_data:\n    robot: one\n";
const NO_CUSTOM: &str = "  custom_data: ~\n  ros_distro: jazzy\n";

#[test]
fn versions_4_to_9_are_read() {
    let samples = [
        sample(4, TEXT_QOS, COMPRESSION),
        sample(5, TEXT_QOS, &[COMPRESSION, FILES].concat()),
        sample(6, TEXT_QOS, &[COMPRESSION, FILES, CUSTOM].concat()),
        sample(7, TEXT_QOS, &[COMPRESSION, FILES, CUSTOM].concat()),
        sample(8, TEXT_QOS, &[COMPRESSION, FILES, NO_CUSTOM].concat()),
        sample(9, LIST_QOS, &[COMPRESSION, FILES, NO_CUSTOM].concat()),
    ];
    for (version, sample) in (4..).zip(samples) {
        let information = parse(&sample).unwrap();
        assert_eq!(information.version, version);
        assert_eq!(information.message_count, 24);
        assert_eq!(information.starting_time.nanoseconds_since_epoch, 1_600_000_000_004_000_000);
        assert_eq!(information.relative_file_paths, ["drive_0.db3"]);
        let topics = information.topics();
        assert_eq!(topics.len(), 1);
        assert_eq!(topics[0].name, "/camera/image_raw");
        assert_eq!(topics[0].message_type, "sensor_msgs/msg/Image");
        assert_eq!(topics[0].message_count, Some(24));
        let qos = &topics[0].offered_qos_profiles;
        assert!(qos.starts_with("- history:"), "{qos}");
    }
}

#[test]
fn the_oldest_versions_lack_much() {
    let text = sample(1, "''", "").replace("        offered_qos_profiles: ''\n", "");
    let information = parse(&text).unwrap();
    assert_eq!(information.topics()[0].offered_qos_profiles, "");
    let information = parse(&sample(3, "~", COMPRESSION)).unwrap();
    assert_eq!(information.topics()[0].offered_qos_profiles, "");
}

#[test]
fn unknown_versions_are_refused() {
    for version in [0, 10, -1] {
        let error = parse(&sample(version, "''", "")).unwrap_err();
        assert_eq!(error.to_string(), format!("bag/metadata.yaml: version {version} is unknown, 1 to 9 can be read"));
    }
}

#[test]
fn what_is_no_metadata_is_an_error_that_names_the_file() {
    for text in ["", "- 1", "a: b", "rosbag2_bagfile_information: [", "\u{0}"] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with("bag/metadata.yaml: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let last = i - 1;
        let ten = vec![format!("*a{last}"); 10].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{ten}]\n"));
    }
    text.push_str("rosbag2_bagfile_information: *a11\n");
    parse(&text).unwrap_err();
}

#[test]
fn what_is_written_reads_back() {
    let information = parse(&sample(5, TEXT_QOS, &[COMPRESSION, FILES].concat())).unwrap();
    let text = information.to_yaml(Path::new("x")).unwrap();
    let again = parse(&text).unwrap();
    assert_eq!(again.topics(), information.topics());
    assert_eq!(again.files.unwrap()[0].message_count, 24);
}

#[test]
fn compressed_files_are_found_however_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("drive_0.db3.zstd");
    std::fs::write(&file, "x").unwrap();
    for name in ["drive_0.db3", "drive_0.db3.zstd", "drive/drive_0.db3"] {
        let information =
            Information { relative_file_paths: vec![name.into(), "gone_1.db3".into()], ..Information::default() };
        let files = information.files(folder.path());
        assert_eq!(files[0], Ok(file.clone()));
        assert_eq!(files[1], Err(folder.path().join("gone_1.db3")));
    }
}
