//! What can be wrong with a bundle, with the file and the tensor named.

use std::path::PathBuf;

use super::manifest::ManifestError;

/// What can be wrong with a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {reason}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// The system's words.
        reason: std::io::Error,
    },
    /// What should be a file of some size is not.
    #[error("{}: expected {expected}, got {got}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What would be right.
        expected: String,
        /// What is there.
        got: String,
    },
    /// The manifest says what it must not.
    #[error("{}: {reason}", file.display())]
    Manifest {
        /// Which file.
        file: PathBuf,
        /// The fault.
        reason: ManifestError,
    },
    /// A file is not the one the manifest was written for.
    #[error("{}: the manifest says sha256 {expected}, the file has {got}: it is damaged or was replaced", file.display())]
    Hash {
        /// Which file.
        file: PathBuf,
        /// The manifest's hash.
        expected: String,
        /// The file's hash.
        got: String,
    },
    /// A file is not a graph that can be run.
    #[error("{}: not a graph that can be run: {reason}", file.display())]
    Graph {
        /// Which file.
        file: PathBuf,
        /// The engine's own words.
        reason: String,
    },
    /// A graph's input or output is not what it must be.
    #[error("{}: tensor `{tensor}`: expected {expected}, got {got}", file.display())]
    Tensor {
        /// Which file.
        file: PathBuf,
        /// Which tensor.
        tensor: String,
        /// What would be right.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A session cannot be made.
    #[error("cannot run the model on {threads} threads: {reason}")]
    Session {
        /// The threads that were asked for.
        threads: usize,
        /// What stands against it.
        reason: String,
    },
}
