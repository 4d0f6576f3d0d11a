//! metadata.yaml: what rosbag2 says of a bag beside its files.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{BagError, Topic};

/// Name of the file in the bag's folder.
pub(super) const FILE_NAME: &str = "metadata.yaml";
/// Versions that can be read.
const READABLE: std::ops::RangeInclusive<i64> = 1..=9;
/// Bytes of the largest metadata.yaml that is read.
const LARGEST: u64 = 16 << 20;

/// The document.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Document {
    rosbag2_bagfile_information: Information,
}

/// Its one entry. What only newer versions have is optional; what is not needed is ignored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Information {
    pub version: i64,
    pub storage_identifier: String,
    pub duration: Nanoseconds,
    pub starting_time: SinceEpoch,
    pub message_count: u64,
    pub topics_with_message_count: Vec<TopicCount>,
    pub compression_format: Option<String>,
    pub compression_mode: Option<String>,
    pub relative_file_paths: Vec<String>,
    pub files: Option<Vec<FileEntry>>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Nanoseconds {
    pub nanoseconds: i64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct SinceEpoch {
    pub nanoseconds_since_epoch: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TopicCount {
    pub topic_metadata: TopicMetadata,
    pub message_count: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TopicMetadata {
    pub name: String,
    #[serde(rename = "type")]
    pub message_type: String,
    pub serialization_format: String,
    #[serde(default)]
    pub offered_qos_profiles: Profiles,
}

/// YAML in a string up to version 8, a list from 9 on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Profiles {
    Text(String),
    List(Vec<serde_json::Value>),
    None(()),
}

impl Default for Profiles {
    fn default() -> Self {
        Self::None(())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FileEntry {
    pub path: String,
    pub starting_time: SinceEpoch,
    pub duration: Nanoseconds,
    pub message_count: u64,
}

impl Information {
    /// Parses the text of the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, BagError> {
        let document: Document = serde_saphyr::from_str(text)
            .map_err(|fault| BagError::Metadata { path: path.to_path_buf(), fault: first_line(&fault.to_string()) })?;
        let information = document.rosbag2_bagfile_information;
        if READABLE.contains(&information.version) {
            Ok(information)
        } else {
            Err(BagError::MetadataVersion { path: path.to_path_buf(), version: information.version })
        }
    }

    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, BagError> {
        let read = BagError::io;
        let length = std::fs::metadata(path).map_err(read(path, "read"))?.len();
        if length > LARGEST {
            return Err(BagError::Metadata {
                path: path.to_path_buf(),
                fault: format!("{length} bytes are too many, at most {LARGEST} are read"),
            });
        }
        let text = std::fs::read_to_string(path).map_err(read(path, "read"))?;
        Self::parse(path, &text)
    }

    /// Itself, if it is whole: cut off at the end of a line, a document is still one.
    pub fn whole(self, path: &Path) -> Result<Self, BagError> {
        let counts = self.message_count;
        let lacks = match (self.file_names().is_empty(), self.topics_with_message_count.is_empty()) {
            (true, _) => "it names no files".to_owned(),
            (_, true) if counts > 0 => format!("it names no topics, and counts {counts} messages"),
            _ => return Ok(self),
        };
        Err(BagError::Metadata { path: path.to_path_buf(), fault: lacks })
    }

    /// The text of the file.
    pub fn to_yaml(&self, path: &Path) -> Result<String, BagError> {
        let document = Document { rosbag2_bagfile_information: self.clone() };
        serde_saphyr::to_string(&document).map_err(BagError::write(path))
    }

    /// The entry alone, as rosbag2 keeps it inside bag files.
    pub fn to_inner_yaml(&self, path: &Path) -> Result<String, BagError> {
        serde_saphyr::to_string(self).map_err(BagError::write(path))
    }

    /// The topics in their order.
    pub fn topics(&self) -> Vec<Topic> {
        self.topics_with_message_count
            .iter()
            .map(|entry| Topic {
                name: entry.topic_metadata.name.clone(),
                message_type: entry.topic_metadata.message_type.clone(),
                serialization_format: entry.topic_metadata.serialization_format.clone(),
                offered_qos_profiles: entry.topic_metadata.offered_qos_profiles.to_text(),
                message_count: Some(entry.message_count),
            })
            .collect()
    }

    /// The files as they are named, in their order.
    pub fn file_names(&self) -> Vec<&str> {
        if self.relative_file_paths.is_empty() {
            let files = self.files.iter().flatten();
            files.map(|file| file.path.as_str()).collect()
        } else {
            self.relative_file_paths.iter().map(String::as_str).collect()
        }
    }

    /// The files in `folder`, each where it is or, as `Err`, where it should be.
    ///
    /// Bags up to version 3 name their own folder in the path, and the names of compressed files
    /// come with and without `.zstd`: any of these is found. A path that leaves the folder is not followed.
    pub fn files(&self, folder: &Path) -> Vec<Result<PathBuf, PathBuf>> {
        self.file_names()
            .into_iter()
            .map(|name| {
                let named = folder.join(name);
                let inside = Path::new(name).file_name().map(|name| folder.join(name));
                let candidates = stays_inside(name).then(|| named.clone()).into_iter().chain(inside);
                candidates
                    .flat_map(|path| [path.clone(), with_zstd(&path), path.with_extension("")])
                    .find(|path| path.is_file())
                    .ok_or(named)
            })
            .collect()
    }
}

impl Profiles {
    fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(list) => serde_saphyr::to_string(list).unwrap_or_default(),
            Self::None(()) => String::new(),
        }
    }
}

/// Whether a path, taken from a folder, ends below it.
fn stays_inside(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn with_zstd(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".zstd");
    PathBuf::from(name)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests;
