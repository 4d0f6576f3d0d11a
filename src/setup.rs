//! From the folder of a bundle to a warm pipeline, for every command and the node alike.
//!
//! Knows where bundles are looked for, what compute is ours and how the network's threads are scheduled; knows nothing of frames, topics or
//! terminals.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Clock;
use crate::compute::{self, Compute, Limited};
use crate::model::{Bundle, BundleError, Chosen, Wanted};
use crate::pipeline::{FrameFault, Pipeline, Settings};
use crate::scheduling::{NoCpu, Placement, Refusal, Scheduling};
use crate::tensor::InputSpec;

/// The bundle that is used where none is named.
pub const DEFAULT_MODEL: &str = "models/itnet-s";

/// Why there is no pipeline.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No such folder.
    #[error("no model bundle at {}: expected a folder that holds manifest.json{}", path.display(), also(others))]
    NoBundle {
        /// The folder that was asked for.
        path: PathBuf,
        /// Where else it was looked for.
        others: Vec<PathBuf>,
    },
    /// The bundle cannot be used.
    #[error("model bundle {}: {reason}", path.display())]
    Bundle {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: Box<BundleError>,
    },
    /// There is no CPU to run on.
    #[error(transparent)]
    Cpu(#[from] NoCpu),
    /// The pipeline cannot be measured.
    #[error(transparent)]
    Line(#[from] FrameFault),
}

/// Loads the bundle in `dir`, looked for as [`find`] does, to multiply in the precision that is `wanted`.
pub fn load(dir: &Path, wanted: Wanted) -> Result<Bundle, SetupError> {
    let path = find(dir);
    if !path.is_dir() {
        return Err(SetupError::NoBundle { path: dir.to_owned(), others: elsewhere(dir) });
    }
    let bundle = Bundle::load_in(&path, wanted);
    let bundle = bundle.map_err(|error| SetupError::Bundle { path, reason: Box::new(error) })?;
    let Chosen { precision, replaced, reason, .. } = bundle.chosen();
    if *replaced {
        tracing::warn!("convolutions multiply in {}: {reason}", precision.name());
    } else {
        tracing::info!("convolutions multiply in {}: {reason}", precision.name());
    }
    Ok(bundle)
}

/// Where the bundle in `dir` is: a relative folder that is not here is looked for where an itnet that was installed, or built by cargo, has its models.
pub fn find(dir: &Path) -> PathBuf {
    let found = if dir.exists() { None } else { elsewhere(dir).into_iter().find(|path| path.exists()) };
    found.unwrap_or_else(|| dir.to_owned())
}

/// Where else a `dir` is looked for, by this program's path and the environment.
fn elsewhere(dir: &Path) -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    places(dir, &program, &std::env::var_os("AMENT_PREFIX_PATH").unwrap_or_default())
}

/// Where else a relative `dir` is looked for: `share/itnet` beside `bin/itnet` or `lib/itnet/itnet`, the repository of `target/release/itnet`, and
/// `share/itnet` of the ROS prefixes that have one: an installed program may be a link to the one that was built.
fn places(dir: &Path, program: &Path, prefixes: &OsStr) -> Vec<PathBuf> {
    if dir.is_absolute() {
        return Vec::new();
    }
    let above: Vec<&Path> = program.ancestors().skip(2).take(2).collect();
    let beside = above.iter().map(|prefix| prefix.join("share/itnet"));
    let installed = std::env::split_paths(prefixes).map(|prefix| prefix.join("share/itnet"));
    let installed = installed.filter(|share| share.is_absolute() && share.is_dir());
    let all = beside.chain(above.last().map(|repository| repository.to_path_buf())).chain(installed);
    let mut seen = BTreeSet::new();
    all.map(|folder| folder.join(dir)).filter(|path| seen.insert(path.clone())).collect()
}

fn also(others: &[PathBuf]) -> String {
    others.iter().map(|path| format!(", or at {}", path.display())).collect()
}

/// What the bundle's input looks like.
pub fn input(bundle: &Bundle) -> InputSpec {
    let input = &bundle.manifest().input;
    InputSpec { size: input.size(), mean: input.mean, std: input.std }
}

/// A pipeline that is warm, and what the system made of the wishes for its threads.
pub struct Ready {
    /// The pipeline. The thread that runs frames asks for the same [`Scheduling`] once, as the pipeline's own threads have it already.
    pub pipeline: Pipeline,
    /// Threads of the network: as many as were asked for, or those that are ours.
    pub threads: usize,
    /// How they are scheduled.
    pub placement: Placement,
    /// What the system refused; each was warned of.
    pub refused: Vec<Refusal>,
}

