//! The ROS messages the project reads and writes, as CDR bytes.
//!
//! [`decode`] borrows pixel data from the message it is given and [`encode`] writes into a buffer
//! the caller keeps, so that an image is copied only where it must be. Knows the layout of these
//! few messages; knows nothing of topics, bags, encodings of pixels or masks.

mod cdr;
mod definition;
mod types;

pub use cdr::{MessageError, decode, encode, to_vec};
pub use definition::{Message, MessageType};
pub use types::{CameraInfo, CompressedImage, Image, LabelInfo, RegionOfInterest, VisionClass};
