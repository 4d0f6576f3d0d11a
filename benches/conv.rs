//! What the convolutions of the shipped network cost, and three whose channels do not mix, on our kernels and on tract's:
//! `cargo bench --bench conv`.
//!
//! One group a layer, named after it; one thread. Throughput is multiply-accumulates. Ours read and write values as they do between
//! each other, interleaved but for the image and the logits; tract's lie in planes. The stem also reads an image's bytes, where they are multiplied.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use itnet::kernels::{Conv, Crew, Geometry, Isa, Normalise, Order, Precision, Values, ValuesMut};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{self, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;

/// A layer: name, channels in and out, kernel, stride, padding, height and width of the input.
type Layer = (&'static str, [usize; 2], usize, usize, usize, [usize; 2]);

const LAYERS: [Layer; 20] = [
    ("stem", [3, 24], 6, 4, 2, [360, 480]),
    ("quarter", [24, 24], 3, 1, 1, [90, 120]),
    ("eighth", [24, 48], 3, 2, 1, [90, 120]),
    ("inject", [48, 48], 1, 1, 0, [45, 60]),
    ("detail", [24, 20], 1, 1, 0, [90, 120]),
    ("read", [48, 48], 1, 1, 0, [45, 60]),
    ("down", [48, 96], 3, 2, 1, [45, 60]),
    ("far", [96, 64], 3, 2, 1, [23, 30]),
    ("far2", [64, 64], 3, 1, 1, [12, 15]),
    ("far_up", [64, 96], 1, 1, 0, [12, 15]),
    ("mid", [96, 96], 3, 1, 1, [23, 30]),
    ("mid_up", [96, 48], 1, 1, 0, [23, 30]),
    ("near", [48, 48], 3, 1, 1, [45, 60]),
    ("write", [48, 48], 1, 1, 0, [45, 60]),
    ("tell", [48, 20], 1, 1, 0, [45, 60]),
    ("outline", [20, 20], 3, 1, 1, [90, 120]),
    ("exit", [20, 11], 1, 1, 0, [90, 120]),
    ("depthwise", [96, 96], 3, 1, 1, [45, 60]),
    ("depthwise strided", [96, 96], 3, 2, 1, [45, 60]),
    ("depthwise 5x5", [96, 96], 5, 1, 2, [23, 30]),
];

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1009) as f32 / 504.5 - 1.0).collect()
}

fn geometry(&(name, [inputs, outputs], kernel, stride, pad, from): &Layer) -> Geometry {
    Geometry {
        inputs,
        outputs,
        depthwise: name.starts_with("depthwise"),
        kernel: [kernel; 2],
        stride: [stride; 2],
        pad: [pad; 2],
        from,
        to: from.map(|side| (side + 2 * pad - kernel) / stride + 1),
        from_order: if name == "stem" { Order::Planes } else { Order::Interleaved },
        to_order: if name == "exit" { Order::Planes } else { Order::Interleaved },
        addends: Vec::new(),
        relu: false,
    }
}

/// The same convolution as tract runs it.
fn theirs(g: &Geometry, weights: &[f32], bias: &[f32]) -> TractResult<TypedSimpleState> {
    let mut model = TypedModel::default();
    let image = model.add_source("image", f32::fact([1, g.inputs, g.from[0], g.from[1]]))?;
    let (mixing, group) = if g.depthwise { (1, g.inputs) } else { (g.inputs, 1) };
    let weights = Tensor::from_shape(&[g.outputs, mixing, g.kernel[0], g.kernel[1]], weights)?;
    let weights = model.add_const("weights", weights)?;
    let bias = model.add_const("bias", tensor1(bias))?;
    let pool_spec = PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: g.kernel.as_slice().into(),
        padding: PaddingSpec::Explicit(g.pad.as_slice().into(), g.pad.as_slice().into()),
        dilations: None,
        strides: Some(g.stride.as_slice().into()),
        input_channels: g.inputs,
        output_channels: g.outputs,
    };
    let conv = cnn::Conv { pool_spec, kernel_fmt: KernelFormat::OIHW, group, q_params: None };
    let conv = model.wire_node("conv", conv, &[image, weights, bias])?;
    model.select_output_outlets(&conv)?;
    model.into_optimized()?.into_runnable()?.spawn()
}

fn layers(c: &mut Criterion) {
    let crew = Crew::new(1).expect("no thread is started");
    for layer in &LAYERS {
        let g = geometry(layer);
        let mixing = if g.depthwise { 1 } else { g.inputs };
        let (weights, bias) = (values(g.outputs * mixing * g.kernel[0] * g.kernel[1]), values(g.outputs));
        let input = values(g.inputs * g.from[0] * g.from[1]);
        let mut group = c.benchmark_group(layer.0);
        group.throughput(Throughput::Elements((weights.len() * g.to[0] * g.to[1]) as u64));
        let both = Isa::ALL.into_iter().flat_map(|isa| Precision::ALL.map(|precision| (isa, precision)));
        for (isa, precision) in both.filter(|(isa, precision)| precision.is_there(*isa)) {
            let conv = Conv::new(g.clone(), &weights, &bias, isa, precision).expect("the layer is sound");
            // What gains nothing is done in a higher precision, and is timed there.
            if conv.precision() != precision {
                continue;
            }
            let mut output = vec![0.0; g.output_len()];
            group.bench_function(format!("ours, {isa:?}, {}", precision.name()), |b| {
                b.iter(|| conv.run(Values::Whole(black_box(&input)), &[], ValuesMut::Whole(&mut output), &crew));
            });
        }
        let image = Geometry { from_order: Order::Bytes, ..g.clone() };
        let normalise = Normalise::new([0.5; 3], [0.25; 3]);
        let pixels = vec![0x40_80_c0; g.from[0] * g.from[1]];
        for isa in Isa::ALL.into_iter().filter(|isa| Conv::takes_bytes(&image, &normalise, *isa, Precision::Int8)) {
            let conv =
                Conv::of_bytes(image.clone(), &weights, &bias, &normalise, isa).expect("it says that it takes them");
            let mut output = vec![0.0; g.output_len()];
            group.bench_function(format!("ours, {isa:?}, int8 of bytes"), |b| {
                b.iter(|| conv.run(Values::Bytes(black_box(&pixels)), &[], ValuesMut::Whole(&mut output), &crew));
            });
        }
        let mut theirs = theirs(&g, &weights, &bias).expect("tract runs it");
        let image = Tensor::from_shape(&[1, g.inputs, g.from[0], g.from[1]], &input).expect("the layer's shape");
        let image = image.into_arc_tensor();
        group.bench_function("tract", |b| {
            b.iter(|| theirs.run(tvec!(black_box(&image).clone().into_tvalue())));
        });
        group.finish();
    }
}

criterion_group!(benches, layers);
criterion_main!(benches);
