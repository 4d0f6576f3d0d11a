//! Messages from and to CDR, with the four bytes ROS puts before it.
//!
//! Allocates at most what the message's own bytes hold: a length that reaches past the end is an
//! error before anything is reserved for it.

use std::io::{self, Write};

use byteorder::{BigEndian, ByteOrder, LittleEndian};
use cdr_encoding::CdrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};

use super::{Image, Message};

/// Bytes before the payload: the encapsulation's identifier and options.
const ENCAPSULATION: usize = 4;
/// Bytes that may follow the last field: senders pad to their alignment.
const PADDING: usize = 7;

/// Why bytes are not the message they should be.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Not even the encapsulation header is there.
    #[error("{message}: {length} bytes are too few for a message")]
    TooShort {
        /// Type of the message.
        message: &'static str,
        /// Bytes there are.
        length: usize,
    },
    /// Another encapsulation than plain CDR.
    #[error("{message}: encapsulation {id:#06x} ({name}) is not plain CDR")]
    Encapsulation {
        /// Type of the message.
        message: &'static str,
        /// Identifier of the encapsulation.
        id: u16,
        /// What it stands for.
        name: &'static str,
    },
    /// A field cannot be read.
    #[error("{message}: field `{field}` cannot be read at byte {at} of {length}: {fault}")]
    Field {
        /// Type of the message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// Byte of the message where reading stopped.
        at: usize,
        /// Bytes there are.
        length: usize,
        /// What is wrong.
        fault: cdr_encoding::Error,
    },
    /// More bytes than the fields account for.
    #[error("{message}: {extra} of {length} bytes follow the last field")]
    Trailing {
        /// Type of the message.
        message: &'static str,
        /// Bytes after the last field.
        extra: usize,
        /// Bytes there are.
        length: usize,
    },
    /// The message cannot be written.
    #[error("{message}: cannot be written as CDR: {fault}")]
    Encode {
        /// Type of the message.
        message: &'static str,
        /// What is wrong.
        fault: cdr_encoding::Error,
    },
    /// The message is too long for the 32-bit lengths of CDR.
    #[error("{message}: {length} bytes are more than CDR can say")]
    TooLong {
        /// Type of the message.
        message: &'static str,
        /// Bytes it would have.
        length: usize,
    },
}

/// Reads one message; byte sequences are borrowed from `bytes`.
///
/// # Errors
/// Encapsulations other than plain CDR, fields that reach past the end or hold what their type
/// forbids, and bytes left over after the last field.
pub fn decode<'a, T>(bytes: &'a [u8]) -> Result<T, MessageError>
where
    T: Message + Deserialize<'a>,
{
    let message = T::TYPE.name;
    let Some((header, payload)) = bytes.split_first_chunk::<ENCAPSULATION>() else {
        return Err(MessageError::TooShort { message, length: bytes.len() });
    };
    match u16::from_be_bytes([header[0], header[1]]) {
        0x0000 => decode_payload::<T, BigEndian>(payload),
        0x0001 => decode_payload::<T, LittleEndian>(payload),
        id => Err(MessageError::Encapsulation { message, id, name: encapsulation_name(id) }),
    }
}

fn decode_payload<'a, T, B>(payload: &'a [u8]) -> Result<T, MessageError>
where
    T: Message + Deserialize<'a>,
    B: ByteOrder,
{
    let message = T::TYPE.name;
    let length = payload.len() + ENCAPSULATION;
    let mut cdr = CdrDeserializer::<B>::new(payload);
    let mut field = "";
    let value = T::deserialize(Fields { cdr: &mut cdr, field: &mut field }).map_err(|fault| MessageError::Field {
        message,
        field,
        at: cdr.bytes_consumed() + ENCAPSULATION,
        length,
        fault,
    })?;
    let extra = payload.len() - cdr.bytes_consumed();
    if extra > PADDING {
        return Err(MessageError::Trailing { message, extra, length });
    }
    Ok(value)
}

fn encapsulation_name(id: u16) -> &'static str {
    match id {
        0x0002 | 0x0003 => "a parameter list",
        0x0006..=0x000b => "XCDR version 2",
        _ => "unknown",
    }
}

/// Writes `message` as little-endian CDR into `out`, whose former content is dropped.
///
/// The buffer grows at most once, to the exact length.
///
/// # Errors
/// A message longer than 32-bit lengths can express.
pub fn encode<T: Message + Serialize>(message: &T, out: &mut Vec<u8>) -> Result<(), MessageError> {
    let name = T::TYPE.name;
    let encode = |fault| MessageError::Encode { message: name, fault };
    let mut count = Count(ENCAPSULATION);
    cdr_encoding::to_writer::<T, LittleEndian, _>(&mut count, message).map_err(encode)?;
    let Count(length) = count;
    if u32::try_from(length).is_err() {
        return Err(MessageError::TooLong { message: name, length });
    }
    out.clear();
    out.reserve_exact(length);
    out.extend_from_slice(&[0, 1, 0, 0]);
    cdr_encoding::to_writer::<T, LittleEndian, _>(out, message).map_err(encode)
}

/// Writes an image message that has no data yet up to where `length` bytes of it are to follow, into `out`, whose former content is dropped: both together
/// are what [`encode`] writes of the whole.
///
/// # Errors
/// A message longer than 32-bit lengths can express.
pub fn encode_head(image: &Image<'_>, length: usize, out: &mut Vec<u8>) -> Result<(), MessageError> {
    encode(image, out)?;
    let message = Image::TYPE.name;
    let whole = out.len().saturating_add(length);
    let told = u32::try_from(length).ok().filter(|_| u32::try_from(whole).is_ok());
    let told = told.ok_or(MessageError::TooLong { message, length: whole })?;
    // The data is the last field, and its length is what is there of it.
    if let Some(last) = out.last_chunk_mut() {
        *last = told.to_le_bytes();
    }
    Ok(())
}

/// [`encode`] into a new buffer.
///
/// # Errors
/// As [`encode`].
pub fn to_vec<T: Message + Serialize>(message: &T) -> Result<Vec<u8>, MessageError> {
    let mut out = Vec::new();
    encode(message, &mut out)?;
    Ok(out)
}

/// Counts bytes instead of keeping them.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0 += buf.len();
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the outermost struct and notes which of its fields is being read.
struct Fields<'c, 'de, B> {
    cdr: &'c mut CdrDeserializer<'de, B>,
    field: &'c mut &'static str,
}

impl<'de, B: ByteOrder> Deserializer<'de> for Fields<'_, 'de, B> {
    type Error = cdr_encoding::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("a message is a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(FieldAccess { reader: self, left: fields.iter() })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct FieldAccess<'c, 'de, B> {
    reader: Fields<'c, 'de, B>,
    left: std::slice::Iter<'static, &'static str>,
}

impl<'de, B: ByteOrder> SeqAccess<'de> for FieldAccess<'_, 'de, B> {
    type Error = cdr_encoding::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Self::Error> {
        let Some(field) = self.left.next() else {
            return Ok(None);
        };
        *self.reader.field = field;
        seed.deserialize(&mut *self.reader.cdr).map(Some)
    }
}

#[cfg(test)]
mod tests;
