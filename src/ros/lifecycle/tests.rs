use proptest::prelude::*;

use super::State::{
    Activating, Active, CleaningUp, Configuring, Deactivating, ErrorProcessing, Finalized, Inactive, ShuttingDown,
    Unconfigured, Unknown,
};
use super::*;

fn by_id(id: u8) -> Request<'static> {
    Request { id, label: "" }
}

#[test]
fn a_node_goes_through_its_life() {
    let mut node = Lifecycle::new();
    for (request, during, after) in [
        (Request::CONFIGURE, Configuring, Inactive),
        (Request::ACTIVATE, Activating, Active),
        (Request::DEACTIVATE, Deactivating, Inactive),
        (Request::CLEANUP, CleaningUp, Unconfigured),
        (Request::SHUTDOWN, ShuttingDown, Finalized),
    ] {
        let before = node.state();
        let begun = node.begin(request).expect("possible");
        assert_eq!((begun.start, begun.goal, node.state()), (before, during, during));
        let finished = node.finish(Ending::Success).expect("under way");
        assert_eq!((finished.start, finished.goal, node.state()), (during, after, after));
    }
}

#[test]
fn a_failure_leads_back_and_an_error_through_its_processing() {
    let mut node = Lifecycle::new();
    node.begin(by_id(1)).expect("possible");
    assert_eq!(node.finish(Ending::Failure).map(|t| (t.id, t.goal)), Ok((11, Unconfigured)));
    node.begin(by_id(1)).expect("possible");
    assert_eq!(node.finish(Ending::Error).map(|t| (t.id, t.goal)), Ok((12, ErrorProcessing)));
    assert_eq!(node.finish(Ending::Success).map(|t| (t.id, t.goal)), Ok((60, Unconfigured)));
    node.begin(by_id(5)).expect("possible");
    node.finish(Ending::Error).expect("under way");
    assert_eq!(node.finish(Ending::Failure).map(|t| (t.id, t.goal)), Ok((61, Finalized)));
}

#[test]
fn shutdown_by_name_has_the_number_of_the_state_it_starts_from() {
    let mut node = Lifecycle::new();
    assert_eq!(node.clone().begin(Request::SHUTDOWN).map(|t| t.id), Ok(5));
    node.begin(Request::CONFIGURE).and_then(|_| node.finish(Ending::Success)).expect("configures");
    assert_eq!(node.clone().begin(Request::SHUTDOWN).map(|t| t.id), Ok(6));
    node.begin(Request::ACTIVATE).and_then(|_| node.finish(Ending::Success)).expect("activates");
    assert_eq!(node.clone().begin(Request::SHUTDOWN).map(|t| t.id), Ok(7));
}

#[test]
fn a_name_goes_before_a_number() {
    let begun = Lifecycle::new().begin(Request { id: 5, label: "configure" });
    assert_eq!(begun.map(|t| t.id), Ok(1));
    let mut node = Lifecycle::new();
    node.begin(Request { id: 1, label: "activate" }).expect_err("not from here");
    assert_eq!(node.state(), Unconfigured);
}

#[test]
fn a_refusal_says_where_the_node_is_and_what_it_could_do() {
    let mut node = Lifecycle::new();
    let error = node.begin(Request::ACTIVATE).expect_err("not from here").to_string();
    assert_eq!(error, "`activate` is refused: the node is unconfigured, where there is configure (1), shutdown (5)");
    let error = node.begin(by_id(0)).expect_err("nothing asked for").to_string();
    assert!(error.starts_with("transition 0 is refused"), "{error}");
    let error = node.finish(Ending::Success).expect_err("nothing under way").to_string();
    assert_eq!(error, "there is no transition to finish: the node is unconfigured");
    node.begin(Request::CONFIGURE).expect("possible");
    let error = node.begin(Request::SHUTDOWN).expect_err("busy").to_string();
    assert_eq!(error, "`shutdown` is refused: the node is still configuring");
}

#[test]
fn nobody_can_ask_for_the_outcome_of_a_transition() {
    let mut node = Lifecycle::new();
    node.begin(Request::CONFIGURE).expect("possible");
    for request in [by_id(10), Request { id: 0, label: SUCCESS }] {
        assert!(matches!(node.begin(request), Err(Refused::Busy { .. })));
    }
    assert_eq!(node.state(), Configuring);
}

#[test]
fn the_numbers_and_names_are_those_of_lifecycle_msgs() {
    let states = State::ALL.map(|state| format!("{} {state}", state.id())).join(", ");
    assert_eq!(
        states,
        "0 unknown, 1 unconfigured, 2 inactive, 3 active, 4 finalized, 10 configuring, 11 cleaningup, 12 shuttingdown, \
         13 activating, 14 deactivating, 15 errorprocessing"
    );
    let ids: Vec<_> = Lifecycle { state: Inactive }.available_transitions().iter().map(|t| t.id).collect();
    assert_eq!(ids, [2, 3, 6]);
    let ids: Vec<_> = Lifecycle { state: Deactivating }.available_transitions().iter().map(|t| t.id).collect();
    assert_eq!(ids, [40, 41, 42]);
    assert!(Lifecycle { state: Finalized }.available_transitions().is_empty());
}

#[test]
fn every_transition_has_its_own_number_and_every_transition_state_its_three_outcomes() {
    let mut ids = TRANSITIONS.map(|transition| transition.id);
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    for state in State::ALL.into_iter().filter(|state| state.is_transition()) {
        let labels: Vec<_> = from(state).map(|transition| transition.label).collect();
        assert_eq!(labels, [SUCCESS, FAILURE, ERROR], "{state}");
    }
}

#[test]
fn an_event_tells_the_transition_and_both_states() {
    let event = Lifecycle::new().begin(Request::CONFIGURE).expect("possible").event(7);
    assert_eq!((event.timestamp, event.transition.id, event.transition.label.as_str()), (7, 1, "configure"));
    assert_eq!((event.start_state.label.as_str(), event.goal_state.id), ("unconfigured", 10));
}

#[derive(Clone, Debug)]
enum Act {
    Begin(u8),
    Named(&'static str),
    Finish(Ending),
}

fn act() -> impl Strategy<Value = Act> {
    let label =
        prop::sample::select(vec!["configure", "cleanup", "activate", "deactivate", "shutdown", SUCCESS, "fly"]);
    let outcome = prop::sample::select(vec![Ending::Success, Ending::Failure, Ending::Error]);
    prop_oneof![any::<u8>().prop_map(Act::Begin), label.prop_map(Act::Named), outcome.prop_map(Act::Finish)]
}

proptest! {
    #[test]
    fn no_sequence_leaves_the_machine_and_finalized_is_final(
        start in prop::sample::select(State::ALL.to_vec()),
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let mut node = Lifecycle { state: start };
        for act in acts {
            let before = node.state();
            let moved = match act {
                Act::Begin(id) => node.begin(by_id(id)),
                Act::Named(label) => node.begin(Request { id: 0, label }),
                Act::Finish(outcome) => node.finish(outcome),
            };
            match moved {
                Ok(transition) => {
                    prop_assert!(TRANSITIONS.contains(&transition));
                    prop_assert_eq!((transition.start, transition.goal), (before, node.state()));
                    prop_assert!(before != Finalized && node.state() != Unknown);
                }
                Err(_) => prop_assert_eq!(node.state(), before),
            }
        }
    }
}
