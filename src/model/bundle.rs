//! A model bundle: a folder with a manifest and graphs, checked as a whole when it is loaded.
//!
//! Knows what a loaded bundle is; reading files is `files`' work, fitting graphs together `wiring`'s, running them `tract`'s.

use std::path::Path;
use std::sync::Arc;

use super::error::BundleError;
use super::files::{read_graph, read_manifest};
use super::info::{GraphInfo, TensorInfo};
use super::manifest::{GraphFile, Manifest};
use super::precision::{Chosen, Wanted};
use super::session::Session;
use super::tract::{Graph, Ports, Threads};
use super::wiring::{Stage, Wire, check_data, wire_exit, wire_step};
use crate::kernels::{Normalise, Order, Precision};

/// A checked bundle. Never changes; cloning shares it, so that every camera can have a [`Session`] of the same graphs.
#[derive(Clone)]
pub struct Bundle(Arc<Parts>);

struct Parts {
    manifest: Manifest,
    infos: Vec<GraphInfo>,
    /// The slots that steps update.
    state: Vec<usize>,
    state_infos: Vec<TensorInfo>,
    stages: Stages,
    chosen: Chosen,
}

/// The graphs by stage, wired to the frame's slots.
pub(super) struct Stages {
    pub data: Graph,
    pub steps: Vec<Stage>,
    pub exits: Vec<Stage>,
}

impl Bundle {
    /// Reads the bundle in `dir` and checks all of it: the manifest, each file's hash, the names and shapes of every tensor, and by
    /// one trial run on zeros that the graphs work and give finite logits.
    ///
    /// Nothing is rounded: the convolutions multiply f32.
    pub fn load(dir: &Path) -> Result<Self, BundleError> {
        Self::load_in(dir, Wanted::F32)
    }

    /// The same in another precision; [`chosen`](Self::chosen) says what became of it.
    pub fn load_in(dir: &Path, wanted: Wanted) -> Result<Self, BundleError> {
        let manifest = read_manifest(&dir.join("manifest.json"))?;
        let files = &manifest.files;
        let chosen = Chosen::here(wanted, &manifest.accuracy);
        // The image and the logits are planes; what goes from graph to graph lies as our kernels want it.
        let [planes, between] = [Order::Planes, chosen.state_order()];
        let image = Some(Normalise::new(manifest.input.mean, manifest.input.std));
        let data = read_graph(dir, &files.data, Ports { image, ..Ports::new(planes, between) }, &chosen)?;
        check_data(&dir.join(&files.data.path), &data, &manifest)?;
        let stages = |files: &[GraphFile], wire: Wire, ports: Ports| -> Result<Vec<Stage>, BundleError> {
            let stage = |file: &GraphFile| {
                wire(&dir.join(&file.path), read_graph(dir, file, ports, &chosen)?, &data, &manifest)
            };
            files.iter().map(stage).collect()
        };
        let steps = stages(&files.steps, wire_step, Ports::new(between, between))?;
        let exits = stages(&files.exits, wire_exit, Ports::new(between, planes))?;
        let stages = Stages { data, steps, exits };
        let (infos, state) = (infos(&manifest, &stages), state(&stages));
        let state_infos = state.iter().filter_map(|slot| stages.data.outputs.get(*slot)).cloned().collect();
        let bundle = Self(Arc::new(Parts { infos, state, state_infos, manifest, stages, chosen }));
        bundle.session(1)?.rehearse(dir)?;
        Ok(bundle)
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// What it multiplies, and why.
    pub fn chosen(&self) -> &Chosen {
        &self.0.chosen
    }

    /// What every graph costs: data, then the steps, then the exits.
    pub fn graphs(&self) -> &[GraphInfo] {
        &self.0.infos
    }

    /// Multiply-accumulates of a cold frame that takes only the exit after `exit` iterations (from 1).
    pub fn macs_to(&self, exit: usize) -> u64 {
        self.macs_after(0, exit)
    }

    /// The same of a frame that leaves out the first `skipped` steps, as warm ones do.
    pub fn macs_after(&self, skipped: usize, exit: usize) -> u64 {
        let files = &self.manifest().files;
        let (steps, exits) = (files.steps.len(), files.exits.len());
        let macs = |index: usize| self.graphs().get(index).map_or(0, |graph| graph.macs);
        let run: u64 = (1..=exit).map(|iteration| macs((skipped + iteration).min(steps))).sum();
        macs(0) + run + macs(steps + (skipped + exit).min(exits))
    }

    /// The tensors that steps update, in data's order. Data's other outputs stay as they are within a frame.
    pub fn state(&self) -> &[TensorInfo] {
        &self.0.state_infos
    }

    /// Bytes of the state of one frame.
    pub fn state_bytes(&self) -> usize {
        let order = self.chosen().state_order();
        let value = if order == Order::Rounded { size_of::<u16>() } else { size_of::<f32>() };
        let values = |shape: &[usize]| match shape {
            [1, channels, height, width] => order.unit(*channels) * height * width,
            other => other.iter().product(),
        };
        self.state().iter().map(|info| values(&info.shape) * value).sum()
    }

    /// The slots of [`state`](Self::state).
    pub(super) fn state_slots(&self) -> &[usize] {
        &self.0.state
    }

    /// Whether the other one is a clone of this.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A session with its own state on `threads` threads, 1 to 256. With 1 everything runs on the caller's thread.
    pub fn session(&self, threads: usize) -> Result<Session, BundleError> {
        let refused = |reason| BundleError::Session { threads, reason };
        let pool = Threads::new(threads).map_err(refused)?;
        Session::new(self.clone(), &pool).map_err(refused)
    }

    pub(super) fn stages(&self) -> &Stages {
        &self.0.stages
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let manifest = self.manifest();
        write!(f, "Bundle({} {})", manifest.name, manifest.version)
    }
}

fn infos(manifest: &Manifest, stages: &Stages) -> Vec<GraphInfo> {
    let info = |(file, graph): (&GraphFile, &Graph)| GraphInfo {
        name: Path::new(&file.path).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
        macs: graph.macs,
        bf16_macs: graph.macs_in(Precision::Bf16),
        int8_macs: graph.macs_in(Precision::Int8),
        parameters: graph.parameters,
        nodes: graph.nodes(),
        inputs: graph.inputs.clone(),
        outputs: graph.outputs.clone(),
    };
    let files = &manifest.files;
    let steps = files.steps.iter().zip(stages.steps.iter().map(|stage| &stage.graph));
    let exits = files.exits.iter().zip(stages.exits.iter().map(|stage| &stage.graph));
    let data = std::iter::once((&files.data, &stages.data));
    data.chain(steps).chain(exits).map(info).collect()
}

fn state(stages: &Stages) -> Vec<usize> {
    let updated = |slot: &usize| stages.steps.iter().any(|step| step.gives.contains(slot));
    (0..stages.data.outputs.len()).filter(updated).collect()
}
