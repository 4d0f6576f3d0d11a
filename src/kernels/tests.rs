use proptest::prelude::*;

use super::*;

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

    /// The same in bf16, with all that it reads rounded before, and what it writes if `to_order` says so: whole, or the bits.
    fn run_rounded(&self, isa: Isa, to_order: Order) -> (Vec<f32>, Vec<u16>) {
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
        let conv = Conv::new(geometry, &self.weights, &self.bias, isa, Precision::Bf16).unwrap();
        let (mut whole, mut bits) = (Vec::new(), Vec::new());
        let output = if to_order == Order::Rounded {
            bits.resize(self.geometry.output_len(), u16::MAX);
            ValuesMut::Rounded(&mut bits)
        } else {
            whole.resize(self.geometry.output_len(), f32::NAN);
            ValuesMut::Whole(&mut whole)
        };
        conv.run(Values::Rounded(&input), &addends, output, &Crew::new(2).unwrap()).unwrap();
        (whole, bits)
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

fn index(order: Order, channels: usize, [height, width]: [usize; 2], [channel, y, x]: [usize; 3]) -> usize {
    match order {
        Order::Planes => (channel * height + y) * width + x,
        Order::Interleaved | Order::Rounded => (y * width + x) * channels + channel,
    }
}

#[test]
fn rows_of_planes_become_pixels_of_whole_words() {
    for planes in 1..=5 {
        for width in [1, 2, 31, 32, 33, 100] {
            let rows: Vec<Vec<f32>> = (0..planes).map(|plane| values(width, plane)).collect();
            let unit = Order::Rounded.unit(rows.len());
            let mut pixels = vec![u16::MAX; unit * width];
            interleave(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut pixels);
            for (x, pixel) in pixels.chunks_exact(unit).enumerate() {
                let want = rows.iter().map(|row| round(row[x])).chain([0]).take(unit);
                assert!(pixel.iter().copied().eq(want), "{pixel:?} at {x} of {planes} rows, {width} wide");
            }
        }
    }
}

#[test]
fn samples_become_pixels_of_whole_words() {
    let (scale, bias) = ([0.5, 0.013, 1.0], [-0.25, 0.1, -7.0]);
    for (samples, order) in [(1, [0; 3]), (2, [1, 0, 1]), (3, [2, 1, 0]), (4, [0, 1, 2])] {
        let colours = Colours { samples, order, scale, bias };
        for width in 0..70 {
            let row: Vec<u8> = (0..width * samples).map(|at| (at * 41 % 256) as u8).collect();
            let mut pixels = vec![u16::MAX; 4 * width];
            colours.row(&row, &mut pixels);
            for (x, pixel) in pixels.chunks_exact(4).enumerate() {
                let value = |colour: usize| f32::from(row[x * samples + order[colour]]) * scale[colour] + bias[colour];
                let [red, green, blue] = [0, 1, 2].map(|colour| round(value(colour)));
                assert_eq!(pixel, [red, green, blue, 0], "at {x} of {width}, {samples} samples");
            }
        }
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
    let channels = || (2usize..=16).prop_map(|eights| 8 * eights);
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

fn assert_close(got: &[f32], want: &[f64], tolerance: f64) {
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*got) - want).abs() <= tolerance, "value {index}: got {got}, want {want} +- {tolerance}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bytes_are_multiplied_exactly_alike_by_every_kernel_and_nearly_as_the_book_says(geometry in geometry()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        let portable = case.run_in(Precision::Int8, Isa::Portable, 1);
        assert_close(&portable, &case.by_the_book(), noise(products, 8));
        for isa in isas(Precision::Int8) {
            // What is done in Winograd's way is compared below.
            let conv = Conv::new(case.geometry.clone(), &case.weights, &case.bias, isa, Precision::Int8).unwrap();
            if conv.precision() == Precision::Int8 {
                prop_assert_eq!(&case.run_in(Precision::Int8, isa, 1), &portable);
            }
        }
    }

    #[test]
    fn bf16_is_multiplied_alike_by_every_kernel_and_nearly_as_the_book_says(geometry in geometry()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        let portable = case.run_in(Precision::Bf16, Isa::Portable, 1);
        assert_close(&portable, &case.by_the_book(), noise(products, 9));
        for isa in isas(Precision::Bf16) {
            // Inputs and weights are rounded alike; only the order and the rounding of sums differ.
            assert_near(&case.run_in(Precision::Bf16, isa, 1), portable.iter().copied().map(f64::from), products);
        }
    }

    #[test]
    fn three_by_three_of_lower_precision_is_nearly_as_the_book_says(geometry in winograd()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        let book = case.by_the_book();
        for precision in [Precision::Bf16, Precision::Int8] {
            for isa in isas(precision) {
                // The transforms' differences cancel, their roundings do not.
                let bits = if precision == Precision::Int8 { 4 } else { 6 };
                assert_close(&case.run_in(precision, isa, 1), &book, noise(products, bits));
            }
        }
    }

    #[test]
    fn values_that_are_rounded_when_written_give_what_those_rounded_when_read_do(geometry in geometry_of(30, 90)) {
        let mut case = Case::new(Geometry { from_order: Order::Interleaved, to_order: Order::Interleaved, ..geometry });
        // What is added is rounded nowhere else.
        case.addends.iter_mut().flatten().for_each(|value| *value = widen(round(*value)));
        let rounded = Geometry { from_order: Order::Rounded, to_order: Order::Rounded, ..case.geometry.clone() };
        for isa in isas(Precision::Bf16).filter(|isa| Conv::takes_rounded(&rounded, *isa, Precision::Bf16)) {
            let want = case.run_in(Precision::Bf16, isa, 1);
            let bits = want.iter().copied().map(round).collect();
            prop_assert_eq!(case.run_rounded(isa, Order::Interleaved), (want, vec![]));
            prop_assert_eq!(case.run_rounded(isa, Order::Rounded), (vec![], bits));
        }
    }

    #[test]
    fn rounded_values_of_single_pixels_end_where_the_image_does(geometry in geometry(), more in (0usize..3, 0usize..40)) {
        let (kernel, stride, pad, inputs) = ([1, 1], [1, 1], [0, 0], 2 * geometry.inputs);
        let to = [geometry.from[0] + more.0, geometry.from[1] + more.1];
        let (from_order, to_order, addends) = (Order::Interleaved, Order::Interleaved, Vec::new());
        let outputs = 2 * geometry.outputs;
        let case = Case::new(Geometry { inputs, outputs, kernel, stride, pad, to, from_order, to_order, addends, ..geometry });
        for isa in isas(Precision::Bf16) {
            let rounded = Geometry { from_order: Order::Rounded, ..case.geometry.clone() };
            if Conv::takes_rounded(&rounded, isa, Precision::Bf16) {
                let want = case.run_in(Precision::Bf16, isa, 1);
                prop_assert_eq!(case.run_rounded(isa, Order::Interleaved).0, want);
            }
        }
    }

    #[test]
    fn planes_are_made_of_rounded_values_as_of_whole_ones(geometry in turned()) {
        let mut case = Case::new(geometry);
        case.input.iter_mut().for_each(|value| *value = widen(round(*value)));
        for isa in isas(Precision::Bf16) {
            prop_assert_eq!(case.run_rounded(isa, Order::Planes).0, case.run_in(Precision::Bf16, isa, 1));
        }
    }

    #[test]
    fn the_portable_kernel_computes_what_the_book_says(geometry in geometry()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        assert_near(&case.run(Isa::Portable, 1), case.by_the_book().into_iter(), products);
    }

    #[test]
    fn every_kernel_of_this_processor_does_three_by_three_as_the_portable_one_does(geometry in winograd()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        let portable = case.run(Isa::Portable, 1);
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_there()) {
            assert_near(&case.run(isa, 1), portable.iter().copied().map(f64::from), products);
        }
    }

    #[test]
    fn channels_that_do_not_mix_are_computed_as_the_book_says(geometry in depthwise()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_there()) {
            assert_near(&case.run(isa, 1), case.by_the_book().into_iter(), products);
        }
    }

    #[test]
    fn planes_out_of_single_pixels_are_computed_as_the_book_says(geometry in turned()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_there()) {
            assert_near(&case.run(isa, 1), case.by_the_book().into_iter(), products);
        }
    }

    #[test]
    fn every_kernel_of_this_processor_computes_what_the_portable_one_does(geometry in geometry()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        let portable = case.run(Isa::Portable, 1);
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_there()) {
            assert_near(&case.run(isa, 1), portable.iter().copied().map(f64::from), products);
        }
    }
}

