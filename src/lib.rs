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
//! | [`cli`] | one file a command; arguments, printing, exit codes |
//! | [`replay`] | a bag's cameras through the pipeline into a bag of masks |
//! | [`serve`] | the newest frames of all cameras through the pipeline, and rests between them |
//! | [`pipeline`] | the line above, with what is kept from frame to frame |
//! | [`camera`] | the messages about one mask: planes, run lengths, PNG, overlay, calibration, labels |
//! | [`mailbox`], [`report`] | one slot a camera, the newest frame wins; what became of every frame |
//! | [`ros`] | the live node, and behind the feature `ros` the library that connects it |
//! | [`eval`], [`score`] | every exit against labels; intersection over union |
//! | [`anytime`] | iterations under a deadline: stage costs, planner, loop, share of compute, a quota's periods |
//! | [`trace`] | recorded stage costs, and plans beside each other on them |
//! | [`bag`], [`message`] | rosbag2 without ROS, its messages as bytes; ROS messages as CDR |
//! | [`decode`], [`tensor`], [`render`] | compressed or raw pixels to the network's input, and its logits back to a mask |
//! | [`warm`] | whether a frame may start from the state of the one before |
//! | [`setup`] | from a bundle's folder to a warm pipeline |
//! | [`model`] | the bundle on disk and the staged network behind one trait |
//! | [`kernels`] | convolutions on this processor's vector units, and the threads that share work |
//! | [`params`], [`compute`] | the table of parameters and its files; the CPUs and the quota that are ours |
//! | [`scheduling`] | what the system is asked for on behalf of the network's threads |
//! | [`qos`], [`topics`] | quality of service as ROS 2 has it; the topics beside an image topic |
//! | [`scene`] | a rendered street with exact labels |
//! | [`frame`], [`mask`] | values that are valid once built: pixels with a header; one class a pixel |
//! | [`clock`] | the steady clock and its scripted twin; nothing else reads the time |
//! | `caught`, `signals` | panics of code that is not ours, as errors; hangups that were ignored |
#![deny(unsafe_code)]

pub mod anytime;
pub mod bag;
pub mod camera;
mod caught;
pub mod cli;
pub mod clock;
pub mod compute;
pub mod decode;
pub mod eval;
pub mod frame;
pub mod kernels;
pub mod mailbox;
pub mod mask;
pub mod message;
pub mod model;
pub mod params;
pub mod pipeline;
pub mod qos;
pub mod render;
pub mod replay;
pub mod report;
pub mod ros;
pub mod scene;
pub mod scheduling;
pub mod score;
pub mod serve;
pub mod setup;
mod signals;
pub mod tensor;
pub mod topics;
pub mod trace;
pub mod warm;
