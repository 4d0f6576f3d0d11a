//! What the live node is, without the library that connects it.
//!
//! Names, quality of service, parameters, lifecycle, diagnostics and statistics as ROS 2 has them: plain values and pure functions. Knows nothing of
//! a ROS installation, of sockets or threads, nor of bags.

pub mod args;
pub mod diagnostics;
pub mod event;
pub mod lifecycle;
pub mod name;
pub mod parameters;
pub mod qos;
pub mod remap;
pub mod statistics;
pub mod window;
