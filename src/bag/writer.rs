//! Writing a bag: one storage file and its metadata.yaml.

use std::fs;
use std::path::{Path, PathBuf};

use super::mcap::McapSink;
use super::metadata::{
    FILE_NAME, FileEntry, Information, Nanoseconds, Profiles, SinceEpoch, TopicCount, TopicMetadata,
};
use super::sqlite::SqliteSink;
use super::{BagError, Qos, locate, qos};
use crate::message::MessageType;

/// The version of metadata.yaml that is written: that of Humble, which newer ones read too.
const VERSION: i64 = 5;
/// Bytes of messages that wait in memory at most, but for the last message.
const FLUSH_BYTES: usize = 1 << 20;
/// Time between the messages that wait in memory.
const FLUSH_NANOS: u64 = 1_000_000_000;
/// Messages that wait in memory at most.
const FLUSH_MESSAGES: usize = 1000;

/// How messages are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// MCAP with zstd-compressed chunks.
    Mcap,
    /// sqlite3.
    Sqlite3,
}

impl Storage {
    /// rosbag2's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mcap => "mcap",
            Self::Sqlite3 => "sqlite3",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Mcap => "mcap",
            Self::Sqlite3 => "db3",
        }
    }
}

/// What to do where the folder already holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Refuse,
    /// Remove the bag that is in it: its metadata.yaml and bag files, nothing else.
    Replace,
}

/// A topic of the bag being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicId(usize);

/// Writes a bag that `ros2 bag play` of Humble and later plays.
///
/// Messages reach the file when they fill 1 MiB, span a second of their own time, number 1000, or
/// [`BagWriter::flush`] is called; then metadata.yaml is replaced by one that counts them. A
/// writer that is dropped without [`BagWriter::finish`] ends its bag as well as it can.
pub struct BagWriter {
    folder: PathBuf,
    file: PathBuf,
    sink: Sink,
    information: Information,
    /// First and last time of all messages.
    times: Option<(i64, i64)>,
    waiting: Waiting,
    /// Something could not be written: what metadata.yaml counts is what was written before.
    broken: bool,
    finished: bool,
}

enum Sink {
    Mcap(Box<McapSink>),
    Sqlite(Box<SqliteSink>),
}

/// What was written since the last flush.
#[derive(Default)]
struct Waiting {
    bytes: usize,
    messages: usize,
    /// Time of the first of them.
    since: i64,
}

impl BagWriter {
    /// Creates the bag `folder`, which is made with its parents where it is not there.
    ///
    /// # Errors
    /// A folder that is not empty, unless `existing` says to replace; whatever the system refuses.
    pub fn create(folder: &Path, storage: Storage, existing: Existing) -> Result<Self, BagError> {
        fs::create_dir_all(folder).map_err(BagError::io(folder, "create"))?;
        let whole = fs::canonicalize(folder).map_err(BagError::io(folder, "open"))?;
        let bag = whole.file_name().map_or("bag".into(), |name| name.to_string_lossy());
        clear(folder, &bag, existing)?;
        let name = format!("{bag}_0.{}", storage.extension());
        let file = folder.join(&name);
        let sink = match storage {
            Storage::Mcap => Sink::Mcap(Box::new(McapSink::create(&file)?)),
            Storage::Sqlite3 => Sink::Sqlite(Box::new(SqliteSink::create(&file)?)),
        };
        let entry = FileEntry {
            path: name.clone(),
            starting_time: SinceEpoch::default(),
            duration: Nanoseconds::default(),
            message_count: 0,
        };
        let writer = Self {
            folder: folder.to_path_buf(),
            file,
            sink,
            information: Information {
                version: VERSION,
                storage_identifier: storage.name().into(),
                compression_format: Some(String::new()),
                compression_mode: Some(String::new()),
                relative_file_paths: vec![name],
                files: Some(vec![entry]),
                ..Information::default()
            },
            times: None,
            waiting: Waiting::default(),
            broken: false,
            finished: false,
        };
        writer.write_metadata()?;
        Ok(writer)
    }

    /// Where the bag is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a topic.
    ///
    /// # Errors
    /// Whatever the storage or the system refuses.
    pub fn add_topic(&mut self, name: &str, kind: MessageType, qos: Qos) -> Result<TopicId, BagError> {
        match &mut self.sink {
            Sink::Mcap(sink) => sink.add_topic(name, kind, qos)?,
            Sink::Sqlite(sink) => sink.add_topic(name, kind, qos)?,
        }
        let id = TopicId(self.information.topics_with_message_count.len());
        self.information.topics_with_message_count.push(TopicCount {
            topic_metadata: TopicMetadata {
                name: name.into(),
                message_type: kind.name.into(),
                serialization_format: "cdr".into(),
                offered_qos_profiles: Profiles::Text(qos::to_yaml(qos)),
            },
            message_count: 0,
        });
        self.flush()?;
        Ok(id)
    }

