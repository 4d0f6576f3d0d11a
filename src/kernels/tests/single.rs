//! Single convolutions, and what is wrong with some.

use super::*;

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
    let case = Case::new(Geometry { inputs: 45, addends: Vec::new(), relu: false, ..large() });
    for (shift, scale) in [(0.0, 1.0), (-3.0, 1e-3), (1.0, 1e3), (5.0, 1e-20), (0.0, 0.0), (-1.0, 1e-43)] {
        let input = case.input.iter().map(|value| (value + shift) * scale).collect();
        let case = Case { input, bias: vec![0.0; 52], ..Case::new(case.geometry.clone()) };
        let most = f64::from(scale) * (1.0 + f64::from(shift.abs()));
        let got = case.run_in(Precision::Int8, Isa::Portable, 1);
        assert_close(&got, &case.by_the_book(), most * noise(405, 7) + 1e-30);
        for isa in isas(Precision::Int8) {
            assert!(case.run_in(Precision::Int8, isa, 1) == got, "{isa:?}, {scale} of {shift} more");
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
    // The same of rows in tiles, of which halves copy only what reaches over a side.
    let halves = Case::new(Geometry { inputs: 16, addends: Vec::new(), ..large() });
    let rounded = Geometry { from_order: Order::Rounded, ..halves.geometry.clone() };
    for isa in isas(Precision::Int8).filter(|isa| Conv::takes_rounded(&rounded, *isa, Precision::Bf16)) {
        let fresh = halves.run_rounded(Precision::Bf16, isa, Order::Interleaved);
        let ones = Case { input: vec![1.0; 23 * 45 * 64], ..Case::new(Geometry { inputs: 64, ..large() }) };
        ones.run_in(Precision::Int8, isa, 1);
        assert!(halves.run_rounded(Precision::Bf16, isa, Order::Interleaved) == fresh, "{isa:?}");
    }
}

#[test]
fn an_image_is_multiplied_alike_by_kernels_of_several_tiles() {
    let geometry = Geometry {
        inputs: 3,
        outputs: 40,
        kernel: [3, 20],
        stride: [2, 4],
        pad: [1, 5],
        from: [21, 301],
        to: [10, 73],
        addends: Vec::new(),
        ..large()
    };
    let case = Case::new(geometry);
    let pixels: Vec<u32> = (0..21 * 301u32).map(|at| at.wrapping_mul(2_654_435_761) & 0x00FF_FFFF).collect();
    let run = |isa| case.run_bytes(&Normalise::new([0.5; 3], [0.25; 3]), &pixels, isa, Order::Interleaved).unwrap().0;
    let portable = run(Isa::Portable);
    for isa in isas(Precision::Int8) {
        assert!(run(isa) == portable, "{isa:?}");
    }
}

#[test]
fn tiles_take_bytes_where_sums_are_long_or_bytes_halve_the_tiles() {
    if !Precision::Int8.is_there(Isa::Amx) {
        return;
    }
    let of = |inputs: usize, outputs: usize, stride: usize| {
        let geometry = Geometry {
            inputs,
            outputs,
            stride: [stride; 2],
            pad: [1, 1],
            from: [40, 80],
            to: [40 / stride, 80 / stride],
            addends: Vec::new(),
            ..large()
        };
        let case = Case::new(geometry.clone());
        Conv::new(geometry, &case.weights, &case.bias, Isa::Amx, Precision::Int8).unwrap().precision()
    };
    // 180 products in one tile a row instead of two, if rows share enough.
    assert_eq!([of(20, 20, 1), of(20, 20, 2)], [Precision::Int8, Precision::Bf16]);
    // 216 products in two tiles instead of three; pairs of pixels spare as many.
    assert_eq!([of(24, 24, 1), of(16, 16, 1)], [Precision::Bf16; 2]);
    // 432 products.
    assert_eq!([of(48, 24, 1), of(48, 24, 2)], [Precision::Int8; 2]);
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
fn what_is_no_number_becomes_the_same_byte_everywhere() {
    let mut case = Case::new(Geometry { inputs: 64, ..large() });
    case.input.iter_mut().step_by(50).for_each(|value| *value = f32::NAN);
    let portable = case.run_in(Precision::Int8, Isa::Portable, 1);
    for isa in isas(Precision::Int8) {
        assert!(case.run_in(Precision::Int8, isa, 1) == portable, "{isa:?}");
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
fn bytes_are_refused_where_they_cannot_be_read_or_written() {
    let geometry = Geometry { inputs: 3, from_order: Order::Bytes, ..large() };
    let case = Case::new(Geometry { from_order: Order::Interleaved, ..geometry.clone() });
    let normalise = Normalise::new([0.5; 3], [0.25; 3]);
    let conv = |geometry: &Geometry, normalise: &Normalise| {
        Conv::of_bytes(geometry.clone(), &case.weights, &case.bias, normalise, Isa::Portable)
    };
    assert!(conv(&geometry, &normalise).is_ok());
    // Nothing is said of what they stand for.
    assert!(Conv::new(geometry.clone(), &case.weights, &case.bias, Isa::Portable, Precision::Int8).is_err());
    // Zero lies beyond white, or nowhere.
    assert!(conv(&geometry, &Normalise::new([0.5, 1.5, 0.5], [0.25; 3])).is_err());
    assert!(conv(&geometry, &Normalise::new([0.5; 3], [f32::from_bits(1); 3])).is_err());
    assert!(conv(&Geometry { to_order: Order::Bytes, ..geometry.clone() }, &normalise).is_err());
    assert!(conv(&Geometry { to_order: Order::Rounded, ..geometry.clone() }, &normalise).is_err());
    let addends = vec![Addend { order: Order::Bytes, ..geometry.addends[0] }];
    assert!(conv(&Geometry { addends, ..geometry.clone() }, &normalise).is_err());
    let four = Geometry { inputs: 4, ..geometry };
    let weights = [&case.weights[..], &case.weights[..case.weights.len() / 3]].concat();
    assert!(Conv::of_bytes(four, &weights, &case.bias, &normalise, Isa::Portable).is_err());
}

#[test]
fn weights_are_rounded_to_bytes_so_that_their_errors_add_up_to_nothing() {
    for (inputs, area) in [(1, 9), (5, 9), (12, 1), (3, 36), (1, 1)] {
        let weights = values(inputs * area, 11);
        let level = weights.iter().fold(0.0f32, |most, weight| most.max(weight.abs())) / 127.0;
        let mut rounded = weights.clone();
        super::panel::round_to_bytes(&mut rounded, area);
        let error = |from: usize, to: usize| {
            let pairs = weights[from..to].iter().zip(&rounded[from..to]);
            pairs.map(|(weight, rounded)| (weight - rounded) / level).sum::<f32>().abs()
        };
        assert!(error(0, inputs * area) < 0.51);
        for (at, rounded) in rounded.iter().enumerate() {
            let byte = rounded / level;
            assert!((byte - byte.round()).abs() < 1e-3 && byte.abs() < 127.01, "weight {at}: {byte}");
            assert!(error(at, at + 1) < 1.001, "weight {at}");
        }
        // A balance of all may cost an input one weight.
        (0..inputs).for_each(|input| assert!(error(input * area, (input + 1) * area) < 1.51, "input {input}"));
        let once = rounded.clone();
        super::panel::round_to_bytes(&mut rounded, area);
        assert!(once.iter().zip(&rounded).all(|(once, twice)| (once - twice).abs() < 1e-3 * level));
    }
    let mut none = [0.5, f32::NAN, 1.0];
    super::panel::round_to_bytes(&mut none, 3);
    assert!(none.iter().all(|weight| weight.is_nan()));
    let mut zeros = [0.0; 4];
    super::panel::round_to_bytes(&mut zeros, 2);
    assert_eq!(zeros, [0.0; 4]);
}

#[test]
fn finite_values_of_any_span_give_finite_sums_in_bytes() {
    let (kernel, pad, size) = ([1, 1], [0, 0], [1, 2]);
    let small = Geometry { inputs: 4, outputs: 8, kernel, pad, from: size, to: size, addends: Vec::new(), ..large() };
    let mut case = Case::new(Geometry { relu: false, ..small });
    case.input = vec![3e38, 0.0, 0.0, 0.0, -3e38, 0.0, 0.0, 0.0];
    case.weights.fill(1e-3);
    for isa in isas(Precision::Int8) {
        let sums = case.run_in(Precision::Int8, isa, 1);
        assert!(sums.iter().all(|sum| sum.is_finite()), "{isa:?}: {sums:?}");
    }
}

#[test]
fn only_an_images_bytes_are_read_as_bytes() {
    let of = |from_order| Geometry { inputs: 3, from_order, addends: Vec::new(), ..large() };
    let normalise = Normalise::new([0.5; 3], [0.25; 3]);
    for order in [Order::Rounded, Order::Interleaved, Order::Planes, Order::Bytes] {
        let case = Case::new(of(order));
        let made = Conv::of_bytes(of(order), &case.weights, &case.bias, &normalise, Isa::Portable);
        assert_eq!(made.is_ok(), order == Order::Bytes, "{order:?}");
    }
}
