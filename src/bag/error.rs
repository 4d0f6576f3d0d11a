//! What can be wrong with a bag.

use std::io;
use std::path::{Path, PathBuf};

/// Why a bag cannot be read or written. Every case names the file.
#[derive(Debug, thiserror::Error)]
pub enum BagError {
    /// The system refused an operation.
    #[error("{}: cannot {doing}: {reason}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// Something else than a bag.
    #[error("{}: not a bag: {found}", path.display())]
    NotABag {
        /// File or folder.
        path: PathBuf,
        /// What it is instead.
        found: &'static str,
    },
    /// metadata.yaml cannot be understood.
    #[error("{}: {fault}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// metadata.yaml is of a version this reader does not know.
    #[error("{}: version {version} is unknown, 1 to 9 can be read", path.display())]
    MetadataVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// metadata.yaml names a file that is not there.
    #[error("{}: missing, though {} names it", path.display(), metadata.display())]
    Missing {
        /// The missing file.
        path: PathBuf,
        /// The metadata.yaml.
        metadata: PathBuf,
    },
    /// Content that is cut off or damaged; all before it was read.
    #[error("{}: {place}: {fault}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: String,
        /// What is wrong there.
        fault: String,
    },
    /// The output folder holds something.
    #[error("{}: expected a new or an empty folder, it holds something", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The output folder holds a bag whose files have other names than those that would replace them.
    #[error("{}: it is of another bag, with {file}, and is not replaced", path.display())]
    OtherBag {
        /// The metadata.yaml.
        path: PathBuf,
        /// A file that it names.
        file: String,
    },
    /// Several faults of one bag; all that is readable between them was read.
    #[error("{first}; and {more} more faults")]
    Several {
        /// The first fault.
        first: Box<BagError>,
        /// Number of those after it.
        more: u64,
    },
    /// The storage refused to write.
    #[error("{}: cannot write: {fault}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the storage said.
        fault: String,
    },
}

impl BagError {
    /// A fault with `more` after it.
    pub(super) fn several(first: Self, more: u64) -> Self {
        if more == 0 { first } else { Self::Several { first: Box::new(first), more } }
    }

    /// An [`BagError::Io`] for `map_err`.
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |reason| Self::Io { path, doing, reason }
    }

    /// An [`BagError::Write`] for `map_err`.
    pub(super) fn write<E: std::error::Error>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_path_buf();
        move |fault| Self::Write { path, fault: with_sources(&fault) }
    }
}

/// An error and its causes in one line.
pub(super) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let source_text = source.to_string();
        if !text.contains(&source_text) {
            text.push_str(": ");
            text.push_str(&source_text);
        }
        next = source.source();
    }
    text
}
