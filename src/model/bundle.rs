//! A model bundle: a folder with a manifest and graphs, checked as a whole when it is loaded.
//!
//! Knows files, hashes and how the graphs fit together; what reads and runs a graph stays in `tract`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::manifest::{GraphFile, Manifest, ManifestError};
use super::session::Session;
use super::tract::{Graph, GraphError, Threads};

/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// The largest graph file that is read, in bytes.
const MAX_GRAPH: u64 = 1 << 29;

/// An input or output of a graph: f32 of a static shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// Its name in the graph.
    pub name: String,
    /// Its sides, outermost first.
    pub shape: Vec<usize>,
}

/// What one graph costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GraphInfo {
    /// The name of its file, without folder and ending.
    pub name: String,
    /// Multiply-accumulates of one run.
    pub macs: u64,
    /// Number of f32 weights in the file. Weights that several files repeat are counted in each.
    pub parameters: u64,
    /// Number of nodes of the optimised graph: places at which it can be abandoned.
    pub nodes: usize,
    /// What it takes.
    pub inputs: Vec<TensorInfo>,
    /// What it gives.
    pub outputs: Vec<TensorInfo>,
}

/// A checked bundle. Never changes; cloning shares it, so that every camera can have a [`Session`] of the same graphs.
#[derive(Clone)]
pub struct Bundle(Arc<Parts>);

struct Parts {
    manifest: Manifest,
    infos: Vec<GraphInfo>,
    state: Vec<TensorInfo>,
    stages: Stages,
}

/// The graphs by stage, wired to the frame's slots.
pub(super) struct Stages {
    pub data: Graph,
    pub steps: Vec<Stage>,
    pub exits: Vec<Stage>,
}

/// A step or exit with its wiring. A slot is the position of a tensor among data's outputs.
pub(super) struct Stage {
    pub graph: Graph,
    /// The slot of each input.
    pub takes: Vec<usize>,
    /// The slot that each output replaces; empty for an exit.
    pub gives: Vec<usize>,
}

/// What can be wrong with a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// What should be a file of some size is not.
    #[error("{}: expected {expected}, got {got}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What would be right.
        expected: String,
        /// What is there.
        got: String,
    },
    /// The manifest says what it must not.
    #[error("{}: {source}", file.display())]
    Manifest {
        /// Which file.
        file: PathBuf,
        /// The fault.
        source: ManifestError,
    },
    /// A file is not the one the manifest was written for.
    #[error("{}: the manifest says sha256 {expected}, the file has {got}: it is damaged or was replaced", file.display())]
    Hash {
        /// Which file.
        file: PathBuf,
        /// The manifest's hash.
        expected: String,
        /// The file's hash.
        got: String,
    },
    /// A file is not a graph that can be run.
    #[error("{}: not a graph that can be run: {reason}", file.display())]
    Graph {
        /// Which file.
        file: PathBuf,
        /// The engine's own words.
        reason: String,
    },
    /// A graph's input or output is not what it must be.
    #[error("{}: tensor `{tensor}`: expected {expected}, got {got}", file.display())]
    Tensor {
        /// Which file.
        file: PathBuf,
        /// Which tensor.
        tensor: String,
        /// What would be right.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A session cannot be made.
    #[error("cannot run the model on {threads} threads: {reason}")]
    Session {
        /// The threads that were asked for.
        threads: usize,
        /// What stands against it.
        reason: String,
    },
}

