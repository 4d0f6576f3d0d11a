//! What is fuzzed: for each parser one function that takes any bytes, and the small inputs that mutation starts from.
//!
//! The programs under `targets/` hand these functions to libFuzzer; `tests/fuzz.rs` of the crate above runs the same ones on a stable toolchain,
//! over all seeds and regressions. A function fails by panicking. Knows only what the crate makes public.

mod bags;
mod graphs;
mod messages;
mod pictures;
mod texts;

/// A parser under test.
pub struct Target {
    /// Its name: that of the program, and of its folders of inputs.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]),
    /// Inputs that it accepts, a few kB together.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// MiB of the largest single allocation that any input of at most [`Target::longest`] bytes justifies.
    pub largest_mib: u32,
    /// Bytes of the longest input that is tried.
    pub longest: usize,
}

/// All of them.
pub const TARGETS: [Target; 16] = [
    Target { name: "bundle", run: graphs::bundle, seeds: graphs::bundle_seeds, largest_mib: 64, longest: 4096 },
    Target { name: "cdr", run: messages::cdr, seeds: messages::cdr_seeds, largest_mib: 4, longest: 4096 },
    Target { name: "frame", run: pictures::frame, seeds: pictures::frame_seeds, largest_mib: 4, longest: 1024 },
    // Compressed pictures say how large they are, as those of `picture` do.
    Target { name: "image", run: messages::image, seeds: messages::image_seeds, largest_mib: 130, longest: 4096 },
    Target { name: "manifest", run: texts::manifest, seeds: texts::manifest_seeds, largest_mib: 4, longest: 8192 },
    Target { name: "mcap", run: bags::file, seeds: bags::mcap_seeds, largest_mib: 130, longest: 8192 },
    // A message may be compressed by itself, and a zstd frame ask for a window of up to 128 MiB.
    Target { name: "mcap_chunk", run: bags::chunk, seeds: bags::chunk_seeds, largest_mib: 130, longest: 4096 },
    Target { name: "metadata", run: bags::metadata, seeds: bags::metadata_seeds, largest_mib: 4, longest: 8192 },
    Target { name: "parameter", run: texts::parameter, seeds: texts::parameter_seeds, largest_mib: 4, longest: 1024 },
    Target {
        name: "parameters",
        run: texts::parameters,
        seeds: texts::parameters_seeds,
        largest_mib: 4,
        longest: 4096,
    },
    Target { name: "picture", run: pictures::picture, seeds: pictures::picture_seeds, largest_mib: 130, longest: 4096 },
    Target { name: "qos_overrides", run: texts::qos, seeds: texts::qos_seeds, largest_mib: 4, longest: 1024 },
    Target { name: "rle", run: pictures::rle, seeds: pictures::rle_seeds, largest_mib: 4, longest: 1024 },
    Target { name: "ros_args", run: texts::ros_args, seeds: texts::ros_args_seeds, largest_mib: 4, longest: 1024 },
    // Of a row that says 4 GiB of itself, sqlite lists the pages before it looks for the first: eight bytes each, of 512 bytes at least. And an
    // input may become a compressed file, as those of `zstd_bag` are.
    Target { name: "sqlite", run: bags::file, seeds: bags::sqlite_seeds, largest_mib: 130, longest: 32768 },
    Target { name: "zstd_bag", run: bags::file, seeds: bags::zstd_seeds, largest_mib: 130, longest: 8192 },
];

/// Feeds the target of that name.
///
/// # Panics
/// On a finding, and where there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of that name");
    (target.run)(data);
}
