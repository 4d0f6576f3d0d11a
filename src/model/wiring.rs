//! How the graphs of a bundle fit together: which tensor goes where.
//!
//! Knows names and shapes; reads no file and runs nothing.

use std::path::Path;

use super::error::BundleError;
use super::info::TensorInfo;
use super::manifest::Manifest;
use super::tract::Graph;

/// A step or exit with its wiring. A slot is the position of a tensor among data's outputs.
pub(super) struct Stage {
    pub graph: Graph,
    /// The slot of each input.
    pub takes: Vec<usize>,
    /// The slot that each output replaces; empty for an exit.
    pub gives: Vec<usize>,
}

/// Checks a graph against data's and gives it its place.
pub(super) type Wire = fn(&Path, Graph, &Graph, &Manifest) -> Result<Stage, BundleError>;

/// Data takes the image alone, of the manifest's size.
pub(super) fn check_data(file: &Path, data: &Graph, manifest: &Manifest) -> Result<(), BundleError> {
    let size = manifest.input.size();
    let image = [1, 3, size.height as usize, size.width as usize];
    let input = only(file, "image", &data.inputs)?;
    if input.shape != image {
        let expected = format!("the manifest's input, shape {image:?}");
        return Err(mismatch(file, input, expected));
    }
    Ok(())
}

/// A step takes some of data's outputs and gives `<state>_next` for at least one of them, of the same shape.
pub(super) fn wire_step(file: &Path, graph: Graph, data: &Graph, _: &Manifest) -> Result<Stage, BundleError> {
    let takes = slots(file, &graph.inputs, data)?;
    if graph.outputs.is_empty() {
        return Err(tensor(file, "<state>_next", "at least one", "no output"));
    }
    let give = |output: &TensorInfo| {
        let state = output.name.strip_suffix("_next");
        let slot = state.and_then(|state| data.outputs.iter().position(|known| known.name == state));
        let Some((slot, known)) = slot.and_then(|slot| Some((slot, data.outputs.get(slot)?))) else {
            let expected = format!("`<state>_next` for a state among data's outputs: {}", names(&data.outputs));
            return Err(tensor(file, &output.name, &expected, "another name"));
        };
        if output.shape != known.shape {
            let expected = format!("the shape of `{}`, {:?}", known.name, known.shape);
            return Err(mismatch(file, output, expected));
        }
        Ok(slot)
    };
    let gives = graph.outputs.iter().map(give).collect::<Result<_, _>>()?;
    Ok(Stage { graph, takes, gives })
}

/// An exit takes some of data's outputs and gives the logits alone, one channel a class.
pub(super) fn wire_exit(file: &Path, graph: Graph, data: &Graph, manifest: &Manifest) -> Result<Stage, BundleError> {
    let takes = slots(file, &graph.inputs, data)?;
    let logits = only(file, "logits", &graph.outputs)?;
    let classes = manifest.classes.len();
    match logits.shape.as_slice() {
        [1, channels, height, width] if *channels == classes && height * width > 0 => {}
        _ => {
            let expected = format!("shape [1, {classes}, h, w], {classes} being the manifest's number of classes");
            return Err(mismatch(file, logits, expected));
        }
    }
    Ok(Stage { graph, takes, gives: Vec::new() })
}

/// The slot of every input.
fn slots(file: &Path, inputs: &[TensorInfo], data: &Graph) -> Result<Vec<usize>, BundleError> {
    let slot = |input: &TensorInfo| {
        let found = data.outputs.iter().enumerate().find(|(_, known)| known.name == input.name);
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
fn only<'a>(file: &Path, name: &str, tensors: &'a [TensorInfo]) -> Result<&'a TensorInfo, BundleError> {
    match tensors {
        [one] if one.name == name => Ok(one),
        [] => Err(tensor(file, name, "this tensor", "none")),
        others => Err(tensor(file, name, "this tensor alone", &names(others))),
    }
}

fn names(tensors: &[TensorInfo]) -> String {
    let names: Vec<String> = tensors.iter().map(|tensor| format!("`{}`", tensor.name)).collect();
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