    /// Writes a message that was received `received` nanoseconds after the epoch.
    ///
    /// # Errors
    /// A topic of another writer; whatever the storage or the system refuses.
    pub fn write(&mut self, topic: TopicId, received: i64, data: &[u8]) -> Result<(), BagError> {
        let TopicId(topic) = topic;
        let topics = &mut self.information.topics_with_message_count;
        let Some(count) = topics.get_mut(topic) else {
            return Err(BagError::Write { path: self.file.clone(), fault: format!("there is no topic {topic}") });
        };
        count.message_count += 1;
        match &mut self.sink {
            Sink::Mcap(sink) => sink.write(topic, received, data).inspect_err(|_| self.broken = true)?,
            Sink::Sqlite(sink) => sink.write(topic, received, data),
        }
        self.note(received);
        if self.waiting.add(received, data.len()) {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands all messages so far to the system.
    ///
    /// # Errors
    /// Whatever the storage or the system refuses.
    pub fn flush(&mut self) -> Result<(), BagError> {
        if self.broken {
            return Err(BagError::Write {
                path: self.file.clone(),
                fault: "an earlier message could not be written".into(),
            });
        }
        self.waiting = Waiting::default();
        let flushed = match &mut self.sink {
            Sink::Mcap(sink) => sink.flush(),
            Sink::Sqlite(sink) => sink.flush(),
        };
        flushed.and_then(|()| self.write_metadata()).inspect_err(|_| self.broken = true)
    }

    /// Ends the bag.
    ///
    /// # Errors
    /// Whatever the storage or the system refuses.
    pub fn finish(mut self) -> Result<(), BagError> {
        self.close()
    }

    fn close(&mut self) -> Result<(), BagError> {
        self.finished = true;
        self.flush()?;
        let metadata = self.information.to_inner_yaml(&self.folder.join(FILE_NAME))?;
        match &mut self.sink {
            Sink::Mcap(sink) => sink.finish(metadata),
            Sink::Sqlite(sink) => sink.finish(VERSION, &metadata),
        }
    }

    /// Counts a message.
    fn note(&mut self, received: i64) {
        let (first, last) = self.times.unwrap_or((received, received));
        let (first, last) = (first.min(received), last.max(received));
        self.times = Some((first, last));
        let starting_time = SinceEpoch { nanoseconds_since_epoch: first };
        let duration = Nanoseconds { nanoseconds: last.saturating_sub(first) };
        let information = &mut self.information;
        information.message_count += 1;
        information.starting_time = starting_time;
        information.duration = duration;
        for file in information.files.iter_mut().flatten() {
            file.message_count += 1;
            file.starting_time = starting_time;
            file.duration = duration;
        }
    }

    /// Puts a new metadata.yaml in the place of the old one.
    fn write_metadata(&self) -> Result<(), BagError> {
        let path = self.folder.join(FILE_NAME);
        let new = self.folder.join(".metadata.yaml.new");
        let text = self.information.to_yaml(&path)?;
        let written = fs::write(&new, text).map_err(BagError::io(&new, "write"));
        let replaced = written.and_then(|()| fs::rename(&new, &path).map_err(BagError::io(&path, "replace")));
        replaced.inspect_err(|_| drop(fs::remove_file(&new)))
    }
}

impl Drop for BagWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Whoever drops a bag before its end has told a fault already.
            let _ = self.close();
        }
    }
}

impl Waiting {
    /// Counts a message; true when it is time to flush.
    fn add(&mut self, received: i64, bytes: usize) -> bool {
        if self.messages == 0 {
            self.since = received;
        }
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.bytes >= FLUSH_BYTES || self.messages >= FLUSH_MESSAGES || received.abs_diff(self.since) >= FLUSH_NANOS
    }
}

/// Makes sure that no bag is in `folder`, whose files are called after `bag`.
fn clear(folder: &Path, bag: &str, existing: Existing) -> Result<(), BagError> {
    let list = BagError::io;
    let metadata = folder.join(FILE_NAME);
    if existing == Existing::Replace && metadata.is_file() {
        let information = Information::read(&metadata)?;
        if let Some(other) = information.file_names().into_iter().find(|name| !is_of_bag(Path::new(name), bag)) {
            return Err(BagError::OtherBag { path: metadata, file: other.to_owned() });
        }
    }
    for entry in fs::read_dir(folder).map_err(list(folder, "list"))? {
        let path = entry.map_err(list(folder, "list"))?.path();
        if existing == Existing::Refuse {
            return Err(BagError::NotEmpty { path: folder.to_path_buf() });
        }
        if path.is_file() && (path.ends_with(FILE_NAME) || is_of_bag(&path, bag)) {
            fs::remove_file(&path).map_err(BagError::io(&path, "remove"))?;
        }
    }
    Ok(())
}

/// Files called `<bag>_<number>`, and what sqlite leaves beside them. Other recordings in the folder stay.
fn is_of_bag(path: &Path, bag: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bare = ["-journal", "-wal", "-shm"].iter().find_map(|tail| name.strip_suffix(tail)).unwrap_or(&name);
    let numbered = bare.strip_prefix(bag).and_then(|rest| rest.strip_prefix('_'));
    let number = numbered.and_then(|rest| rest.split('.').next()).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && locate::is_bag_file(Path::new(bare))
}
