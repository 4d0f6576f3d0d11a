//! One chunk: its header, its content, the records in it.

use super::records::FRAME;
use crate::bag::compression::{LARGEST, believed, inflate};

/// The content of a chunk, decompressed.
pub(super) struct Chunk {
    /// Records, one after the other; the last may be cut where there is a fault.
    pub data: Vec<u8>,
    /// Why this is not all of it.
    pub fault: Option<String>,
}

/// Opens the chunk record `body`, which is `cut` off where the file ends in it.
///
/// Content with a fault other than the cut is dropped: where a checksum or the compression is
/// wrong, nobody knows which messages are right.
pub(super) fn open(body: &[u8], cut: bool) -> Chunk {
    match read(body, cut) {
        Ok(chunk) => chunk,
        Err(fault) => Chunk { data: Vec::new(), fault: Some(fault) },
    }
}

fn read(body: &[u8], cut: bool) -> Result<Chunk, String> {
    let mut header = Header(body);
    header.skip(16)?;
    let expected = u64::from_le_bytes(header.take()?);
    let checksum = u32::from_le_bytes(header.take()?);
    let compression = header.text()?;
    let compressed = u64::from_le_bytes(header.take()?);
    let mut records = header.0;
    let longest = if compression.is_empty() { LARGEST } else { believed(records.len()) };
    if expected > longest {
        let there = records.len();
        return Err(format!("a chunk of {expected} bytes out of {there} is too long to be true"));
    }
    match usize::try_from(compressed).ok().and_then(|n| records.get(..n)) {
        Some(all) => records = all,
        None if cut => {}
        None => {
            let there = records.len();
            return Err(format!("the chunk holds {there} of {compressed} bytes"));
        }
    }
    let inflated = inflate(compression, records, expected);
    let data = inflated.data;
    if cut {
        // The file's own fault says it all.
        return Ok(Chunk { data, fault: None });
    }
    if let Some(fault) = inflated.fault {
        return Err(format!("the chunk cannot be decompressed: {fault}"));
    }
    if (data.len() as u64) < expected {
        let there = data.len();
        return Err(format!("the chunk holds {there} of {expected} bytes"));
    }
    if checksum != 0 && crc32fast::hash(&data) != checksum {
        return Err("the chunk's checksum is wrong".into());
    }
    Ok(Chunk { data, fault: None })
}

/// What is left of a record.
struct Header<'a>(&'a [u8]);

impl<'a> Header<'a> {
    fn skip(&mut self, count: usize) -> Result<&'a [u8], String> {
        let Some((head, rest)) = self.0.split_at_checked(count) else {
            return Err("the chunk ends within its header".into());
        };
        self.0 = rest;
        Ok(head)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.skip(N)?);
        Ok(bytes)
    }

    fn text(&mut self) -> Result<&'a str, String> {
        let length = u32::from_le_bytes(self.take()?) as usize;
        let text = self.skip(length)?;
        std::str::from_utf8(text).map_err(|_| "the chunk's compression is no text".into())
    }
}

/// Where a record lies in a chunk's content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub opcode: u8,
    pub start: usize,
    pub end: usize,
}

/// The records of a chunk in their order, then perhaps a fault.
///
/// Found one by one: a list of them would be longer than the chunk where they are short.
pub(super) fn spans(data: &[u8]) -> impl Iterator<Item = Result<Span, String>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = data.get(at..).filter(|rest| !rest.is_empty())?;
        let found = span(rest, at);
        at = found.as_ref().map_or(data.len(), |span| span.end);
        Some(found)
    })
}

/// The record at the start of `rest`, which is what is left of a chunk from its byte `at`.
fn span(rest: &[u8], at: usize) -> Result<Span, String> {
    let Some((&[opcode, ref length @ ..], body)) = rest.split_first_chunk::<FRAME>() else {
        return Err(ends_within(at));
    };
    let start = at + FRAME;
    match usize::try_from(u64::from_le_bytes(*length)) {
        Ok(length) if length <= body.len() => Ok(Span { opcode, start, end: start + length }),
        _ => Err(ends_within(at)),
    }
}

fn ends_within(at: usize) -> String {
    format!("the chunk ends within the record at its byte {at}")
}
