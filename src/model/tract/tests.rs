use std::path::PathBuf;

use super::*;
use crate::kernels::{Isa, Normalise, Order, Precision};

#[allow(dead_code, reason = "what the programs under tests/ write their graphs with; here a part of it serves")]
#[path = "../../../tests/common/onnx.rs"]
mod onnx;
use onnx::{FLOAT, Message, model, node, tensor, weights};

const INNER: Order = Order::Interleaved;

/// The bytes of a graph of the shipped bundle.
fn shipped(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/itnet-s").join(file);
    std::fs::read(path).unwrap()
}

/// Values of -2 to 2.
fn noise(shape: &[usize]) -> Vec<f32> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 22) as f32 - 2.0
    };
    (0..shape.iter().product()).map(|_| next()).collect()
}

fn tensor_of<T: Datum + Copy>(shape: &[usize], values: &[T]) -> Value {
    Value(Arc::new(Tensor::from_shape(shape, values).unwrap()))
}

fn image(shape: &[usize]) -> Value {
    tensor_of(shape, &noise(shape))
}

/// The outputs of a graph with and without our operators, which agree to 1e-4.
fn both(file: &str, bytes: &[u8], ports: Ports, inputs: &[Value], threads: usize) -> Vec<Value> {
    let threads = Threads::new(threads).unwrap();
    let run = |ours: Option<Precision>| {
        let ours = ours.map(|precision| (Isa::detect(), precision));
        let graph = Graph::read_with(bytes, ports, ours).map_err(|error| format!("{error:?}")).unwrap();
        let mut runner = Runner::new(&graph, &threads).unwrap();
        (runner.run(inputs.iter().cloned(), &mut || true).unwrap().unwrap().collect::<Vec<_>>(), graph)
    };
    let ((ours, graph), (theirs, _)) = (run(Some(Precision::F32)), run(None));
    let fused = graph.plan.model().nodes().iter().filter(|node| node.op_is::<FusedConv>()).count();
    assert!(fused > 0, "{file}: none of the operators is ours");
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
    let both = |file: &str, ports, inputs: &[Value], threads| both(file, &shipped(file), ports, inputs, threads);
    for threads in [1, 2] {
        let image = image(&[1, 3, 360, 480]);
        let ports = Ports::new(Order::Planes, INNER);
        let mut slots = both("data.onnx", ports, &[image], threads);
        for step in 1..=4 {
            let next = both(&format!("step_{step}.onnx"), Ports::new(INNER, INNER), &slots, threads);
            slots.splice(..next.len(), next);
            let ports = Ports::new(INNER, Order::Planes);
            both("exit.onnx", ports, &slots[1..2], threads);
        }
    }
}

/// An attribute that is one integer.
fn int(node: Message, name: &str, value: i64) -> Message {
    node.message(5, &Message::default().text(1, name).int(3, value).int(20, 2))
}

/// An attribute that is text.
fn text(node: Message, name: &str, value: &str) -> Message {
    node.message(5, &Message::default().text(1, name).text(4, value).int(20, 3))
}

fn random_weights(name: &str, shape: &[i64]) -> Message {
    let len: i64 = shape.iter().product();
    let value = |i: i64| ((i * 7919 + shape[0] * 31) % 1009) as f32 / 1009.0 - 0.5;
    weights(name, shape, &(0..len).map(value).collect::<Vec<f32>>())
}

