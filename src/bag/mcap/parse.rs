//! Parses a record once the lengths in it are true.
//!
//! The `mcap` crate takes memory for a text before it looks whether the text is there: forty bytes could ask for four gigabytes.

use std::borrow::Cow;

use ::mcap::records::{Record, op};
use ::mcap::{McapError, parse_record};

/// The record of `opcode` in `body`. Kinds that no reader of ours asks for are unknown ones, whatever is in them.
pub(super) fn parse(opcode: u8, body: &[u8]) -> Result<Record<'_>, McapError> {
    let whole = match opcode {
        // Number; name, encoding; data, whose length the crate checks.
        op::SCHEMA => body.get(2..).and_then(two_texts).is_some(),
        op::CHANNEL => is_whole_channel(body).is_some(),
        op::MESSAGE | op::STATISTICS | op::FOOTER => true,
        _ => return Ok(Record::Unknown { opcode, data: Cow::Borrowed(body) }),
    };
    if !whole {
        return Err(McapError::UnexpectedEof);
    }
    // What the crate's parser says of a record has a backtrace in it.
    parse_record(opcode, body).map_err(|fault| match fault {
        McapError::Parse(_) => McapError::UnexpectedEof,
        other => other,
    })
}

/// Number, schema; topic, encoding; the bytes of a map from text to text. `None` where a text is cut off.
fn is_whole_channel(body: &[u8]) -> Option<()> {
    let (length, mut rest) = number(two_texts(body.get(4..)?)?)?;
    let after = rest.len().saturating_sub(length);
    while rest.len() > after {
        rest = two_texts(rest)?;
    }
    Some(())
}

/// What is left after two texts.
fn two_texts(bytes: &[u8]) -> Option<&[u8]> {
    let text = |bytes| number(bytes).and_then(|(length, rest): (_, &[u8])| rest.get(length..));
    text(bytes).and_then(text)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: [u8; 5] = [1, 0, 0, 0, b'a'];
    const LONG: [u8; 5] = [0xff, 0xff, 0xff, 0xff, b'a'];

    fn channel(texts: [[u8; 5]; 4], map: u32) -> Vec<u8> {
        let [topic, encoding, key, value] = texts;
        [&[1, 0, 0, 0][..], &topic, &encoding, &map.to_le_bytes(), &key, &value].concat()
    }

    #[test]
    fn a_text_that_is_longer_than_its_record_is_refused_before_memory_is_taken_for_it() {
        assert!(parse(op::CHANNEL, &channel([TEXT; 4], 10)).is_ok());
        for wrong in 0..4 {
            let mut texts = [TEXT; 4];
            texts[wrong] = LONG;
            assert!(is_whole_channel(&channel(texts, 10)).is_none());
        }
        for wrong in [[LONG, TEXT], [TEXT, LONG]] {
            assert!(parse(op::SCHEMA, &[&[1, 0][..], &wrong.concat(), &[0; 4]].concat()).is_err());
        }
    }

    #[test]
    fn a_map_that_is_longer_than_its_record_is_an_error_of_the_parser() {
        let body = channel([TEXT; 4], u32::MAX);
        assert!(is_whole_channel(&body).is_some());
        assert!(parse(op::CHANNEL, &body).is_err());
    }

    #[test]
    fn a_record_cut_anywhere_is_an_error() {
        let body = channel([TEXT; 4], 10);
        for end in 0..body.len() {
            assert!(parse(op::CHANNEL, &body[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn what_no_reader_asks_for_is_not_looked_into() {
        for opcode in [op::HEADER, op::ATTACHMENT, op::METADATA, op::CHUNK_INDEX, 0, 0xff] {
            let body = [LONG, TEXT].concat();
            assert!(matches!(parse(opcode, &body), Ok(Record::Unknown { data, .. }) if *data == body[..]));
        }
    }
}
