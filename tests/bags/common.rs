//! Small bags, and what is in bags.

use std::path::{Path, PathBuf};

use itnet::bag::{Bag, BagError, BagWriter, Existing, Message, Messages, Qos, Storage};
use itnet::message::{CameraInfo, Image, Message as _};

pub const STORAGES: [Storage; 2] = [Storage::Mcap, Storage::Sqlite3];
pub const SECOND: i64 = 1_000_000_000;
pub const START: i64 = 1_600_000_000 * SECOND;

/// Bytes that do not compress to nothing, another sequence for every `seed`.
pub fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut bytes = vec![0, 1, 0, 0];
    bytes.extend((4..length.max(4)).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8 & 0x3f
    }));
    bytes
}

/// The messages of a small bag: two topics in turn, 100 ms apart.
pub fn messages(count: usize, length: usize) -> Vec<Message> {
    (0..count)
        .map(|i| Message { topic: i % 2, received: START + i as i64 * SECOND / 10, data: noise(i as u32, length) })
        .collect()
}

/// Writes `messages` on the topics `/image` and `/info` into `folder`.
pub fn write(folder: &Path, storage: Storage, messages: &[Message]) {
    let mut writer = writer(folder, storage, messages);
    writer.flush().unwrap();
    writer.finish().unwrap();
}

/// As [`write`], but the bag is not ended.
pub fn writer(folder: &Path, storage: Storage, messages: &[Message]) -> BagWriter {
    let mut writer = BagWriter::create(folder, storage, Existing::Refuse).unwrap();
    let topics = [
        writer.add_topic("/image", Image::TYPE, Qos::reliable(1)).unwrap(),
        writer.add_topic("/info", CameraInfo::TYPE, Qos::latched(1)).unwrap(),
    ];
    for message in messages {
        writer.write(topics[message.topic], message.received, &message.data).unwrap();
    }
    writer
}

/// The one storage file in `folder`.
pub fn storage_file(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap();
    let mut files = files.map(|file| file.unwrap().path()).filter(|path| {
        let name = path.to_str().unwrap();
        [".mcap", ".db3", ".zstd"].iter().any(|end| name.ends_with(end))
    });
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

/// All messages of the bag at `path`, and the error after them.
pub fn read(path: &Path) -> (Vec<Message>, Option<BagError>) {
    let bag = match Bag::open(path) {
        Ok(bag) => bag,
        Err(fault) => return (Vec::new(), Some(fault)),
    };
    let (messages, fault) = read_all(bag.messages(|_| true));
    let (again, same) = read_all(bag.messages(|_| true).opening_ahead());
    assert!(again == messages, "files opened ahead of their turn read differently");
    assert_eq!(same.map(|fault| fault.to_string()), fault.as_ref().map(BagError::to_string));
    (messages, fault)
}

fn read_all(mut items: Messages) -> (Vec<Message>, Option<BagError>) {
    let mut messages = Vec::new();
    while let Some(item) = items.next() {
        match item {
            Ok(message) => messages.push(message),
            Err(fault) => {
                assert!(items.next().is_none(), "nothing follows a fault");
                return (messages, Some(fault));
            }
        }
    }
    (messages, None)
}

/// All messages of a bag that is whole.
#[track_caller]
pub fn read_whole(path: &Path) -> Vec<Message> {
    let (messages, fault) = read(path);
    assert!(fault.is_none(), "{}", fault.unwrap());
    messages
}
