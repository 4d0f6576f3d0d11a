//! Bundles: ONNX graphs behind a manifest that fits them.

#[path = "../../tests/common/mod.rs"]
mod common;

use common::onnx::{FLOAT, model, node, tensor, weights};
use common::tiny;
use itnet::model::Bundle;

/// The first byte says which of the three graphs of a small bundle the others replace.
pub fn bundle(data: &[u8]) {
    let Some((which, graph)) = data.split_first() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [mut first, mut step, mut exit] = graphs();
    match which % 3 {
        0 => first = graph.to_vec(),
        1 => step = graph.to_vec(),
        _ => exit = graph.to_vec(),
    }
    let (data, step, exit) = (("data.onnx", first), ("step.onnx", step), ("exit.onnx", exit));
    tiny::write_bundle(folder.path(), tiny::manifest(8, 6, 3, 2), data, &[step], &[exit]);
    if let Err(fault) = Bundle::load(folder.path()) {
        assert!(fault.to_string().len() < 4000, "a fault must not grow with the file: {fault}");
    }
}

fn graphs() -> [Vec<u8>; 3] {
    [tiny::data_graph(8, 6), tiny::step_graph(8, 6, 0.5), tiny::exit_graph(8, 6, 3)]
}

/// The text of a small manifest.
pub fn manifest() -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    tiny::write_tiny_bundle(folder.path(), 8, 6, 3, 2);
    std::fs::read_to_string(folder.path().join("manifest.json")).expect("reads")
}

pub fn bundle_seeds() -> Vec<Vec<u8>> {
    let state = |name: &str| tiny::state(name, 8, 6);
    let kernel: Vec<f32> = (0..81).map(|i| i as f32 / 81.0).collect();
    let padded: (&str, &[i64]) = ("pads", &[1, 1, 1, 1]);
    let conv = node("Conv", &["h", "w"], "c", &[("kernel_shape", &[3, 3]), padded]);
    let deeper = model(
        &[conv, node("Relu", &["c"], "r", &[]), node("Add", &["r", "j"], "h_next", &[])],
        &[weights("w", &[3, 3, 3, 3], &kernel)],
        &[state("h"), state("j")],
        &[state("h_next")],
    );
    let joined = model(
        &[node("Concat", &["h", "h"], "two", &[]), node("Conv", &["two", "w"], "logits", &[])],
        &[weights("w", &[3, 6, 1, 1], &[0.5; 18])],
        &[state("h")],
        &[tensor("logits", FLOAT, &[1, 3, 3, 4])],
    );
    let graphs = graphs().into_iter().chain([deeper, joined]).zip([0u8, 1, 2, 1, 2]);
    graphs.map(|(graph, which)| [&[which], &graph[..]].concat()).collect()
}
