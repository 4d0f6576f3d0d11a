//! A bundle small enough to check by hand.
//!
//! `data` takes every second pixel as `j` and half of it as `h`; `step` is `h_next = 0.5 h + j`, so that `h` after iteration i is
//! `j` times [`gain`]`(i)`; `exit` scores class `c` by colour `c % 3` and tier `t = c / 3`: `h (1 + t / 2) - 0.75 t`. Bright pixels climb to
//! higher tiers with the iterations.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::onnx::{FLOAT, Message, model, node, tensor, weights};

/// Height and width of the output grid for an input side.
pub fn grid_side(side: u32) -> i64 {
    i64::from(side.div_ceil(2))
}

/// `h / j` after `iteration` steps.
pub fn gain(iteration: usize) -> f32 {
    (0..iteration).fold(0.5, |gain, _| 0.5 * gain + 1.0)
}

/// The score of `class` where `j` of its colour is `j`, at exit `iteration`.
pub fn score(class: usize, j: f32, iteration: usize) -> f32 {
    let tier = (class / 3) as f32;
    j * gain(iteration) * (1.0 + tier / 2.0) - 0.75 * tier
}

pub fn state(name: &str, width: u32, height: u32) -> Message {
    tensor(name, FLOAT, &[1, 3, grid_side(height), grid_side(width)])
}

pub fn data_graph(width: u32, height: u32) -> Vec<u8> {
    let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let image = tensor("image", FLOAT, &[1, 3, i64::from(height), i64::from(width)]);
    model(
        &[
            node("Conv", &["image", "w"], "j", &[("kernel_shape", &[1, 1]), ("strides", &[2, 2])]),
            node("Mul", &["j", "half"], "h", &[]),
        ],
        &[weights("w", &[3, 3, 1, 1], &identity), weights("half", &[1, 1, 1, 1], &[0.5])],
        &[image],
        &[state("h", width, height), state("j", width, height)],
    )
}

/// `h_next = keep h + j`.
pub fn step_graph(width: u32, height: u32, keep: f32) -> Vec<u8> {
    model(
        &[node("Mul", &["h", "keep"], "kept", &[]), node("Add", &["kept", "j"], "h_next", &[])],
        &[weights("keep", &[1, 1, 1, 1], &[keep])],
        &[state("h", width, height), state("j", width, height)],
        &[state("h_next", width, height)],
    )
}

pub fn exit_graph(width: u32, height: u32, classes: usize) -> Vec<u8> {
    let weight = |class: usize, colour| {
        if class % 3 == colour { 1.0 + (class / 3) as f32 / 2.0 } else { 0.0 }
    };
    let w: Vec<f32> = (0..classes).flat_map(|class| (0..3).map(move |colour| weight(class, colour))).collect();
    let b: Vec<f32> = (0..classes).map(|class| -0.75 * (class / 3) as f32).collect();
    let count = classes as i64;
    let logits = tensor("logits", FLOAT, &[1, count, grid_side(height), grid_side(width)]);
    model(
        &[node("Conv", &["h", "w", "b"], "logits", &[("kernel_shape", &[1, 1])])],
        &[weights("w", &[count, 3, 1, 1], &w), weights("b", &[count], &b)],
        &[state("h", width, height)],
        &[logits],
    )
}

/// The manifest without its files; the input is the pixel's value in 0 to 1.
pub fn manifest(width: u32, height: u32, classes: usize, iterations: usize) -> Value {
    let class = |id: usize| json!({"name": format!("class {id}"), "color": [id, 2 * id % 256, 255 - id]});
    let classes: Vec<Value> = (0..classes).map(class).collect();
    json!({
        "format": 1, "name": "tiny", "version": "0.1.0", "files": {},
        "input": {"width": width, "height": height, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]},
        "classes": classes,
        "iterations": {"trained": iterations, "useful": iterations},
        "accuracy": [],
        "parameters": {"shared": 1, "total": 11},
        "trained_on": "nothing", "license": "Apache-2.0",
    })
}

/// A file of the bundle: its name and bytes.
pub type NamedFile<'a> = (&'a str, Vec<u8>);

/// Writes graphs and manifest; the manifest's files and hashes are filled in.
pub fn write_bundle(dir: &Path, mut manifest: Value, data: NamedFile, steps: &[NamedFile], exits: &[NamedFile]) {
    std::fs::create_dir_all(dir).unwrap();
    let write = |(name, bytes): &NamedFile| {
        std::fs::write(dir.join(name), bytes).unwrap();
        json!({"path": name, "sha256": sha256(bytes)})
    };
    manifest["files"] = json!({
        "data": write(&data),
        "steps": steps.iter().map(write).collect::<Vec<_>>(),
        "exits": exits.iter().map(write).collect::<Vec<_>>(),
    });
    std::fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a whole bundle of three graphs that share their weights over `iterations` iterations.
pub fn write_tiny_bundle(dir: &Path, width: u32, height: u32, classes: usize, iterations: usize) {
    write_bundle(
        dir,
        manifest(width, height, classes, iterations),
        ("data.onnx", data_graph(width, height)),
        &[("step.onnx", step_graph(width, height, 0.5))],
        &[("exit.onnx", exit_graph(width, height, classes))],
    );
}

/// The same network in two step graphs, whose warm frames begin with the second one and run up to two iterations.
pub fn write_warm_bundle(dir: &Path, width: u32, height: u32, classes: usize) {
    let mut manifest = manifest(width, height, classes, 4);
    manifest["warm_start"] = json!({"from_step": 2, "useful": 2});
    write_bundle(
        dir,
        manifest,
        ("data.onnx", data_graph(width, height)),
        &[("step_1.onnx", step_graph(width, height, 0.5)), ("step_2.onnx", step_graph(width, height, 0.5))],
        &[("exit.onnx", exit_graph(width, height, classes))],
    );
}
