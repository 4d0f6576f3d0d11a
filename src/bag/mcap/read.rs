//! Messages of an MCAP file, in the order of the file.
//!
//! The file is read from start to end and never by its index, so that one without an index (a
//! killed recording) or behind a compressor reads the same. Within a chunk messages are sorted by
//! their log time; chunks come in the order of the file, which is the order of time for files of
//! rosbag2. Sorting across chunks would need an index, or all chunks in memory.

use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::path::PathBuf;

use ::mcap::records::{Record, op};

use super::chunk::{self, Span};
use super::parse::parse;
use super::records::{Fault, Frame, Records};
use crate::bag::{BagError, Message};

/// Reads messages of the wanted topics. A fault within a record costs that record; reading goes on behind it.
pub(in crate::bag) struct McapMessages {
    path: PathBuf,
    records: Records<Box<dyn Read + Send>>,
    /// Topics by name; others are passed over.
    wanted: HashMap<String, usize>,
    /// The topic of every channel declared so far, `None` where it is not wanted.
    channels: HashMap<u16, Option<usize>>,
    /// Content of the present chunk.
    data: Vec<u8>,
    /// Messages in it that were not given yet.
    queue: VecDeque<Queued>,
    fault: Option<Fault>,
    stage: Stage,
}

struct Queued {
    received: u64,
    topic: usize,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Magic,
    Messages,
    Summary,
    Ended,
}

impl McapMessages {
    /// Reads `input`, the (decompressed) content of the file at `path`.
    pub fn new(path: PathBuf, input: Box<dyn Read + Send>, wanted: HashMap<String, usize>) -> Self {
        Self {
            path,
            records: Records::new(input, 0),
            wanted,
            channels: HashMap::new(),
            data: Vec::new(),
            queue: VecDeque::new(),
            fault: None,
            stage: Stage::Magic,
        }
    }

    /// Reads one record of the file.
    fn advance(&mut self) -> Result<(), Fault> {
        if self.stage == Stage::Magic {
            self.stage = Stage::Messages;
            return self.magic();
        }
        let Some(frame) = self.records.frame()? else {
            let what = "the file ends without a footer, its recording was cut off".into();
            let at = self.records.at();
            return Err(Fault { at, what });
        };
        match (frame.opcode, self.stage) {
            (op::FOOTER, _) => {
                self.stage = Stage::Ended;
                self.records.skip(frame)?;
                self.magic()
            }
            (op::DATA_END, _) => {
                self.stage = Stage::Summary;
                self.records.skip(frame)
            }
            (op::CHUNK, Stage::Messages) => self.chunk(frame),
            (op::SCHEMA | op::CHANNEL | op::MESSAGE, Stage::Messages) => self.single(frame),
            _ => self.records.skip(frame),
        }
    }

    fn magic(&mut self) -> Result<(), Fault> {
        let at = self.records.at();
        match self.records.bytes(::mcap::MAGIC.len() as u64) {
            (magic, None) if magic == ::mcap::MAGIC => Ok(()),
            (_, Some(what)) => Err(Fault { at, what }),
            (_, None) => {
                let what = "the magic bytes of MCAP are missing".into();
                Err(Fault { at, what })
            }
        }
    }

    fn chunk(&mut self, frame: Frame) -> Result<(), Fault> {
        let (body, cut) = self.records.body(frame);
        let chunk = chunk::open(&body, cut.is_some());
        drop(body);
        let mut fault = chunk.fault;
        for span in chunk::spans(&chunk.data) {
            let taken = span.and_then(|span| self.take(span, &chunk.data));
            fault = fault.or(taken.err());
        }
        self.data = chunk.data;
        self.queue.make_contiguous().sort_by_key(|message| message.received);
        if let Some(cut) = cut {
            return Err(cut);
        }
        // The next record stands behind the chunk whatever is wrong within it.
        self.fault = fault.map(|what| Fault { at: frame.at, what });
        Ok(())
    }

    /// A record outside of chunks.
    fn single(&mut self, frame: Frame) -> Result<(), Fault> {
        let data = self.records.whole_body(frame)?;
        let span = Span { opcode: frame.opcode, start: 0, end: data.len() };
        let taken = self.take(span, &data);
        self.data = data;
        self.fault = taken.err().map(|what| Fault { at: frame.at, what });
        Ok(())
    }

    /// Takes note of a record in `data`, which is to become the present data.
    fn take(&mut self, span: Span, data: &[u8]) -> Result<(), String> {
        if !matches!(span.opcode, op::CHANNEL | op::MESSAGE) {
            return Ok(());
        }
        let body = data.get(span.start..span.end).unwrap_or_default();
        let record = parse(span.opcode, body);
        match record.map_err(|fault| crate::bag::error::with_sources(&fault))? {
            Record::Channel(channel) => {
                let topic = self.wanted.get(&channel.topic).copied();
                self.channels.insert(channel.id, topic);
            }
            Record::Message { header, data } => match self.channels.get(&header.channel_id) {
                Some(&Some(topic)) => self.queue.push_back(Queued {
                    received: header.log_time,
                    topic,
                    start: span.end - data.len(),
                    end: span.end,
                }),
                Some(None) => {}
                None => {
                    let channel = header.channel_id;
                    return Err(format!("a message of the undeclared channel {channel}"));
                }
            },
            _ => {}
        }
        Ok(())
    }

    fn give(&self, message: &Queued) -> Message {
        let data = self.data.get(message.start..message.end);
        Message {
            topic: message.topic,
            received: i64::try_from(message.received).unwrap_or(i64::MAX),
            data: data.unwrap_or_default().to_vec(),
        }
    }
}

impl Iterator for McapMessages {
    type Item = Result<Message, BagError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.queue.pop_front() {
                return Some(Ok(self.give(&message)));
            }
            if let Some(Fault { at, what }) = self.fault.take() {
                return Some(Err(BagError::Damaged {
                    path: self.path.clone(),
                    place: format!("at byte {at}"),
                    fault: what,
                }));
            }
            if self.stage == Stage::Ended {
                return None;
            }
            if let Err(fault) = self.advance() {
                // The thread from record to record is lost.
                self.stage = Stage::Ended;
                self.fault = Some(fault);
            }
        }
    }
}
