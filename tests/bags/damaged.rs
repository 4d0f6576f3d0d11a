//! Bags that are cut off, damaged or hostile: what comes before is read, nothing panics.

use std::fs;
use std::path::{Path, PathBuf};

use itnet::bag::{Bag, Message, Storage};
use mcap::{Compression, WriteOptions};
use proptest::prelude::*;

use crate::common::{STORAGES, messages, read, read_whole, storage_file, write};
use crate::opened::write_mcap;

/// A bag as bytes, and what is in it.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    messages: Vec<Message>,
}

fn sample_mcap(name: &'static str, count: usize, length: usize, options: WriteOptions) -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let messages = messages(count, length);
    let path = folder.path().join("x.mcap");
    write_mcap(&path, options, &messages);
    let bytes = fs::read(path).unwrap();
    Sample { name, bytes, messages }
}

fn sample(name: &'static str, storage: Storage, count: usize, length: usize) -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let messages = messages(count, length);
    write(folder.path(), storage, &messages);
    let bytes = fs::read(storage_file(folder.path())).unwrap();
    Sample { name, bytes, messages }
}

fn zipped(name: &'static str, sample: &Sample) -> Sample {
    Sample { name, bytes: zstd::encode_all(&sample.bytes[..], 1).unwrap(), messages: sample.messages.clone() }
}

fn samples() -> Vec<Sample> {
    let small = || WriteOptions::new().chunk_size(Some(700));
    let mut samples = vec![
        sample("own mcap", Storage::Mcap, 24, 120),
        sample_mcap("zstd", 24, 120, small().compression(Some(Compression::Zstd))),
        sample_mcap("lz4", 24, 120, small().compression(Some(Compression::Lz4))),
        sample_mcap("plain", 24, 120, small().compression(None)),
        sample_mcap("bare", 24, 120, WriteOptions::new().use_chunks(false)),
        sample("rows in pages", Storage::Sqlite3, 60, 120),
        sample("rows over pages", Storage::Sqlite3, 40, 9000),
        sample_mcap("large", 300, 2000, small().compression(None)),
    ];
    samples.push(zipped("zipped mcap", &samples[7]));
    samples.push(zipped("zipped rows", &samples[6]));
    samples
}

struct Workplace(tempfile::TempDir);

impl Workplace {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("x");
        fs::write(&path, bytes).unwrap();
        path
    }
}

#[track_caller]
fn assert_prefix(found: &[Message], sample: &Sample, what: &str) {
    let expected = sample.messages.get(..found.len());
    assert!(expected == Some(found), "{}: {what}", sample.name);
}

#[test]
fn a_bag_cut_anywhere_gives_its_beginning_and_one_fault() {
    let place = Workplace::new();
    for sample in samples() {
        let length = sample.bytes.len();
        let step = (length / 400).max(1);
        let mut most = 0;
        for end in (0..length).step_by(step).chain([length - 1]) {
            let path = place.put(&sample.bytes[..end]);
            let (found, fault) = read(&path);
            assert_prefix(&found, &sample, &format!("cut at {end}"));
            let fault = fault.unwrap_or_else(|| panic!("{}: cut at {end}", sample.name));
            assert!(fault.to_string().contains(path.to_str().unwrap()));
            most = most.max(found.len());
        }
        assert!(most > 0, "{}: something is read", sample.name);
        let whole = read_whole(&place.put(&sample.bytes));
        assert_eq!(whole.len(), sample.messages.len());
    }
}

#[test]
fn a_cut_file_gives_nearly_all_that_lies_before_the_cut() {
    let place = Workplace::new();
    for sample in samples() {
        let half = &sample.bytes[..sample.bytes.len() / 2];
        let (found, _) = read(&place.put(half));
        let expected = match sample.name {
            // Few chunks.
            "own mcap" => 0,
            // Its rows fill few pages, the first of which sqlite moved to the end.
            "rows in pages" => 0,
            _ => sample.messages.len() / 4,
        };
        assert!(found.len() >= expected, "{}: {}", sample.name, found.len());
    }
}

#[test]
fn a_cut_chunk_gives_the_messages_before_the_cut() {
    let place = Workplace::new();
    for compression in [Some(Compression::Lz4), Some(Compression::Zstd), None] {
        let messages = messages(12, 100_000);
        let path = place.0.path().join("one_chunk");
        let options = WriteOptions::new().chunk_size(None);
        write_mcap(&path, options.compression(compression), &messages);
        let bytes = fs::read(&path).unwrap();
        let (found, fault) = read(&place.put(&bytes[..bytes.len() * 2 / 3]));
        assert!(found.len() >= 4, "{compression:?}: {}", found.len());
        assert!(found[..] == messages[..found.len()]);
        let fault = fault.unwrap().to_string();
        assert!(fault.ends_with("the file ends within a record"), "{fault}");
    }
}

