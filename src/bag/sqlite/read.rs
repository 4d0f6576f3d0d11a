//! Messages of a database, by time and number.
//!
//! First come the keys of rows, their times and numbers, some at a time by the index on the time; then each wanted row is read by its number. So a damaged page
//! of the table costs its rows, and no other. Where there is no index, or it is damaged, the keys (not the messages) of the whole table are read and
//! sorted.

use std::collections::{HashMap, VecDeque};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row};

use super::Database;
use crate::bag::{BagError, Message};

/// Rows, wanted or not, whose keys are read from the index at once.
const BATCH: usize = 256;

/// Reads messages of the wanted topics.
pub(in crate::bag) struct SqliteMessages {
    database: Database,
    /// Topics by their number in the database.
    topics: HashMap<i64, usize>,
    /// Says in SQL that a row's topic is wanted.
    wanted: String,
    /// Asks for the row of a number.
    by_id: String,
    /// Keys of the wanted rows that come next, sorted.
    keys: VecDeque<Key>,
    /// The last key that was read.
    last: Key,
    /// Whether the index has more keys.
    index: bool,
    /// The first fault, told after the last row, and how many there were.
    fault: Option<BagError>,
    faults: u64,
    ended: bool,
}

/// Time and number of a row; rows are sorted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    received: i64,
    id: i64,
}

const BEFORE_ALL: Key = Key { received: i64::MIN, id: i64::MIN };

/// Two queries for the keys after the last one (?1 its time, ?2 its number), each with whether the row is `wanted`: first for rows of the same time with a
/// greater number, then for rows of later times. One query for both would walk again over all earlier rows of that time.
fn by_index(wanted: &str) -> [String; 2] {
    ["timestamp = ?1 AND id > ?2", "timestamp > ?1 AND ?2 = ?2"].map(|after| {
        format!("SELECT timestamp, id, {wanted} FROM messages WHERE {after} ORDER BY timestamp, id LIMIT ?3")
    })
}

impl SqliteMessages {
    /// Reads from `database` the topics named in `wanted`.
    pub fn new(database: Database, wanted: &HashMap<String, usize>) -> Result<Self, BagError> {
        let topics: HashMap<i64, usize> =
            database.topics()?.into_iter().filter_map(|(id, topic)| Some((id, *wanted.get(&topic.name)?))).collect();
        let numbers: Vec<String> = topics.keys().map(i64::to_string).collect();
        let wanted = format!("topic_id IN ({})", numbers.join(", "));
        let sorted = sorts(&database.connection).map_err(|fault| database.damaged("table `messages`", &fault))?;
        let mut messages = Self {
            // What is not wanted is not read.
            by_id: format!("SELECT timestamp, topic_id, CASE WHEN {wanted} THEN data END FROM messages WHERE id = ?1"),
            database,
            topics,
            wanted,
            keys: VecDeque::new(),
            last: BEFORE_ALL,
            index: !sorted,
            fault: None,
            faults: 0,
            ended: false,
        };
        if sorted {
            messages.read_table();
        }
        Ok(messages)
    }

    /// Reads the next keys by the index, or, where it is damaged, all that are left by the table.
    fn read_index(&mut self) {
        // Which rows are wanted the table says. Where it cannot be read, each row of the batch is tried.
        let batch = self.next_by_index(&self.wanted).or_else(|_| self.next_by_index("TRUE"));
        let fault = match batch {
            // An index that is not sorted would give the same rows again and again.
            Ok(batch) if !self.is_behind_the_last(&batch) => "the rows are not in order".to_owned(),
            Ok(batch) => {
                self.index = batch.len() == BATCH;
                self.last = batch.last().map_or(self.last, |(key, _)| *key);
                self.keys.extend(batch.into_iter().filter(|(_, wanted)| *wanted).map(|(key, _)| key));
                return;
            }
            Err(fault) => fault.to_string(),
        };
        self.index = false;
        // The rows may be whole where the index is not; what is wrong with them as well says more.
        self.read_table();
        let place = "index of table `messages`".to_owned();
        self.keep(BagError::Damaged { path: self.database.path.clone(), place, fault });
    }

    /// Whether keys are sorted and follow the last one that was read.
    fn is_behind_the_last(&self, batch: &[(Key, bool)]) -> bool {
        std::iter::once(&self.last).chain(batch.iter().map(|(key, _)| key)).is_sorted_by(|a, b| a < b)
    }

    /// The keys of the next rows, and which of these are wanted.
    fn next_by_index(&self, wanted: &str) -> rusqlite::Result<Vec<(Key, bool)>> {
        let mut batch = Vec::with_capacity(BATCH);
        for sql in by_index(wanted) {
            let left = (BATCH - batch.len()) as i64;
            let mut rows = self.database.connection.prepare_cached(&sql)?;
            let rows = rows.query_map((self.last.received, self.last.id, left), |row| Ok((key(row)?, row.get(2)?)))?;
            rows.take(BATCH).try_for_each(|row| row.map(|row| batch.push(row)))?;
        }
        Ok(batch)
    }

