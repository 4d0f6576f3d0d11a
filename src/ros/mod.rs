//! What the live node is, without the library that connects it.
//!
//! Names, quality of service, lifecycle, diagnostics and statistics as ROS 2 has them: plain values and pure
//! functions. Knows nothing of a ROS installation, of sockets or threads, nor of bags.

pub mod args;
pub mod diagnostics;
pub mod event;
pub mod lifecycle;
pub mod name;
pub mod qos;
pub mod remap;
pub mod statistics;
pub mod window;
//! The node: what it is, apart from the library that carries its messages.

pub mod parameters;
