//! Messages of a database, by time and number.
//!
//! Rows come one by one through the index on the time. Where there is none, or it is damaged,
//! the times and numbers (not the messages) of the table are read first and sorted.

use std::collections::{HashMap, VecDeque};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row};

use super::Database;
use crate::bag::{BagError, Message};

/// Reads messages of the wanted topics.
pub(in crate::bag) struct SqliteMessages {
    database: Database,
    /// Topics by their number in the database.
    topics: HashMap<i64, usize>,
    by_index: String,
    by_table: String,
    /// The row given last.
    last: Key,
    order: Order,
    ended: bool,
}

/// Time and number of a row; rows are sorted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    received: i64,
    id: i64,
}

enum Order {
    /// One row at a time by the index.
    Index,
    /// Sorted rows of the table, and what stopped the reading of it.
    Table(VecDeque<Key>, Option<BagError>),
}

const BEFORE_ALL: Key = Key { received: i64::MIN, id: i64::MIN };

impl SqliteMessages {
    /// Reads from `database` the topics named in `wanted`.
    pub fn new(database: Database, wanted: &HashMap<String, usize>) -> Result<Self, BagError> {
        let topics: HashMap<i64, usize> =
            database.topics()?.into_iter().filter_map(|(id, topic)| Some((id, *wanted.get(&topic.name)?))).collect();
        let numbers: Vec<String> = topics.keys().map(i64::to_string).collect();
        let filter = format!("topic_id IN ({})", numbers.join(", "));
        let by_index = format!(
            "SELECT timestamp, id, topic_id, data FROM messages \
             WHERE (timestamp, id) > (?1, ?2) AND {filter} ORDER BY timestamp, id LIMIT 1"
        );
        let by_table = format!("SELECT timestamp, id FROM messages WHERE {filter}");
        let sorted =
            sorts(&database.connection, &by_index).map_err(|fault| database.damaged("table `messages`", &fault))?;
        let mut messages =
            Self { database, topics, by_index, by_table, last: BEFORE_ALL, order: Order::Index, ended: false };
        if sorted {
            messages.order = messages.table_order();
        }
        Ok(messages)
    }

    /// Reads the keys of all rows after the last one given, as far as the table can be read.
    fn table_order(&self) -> Order {
        let mut keys = Vec::new();
        let fault = self.read_keys(&mut keys).err();
        if fault.as_ref().and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::OperationInterrupted) {
            // Rows without end are none.
            keys.clear();
        }
        keys.sort_unstable();
        let place = match keys.last() {
            Some(key) => format!("after the message with id {}", key.id),
            None => "table `messages`".into(),
        };
        let fault = fault.map(|fault| self.database.damaged(place, &fault));
        Order::Table(keys.into(), fault)
    }

    fn read_keys(&self, keys: &mut Vec<Key>) -> rusqlite::Result<()> {
        let mut rows = self.database.connection.prepare(&self.by_table)?;
        let mut rows = rows.query(())?;
        while let Some(row) = rows.next()? {
            let key = key(row)?;
            if key > self.last {
                keys.push(key);
            }
        }
        Ok(())
    }

    /// The row after the last one given, by the index.
    fn next_by_index(&self) -> rusqlite::Result<Option<(Key, Message)>> {
        let connection = &self.database.connection;
        let mut rows = connection.prepare_cached(&self.by_index)?;
        let mut rows = rows.query((self.last.received, self.last.id))?;
        match rows.next()? {
            Some(row) => self.message(row).map(Some),
            None => Ok(None),
        }
    }

    /// The row of `key`.
    fn by_key(&self, key: Key) -> rusqlite::Result<(Key, Message)> {
        let sql = "SELECT timestamp, id, topic_id, data FROM messages WHERE id = ?1";
        let mut row = self.database.connection.prepare_cached(sql)?;
        row.query_row([key.id], |row| self.message(row))
    }

    fn message(&self, row: &Row) -> rusqlite::Result<(Key, Message)> {
        let key = key(row)?;
        let topic = row.get(2)?;
        let data = match row.get_ref(3)? {
            ValueRef::Blob(data) | ValueRef::Text(data) => data.to_vec(),
            other => {
                let kind = other.data_type();
                return Err(rusqlite::Error::InvalidColumnType(3, "data".into(), kind));
            }
        };
        let message = Message {
            topic: self.topics.get(&topic).copied().ok_or(rusqlite::Error::IntegralValueOutOfRange(2, topic))?,
            received: key.received,
            data,
        };
        Ok((key, message))
    }

    fn advance(&mut self) -> Option<Result<Message, BagError>> {
        if let Order::Index = self.order {
            match self.next_by_index() {
                Ok(Some((key, message))) if key > self.last => {
                    self.last = key;
                    return Some(Ok(message));
                }
                // An index that is not sorted would give the same rows again and again.
                Ok(Some(_)) => self.order = self.table_order_after("the rows are not in order".to_owned()),
                Ok(None) => return self.database.fault.take().map(Err),
                // The rows may be whole where the index is not.
                Err(fault) => self.order = self.table_order_after(fault.to_string()),
            }
        }
        while let Some(key) = self.next_key() {
            match self.by_key(key) {
                Ok((_, message)) => return Some(Ok(message)),
                Err(fault) => {
                    let damaged = self.database.damaged(format!("message with id {}", key.id), &fault);
                    if let Order::Table(_, first) = &mut self.order {
                        first.get_or_insert(damaged);
                    }
                }
            }
        }
        let fault = match &mut self.order {
            Order::Table(_, fault) => fault.take(),
            Order::Index => None,
        };
        // That the file is cut off says more than what sqlite misses first.
        self.database.fault.take().or(fault).map(Err)
    }

    fn next_key(&mut self) -> Option<Key> {
        match &mut self.order {
            Order::Table(keys, _) => keys.pop_front(),
            Order::Index => None,
        }
    }

    /// Reads on without the index, in which there is a `fault`.
    fn table_order_after(&self, fault: String) -> Order {
        match self.table_order() {
            Order::Table(keys, None) => {
                let place = "index of table `messages`".to_owned();
                let fault = BagError::Damaged { path: self.database.path.clone(), place, fault };
                Order::Table(keys, Some(fault))
            }
            order => order,
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

/// Whether sqlite has to sort for `sql`: there is no index on the time.
fn sorts(connection: &Connection, sql: &str) -> rusqlite::Result<bool> {
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let mut rows = plan.query((0, 0))?;
    while let Some(row) = rows.next()? {
        let detail: String = row.get(3)?;
        if detail.contains("TEMP B-TREE") {
            return Ok(true);
        }
    }
    Ok(false)
}
