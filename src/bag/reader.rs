//! Reading a bag: its topics, then its messages.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::BagError;
use super::compression::inflate_message;
use super::files::{Files, Source};
use super::locate::{Located, locate};
use super::metadata;
use super::survey::survey;
use super::topic::{Topic, merge};

/// A recorded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Index of its topic in [`Bag::topics`].
    pub topic: usize,
    /// When it was received: nanoseconds since the epoch.
    pub received: i64,
    /// The message as it was sent, decompressed.
    pub data: Vec<u8>,
}

/// A recorded bag, open for reading.
#[derive(Debug)]
pub struct Bag {
    path: PathBuf,
    topics: Vec<Topic>,
    message_count: Option<u64>,
    /// The files; `Err` is the place of a missing one.
    files: Vec<Result<PathBuf, PathBuf>>,
    /// What is wrong with metadata.yaml.
    metadata_fault: Option<String>,
    /// Whether metadata.yaml is where topics and their counts come from.
    by_metadata: bool,
}

impl Bag {
    /// Opens the bag at `path`: a folder of rosbag2, with or without its metadata.yaml, or one
    /// of its files (`.mcap`, `.db3`, either with `.zstd`).
    ///
    /// Without metadata.yaml the topics are read from the files; an MCAP file without a summary
    /// is read whole for that. A metadata.yaml that cannot be understood is done without, and
    /// is the error after the last message.
    ///
    /// # Errors
    /// Nothing there, nothing that is a bag, a metadata.yaml of an unknown version, or a bare
    /// file that tells not even its topics.
    pub fn open(path: &Path) -> Result<Self, BagError> {
        let Located { files, information, fault } = locate(path)?;
        let by_metadata = information.is_some();
        let (topics, message_count) = match information {
            Some(information) => (information.topics(), Some(information.message_count)),
            None => survey_all(&files)?,
        };
        Ok(Self {
            path: path.to_path_buf(),
            topics,
            message_count,
            files,
            by_metadata,
            metadata_fault: fault.map(|fault| match fault {
                BagError::Metadata { fault, .. } => fault,
                BagError::Io { doing, reason, .. } => format!("cannot {doing}: {reason}"),
                other => other.to_string(),
            }),
        })
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its files that are there, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().flatten().map(PathBuf::as_path)
    }

    /// Its topics.
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Number of all its messages where the bag tells.
    pub fn message_count(&self) -> Option<u64> {
        self.message_count
    }

    /// The messages of the topics that are `wanted`, by the time they were received.
    ///
    /// Files come in the order of the bag. sqlite3 is sorted by time and number; MCAP is sorted
    /// within each chunk, chunks come as the file has them. What cannot be read is passed over; after
    /// everything readable there is one error that names it, then nothing. It is an error, too, if of a topic that metadata.yaml counts messages of there
    /// was none.
    pub fn messages(&self, wanted: impl Fn(&Topic) -> bool) -> Messages {
        let topics = self.topics.iter().enumerate();
        let wanted = topics.filter(|(_, topic)| wanted(topic));
        let wanted: HashMap<String, usize> = wanted.map(|(i, topic)| (topic.name.clone(), i)).collect();
        let counted = |i: usize| self.topics[i].message_count.filter(|count| *count > 0 && self.by_metadata);
        let owed = wanted.iter().filter_map(|(name, i)| Some((*i, (name.clone(), counted(*i)?)))).collect();
        Messages {
            owed,
            metadata: self.path.join(metadata::FILE_NAME),
            cdr: self.topics.iter().map(|topic| topic.serialization_format == "cdr").collect(),
            files: Files::new(self.files.clone(), &self.path, wanted),
            source: None,
            more: 0,
            last: self
                .metadata_fault
                .clone()
                .map(|fault| BagError::Metadata { path: self.path.join(metadata::FILE_NAME), fault }),
            ended: false,
        }
    }
}

/// Topics and number of messages of all files. A file that cannot be read is left to the reading
/// of messages, unless it is the only one.
fn survey_all(files: &[Result<PathBuf, PathBuf>]) -> Result<(Vec<Topic>, Option<u64>), BagError> {
    let mut topics = Vec::new();
    for path in files.iter().flatten() {
        match survey(path) {
            Ok(more) => merge(&mut topics, more),
            Err(fault) if files.len() == 1 => return Err(fault),
            Err(_) => {}
        }
    }
    let counts = topics.iter().map(|topic| topic.message_count);
    let total = counts.reduce(|sum, count| sum?.checked_add(count?)).unwrap_or(Some(0));
    Ok((topics, total))
}

/// The messages of a bag, one after the other; see [`Bag::messages`].
pub struct Messages {
    /// Whether a topic's messages are CDR.
    cdr: Vec<bool>,
    files: Files,
    /// Topics that metadata.yaml counts messages of, by index, as long as none has come: their names, and how many are counted.
    owed: BTreeMap<usize, (String, u64)>,
    metadata: PathBuf,
    source: Option<(PathBuf, Source)>,
    /// What is told after the last message: the first fault.
    last: Option<BagError>,
    /// Faults after the first.
    more: u64,
    ended: bool,
}

impl Messages {
    /// Opens each file while the one before it is read, on a thread of its own.
    pub fn opening_ahead(mut self) -> Self {
        self.files.open_ahead();
        self
    }

    /// The next message; faults on the way are kept for the end.
    fn advance(&mut self) -> Option<Message> {
        loop {
            if let Some((_, source)) = &mut self.source {
                match source.next() {
                    Some(Ok(message)) => match self.inflated(message) {
                        Ok(message) => return Some(message),
                        Err(fault) => self.keep(fault),
                    },
                    Some(Err(fault)) => self.keep(fault),
                    None => self.source = None,
                }
                continue;
            }
            match self.files.next()? {
                Ok(source) => self.source = Some(source),
                Err(fault) => self.keep(fault),
            }
        }
    }

    fn keep(&mut self, fault: BagError) {
        let (first, more) = match fault {
            BagError::Several { first, more } => (*first, more),
            fault => (fault, 0),
        };
        self.more += more + u64::from(self.last.is_some());
        self.last.get_or_insert(first);
    }

    fn inflated(&self, mut message: Message) -> Result<Message, BagError> {
        if self.cdr.get(message.topic) == Some(&true) {
            let path = self.source.as_ref().map(|(path, _)| path.clone());
            message.data = inflate_message(message.data).map_err(|fault| BagError::Damaged {
                path: path.unwrap_or_default(),
                place: format!("the message received at {} ns", message.received),
                fault: format!("it cannot be decompressed: {fault}"),
            })?;
        }
        Ok(message)
    }
}

impl Iterator for Messages {
    type Item = Result<Message, BagError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if let Some(message) = self.advance() {
            self.owed.remove(&message.topic);
            return Some(Ok(message));
        }
        self.ended = true;
        if self.last.is_none()
            && let Some((topic, count)) = self.owed.values().next()
        {
            let fault = format!("it counts {count} messages on {topic}, and none is in the files");
            self.last = Some(BagError::Metadata { path: self.metadata.clone(), fault });
        }
        self.last.take().map(|first| Err(BagError::several(first, self.more)))
    }
}
