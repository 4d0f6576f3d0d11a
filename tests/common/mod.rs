//! What several test programs share.
#![allow(dead_code, reason = "no test program uses all of it")]

pub mod onnx;
pub mod tiny;
