use proptest::prelude::*;

use super::*;

mod crew;
mod pixels;
mod properties;
mod single;

/// Values of -1 to 1 that look random; `seed` chooses which.
fn values(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(12345);
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// A convolution with values for everything it reads.
#[derive(Debug)]
struct Case {
    geometry: Geometry,
    weights: Vec<f32>,
    bias: Vec<f32>,
    input: Vec<f32>,
    addends: Vec<Vec<f32>>,
}

impl Case {
    fn new(geometry: Geometry) -> Self {
        let area = geometry.kernel[0] * geometry.kernel[1];
        let addend = |addend: &Addend| values(addend.size[0] * addend.size[1] * geometry.outputs, 4 + addend.shift);
        Self {
            weights: values(geometry.outputs * if geometry.depthwise { 1 } else { geometry.inputs } * area, 1),
            bias: values(geometry.outputs, 2),
            input: values(geometry.inputs * geometry.from[0] * geometry.from[1], 3),
            addends: geometry.addends.iter().map(addend).collect(),
            geometry,
        }
    }

    fn run(&self, isa: Isa, threads: usize) -> Vec<f32> {
        self.run_in(Precision::F32, isa, threads)
    }

    fn run_in(&self, precision: Precision, isa: Isa, threads: usize) -> Vec<f32> {
        let conv = Conv::new(self.geometry.clone(), &self.weights, &self.bias, isa, precision).unwrap();
        let addends: Vec<Values<'_>> = self.addends.iter().map(|values| Values::Whole(values)).collect();
        // What is not written is seen.
        let mut output = vec![f32::NAN; self.geometry.output_len()];
        let crew = Crew::new(threads).unwrap();
        conv.run(Values::Whole(&self.input), &addends, ValuesMut::Whole(&mut output), &crew).unwrap();
        output
    }

    /// The same with all that it reads rounded before, and what it writes if `to_order` says so: whole, or the bits.
    fn run_rounded(&self, precision: Precision, isa: Isa, to_order: Order) -> (Vec<f32>, Vec<u16>) {
        let round = |values: &Vec<f32>| values.iter().copied().map(round).collect::<Vec<u16>>();
        let rows: Vec<&[f32]> = self.input.chunks_exact(self.geometry.inputs).collect();
        let unit = Order::Rounded.unit(self.geometry.inputs);
        let mut input = vec![0; rows.len() * unit];
        for (to, row) in input.chunks_exact_mut(unit).zip(rows) {
            to.iter_mut().zip(row).for_each(|(to, value)| *to = super::round(*value));
        }
        let addends = self.addends.iter().map(round).collect::<Vec<_>>();
        let addends: Vec<Values<'_>> = addends.iter().map(|values| Values::Rounded(values)).collect();
        let rounded = |addend: &Addend| Addend { order: Order::Rounded, ..*addend };
        let geometry = Geometry {
            from_order: Order::Rounded,
            to_order,
            addends: self.geometry.addends.iter().map(rounded).collect(),
            ..self.geometry.clone()
        };
        let conv = Conv::new(geometry, &self.weights, &self.bias, isa, precision).unwrap();
        run(&conv, Values::Rounded(&input), &addends)
    }

    /// What reads and writes rounded values gives what does so with whole ones, rounded.
    fn assert_rounded_is_alike(&self, precision: Precision) {
        let rounded = Geometry { from_order: Order::Rounded, to_order: Order::Rounded, ..self.geometry.clone() };
        for isa in isas(precision).filter(|isa| Conv::takes_rounded(&rounded, *isa, precision)) {
            let want = self.run_in(precision, isa, 1);
            let bits = want.iter().copied().map(round).collect();
            assert_eq!(self.run_rounded(precision, isa, Order::Interleaved), (want, vec![]));
            assert_eq!(self.run_rounded(precision, isa, Order::Rounded), (vec![], bits));
        }
    }

    /// The same of an image's bytes in place of the input; none where nothing does so.
    fn run_bytes(
        &self,
        normalise: &Normalise,
        pixels: &[u32],
        isa: Isa,
        to_order: Order,
    ) -> Option<(Vec<f32>, Vec<u16>)> {
        let geometry = Geometry { from_order: Order::Bytes, to_order, ..self.geometry.clone() };
        Conv::takes_bytes(&geometry, normalise, isa, Precision::Int8).then(|| {
            let conv = Conv::of_bytes(geometry, &self.weights, &self.bias, normalise, isa).unwrap();
            assert_eq!(conv.precision(), Precision::Int8);
            let addends: Vec<Values<'_>> = self.addends.iter().map(|values| Values::Whole(values)).collect();
            run(&conv, Values::Bytes(pixels), &addends)
        })
    }

    /// The sum as it is written in textbooks, in f64.
    fn by_the_book(&self) -> Vec<f64> {
        let g = &self.geometry;
        let mut output = vec![f64::NAN; g.output_len()];
        for channel in 0..g.outputs {
            for y in 0..g.to[0] {
                for x in 0..g.to[1] {
                    let mut sum = f64::from(self.bias[channel]) + self.products(channel, y, x);
                    for (addend, values) in g.addends.iter().zip(&self.addends) {
                        let pixel = (y >> addend.shift) * addend.size[1] + (x >> addend.shift);
                        sum += f64::from(values[pixel * g.outputs + channel]);
                    }
                    let at = index(g.to_order, g.outputs, g.to, [channel, y, x]);
                    output[at] = if g.relu { sum.max(0.0) } else { sum };
                }
            }
        }
        output
    }

    fn products(&self, channel: usize, y: usize, x: usize) -> f64 {
        let g = &self.geometry;
        let mut sum = 0.0;
        let inputs = if g.depthwise { channel..channel + 1 } else { 0..g.inputs };
        for (place, input) in inputs.clone().enumerate() {
            for row in 0..g.kernel[0] {
                for column in 0..g.kernel[1] {
                    let (y, x) = (
                        (y * g.stride[0] + row).checked_sub(g.pad[0]),
                        (x * g.stride[1] + column).checked_sub(g.pad[1]),
                    );
                    let (Some(y), Some(x)) = (y, x) else { continue };
                    if y >= g.from[0] || x >= g.from[1] {
                        continue;
                    }
                    let value = self.input[index(g.from_order, g.inputs, g.from, [input, y, x])];
                    let weight = ((channel * inputs.len() + place) * g.kernel[0] + row) * g.kernel[1] + column;
                    sum += f64::from(value) * f64::from(self.weights[weight]);
                }
            }
        }
        sum
    }
}

/// What two threads make of an input: whole values, or bits where they are rounded.
fn run(conv: &Conv, input: Values<'_>, addends: &[Values<'_>]) -> (Vec<f32>, Vec<u16>) {
    let geometry = conv.geometry();
    let (mut whole, mut bits) = (Vec::new(), Vec::new());
    let output = if geometry.to_order == Order::Rounded {
        bits.resize(geometry.output_len(), u16::MAX);
        ValuesMut::Rounded(&mut bits)
    } else {
        whole.resize(geometry.output_len(), f32::NAN);
        ValuesMut::Whole(&mut whole)
    };
    conv.run(input, addends, output, &Crew::new(2).unwrap()).unwrap();
    (whole, bits)
}