/// Convolutions of many kinds with operators of tract's between them, and values that are used twice or are outputs too.
fn motley() -> Vec<u8> {
    let pads = ("pads", &[1, 1, 1, 1][..]);
    let channelwise = int(node("Conv", &["r1", "w2", "b2"], "c2", &[pads]), "group", 16);
    let resize = text(node("Resize", &["c3", "", "scales"], "u", &[]), "mode", "nearest");
    let resize = text(resize, "coordinate_transformation_mode", "asymmetric");
    let nodes = [
        node("Conv", &["x", "w1", "b1"], "c1", &[("pads", &[1, 0, 1, 2])]),
        node("Relu", &["c1"], "r1", &[]),
        channelwise,
        node("Add", &["r1", "c2"], "s", &[]),
        node("Relu", &["s"], "r2", &[]),
        node("Conv", &["r2", "w3"], "c3", &[("strides", &[2, 2])]),
        text(resize, "nearest_mode", "floor"),
        node("MaxPool", &["r1"], "p", &[("kernel_shape", &[2, 2])]),
        node("Conv", &["p", "w4"], "c4", &[]),
        node("Add", &["c4", "u"], "a", &[]),
        node("Mul", &["a", "half"], "m", &[]),
        node("Relu", &["m"], "r3", &[]),
        node("Conv", &["r3", "w5", "b5"], "logits", &[]),
        node("Conv", &["r3", "w6"], "e", &[("dilations", &[2, 2])]),
    ];
    let weights = [
        random_weights("w1", &[16, 5, 3, 3]),
        random_weights("b1", &[16]),
        random_weights("w2", &[16, 1, 3, 3]),
        random_weights("b2", &[16]),
        random_weights("w3", &[24, 16, 2, 2]),
        random_weights("w4", &[24, 16, 1, 1]),
        random_weights("w5", &[7, 24, 1, 1]),
        random_weights("b5", &[7]),
        random_weights("w6", &[3, 24, 2, 2]),
        weights("half", &[1, 1, 1, 1], &[0.5]),
        weights("scales", &[4], &[1.0, 1.0, 2.0, 2.0]),
    ];
    let output = |name: &str, shape: &[i64]| tensor(name, FLOAT, shape);
    let outputs = [
        output("logits", &[1, 7, 12, 16]),
        output("s", &[1, 16, 13, 17]),
        output("c3", &[1, 24, 6, 8]),
        output("e", &[1, 3, 10, 14]),
    ];
    model(&nodes, &weights, &[output("x", &[1, 5, 13, 17])], &outputs)
}

#[test]
fn any_graph_gives_the_same_with_and_without_our_operators() {
    both("motley", &motley(), Ports::PLANES, &[image(&[1, 5, 13, 17])], 1);
    both("motley", &motley(), Ports::new(INNER, INNER), &[image(&[1, 13, 17, 5])], 1);
    both("motley", &motley(), Ports::new(Order::Planes, INNER), &[image(&[1, 5, 13, 17])], 2);
}

/// The graph that an image comes to, on its bytes and on planes of what they stand for.
#[test]
fn a_graph_that_reads_an_image_as_bytes_gives_nearly_the_same() {
    let normalise = Normalise::new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let bytes: Vec<u8> = (0..3 * 360 * 480).map(|at| (at * at / 7 % 256) as u8).collect();
    let planes: Vec<f32> = (0..3)
        .flat_map(|colour| {
            let value = move |pixel: &[u8]| f32::from(pixel[colour]) * normalise.scale[colour] + normalise.bias[colour];
            bytes.chunks_exact(3).map(value)
        })
        .collect();
    let word = |pixel: &[u8; 3]| u32::from_ne_bytes([pixel[0], pixel[1], pixel[2], 0]);
    let pixels: Vec<u32> = bytes.as_chunks().0.iter().map(word).collect();
    let threads = Threads::new(1).unwrap();
    let run = |image: Value, ports: Ports, precision| {
        let graph = Graph::read_with(&shipped("data.onnx"), ports, Some((Isa::Portable, precision))).ok().unwrap();
        assert_eq!(graph.zeros(0).unwrap().0.datum_type(), image.0.datum_type());
        assert_eq!(graph.zeros(0).unwrap().0.shape(), image.0.shape());
        let mut runner = Runner::new(&graph, &threads).unwrap();
        runner.run(std::iter::once(image), &mut || true).unwrap().unwrap().collect::<Vec<_>>()
    };
    let ports = Ports { image: Some(normalise), ..Ports::new(Order::Planes, INNER) };
    let bytes = run(tensor_of(&[1, 360, 480, 1], &pixels), ports, Precision::Int8);
    let planes = tensor_of(&[1, 3, 360, 480], &planes);
    let rounded = run(planes.clone(), Ports { image: None, ..ports }, Precision::Int8);
    // f32 has no use for bytes.
    let want = run(planes, ports, Precision::F32);
    for ((bytes, rounded), want) in bytes.iter().zip(&rounded).zip(&want) {
        let want = want.values().unwrap();
        let off = |got: &Value| {
            let off = got.values().unwrap().iter().zip(want).map(|(got, want)| (got - want).abs());
            off.sum::<f32>() / want.iter().map(|want| want.abs()).sum::<f32>()
        };
        // The bytes themselves are not rounded.
        assert!(off(bytes) < off(rounded) && off(bytes) < 0.04, "{} and {}", off(bytes), off(rounded));
    }
}

