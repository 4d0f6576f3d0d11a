//! Signals that end a program, as far as it was not started to ignore them.

use nix::sys::signal::{SigSet, Signal};

/// `ctrlc` also installs a handler for SIGHUP, which would undo `nohup`. If the program was started with SIGHUP ignored, this blocks the signal instead;
/// threads that are started later inherit that, so it has to be called before there are any.
pub fn keep_hangups_ignored() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if ignores_hangups(&status) {
        // What is refused leaves a program that ends by SIGHUP.
        let _ = SigSet::from(Signal::SIGHUP).thread_block();
    }
}

/// Whether SIGHUP, the first of the bits, is ignored by a process of this `/proc/<pid>/status`.
fn ignores_hangups(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).is_some_and(|bits| bits & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_of_what_is_ignored_is_that_of_hangups() {
        let status = |bits: &str| format!("Name:\titnet\nSigBlk:\t0000000000000001\nSigIgn:\t{bits}\nSigCgt:\t0\n");
        assert!(ignores_hangups(&status("0000000000001001")));
        assert!(!ignores_hangups(&status("0000000000001000")));
        assert!(!ignores_hangups("") && !ignores_hangups(&status("?")));
    }
}
