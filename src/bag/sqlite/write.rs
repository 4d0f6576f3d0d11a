//! Writing sqlite3: messages wait in memory and are committed together.
//!
//! A transaction is open only while it is committed. A process that is killed at another moment
//! leaves a database without a journal, which every reader opens; one that is killed while it
//! commits leaves a journal, from which sqlite restores the state before.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use crate::bag::{BagError, Qos, qos};
use crate::message::MessageType;

/// The tables of rosbag2 (schema version 3, that of Humble; newer versions read it).
const TABLES: &str = "
    CREATE TABLE schema(schema_version INTEGER PRIMARY KEY,ros_distro TEXT NOT NULL);
    CREATE TABLE metadata(
        id INTEGER PRIMARY KEY,metadata_version INTEGER NOT NULL,metadata TEXT NOT NULL);
    CREATE TABLE topics(
        id INTEGER PRIMARY KEY,name TEXT NOT NULL,type TEXT NOT NULL,
        serialization_format TEXT NOT NULL,offered_qos_profiles TEXT NOT NULL);
    CREATE TABLE messages(
        id INTEGER PRIMARY KEY,topic_id INTEGER NOT NULL,
        timestamp INTEGER NOT NULL, data BLOB NOT NULL);
    CREATE INDEX timestamp_idx ON messages (timestamp ASC);
    INSERT INTO schema VALUES (3, 'humble');
";

/// A database being written.
pub(in crate::bag) struct SqliteSink {
    path: PathBuf,
    connection: Connection,
    waiting: Vec<Waiting>,
}

struct Waiting {
    topic: usize,
    received: i64,
    data: Vec<u8>,
}

impl SqliteSink {
    /// Creates the database at `path`.
    pub fn create(path: &Path) -> Result<Self, BagError> {
        std::fs::File::create_new(path).map_err(BagError::io(path, "create"))?;
        Ok(Self {
            path: path.to_path_buf(),
            connection: prepare(path).map_err(BagError::write(path))?,
            waiting: Vec::new(),
        })
    }

    /// Adds a topic; its number is the count of topics before it.
    pub fn add_topic(&mut self, name: &str, kind: MessageType, qos: Qos) -> Result<(), BagError> {
        let sql = "INSERT INTO topics (name, type, serialization_format, offered_qos_profiles) \
                   VALUES (?1, ?2, 'cdr', ?3)";
        let added = self.connection.execute(sql, params![name, kind.name, qos::to_yaml(qos)]);
        added.map_err(BagError::write(&self.path))?;
        Ok(())
    }

    /// Keeps a message for the next commit.
    pub fn write(&mut self, topic: usize, received: i64, data: &[u8]) {
        let data = data.to_vec();
        self.waiting.push(Waiting { topic, received, data });
    }

    /// Commits what waits.
    pub fn flush(&mut self) -> Result<(), BagError> {
        self.commit(None).map_err(BagError::write(&self.path))
    }

    /// Commits what waits; `metadata` is the content of metadata.yaml, which rosbag2 keeps here
    /// too.
    pub fn finish(&mut self, version: i64, metadata: &str) -> Result<(), BagError> {
        self.commit(Some((version, metadata))).map_err(BagError::write(&self.path))
    }

    fn commit(&mut self, metadata: Option<(i64, &str)>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO messages (topic_id, timestamp, data) VALUES (?1, ?2, ?3)")?;
            for message in &self.waiting {
                // Numbers of rows start at 1.
                let topic = i64::try_from(message.topic).unwrap_or(i64::MAX - 1) + 1;
                insert.execute(params![topic, message.received, message.data])?;
            }
        }
        if let Some((version, text)) = metadata {
            let sql = "INSERT INTO metadata (metadata_version, metadata) VALUES (?1, ?2)";
            transaction.execute(sql, params![version, text])?;
        }
        transaction.commit()?;
        self.waiting.clear();
        Ok(())
    }
}

/// Opens the new database and makes its tables.
fn prepare(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // No waiting for the disk: a killed process loses nothing that was handed to the system.
    connection.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;")?;
    connection.execute_batch(&format!("BEGIN;{TABLES}COMMIT;"))?;
    Ok(connection)
}
