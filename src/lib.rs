//! `itnet`: semantic segmentation of camera frames under a time budget.
//!
//! One frame travels a straight line:
//!
//! ```text
//! camera frame -> decode -> tensor -> anytime run -> mask -> publish
//! ```
//!
//! Live and replay differ only in the first word and the last.
//!
//! | module | what it is |
//! |---|---|
//! | [`frame`], [`mask`] | values that are valid once built: pixels with a header; one class a pixel |
//! | [`clock`] | the steady clock and its scripted twin; nothing else reads the time |
//! | [`decode`], [`tensor`], [`render`] | compressed or raw pixels to the network's input, and its logits back to a mask |
//! | [`model`] | the bundle on disk and the staged network behind one trait |
#![forbid(unsafe_code)]

pub mod anytime;
pub mod bag;
pub mod cli;
pub mod clock;
pub mod compute;
pub mod decode;
pub mod eval;
pub mod frame;
pub mod mailbox;
pub mod mask;
pub mod message;
pub mod model;
pub mod params;
pub mod pipeline;
pub mod render;
pub mod replay;
pub mod report;
pub mod scene;
pub mod score;
pub mod tensor;
