//! The frames of an MCAP file: one byte of opcode, eight of length, then the record.

use std::io::{self, Read};

use crate::bag::compression::{LARGEST, read_up_to};

/// Bytes of opcode and length.
pub(super) const FRAME: usize = 9;

/// What is wrong at a byte of a file.
#[derive(Debug)]
pub(super) struct Fault {
    pub at: u64,
    pub what: String,
}

/// Opcode and length of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Byte of the file where it starts.
    pub at: u64,
    pub opcode: u8,
    pub length: u64,
}

/// Walks a stream record by record.
pub(super) struct Records<R> {
    input: R,
    /// Bytes read so far.
    at: u64,
}

impl<R: Read> Records<R> {
    /// Starts at byte `at` of a file, where `input` stands.
    pub fn new(input: R, at: u64) -> Self {
        Self { input, at }
    }

    /// Bytes read so far.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next frame; its record must be read or skipped before the one after.
    /// `None` where the stream ends between records.
    pub fn frame(&mut self) -> Result<Option<Frame>, Fault> {
        let at = self.at;
        let (head, fault) = self.bytes(FRAME as u64);
        if let Some(what) = fault {
            return Err(Fault { at, what });
        }
        let Some((&[opcode, ref length @ ..], _)) = head.split_first_chunk::<FRAME>() else {
            return match head.len() {
                0 => Ok(None),
                _ => Err(cut(at)),
            };
        };
        let length = u64::from_le_bytes(*length);
        if opcode == 0 {
            let what = "the bytes are no MCAP record".into();
            return Err(Fault { at, what });
        }
        Ok(Some(Frame { at, opcode, length }))
    }

    /// The record of `frame`, or what there is of it.
    pub fn body(&mut self, frame: Frame) -> (Vec<u8>, Option<Fault>) {
        if frame.length > LARGEST {
            let what = format!("a record of {} bytes is too long to be true", frame.length);
            return (Vec::new(), Some(Fault { at: frame.at, what }));
        }
        let (body, fault) = self.bytes(frame.length);
        let fault = match fault {
            Some(what) => Some(Fault { at: self.at, what }),
            None if (body.len() as u64) < frame.length => Some(cut(frame.at)),
            None => None,
        };
        (body, fault)
    }

    /// [`Records::body`] that takes only all of it.
    pub fn whole_body(&mut self, frame: Frame) -> Result<Vec<u8>, Fault> {
        match self.body(frame) {
            (body, None) => Ok(body),
            (_, Some(fault)) => Err(fault),
        }
    }

    /// Passes over the record of `frame`.
    pub fn skip(&mut self, frame: Frame) -> Result<(), Fault> {
        let mut record = Read::by_ref(&mut self.input).take(frame.length);
        let passed = io::copy(&mut record, &mut io::sink());
        let at = self.at;
        let passed = passed.map_err(|fault| Fault { at, what: fault.to_string() })?;
        self.at += passed;
        if passed < frame.length {
            return Err(cut(frame.at));
        }
        Ok(())
    }

    /// Up to `count` bytes, and why there are no more.
    pub fn bytes(&mut self, count: u64) -> (Vec<u8>, Option<String>) {
        let guess = usize::try_from(count.min(1 << 16)).unwrap_or(0);
        let input = Read::by_ref(&mut self.input).take(count);
        let read = read_up_to(input, count, guess);
        self.at += read.data.len() as u64;
        (read.data, read.fault.map(|fault| fault.to_string()))
    }
}

fn cut(at: u64) -> Fault {
    Fault { at, what: "the file ends within a record".into() }
}
