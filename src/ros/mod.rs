//! What the live node is, without the library that connects it.
//!
//! ```text
//! edge -> node -> network -> worker -> pipeline
//!          |         \-> cameras, pictures
//!          \-> parameters, lifecycle, autostart, bond, reports
//! ```
//!
//! Names, quality of service, parameters, lifecycle, cameras and reports as ROS 2 has them, on whatever [`Edge`](edge::Edge) it is given. The one
//! there is stands in `r2r`, behind the feature `ros`, and nothing else names that library. Knows nothing of bags.

pub mod args;
mod autostart;
mod bond;
mod calibration;
mod cameras;
mod debug;
pub mod diagnostics;
pub mod edge;
mod event;
pub mod lifecycle;
mod masks;
pub mod name;
mod network;
mod node;
mod output;
pub mod overrides;
pub mod parameters;
mod pictures;
pub mod qos;
#[cfg(feature = "ros")]
pub mod r2r;
pub mod remap;
mod reports;
pub mod statistics;
pub mod window;
mod worker;

pub use node::{Node, NodeError, Reply};
