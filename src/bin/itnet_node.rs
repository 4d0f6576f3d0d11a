//! `itnet_node`: the live node. Its own arguments, and everything else to `itnet::ros`.

use std::process::ExitCode;

use clap::Parser;

/// Semantic segmentation of camera topics under a time budget for every frame, as a ROS 2 node.
///
/// Everything is set through ROS: `--ros-args -r image:=/camera/image_raw -p budget_ms:=20.0 --params-file FILE`.
/// `itnet params` lists the parameters.
#[derive(Debug, Parser)]
#[command(name = "itnet_node", version, max_term_width = 100)]
struct Args {}

fn main() -> ExitCode {
    let all: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let Args {} = Args::parse_from(itnet::ros::args::without_ros_args(&all));
    match itnet::ros::r2r::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}