#[test]
fn a_wrong_checksum_costs_its_chunk() {
    let place = Workplace::new();
    let options = WriteOptions::new().chunk_size(Some(700)).compression(None);
    let mut sample = sample_mcap("plain", 24, 120, options);
    let data = &sample.messages[10].data;
    let at = sample.bytes.windows(data.len()).position(|w| w == data);
    sample.bytes[at.unwrap() + 60] ^= 1;
    let (found, fault) = read(&place.put(&sample.bytes));
    let lost: Vec<_> = sample.messages.iter().filter(|message| !found.contains(message)).collect();
    assert!(lost.contains(&&sample.messages[10]) && (1..=8).contains(&lost.len()), "{}", lost.len());
    assert_eq!(found.last(), sample.messages.last(), "what follows the chunk is read");
    let fault = fault.unwrap().to_string();
    assert!(fault.contains("the chunk's checksum is wrong"), "{fault}");
}

#[test]
fn damaged_pages_cost_their_rows_alone() {
    let place = Workplace::new();
    let sample = sample("rows over pages", Storage::Sqlite3, 12, 9000);
    let pages = sample.bytes.len() / 4096;
    let mut most = 0;
    for page in 1..pages {
        let mut bytes = sample.bytes.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        let (found, fault) = read(&place.put(&bytes));
        most = most.max(found.len());
        // A page of content has no checksum: a wrong one is not always found out.
        if fault.is_some() {
            let times: Vec<_> = sample.messages.iter().map(|message| message.received).collect();
            assert!(found.iter().all(|message| times.contains(&message.received)));
            assert!(found.is_sorted_by(|a, b| a.received < b.received));
        }
    }
    assert_eq!(most, 12, "a damaged index costs no row");
}

/// As [`damaged_pages_cost_their_rows_alone`], where a page holds many rows, with the index and without.
#[test]
fn a_damaged_page_of_rows_costs_none_behind_it() {
    let place = Workplace::new();
    let sample = sample("rows in pages", Storage::Sqlite3, 300, 120);
    let indexed = place.put(&sample.bytes);
    let bare = place.0.path().join("bare");
    fs::write(&bare, &sample.bytes).unwrap();
    rusqlite::Connection::open(&bare).unwrap().execute_batch("DROP INDEX timestamp_idx").unwrap();
    let mut damaged = 0;
    for (path, exact) in [(indexed, true), (bare, false)] {
        let bytes = fs::read(&path).unwrap();
        for start in (4096..bytes.len()).step_by(4096) {
            let page = &bytes[start..start + 4096];
            let lies_in = |message: &&Message| page.windows(message.data.len()).any(|window| window == message.data);
            let lost: Vec<_> = sample.messages.iter().filter(lies_in).collect();
            if page[0] != 0x0d || lost.is_empty() {
                continue;
            }
            let mut bytes = bytes.clone();
            bytes[start..start + 4096].fill(0xa5);
            let (found, fault) = read(&place.put(&bytes));
            let left: Vec<_> = sample.messages.iter().filter(|message| !lost.contains(message)).collect();
            assert!(found.iter().all(|message| left.contains(&message)));
            // Without the index nobody knows how many rows a page had.
            let passed_over = if exact { 0 } else { lost.len() };
            assert!(found.len() + passed_over >= left.len(), "{} of {}, {exact}", found.len(), left.len());
            let fault = fault.unwrap().to_string();
            assert!(fault.contains("malformed"), "{fault}");
            damaged += 1;
        }
    }
    assert!(damaged >= 10, "{damaged}");
}

