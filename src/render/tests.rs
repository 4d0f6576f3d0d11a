use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::mask::UNLABELLED;

/// Every pixel, every class, no shortcut: the definition that the renderer has to meet byte by byte.
fn naive_classes(logits: Logits<'_>, size: Size) -> Vec<u8> {
    let (mut columns, mut lines) = (Axis::default(), Axis::default());
    columns.fit(logits.grid.width, size.width);
    lines.fit(logits.grid.height, size.height);
    let mut out = Vec::new();
    for line in lines.cells() {
        for &down in lines.parts(line) {
            for column in columns.cells() {
                for &right in columns.parts(column) {
                    let at = |class: usize, x: u32, y: u32| {
                        let cell = (y * logits.grid.width + x) as usize;
                        logits.values[class * logits.grid.pixels() + cell]
                    };
                    let mut best = (f32::NEG_INFINITY, UNLABELLED);
                    for class in 0..logits.classes {
                        let edge = |x| {
                            let (above, below) = (at(class, x, line.at), at(class, x, line.next));
                            above * (1.0 - down) + below * down
                        };
                        let score = edge(column.at) * (1.0 - right) + edge(column.next) * right;
                        if score > best.0 {
                            best = (score, class as u8);
                        }
                    }
                    out.push(best.1);
                }
            }
        }
    }
    out
}

/// The exact confidence at a pixel, in levels of 255.
fn naive_confidence(logits: Logits<'_>, size: Size) -> Vec<f64> {
    let pixels = logits.grid.pixels();
    let cells: Vec<f64> = (0..pixels)
        .map(|cell| {
            let scores = (0..logits.classes).map(|class| f64::from(logits.values[class * pixels + cell]));
            let best = scores.clone().fold(f64::NEG_INFINITY, f64::max);
            255.0 / scores.map(|score| (score - best).exp()).sum::<f64>()
        })
        .collect();
    let place = |at: u32, grid: u32, size: u32| {
        let centre = (f64::from(at) + 0.5) * f64::from(grid) / f64::from(size) - 0.5;
        let centre = centre.clamp(0.0, f64::from(grid - 1));
        let next = (centre as u32 + 1).min(grid - 1);
        (centre as u32, next, centre.fract())
    };
    let mut out = Vec::new();
    for y in 0..size.height {
        let (a, b, down) = place(y, logits.grid.height, size.height);
        for x in 0..size.width {
            let (l, r, right) = place(x, logits.grid.width, size.width);
            let cell = |x: u32, y: u32| cells[(y * logits.grid.width + x) as usize];
            let edge = |x| cell(x, a) * (1.0 - down) + cell(x, b) * down;
            out.push(edge(l) * (1.0 - right) + edge(r) * right);
        }
    }
    out
}

static CREW: LazyLock<Arc<Crew>> = LazyLock::new(|| Arc::new(Crew::new(3).unwrap()));

/// A mask, which several threads make alike.
fn rendered(logits: Logits<'_>, size: Size) -> Mask {
    let [mut mask, mut shared] = [Mask::unlabelled(size), Mask::unlabelled(size)];
    Renderer::new().render(logits, &mut mask).unwrap();
    Renderer::new().on(Some(&CREW)).render(logits, &mut shared).unwrap();
    assert_eq!(shared.classes(), mask.classes());
    mask
}

fn confidence(logits: Logits<'_>, size: Size) -> Vec<u8> {
    ConfidenceRenderer::new().render(logits, size).unwrap().to_vec()
}

fn logits(classes: usize, grid: Size, values: &[f32]) -> Logits<'_> {
    Logits { classes, grid, values }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Smooth,
    Noise,
    Ties,
    Odd,
}

/// Scores of a kind that matters: smooth regions, noise, many ties and near ties, or odd numbers.
fn score(kind: Kind, class: usize, x: u32, y: u32, random: u32) -> f32 {
    let noise = (random % 2001) as f32 / 1000.0 - 1.0;
    match kind {
        Kind::Smooth => {
            let (x, y) = (x as f32, y as f32);
            (0.7 * x + class as f32).sin() * 3.0 + (0.4 * y * (class as f32 + 1.0)).cos() + 0.1 * noise
        }
        Kind::Noise => 10.0 * noise,
        Kind::Ties => [1.0, 1.0 + f32::EPSILON, 1.0 - f32::EPSILON, 0.5, 3.0][random as usize % 5],
        Kind::Odd => {
            [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-40, 2e-40, 0.0][random as usize % 8]
        }
    }
}

