//! The anytime loop on a scripted model and clock: every stop cause, the order of decisions, and what must hold for all budgets.

use std::fmt::Write as _;
use std::time::Duration;

use itnet::anytime::{
    Exits, Iterations, Limits, Outcome, Price, ScriptedModel, Stage, StageCosts, StopCause, Task, Verdict, alone,
    measure, run, without_dips,
};
use itnet::clock::{Clock, Instant, ScriptedClock};
use itnet::model::{Logits, ModelError, StagedModel, State, WarmStart};
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);
const US: Duration = Duration::from_micros(1);

/// Stage costs of one scripted machine, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Machine {
    data: u32,
    step: u32,
    exit: u32,
    render: u32,
    nodes: u32,
    iterations: usize,
}

const USUAL: Machine = Machine { data: 8000, step: 4000, exit: 500, render: 1000, nodes: 8, iterations: 6 };

impl Machine {
    fn cost(self, stage: Stage) -> Duration {
        match stage {
            Stage::Data => self.data * US,
            Stage::Step(_) => self.step * US,
            Stage::Exit(_) => self.exit * US,
            Stage::Render(_) => self.render * US,
            Stage::Decode(_) => Duration::ZERO,
        }
    }

    fn model(self, clock: &ScriptedClock) -> ScriptedModel {
        ScriptedModel::new(clock.clone(), self.iterations, self.nodes, move |stage| self.cost(stage))
    }

    /// Costs as a warm-up on this machine leaves them.
    fn costs(self) -> StageCosts {
        let clock = ScriptedClock::new();
        let mut costs = StageCosts::new();
        measure(&mut self.model(&clock), &clock, &mut costs, self.iterations, 3).expect("scripted");
        costs.set_reference(Stage::Render(0), &[self.cost(Stage::Render(0))]);
        costs
    }
}

fn go_on(_exit: usize, _logits: Logits<'_>) -> Result<Verdict, ModelError> {
    Ok(Verdict::GoOn)
}

