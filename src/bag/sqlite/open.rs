//! Opening a database that may be damaged, and what topics it has.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempPath;

use super::SqliteMessages;
use super::unpack::{LOGS, beside, copy, copy_with_logs, decompress, temporary};
use crate::bag::compression::LARGEST;
use crate::bag::{BagError, Topic};

/// An open database of rosbag2.
pub(in crate::bag) struct Database {
    /// The file as the user knows it.
    pub path: PathBuf,
    pub connection: Connection,
    /// What is known to be wrong before a row was read; told after the last row.
    pub fault: Option<BagError>,
    /// The file that is really open where it is not `path`, and its log; removed after the connection is closed.
    _copy: Vec<TempPath>,
}

impl Database {
    /// Opens the database at `path`.
    ///
    /// It is not written to, except that sqlite rolls back what a killed writer left unfinished. Where its folder forbids that, or a write-ahead log cannot
    /// be read without writing, both are copied.
    pub fn open(path: &Path) -> Result<Self, BagError> {
        // Of a torn page sqlite would take the lacking bytes for zeros; what a log repairs is not torn.
        let copy = match Extent::read(path).and_then(|extent| extent.whole_pages()) {
            Some(length) if !has_log(path) => vec![copy(path, length)?],
            _ => Vec::new(),
        };
        let torn = copy.first().and_then(|_| shortness(path, path));
        let file = copy.first().map_or(path, |copy| copy);
        let opened = |connection: rusqlite::Result<Connection>| {
            connection.map_err(|fault| damaged(path, "the database", &fault))
        };
        let mut unread = None;
        let (connection, copy) = match connect(file, path)? {
            Some(connection) => (connection, copy),
            None => match copy_with_logs(path, room(path))? {
                Some(copy) => (opened(attempt(&copy[0], room(&copy[0]), WRITABLE))?, copy),
                None => {
                    unread = Some(log_unread(path));
                    (opened(as_it_lies(path, room(path)))?, copy)
                }
            },
        };
        // Opening has rolled back what a killed writer left unfinished.
        let fault = torn.or(unread).or_else(|| shortness(path, path));
        Self { path: path.to_path_buf(), connection, fault, _copy: copy }.checked()
    }

    /// Opens the zstd-compressed database at `path` through a temporary file.
    pub fn open_compressed(path: &Path) -> Result<Self, BagError> {
        let mut copy = temporary()?;
        let cut = decompress(path, &mut copy)?;
        let fault = cut.or_else(|| shortness(copy.path(), path));
        if let Some(length) = Extent::read(copy.path()).and_then(|extent| extent.whole_pages()) {
            let cut = copy.as_file().set_len(length);
            cut.map_err(BagError::io(copy.path(), "write"))?;
        }
        let copy = copy.into_temp_path();
        let connection = attempt(&copy, room(&copy), WRITABLE);
        let connection = connection.map_err(|fault| damaged(path, "the database", &fault))?;
        Self { path: path.to_path_buf(), connection, fault, _copy: vec![copy] }.checked()
    }

    /// Makes sure that the tables are tables: a view may be anything, even endless.
    fn checked(self) -> Result<Self, BagError> {
        let sql = "SELECT COUNT(*) FROM sqlite_schema \
                   WHERE name = ?1 AND type = 'table' AND rootpage > 0";
        for table in ["topics", "messages"] {
            let place = || format!("table `{table}`");
            let count = self.connection.query_row(sql, [table], |row| row.get(0));
            let count: i64 = count.map_err(|fault| self.damaged(place(), &fault))?;
            if count != 1 {
                return Err(BagError::Damaged {
                    path: self.path,
                    place: place(),
                    fault: "the database has no such table".into(),
                });
            }
        }
        Ok(self)
    }

    /// The fault for an error of sqlite at `place`.
    pub fn damaged(&self, place: impl Into<String>, fault: &rusqlite::Error) -> BagError {
        damaged(&self.path, place, fault)
    }

    /// The topics, with their numbers of messages where all of these can be counted.
    pub fn survey(&self) -> Result<Vec<Topic>, BagError> {
        let topics = self.topics()?;
        let counts = self.counts().ok();
        let count = |(id, mut topic): (i64, Topic)| {
            let counts = counts.as_ref();
            topic.message_count = counts.map(|counts| counts.get(&id).copied().unwrap_or(0));
            topic
        };
        Ok(topics.into_iter().map(count).collect())
    }