    /// Reads the keys of all rows after the last one, as far as the table can be read.
    fn read_table(&mut self) {
        let mut keys = Vec::new();
        if let Err((after, fault)) = self.table_keys(&mut keys) {
            let place = match after {
                Some(id) => format!("after the message with id {id}"),
                None => "table `messages`".into(),
            };
            self.keep(self.database.damaged(place, &fault));
        }
        keys.sort_unstable();
        self.keys = keys.into();
    }

    /// Steps over damaged pages. Their first fault, with the number of the last row before it.
    fn table_keys(&self, keys: &mut Vec<Key>) -> Result<(), (Option<i64>, rusqlite::Error)> {
        let (mut after, mut step, mut first) = (i64::MIN, 1i64, None);
        loop {
            let before = after;
            let fault = match self.table_keys_after(&mut after, keys) {
                Ok(()) => return first.map_or(Ok(()), Err),
                Err(fault) => fault,
            };
            if fault.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
                // Rows without end are none.
                keys.clear();
                return Err((None, fault));
            }
            first.get_or_insert((keys.last().map(|key| key.id), fault));
            // How many rows a page had that cannot be read, nobody knows.
            step = if after > before { 1 } else { step.saturating_mul(2) };
            after = after.max(0).saturating_add(step);
            if self.greatest().is_none_or(|greatest| after >= greatest) {
                return first.map_or(Ok(()), Err);
            }
        }
    }

    /// Reads the keys of wanted rows whose number is above `after`, which keeps up with them.
    fn table_keys_after(&self, after: &mut i64, keys: &mut Vec<Key>) -> rusqlite::Result<()> {
        let sql = format!("SELECT timestamp, id FROM messages WHERE id > ?1 AND {}", self.wanted);
        let mut rows = self.database.connection.prepare_cached(&sql)?;
        let mut rows = rows.query([*after])?;
        while let Some(row) = rows.next()? {
            let key = key(row)?;
            *after = key.id;
            if key > self.last {
                keys.push(key);
            }
        }
        Ok(())
    }

    /// The greatest number of a row, where it can be read.
    fn greatest(&self) -> Option<i64> {
        let sql = "SELECT MAX(id) FROM messages";
        self.database.connection.query_row(sql, (), |row| row.get(0)).ok()
    }

    /// The row of `key`, if its topic is wanted.
    fn message(&self, key: Key) -> rusqlite::Result<Option<Message>> {
        let mut row = self.database.connection.prepare_cached(&self.by_id)?;
        row.query_row([key.id], |row| {
            let Some(&topic) = self.topics.get(&row.get(1)?) else {
                return Ok(None);
            };
            match row.get_ref(2)? {
                ValueRef::Blob(data) | ValueRef::Text(data) => {
                    Ok(Some(Message { topic, received: row.get(0)?, data: data.to_vec() }))
                }
                other => Err(rusqlite::Error::InvalidColumnType(2, "data".into(), other.data_type())),
            }
        })
    }

    fn keep(&mut self, fault: BagError) {
        self.fault.get_or_insert(fault);
        self.faults += 1;
    }

    /// What is told after the last row: that the file is cut off says more than what sqlite misses first.
    fn end(&mut self) -> Option<BagError> {
        let cut = self.database.fault.take();
        let others = self.faults - u64::from(cut.is_none()).min(self.faults);
        cut.or(self.fault.take()).map(|first| BagError::several(first, others))
    }

    fn advance(&mut self) -> Option<Result<Message, BagError>> {
        loop {
            while self.keys.is_empty() && self.index {
                self.read_index();
            }
            let Some(key) = self.keys.pop_front() else { return self.end().map(Err) };
            match self.message(key) {
                Ok(Some(message)) => return Some(Ok(message)),
                Ok(None) => {}
                Err(fault) => self.keep(self.database.damaged(format!("message with id {}", key.id), &fault)),
            }
        }
    }
}

impl Iterator for SqliteMessages {
    type Item = Result<Message, BagError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.advance();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

fn key(row: &Row) -> rusqlite::Result<Key> {
    Ok(Key { received: row.get(0)?, id: row.get(1)? })
}

/// Whether sqlite has to sort for keys in order: there is no index on the time.
fn sorts(connection: &Connection) -> rusqlite::Result<bool> {
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", by_index("TRUE")[1]))?;
    let mut rows = plan.query((0, 0, 1))?;
    while let Some(row) = rows.next()? {
        let detail: String = row.get(3)?;
        if detail.contains("TEMP B-TREE") {
            return Ok(true);
        }
    }
    Ok(false)
}