/// An image of five channels, interleaved, of values that bf16 can stand for, rounded or whole.
fn halves(order: Order, [height, width]: [usize; 2]) -> Value {
    let bits: Vec<u16> = noise(&[height, width, 5]).into_iter().map(kernels::round).collect();
    if order == Order::Rounded {
        let filled = bits.chunks_exact(5).flat_map(|pixel| pixel.iter().copied().chain([0]));
        tensor_of(&[1, height, width, 6], &filled.collect::<Vec<u16>>())
    } else {
        tensor_of(&[1, height, width, 5], &bits.into_iter().map(kernels::widen).collect::<Vec<f32>>())
    }
}

/// What rounds values between convolutions on this processor: tiles, or vectors of bytes.
fn rounding() -> impl Iterator<Item = (Isa, Precision)> {
    let isa = Isa::detect();
    Precision::ALL
        .into_iter()
        .filter(move |precision| precision.rounds_between(isa))
        .map(move |precision| (isa, precision))
}

/// Values that others than convolutions read, some of them only by way of an enlargement or a ReLU, and a sum of two convolutions.
fn awkward() -> Vec<u8> {
    let pads = ("pads", &[1, 1, 1, 1][..]);
    let resize = text(node("Resize", &["enlarged", "", "scales"], "u", &[]), "mode", "nearest");
    let resize = text(resize, "coordinate_transformation_mode", "asymmetric");
    let nodes = [
        node("Conv", &["x", "w1"], "enlarged", &[]),
        text(resize, "nearest_mode", "floor"),
        node("Conv", &["u", "w2"], "large", &[]),
        node("Conv", &["x", "w3"], "rectified", &[]),
        node("Conv", &["rectified", "w4"], "beside", &[]),
        node("Relu", &["rectified"], "r", &[]),
        int(node("Conv", &["r", "w5"], "apart", &[pads]), "group", 16),
        node("Conv", &["x", "w6"], "one", &[]),
        node("Conv", &["x", "w7"], "other", &[pads]),
        node("Add", &["one", "other"], "sum", &[]),
    ];
    let weights = [
        random_weights("w1", &[16, 8, 1, 1]),
        random_weights("w2", &[8, 16, 1, 1]),
        random_weights("w3", &[16, 8, 1, 1]),
        random_weights("w4", &[6, 16, 1, 1]),
        random_weights("w5", &[16, 1, 3, 3]),
        random_weights("w6", &[4, 8, 1, 1]),
        random_weights("w7", &[4, 8, 3, 3]),
        weights("scales", &[4], &[1.0, 1.0, 2.0, 2.0]),
    ];
    let output = |name: &str, shape: &[i64]| tensor(name, FLOAT, shape);
    let outputs = [
        output("large", &[1, 8, 18, 22]),
        output("beside", &[1, 6, 9, 11]),
        output("apart", &[1, 16, 9, 11]),
        output("sum", &[1, 4, 9, 11]),
    ];
    model(&nodes, &weights, &[output("x", &[1, 8, 9, 11])], &outputs)
}

