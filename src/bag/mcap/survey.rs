//! Topics and message counts of an MCAP file: from its summary, else from all of it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use ::mcap::records::{Channel, Record, op};

use super::chunk;
use super::parse::parse;
use super::records::{Fault, Records};
use crate::bag::{BagError, Topic};

/// Bytes of the footer: frame, two offsets, checksum, magic.
const FOOTER: u64 = 9 + 20 + 8;

/// The topics of the file at `path`.
pub(in crate::bag) fn survey(path: &Path) -> Result<Vec<Topic>, BagError> {
    let mut file = File::open(path).map_err(BagError::io(path, "open"))?;
    if let Some(topics) = from_summary(&mut file) {
        return Ok(topics);
    }
    file.rewind().map_err(BagError::io(path, "read"))?;
    survey_stream(path, BufReader::with_capacity(1 << 17, file))
}

/// The topics of a whole file, as far as it can be read; what is wrong, reading it will tell, unless there is no topic to read.
pub(in crate::bag) fn survey_stream(path: &Path, mut input: impl Read) -> Result<Vec<Topic>, BagError> {
    let mut found = Found::default();
    let mut magic = [0; ::mcap::MAGIC.len()];
    input.read_exact(&mut magic).map_err(BagError::io(path, "read"))?;
    match found.scan(&mut Records::new(input, magic.len() as u64)) {
        Err(Fault { at, what }) if found.channels.is_empty() => {
            Err(BagError::Damaged { path: path.to_path_buf(), place: format!("at byte {at}"), fault: what })
        }
        _ => Ok(found.topics(None)),
    }
}

/// What the summary says; `None` where there is none, or none that can be read.
fn from_summary(file: &mut File) -> Option<Vec<Topic>> {
    let end = file.metadata().ok()?.len();
    let footer_at = end.checked_sub(FOOTER)?;
    file.seek(SeekFrom::Start(footer_at)).ok()?;
    let mut records = Records::new(&mut *file, footer_at);
    let frame = records.frame().ok()??;
    let body = records.whole_body(frame).ok()?;
    let Record::Footer(footer) = parse(frame.opcode, &body).ok()? else {
        return None;
    };
    if footer.summary_start == 0 || footer.summary_start >= footer_at {
        return None;
    }
    file.seek(SeekFrom::Start(footer.summary_start)).ok()?;
    let mut found = Found::default();
    let summary = BufReader::new(file.take(footer_at - footer.summary_start));
    let mut records = Records::new(summary, footer.summary_start);
    while let Some(frame) = records.frame().ok()? {
        let body = records.whole_body(frame).ok()?;
        found.take(frame.opcode, &body).ok()?;
    }
    let counts = found.counts.take()?;
    found.names_all_of(&counts).then(|| found.topics(Some(&counts)))
}

/// What was met so far.
#[derive(Default)]
struct Found {
    /// Names of message types by schema.
    schemas: HashMap<u16, String>,
    /// Channels in the order of their numbers.
    channels: BTreeMap<u16, Channel>,
    /// Messages met by channel.
    met: BTreeMap<u16, u64>,
    /// Messages by channel as the statistics have it.
    counts: Option<BTreeMap<u16, u64>>,
}

impl Found {
    /// Looks at all records, up to where the thread from one to the next is lost. What is in them may be damaged: those behind are met all the same.
    fn scan<R: Read>(&mut self, records: &mut Records<R>) -> Result<(), Fault> {
        while let Some(frame) = records.frame()? {
            match frame.opcode {
                op::CHUNK => {
                    let (body, cut) = records.body(frame);
                    self.chunk(&chunk::open(&body, cut.is_some()).data);
                    cut.map_or(Ok(()), Err)?;
                }
                op::SCHEMA | op::CHANNEL | op::MESSAGE => {
                    let body = records.whole_body(frame)?;
                    let _ = self.take(frame.opcode, &body);
                }
                op::DATA_END => break,
                _ => records.skip(frame)?,
            }
        }
        Ok(())
    }

    fn chunk(&mut self, data: &[u8]) {
        for span in chunk::spans(data).map_while(Result::ok) {
            let _ = self.take(span.opcode, data.get(span.start..span.end).unwrap_or_default());
        }
    }

    fn take(&mut self, opcode: u8, body: &[u8]) -> Result<(), ::mcap::McapError> {
        if !matches!(opcode, op::SCHEMA | op::CHANNEL | op::MESSAGE | op::STATISTICS) {
            return Ok(());
        }
        match parse(opcode, body)? {
            Record::Schema { header, .. } => {
                self.schemas.insert(header.id, header.name);
            }
            Record::Channel(channel) => {
                self.channels.insert(channel.id, channel);
            }
            Record::Message { header, .. } => {
                *self.met.entry(header.channel_id).or_default() += 1;
            }
            Record::Statistics(statistics) => {
                self.counts = Some(statistics.channel_message_counts);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether there is a channel for each of the counts, and a schema for each channel: a summary need not repeat them.
    fn names_all_of(&self, counts: &BTreeMap<u16, u64>) -> bool {
        let known = |id: &u16| *id == 0 || self.schemas.contains_key(id);
        counts.keys().all(|id| self.channels.contains_key(id))
            && self.channels.values().all(|channel| known(&channel.schema_id))
    }

    fn topics(self, counts: Option<&BTreeMap<u16, u64>>) -> Vec<Topic> {
        let counts = counts.unwrap_or(&self.met);
        let mut topics = Vec::new();
        for channel in self.channels.into_values() {
            let topic = Topic {
                message_type: self.schemas.get(&channel.schema_id).cloned().unwrap_or_default(),
                serialization_format: channel.message_encoding,
                offered_qos_profiles: channel.metadata.get("offered_qos_profiles").cloned().unwrap_or_default(),
                message_count: Some(counts.get(&channel.id).copied().unwrap_or(0)),
                name: channel.topic,
            };
            crate::bag::topic::merge(&mut topics, vec![topic]);
        }
        topics
    }
}