fn index(order: Order, channels: usize, [height, width]: [usize; 2], [channel, y, x]: [usize; 3]) -> usize {
    match order {
        Order::Planes => (channel * height + y) * width + x,
        _ => (y * width + x) * channels + channel,
    }
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Planes), Just(Order::Interleaved)]
}

/// Any convolution of moderate size, its output as far over the input's edges as a kernel can reach.
fn geometry() -> impl Strategy<Value = Geometry> {
    geometry_of(12, 30)
}

/// The same, of an input with at most so many rows and columns.
fn geometry_of(rows: usize, columns: usize) -> impl Strategy<Value = Geometry> {
    let sides = (1..=rows, 1..=columns);
    let kernel = (1usize..=6, 1usize..=6);
    let channels = (1usize..=20, prop_oneof![1usize..=100, Just(8), Just(16), Just(24), Just(48), Just(64)]);
    let orders = (order(), order(), any::<bool>());
    (
        sides,
        kernel,
        (1usize..=4, 1usize..=4),
        channels,
        orders,
        (0usize..6, 0usize..6),
        proptest::collection::vec(0u32..=1, 0..=2),
    )
        .prop_map(|(from, kernel, stride, (inputs, outputs), (from_order, to_order, relu), pad, shifts)| {
            let pad = [pad.0.min(kernel.0 - 1), pad.1.min(kernel.1 - 1)];
            let side = |from: usize, pad: usize, stride: usize| (from + pad - 1) / stride + 1;
            let to = [side(from.0, pad[0], stride.0), side(from.1, pad[1], stride.1)];
            let size = |shift: &u32| [to[0].div_ceil(1 << shift), to[1].div_ceil(1 << shift)];
            Geometry {
                inputs,
                outputs,
                depthwise: false,
                kernel: [kernel.0, kernel.1],
                stride: [stride.0, stride.1],
                pad,
                from: [from.0, from.1],
                to,
                from_order,
                to_order,
                addends: shifts
                    .iter()
                    .map(|shift| Addend { order: Order::Interleaved, size: size(shift), shift: *shift })
                    .collect(),
                relu,
            }
        })
}