impl Bundle {
    /// Reads the bundle in `dir` and checks all of it: the manifest, each file's hash, the names and shapes of every tensor, and by
    /// one trial run on zeros that the graphs work and give finite logits.
    pub fn load(dir: &Path) -> Result<Self, BundleError> {
        let manifest = read_manifest(&dir.join("manifest.json"))?;
        let files = &manifest.files;
        let data = read_graph(dir, &files.data)?;
        check_data(&dir.join(&files.data.path), &data, &manifest)?;
        let stages = |files: &[GraphFile], wire: Wire| -> Result<Vec<Stage>, BundleError> {
            let stage = |file: &GraphFile| {
                wire(
                    &dir.join(&file.path),
                    read_graph(dir, file)?,
                    &data,
                    &manifest,
                )
            };
            files.iter().map(stage).collect()
        };
        let steps = stages(&files.steps, wire_step)?;
        let exits = stages(&files.exits, wire_exit)?;
        let stages = Stages { data, steps, exits };
        let bundle = Self(Arc::new(Parts {
            infos: infos(&manifest, &stages),
            state: state(&stages),
            manifest,
            stages,
        }));
        bundle.session(1)?.rehearse(dir)?;
        Ok(bundle)
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// What every graph costs: data, then the steps, then the exits.
    pub fn graphs(&self) -> &[GraphInfo] {
        &self.0.infos
    }

    /// The tensors that steps update, in data's order. Data's other outputs stay as they are within a frame.
    pub fn state(&self) -> &[TensorInfo] {
        &self.0.state
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

/// Checks a graph against data's and gives it its place.
type Wire = fn(&Path, Graph, &Graph, &Manifest) -> Result<Stage, BundleError>;

fn check_data(file: &Path, data: &Graph, manifest: &Manifest) -> Result<(), BundleError> {
    let size = manifest.input.size();
    let image = [1, 3, size.height as usize, size.width as usize];
    let input = only(file, "image", &data.inputs)?;
    if input.shape != image {
        let expected = format!("the manifest's input, shape {image:?}");
        return Err(mismatch(file, input, expected));
    }
    Ok(())
}

fn wire_step(file: &Path, graph: Graph, data: &Graph, _: &Manifest) -> Result<Stage, BundleError> {
    let takes = slots(file, &graph.inputs, data)?;
    if graph.outputs.is_empty() {
        return Err(tensor(file, "<state>_next", "at least one", "no output"));
    }
    let give = |output: &TensorInfo| {
        let state = output.name.strip_suffix("_next");
        let slot =
            state.and_then(|state| data.outputs.iter().position(|known| known.name == state));
        let Some((slot, known)) = slot.and_then(|slot| Some((slot, data.outputs.get(slot)?)))
        else {
            let expected = format!(
                "`<state>_next` for a state among data's outputs: {}",
                names(&data.outputs)
            );
            return Err(tensor(file, &output.name, &expected, "another name"));
        };
        if output.shape != known.shape {
            let expected = format!("the shape of `{}`, {:?}", known.name, known.shape);
            return Err(mismatch(file, output, expected));
        }
        Ok(slot)
    };
    let gives = graph.outputs.iter().map(give).collect::<Result<_, _>>()?;
    Ok(Stage {
        graph,
        takes,
        gives,
    })
}

fn wire_exit(
    file: &Path,
    graph: Graph,
    data: &Graph,
    manifest: &Manifest,
) -> Result<Stage, BundleError> {
    let takes = slots(file, &graph.inputs, data)?;
    let logits = only(file, "logits", &graph.outputs)?;
    let classes = manifest.classes.len();
    match logits.shape.as_slice() {
        [1, channels, height, width] if *channels == classes && height * width > 0 => {}
        _ => {
            let expected = format!(
                "shape [1, {classes}, h, w], {classes} being the manifest's number of classes"
            );
            return Err(mismatch(file, logits, expected));
        }
    }
    Ok(Stage {
        graph,
        takes,
        gives: Vec::new(),
    })
}

/// The slot of every input.
fn slots(file: &Path, inputs: &[TensorInfo], data: &Graph) -> Result<Vec<usize>, BundleError> {
    let slot = |input: &TensorInfo| {
        let found = data
            .outputs
            .iter()
            .enumerate()
            .find(|(_, known)| known.name == input.name);
        let Some((slot, known)) = found else {
            let expected = format!("one of data's outputs: {}", names(&data.outputs));
            return Err(tensor(file, &input.name, &expected, "another name"));
        };
        if input.shape != known.shape {
            let expected = format!("shape {:?} as data gives it", known.shape);
            return Err(mismatch(file, input, expected));
        }
        Ok(slot)
    };
    inputs.iter().map(slot).collect()
}

/// The one tensor that must be there, under its name.
fn only<'a>(
    file: &Path,
    name: &str,
    tensors: &'a [TensorInfo],
) -> Result<&'a TensorInfo, BundleError> {
    match tensors {
        [one] if one.name == name => Ok(one),
        [] => Err(tensor(file, name, "this tensor", "none")),
        others => Err(tensor(file, name, "this tensor alone", &names(others))),
    }
}

fn names(tensors: &[TensorInfo]) -> String {
    let names: Vec<String> = tensors
        .iter()
        .map(|tensor| format!("`{}`", tensor.name))
        .collect();
    names.join(", ")
}

fn mismatch(file: &Path, info: &TensorInfo, expected: String) -> BundleError {
    tensor(file, &info.name, &expected, &format!("{:?}", info.shape))
}

fn tensor(file: &Path, tensor: &str, expected: &str, got: &str) -> BundleError {
    BundleError::Tensor {
        file: file.to_owned(),
        tensor: tensor.to_owned(),
        expected: expected.to_owned(),
        got: got.to_owned(),
    }
}

fn infos(manifest: &Manifest, stages: &Stages) -> Vec<GraphInfo> {
    let info = |(file, graph): (&GraphFile, &Graph)| GraphInfo {
        name: Path::new(&file.path)
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
        macs: graph.macs,
        parameters: graph.parameters,
        nodes: graph.nodes(),
        inputs: graph.inputs.clone(),
        outputs: graph.outputs.clone(),
    };
    let files = &manifest.files;
    let steps = files
        .steps
        .iter()
        .zip(stages.steps.iter().map(|stage| &stage.graph));
    let exits = files
        .exits
        .iter()
        .zip(stages.exits.iter().map(|stage| &stage.graph));
    let data = std::iter::once((&files.data, &stages.data));
    data.chain(steps).chain(exits).map(info).collect()
}

fn state(stages: &Stages) -> Vec<TensorInfo> {
    let updated = |slot: usize| stages.steps.iter().any(|step| step.gives.contains(&slot));
    let outputs = stages.data.outputs.iter().enumerate();
    outputs
        .filter(|(slot, _)| updated(*slot))
        .map(|(_, info)| info.clone())
        .collect()
}

fn read_manifest(file: &Path) -> Result<Manifest, BundleError> {
    let bytes = read_file(file, MAX_MANIFEST)?;
    let text = String::from_utf8(bytes).map_err(|error| BundleError::File {
        file: file.to_owned(),
        expected: "UTF-8 text".to_owned(),
        got: error.utf8_error().to_string(),
    })?;
    Manifest::parse(&text).map_err(|source| BundleError::Manifest {
        file: file.to_owned(),
        source,
    })
}

fn read_graph(dir: &Path, file: &GraphFile) -> Result<Graph, BundleError> {
    let path = dir.join(&file.path);
    let bytes = read_file(&path, MAX_GRAPH)?;
    let got: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if got != file.sha256 {
        return Err(BundleError::Hash {
            file: path,
            expected: file.sha256.clone(),
            got,
        });
    }
    Graph::read(&bytes).map_err(|error| match error {
        GraphError::Unusable(reason) => BundleError::Graph { file: path, reason },
        GraphError::Tensor {
            tensor,
            expected,
            got,
        } => BundleError::Tensor {
            file: path,
            tensor,
            expected,
            got,
        },
    })
}

/// The bytes of a regular file of 1 to `limit` bytes.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, BundleError> {
    let read = |source| BundleError::Read {
        file: path.to_owned(),
        source,
    };
    let metadata = std::fs::metadata(path).map_err(read)?;
    let got = match metadata.len() {
        _ if metadata.is_dir() => "a folder".to_owned(),
        _ if !metadata.is_file() => "something else".to_owned(),
        0 => "an empty one".to_owned(),
        length if length > limit => format!("{length} bytes"),
        _ => {
            let mut bytes = Vec::new();
            let file = File::open(path).map_err(read)?;
            file.take(limit).read_to_end(&mut bytes).map_err(read)?;
            return Ok(bytes);
        }
    };
    Err(BundleError::File {
        file: path.to_owned(),
        expected: format!("a file of at most {limit} bytes"),
        got,
    })
}
