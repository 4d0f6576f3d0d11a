//! What holds for any convolution.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bytes_are_multiplied_exactly_alike_by_every_kernel_and_nearly_as_the_book_says(
        geometry in geometry(),
        more in 1usize..=4,
    ) {
        // Tiles take long sums.
        let case = Case::new(Geometry { inputs: more * geometry.inputs, ..geometry });
        let products = case.weights.len() / case.bias.len();
        let portable = case.run_in(Precision::Int8, Isa::Portable, 1);
        assert_close(&portable, &case.by_the_book(), noise(products, bits(&case.geometry, Precision::Int8)));
        for isa in isas(Precision::Int8) {
            // What is done in Winograd's way is compared below.
            let conv = Conv::new(case.geometry.clone(), &case.weights, &case.bias, isa, Precision::Int8).unwrap();
            if conv.precision() == Precision::Int8 && !is_transformed(&case.geometry, Precision::Int8) {
                prop_assert_eq!(&case.run_in(Precision::Int8, isa, 1), &portable);
            }
        }
    }

    #[test]
    fn long_sums_of_bytes_are_exactly_alike_in_every_kernel(geometry in winograd()) {
        // Into planes, nothing goes in Winograd's way.
        let case = Case::new(Geometry { to_order: Order::Planes, addends: Vec::new(), ..geometry });
        let portable = case.run_in(Precision::Int8, Isa::Portable, 1);
        for isa in isas(Precision::Int8) {
            let conv = Conv::new(case.geometry.clone(), &case.weights, &case.bias, isa, Precision::Int8).unwrap();
            if conv.precision() == Precision::Int8 {
                prop_assert_eq!(&case.run_in(Precision::Int8, isa, 2), &portable);
            }
        }
    }

    #[test]
    fn bf16_is_multiplied_alike_by_every_kernel_and_nearly_as_the_book_says(geometry in geometry()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        let portable = case.run_in(Precision::Bf16, Isa::Portable, 1);
        let tolerance = noise(products, bits(&case.geometry, Precision::Bf16));
        assert_close(&portable, &case.by_the_book(), tolerance);
        let precision = |isa| {
            Conv::new(case.geometry.clone(), &case.weights, &case.bias, isa, Precision::Bf16).unwrap().precision()
        };
        for isa in isas(Precision::Bf16) {
            let got = case.run_in(Precision::Bf16, isa, 1);
            if precision(isa) == precision(Isa::Portable) && !winograd::Winograd::fits(&case.geometry) {
                // Inputs and weights are rounded alike; only the order and the rounding of sums differ.
                assert_near(&got, portable.iter().copied().map(f64::from), products);
            } else {
                // Logits are f32 where there are no tiles, and bf16 in them; transformed values are rounded after sums that differ.
                assert_close(&got, &case.by_the_book(), tolerance);
            }
        }
    }

    #[test]
    fn three_by_three_of_lower_precision_is_nearly_as_the_book_says(geometry in winograd()) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        let book = case.by_the_book();
        for precision in [Precision::Bf16, Precision::Int8] {
            for isa in isas(precision) {
                let tolerance = noise(products, bits(&case.geometry, precision));
                assert_close(&case.run_in(precision, isa, 1), &book, tolerance);
            }
        }
    }

    #[test]
    fn values_that_are_rounded_when_written_give_what_those_rounded_when_read_do(geometry in geometry_of(30, 90)) {
        let mut case = Case::new(Geometry { from_order: Order::Interleaved, to_order: Order::Interleaved, ..geometry });
        // What is added is rounded nowhere else.
        case.addends.iter_mut().flatten().for_each(|value| *value = widen(round(*value)));
        case.assert_rounded_is_alike(Precision::Bf16);
    }

    #[test]
    fn bytes_made_of_rounded_values_and_rounded_again_are_those_of_whole_ones(
        geometry in prop_oneof![geometry_of(40, 30), winograd()],
        twice in any::<bool>(),
    ) {
        let (inputs, outputs) = (2 * geometry.inputs, geometry.outputs.next_multiple_of(if twice { 8 } else { 2 }));
        let (from_order, to_order) = (Order::Interleaved, Order::Interleaved);
        let mut case = Case::new(Geometry { inputs, outputs, from_order, to_order, ..geometry });
        let all = std::iter::once(&mut case.input).chain(&mut case.addends);
        all.flatten().for_each(|value| *value = widen(round(*value)));
        case.assert_rounded_is_alike(Precision::Int8);
    }

    #[test]
    fn rounded_values_have_the_bounds_of_whole_ones(bits in proptest::collection::vec(any::<u16>(), 0..200), sign in 0u16..=1) {
        // Half of the cases have one sign alone; what is no number is tried below.
        let bits: Vec<u16> = bits.into_iter().map(|bits| bits >> sign).filter(|bits| !widen(*bits).is_nan()).collect();
        let values: Vec<f32> = bits.iter().copied().map(widen).collect();
        for isa in isas(Precision::Int8) {
            let packer = pack::Packer::new(Precision::Int8, isa).unwrap();
            prop_assert_eq!(packer.bounds(&bits, [0.0; 2]), packer.bounds(&values, [0.0; 2]));
            prop_assert_eq!(packer.bounds(&bits, [-1.0, 1.0]), packer.bounds(&values, [-1.0, 1.0]));
            for (number, at) in [(0x7fc0, 1), (0xffc0, 0)] {
                let bounds = packer.bounds(&[&bits[..], &[number]].concat(), [0.0; 2]);
                prop_assert!(bounds[at].is_infinite());
            }
        }
    }

    #[test]
    fn rows_that_are_packed_together_give_what_the_book_says_on_any_number_of_threads(geometry in geometry_of(60, 12)) {
        let case = Case::new(geometry);
        let products = case.weights.len() / case.bias.len();
        for precision in [Precision::Bf16, Precision::Int8] {
            let tolerance = noise(products, bits(&case.geometry, precision));
            for isa in isas(precision) {
                let got = case.run_in(precision, isa, 1);
                assert_close(&got, &case.by_the_book(), tolerance);
                prop_assert_eq!(&case.run_in(precision, isa, 3), &got);
            }
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
                prop_assert_eq!(case.run_rounded(Precision::Bf16, isa, Order::Interleaved).0, want);
            }
        }
    }

    #[test]
    fn planes_are_made_of_rounded_values_as_of_whole_ones(geometry in turned()) {
        let mut case = Case::new(geometry);
        case.input.iter_mut().for_each(|value| *value = widen(round(*value)));
        for isa in isas(Precision::Bf16) {
            prop_assert_eq!(case.run_rounded(Precision::Bf16, isa, Order::Planes).0, case.run_in(Precision::Bf16, isa, 1));
        }
    }

    #[test]
    fn bytes_of_an_image_are_multiplied_as_what_they_stand_for(
        geometry in geometry_of(16, 150),
        zeros in proptest::array::uniform3(0u8..=255),
        levels in proptest::array::uniform3(128.0f32..512.0),
    ) {
        let mut case = Case::new(Geometry { inputs: 3, from_order: Order::Interleaved, ..geometry });
        // Where a byte stands for zero, what is around the image is the same to the last bit.
        let scale = levels.map(|levels| 1.0 / levels);
        let normalise = Normalise { scale, bias: std::array::from_fn(|colour| -f32::from(zeros[colour]) * scale[colour]) };
        let bytes: Vec<u8> = case.input.iter().map(|value| (128.0 + 127.0 * value) as u8).collect();
        for (at, (value, byte)) in case.input.iter_mut().zip(&bytes).enumerate() {
            *value = f32::from(*byte) * scale[at % 3] + normalise.bias[at % 3];
        }
        let pixels: Vec<u32> =
            bytes.as_chunks().0.iter().map(|[red, green, blue]| u32::from_ne_bytes([*red, *green, *blue, 0])).collect();
        let products = case.weights.len() / case.bias.len();
        let to_order = case.geometry.to_order;
        let portable = case.run_bytes(&normalise, &pixels, Isa::Portable, to_order).unwrap().0;
        // Only weights are rounded; values reach to 2.
        assert_close(&portable, &case.by_the_book(), 2.0 * noise(products, 8));
        let interleaved = case.run_bytes(&normalise, &pixels, Isa::Portable, Order::Interleaved).unwrap().0;
        let bits: Vec<u16> = interleaved.iter().copied().map(round).collect();
        for isa in isas(Precision::Int8) {
            prop_assert_eq!(&case.run_bytes(&normalise, &pixels, isa, to_order).unwrap().0, &portable);
            if let Some((_, rounded)) = case.run_bytes(&normalise, &pixels, isa, Order::Rounded) {
                prop_assert_eq!(&rounded, &bits);
            }
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
