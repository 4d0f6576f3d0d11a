use std::path::PathBuf;

use super::*;
use crate::kernels::Order;

fn shipped(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/itnet-s").join(file);
    std::fs::read(path).unwrap()
}

fn noise(shape: &[usize]) -> Value {
    let mut value = Value::zeros(shape).unwrap();
    let mut state = 1u32;
    for value in value.values_mut().unwrap() {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        *value = (state >> 8) as f32 / (1 << 22) as f32 - 2.0;
    }
    value
}

/// The outputs of a graph with and without our operators, which agree to 1e-4.
fn both(file: &str, ports: Ports, inputs: &[Value], threads: usize) -> Vec<Value> {
    let threads = Threads::new(threads).unwrap();
    let run = |ours: bool| {
        let graph = Graph::read_with(&shipped(file), ports, ours).map_err(|error| format!("{error:?}")).unwrap();
        let mut runner = Runner::new(&graph, &threads).unwrap();
        (runner.run(inputs.iter().cloned(), &mut || true).unwrap().unwrap(), graph)
    };
    let ((ours, graph), (theirs, _)) = (run(true), run(false));
    for ((ours, theirs), info) in ours.iter().zip(&theirs).zip(&graph.outputs) {
        let pairs = ours.values().unwrap().iter().zip(theirs.values().unwrap());
        let worst = pairs.map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max);
        assert_eq!(ours.0.shape(), theirs.0.shape(), "{file} {}", info.name);
        assert!(worst <= 1e-4, "{file} {}: differs by {worst}", info.name);
    }
    ours
}

#[test]
fn the_shipped_graphs_give_the_same_with_and_without_our_operators() {
    const INNER: Order = Order::Interleaved;
    for threads in [1, 2] {
        let image = noise(&[1, 3, 360, 480]);
        let ports = Ports { inputs: Order::Planes, outputs: INNER };
        let mut slots = both("data.onnx", ports, &[image], threads);
        for step in 1..=6 {
            let next = both(&format!("step_{step}.onnx"), Ports { inputs: INNER, outputs: INNER }, &slots, threads);
            slots.splice(..next.len(), next);
            let ports = Ports { inputs: INNER, outputs: Order::Planes };
            both("exit.onnx", ports, &slots[1..2], threads);
        }
    }
}
