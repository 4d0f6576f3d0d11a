//! What costs learn, and what they predict from it.

use super::*;

const MS: Duration = Duration::from_millis(1);

fn settled() -> StageCosts {
    let mut costs = StageCosts::new();
    costs.set_reference(Stage::Data, &[10 * MS, 11 * MS, 9 * MS]);
    costs.set_nodes(Stage::Step(1), &[[MS, 2 * MS, MS], [MS, 2 * MS, 9 * MS], [5 * MS, 2 * MS, MS]]);
    costs
}

/// What takes so long, from the clock's start on.
fn span(took: Duration) -> (Instant, Instant) {
    (Instant::default(), Instant::at(took))
}

/// Runs a stage that nobody looks into.
fn ran(costs: &mut StageCosts, stage: Stage, took: Duration) {
    let (from, to) = span(took);
    costs.observe(stage, from, to);
}

/// How many stalls are expected in so many seconds of work.
fn expected(costs: &StageCosts, work: f64) -> f64 {
    costs.stalls().first(0.0, work).expected
}

/// Runs a step whose nodes take so many tenths of a millisecond.
fn step(costs: &mut StageCosts, nodes: [u32; 3]) {
    let (mut course, mut from) = (Course::default(), Instant::default());
    for (node, took) in nodes.into_iter().enumerate() {
        let to = from + took * MS / 10;
        costs.observe_node(Stage::Step(1), node, (from, to), &mut course);
        from = to;
    }
    costs.finish(Stage::Step(1), course);
}

#[test]
fn the_reference_is_the_median_of_the_warm_up_runs_node_by_node() {
    assert_eq!((settled().usual(Stage::Data), settled().usual(Stage::Step(1))), (10 * MS, 4 * MS));
    assert_eq!([0, 1, 2, 3].map(|node| settled().left(Stage::Step(1), node)), [0.004, 0.003, 0.001, 0.0]);
}

#[test]
fn a_stage_never_seen_costs_nothing_yet() {
    assert_eq!(settled().usual(Stage::Exit(1)), Duration::ZERO);
    assert_eq!(settled().reserve(Stage::Exit(1)), Duration::ZERO);
}

#[test]
fn one_preempted_stage_does_not_move_the_slowdown() {
    let mut costs = settled();
    for _ in 0..6 {
        ran(&mut costs, Stage::Data, 10 * MS);
    }
    ran(&mut costs, Stage::Data, 100 * MS);
    assert_eq!(costs.slowdown(), 1.0);
    assert_eq!(costs.usual(Stage::Step(1)), 4 * MS);
}

#[test]
fn a_stalled_node_is_no_cost_of_its_stage() {
    let mut costs = settled();
    (0..70).for_each(|_| step(&mut costs, [10, 20, 50]));
    assert_eq!((costs.slowdown(), costs.usual(Stage::Step(1)), costs.reserve(Stage::Step(1))), (1.0, 4 * MS, 4 * MS));
    assert!(expected(&costs, 0.004) > 0.9, "{}", expected(&costs, 0.004));
    assert_eq!((costs.stalls().longer(0.0039), costs.stalls().longer(0.0041)), (1.0, 0.0));
}

#[test]
fn a_machine_that_became_slower_is_seen_within_five_stages_and_forgotten_within_five() {
    let mut costs = settled();
    for _ in 0..7 {
        ran(&mut costs, Stage::Data, 10 * MS);
    }
    for _ in 0..5 {
        step(&mut costs, [20, 40, 20]);
    }
    assert!((1.8..=2.0).contains(&costs.slowdown()), "{}", costs.slowdown());
    assert!(costs.usual(Stage::Step(1)) >= 8 * MS);
    for _ in 0..5 {
        ran(&mut costs, Stage::Data, 10 * MS);
    }
    assert!((1.0..=1.1).contains(&costs.slowdown()), "{}", costs.slowdown());
}

#[test]
fn rendering_that_is_held_up_now_and_then_is_stalled_and_for_good_is_slower() {
    let mut costs = settled();
    costs.set_reference(Stage::Render(0), &[MS]);
    for n in 0..128 {
        ran(&mut costs, Stage::Render(0), if n % 4 == 0 { 5 * MS } else { MS });
    }
    assert_eq!((costs.usual(Stage::Render(0)), costs.reserve(Stage::Render(0))), (MS, MS));
    assert!(expected(&costs, 0.001) > 0.2);
    (0..64).for_each(|_| ran(&mut costs, Stage::Render(0), 5 * MS));
    assert_eq!((costs.usual(Stage::Render(0)), costs.reserve(Stage::Render(0))), (5 * MS, 5 * MS));
}

#[test]
fn a_message_that_takes_longer_to_decode_is_no_stall() {
    let mut costs = settled();
    (0..64).for_each(|n| ran(&mut costs, Stage::Decode(0), if n % 2 == 0 { MS } else { 20 * MS }));
    assert_eq!(expected(&costs, 1.0), 0.0);
}

#[test]
fn more_pixels_cost_more_before_the_first_of_them_was_seen() {
    let mut costs = settled();
    costs.set_reference(Stage::Render(0), &[2 * MS]);
    costs.scale_reference(Stage::Render(0), 4.0);
    assert_eq!(costs.usual(Stage::Render(0)), 8 * MS);
    costs.scale_reference(Stage::Render(0), f64::INFINITY);
    costs.scale_reference(Stage::Exit(9), 4.0);
    assert_eq!((costs.usual(Stage::Render(0)), costs.usual(Stage::Exit(9))), (8 * MS, Duration::ZERO));
}

#[test]
fn rendering_says_nothing_about_the_speed_of_the_machine() {
    let mut costs = settled();
    costs.set_reference(Stage::Render(0), &[MS]);
    for _ in 0..20 {
        ran(&mut costs, Stage::Render(0), 9 * MS);
    }
    assert_eq!(costs.slowdown(), 1.0);
}

#[test]
fn by_means_a_stall_is_a_cost_like_any_other() {
    let mut costs = StageCosts::of_means();
    costs.set_nodes(Stage::Step(1), &[[MS, 2 * MS, MS]]);
    (0..70).for_each(|_| step(&mut costs, [10, 20, 50]));
    assert!((1.99..=2.0).contains(&costs.slowdown()), "{}", costs.slowdown());
    assert_eq!(expected(&costs, 1.0), 0.0);
}

#[test]
fn a_stage_that_was_slow_once_and_is_left_out_since_comes_to_be_as_usual() {
    let mut costs = settled();
    (0..5).for_each(|_| step(&mut costs, [10, 20, 10]));
    step(&mut costs, [14, 28, 14]);
    assert!(costs.reserve(Stage::Step(1)) > 5 * MS, "{:?}", costs.reserve(Stage::Step(1)));
    let usual = costs.usual(Stage::Step(1));
    costs.frame_ended();
    (0..NOISE_WINDOW).for_each(|_| costs.frame_ended());
    assert_eq!((costs.usual(Stage::Step(1)), costs.reserve(Stage::Step(1))), (usual, usual));
}

#[test]
fn a_stage_that_was_begun_in_every_frame_is_remembered_as_it_was_seen() {
    let mut costs = settled();
    step(&mut costs, [14, 28, 14]);
    let slow = costs.reserve(Stage::Step(1));
    for _ in 0..=NOISE_WINDOW {
        costs.observe_node(Stage::Step(1), 0, span(MS), &mut Course::default());
        costs.frame_ended();
    }
    assert_eq!(costs.reserve(Stage::Step(1)), slow);
}
