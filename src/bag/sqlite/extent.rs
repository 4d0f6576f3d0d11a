//! What the file of a database, and the logs beside it, say of themselves before sqlite opens them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::unpack::{LOGS, beside};
use crate::bag::BagError;

/// What the first page of a database says, against the length of its file in bytes.
pub(super) struct Extent {
    length: u64,
    page: u64,
    expected: u64,
}

impl Extent {
    /// `None` where the file is no database, or does not say how long it is.
    pub(super) fn read(file: &Path) -> Option<Self> {
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
    pub(super) fn whole_pages(&self) -> Option<u64> {
        let torn = self.length % self.page;
        (self.length < self.expected && torn != 0).then(|| self.length - torn)
    }
}

/// What is wrong where `file` has fewer bytes than its header says.
pub(super) fn shortness(file: &Path, shown: &Path) -> Option<BagError> {
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

/// What is wrong where there is a log that can only be read with a copy of the database, and no room for that.
pub(super) fn log_unread(path: &Path) -> BagError {
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

/// Whether there is a write-ahead log, which holds pages the file lacks, or a journal, by which sqlite restores it.
pub(super) fn has_log(file: &Path) -> bool {
    LOGS.iter().any(|suffix| std::fs::metadata(beside(file, suffix)).is_ok_and(|log| log.len() > 0))
}

/// Whether the database keeps a write-ahead log, by the version that is needed to read it.
pub(super) fn logs_ahead(file: &Path) -> bool {
    let mut head = [0; 20];
    File::open(file).and_then(|mut input| input.read_exact(&mut head)).is_ok() && head[19] == 2
}

/// Bytes that the rows of a database can take: those of its file and its logs.
pub(super) fn room(file: &Path) -> u64 {
    let length = |suffix| std::fs::metadata(beside(file, suffix)).map_or(0, |file| file.len());
    std::iter::once("").chain(LOGS).map(length).sum()
}