fn scores() -> impl Strategy<Value = (usize, Size, Vec<f32>)> {
    let kinds = prop_oneof![Just(Kind::Smooth), Just(Kind::Noise), Just(Kind::Ties), Just(Kind::Odd)];
    (1usize..12, 1u32..9, 1u32..9, kinds, any::<u32>()).prop_map(|(classes, width, height, kind, seed)| {
        let mut random = seed | 1;
        let mut values = Vec::new();
        for class in 0..classes {
            for y in 0..height {
                for x in 0..width {
                    random ^= random << 13;
                    random ^= random >> 17;
                    random ^= random << 5;
                    values.push(score(kind, class, x, y, random));
                }
            }
        }
        (classes, Size::new(width, height), values)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn masks_equal_those_without_any_shortcut(
        (classes, grid, values) in scores(),
        (width, height) in (1u32..50, 1u32..50),
    ) {
        let logits = logits(classes, grid, &values);
        let size = Size::new(width, height);
        let mask = rendered(logits, size);
        prop_assert_eq!(mask.classes(), naive_classes(logits, size));
    }

    #[test]
    fn confidences_are_within_two_levels(
        (classes, grid, values) in scores(),
        (width, height) in (1u32..50, 1u32..50),
    ) {
        prop_assume!(values.iter().all(|v| v.is_finite() && v.abs() < 1e6));
        let logits = logits(classes, grid, &values);
        let size = Size::new(width, height);
        for (got, want) in confidence(logits, size).iter().zip(naive_confidence(logits, size)) {
            prop_assert!((f64::from(*got) - want).abs() < 2.0, "{} is not {}", got, want);
        }
    }

    #[test]
    fn a_mask_of_the_grids_size_has_the_classes_of_the_grid((classes, grid, values) in scores()) {
        prop_assume!(values.iter().all(|v| v.is_finite()));
        let logits = logits(classes, grid, &values);
        let mut cells = vec![0; grid.pixels()];
        classes_of(logits, &mut cells).unwrap();
        let mask = rendered(logits, grid);
        prop_assert_eq!(mask.classes(), &cells);
    }
}

#[test]
fn equal_scores_go_to_the_lowest_class() {
    let values = [1.0; 12];
    let (logits, size) = (logits(3, Size::new(2, 2), &values), Size::new(5, 5));
    assert_eq!(rendered(logits, size).classes(), [0; 25]);
    assert_eq!(confidence(logits, size), [85; 25]);
}

#[test]
fn a_score_that_is_not_a_number_never_wins() {
    let values = [f32::NAN, 1.0];
    let (logits, size) = (logits(2, Size::new(1, 1), &values), Size::new(2, 2));
    assert_eq!(rendered(logits, size).classes(), [1; 4]);
    assert_eq!(confidence(logits, size), [255; 4]);
}

#[test]
fn without_any_score_a_pixel_is_unlabelled_and_not_confident() {
    let values = [f32::NAN; 8];
    let logits = logits(2, Size::new(2, 2), &values);
    let mask = rendered(logits, Size::new(3, 3));
    assert_eq!(mask.classes(), [UNLABELLED; 9]);
    assert_eq!(confidence(logits, mask.size()), [0; 9]);
    let mut cells = [0; 4];
    classes_of(logits, &mut cells).unwrap();
    assert_eq!(cells, [UNLABELLED; 4]);
}

#[test]
fn a_border_between_two_cells_lies_in_their_middle() {
    let values = [1.0, 0.0, 0.0, 1.0];
    let mask = rendered(logits(2, Size::new(2, 1), &values), Size::new(8, 1));
    assert_eq!(mask.classes(), [0, 0, 0, 0, 1, 1, 1, 1]);
}

#[test]
fn one_renderer_serves_masks_and_grids_of_changing_size() {
    let (mut renderer, mut confidences) = (Renderer::new(), ConfidenceRenderer::new());
    for (grid, size) in [
        (Size::new(4, 3), Size::new(16, 12)),
        (Size::new(2, 2), Size::new(16, 12)),
        (Size::new(2, 2), Size::new(3, 40)),
        (Size::new(9, 9), Size::new(4, 4)),
    ] {
        let values: Vec<f32> = (0..5 * grid.pixels()).map(|k| (k as f32).sin()).collect();
        let logits = logits(5, grid, &values);
        let mut mask = Mask::unlabelled(size);
        renderer.render(logits, &mut mask).unwrap();
        assert_eq!(mask, rendered(logits, size));
        assert_eq!(confidences.render(logits, size).unwrap(), confidence(logits, size));
        let mut cells = vec![0; grid.pixels()];
        classes_of(logits, &mut cells).unwrap();
        assert_eq!(renderer.classes(), cells);
    }
}

#[test]
fn an_empty_mask_is_no_error() {
    let mask = rendered(logits(1, Size::new(1, 1), &[0.0]), Size::new(0, 0));
    assert!(mask.classes().is_empty());
}

#[test]
fn values_that_do_not_fit_the_grid_are_refused_with_both_numbers() {
    let error = Renderer::new()
        .render(logits(3, Size::new(2, 2), &[0.0; 11]), &mut Mask::unlabelled(Size::new(1, 1)))
        .unwrap_err();
    assert!(error.to_string().starts_with("logits: expected 12 values for 3 classes"));
    let short = classes_of(logits(1, Size::new(2, 2), &[0.0; 4]), &mut [0; 3]);
    assert_eq!(short, Err(RenderError::Output { expected: 4, got: 3 }));
    assert!(classes_of(logits(0, Size::new(2, 2), &[]), &mut [0; 4]).is_err());
}

#[test]
fn change_is_the_fraction_of_pixels_that_differ() {
    assert_eq!(change(&[1, 2, 3, 4], &[1, 2, 0, 0]), 0.5);
    assert_eq!(change(&[1, 2], &[1]), 0.5);
    assert_eq!(change(&[], &[]), 0.0);
}
