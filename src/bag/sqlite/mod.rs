//! Bags stored as sqlite3.

mod connect;
mod extent;
mod open;
mod read;
mod unpack;
mod write;

pub(super) use open::Database;
pub(super) use read::SqliteMessages;
pub(super) use write::SqliteSink;