    /// The topics by their numbers.
    pub fn topics(&self) -> Result<Vec<(i64, Topic)>, BagError> {
        self.query_topics(true)
            .or_else(|_| self.query_topics(false))
            .map_err(|fault| self.damaged("table `topics`", &fault))
    }

    /// Before Foxy there was no quality of service in the table.
    fn query_topics(&self, qos: bool) -> rusqlite::Result<Vec<(i64, Topic)>> {
        let qos = if qos { "offered_qos_profiles" } else { "''" };
        let mut rows = self
            .connection
            .prepare(&format!("SELECT id, name, type, serialization_format, {qos} FROM topics ORDER BY id"))?;
        let rows = rows.query_map((), |row| {
            let topic = Topic {
                name: row.get(1)?,
                message_type: row.get(2)?,
                serialization_format: row.get(3)?,
                offered_qos_profiles: row.get(4)?,
                message_count: None,
            };
            Ok((row.get(0)?, topic))
        })?;
        rows.collect()
    }

    fn counts(&self) -> rusqlite::Result<HashMap<i64, u64>> {
        let sql = "SELECT topic_id, COUNT(*) FROM messages GROUP BY topic_id";
        let mut rows = self.connection.prepare(sql)?;
        let rows = rows.query_map((), |row| {
            let count: i64 = row.get(1)?;
            Ok((row.get(0)?, u64::try_from(count).unwrap_or(0)))
        })?;
        rows.collect()
    }

    /// Reads the messages of the topics named in `wanted`.
    pub fn messages(self, wanted: &HashMap<String, usize>) -> Result<SqliteMessages, BagError> {
        SqliteMessages::new(self, wanted)
    }
}

/// The fault for an error of sqlite at `place` of the file the user knows as `path`.
fn damaged(path: &Path, place: impl Into<String>, fault: &rusqlite::Error) -> BagError {
    let fault = match (fault, fault.sqlite_error_code()) {
        (_, Some(ErrorCode::OperationInterrupted)) => {
            "the database holds far more rows than its length allows".to_owned()
        }
        (rusqlite::Error::QueryReturnedNoRows, _) => "the index names it, and the table lacks it".to_owned(),
        _ => fault.to_string(),
    };
    BagError::Damaged { path: path.to_path_buf(), place: place.into(), fault }
}

const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_READ_ONLY);
const WRITABLE: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_READ_WRITE);

/// Opens `file` for reading, or for recovery where a killed writer left a journal. `None` where the folder allows neither, and there is a log without
/// which the file is not whole.
fn connect(file: &Path, shown: &Path) -> Result<Option<Connection>, BagError> {
    let room = room(file);
    if logs_ahead(file) && !has_log(file) && immutable_uri(file).is_some() {
        // Else sqlite leaves an empty log beside it.
        return as_it_lies(file, room).map(Some).map_err(|fault| damaged(shown, "the database", &fault));
    }
    let refused = match attempt(file, room, READ_ONLY) {
        Ok(connection) => return Ok(Some(connection)),
        Err(fault) if needs_recovery(&fault) => fault,
        Err(fault) => return Err(damaged(shown, "the database", &fault)),
    };
    match attempt(file, room, WRITABLE) {
        Ok(connection) => return Ok(Some(connection)),
        Err(_) if has_log(file) => return Ok(None),
        Err(_) => {}
    }
    as_it_lies(file, room).map(Some).map_err(|_| damaged(shown, "the database", &refused))
}

