//! The command line of itnet: `itnet --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    itnet::cli::main()
}
