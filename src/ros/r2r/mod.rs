//! The node on r2r: the only place that names it.
//!
//! One thread spins, takes what came, answers services and keeps the time of whatever happens once a second: `spin_once` returns at once when a
//! message comes and otherwise after [`SPIN`], since nothing can wake it. Masks are published from the network's own thread. There is no async
//! runtime: the streams that r2r hands out are polled after each spin, so nothing waits in them.

mod edge;
mod log;
mod services;
mod time;
mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::args::unknown_ros_arg;
use super::name::NodeName;
use super::overrides::{OverrideError, parameter_overrides};
use super::remap::Names;
use super::{Node, NodeError};
use crate::caught::caught;
use crate::clock::{Clock, SystemClock};
use crate::signals;
use edge::R2rEdge;
use services::Services;

/// The longest wait for a message, and so the delay of what no message triggers.
const SPIN: Duration = Duration::from_millis(10);
/// The node's name where no `__node` remap gives another one.
const NAME: &str = "itnet";

/// Why the node does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The command line is not what ROS expects.
    #[error("ROS arguments: {0}")]
    Arguments(String),
    /// The ROS client library does not start.
    #[error("ROS 2 does not start: {0}")]
    Start(String),
    /// SIGINT, SIGTERM and SIGHUP cannot be caught.
    #[error("signals cannot be caught: {0}")]
    Signals(#[from] ctrlc::Error),
    /// A parameter on the command line.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The node itself.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Runs the node until SIGINT, SIGTERM, or SIGHUP where that is not ignored. Shut down through its lifecycle, it still answers, as a lifecycle manager expects.
pub fn run() -> Result<(), RunError> {
    signals::keep_hangups_ignored();
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    ctrlc::set_handler(move || set.store(true, Ordering::Relaxed))?;

    let args = arguments()?;
    if let Some(unknown) = unknown_ros_arg(&args) {
        return Err(RunError::Arguments(format!("`{unknown}` is none that ROS knows")));
    }
    let context = context()?;
    let node = ::r2r::Node::create(context, NAME, "").map_err(start)?;
    log::install(node.logger());
    let mut edge = R2rEdge::new(node);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let names =
        Names::from_args(&NodeName::new("/", NAME).map_err(NodeError::from)?, &args).map_err(NodeError::from)?;
    let set = parameter_overrides(&args, names.node())?;
    let mut node = Node::new(names, set, clock, &mut edge)?;
    let mut services = Services::new(&mut edge).map_err(NodeError::from)?;
    node.start(&mut edge);
    while !stop.load(Ordering::Relaxed) {
        edge.spin(SPIN);
        node.pump();
        services.serve(&mut node, &mut edge);
        node.tick(&mut edge);
    }
    node.shut_down(&mut edge);
    // What was said last still has to leave.
    edge.spin(SPIN);
    Ok(())
}

/// The command line as text; r2r would panic on what is none.
fn arguments() -> Result<Vec<String>, RunError> {
    let text = |arg: std::ffi::OsString| {
        arg.into_string().map_err(|arg| RunError::Arguments(format!("{} is no UTF-8", arg.to_string_lossy())))
    };
    std::env::args_os().map(text).collect()
}

/// The ROS context. r2r panics with rcl's words where the arguments are wrong.
fn context() -> Result<::r2r::Context, RunError> {
    caught(::r2r::Context::create).map_err(RunError::Arguments)?.map_err(start)
}

fn start(error: ::r2r::Error) -> RunError {
    RunError::Start(error.to_string())
}
