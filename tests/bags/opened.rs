//! What is a bag, what is not, and the many forms one can have.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use itnet::bag::{Bag, BagError, Message, Storage};
use itnet::message::{CameraInfo, Image, Message as _};
use mcap::records::MessageHeader;
use mcap::{Compression, WriteOptions};

use crate::common::{STORAGES, messages, read, read_whole, storage_file, write};

/// Writes an MCAP file as other recorders do.
pub fn write_mcap(path: &Path, options: WriteOptions, messages: &[Message]) {
    let mut writer = options.create(File::create(path).unwrap()).unwrap();
    let channels = [("/image", Image::TYPE), ("/info", CameraInfo::TYPE)].map(|(name, kind)| {
        let definition = kind.definition.as_bytes();
        let schema = writer.add_schema(kind.name, "ros2msg", definition).unwrap();
        writer.add_channel(schema, name, "cdr", &BTreeMap::new()).unwrap()
    });
    for message in messages {
        let header = MessageHeader {
            channel_id: channels[message.topic],
            sequence: 0,
            log_time: message.received as u64,
            publish_time: 0,
        };
        writer.write_to_known_channel(&header, &message.data).unwrap();
    }
    writer.finish().unwrap();
}

fn compress(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(".zstd");
    let packed = zstd::encode_all(&fs::read(file).unwrap()[..], 1).unwrap();
    fs::write(&name, packed).unwrap();
    fs::remove_file(file).unwrap();
    name.into()
}

fn edit_metadata(folder: &Path, edit: impl Fn(String) -> String) {
    let path = folder.join("metadata.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, edit(text)).unwrap();
}

#[test]
fn every_form_of_mcap_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let written = messages(30, 700);
    let small = || WriteOptions::new().chunk_size(Some(4000));
    let forms = [
        ("zstd", small().compression(Some(Compression::Zstd))),
        ("lz4", small().compression(Some(Compression::Lz4))),
        ("plain", small().compression(None)),
        ("bare", WriteOptions::new().use_chunks(false)),
        ("no_summary", small().emit_summary_records(false)),
        ("no_channels", small().repeat_channels(false)),
        ("no_schemas", small().repeat_schemas(false)),
    ];
    for (name, options) in forms {
        let path = folder.path().join(name);
        write_mcap(&path, options, &written);
        assert!(read_whole(&path) == written, "{name}");
        let bag = Bag::open(&path).unwrap();
        assert_eq!(bag.message_count(), Some(30), "{name}");
        assert_eq!(bag.topics()[1].message_type, "sensor_msgs/msg/CameraInfo");
    }
}

#[test]
fn folders_without_metadata_are_read() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let written = messages(30, 300);
        write(folder.path(), storage, &written);
        fs::remove_file(folder.path().join("metadata.yaml")).unwrap();
        assert_eq!(read_whole(folder.path()), written);
        assert_eq!(Bag::open(folder.path()).unwrap().message_count(), Some(30));
    }
}

#[test]
fn whole_files_may_be_compressed() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let written = messages(30, 300);
        write(folder.path(), storage, &written);
        let file = compress(&storage_file(folder.path()));
        assert_eq!(read_whole(&file), written, "as a bare file");
        assert_eq!(read_whole(folder.path()), written, "named without .zstd");
        let plain = file.with_extension("");
        let plain = plain.file_name().unwrap().to_str().unwrap();
        edit_metadata(folder.path(), |text| text.replace(plain, &format!("{plain}.zstd")));
        assert_eq!(read_whole(folder.path()), written, "named with .zstd");
        fs::remove_file(folder.path().join("metadata.yaml")).unwrap();
        assert_eq!(read_whole(folder.path()), written, "without metadata");
    }
}

#[test]
fn single_messages_may_be_compressed() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let written = messages(10, 300);
        let mut packed = written.clone();
        for message in &mut packed {
            message.data = zstd::encode_all(&message.data[..], 1).unwrap();
        }
        packed[4].data.truncate(50);
        write(folder.path(), storage, &packed);
        let (found, fault) = read(folder.path());
        assert_eq!(found, [&written[..4], &written[5..]].concat(), "the broken message alone is lost");
        let fault = fault.unwrap().to_string();
        assert!(fault.contains("cannot be decompressed"), "{fault}");
    }
}

/// A bag of three files, two messages in each.
fn split(folder: &Path, storage: Storage) -> Vec<Message> {
    let written = messages(6, 100);
    let mut text = String::new();
    for (i, part) in written.chunks(2).enumerate() {
        let one = folder.join("part");
        write(&one, storage, part);
        let file = storage_file(&one);
        let name = file.file_name().unwrap().to_str().unwrap();
        // Numbers beyond 9, so that the order of names is not the order of numbers.
        let number = 9 + i;
        let new = name.replace("_0", &format!("_{number}"));
        fs::rename(&file, folder.join(&new)).unwrap();
        text.push_str(&format!("  - {new}\n"));
        if i == 2 {
            fs::rename(one.join("metadata.yaml"), folder.join("metadata.yaml")).unwrap();
            edit_metadata(folder, |old| old.replace(&format!("  - {name}\n"), &text));
        }
        fs::remove_dir_all(one).unwrap();
    }
    written
}

#[test]
fn files_of_a_bag_come_in_their_order() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let written = split(folder.path(), storage);
        assert_eq!(read_whole(folder.path()), written);
        fs::remove_file(folder.path().join("metadata.yaml")).unwrap();
        assert_eq!(read_whole(folder.path()), written);
        assert_eq!(Bag::open(folder.path()).unwrap().message_count(), Some(6));
    }
}