#[test]
fn a_damaged_page_of_a_topic_that_is_not_read_costs_the_others_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = messages(20_000, 60);
    written.iter_mut().enumerate().for_each(|(row, message)| message.topic = usize::from(row % 1000 != 0));
    write(folder.path(), Storage::Sqlite3, &written);
    let file = storage_file(folder.path());
    let mut bytes = fs::read(&file).unwrap();
    let images: Vec<_> = written.iter().filter(|message| message.topic == 0).cloned().collect();
    let pages = (0..bytes.len() / 4096).map(|page| page * 4096..(page + 1) * 4096);
    let holds = |page: &[u8], message: &Message| page.windows(message.data.len()).any(|part| part == message.data);
    // Late in the file, and without an image.
    let row = &written[18_500];
    let page = pages.clone().find(|page| holds(&bytes[page.clone()], row)).unwrap();
    assert!(bytes[page.start] == 0x0d && images.iter().all(|image| !holds(&bytes[page.clone()], image)));
    bytes[page].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let bag = Bag::open(&file).unwrap();
    let (found, faults): (Vec<_>, Vec<_>) = bag.messages(|topic| topic.name == "/image").partition(Result::is_ok);
    assert!(found.into_iter().map(Result::unwrap).collect::<Vec<_>>() == images);
    let fault = faults[0].as_ref().unwrap_err().to_string();
    assert!(fault.contains("malformed") && fault.ends_with("more faults"), "{fault}");
}

/// Where `length` must not be believed, `change` puts it.
fn refused(sample: &Sample, at: usize, length: &[u8], expected: &str) {
    let place = Workplace::new();
    let mut bytes = sample.bytes.clone();
    bytes[at..at + length.len()].copy_from_slice(length);
    let (found, fault) = read(&place.put(&bytes));
    assert_prefix(&found, sample, expected);
    let fault = fault.expect(expected).to_string();
    assert!(fault.contains(expected), "{fault}");
}

#[test]
fn lengths_the_file_cannot_hold_are_refused() {
    let options = || WriteOptions::new().chunk_size(Some(700));
    let plain = sample_mcap("plain", 24, 120, options().compression(None));
    let zstd = sample_mcap("zstd", 24, 120, options().compression(Some(Compression::Zstd)));
    // Magic and header, then the first chunk.
    let header = u64::from_le_bytes(plain.bytes[9..17].try_into().unwrap()) as usize;
    let chunk = 8 + 9 + header;
    assert_eq!(plain.bytes[chunk], 6, "opcode of a chunk");
    let huge = u64::MAX.to_le_bytes();
    let large = (1u64 << 29).to_le_bytes();
    refused(&plain, chunk + 1, &huge, "too long to be true");
    refused(&plain, chunk + 1, &large, "ends within a record");
    let uncompressed = chunk + 9 + 16;
    for sample in [&plain, &zstd] {
        refused(sample, uncompressed, &huge, "too long to be true");
        refused(sample, uncompressed, &(1u64 << 25).to_le_bytes(), "the chunk holds");
        refused(sample, uncompressed, &[0; 8], "more than 0 bytes");
    }
    refused(&zstd, uncompressed, &large, "too long to be true");
    let compression = uncompressed + 12;
    refused(&plain, compression, &[0xff; 4], "ends within its header");
    refused(&plain, compression + 4, &huge, "the chunk holds");
    // The first record in the chunk.
    let record = compression + 4 + 8;
    assert_eq!(plain.bytes[record], 3, "opcode of a schema");
    let checksum = uncompressed + 8;
    let mut unchecked = plain;
    unchecked.bytes[checksum..checksum + 4].fill(0);
    refused(&unchecked, record + 1, &huge, "ends within the record");
}

#[test]
fn a_frame_that_swells_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![0u8; 64 << 20];
    let mut swollen = messages(2, 50);
    swollen[1].data = zstd::encode_all(&zeros[..], 1).unwrap();
    write(folder.path(), Storage::Mcap, &swollen);
    let found = read_whole(folder.path());
    assert_eq!(found[1].data.len(), zeros.len(), "below the limit it is a message");
}

#[test]
fn tables_that_are_something_else_are_told() {
    for sql in [
        "DROP TABLE topics",
        "DROP TABLE messages",
        "DROP TABLE messages; CREATE VIEW messages AS WITH RECURSIVE n(id) AS \
         (SELECT 1 UNION ALL SELECT id + 1 FROM n) \
         SELECT id, 1 AS topic_id, 0 AS timestamp, x'00' AS data FROM n",
        "UPDATE topics SET name = x'ff'",
        "UPDATE messages SET timestamp = 'noon' WHERE id = 3",
        "UPDATE messages SET data = 17 WHERE id = 3",
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), Storage::Sqlite3, &messages(6, 50));
        let file = storage_file(folder.path());
        let database = rusqlite::Connection::open(&file).unwrap();
        database.execute_batch(sql).unwrap();
        drop(database);
        for path in [&file, folder.path()] {
            let (found, fault) = read(path);
            assert!(found.len() <= 5, "{sql}");
            let fault = fault.expect(sql).to_string();
            assert!(fault.starts_with(file.to_str().unwrap()), "{fault}");
        }
    }
}

