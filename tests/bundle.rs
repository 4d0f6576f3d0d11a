//! Bundles written by hand: what they compute, how they are abandoned, and every way they can be wrong.

mod common;
#[path = "bundle/warm.rs"]
mod warm;

use std::path::Path;

use common::onnx::{FLOAT, INT64, Message, integers, model, node, tensor, weights};
use common::tiny::{
    data_graph, exit_graph, manifest, score, sha256, state, step_graph, write_bundle, write_tiny_bundle,
};
use itnet::frame::Size;
use itnet::model::{Bundle, ModelError, Progress, Session, StagedModel, State};
use serde_json::{Value, json};

const WIDTH: u32 = 10;
const HEIGHT: u32 = 7;
const CLASSES: usize = 5;

fn tiny() -> (tempfile::TempDir, Bundle) {
    let dir = tempfile::tempdir().unwrap();
    write_tiny_bundle(dir.path(), WIDTH, HEIGHT, CLASSES, 3);
    let bundle = Bundle::load(dir.path()).unwrap();
    (dir, bundle)
}

/// Fills the input with numbers in 0 to 1 that tell every pixel and frame apart.
fn fill(session: &mut Session, frame: usize) {
    for (index, value) in session.input().whole().unwrap().iter_mut().enumerate() {
        *value = ((index * 37 + frame * 101) % 256) as f32 / 255.0;
    }
}

/// What exit `iteration` must give for that input.
fn by_hand(frame: usize, iteration: usize) -> Vec<f32> {
    let (width, height) = (WIDTH as usize, HEIGHT as usize);
    let mut expected = Vec::new();
    for class in 0..CLASSES {
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                let index = (class % 3) * width * height + y * width + x;
                let j = ((index * 37 + frame * 101) % 256) as f32 / 255.0;
                expected.push(score(class, j, iteration));
            }
        }
    }
    expected
}

fn assert_near(got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-5, "{got} is not {expected}");
    }
}

fn go() -> bool {
    true
}

fn exit(session: &mut Session, iteration: usize) -> Vec<f32> {
    assert_eq!(session.exit(iteration, &mut go).unwrap(), Progress::Finished);
    session.logits().unwrap().values.to_vec()
}

/// A watch that says stop when it is asked for the `allowed + 1`st time.
fn stop_after(allowed: usize) -> impl FnMut() -> bool {
    let mut asked = 0;
    move || {
        asked += 1;
        asked <= allowed
    }
}

#[test]
fn every_exit_equals_the_calculation_by_hand() {
    let (_dir, bundle) = tiny();
    let mut session = bundle.session(1).unwrap();
    assert_eq!(session.input_size(), Size::new(WIDTH, HEIGHT));
    assert_eq!(session.iterations(), 3);
    for frame in 0..3 {
        fill(&mut session, frame);
        assert_eq!(session.data(&mut go).unwrap(), Progress::Finished);
        for iteration in 1..=5 {
            assert_eq!(session.step(iteration, &mut go).unwrap(), Progress::Finished);
            assert_near(&exit(&mut session, iteration), &by_hand(frame, iteration));
        }
        let logits = session.logits().unwrap();
        assert_eq!((logits.classes, logits.grid), (CLASSES, Size::new(5, 4)));
    }
}

#[test]
fn each_iteration_uses_its_own_graphs_and_the_last_ones_from_there_on() {
    let dir = tempfile::tempdir().unwrap();
    let steps = [("step_1.onnx", step_graph(WIDTH, HEIGHT, 2.0)), ("step_2.onnx", step_graph(WIDTH, HEIGHT, 0.0))];
    let exits = [("exit.onnx", exit_graph(WIDTH, HEIGHT, 3))];
    let data = ("data.onnx", data_graph(WIDTH, HEIGHT));
    write_bundle(dir.path(), manifest(WIDTH, HEIGHT, 3, 4), data, &steps, &exits);
    let bundle = Bundle::load(dir.path()).unwrap();
    let names: Vec<&str> = bundle.graphs().iter().map(|graph| graph.name.as_str()).collect();
    assert_eq!(names, ["data", "step_1", "step_2", "exit"]);

    let mut session = bundle.session(1).unwrap();
    session.input().whole().unwrap().fill(1.0);
    session.data(&mut go).unwrap();
    // h is 0.5, then 2 * 0.5 + 1, then 0 * 2 + 1 for ever.
    for (iteration, h) in [(1, 2.0), (2, 1.0), (3, 1.0), (4, 1.0)] {
        session.step(iteration, &mut go).unwrap();
        assert_near(&exit(&mut session, iteration), &[h; 3 * 20]);
    }
}

