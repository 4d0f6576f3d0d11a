//! The command line: one file a command. Parses, calls, prints, and makes exit codes; decides nothing else.

mod bench;
mod demo;
mod drawing;
mod eval;
mod info;
mod params;
mod plan_bench;
mod replay;
mod table;
mod worst;

use std::io::{IsTerminal, StdoutLock, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::clock::{Clock, SystemClock};
use crate::signals;

/// Semantic segmentation of camera frames under a time budget: live in ROS 2, or from rosbags without it.
#[derive(Debug, Parser)]
#[command(name = "itnet", version, max_term_width = 100)]
struct Cli {
    /// Say more: -v for what is done, -vv for everything
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a bag's cameras through the network into a bag of masks
    Replay(replay::Args),
    /// Show a model bundle: graphs, parameters, MACs, state, classes, accuracy of every exit
    Info(info::Args),
    /// Score every exit of a model against labelled images
    Eval(eval::Args),
    /// Time every stage of a model on this machine
    Bench(bench::Args),
    /// Compare the planner with an oracle and with simpler ones, on stage costs that `bench` recorded
    PlanBench(plan_bench::Args),
    /// Show the table of parameters, or print the files that are made from it
    Params(params::Args),
    /// Render a street, run it in real time and show what came of it
    Demo(demo::Args),
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// All was done.
    Done,
    /// Something was wrong with the input; what could be done was done, and the fault was told.
    Faulty,
    /// Ctrl-C; what was done is kept.
    Interrupted,
}

/// Runs the command line and makes the exit code: 0 done, 1 a fault (told on standard error), 2 wrong arguments, 130 interrupted.
pub fn main() -> ExitCode {
    signals::keep_hangups_ignored();
    let cli = Cli::parse();
    log(cli.verbose);
    let ended = match cli.command {
        Command::Replay(args) => replay::run(args),
        Command::Info(args) => info::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Bench(args) => bench::run(args),
        Command::PlanBench(args) => plan_bench::run(args),
        Command::Params(args) => params::run(args),
        Command::Demo(args) => demo::run(args),
    };
    match ended {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Faulty) => ExitCode::from(1),
        Ok(Ending::Interrupted) => ExitCode::from(130),
        // A closed pipe, as in `itnet info ... | head`, is no fault of ours.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tell(format_args!("error: {error:#}"));
            ExitCode::from(1)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let broken = |io: &std::io::Error| io.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(broken))
}

/// Writes a line to standard error. One that nobody reads any more ends nothing.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes to standard output. Whether anybody reads it changes nothing.
fn say(write: impl FnOnce(&mut StdoutLock<'_>) -> std::io::Result<()>) -> anyhow::Result<()> {
    match write(&mut std::io::stdout().lock()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output"),
    }
}

fn log(verbose: u8) {
    let level = match verbose {
        0 => "itnet=warn",
        1 => "itnet=info",
        _ => "itnet=debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into());
    let written = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .log_internal_errors(false);
    // On a terminal there are colours unless NO_COLOR is set. A second subscriber, in tests, is refused and not needed.
    let _ = match std::io::stderr().is_terminal() {
        true => written.try_init(),
        false => written.with_ansi(false).try_init(),
    };
}

/// The machine's clock, shared.
fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// A flag that Ctrl-C sets; a second Ctrl-C ends the process at once.
fn stop_on_ctrl_c() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        tell(format_args!("\nstopping; what is done is being written (Ctrl-C again to end at once)"));
    })?;
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
