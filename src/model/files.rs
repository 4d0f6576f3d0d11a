//! Reads the files of a bundle and trusts none of them.
//!
//! Knows sizes and hashes; knows nothing of what the graphs mean to each other.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::BundleError;
use super::manifest::{GraphFile, Manifest};
use super::precision::Chosen;
use super::tract::{Graph, GraphError, Ports};

/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// The largest graph file that is read, in bytes.
const MAX_GRAPH: u64 = 1 << 29;

/// Reads and checks `manifest.json`.
pub(super) fn read_manifest(file: &Path) -> Result<Manifest, BundleError> {
    let bytes = read_file(file, MAX_MANIFEST)?;
    let text = String::from_utf8(bytes).map_err(|error| BundleError::File {
        file: file.to_owned(),
        expected: "UTF-8 text".to_owned(),
        got: error.utf8_error().to_string(),
    })?;
    Manifest::parse(&text).map_err(|reason| BundleError::Manifest { file: file.to_owned(), reason })
}

/// Reads a graph once its hash is the manifest's; `ports` says how its tensors lie where it meets others, `chosen` what it multiplies.
pub(super) fn read_graph(dir: &Path, file: &GraphFile, ports: Ports, chosen: &Chosen) -> Result<Graph, BundleError> {
    let path = dir.join(&file.path);
    let bytes = read_file(&path, MAX_GRAPH)?;
    let got: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if got != file.sha256 {
        return Err(BundleError::Hash { file: path, expected: file.sha256.clone(), got });
    }
    Graph::read(&bytes, ports, chosen).map_err(|error| match error {
        GraphError::Unusable(reason) => BundleError::Graph { file: path, reason },
        GraphError::Tensor { tensor, expected, got } => BundleError::Tensor { file: path, tensor, expected, got },
    })
}

/// The bytes of a regular file of 1 to `limit` bytes.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, BundleError> {
    let read = |reason| BundleError::Read { file: path.to_owned(), reason };
    let metadata = std::fs::metadata(path).map_err(read)?;
    let got = match metadata.len() {
        _ if metadata.is_dir() => "a folder".to_owned(),
        _ if !metadata.is_file() => "something else".to_owned(),
        0 => "an empty one".to_owned(),
        length if length > limit => format!("{length} bytes"),
        _ => {
            let mut bytes = Vec::new();
            let file = File::open(path).map_err(read)?;
            file.take(limit).read_to_end(&mut bytes).map_err(read)?;
            return Ok(bytes);
        }
    };
    Err(BundleError::File { file: path.to_owned(), expected: format!("a file of at most {limit} bytes"), got })
}
