//! Bags of rosbag2 without ROS: reading and writing recorded messages.
//!
//! A [`Bag`] is a folder with its metadata.yaml, a folder that lost it, or one bare file; the
//! storage is MCAP or sqlite3, compressed in any of rosbag2's ways. What a file is, its first
//! bytes say, not its name. Reading streams: it keeps one chunk (MCAP) or one message (sqlite3)
//! in memory. A cut off or damaged bag gives everything before the fault, then one error.
//!
//! A [`BagWriter`] writes such a folder so that what was written can be read when the process is
//! killed at any moment.
//!
//! Messages are bytes here: this module knows nothing of images, masks or cameras.

mod compression;
mod error;
mod files;
mod locate;
mod mcap;
mod metadata;
mod qos;
mod reader;
mod sqlite;
mod survey;
mod topic;
mod writer;

pub use crate::qos::Qos;
pub use error::BagError;
pub use reader::{Bag, Message, Messages};
pub use topic::Topic;
pub use writer::{BagWriter, Existing, Storage, TopicId};
