//! The fuzz targets on a stable toolchain: every seed, every input that was kept, and some mutations of both.
//!
//! `fuzz/README.md` tells how inputs come into `fuzz/regressions` and `fuzz/inputs`.

mod inputs;
mod largest;
mod mutate;
#[path = "../../fuzz/src/lib.rs"]
#[allow(dead_code, reason = "what libFuzzer needs")]
mod targets;
#[path = "../common/watched.rs"]
mod watched;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use largest::largest;
use mutate::Mutator;
use targets::{TARGETS, Target};

/// Mutations of each target's inputs that are tried where `ITNET_FUZZ_MUTATIONS` says nothing else.
const MUTATIONS: usize = 2000;
/// MiB that the whole run may take: far less than an input that claims to be large, far more than any needs.
const MOST_MIB: u64 = 1024;

/// Feeds a target; what it was fed lies in a file until it has returned, for the case that it takes the process down. Each test has files of its own.
fn feed(target: &Target, input: &[u8], test: &str) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{test}-{}", target.name));
    fs::write(&path, input).expect("writes");
    let (fed, most) = largest(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    assert!(fed.is_ok(), "target {} failed on {}", target.name, path.display());
    let limit = (target.largest_mib as usize) << 20;
    assert!(
        most <= limit,
        "target {} took {most} bytes at once, more than {limit}, for {}",
        target.name,
        path.display()
    );
    let peak = peak_mib();
    assert!(peak < MOST_MIB, "target {} took {peak} MiB for {}", target.name, path.display());
}

/// The most memory that this process ever had, in MiB; 0 where the system does not say.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0_u64) >> 10
}

#[test]
fn no_input_that_was_kept_makes_a_target_fail() {
    for target in &TARGETS {
        let inputs = [(target.seeds)(), inputs::regressions(target.name), inputs::kept(target.name)].concat();
        inputs.iter().for_each(|input| feed(target, input, "kept"));
    }
}

#[test]
fn no_mutation_makes_a_target_fail() {
    let asked = std::env::var("ITNET_FUZZ_MUTATIONS").map(|count| count.parse().expect("a number"));
    let mutations = asked.unwrap_or(MUTATIONS);
    for target in &TARGETS {
        let inputs = [(target.seeds)(), inputs::regressions(target.name), inputs::kept(target.name)].concat();
        let mut mutator = Mutator::new(inputs, target.longest);
        // A graph is loaded as a whole, which takes a while.
        let count = if target.name == "bundle" { mutations / 20 } else { mutations };
        (0..count).for_each(|_| feed(target, &mutator.next(), "mutated"));
    }
}

#[test]
fn every_folder_of_inputs_is_that_of_a_target() {
    for name in inputs::names() {
        assert!(TARGETS.iter().any(|target| target.name == name), "there is no target {name}");
    }
}

/// Writes what fuzzing starts from to `fuzz/corpus/<target>`.
#[test]
#[ignore = "a tool"]
fn unpack() {
    for target in &TARGETS {
        inputs::write_corpus(target.name, &[(target.seeds)(), inputs::kept(target.name)].concat());
    }
}

/// Packs what fuzzing left in `fuzz/corpus/<target>`, which should be minimised before.
#[test]
#[ignore = "a tool"]
fn pack() {
    TARGETS.iter().for_each(|target| inputs::pack_corpus(target.name));
}