/// One frame that arrives at 0 with `budget`, on a machine that is as it was measured; and when its mask was out.
fn frame(machine: Machine, budget: Duration, change: impl FnOnce(&mut Task<'_>)) -> (Outcome, Instant) {
    frame_on(machine, machine, budget, change)
}

/// The same on a machine that has become `real` since it was measured.
fn frame_on(
    measured: Machine,
    real: Machine,
    budget: Duration,
    change: impl FnOnce(&mut Task<'_>),
) -> (Outcome, Instant) {
    frame_beside((measured, real), budget, Limits::default(), change)
}

/// The same with other limits.
fn frame_beside(
    (measured, real): (Machine, Machine),
    budget: Duration,
    limits: Limits,
    change: impl FnOnce(&mut Task<'_>),
) -> (Outcome, Instant) {
    let clock = ScriptedClock::new();
    let mut costs = measured.costs();
    let mut task = Task {
        deadline: Some(Instant::at(budget)),
        iterations: Iterations::new(1, real.iterations),
        ..Task::default()
    };
    change(&mut task);
    let mut beside = |_: Instant, _: &StageCosts, _| limits;
    let outcome = run(&mut real.model(&clock), &clock, &mut costs, &task, &mut beside, &mut go_on).expect("scripted");
    clock.advance(real.cost(Stage::Render(0)));
    (outcome, clock.now())
}

#[test]
fn enough_budget_runs_to_the_last_exit() {
    let (outcome, out) = frame(USUAL, 50 * MS, |_| ());
    assert_eq!((outcome.exit, outcome.cause), (6, StopCause::LastExit));
    assert_eq!(outcome.planned, 6);
    assert!(out <= Instant::at(50 * MS));
}

#[test]
fn a_spent_budget_publishes_the_exit_that_finished_last_and_in_time() {
    let (outcome, out) = frame(USUAL, 24 * MS, |_| ());
    assert_eq!((outcome.exit, outcome.cause), (3, StopCause::BudgetSpent));
    assert!(out <= Instant::at(24 * MS), "{out:?}");
}

#[test]
fn the_first_exit_always_runs() {
    let (outcome, out) = frame(USUAL, 2 * MS, |_| ());
    assert_eq!((outcome.exit, outcome.run), (1, 1));
    assert_eq!(outcome.cause, StopCause::BudgetSpent);
    assert!(out > Instant::at(2 * MS));
}

#[test]
fn a_frame_whose_deadline_had_passed_is_stale_and_still_gets_its_first_exit() {
    let (outcome, _) = frame(USUAL, Duration::ZERO, |_| ());
    assert_eq!((outcome.exit, outcome.cause), (1, StopCause::Stale));
}

#[test]
fn a_spent_share_of_compute_stops_before_the_deadline() {
    let limits = Limits { share_end: Some(Instant::at(20 * MS)), others: None };
    let (outcome, out) = frame_beside((USUAL, USUAL), 50 * MS, limits, |_| ());
    assert_eq!((outcome.exit, outcome.cause), (2, StopCause::ShareSpent));
    assert!(out <= Instant::at(20 * MS));
}

#[test]
fn frames_that_wait_stop_a_frame_before_its_deadline() {
    let limits = Limits { share_end: None, others: Some(Instant::at(20 * MS)) };
    let (outcome, out) = frame_beside((USUAL, USUAL), 50 * MS, limits, |_| ());
    assert_eq!((outcome.exit, outcome.cause), (2, StopCause::OthersWait));
    assert!(out <= Instant::at(20 * MS));
}

#[test]
fn a_converged_mask_stops_the_run() {
    let clock = ScriptedClock::new();
    let iterations = Iterations::new(1, 6);
    let task = Task { iterations, exits: Exits::Every, ..Task::default() };
    let mut on_exit = |exit, _: Logits<'_>| -> Result<_, ModelError> {
        Ok(if exit == 3 { Verdict::Converged } else { Verdict::GoOn })
    };
    let outcome =
        run(&mut USUAL.model(&clock), &clock, &mut USUAL.costs(), &task, &mut alone, &mut on_exit).expect("scripted");
    assert_eq!((outcome.exit, outcome.cause), (3, StopCause::Converged));
}

#[test]
fn a_step_that_takes_far_longer_than_ever_seen_is_abandoned_and_the_mask_is_still_in_time() {
    let usual = Machine { nodes: 200, ..USUAL };
    let stuck = Machine { step: 40_000, ..usual };
    let clock = ScriptedClock::new();
    let mut costs = usual.costs();
    let mut steps = 0;
    let mut model = ScriptedModel::new(clock.clone(), 6, stuck.nodes, move |stage| match stage {
        Stage::Step(_) => {
            steps += 1;
            if steps < 3 { USUAL.cost(stage) } else { stuck.cost(stage) }
        }
        _ => USUAL.cost(stage),
    });
    let task = Task { deadline: Some(Instant::at(40 * MS)), iterations: Iterations::new(1, 6), ..Task::default() };
    let outcome = run(&mut model, &clock, &mut costs, &task, &mut alone, &mut go_on).expect("scripted");
    clock.advance(USUAL.cost(Stage::Render(0)));
    assert_eq!((outcome.exit, outcome.run, outcome.cause), (2, 2, StopCause::BudgetSpent));
    assert!(clock.now() <= Instant::at(40 * MS), "{:?}", clock.now());
}

#[test]
fn exits_that_nobody_needs_are_skipped() {
    let (outcome, _) = frame(USUAL, 50 * MS, |_| ());
    let exits: Vec<_> = outcome.stages.iter().filter(|(stage, _)| stage.name() == "exit").map(|s| s.0).collect();
    assert_eq!(exits, [Stage::Exit(1), Stage::Exit(6)]);
}

#[test]
fn progressive_takes_every_exit_and_pays_for_publishing_each() {
    let clock = ScriptedClock::new();
    let task = Task {
        deadline: Some(Instant::at(40 * MS)),
        iterations: Iterations::new(1, 6),
        exits: Exits::EachPublished,
        ..Task::default()
    };
    let mut published = Vec::new();
    let mut on_exit = |exit, _: Logits<'_>| -> Result<_, ModelError> {
        clock.clone().advance(USUAL.cost(Stage::Render(0)));
        published.push(exit);
        Ok(Verdict::GoOn)
    };
    let outcome =
        run(&mut USUAL.model(&clock), &clock, &mut USUAL.costs(), &task, &mut alone, &mut on_exit).expect("scripted");
    assert_eq!(published, (1..=outcome.exit).collect::<Vec<_>>());
    assert!(clock.now() <= Instant::at(40 * MS), "{:?}", clock.now());
}

#[test]
fn fixed_iterations_run_without_regard_to_time_and_take_one_exit() {
    let (outcome, _) = frame(USUAL, 50 * MS, |task| {
        task.deadline = None;
        task.iterations = Iterations::fixed(4);
    });
    assert_eq!((outcome.exit, outcome.run, outcome.cause), (4, 4, StopCause::LastExit));
    assert_eq!(outcome.stages.len(), 6);
}

#[test]
fn iterations_fall_under_load_and_come_back_after_it() {
    let clock = ScriptedClock::new();
    let mut costs = USUAL.costs();
    let loaded = Machine { data: 16_000, step: 8000, exit: 1000, render: 2000, ..USUAL };
    let mut exits = Vec::new();
    for n in 0..90_u32 {
        let machine = if (30..60).contains(&n) { loaded } else { USUAL };
        let arrival = clock.now();
        let task = Task { deadline: Some(arrival + 36 * MS), iterations: Iterations::new(1, 6), ..Task::default() };
        let outcome =
            run(&mut machine.model(&clock), &clock, &mut costs, &task, &mut alone, &mut go_on).expect("scripted");
        let render = machine.cost(Stage::Render(0));
        let before = clock.now();
        clock.advance(render);
        costs.observe(Stage::Render(0), before, clock.now());
        exits.push(outcome.exit);
        assert!(clock.now().since(arrival) <= 37 * MS, "frame {n}: {:?}", clock.now().since(arrival));
        clock.sleep_until(arrival + 40 * MS);
    }
    assert!(exits[..30].iter().all(|&exit| exit >= 5), "{exits:?}");
    assert!(exits[32..60].iter().all(|&exit| exit < 5), "{exits:?}");
    assert!(exits[85..].iter().all(|&exit| exit >= 5), "comes back within a second: {exits:?}");
}

/// How many of 3000 frames are late beside another program, which stalls one node in a hundred, for as long as a step and a half takes, at no time that could
/// be foreseen; with a price of lateness that follows, or with that of a first frame throughout.
fn late_beside_stalls(follows: bool) -> usize {
    let clock = ScriptedClock::new();
    let mut random = 1_u64;
    let nodes = move |stage| {
        let mut node = |_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let stall = if (random >> 33).is_multiple_of(100) { 6 * MS } else { Duration::ZERO };
            USUAL.cost(stage) / 8 + stall
        };
        (0..8).map(&mut node).collect()
    };
    let mut model = ScriptedModel::of_nodes(clock.clone(), 6, nodes);
    let (mut costs, mut price, mut late) = (USUAL.costs(), Price::default(), 0);
    for _ in 0..3000 {
        let arrival = clock.now();
        let task = Task {
            deadline: Some(arrival + 30 * MS),
            iterations: Iterations::new(1, 6),
            price: if follows { price } else { Price::default() },
            ..Task::default()
        };
        let outcome = run(&mut model, &clock, &mut costs, &task, &mut alone, &mut go_on).expect("scripted");
        clock.advance(USUAL.cost(Stage::Render(0)));
        let is_late = outcome.went_on && clock.now().since(arrival) > 30 * MS;
        price.learn(is_late);
        late += usize::from(is_late);
        clock.sleep_until(arrival + 50 * MS);
    }
    late
}

