//! Connecting to a database, whatever a writer that was killed has left and the folder allows.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::extent::{has_log, logs_ahead, room};
use crate::bag::BagError;
use crate::bag::compression::LARGEST;

const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_READ_ONLY);
const WRITABLE: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_READ_WRITE);

/// Opens `file` for reading, or for recovery where a killed writer left a journal. `None` where the folder allows neither, and there is a log without
/// which the file is not whole.
pub(super) fn connect(file: &Path, shown: &Path) -> Result<Option<Connection>, BagError> {
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

/// Opens a copy of our own of the file that the user knows as `shown`.
pub(super) fn connect_copy(copy: &Path, shown: &Path) -> Result<Connection, BagError> {
    attempt(copy, room(copy), WRITABLE).map_err(|fault| damaged(shown, "the database", &fault))
}

/// Opens a file that nobody changes, without locks and logs.
pub(super) fn as_it_lies(file: &Path, room: u64) -> rusqlite::Result<Connection> {
    let uri = immutable_uri(file).ok_or(rusqlite::Error::InvalidPath(file.to_path_buf()))?;
    attempt(&uri, room, READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
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

/// The fault for an error of sqlite at `place` of the file the user knows as `path`.
pub(super) fn damaged(path: &Path, place: impl Into<String>, fault: &rusqlite::Error) -> BagError {
    let fault = match (fault, fault.sqlite_error_code()) {
        (_, Some(ErrorCode::OperationInterrupted)) => {
            "the database holds far more rows than its length allows".to_owned()
        }
        (rusqlite::Error::QueryReturnedNoRows, _) => "the index names it, and the table lacks it".to_owned(),
        _ => fault.to_string(),
    };
    BagError::Damaged { path: path.to_path_buf(), place: place.into(), fault }
}

#[cfg(test)]
mod tests {
    use super::super::unpack::copy_with_logs;
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
