//! Bags: MCAP and sqlite3 files, either compressed, and metadata.yaml.

use std::collections::BTreeMap;
use std::path::Path;

use itnet::bag::{Bag, BagWriter, Existing, Qos, Storage};
use itnet::message::{CameraInfo, Image, Message as _};
use itnet::params::Parameters;
use mcap::records::MessageHeader;
use mcap::{Compression, WriteOptions};

/// A bag file; what it is, its first bytes say.
pub fn file(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x");
    std::fs::write(&path, data).expect("writes");
    read(&path);
}

/// Reads all that can be read.
fn read(path: &Path) {
    let Ok(bag) = Bag::open(path) else { return };
    let _ = itnet::replay::choose(bag.topics(), &[], &Parameters::default());
    let mut items = bag.messages(|_| true);
    while let Some(item) = items.next() {
        match item {
            Ok(message) => assert!(message.topic < bag.topics().len()),
            Err(fault) => {
                assert!(!fault.to_string().is_empty());
                assert!(items.next().is_none(), "something follows a fault");
            }
        }
    }
}

/// The records of one chunk: the first byte says how they are compressed, and whether the file is cut off behind them.
pub fn chunk(data: &[u8]) {
    let Some((mode, records)) = data.split_first() else { return };
    let (name, packed) = match mode % 3 {
        0 => ("", records.to_vec()),
        1 => ("zstd", zstd::encode_all(records, 1).expect("compresses")),
        _ => ("lz4", lz4_frame(records)),
    };
    let mut body = vec![0; 16];
    body.extend((records.len() as u64).to_le_bytes());
    body.extend(0u32.to_le_bytes());
    body.extend((name.len() as u32).to_le_bytes());
    body.extend(name.as_bytes());
    body.extend((packed.len() as u64).to_le_bytes());
    body.extend(packed);
    let mut bytes = mcap::MAGIC.to_vec();
    bytes.push(mcap::records::op::CHUNK);
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(&body);
    if mode & 0x80 == 0 {
        let footer = [&[mcap::records::op::FOOTER, 20][..], &[0; 27], mcap::MAGIC].concat();
        bytes.extend(footer);
    }
    file(&bytes);
}

fn lz4_frame(records: &[u8]) -> Vec<u8> {
    let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).expect("an encoder");
    std::io::Write::write_all(&mut encoder, records).expect("compresses");
    let (packed, end) = encoder.finish();
    end.expect("compresses");
    packed
}

/// A metadata.yaml beside a bag file.
pub fn metadata(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("metadata.yaml"), data).expect("writes");
    std::fs::write(folder.path().join("x_0.mcap"), mcap::MAGIC).expect("writes");
    read(folder.path());
}

/// A small MCAP file of another recorder, without checksums.
fn mcap_file(options: WriteOptions) -> Vec<u8> {
    let options =
        options.calculate_chunk_crcs(false).calculate_data_section_crc(false).calculate_summary_section_crc(false);
    let mut writer = options.create(std::io::Cursor::new(Vec::new())).expect("a writer");
    let schema = writer.add_schema("sensor_msgs/msg/Image", "ros2msg", b"uint8 a\n").expect("a schema");
    let metadata = BTreeMap::from([("offered_qos_profiles".to_owned(), "- history: 1".to_owned())]);
    let channel = writer.add_channel(schema, "/image", "cdr", &metadata).expect("a channel");
    for (data, log_time) in [([0, 1, 0, 0, 9], 2), ([0, 1, 0, 0, 8], 1)] {
        let header = MessageHeader { channel_id: channel, sequence: 0, log_time, publish_time: 0 };
        writer.write_to_known_channel(&header, &data).expect("writes");
    }
    writer.finish().expect("ends");
    writer.into_inner().into_inner()
}

pub fn mcap_seeds() -> Vec<Vec<u8>> {
    vec![
        mcap_file(WriteOptions::new().compression(None)),
        mcap_file(WriteOptions::new().compression(Some(Compression::Zstd))),
        mcap_file(WriteOptions::new().compression(Some(Compression::Lz4))),
        mcap_file(WriteOptions::new().use_chunks(false)),
        mcap_file(WriteOptions::new().compression(None).emit_summary_records(false)),
    ]
}

pub fn chunk_seeds() -> Vec<Vec<u8>> {
    // What stands between the magic bytes of a file without chunks are records.
    let bare = mcap_file(WriteOptions::new().use_chunks(false));
    let records = &bare[mcap::MAGIC.len()..bare.len() - mcap::MAGIC.len()];
    [0u8, 1, 2, 0x80, 0x81, 0x82].iter().map(|mode| [&[*mode], records].concat()).collect()
}

/// The files of a small bag: its storage and its metadata.yaml.
fn written(storage: Storage) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("x");
    let mut writer = BagWriter::create(&folder, storage, Existing::Refuse).expect("a bag");
    let image = writer.add_topic("/image", Image::TYPE, Qos::reliable(1)).expect("a topic");
    let info = writer.add_topic("/info", CameraInfo::TYPE, Qos::latched(1)).expect("a topic");
    for (topic, time) in [(image, 2), (info, 1), (image, 3)] {
        writer.write(topic, time, &[0, 1, 0, 0, 7]).expect("writes");
    }
    writer.finish().expect("ends");
    let read = |name: String| std::fs::read(folder.join(name)).expect("reads");
    let extension = if storage == Storage::Mcap { "mcap" } else { "db3" };
    (read(format!("x_0.{extension}")), read("metadata.yaml".to_owned()))
}

/// A database of small pages: most of one by default are zeros.
pub fn sqlite_seeds() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.db3");
    std::fs::write(&path, written(Storage::Sqlite3).0).expect("writes");
    let database = rusqlite::Connection::open(&path).expect("opens");
    let mut seeds = Vec::new();
    for change in ["", "DROP INDEX timestamp_idx;", "INSERT INTO messages VALUES (9, 1, 9, randomblob(1500));"] {
        database.execute_batch(&format!("{change} PRAGMA page_size = 512; VACUUM;")).expect("shrinks");
        seeds.push(std::fs::read(&path).expect("reads"));
    }
    seeds
}

pub fn metadata_seeds() -> Vec<Vec<u8>> {
    let humble = written(Storage::Mcap).1;
    let new = "rosbag2_bagfile_information:\n  version: 9\n  storage_identifier: mcap\n  duration: {nanoseconds: 1}\n  \
               starting_time: {nanoseconds_since_epoch: 2}\n  message_count: 3\n  topics_with_message_count:\n    - message_count: 3\n      \
               topic_metadata:\n        name: /a\n        type: std_msgs/msg/String\n        serialization_format: cdr\n        \
               offered_qos_profiles: [{history: keep_last, depth: 1}]\n        type_description_hash: RIHS01_0\n  \
               compression_format: zstd\n  compression_mode: FILE\n  relative_file_paths: [x_0.mcap, y_1.mcap]\n";
    let old =
        "rosbag2_bagfile_information: {version: 3, relative_file_paths: [x/x_0.mcap], storage_identifier: sqlite3}";
    vec![humble, new.into(), old.into()]
}

pub fn zstd_seeds() -> Vec<Vec<u8>> {
    let packed = |bytes: &[u8], level| zstd::encode_all(bytes, level).expect("compresses");
    let mcap = mcap_file(WriteOptions::new().compression(None));
    let mut two = packed(&mcap[..100], 1);
    two.extend(packed(&mcap[100..], 1));
    let mut all = vec![packed(&mcap, 1), packed(&mcap, 19), two];
    all.extend(sqlite_seeds().iter().map(|database| packed(database, 1)));
    all
}