#[test]
fn a_step_abandoned_at_any_node_leaves_the_exit_before_it() {
    let (_dir, bundle) = tiny();
    let nodes = bundle.graphs()[1].nodes;
    assert!(nodes >= 3, "inputs and at least one operator");
    for allowed in 0..nodes {
        let mut session = bundle.session(1).unwrap();
        fill(&mut session, 0);
        session.data(&mut go).unwrap();
        session.step(1, &mut go).unwrap();
        let mut watch = stop_after(allowed);
        assert_eq!(session.step(2, &mut watch).unwrap(), Progress::Abandoned);
        assert_near(&exit(&mut session, 1), &by_hand(0, 1));
        assert_eq!(session.step(2, &mut go).unwrap(), Progress::Finished);
        assert_near(&exit(&mut session, 2), &by_hand(0, 2));
    }
    let mut session = bundle.session(1).unwrap();
    session.data(&mut go).unwrap();
    let mut watch = stop_after(nodes);
    assert_eq!(session.step(1, &mut watch).unwrap(), Progress::Finished);
}

#[test]
fn an_abandoned_exit_keeps_the_logits_of_the_exit_before() {
    let (_dir, bundle) = tiny();
    let mut session = bundle.session(1).unwrap();
    fill(&mut session, 0);
    session.data(&mut go).unwrap();
    session.step(1, &mut go).unwrap();
    exit(&mut session, 1);
    session.step(2, &mut go).unwrap();
    assert_eq!(session.exit(2, &mut || false).unwrap(), Progress::Abandoned);
    assert_near(session.logits().unwrap().values, &by_hand(0, 1));
    assert_near(&exit(&mut session, 2), &by_hand(0, 2));
}

#[test]
fn an_abandoned_data_stage_can_be_run_again() {
    let (_dir, bundle) = tiny();
    let mut session = bundle.session(1).unwrap();
    fill(&mut session, 4);
    for allowed in 0..bundle.graphs()[0].nodes {
        let mut watch = stop_after(allowed);
        assert_eq!(session.data(&mut watch).unwrap(), Progress::Abandoned);
        assert!(matches!(session.step(1, &mut go), Err(ModelError::Order { .. })));
    }
    session.data(&mut go).unwrap();
    session.step(1, &mut go).unwrap();
    assert_near(&exit(&mut session, 1), &by_hand(4, 1));
}

#[test]
fn a_stage_out_of_turn_is_refused() {
    let (_dir, bundle) = tiny();
    let mut session = bundle.session(1).unwrap();
    let order = |error: ModelError| error.to_string();
    assert_eq!(order(session.step(1, &mut go).unwrap_err()), "stage step was asked for before data had finished");
    assert!(matches!(session.exit(1, &mut go), Err(ModelError::Order { .. })));
    session.data(&mut go).unwrap();
    assert!(matches!(session.logits(), Err(ModelError::Order { .. })));
    for wrong in [0, 2] {
        assert!(matches!(session.step(wrong, &mut go), Err(ModelError::Iteration { .. })));
    }
    for wrong in [0, 1] {
        assert!(matches!(session.exit(wrong, &mut go), Err(ModelError::Iteration { .. })));
    }
    session.step(1, &mut go).unwrap();
    assert_eq!(order(session.exit(2, &mut go).unwrap_err()), "exit 2 was asked for after 1 finished steps");
    exit(&mut session, 1);
    session.data(&mut go).unwrap();
    assert!(matches!(session.logits(), Err(ModelError::Order { .. })), "logits of a frame before");
}

#[test]
fn a_thousand_frames_give_the_same_as_the_first() {
    let (_dir, bundle) = tiny();
    let mut session = bundle.session(1).unwrap();
    let mut first = Vec::new();
    for frame in 0..1000 {
        fill(&mut session, frame % 2);
        session.data(&mut go).unwrap();
        session.step(1, &mut go).unwrap();
        session.step(2, &mut stop_after(frame % 3)).unwrap();
        let logits = exit(&mut session, 1);
        if frame < 2 {
            first.push(logits);
        } else {
            assert_eq!(logits, first[frame % 2]);
        }
    }
}