/// Large enough to be shared by threads.
fn large() -> Geometry {
    Geometry {
        inputs: 13,
        outputs: 52,
        depthwise: false,
        kernel: [3, 3],
        stride: [1, 1],
        pad: [1, 1],
        from: [23, 45],
        to: [23, 45],
        from_order: Order::Interleaved,
        to_order: Order::Interleaved,
        addends: vec![Addend { order: Order::Interleaved, size: [12, 23], shift: 1 }],
        relu: true,
    }
}

/// One pixel into planes.
fn logits() -> Geometry {
    let (kernel, pad, to_order) = ([1, 1], [0, 0], Order::Planes);
    Geometry { inputs: 32, kernel, pad, to_order, addends: Vec::new(), ..large() }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let strided = Geometry { stride: [2, 2], to: [12, 23], addends: Vec::new(), ..large() };
    for geometry in [large(), strided, Geometry { inputs: 24, outputs: 56, ..large() }, logits()] {
        let case = Case::new(geometry);
        for precision in Precision::ALL {
            for isa in isas(precision) {
                let alone = case.run_in(precision, isa, 1);
                for threads in [2, 3, 7] {
                    let shared = case.run_in(precision, isa, threads);
                    assert!(alone == shared, "{precision:?} by {isa:?} on {threads} threads");
                }
            }
        }
    }
}

