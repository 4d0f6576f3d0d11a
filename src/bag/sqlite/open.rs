//! Opening a database that may be damaged, and what topics it has.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempPath;

use super::SqliteMessages;
use super::connect::{as_it_lies, connect, connect_copy, damaged};
use super::extent::{Extent, has_log, log_unread, room, shortness};
use super::unpack::{copy, copy_with_logs, decompress, temporary};
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
        let mut unread = None;
        let (connection, copy) = match connect(file, path)? {
            Some(connection) => (connection, copy),
            None => match copy_with_logs(path, room(path))? {
                Some(copy) => (connect_copy(&copy[0], path)?, copy),
                None => {
                    unread = Some(log_unread(path));
                    let connection = as_it_lies(path, room(path));
                    (connection.map_err(|fault| damaged(path, "the database", &fault))?, copy)
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
        let connection = connect_copy(&copy, path)?;
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
