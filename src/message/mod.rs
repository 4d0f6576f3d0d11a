//! The ROS messages the project reads and writes, as CDR bytes.
//!
//! [`decode`] borrows pixel data from the message it is given and [`encode`] writes into a buffer
//! the caller keeps, so that an image is copied only where it must be. Knows the layout of these
//! few messages; knows nothing of topics, bags, encodings of pixels or masks.

mod bond;
mod cdr;
mod debug;
mod definition;
mod diagnostic;
mod lifecycle;
mod parameter;
mod statistics;
mod types;

pub use bond::BondStatus;
pub use cdr::{MessageError, decode, encode, encode_head, to_vec};
pub use debug::{Float64, Float64Stamped};
pub use definition::{Message, MessageType};
pub use diagnostic::{DiagnosticArray, DiagnosticStatus, KeyValue, Level};
pub use lifecycle::{LifecycleState, LifecycleTransition, TransitionEvent};
pub use parameter::{ParameterEvent, ParameterMessage, ParameterValue};
pub use statistics::{MetricsMessage, StatisticDataPoint, StatisticKind};
pub use types::{CameraInfo, CompressedImage, Image, LabelInfo, RegionOfInterest, VisionClass};

#[cfg(test)]
mod golden;
