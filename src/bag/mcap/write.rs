//! Writing MCAP: only whole chunks reach the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use ::mcap::records::{MessageHeader, Metadata};
use ::mcap::write::NoSeek;
use ::mcap::{Compression, McapError, WriteOptions, Writer};

use crate::bag::{BagError, Qos, qos};
use crate::message::MessageType;

/// An MCAP file being written.
pub(in crate::bag) struct McapSink {
    path: PathBuf,
    writer: Writer<NoSeek<BufWriter<File>>>,
    channels: Vec<Channel>,
    /// Whether the present chunk holds a message.
    begun: bool,
}

struct Channel {
    id: u16,
    written: u32,
}

impl McapSink {
    /// Creates the file at `path`.
    pub fn create(path: &Path) -> Result<Self, BagError> {
        let file = File::create_new(path).map_err(BagError::io(path, "create"))?;
        // A chunk is built in memory and written once it is whole; a chunk that is compressed
        // into the file would be lost with the process.
        let mut writer = WriteOptions::new()
            .profile("ros2")
            .library(concat!("itnet ", env!("CARGO_PKG_VERSION")))
            .compression(Some(Compression::Zstd))
            .compression_level(1)
            .compression_threads(0)
            .chunk_size(None)
            .disable_seeking(true)
            .create(NoSeek::new(BufWriter::with_capacity(1 << 16, file)))
            .map_err(BagError::write(path))?;
        writer.flush().map_err(BagError::write(path))?;
        Ok(Self { path: path.to_path_buf(), writer, channels: Vec::new(), begun: false })
    }

    /// Adds a topic; its number is the count of topics before it.
    pub fn add_topic(&mut self, name: &str, kind: MessageType, qos: Qos) -> Result<(), BagError> {
        let id = self.add_channel(name, kind, qos).map_err(BagError::write(&self.path))?;
        self.channels.push(Channel { id, written: 0 });
        Ok(())
    }

    fn add_channel(&mut self, name: &str, kind: MessageType, qos: Qos) -> Result<u16, McapError> {
        let definition = kind.definition.as_bytes();
        let schema = self.writer.add_schema(kind.name, "ros2msg", definition)?;
        let metadata = BTreeMap::from([("offered_qos_profiles".to_string(), qos::to_yaml(qos))]);
        self.writer.add_channel(schema, name, "cdr", &metadata)
    }

    /// Adds a message to the present chunk.
    pub fn write(&mut self, topic: usize, received: i64, data: &[u8]) -> Result<(), BagError> {
        let Some(channel) = self.channels.get_mut(topic) else {
            return Ok(());
        };
        let time = u64::try_from(received).unwrap_or(0);
        let header =
            MessageHeader { channel_id: channel.id, sequence: channel.written, log_time: time, publish_time: time };
        channel.written = channel.written.wrapping_add(1);
        self.begun = true;
        self.writer.write_to_known_channel(&header, data).map_err(BagError::write(&self.path))
    }

    /// Ends the chunk and writes it. Topics alone wait for a message: rosbag2 of Humble looks at the first chunk,
    /// and plays nothing where that has no message.
    pub fn flush(&mut self) -> Result<(), BagError> {
        if !std::mem::take(&mut self.begun) {
            return Ok(());
        }
        self.writer.flush().map_err(BagError::write(&self.path))
    }

    /// Ends the file; `metadata` is the content of metadata.yaml, which rosbag2 keeps here too.
    pub fn finish(&mut self, metadata: String) -> Result<(), BagError> {
        let record = Metadata {
            name: "rosbag2".into(),
            metadata: BTreeMap::from([("serialized_metadata".to_string(), metadata)]),
        };
        self.writer.write_metadata(&record).and_then(|()| self.writer.finish()).map_err(BagError::write(&self.path))?;
        Ok(())
    }
}
