use proptest::prelude::*;

use super::*;
use crate::params::read_values;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn texts(texts: &[&str]) -> Value {
    Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn server(overrides: &[(&str, Value)]) -> ParameterServer {
    ParameterServer::new(owned(overrides)).expect("fits").0
}

fn owned(values: &[(&str, Value)]) -> Vec<(String, Value)> {
    values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// What setting one parameter says.
fn set(server: &mut ParameterServer, name: &str, value: Value) -> Result<Changed, String> {
    server.set(vec![(name.to_owned(), Some(value))]).map_err(|error| error.to_string())
}

#[test]
fn without_overrides_every_parameter_has_its_default() {
    let server = server(&[]);
    assert_eq!(server.all().len(), PARAMETERS.len());
    assert_eq!(server.get(&names(&["budget_ms", "class_remap"])), [Value::Double(33.0), Value::Integers(vec![])]);
}

#[test]
fn the_last_value_given_at_start_wins_and_an_integer_becomes_a_double() {
    let server = server(&[("budget_ms", Value::Double(1.0)), ("budget_ms", Value::Integer(5))]);
    assert_eq!(server.parameters().double("budget_ms"), 5.0);
    assert_eq!(server.get(&names(&["budget_ms"])), [Value::Double(5.0)]);
}

#[test]
fn what_is_read_at_start_can_be_given_at_start() {
    let server = server(&[("threads", Value::Integer(2)), ("autostart", Value::Bool(false))]);
    assert_eq!(server.parameters().integer("threads"), 2);
    assert!(!server.parameters().flag("autostart"));
}

#[test]
fn unknown_names_at_start_are_returned_and_wrong_values_are_errors() {
    let given =
        owned(&[("colour", text("red")), ("front.topic", text("/front/image")), ("threads", Value::Integer(2))]);
    let (server, unknown) = ParameterServer::new(given).expect("fits");
    assert_eq!(unknown, ["colour", "front.topic"]);
    assert_eq!(server.get(&unknown), []);
    assert_eq!(server.unknown("colour").to_string(), "there is no parameter `colour`");
    let front = "there is no parameter `front.topic`: `cameras` does not name `front`";
    assert_eq!(server.unknown("front.topic").to_string(), front);
    for (name, value, words) in [
        ("budget_ms", Value::Double(-1.0), ["0.1 to 10000", "-1.0"]),
        ("budget_ms", text("abc"), ["number", "abc"]),
        ("publish", text("all"), ["final, progressive", "all"]),
        ("iterations.min", Value::Integer(65), ["1 to 64", "65"]),
        ("class_remap", Value::Integers(vec![-1]), ["0 to 255", "-1"]),
        ("diagnostics.hardware_id", text(""), ["not empty", "\"\""]),
        ("use_sim_time", Value::Integer(1), ["true or false", "1"]),
        ("cameras", texts(&["front", "front"]), ["each once", "front"]),
        ("cameras", texts(&["a b"]), ["letters", "a b"]),
    ] {
        let error = ParameterServer::new(owned(&[(name, value)])).expect_err(name).to_string();
        assert!(error.contains(name) && words.iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn iterations_that_contradict_each_other_are_refused_at_start() {
    let given = owned(&[("iterations.min", Value::Integer(5)), ("iterations.max", Value::Integer(4))]);
    let error = ParameterServer::new(given).expect_err("5 > 4").to_string();
    assert!(error.contains("iterations.min") && error.contains("iterations.max"), "{error}");
}

#[test]
fn only_cameras_that_are_named_have_parameters() {
    let mut server = server(&[("cameras", texts(&["front"])), ("front.topic", text("/front/image_raw"))]);
    assert_eq!(server.get(&names(&["front.budget_ms"])), [Value::Double(0.0)]);
    assert_eq!(server.get(&names(&["rear.budget_ms"])), []);
    assert_eq!(
        set(&mut server, "front.budget_ms", Value::Integer(20)),
        Ok(owned(&[("front.budget_ms", Value::Double(20.0))]))
    );
    assert!(set(&mut server, "rear.budget_ms", Value::Double(20.0)).is_err());
    assert_eq!(server.parameters().double("front.budget_ms"), 20.0);
}

#[test]
fn qos_overrides_are_read_only_parameters() {
    let name = "qos_overrides./itnet/mask.publisher.depth";
    let mut server = server(&[(name, Value::Integer(3))]);
    assert_eq!(server.qos_overrides()[name], Value::Integer(3));
    assert_eq!(server.get(&names(&[name])), [Value::Integer(3)]);
    assert!(server.describe(&names(&[name]))[0].read_only);
    assert!(server.list(&[], 0).prefixes.contains(&"qos_overrides./itnet/mask.publisher".to_owned()));
    let error = set(&mut server, name, Value::Integer(4)).expect_err("read only");
    assert!(error.contains(name) && error.contains("read only"), "{error}");
}

#[test]
fn one_name_that_is_not_declared_empties_the_whole_answer() {
    let server = server(&[]);
    let asked = names(&["budget_ms", "colour"]);
    assert_eq!((server.get(&asked), server.types(&asked), server.describe(&asked)), (vec![], vec![], vec![]));
}

#[test]
fn types_are_those_of_the_table() {
    let asked = names(&["autostart", "threads", "budget_ms", "model", "class_remap", "cameras"]);
    let codes: Vec<u8> = server(&[]).types(&asked).into_iter().map(|kind| kind as u8).collect();
    assert_eq!(codes, [1, 2, 3, 4, 7, 9]);
}

#[test]
fn a_descriptor_has_text_range_and_choices() {
    let described = server(&[]).describe(&names(&["budget_ms", "iterations.max", "publish", "model", "class_remap"]));
    assert_eq!(described[0].floating_point_range, Some(Range { from: 0.1, to: 10_000.0, step: 0.0 }));
    assert!(described[0].description.contains("milliseconds") && !described[0].read_only);
    assert_eq!(described[1].integer_range, Some(Range { from: 1, to: 64, step: 0 }));
    assert_eq!(described[2].additional_constraints, "one of final, progressive");
    assert!(described[3].read_only);
    assert!(described[4].additional_constraints.contains("0 to 255"));
}

#[test]
fn a_list_goes_as_deep_as_it_is_asked_to() {
    let server = server(&[("cameras", texts(&["front"]))]);
    let all = server.list(&[], 0);
    assert_eq!(all.names.len(), PARAMETERS.len() + CAMERA_PARAMETERS.len());
    assert!(all.names.is_sorted());
    assert_eq!(all.prefixes, ["diagnostics", "front", "iterations"]);
    let top = server.list(&[], 1);
    assert!(top.prefixes.is_empty() && top.names.iter().all(|name| !name.contains('.')));
    assert_eq!(server.list(&names(&["iterations"]), 2).names, ["iterations.max", "iterations.min"]);
    assert_eq!(
        server.list(&names(&["iterations"]), 1),
        Listed::default(),
        "the dot after a prefix counts, as in rclcpp"
    );
    assert_eq!(server.list(&names(&["iterations", "budget_ms"]), 0).names.len(), 3);
    assert_eq!(server.list(&names(&["iter", ""]), 0), Listed::default());
}

#[test]
fn a_refused_set_says_which_parameter_what_is_expected_and_what_came() {
    let mut server = server(&[]);
    for (name, value, reason) in [
        ("budget_ms", Value::Double(-1.0), "parameter `budget_ms` must be a number from 0.1 to 10000, got -1.0"),
        ("budget_ms", text("abc"), "parameter `budget_ms` takes a number from 0.1 to 10000, got \"abc\""),
        ("publish", text("all"), "parameter `publish` must be one of final, progressive, got \"all\""),
        ("budgetms", Value::Double(5.0), "there is no parameter `budgetms`; did you mean `budget_ms`?"),
        ("", Value::Double(5.0), "there is no parameter ``"),
        (
            "threads",
            Value::Integer(2),
            "parameter `threads` is read only: it is 1 since start and takes a restart to change, got 2",
        ),
    ] {
        assert_eq!(set(&mut server, name, value), Err(reason.to_owned()));
    }
    let deleted = server.set(vec![("budget_ms".to_owned(), None)]).expect_err("no deletion").to_string();
    assert_eq!(deleted, "parameter `budget_ms` cannot be deleted: it takes a number from 0.1 to 10000, got no value");
}

#[test]
fn the_same_value_again_is_a_success_and_an_event() {
    let mut server = server(&[]);
    assert_eq!(set(&mut server, "budget_ms", Value::Double(33.0)), Ok(owned(&[("budget_ms", Value::Double(33.0))])));
}

#[test]
fn a_list_can_be_emptied_though_yaml_gives_an_empty_one_no_type() {
    let mut server = server(&[("class_remap", Value::Integers(vec![3, 4]))]);
    set(&mut server, "class_remap", Value::Bools(vec![])).expect("an empty list");
    assert_eq!(server.parameters().integers("class_remap"), [0_i64; 0]);
}

#[test]
fn an_atomic_set_with_a_wrong_member_changes_nothing() {
    let mut server = server(&[]);
    let before = server.clone();
    let wrong = [("compute_share", Value::Double(2.0)), ("threads", Value::Integer(2)), ("colour", text("red"))];
    for (name, value) in wrong {
        let asked = owned(&[("budget_ms", Value::Double(5.0)), (name, value)]);
        let asked = asked.into_iter().map(|(name, value)| (name, Some(value))).collect();
        let error = server.set(asked).expect_err("a wrong member").to_string();
        assert!(error.contains(name), "{error}");
        assert_eq!(server, before);
    }
}

#[test]
fn iterations_set_together_are_judged_together() {
    let mut server = server(&[("iterations.max", Value::Integer(3))]);
    assert!(set(&mut server, "iterations.min", Value::Integer(5)).is_err());
    let both = owned(&[("iterations.min", Value::Integer(5)), ("iterations.max", Value::Integer(8))]);
    let asked = both.iter().cloned().map(|(name, value)| (name, Some(value))).collect();
    assert_eq!(server.set(asked), Ok(both));
    assert!(set(&mut server, "iterations.max", Value::Integer(4)).is_err());
    assert_eq!(server.parameters().integer("iterations.max"), 8);
}

/// What `ros2 param dump` of Humble prints of a node with one camera and a QoS override.
const DUMP: &str = "\
/itnet:
  ros__parameters:
    autostart: true
    budget_ms: 33.0
    cameras:
    - front
    class_remap: []
    compute_share: 1.0
    converged_change: 0.0
    diagnostics:
      dropped_warn: 0.5
      hardware_id: itnet
      missed_warn: 0.01
    front:
      budget_ms: 0.0
      image_transport: ''
      topic: /front/image_raw
    image_transport: raw
    iterations:
      max: 64
      min: 1
    mask_encoding: mono8
    mask_size: input
    model: models/itnet-s
    no_frame_s: 5.0
    overlay_alpha: 0.5
    publish: final
    qos_overrides:
      /front/image_raw:
        subscription:
          depth: 2
          reliability: best_effort
    threads: 1
    use_sim_time: false
";

#[test]
fn what_param_dump_prints_loads_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("dump.yaml");
    std::fs::write(&path, DUMP).expect("writes");
    let (server, unknown) = ParameterServer::new(read_values(&path, "/itnet").expect("reads")).expect("fits");
    assert_eq!(unknown, Vec::<String>::new());
    let started = self::server(&[
        ("cameras", texts(&["front"])),
        ("front.topic", text("/front/image_raw")),
        ("qos_overrides./front/image_raw.subscription.depth", Value::Integer(2)),
        ("qos_overrides./front/image_raw.subscription.reliability", text("best_effort")),
    ]);
    assert_eq!(server.all(), started.all());
    let (parameters, unknown) = crate::params::read_file(&path, "/itnet").expect("reads");
    assert_eq!(unknown, Vec::<String>::new());
    assert_eq!(parameters, *server.parameters());
}

fn any_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![Just("final".to_owned()), Just("network".to_owned()), ".{0,6}"];
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        (-2_i64..70).prop_map(Value::Integer),
        any::<i64>().prop_map(Value::Integer),
        (-0.5..1.5).prop_map(Value::Double),
        any::<f64>().prop_map(Value::Double),
        word.clone().prop_map(Value::Text),
        prop::collection::vec(any::<bool>(), 0..3).prop_map(Value::Bools),
        prop::collection::vec(-2_i64..300, 0..3).prop_map(Value::Integers),
        prop::collection::vec(any::<f64>(), 0..3).prop_map(Value::Doubles),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(Value::Bytes),
        prop::collection::vec(word, 0..3).prop_map(Value::Texts),
    ]
}

fn any_set() -> impl Strategy<Value = (String, Option<Value>)> {
    let declared = start().list(&[], 0).names;
    let name = prop_oneof![9 => prop::sample::select(declared), 1 => "[a-z._]{0,8}"];
    (name, prop::option::weighted(0.95, any_value()))
}

fn start() -> ParameterServer {
    server(&[("cameras", texts(&["front"])), ("qos_overrides./a.publisher.depth", Value::Integer(1))])
}

proptest! {
    #[test]
    fn whatever_is_set_the_values_stay_in_their_ranges(
        alone in prop::collection::vec(any_set(), 0..20),
        together in prop::collection::vec(any_set(), 0..4),
    ) {
        let mut server = start();
        for one in alone {
            let _ = server.set(vec![one]);
        }
        let _ = server.set(together);
        for (name, value) in server.all() {
            if let Some(parameter) = server.declared.get(&name) {
                prop_assert_eq!(parameter.check(&name, value.clone()), Ok(value));
            }
        }
        prop_assert_eq!(server.parameters.check_together(), Ok(()));
        prop_assert_eq!(server.all().len(), start().all().len());
    }

    #[test]
    fn an_atomic_set_changes_all_or_nothing(asked in prop::collection::vec(any_set(), 0..4)) {
        let mut server = start();
        let before = server.clone();
        match server.set(asked.clone()) {
            Err(_) => prop_assert_eq!(server, before),
            Ok(changed) => {
                prop_assert_eq!(changed.len(), asked.len());
                for (name, value) in changed.iter().rev().scan(Vec::new(), last_of_its_name).flatten() {
                    prop_assert_eq!(server.get(&[name]), [value]);
                }
            }
        }
    }
}

/// Passes each name once.
fn last_of_its_name(seen: &mut Vec<String>, one: &(String, Value)) -> Option<Option<(String, Value)>> {
    let first = !seen.contains(&one.0);
    seen.push(one.0.clone());
    Some(first.then(|| one.clone()))
}
