//! itnet.
#![forbid(unsafe_code)]