/// Opens a file that nobody changes, without locks and logs.
fn as_it_lies(file: &Path, room: u64) -> rusqlite::Result<Connection> {
    let uri = immutable_uri(file).ok_or(rusqlite::Error::InvalidPath(file.to_path_buf()))?;
    attempt(&uri, room, READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

/// Whether the database keeps a write-ahead log, by the version that is needed to read it.
fn logs_ahead(file: &Path) -> bool {
    let mut head = [0; 20];
    File::open(file).and_then(|mut input| input.read_exact(&mut head)).is_ok() && head[19] == 2
}

fn needs_recovery(fault: &rusqlite::Error) -> bool {
    let code = fault.sqlite_error_code();
    matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

/// Connects to a file of `room` bytes, logs included, and reads the schema.
fn attempt(file: &Path, room: u64, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_with_flags(file, flags)?;
    bound(&mut connection, room)?;
    // Else sqlite refuses a file shorter than its header says, with all the rows it still has.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", (), |_| Ok(()))?;
    Ok(connection)
}

/// Keeps what sqlite does in proportion to a database of `room` bytes.
///
/// A row may be computed, and pages may lie in a tree more than once: then a few pages hold rows of any length, or rows without end.
fn bound(connection: &mut Connection, room: u64) -> rusqlite::Result<()> {
    /// Steps of sqlite between two looks at their number.
    const PACE: i32 = 10_000;
    let longest = i32::try_from(room.clamp(1 << 16, LARGEST)).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    // A row takes ten bytes and more, and reading it less than fifty steps; only statements over many rows are counted.
    let mut left = 100 + room.saturating_mul(16) / PACE as u64;
    let too_many = move || {
        left = left.saturating_sub(1);
        left == 0
    };
    connection.progress_handler(PACE, Some(too_many))
}

/// Bytes that the rows of a database can take: those of its file and its logs.
fn room(file: &Path) -> u64 {
    ["", "-wal", "-journal"]
        .map(|suffix| std::fs::metadata(beside(file, suffix)).map_or(0, |log| log.len()))
        .iter()
        .sum()
}

fn immutable_uri(file: &Path) -> Option<PathBuf> {
    let mut uri = String::from("file:");
    for &byte in file.to_str()?.as_bytes() {
        match byte {
            b'?' | b'#' | b'%' => uri.push_str(&format!("%{byte:02x}")),
            _ if byte.is_ascii() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    Some(uri.into())
}

/// What the first page of a database says, against the length of its file in bytes.
struct Extent {
    length: u64,
    page: u64,
    expected: u64,
}

impl Extent {
    /// `None` where the file is no database, or does not say how long it is.
    fn read(file: &Path) -> Option<Self> {
        let mut head = [0; 100];
        let mut input = File::open(file).ok()?;
        input.read_exact(&mut head).ok()?;
        let long = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let page = match u64::from(u16::from_be_bytes([head[16], head[17]])) {
            1 => 65536,
            page => page,
        };
        // The count of pages is valid only where it was written with the last change.
        if long(24)? != long(92)? || page == 0 {
            return None;
        }
        let expected = page * u64::from(long(28)?);
        Some(Self { length: input.metadata().ok()?.len(), page, expected })
    }

    /// Bytes of the pages that are whole, where not all are.
    fn whole_pages(&self) -> Option<u64> {
        let torn = self.length % self.page;
        (self.length < self.expected && torn != 0).then(|| self.length - torn)
    }
}

/// What is wrong where there is a log that can only be read with a copy of the database, and no room for that.
fn log_unread(path: &Path) -> BagError {
    BagError::Damaged {
        path: path.to_path_buf(),
        place: "its log".into(),
        fault: format!(
            "it is not read, as nothing can be written beside it, and a copy of {} bytes would leave less than half free in {}; set TMPDIR to another folder",
            room(path),
            std::env::temp_dir().display()
        ),
    }
}

/// What is wrong where `file` has fewer bytes than its header says.
fn shortness(file: &Path, shown: &Path) -> Option<BagError> {
    let Extent { length, expected, .. } = Extent::read(file)?;
    if length >= expected || has_log(file) {
        return None;
    }
    Some(BagError::Damaged {
        path: shown.to_path_buf(),
        place: format!("at byte {length}"),
        fault: format!("the database ends here, it should have {expected} bytes"),
    })
}

/// Whether there is a write-ahead log, which holds pages the file lacks, or a journal, by which sqlite restores it.
fn has_log(file: &Path) -> bool {
    LOGS.iter().any(|suffix| std::fs::metadata(beside(file, suffix)).is_ok_and(|log| log.len() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_copied_with_its_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db3");
        let writer = Connection::open(&path).unwrap();
        writer
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(200000))")
            .unwrap();
        assert!(has_log(&path) && logs_ahead(&path));
        assert!(copy_with_logs(&path, u64::MAX).unwrap().is_none(), "there is never so much room");
        let copies = copy_with_logs(&path, room(&path)).unwrap().unwrap();
        let copy = attempt(&copies[0], room(&copies[0]), WRITABLE).unwrap();
        let length =
            |connection: &Connection| connection.query_row("SELECT x FROM t", (), |row| row.get::<_, Vec<u8>>(0));
        assert_eq!(length(&copy).unwrap().len(), 200_000);
        let places: Vec<_> = copies.iter().map(|copy| copy.to_path_buf()).collect();
        drop((copy, copies));
        assert!(places.iter().all(|place| !place.exists()));
        drop(writer);
        // Once its log is in the file, that is read without locks, rows of any length too.
        assert!(!has_log(&path) && logs_ahead(&path));
        let alone = as_it_lies(&path, room(&path)).unwrap();
        assert_eq!(length(&alone).unwrap().len(), 200_000);
    }
}
