//! Bags that somebody made to do harm: what they cost stays in proportion to their length.

use std::fs;
use std::path::{Path, PathBuf};

use itnet::bag::{Bag, Storage};
use rusqlite::Connection;

use crate::common::{START, messages, read, read_whole, storage_file, write};

/// A database with `count` messages in pages of 512 bytes.
fn database(folder: &Path, count: usize) -> PathBuf {
    write(folder, Storage::Sqlite3, &messages(count, 8));
    let path = storage_file(folder);
    change(&path, "PRAGMA page_size = 512; VACUUM;");
    path
}

fn change(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_row_that_is_computed_is_not_longer_than_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), 1);
    change(
        &path,
        "DROP TABLE messages;
         CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB AS (zeroblob(900000000)));
         INSERT INTO messages VALUES (1, 1, 1);",
    );
    let (found, fault) = read(&path);
    assert_eq!(found, []);
    assert!(fault.unwrap().to_string().contains("too big"));
}

#[test]
fn an_index_that_says_other_times_than_its_table_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), 3);
    // The index is made of later times, and then claims to be the usual one.
    change(
        &path,
        "DROP INDEX timestamp_idx; CREATE INDEX timestamp_idx ON messages (timestamp + 1000000000);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX timestamp_idx ON messages (timestamp ASC)' WHERE name = 'timestamp_idx';",
    );
    let (found, _) = read(&path);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|message| message.received >= START));
}

#[test]
fn a_row_that_the_index_names_and_the_table_lacks_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), 3);
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'timestamp_idx'";
    let root: u32 = Connection::open(&path).unwrap().query_row(sql, (), |row| row.get(0)).unwrap();
    // Who opens the database after each change knows no index, or an old one.
    change(&path, "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'timestamp_idx'");
    change(&path, "DELETE FROM messages WHERE id = 2");
    let index = "'index', 'timestamp_idx', 'messages'";
    let sql = "'CREATE INDEX timestamp_idx ON messages (timestamp ASC)'";
    change(&path, &format!("PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ({index}, {root}, {sql})"));
    let (found, fault) = read(&path);
    assert_eq!(found.len(), 2);
    let fault = fault.unwrap().to_string();
    assert!(fault.ends_with("message with id 2: the index names it, and the table lacks it"), "{fault}");
}

#[test]
fn many_messages_of_one_time_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = messages(20_000, 8);
    written.iter_mut().for_each(|message| message.received = START);
    write(folder.path(), Storage::Sqlite3, &written);
    assert!(read_whole(folder.path()) == written);
}

#[test]
fn pages_that_lie_in_a_tree_again_and_again_are_not_rows_without_end() {
    /// Bytes of a page.
    const PAGE: usize = 512;
    /// The first byte of a page between the root of a table and its rows.
    const INTERIOR: u8 = 5;
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), 20_000);
    let mut bytes = fs::read(&path).unwrap();
    let database = Connection::open(&path).unwrap();
    let root = |table: &str| {
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let page: u32 = database.query_row(sql, [table], |row| row.get(0)).unwrap();
        (page as usize - 1) * PAGE
    };
    let (root, other) = (root("messages"), root("topics"));
    let starts = (1..bytes.len() / PAGE).map(|page| page * PAGE);
    let interior = starts.filter(|start| bytes[*start] == INTERIOR && ![root, other].contains(start));
    let chain: Vec<usize> = interior.take(8).collect();
    assert_eq!(chain.len(), 8, "too few pages to make a chain of");
    // Every child of each page of the chain is the next one: the last one's rows lie there tens to the eighth times.
    for (page, next) in [root].iter().chain(&chain).zip(&chain) {
        let number = ((next / PAGE + 1) as u32).to_be_bytes();
        let cells = u16::from_be_bytes([bytes[page + 3], bytes[page + 4]]);
        bytes[page + 8..page + 12].copy_from_slice(&number);
        for cell in 0..usize::from(cells) {
            let at = page + 12 + 2 * cell;
            let cell = page + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            bytes[cell..cell + 4].copy_from_slice(&number);
        }
    }
    fs::write(&path, bytes).unwrap();
    assert_eq!(Bag::open(&path).unwrap().message_count(), None);
    let (found, fault) = read(&path);
    assert!(found.len() < 20_000, "{}", found.len());
    assert!(fault.is_some());
}

#[test]
fn metadata_names_no_files_outside_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (bag, other) = (folder.path().join("bag"), folder.path().join("other"));
    write(&bag, Storage::Mcap, &messages(2, 8));
    write(&other, Storage::Mcap, &messages(3, 8));
    let metadata = bag.join("metadata.yaml");
    let text = fs::read_to_string(&metadata).unwrap();
    for outside in ["../other/other_0.mcap", other.join("other_0.mcap").to_str().unwrap()] {
        fs::write(&metadata, text.replace("bag_0.mcap", outside)).unwrap();
        let (found, fault) = read(&bag);
        assert_eq!(found, []);
        assert!(fault.unwrap().to_string().contains("missing"));
    }
}