/// A convolution of three by three that is done in Winograd's way.
fn winograd() -> impl Strategy<Value = Geometry> {
    let channels = || (4usize..=32).prop_map(|fours| 4 * fours);
    let shifts = proptest::collection::vec(0u32..=1, 0..=2);
    let sides = (1usize..=11, 1usize..=60, 0usize..=2, 0usize..=2);
    (sides, channels(), channels(), any::<bool>(), shifts).prop_map(|(sides, inputs, outputs, relu, shifts)| {
        let (height, width, top, left) = sides;
        let size = |shift: &u32| [height.div_ceil(1 << shift), width.div_ceil(1 << shift)];
        Geometry {
            inputs,
            outputs,
            depthwise: false,
            kernel: [3, 3],
            stride: [1, 1],
            pad: [top, left],
            from: [height, width],
            to: [height, width],
            from_order: Order::Interleaved,
            to_order: Order::Interleaved,
            addends: shifts
                .iter()
                .map(|shift| Addend { order: Order::Interleaved, size: size(shift), shift: *shift })
                .collect(),
            relu,
        }
    })
}

/// A convolution whose channels do not mix.
fn depthwise() -> impl Strategy<Value = Geometry> {
    (geometry(), 1usize..=9).prop_map(|(geometry, eights)| Geometry {
        inputs: 8 * eights,
        outputs: 8 * eights,
        depthwise: true,
        from_order: Order::Interleaved,
        to_order: Order::Interleaved,
        ..geometry
    })
}

/// A convolution of one pixel into planes.
fn turned() -> impl Strategy<Value = Geometry> {
    (geometry(), 1usize..=9).prop_map(|(geometry, fours)| Geometry {
        inputs: 4 * fours,
        kernel: [1, 1],
        stride: [1, 1],
        pad: [0, 0],
        to: geometry.from,
        from_order: Order::Interleaved,
        to_order: Order::Planes,
        addends: Vec::new(),
        ..geometry
    })
}

fn assert_near(got: &[f32], want: impl Iterator<Item = f64>, products: usize) {
    let tolerance = 1e-6 * (products as f64).max(4.0);
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*got) - want).abs() <= tolerance, "value {index}: got {got}, want {want}");
    }
}

/// The instruction sets of this processor that multiply in `precision`.
fn isas(precision: Precision) -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(move |isa| precision.is_there(*isa))
}

/// How far a sum of `products` of values up to 1 can be off where each is rounded to `bits` after the point, if errors add up like
/// noise: six times their deviation.
fn noise(products: usize, bits: i32) -> f64 {
    6.0 * (products as f64).sqrt() * 2f64.powi(-bits)
}

/// Whether it is done in Winograd's way where there are no tiles.
fn is_transformed(geometry: &Geometry, precision: Precision) -> bool {
    winograd::Winograd::fits(geometry) && winograd::Winograd::pays(geometry, precision)
}

/// Bits after the point that a sum keeps of its values, roughly: transforms add differences that cancel, and their roundings do not.
fn bits(geometry: &Geometry, precision: Precision) -> i32 {
    match (precision, is_transformed(geometry, precision)) {
        (Precision::Int8, true) => 4,
        (Precision::Int8, false) => 8,
        (_, true) => 6,
        (_, false) => 9,
    }
}

fn assert_close(got: &[f32], want: &[f64], tolerance: f64) {
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*got) - want).abs() <= tolerance, "value {index}: got {got}, want {want} +- {tolerance}");
    }
}