#[test]
fn sessions_of_one_bundle_run_beside_each_other() {
    let (_dir, bundle) = tiny();
    std::thread::scope(|scope| {
        for camera in 0..4 {
            let bundle = bundle.clone();
            scope.spawn(move || {
                let mut session = bundle.session(1 + camera % 2).unwrap();
                for frame in camera..camera + 20 {
                    fill(&mut session, frame);
                    session.data(&mut go).unwrap();
                    session.step(1, &mut go).unwrap();
                    assert_near(&exit(&mut session, 1), &by_hand(frame, 1));
                }
            });
        }
    });
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let dir = tempfile::tempdir().unwrap();
    // Large enough that the engine shares the work out.
    write_tiny_bundle(dir.path(), 640, 480, 11, 2);
    let bundle = Bundle::load(dir.path()).unwrap();
    let run = |threads| {
        let mut session = bundle.session(threads).unwrap();
        fill(&mut session, 0);
        session.data(&mut go).unwrap();
        session.step(1, &mut go).unwrap();
        exit(&mut session, 1)
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_number_of_threads_out_of_range_is_refused() {
    let (_dir, bundle) = tiny();
    for threads in [0, 257, usize::MAX] {
        let error = bundle.session(threads).err().unwrap().to_string();
        assert!(error.contains("1 to 256"), "{error}");
    }
}

#[test]
fn the_statistics_count_what_the_graphs_do() {
    let (_dir, bundle) = tiny();
    let [data, step, exit] = bundle.graphs() else {
        panic!("three graphs");
    };
    let grid = 5 * 4;
    assert_eq!((data.macs, data.parameters), (3 * 3 * grid, 10));
    assert_eq!(step.parameters, 1);
    assert_eq!((exit.macs, exit.parameters), (3 * 5 * grid, 20));
    assert_eq!(data.inputs[0].name, "image");
    assert_eq!(data.inputs[0].shape, [1, 3, 7, 10]);
    assert_eq!(exit.outputs[0].name, "logits");
    assert_eq!(exit.outputs[0].shape, [1, 5, 4, 5]);
    let state: Vec<&str> = bundle.state().iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(state, ["h"]);
    assert_eq!(bundle.manifest().classes.len(), CLASSES);
}

/// The bundle with one file replaced, its hash computed anew.
fn with(file: &str, bytes: Vec<u8>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let pick = |name: &str, graph: Vec<u8>| if name == file { bytes.clone() } else { graph };
    write_bundle(
        dir.path(),
        manifest(WIDTH, HEIGHT, CLASSES, 3),
        ("data.onnx", pick("data.onnx", data_graph(WIDTH, HEIGHT))),
        &[("step.onnx", pick("step.onnx", step_graph(WIDTH, HEIGHT, 0.5)))],
        &[("exit.onnx", pick("exit.onnx", exit_graph(WIDTH, HEIGHT, CLASSES)))],
    );
    dir
}

/// The error of loading the folder, which must hold every one of `facts`.
fn assert_refused(dir: &Path, facts: &[&str]) {
    let error = match Bundle::load(dir) {
        Ok(_) => panic!("loaded, though {facts:?}"),
        Err(error) => error.to_string(),
    };
    for fact in facts {
        assert!(error.contains(fact), "`{error}` does not say `{fact}`");
    }
    assert!(!error.contains("panicked"), "{error}");
}

fn assert_graph_refused(file: &str, bytes: Vec<u8>, facts: &[&str]) {
    let facts: Vec<&str> = std::iter::once(&file).chain(facts).copied().collect();
    assert_refused(with(file, bytes).path(), &facts);
}

fn relu(input: Message, output: Message, from: &str, to: &str) -> Vec<u8> {
    model(&[node("Relu", &[from], to, &[])], &[], &[input], &[output])
}

#[test]
fn data_that_does_not_fit_names_file_and_tensor() {
    let image = |name: &str, kind, shape: &[i64]| relu(tensor(name, kind, shape), tensor("h", kind, shape), name, "h");
    let file = "data.onnx";
    assert_graph_refused(file, data_graph(12, HEIGHT), &["`image`", "[1, 3, 7, 10]", "[1, 3, 7, 12]"]);
    assert_graph_refused(file, image("img", FLOAT, &[1, 3, 7, 10]), &["`image`", "`img`"]);
    assert_graph_refused(file, image("image", INT64, &[1, 3, 7, 10]), &["`image`", "f32", "I64"]);
    assert_graph_refused(file, image("image", FLOAT, &[-1, 3, 7, 10]), &["`image`", "static", "N"]);
    let no_input = model(&[], &[weights("h", &[1], &[0.0])], &[], &[tensor("h", FLOAT, &[1])]);
    assert_graph_refused(file, no_input, &["`image`", "none"]);
}

#[test]
fn a_step_that_does_not_fit_names_file_and_tensor() {
    let file = "step.onnx";
    let h = || state("h", WIDTH, HEIGHT);
    let next = |name: &str| state(name, WIDTH, HEIGHT);
    assert_graph_refused(file, relu(next("g"), next("h_next"), "g", "h_next"), &["`g`", "`h`, `j`"]);
    assert_graph_refused(file, relu(h(), next("h_new"), "h", "h_new"), &["`h_new`", "_next"]);
    assert_graph_refused(file, relu(h(), next("g_next"), "h", "g_next"), &["`g_next`", "`h`, `j`"]);
    assert_graph_refused(file, step_graph(12, HEIGHT, 0.5), &["`h`", "[1, 3, 4, 5]", "[1, 3, 4, 6]"]);
    let pool = [("kernel_shape", &[2, 2][..])];
    let smaller = tensor("h_next", FLOAT, &[1, 3, 3, 4]);
    let smaller = model(&[node("MaxPool", &["h"], "h_next", &pool)], &[], &[h()], &[smaller]);
    assert_graph_refused(file, smaller, &["`h_next`", "`h`", "[1, 3, 4, 5]", "[1, 3, 3, 4]"]);
}

#[test]
fn an_exit_that_does_not_fit_names_file_and_tensor() {
    let file = "exit.onnx";
    let h = || state("h", WIDTH, HEIGHT);
    let logits = |name: &str| state(name, WIDTH, HEIGHT);
    assert_graph_refused(file, exit_graph(WIDTH, HEIGHT, 4), &["`logits`", "[1, 5, h, w]", "[1, 4, 4, 5]"]);
    assert_graph_refused(file, relu(h(), logits("scores"), "h", "scores"), &["`logits`", "`scores`"]);
    let two = model(
        &[node("Relu", &["h"], "logits", &[]), node("Relu", &["h"], "more", &[])],
        &[],
        &[h()],
        &[logits("logits"), logits("more")],
    );
    assert_graph_refused(file, two, &["`logits`", "alone", "`more`"]);
}

#[test]
fn a_graph_that_cannot_run_names_its_file() {
    let file = "exit.onnx";
    let h = || state("h", WIDTH, HEIGHT);
    let logits = || state("logits", WIDTH, HEIGHT);
    let unknown = model(&[node("Frobnicate", &["h"], "logits", &[])], &[], &[h()], &[logits()]);
    assert_graph_refused(file, unknown, &["not a graph that can be run"]);
    let dangling = model(&[node("Relu", &["h"], "x", &[])], &[], &[h()], &[logits()]);
    assert_graph_refused(file, dangling, &["`logits`", "made by none"]);
    let weighed = |value: f32| weights("w", &[5, 3, 1, 1], &[value; 15]);
    let five = || tensor("logits", FLOAT, &[1, 5, 4, 5]);
    let nan = model(&[node("Conv", &["h", "w"], "logits", &[])], &[weighed(f32::NAN)], &[h()], &[five()]);
    assert_graph_refused(file, nan, &["expected numbers, got NaN"]);
    let log = [node("Conv", &["h", "w"], "c", &[]), node("Log", &["c"], "logits", &[])];
    let infinite = model(&log, &[weighed(0.0)], &[h()], &[five()]);
    assert_graph_refused(file, infinite, &["not finite"]);
    let outside = weights("w", &[1], &[]).int(14, 1);
    let outside = model(&[node("Add", &["h", "w"], "logits", &[])], &[outside], &[h()], &[logits()]);
    assert_graph_refused(file, outside, &["`w`", "inside the file"]);
    let huge = weights("w", &[1 << 40, 1 << 20], &[0.0]);
    let huge = model(&[node("Add", &["h", "w"], "logits", &[])], &[huge], &[h()], &[logits()]);
    assert_graph_refused(file, huge, &["not a graph that can be run"]);
}

#[test]
fn a_constant_that_the_graph_asks_for_is_refused_before_it_is_made() {
    let h = || state("h", WIDTH, HEIGHT);
    let logits = || state("logits", WIDTH, HEIGHT);
    for (op, inputs) in
        [("ConstantOfShape", vec!["shape"]), ("Expand", vec!["one", "shape"]), ("Tile", vec!["one", "shape"])]
    {
        let made = [node(op, &inputs, "c", &[]), node("Mul", &["h", "c"], "logits", &[])];
        let weights = [integers("shape", &[1 << 20, 1 << 20, 1, 1]), weights("one", &[1, 1, 1, 1], &[1.0])];
        assert_graph_refused("exit.onnx", model(&made, &weights, &[h()], &[logits()]), &["at most 16"]);
    }
}

#[test]
fn bytes_that_are_no_graph_name_their_file() {
    assert_graph_refused("data.onnx", b"these bytes are no graph".repeat(20), &["not a graph"]);
    assert_graph_refused("step.onnx", Vec::new(), &["an empty one"]);
    assert_graph_refused("exit.onnx", vec![0; 1000], &["not a graph"]);
}

#[test]
fn a_graph_cut_anywhere_never_panics_past_the_loader() {
    // The hash is computed anew: without that, it is the hash that finds every cut.
    let whole = step_graph(WIDTH, HEIGHT, 0.5);
    for length in (0..whole.len()).step_by(7) {
        let dir = with("step.onnx", whole[..length].to_vec());
        let error = Bundle::load(dir.path()).expect_err("a cut graph was loaded").to_string();
        assert!(error.contains("step.onnx"), "{error}");
    }
}

#[test]
fn a_graph_with_any_byte_damaged_never_panics_past_the_loader() {
    let whole = exit_graph(WIDTH, HEIGHT, CLASSES);
    for index in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[index] ^= 1 << (index % 8);
        let dir = with("exit.onnx", damaged);
        if let Err(error) = Bundle::load(dir.path()) {
            assert!(error.to_string().contains("exit.onnx"), "{error}");
        }
    }
}

#[test]
fn a_graph_that_would_fill_the_memory_is_refused_before_it_does() {
    let nodes = [node("Tile", &["h", "times"], "tiles", &[]), node("GlobalAveragePool", &["tiles"], "logits", &[])];
    let times = integers("times", &[1, 1, 1 << 20, 1 << 20]);
    let logits = tensor("logits", FLOAT, &[1, 3, 1, 1]);
    let bytes = model(&nodes, &[times], &[state("h", WIDTH, HEIGHT)], &[logits]);
    assert_graph_refused("exit.onnx", bytes, &["`tiles`", "at most", "[1, 3, 4194304, 5242880]"]);
}

#[test]
fn a_damaged_file_is_found_by_its_hash() {
    let (dir, _) = tiny();
    let path = dir.path().join("step.onnx");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_refused(dir.path(), &["step.onnx", &sha256(&whole), &sha256(&whole[..whole.len() / 2])]);
    std::fs::write(&path, b"").unwrap();
    assert_refused(dir.path(), &["step.onnx", "an empty one"]);
    std::fs::remove_file(&path).unwrap();
    assert_refused(dir.path(), &["step.onnx", "cannot be read"]);
    std::fs::create_dir(&path).unwrap();
    assert_refused(dir.path(), &["step.onnx", "a folder"]);
}

#[test]
fn a_manifest_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    assert_refused(dir.path(), &["manifest.json", "cannot be read"]);
    let path = dir.path().join("manifest.json");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_refused(dir.path(), &["manifest.json", "UTF-8"]);
    std::fs::write(&path, "{\"format\": 1, ").unwrap();
    assert_refused(dir.path(), &["manifest.json", "line 1"]);
    std::fs::write(&path, vec![b' '; 2 << 20]).unwrap();
    assert_refused(dir.path(), &["manifest.json", "2097152 bytes"]);
}

#[test]
fn a_manifest_field_that_is_wrong_is_named() {
    let dir = tempfile::tempdir().unwrap();
    write_tiny_bundle(dir.path(), WIDTH, HEIGHT, CLASSES, 3);
    let path = dir.path().join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    manifest["files"]["data"]["path"] = json!("../data.onnx");
    std::fs::write(&path, manifest.to_string()).unwrap();
    assert_refused(dir.path(), &["manifest.json", "files.data.path", "inside the folder"]);
}