#[test]
fn fewer_frames_are_late_where_the_price_of_lateness_follows_them() {
    let (fixed, follows) = (late_beside_stalls(false), late_beside_stalls(true));
    assert!(fixed > 6, "{fixed}");
    assert!(follows <= fixed / 2, "{follows} and {fixed}");
}

#[test]
fn a_warm_frame_is_planned_with_the_costs_of_the_steps_it_runs() {
    let cost = |stage| match stage {
        Stage::Step(1 | 2) => 20 * MS,
        stage => USUAL.cost(stage),
    };
    let clock = ScriptedClock::new();
    let warm_start = WarmStart { from_step: 3, useful: 4, keep: 0.5 };
    let mut model = ScriptedModel::new(clock.clone(), 6, 8, cost).offering(warm_start);
    let mut costs = StageCosts::new();
    measure(&mut model, &clock, &mut costs, 6, 3).expect("scripted");
    let mut run_one = |skipped: usize, state: Option<State>| {
        let start = clock.now();
        state.into_iter().for_each(|state| model.resume(state).expect("its own"));
        let iterations = Iterations::new(1, warm_start.useful);
        let task = Task { deadline: Some(start + 30 * MS), iterations, skipped, ..Task::default() };
        let outcome = run(&mut model, &clock, &mut costs, &task, &mut alone, &mut go_on).expect("scripted");
        (outcome, model.state(), clock.now().since(start))
    };
    let (cold, state, _) = run_one(0, None);
    assert_eq!((cold.exit, cold.planned), (1, 1), "the first step alone takes most of the budget");
    let (warm, state, took) = run_one(2, state);
    assert_eq!((warm.exit, warm.planned, warm.cause), (4, 4, StopCause::LastExit));
    assert_eq!(warm.stages[1].0, Stage::Step(3));
    assert!(took <= 30 * MS, "{took:?}");
    assert!(state.is_some());
}

#[test]
fn an_exit_that_is_worse_than_the_one_before_is_passed_where_a_later_one_is_better() {
    let exit = |worth: Vec<f64>| {
        let (outcome, _) = frame(USUAL, 100 * MS, |task| task.worth = without_dips(worth).leak());
        (outcome.exit, outcome.cause)
    };
    assert_eq!(exit(vec![0.6, 0.5, 0.55, 0.7, 0.71, 0.72]), (6, StopCause::LastExit));
    // Nothing is gained by the last two: the fourth is the last that counts.
    assert_eq!(exit(vec![0.6, 0.5, 0.55, 0.7, 0.69, 0.68]), (4, StopCause::LastExit));
}