#[test]
fn files_of_a_bag_whose_name_has_dots_come_in_their_order() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let written = split(folder.path(), storage);
        fs::remove_file(folder.path().join("metadata.yaml")).unwrap();
        for number in 9..12 {
            let end = if storage == Storage::Mcap { "mcap" } else { "db3" };
            let new = folder.path().join(format!("drive_2026.05.01_{number}.{end}"));
            fs::rename(folder.path().join(format!("part_{number}.{end}")), &new).unwrap();
            if number == 10 {
                compress(&new);
            }
        }
        assert_eq!(read_whole(folder.path()), written);
    }
}

#[test]
fn a_missing_file_is_named_after_the_others_were_read() {
    let folder = tempfile::tempdir().unwrap();
    let written = split(folder.path(), Storage::Mcap);
    fs::remove_file(folder.path().join("part_10.mcap")).unwrap();
    let (found, fault) = read(folder.path());
    assert_eq!(found, [&written[..2], &written[4..]].concat());
    let fault = fault.unwrap();
    assert!(matches!(fault, BagError::Missing { .. }));
    let fault = fault.to_string();
    assert!(fault.contains("part_10.mcap: missing"), "{fault}");
    assert!(fault.contains("metadata.yaml names it"), "{fault}");
}

#[test]
fn broken_metadata_is_told_after_the_messages() {
    for text in ["", "rosbag2_bagfile_information:\n  version: [", "- 1"] {
        let folder = tempfile::tempdir().unwrap();
        let written = messages(4, 50);
        write(folder.path(), Storage::Sqlite3, &written);
        edit_metadata(folder.path(), |_| text.into());
        let (found, fault) = read(folder.path());
        assert_eq!(found, written);
        let fault = fault.unwrap().to_string();
        assert!(fault.contains("metadata.yaml: "), "{fault}");
    }
}

#[test]
fn metadata_of_the_future_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Storage::Mcap, &messages(4, 50));
    edit_metadata(folder.path(), |text| text.replace("version: 5", "version: 10"));
    let (found, fault) = read(folder.path());
    assert_eq!(found, []);
    let fault = fault.unwrap().to_string();
    assert!(fault.ends_with("version 10 is unknown, 1 to 9 can be read"), "{fault}");
}

#[test]
fn what_is_no_bag_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("empty.mcap"), "").unwrap();
    fs::write(path("text.db3"), "hello, this is a letter").unwrap();
    fs::write(path("x.zstd"), zstd::encode_all(&b"letter"[..], 1).unwrap()).unwrap();
    fs::create_dir(path("folder")).unwrap();
    for (name, expected) in [
        ("empty.mcap", "not a bag: the file is empty"),
        ("text.db3", "not a bag: neither MCAP nor sqlite3"),
        ("x.zstd", "zstd, but the content is neither"),
        ("folder", "holds neither a metadata.yaml nor .mcap or .db3 files"),
        ("nothing", "cannot open: No such file"),
    ] {
        let error = Bag::open(&path(name)).unwrap_err().to_string();
        assert!(error.starts_with(path(name).to_str().unwrap()), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

/// A bag whose database keeps a write-ahead log, and a connection that has put one row more into it.
fn with_log(folder: &Path, written: &[Message]) -> (PathBuf, rusqlite::Connection) {
    write(folder, Storage::Sqlite3, written);
    let file = storage_file(folder);
    let database = rusqlite::Connection::open(&file).unwrap();
    database.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    let last =
        "INSERT INTO messages SELECT id + 1, topic_id, timestamp + 1, data FROM messages ORDER BY id DESC LIMIT 1";
    database.execute_batch(last).unwrap();
    (file, database)
}

#[test]
fn a_database_with_a_write_ahead_log_is_read_with_it_and_without() {
    let folder = tempfile::tempdir().unwrap();
    // Longer than what any database may hold in a row.
    let written = messages(5, 200_000);
    let (file, database) = with_log(&folder.path().join("live"), &written);
    let left = folder.path().join("left.db3");
    fs::copy(&file, &left).unwrap();
    fs::copy(file.with_extension("db3-wal"), left.with_extension("db3-wal")).unwrap();
    drop(database);
    let closed = read_whole(&file);
    assert_eq!(closed.len(), 6);
    let beside = fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 2, "nothing is left beside the database and its metadata");
    // As far as the system keeps the user from writing there.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    assert!(read_whole(&left) == closed);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(read_whole(&left) == closed);
}

#[test]
fn a_database_without_an_index_is_read_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = messages(40, 3000);
    let sorted = written.clone();
    written.reverse();
    write(folder.path(), Storage::Sqlite3, &written);
    let file = storage_file(folder.path());
    let database = rusqlite::Connection::open(&file).unwrap();
    database.execute_batch("DROP INDEX timestamp_idx").unwrap();
    drop(database);
    assert_eq!(read_whole(folder.path()), sorted);
}

#[test]
fn a_metadata_file_cut_off_behind_any_line_loses_no_message() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let written = messages(6, 100);
        write(folder.path(), storage, &written);
        let path = folder.path().join("metadata.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let files_at = lines.iter().position(|line| line.contains("relative_file_paths")).unwrap();
        for count in 0..lines.len() {
            fs::write(&path, lines[..count].join("\n")).unwrap();
            let (found, fault) = read(folder.path());
            assert_eq!(found, written, "{count} lines");
            assert!(fault.is_some() || count > files_at, "{count} lines");
        }
    }
}

#[test]
fn messages_that_metadata_counts_and_no_file_has_are_missed() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), storage, &messages(6, 100));
        edit_metadata(folder.path(), |text| text.replace("name: /image", "name: /other"));
        let (found, fault) = read(folder.path());
        assert_eq!(found.len(), 3, "those of /info");
        let fault = fault.unwrap().to_string();
        assert!(fault.ends_with("metadata.yaml: it counts 3 messages on /other, and none is in the files"), "{fault}");
    }
}
