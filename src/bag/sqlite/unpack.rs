//! Temporary copies of databases: sqlite reads files only, so that a compressed one is unpacked first.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::bag::BagError;
use crate::bag::compression::MOST_RATIO;
use crate::bag::locate::open_zstd;

/// Bytes that any compressed database may unpack to; a longer one may [`MOST_RATIO`] times its own length.
const FLOOR: u64 = 1 << 30;

/// An empty temporary file, removed when it is dropped.
pub(super) fn temporary() -> Result<NamedTempFile, BagError> {
    NamedTempFile::with_prefix("itnet-bag-").map_err(BagError::io(&std::env::temp_dir(), "create a file"))
}

/// What sqlite puts beside a database: the write-ahead log, which holds pages that the file lacks, or the journal, by which the file is restored.
pub(super) const LOGS: [&str; 2] = ["-wal", "-journal"];

/// The file of that ending beside `file`.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_os_string();
    path.push(suffix);
    path.into()
}

/// Copies the first `length` bytes of `path`.
pub(super) fn copy(path: &Path, length: u64) -> Result<TempPath, BagError> {
    let mut copy = temporary()?;
    let file = File::open(path).map_err(BagError::io(path, "open"))?;
    let copied = io::copy(&mut file.take(length), &mut copy);
    copied.map_err(BagError::io(copy.path(), "write"))?;
    Ok(copy.into_temp_path())
}

/// Copies a database, first, and its logs, `bytes` together; nothing where that would take more than half of what is free.
pub(super) fn copy_with_logs(path: &Path, bytes: u64) -> Result<Option<Vec<TempPath>>, BagError> {
    if free(&std::env::temp_dir()).is_some_and(|free| bytes > free / 2) {
        return Ok(None);
    }
    let whole = copy(path, u64::MAX)?;
    let mut all = Vec::new();
    for suffix in LOGS {
        let (log, copied) = (beside(path, suffix), beside(&whole, suffix));
        if log.exists() {
            // Known before it is there, so that it is removed however far the copying comes.
            all.push(TempPath::try_from_path(&copied).map_err(BagError::io(&copied, "create"))?);
            std::fs::copy(&log, &copied).map_err(BagError::io(&log, "copy"))?;
        }
    }
    all.insert(0, whole);
    Ok(Some(all))
}

/// Decompresses the file at `path` into `out`; gives back what stopped it early.
///
/// What a header says of the length is not asked: it need not be there, or true.
///
/// # Errors
/// Content that would fill the folder for temporary files, or is longer than the file's length lets believe.
pub(super) fn decompress(path: &Path, out: &mut NamedTempFile) -> Result<Option<BagError>, BagError> {
    let length = std::fs::metadata(path).map_err(BagError::io(path, "read"))?.len();
    let room = room(length, free(out.path()));
    decompress_up_to(path, out, room)
}

fn decompress_up_to(path: &Path, out: &mut NamedTempFile, room: u64) -> Result<Option<BagError>, BagError> {
    let mut input = open_zstd(path)?;
    let mut buffer = vec![0; 1 << 17];
    let mut written = 0u64;
    let damaged = |written: u64, fault: String| BagError::Damaged {
        path: path.to_path_buf(),
        place: format!("after {written} decompressed bytes"),
        fault,
    };
    loop {
        let read = match input.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => read,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
            Err(fault) => return Ok(Some(damaged(written, fault.to_string()))),
        };
        if written + read as u64 > room {
            return Err(damaged(written, too_long(room)));
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        let write = out.write_all(bytes);
        write.map_err(BagError::io(out.path(), "write"))?;
        written += read as u64;
    }
}

/// Bytes that a file of `length` bytes may unpack to where `free` bytes are free: half of them stay so.
fn room(length: u64, free: Option<u64>) -> u64 {
    let believed = FLOOR.max(length.saturating_mul(MOST_RATIO));
    free.map_or(believed, |free| believed.min(free / 2))
}

fn too_long(room: u64) -> String {
    format!(
        "there is more, and at most {room} bytes are unpacked here: {MOST_RATIO} times the file's length, or 1 GiB, and no more than half of what \
         is free in {}; if it is to be trusted, unpack it with `zstd -d`, or set TMPDIR to another folder",
        std::env::temp_dir().display()
    )
}

/// Bytes that are free where the file `path` lies; `None` where the system does not say.
fn free(path: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(path).ok()?;
    system.f_bavail.checked_mul(system.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_what_is_free_stays_free() {
        assert_eq!(room(10 << 20, Some(1 << 20)), 1 << 19);
        assert_eq!(room(10 << 20, None), 10_000 << 20);
    }

    #[test]
    fn a_short_file_may_be_as_long_as_a_short_recording() {
        assert_eq!(room(100, Some(u64::MAX)), FLOOR);
    }

    #[test]
    fn a_file_that_unpacks_to_too_much_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db3.zstd");
        std::fs::write(&path, zstd::encode_all(&vec![0; 5 << 20][..], 1).unwrap()).unwrap();
        let mut out = temporary().unwrap();
        assert!(decompress_up_to(&path, &mut out, 5 << 20).unwrap().is_none());
        let error = decompress_up_to(&path, &mut out, (5 << 20) - 1).unwrap_err().to_string();
        assert!(error.contains("x.db3.zstd") && error.contains("zstd -d") && error.contains("TMPDIR"), "{error}");
    }
}
