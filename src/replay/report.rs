//! report.json beside the bag of masks.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::ReplayError;
use crate::report::Report;

const NAME: &str = "report.json";

/// Removes the report of an earlier run: it must not stand beside the masks of this one.
pub fn remove(folder: &Path) -> Result<(), ReplayError> {
    let path = folder.join(NAME);
    match std::fs::remove_file(&path) {
        Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => Err(ReplayError::Report { path, reason }),
        _ => Ok(()),
    }
}

/// Writes the report whole or not at all.
pub fn write(report: &Report, folder: &Path) -> Result<(), ReplayError> {
    let (path, new) = (folder.join(NAME), folder.join(".report.json.new"));
    let written = File::create(&new).and_then(|file| {
        let mut file = BufWriter::new(file);
        serde_json::to_writer_pretty(&mut file, report)?;
        file.flush()
    });
    let written = written.and_then(|()| std::fs::rename(&new, &path));
    written.inspect_err(|_| drop(std::fs::remove_file(&new))).map_err(|reason| ReplayError::Report { path, reason })
}