#[test]
fn the_order_of_the_output_changes_no_bit() {
    for (outputs, precision) in [7, 16, 25, large().outputs].into_iter().flat_map(|o| Precision::ALL.map(|p| (o, p))) {
        let interleaved = Case::new(Geometry { outputs, addends: Vec::new(), ..large() });
        let planes = Case::new(Geometry { to_order: Order::Planes, ..interleaved.geometry.clone() });
        for isa in isas(precision) {
            let [pixels, planes] = [&interleaved, &planes].map(|case| case.run_in(precision, isa, 1));
            let at = |order, place| index(order, outputs, large().to, place);
            let places = (0..outputs)
                .flat_map(|c| (0..large().to[0]).flat_map(move |y| (0..large().to[1]).map(move |x| [c, y, x])));
            for place in places {
                let (pixel, plane) = (pixels[at(Order::Interleaved, place)], planes[at(Order::Planes, place)]);
                assert_eq!(
                    pixel.to_bits(),
                    plane.to_bits(),
                    "{place:?} of {outputs} outputs in {precision:?} by {isa:?}"
                );
            }
        }
    }
}

#[test]
fn bytes_stand_for_whatever_the_input_holds() {
    let case = Case::new(Geometry { addends: Vec::new(), relu: false, ..large() });
    for (shift, scale) in [(0.0, 1.0), (-3.0, 1e-3), (1.0, 1e3), (5.0, 1e-20), (0.0, 0.0), (-1.0, 1e-43)] {
        let input = case.input.iter().map(|value| (value + shift) * scale).collect();
        let case = Case { input, bias: vec![0.0; 52], ..Case::new(case.geometry.clone()) };
        let most = f64::from(scale) * (1.0 + f64::from(shift.abs()));
        let got = case.run_in(Precision::Int8, Isa::Portable, 1);
        assert_close(&got, &case.by_the_book(), most * noise(117, 7) + 1e-30);
        for isa in isas(Precision::Int8) {
            assert_eq!(case.run_in(Precision::Int8, isa, 1), got);
        }
    }
}