#[test]
fn a_sum_in_planes_of_what_reads_rounded_values_gives_nearly_the_same() {
    let values = noise(&[1, 9, 11, 8]);
    let bits: Vec<u16> = values.iter().copied().map(kernels::round).collect();
    let whole: Vec<f32> = bits.iter().copied().map(kernels::widen).collect();
    let run = |image: Value, inputs, ours| {
        let graph = Graph::read_with(&awkward(), Ports::new(inputs, Order::Planes), Some(ours)).ok().unwrap();
        let mut runner = Runner::new(&graph, &Threads::new(1).unwrap()).unwrap();
        runner.run(std::iter::once(image), &mut || true).unwrap().unwrap().collect::<Vec<_>>()
    };
    let want = run(tensor_of(&[1, 9, 11, 8], &whole), INNER, (Isa::detect(), Precision::F32));
    for ours in rounding() {
        let got = run(tensor_of(&[1, 9, 11, 8], &bits), Order::Rounded, ours);
        for (got, want) in got.iter().zip(&want) {
            let pairs = got.values().unwrap().iter().zip(want.values().unwrap());
            pairs.for_each(|(got, want)| assert!((got - want).abs() <= 0.1, "{ours:?}: got {got}, want {want}"));
        }
    }
}

#[test]
fn values_are_rounded_where_nobody_has_to_make_them_whole_again() {
    for ours in rounding() {
        values_are_rounded_by(ours);
    }
}

fn values_are_rounded_by(ours: (Isa, Precision)) {
    let orders = |bytes: &[u8], inputs| {
        let graph = Graph::read_with(bytes, Ports::new(inputs, Order::Rounded), Some(ours)).ok().unwrap();
        let nodes = graph.plan.model().nodes();
        let recasts = nodes.iter().filter(|node| node.op_is::<fused::Recast>()).count();
        let convs = nodes.iter().filter_map(|node| node.op_as::<FusedConv>());
        (recasts, convs.map(|conv| conv.0.geometry().to_order).collect::<Vec<_>>())
    };
    for (file, inputs) in [("data.onnx", Order::Planes), ("step_1.onnx", Order::Rounded)] {
        let (recasts, orders) = orders(&shipped(file), inputs);
        assert_eq!(recasts, 0, "{file}");
        assert!(orders.iter().all(|order| *order == Order::Rounded), "{file}: {orders:?}");
    }
    // Its first convolution is read by one whose channels do not mix, and by an operator of tract's.
    let (_, of_motley) = orders(&motley(), Order::Rounded);
    assert_eq!(of_motley[..2], [INNER; 2]);
    assert!(of_motley.contains(&Order::Rounded));
    let (_, of_awkward) = orders(&awkward(), Order::Rounded);
    let rounded = of_awkward.iter().filter(|order| **order == Order::Rounded).count();
    // Outputs, and one of the two that are added.
    assert_eq!(rounded, 4, "{of_awkward:?}");
}

/// Where nothing rounds values there is nothing to see.
#[test]
fn a_graph_that_rounds_values_between_convolutions_gives_nearly_the_same() {
    for (isa, precision) in rounding() {
        a_rounding_graph_gives_nearly_the_same(isa, precision);
    }
}

fn a_rounding_graph_gives_nearly_the_same(isa: Isa, precision: Precision) {
    let threads = Threads::new(1).unwrap();
    let run = |order, precision| {
        let ports = Ports::new(order, order);
        let graph = Graph::read_with(&motley(), ports, Some((isa, precision))).ok().unwrap();
        let mut runner = Runner::new(&graph, &threads).unwrap();
        let image = std::iter::once(halves(order, [13, 17]));
        runner.run(image, &mut || true).unwrap().unwrap().collect::<Vec<_>>()
    };
    // Bytes have one scale for several rows.
    let tolerance = if precision == Precision::Int8 { 0.2 } else { 0.1 };
    let (rounded, whole) = (run(Order::Rounded, precision), run(INNER, Precision::F32));
    for (rounded, whole) in rounded.iter().zip(&whole) {
        let ([.., unit], [.., channels]) = (rounded.0.shape(), whole.0.shape()) else {
            panic!("a tensor without sides")
        };
        assert_eq!(*unit, channels.next_multiple_of(2));
        let pixels =
            rounded.rounded().unwrap().chunks_exact(*unit).zip(whole.values().unwrap().chunks_exact(*channels));
        for (bits, values) in pixels {
            assert!(bits[*channels..].iter().all(|bits| *bits == 0));
            for (bits, value) in bits.iter().zip(values) {
                let got = kernels::widen(*bits);
                assert!((got - value).abs() <= 0.02 * value.abs() + tolerance, "got {got}, want {value}");
            }
        }
    }
}

