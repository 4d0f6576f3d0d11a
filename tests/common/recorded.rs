//! The recorded bags beside the project, where they are there.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder of the recorded bags: `bags` in `ITNET_SHARED`, or in `../shared`. Tells that a test is skipped where it is absent, also where the output of
/// tests that pass is kept back.
pub fn bags() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let bags = std::env::var_os("ITNET_SHARED").map_or_else(beside, PathBuf::from).join("bags");
    if !bags.is_dir() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: no recorded bags at {}", bags.display());
        return None;
    }
    Some(bags)
}