/// A pipeline that is warm: on as many of `threads` as are ours, scheduled as wished, within the quota of the cgroup.
pub fn pipeline(
    bundle: &Bundle,
    (threads, scheduling): (usize, &Scheduling),
    settings: Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Ready, SetupError> {
    // The network's threads inherit from the one that starts them; the caller stays as it is.
    std::thread::scope(|scope| {
        let making = scope.spawn(|| {
            let refused = scheduling.apply()?;
            refused.iter().for_each(|refusal| tracing::warn!("{refusal}"));
            let (pipeline, threads) = made(bundle, threads, settings, clock)?;
            Ok(Ready { pipeline, threads, placement: Placement::of_this_thread(), refused })
        });
        making.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// As many of the `wanted` threads as are ours; fewer are warned of.
pub fn threads(wanted: usize) -> usize {
    let compute = Compute::read();
    let used = compute.threads(wanted);
    if used < wanted {
        tracing::warn!("{wanted} threads asked for, {used} used: {} CPUs are ours{}", compute.cpus, allowed(compute));
    }
    used
}

fn made(
    bundle: &Bundle,
    threads: usize,
    settings: Settings,
    clock: &Arc<dyn Clock>,
) -> Result<(Pipeline, usize), SetupError> {
    let used = self::threads(threads);
    let limited = compute::limited(used, clock.as_ref());
    limited.iter().for_each(|limited| tell(limited, used));
    let unusable = |error| SetupError::Bundle { path: (&bundle.manifest().name).into(), reason: Box::new(error) };
    let session = bundle.session(used).map_err(unusable)?;
    Ok((Pipeline::new(Box::new(session), input(bundle), Arc::clone(clock), settings, (used, limited))?, used))
}

/// Says what a quota means for frames on so many threads.
fn tell(limited: &Limited, threads: usize) {
    let cpus = limited.quota.cpus();
    match cpus < threads as f64 {
        true => tracing::warn!("the cgroup allows {cpus:.2} CPUs: frames stop where their part of that is used"),
        false => tracing::info!(
            "the cgroup allows {cpus:.2} CPUs: frames stop where their part of what others leave is used"
        ),
    }
    if limited.began.is_none() {
        tracing::warn!(
            "the cgroup counts no periods of its quota in `cpu.stat`, so frames may be stopped in their midst"
        );
    }
}

fn allowed(compute: Compute) -> String {
    compute.quota.map_or_else(String::new, |quota| format!(", the cgroup allows {:.2} CPUs", quota.cpus()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_relative_bundle_is_looked_for_beside_the_program_and_in_its_repository() {
        let of = |program: &str| texts(&places(Path::new("models/m"), Path::new(program), OsStr::new("")));
        assert_eq!(
            of("/opt/lib/itnet/itnet"),
            ["/opt/lib/share/itnet/models/m", "/opt/share/itnet/models/m", "/opt/models/m"]
        );
        assert!(of("/src/target/release/itnet").contains(&"/src/models/m".to_owned()));
        assert_eq!(places(Path::new("/models/m"), Path::new("/opt/lib/itnet/itnet"), OsStr::new("/opt")).len(), 0);
    }

    #[test]
    fn a_linked_program_finds_the_bundle_by_the_prefixes_that_have_an_itnet_each_once() {
        let workspace = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| workspace.path().join(name);
        let (bundle, other) = (at("install/itnet/share/itnet/models/m"), at("install/other/share/other"));
        [&bundle, &other].into_iter().for_each(|folder| std::fs::create_dir_all(folder).expect("made"));
        let prefixes = [at("install/other"), PathBuf::new(), at("install/itnet"), at("install/itnet"), at("gone")];
        let prefixes = std::env::join_paths(prefixes).expect("no colons");
        let built = at("build/itnet/cargo/release/itnet_node");
        let found = places(Path::new("models/m"), &built, &prefixes);
        assert_eq!((found.len(), found.last()), (4, Some(&bundle)), "{found:?}");
        let installed = at("install/itnet/lib/itnet/itnet_node");
        let found = places(Path::new("models/m"), &installed, &prefixes);
        assert_eq!(found.iter().filter(|path| **path == bundle).count(), 1, "{found:?}");
    }
}