/// Reads all of it; nothing is expected but an end.
fn survives(path: &Path) {
    if let Ok(bag) = Bag::open(path) {
        let _ = bag.messages(|_| true).count();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_flipped_bits_make_it_panic(places in proptest::collection::vec(any::<(u32, u8)>(), 1..6)) {
        static SAMPLES: std::sync::OnceLock<Vec<Sample>> = std::sync::OnceLock::new();
        let place = Workplace::new();
        for sample in SAMPLES.get_or_init(samples) {
            let mut bytes = sample.bytes.clone();
            for (at, bit) in &places {
                let at = *at as usize % bytes.len();
                bytes[at] ^= 1 << (bit % 8);
            }
            survives(&place.put(&bytes));
        }
    }

    #[test]
    fn no_flipped_bits_near_the_start_make_it_panic(at in 0usize..400, bit in 0u8..8) {
        for storage in STORAGES {
            let place = Workplace::new();
            let mut bytes = sample("start", storage, 4, 60).bytes;
            bytes[at] ^= 1 << bit;
            survives(&place.put(&bytes));
        }
    }
}

#[test]
fn a_damaged_file_costs_itself_and_not_the_files_after_it() {
    for storage in STORAGES {
        let place = tempfile::tempdir().unwrap();
        let parts: Vec<Vec<Message>> = messages(12, 200).chunks(4).map(<[Message]>::to_vec).collect();
        let folder = place.path().join("split");
        fs::create_dir(&folder).unwrap();
        for (number, part) in parts.iter().enumerate() {
            let whole = place.path().join(format!("part{number}"));
            write(&whole, storage, part);
            let file = storage_file(&whole);
            let end = file.extension().unwrap().to_str().unwrap().to_owned();
            fs::copy(&file, folder.join(format!("split_{number}.{end}"))).unwrap();
            if number == 1 {
                fs::write(folder.join(format!("split_1.{end}")), b"no bag").unwrap();
            }
        }
        let (found, fault) = read(&folder);
        assert_eq!(found, [parts[0].clone(), parts[2].clone()].concat());
        assert!(fault.unwrap().to_string().contains("split_1"));
    }
}

/// A record of MCAP.
fn record(opcode: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[opcode][..], &(body.len() as u64).to_le_bytes(), &body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

#[test]
fn a_damaged_record_hides_no_topic_behind_it_and_is_told_in_a_line() {
    use mcap::records::op;
    let channel = |id: u8, topic: &str| record(op::CHANNEL, &[&[id, 0, 1, 0], &text(topic), &text("cdr"), &[0; 4]]);
    let message = |id: u8| record(op::MESSAGE, &[&[id, 0], &[0; 20], &[0, 1, 0, 0, id]]);
    let records = [
        record(op::HEADER, &[&text("ros2"), &text("")]),
        record(op::SCHEMA, &[&[1, 0], &text("std_msgs/msg/String"), &text("ros2msg"), &[0; 4]]),
        channel(0, "/first"),
        message(0),
        record(op::MESSAGE, &[&[0, 0, 9]]),
        channel(1, "/second"),
        message(1),
        record(op::DATA_END, &[&[0; 4]]),
    ];
    let place = Workplace::new();
    let path = place.put(&[mcap::MAGIC, &records.concat()].concat());
    let topics: Vec<_> = Bag::open(&path).unwrap().topics().iter().map(|topic| topic.name.clone()).collect();
    assert_eq!(topics, ["/first", "/second"]);
    let (found, fault) = read(&path);
    assert_eq!(found.iter().map(|message| message.topic).collect::<Vec<_>>(), [0, 1]);
    let fault = fault.unwrap().to_string();
    assert!(!fault.contains('\n') && !fault.contains("Backtrace"), "{fault}");
}

#[test]
fn a_file_cut_before_its_first_topic_is_called_damaged_and_not_empty() {
    let place = Workplace::new();
    for sample in samples().into_iter().filter(|sample| ["own mcap", "large", "bare"].contains(&sample.name)) {
        // Within the record behind the header, which is shorter.
        let fault = Bag::open(&place.put(&sample.bytes[..90])).unwrap_err();
        assert!(fault.to_string().contains("the file ends within a record"), "{}: {fault}", sample.name);
    }
}
