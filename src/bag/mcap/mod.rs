//! Bags stored as MCAP.
//!
//! Records are parsed and written by the `mcap` crate; files are walked here, record by record,
//! because a cut off chunk must still give the messages before the cut.

mod chunk;
mod parse;
mod read;
mod records;
mod survey;
mod write;

pub(super) use read::McapMessages;
pub(super) use survey::{survey, survey_stream};
pub(super) use write::McapSink;
