//! Bags as files: the real ones, those written here, and broken ones.

mod common;
mod damaged;
mod hostile;
mod opened;
mod real;
#[path = "../common/recorded.rs"]
mod recorded;
mod written;
