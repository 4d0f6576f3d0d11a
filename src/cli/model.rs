//! Opening a model bundle for a command.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::clock::{Clock, SystemClock};
use crate::compute::Compute;
use crate::model::Bundle;
use crate::pipeline::{Pipeline, Settings};
use crate::tensor::InputSpec;

/// The bundle that is used where none is named.
pub const DEFAULT: &str = "models/itnet-s";

/// Loads the bundle in `dir`; a relative folder that is not here is looked for where an installed itnet has its models.
pub fn load(dir: &Path) -> anyhow::Result<Bundle> {
    let found = find(dir);
    if !found.is_dir() {
        anyhow::bail!("no model bundle at {}: give a folder that holds manifest.json with --model", dir.display());
    }
    Bundle::load(&found).with_context(|| format!("model bundle {}", found.display()))
}

fn find(dir: &Path) -> PathBuf {
    if dir.exists() || dir.is_absolute() {
        return dir.to_owned();
    }
    // bin/itnet or lib/itnet/itnet -> share/itnet
    let installed = std::env::current_exe().ok().and_then(|exe| {
        let up = exe.ancestors().skip(2).take(2).map(|prefix| prefix.join("share/itnet").join(dir));
        up.into_iter().find(|path| path.exists())
    });
    installed.unwrap_or_else(|| dir.to_owned())
}

/// What the bundle's input looks like.
pub fn input(bundle: &Bundle) -> InputSpec {
    let input = &bundle.manifest().input;
    InputSpec { size: input.size(), mean: input.mean, std: input.std }
}

/// The machine's clock, shared.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// A pipeline that is warm: on as many of `threads` as are ours, with the share of compute that a cgroup leaves.
pub fn pipeline(
    bundle: &Bundle,
    threads: usize,
    settings: Settings,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Pipeline> {
    let compute = Compute::read();
    let used = compute.threads(threads);
    if used < threads {
        tracing::warn!("{threads} threads asked for, {used} used: {} CPUs are ours{}", compute.cpus, quota(compute));
    }
    let share = compute.share(settings.share, used);
    if share < settings.share {
        tracing::warn!("compute share {share:.2} instead of {}{}", settings.share, quota(compute));
    }
    let session = bundle.session(used)?;
    let settings = Settings { share, ..settings };
    Ok(Pipeline::new(Box::new(session), input(bundle), Arc::clone(clock), settings)?)
}

fn quota(compute: Compute) -> String {
    compute.quota.map_or_else(String::new, |cpus| format!(", the cgroup allows {cpus:.2} CPUs"))
}
