//! Which topics one file holds, for bags without metadata.yaml.

use std::path::Path;

use super::locate::{Kind, kind, open_zstd};
use super::{BagError, Topic, mcap, sqlite};

/// The topics of the file at `path` in the order of their first mention, as far as it can be read.
pub(super) fn survey(path: &Path) -> Result<Vec<Topic>, BagError> {
    match kind(path)? {
        Kind::Mcap => mcap::survey(path),
        Kind::ZstdMcap => mcap::survey_stream(path, open_zstd(path)?),
        Kind::Sqlite => sqlite::Database::open(path)?.survey(),
        Kind::ZstdSqlite => sqlite::Database::open_compressed(path)?.survey(),
    }
}
