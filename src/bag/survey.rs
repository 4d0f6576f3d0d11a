//! Which topics one file holds, for bags without metadata.yaml.

use std::path::Path;

use super::locate::{Kind, kind, open_zstd};
use super::{BagError, Topic, mcap, sqlite};

/// The topics of the file at `path` in the order of their first mention, as far as it can be read.
pub(super) fn survey(path: &Path) -> Result<Vec<Topic>, BagError> {
    match kind(path)? {
        Kind::Mcap => mcap::survey(path),
        Kind::ZstdMcap => Ok(mcap::survey_stream(open_zstd(path)?)),
        Kind::Sqlite => sqlite::Database::open(path)?.survey(),
        Kind::ZstdSqlite => sqlite::Database::open_compressed(path)?.survey(),
    }
}

/// Adds the topics of a further file.
pub(super) fn merge(topics: &mut Vec<Topic>, more: Vec<Topic>) {
    for topic in more {
        match topics.iter_mut().find(|known| known.name == topic.name) {
            Some(known) => {
                let counts = known.message_count.zip(topic.message_count);
                known.message_count = counts.map(|(a, b)| a.saturating_add(b));
            }
            None => topics.push(topic),
        }
    }
}
