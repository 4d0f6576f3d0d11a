//! The files of a bag, opened one after the other, and the next one ahead of its turn where that is asked for.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use super::locate::{Kind, kind, open_zstd};
use super::mcap::McapMessages;
use super::metadata;
use super::sqlite::{Database, SqliteMessages};
use super::{BagError, Message};

/// The messages of one file.
pub(super) enum Source {
    Mcap(Box<McapMessages>),
    Sqlite(Box<SqliteMessages>),
}

impl Iterator for Source {
    type Item = Result<Message, BagError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Mcap(messages) => messages.next(),
            Self::Sqlite(messages) => messages.next(),
        }
    }
}

/// A file, open.
type Opened = Result<(PathBuf, Source), BagError>;

/// Opens the files of a bag in their order.
pub(super) struct Files {
    /// Those that are left; `Err` is the place of a missing one.
    paths: std::vec::IntoIter<Result<PathBuf, PathBuf>>,
    /// Indices of the topics that are read, by name.
    wanted: HashMap<String, usize>,
    metadata: PathBuf,
    ahead: bool,
    next: Option<Opening>,
}

impl Files {
    /// The files of the bag in `folder`, for messages of the `wanted` topics.
    pub fn new(paths: Vec<Result<PathBuf, PathBuf>>, folder: &Path, wanted: HashMap<String, usize>) -> Self {
        let metadata = folder.join(metadata::FILE_NAME);
        Self { paths: paths.into_iter(), wanted, metadata, ahead: false, next: None }
    }

    /// From now on a file is opened while the one before it is read.
    pub fn open_ahead(&mut self) {
        self.ahead = true;
    }

    fn take(&mut self) -> Option<Opened> {
        match self.paths.next()? {
            Ok(path) => Some(open(path, &self.wanted)),
            Err(path) => Some(Err(BagError::Missing { path, metadata: self.metadata.clone() })),
        }
    }

    /// Starts to open the next file, where there is one and a thread for it.
    fn start(&mut self) -> Option<Opening> {
        let path = self.paths.as_slice().first()?.as_ref().ok()?.clone();
        let wanted = self.wanted.clone();
        let named = std::thread::Builder::new().name("itnet-bag-open".to_owned());
        let opening = named.spawn(move || open(path, &wanted)).ok()?;
        self.paths.next();
        Some(Opening(Some(opening)))
    }
}

impl Iterator for Files {
    type Item = Opened;

    fn next(&mut self) -> Option<Opened> {
        let opened = match self.next.take() {
            Some(opening) => opening.finish(),
            None => self.take()?,
        };
        if self.ahead {
            self.next = self.start();
        }
        Some(opened)
    }
}

/// A file that is being opened by a thread of its own: a database may have to be unpacked or sorted, which takes seconds.
struct Opening(Option<JoinHandle<Opened>>);

impl Opening {
    fn finish(mut self) -> Opened {
        let Some(thread) = self.0.take() else { unreachable!("it is taken here and when it is dropped alone") };
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Opening {
    /// What it unpacked is removed with it, so it is waited for.
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

fn open(path: PathBuf, wanted: &HashMap<String, usize>) -> Opened {
    let mcap = |input| Source::Mcap(Box::new(McapMessages::new(path.clone(), input, wanted.clone())));
    let sqlite = |database: Database| database.messages(wanted).map(|messages| Source::Sqlite(Box::new(messages)));
    let source = match kind(&path)? {
        Kind::Mcap => {
            let file = File::open(&path).map_err(BagError::io(&path, "open"))?;
            mcap(Box::new(BufReader::with_capacity(1 << 17, file)))
        }
        Kind::ZstdMcap => mcap(Box::new(open_zstd(&path)?)),
        Kind::Sqlite => sqlite(Database::open(&path)?)?,
        Kind::ZstdSqlite => sqlite(Database::open_compressed(&path)?)?,
    };
    Ok((path, source))
}