/// Runs a graph with one input `x` of 8 channels, 9 by 11, both ways.
fn both_of(name: &str, nodes: &[Message], weights: &[Message], outputs: &[Message]) {
    let bytes = model(nodes, weights, &[tensor("x", FLOAT, &[1, 8, 9, 11])], outputs);
    both(name, &bytes, Ports::PLANES, &[image(&[1, 8, 9, 11])], 1);
    both(name, &bytes, Ports::new(INNER, INNER), &[image(&[1, 9, 11, 8])], 1);
}

#[test]
fn one_of_several_convolutions_that_are_summed_takes_what_follows_the_sum() {
    let conv = |weights: &str, to: &str| node("Conv", &["x", weights], to, &[]);
    let nodes = [
        conv("w1", "a"),
        conv("w2", "b"),
        node("Add", &["a", "b"], "ab", &[]),
        node("Relu", &["ab"], "r", &[]),
        conv("w1", "c"),
        conv("w2", "d"),
        conv("w3", "e"),
        node("Add", &["c", "d"], "cd", &[]),
        node("Add", &["cd", "e"], "cde", &[]),
    ];
    let weights = ["w1", "w2", "w3"].map(|name| random_weights(name, &[8, 8, 1, 1]));
    let outputs = ["r", "cde"].map(|name| tensor(name, FLOAT, &[1, 8, 9, 11]));
    both_of("sums", &nodes, &weights, &outputs);
}

#[test]
fn a_constant_that_is_added_and_multiplied_lies_where_each_needs_it() {
    for channels in [4, 9] {
        let nodes = [
            node("Conv", &["x", "w"], "c", &[]),
            node("Add", &["c", "p"], "s", &[]),
            node("Sigmoid", &["s"], "g", &[]),
            node("Mul", &["g", "p"], "m", &[]),
        ];
        let weights = [random_weights("w", &[channels, 8, 1, 1]), random_weights("p", &[1, channels, 9, 11])];
        both_of("constant", &nodes, &weights, &[tensor("m", FLOAT, &[1, channels, 9, 11])]);
    }
}

fn refused(nodes: &[Message], weights: &[Message]) -> String {
    let shape = [1, 8, 9, 11];
    let bytes = model(nodes, weights, &[tensor("x", FLOAT, &shape)], &[tensor("y", FLOAT, &shape)]);
    let errors = [None, Some((Isa::Portable, Precision::F32)), Some((Isa::detect(), Precision::Int8))].map(|ours| {
        let read = Graph::read_with(&bytes, Ports::PLANES, ours);
        format!("{:?}", read.err().expect("is refused"))
    });
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
    errors[0].clone()
}

#[test]
fn weights_that_are_no_numbers_are_refused_whatever_they_are_multiplied_by() {
    for (value, word) in [(f32::NAN, "NaN"), (f32::INFINITY, "infinite")] {
        let mut values = vec![0.5; 64];
        values[17] = value;
        let nodes = [node("Conv", &["x", "w"], "c", &[]), node("Relu", &["c"], "y", &[])];
        let error = refused(&nodes, &[weights("w", &[8, 8, 1, 1], &values)]);
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn operators_that_carry_graphs_are_refused() {
    let branch = Message::default().text(1, "then_branch").message(6, &Message::default()).int(20, 5);
    let error = refused(&[node("If", &["x"], "y", &[]).message(5, &branch)], &[]);
    assert!(error.contains("If"), "{error}");
}
