//! From the path a person gives to the files that hold the messages.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::BagError;
use super::compression::ZSTD_MAGIC;
use super::metadata::{self, Information};

/// The parts of a bag.
pub(super) struct Located {
    /// Its files in order; `Err` is the place of one that is missing.
    pub files: Vec<Result<PathBuf, PathBuf>>,
    /// What metadata.yaml says.
    pub information: Option<Information>,
    /// What is wrong with metadata.yaml, to be told once all files were read.
    pub fault: Option<BagError>,
}

/// What a file is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mcap,
    Sqlite,
    /// The same, the whole file compressed.
    ZstdMcap,
    ZstdSqlite,
}

/// Finds the files of the bag at `path`, a folder or a file.
pub(super) fn locate(path: &Path) -> Result<Located, BagError> {
    let kind = fs::metadata(path).map_err(BagError::io(path, "open"))?;
    if kind.is_file() {
        return Ok(Located { files: vec![Ok(path.to_path_buf())], information: None, fault: None });
    }
    if !kind.is_dir() {
        return Err(not_a_bag(path, "neither a file nor a folder"));
    }
    let metadata = path.join(metadata::FILE_NAME);
    let fault = if metadata.is_file() {
        match Information::read(&metadata).and_then(|information| information.whole(&metadata)) {
            Ok(information) => {
                return Ok(Located { files: information.files(path), information: Some(information), fault: None });
            }
            Err(fault @ BagError::MetadataVersion { .. }) => return Err(fault),
            Err(fault) => Some(fault),
        }
    } else {
        None
    };
    let files = bag_files(path)?;
    match (files.is_empty(), fault) {
        (true, Some(fault)) => Err(fault),
        (true, None) => Err(not_a_bag(path, "the folder holds neither a metadata.yaml nor .mcap or .db3 files")),
        (false, fault) => Ok(Located { files: files.into_iter().map(Ok).collect(), information: None, fault }),
    }
}

/// All files in `folder` that are named as bag files, by their number.
///
/// Where a file is there both plain and compressed, the plain one is taken: rosbag2 removes it
/// only once the compressed one is complete.
fn bag_files(folder: &Path) -> Result<Vec<PathBuf>, BagError> {
    let list = BagError::io;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(list(folder, "list"))? {
        let path = entry.map_err(list(folder, "list"))?.path();
        if path.is_file() && is_bag_file(&path) {
            files.push(path);
        }
    }
    let plain = files.clone();
    files.retain(|path| !is_zstd(path) || !plain.contains(&path.with_extension("")));
    files.sort_by_cached_key(|path| (number(path), path.clone()));
    Ok(files)
}

/// Whether a file's name is that of a bag file.
pub(super) fn is_bag_file(path: &Path) -> bool {
    unpacked(path).extension().is_some_and(|extension| extension == "mcap" || extension == "db3")
}

/// The name of a file as it is once it is decompressed.
fn unpacked(path: &Path) -> PathBuf {
    if is_zstd(path) { path.with_extension("") } else { path.to_path_buf() }
}

fn is_zstd(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zstd")
}

/// The number before a bag file's extension; files without one come first.
fn number(path: &Path) -> Option<u64> {
    let inner = unpacked(path);
    let (_, number) = inner.file_stem()?.to_str()?.rsplit_once('_')?;
    number.parse().ok()
}

/// Looks at the first bytes of the file at `path`.
pub(super) fn kind(path: &Path) -> Result<Kind, BagError> {
    let mut file = File::open(path).map_err(BagError::io(path, "open"))?;
    let mut head = Vec::with_capacity(16);
    let read = Read::by_ref(&mut file).take(16).read_to_end(&mut head);
    read.map_err(BagError::io(path, "read"))?;
    if head.is_empty() {
        return Err(not_a_bag(path, "the file is empty"));
    }
    if let Some(kind) = plain_kind(&head) {
        return Ok(kind);
    }
    if !head.starts_with(&ZSTD_MAGIC) {
        return Err(not_a_bag(path, "neither MCAP nor sqlite3"));
    }
    match plain_kind(&zstd_head(path)?) {
        Some(Kind::Mcap) => Ok(Kind::ZstdMcap),
        Some(Kind::Sqlite) => Ok(Kind::ZstdSqlite),
        _ => Err(not_a_bag(path, "zstd, but the content is neither MCAP nor sqlite3")),
    }
}

fn zstd_head(path: &Path) -> Result<Vec<u8>, BagError> {
    let mut head = Vec::with_capacity(16);
    let read = open_zstd(path)?.take(16).read_to_end(&mut head);
    // Content that breaks off within its first bytes is no bag either.
    let _ = read;
    Ok(head)
}

/// Reads the file at `path`, decompressed.
pub(super) fn open_zstd(path: &Path) -> Result<impl Read + Send + use<>, BagError> {
    let file = File::open(path).map_err(BagError::io(path, "open"))?;
    zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(1 << 17, file))
        .map_err(BagError::io(path, "decompress"))
}

fn plain_kind(head: &[u8]) -> Option<Kind> {
    if head.starts_with(::mcap::MAGIC) {
        Some(Kind::Mcap)
    } else if head.starts_with(b"SQLite format 3\0") {
        Some(Kind::Sqlite)
    } else {
        None
    }
}

fn not_a_bag(path: &Path, found: &'static str) -> BagError {
    BagError::NotABag { path: path.to_path_buf(), found }
}
