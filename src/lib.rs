//! itnet.
#![forbid(unsafe_code)]

pub mod scene;
