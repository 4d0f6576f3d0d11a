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
//! | [`model`] | the bundle on disk and the staged network behind one trait |
#![forbid(unsafe_code)]

pub mod bag;
pub mod clock;
pub mod frame;
pub mod mask;
pub mod message;
pub mod model;