#[test]
fn what_a_word_held_before_is_not_in_the_results() {
    let single = Geometry { kernel: [1, 1], pad: [0, 0], addends: Vec::new(), relu: false, ..large() };
    for isa in isas(Precision::Bf16) {
        let case = Case::new(single.clone());
        let fresh = case.run_in(Precision::Bf16, isa, 1);
        // Bytes of 255 are a bf16 that is no number.
        let ones = Case { input: vec![1.0; 23 * 45 * 64], ..Case::new(Geometry { inputs: 64, ..single.clone() }) };
        ones.run_in(Precision::Int8, Isa::Portable, 1);
        assert_eq!(case.run_in(Precision::Bf16, isa, 1), fresh);
    }
}

#[test]
fn what_no_number_can_stand_for_is_seen_in_the_results() {
    for precision in Precision::ALL {
        for isa in isas(precision) {
            let mut infinite = Case::new(Geometry { relu: false, ..large() });
            infinite.input[3000] = f32::INFINITY;
            let mut without = Case::new(Geometry { relu: false, ..large() });
            without.weights[1000] = f32::NAN;
            for case in [infinite, without] {
                let got = case.run_in(precision, isa, 1);
                assert!(got.iter().any(|value| !value.is_finite()), "{precision:?} by {isa:?}");
            }
        }
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let case = Case::new(large());
    let conv = |geometry: Geometry| Conv::new(geometry, &case.weights, &case.bias, Isa::Portable, Precision::F32);
    assert!(conv(Geometry { outputs: 51, ..large() }).is_err());
    assert!(conv(Geometry { stride: [0, 1], ..large() }).is_err());
    assert!(
        conv(Geometry { addends: vec![Addend { order: Order::Interleaved, size: [11, 23], shift: 1 }], ..large() })
            .is_err()
    );
    assert!(
        conv(Geometry { addends: vec![Addend { order: Order::Interleaved, size: [23, 45], shift: 0 }; 3], ..large() })
            .is_err()
    );
    assert!(conv(Geometry { to: [usize::MAX, 45], addends: vec![], ..large() }).is_err());
    assert!(conv(Geometry { pad: [1, 3], ..large() }).is_err());
    assert!(conv(Geometry { depthwise: true, ..large() }).is_err());
    let conv = conv(large()).unwrap();
    let crew = Crew::new(1).unwrap();
    let mut output = vec![0.0; large().output_len()];
    let addend = case.addends[0].as_slice();
    let mut run = |input: &[f32], addends: &[&[f32]], less: usize| {
        let addends: Vec<Values<'_>> = addends.iter().map(|values| Values::Whole(values)).collect();
        conv.run(Values::Whole(input), &addends, ValuesMut::Whole(&mut output[less..]), &crew)
    };
    assert!(run(&case.input, &[addend], 0).is_ok());
    assert!(run(&case.input[1..], &[addend], 0).is_err());
    assert!(run(&case.input, &[&addend[1..]], 0).is_err());
    assert!(run(&case.input, &[], 0).is_err());
    assert!(run(&case.input, &[addend], 1).is_err());
    let rounded = vec![0; case.input.len()];
    let addends = [Values::Whole(addend)];
    assert!(conv.run(Values::Rounded(&rounded), &addends, ValuesMut::Whole(&mut output), &crew).is_err());
    let order = Geometry { from_order: Order::Rounded, ..large() };
    assert!(Conv::new(order, &case.weights, &case.bias, Isa::Portable, Precision::F32).is_err());
}

#[test]
fn a_crew_does_every_job_once_and_passes_on_a_panic() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    for threads in [1, 2, 5] {
        let crew = Crew::new(threads).unwrap();
        assert_eq!(crew.threads(), threads);
        for jobs in [0, 1, 2, 100] {
            for _ in 0..50 {
                let done: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(0)).collect();
                crew.run(jobs, &|job| {
                    done[job].fetch_add(1, Ordering::Relaxed);
                });
                assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
        let fails = std::panic::AssertUnwindSafe(|| crew.run(20, &|job| assert!(job != 13, "job thirteen")));
        assert!(std::panic::catch_unwind(fails).is_err());
        crew.run(4, &|_| {});
    }
}

#[test]
fn several_callers_can_share_a_crew() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let crew = Crew::new(3).unwrap();
    let done = AtomicUsize::new(0);
    let work = |_| {
        done.fetch_add(1, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| crew.run(10, &work)));
        }
    });
    assert_eq!(done.into_inner(), 4000);
}