#[test]
fn exits_that_are_worse_lie_on_the_line_to_the_next_better_one() {
    assert_eq!(without_dips(vec![0.5, 0.25, 0.4, 0.8, 0.7]), [0.5, 0.6, 0.7, 0.8, 0.7]);
    assert!(without_dips(Vec::new()).is_empty());
}

/// What the planner does, as a table that a review can read.
#[test]
fn exits_by_budget_and_machine() {
    let machines = [
        ("usual", USUAL),
        ("slow x2", Machine { data: 16_000, step: 8000, exit: 1000, render: 2000, ..USUAL }),
        ("heavy data", Machine { data: 20_000, ..USUAL }),
        ("cheap steps", Machine { step: 800, exit: 700, ..USUAL }),
        ("dear exits", Machine { exit: 6000, ..USUAL }),
        ("coarse nodes", Machine { nodes: 1, ..USUAL }),
    ];
    let mut table = String::from("exit / planned / stop cause / time to the mask\n");
    for (name, machine) in machines {
        let _ = writeln!(table, "\n{name}: {machine:?}");
        for budget in [0, 5, 10, 15, 20, 25, 30, 33, 40, 50, 66, 100] {
            let (outcome, out) = frame(machine, budget * MS, |_| ());
            let _ = writeln!(
                table,
                "{budget:>5} ms  {} / {} / {:<12} {:>6.2} ms{}",
                outcome.exit,
                outcome.planned,
                outcome.cause.name(),
                out.since_start().as_secs_f64() * 1e3,
                if out > Instant::at(budget * MS) { "  missed" } else { "" },
            );
        }
    }
    insta::assert_snapshot!(table);
}

fn machines() -> impl Strategy<Value = Machine> {
    (1u32..20_000, 1u32..20_000, 1u32..20_000, 0u32..10_000, 1u32..20, 1usize..12).prop_map(
        |(data, step, exit, render, nodes, iterations)| Machine { data, step, exit, render, nodes, iterations },
    )
}

fn exit_policies() -> impl Strategy<Value = Exits> {
    prop_oneof![Just(Exits::Needed), Just(Exits::Every)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_larger_budget_never_gives_an_earlier_exit(
        machine in machines(), exits in exit_policies(), a in 0u32..200_000, b in 0u32..200_000
    ) {
        let (small, large) = (a.min(b) * US, a.max(b) * US);
        let (with_small, _) = frame(machine, small, |task| task.exits = exits);
        let (with_large, _) = frame(machine, large, |task| task.exits = exits);
        prop_assert!(with_small.exit <= with_large.exit, "{with_small:?} {with_large:?}");
        prop_assert!(with_small.planned <= with_large.planned);
    }

    #[test]
    fn a_larger_share_never_gives_an_earlier_exit(machine in machines(), a in 0u32..200_000, b in 0u32..200_000) {
        let ends = [a.min(b) * US, a.max(b) * US];
        let exit = |end| {
            let limits = Limits { share_end: Some(Instant::at(end)), others: None };
            frame_beside((machine, machine), 100 * MS, limits, |_| ()).0.exit
        };
        prop_assert!(exit(ends[0]) <= exit(ends[1]));
    }

    #[test]
    fn on_a_steady_machine_a_mask_is_late_only_where_even_the_first_exit_is(machine in machines(), budget in 0u32..200_000) {
        let (outcome, out) = frame(machine, budget * US, |_| ());
        prop_assert!(out <= Instant::at(budget * US) || outcome.exit == 1, "{outcome:?} {out:?}");
    }

    #[test]
    fn however_slow_the_steps_become_the_mask_waits_for_no_more_than_one_node(
        machine in machines(), factor in 1u32..50, budget in 0u32..200_000
    ) {
        let real = Machine { step: machine.step.saturating_mul(factor), ..machine };
        let first = real.data + real.step + real.exit + real.render;
        let node = real.step / real.nodes;
        let (_, out) = frame_on(machine, real, budget * US, |_| ());
        prop_assert!(out <= Instant::at((budget.max(first) + node + real.nodes) * US), "{out:?}");
    }

    #[test]
    fn the_outcome_is_consistent(machine in machines(), budget in 0u32..200_000, min in 1usize..8, span in 0usize..8) {
        let iterations = Iterations::new(min, min + span);
        let (outcome, _) = frame(machine, budget * US, |task| task.iterations = iterations);
        prop_assert!(outcome.exit >= min && outcome.exit <= min + span);
        prop_assert!(outcome.run >= outcome.exit && outcome.planned >= min);
        prop_assert!(outcome.cause != StopCause::LastExit || outcome.exit == iterations.max());
    }
}
