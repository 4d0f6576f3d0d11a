use super::*;

const IMAGE: &str = "sensor_msgs/msg/Image";

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn parse(parameters: &[(&str, Value)]) -> Result<QosOverrides, QosError> {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    QosOverrides::parse(&parameters.collect())
}

/// Why one override is refused where every topic is ours.
fn refused(name: &str, value: Value) -> String {
    let checked = parse(&[(name, value)]).and_then(|overrides| overrides.check(|_, _| true));
    checked.expect_err(name).to_string()
}

#[test]
fn an_override_changes_its_policy_at_its_end_of_its_topic_alone() {
    let overrides = parse(&[
        ("budget_ms", Value::Double(5.0)),
        ("qos_overrides./image.subscription.reliability", text("reliable")),
        ("qos_overrides./image.subscription.depth", Value::Integer(5)),
        ("qos_overrides./image.subscription.deadline", Value::Integer(40_000_000)),
        ("qos_overrides./itnet/mask.publisher.durability", text("transient_local")),
        ("qos_overrides./itnet/mask.publisher.history", text("keep_all")),
    ])
    .expect("valid");
    let ours = Qos::sensor_data();
    let image = overrides.of("/image", End::Subscription, ours);
    assert_eq!(image.to_string(), "reliable, volatile, keep_last 5, deadline 40ms");
    assert_eq!(overrides.of("/image", End::Publisher, ours), ours);
    assert_eq!(overrides.of("/other", End::Subscription, ours), ours);
    let mask = overrides.of("/itnet/mask", End::Publisher, Qos::reliable(1));
    assert_eq!(mask.to_string(), "reliable, transient_local, keep_all");
}

#[test]
fn an_id_after_the_end_is_accepted() {
    let overrides = parse(&[("qos_overrides./image.subscription_left_eye.reliability", text("reliable"))]);
    let qos = overrides.expect("valid").of("/image", End::Subscription, Qos::sensor_data());
    assert_eq!(qos, Qos::reliable(1));
}

#[test]
fn system_default_is_what_dds_takes() {
    let overrides = parse(&[
        ("qos_overrides./t.publisher.reliability", text("system_default")),
        ("qos_overrides./t.subscription.reliability", text("system_default")),
        ("qos_overrides./t.publisher.durability", text("system_default")),
        ("qos_overrides./t.publisher.history", text("system_default")),
        ("qos_overrides./t.publisher.deadline", Value::Integer(0)),
        ("qos_overrides./t.subscription.deadline", Value::Integer(i64::MAX)),
    ])
    .expect("valid");
    let strict = Qos { history: History::KeepAll, deadline: Some(Duration::from_millis(1)), ..Qos::latched(1) };
    assert_eq!(overrides.of("/t", End::Publisher, strict), Qos::reliable(1));
    assert_eq!(
        overrides.of("/t", End::Subscription, Qos { deadline: strict.deadline, ..Qos::reliable(1) }),
        Qos::sensor_data()
    );
}

#[test]
fn a_wrong_value_is_refused_with_the_parameter_and_what_it_takes() {
    for (policy, value, expected, got) in [
        ("reliability", text("Reliable"), "one of reliable, best_effort, system_default", "\"Reliable\""),
        ("reliability", Value::Bool(true), "one of reliable", "true"),
        ("durability", text("latched"), "one of volatile, transient_local, system_default", "\"latched\""),
        ("history", Value::Integer(1), "one of keep_last, keep_all, system_default", "1"),
        ("depth", Value::Integer(0), "a whole number from 1", "0"),
        ("depth", Value::Integer(1 << 31), "a whole number from 1 to 2147483647", "2147483648"),
        ("depth", Value::Double(1.0), "a whole number", "1.0"),
        ("deadline", Value::Integer(-1), "nanoseconds", "-1"),
        ("deadline", Value::Double(0.04), "nanoseconds", "0.04"),
    ] {
        let name = format!("qos_overrides./image.subscription.{policy}");
        let error = refused(&name, value);
        assert!(error.contains(&format!("`{name}`")) && error.contains(expected), "{error}");
        assert!(error.ends_with(&format!("got {got}")), "{error}");
    }
}

#[test]
fn a_wrong_name_is_refused_with_what_is_wrong() {
    for (name, fault) in [
        ("qos_overrides./image.reliability", "too few"),
        ("qos_overrides.", "too few"),
        ("qos_overrides./image.subscription.depth.x", "too many"),
        ("qos_overrides.image.subscription.depth", "`image` does not begin with `/`"),
        ("qos_overrides./image.client.depth", "`client` is neither"),
        ("qos_overrides./image.subscription.color", "no policy `color`"),
    ] {
        let error = refused(name, Value::Integer(1));
        assert!(error.contains(&format!("`{name}`")) && error.contains(fault), "{error}");
    }
}

#[test]
fn what_is_said_of_a_topic_that_is_not_ours_may_be_anything() {
    let overrides = parse(&[
        ("qos_overrides./image.publisher.reliability", text("best_available")),
        ("qos_overrides./scan.subscription.color", text("red")),
        ("qos_overrides./image.subscription.depth", Value::Integer(2)),
    ])
    .expect("known topics and ends");
    let image = ("/image", End::Subscription);
    assert_eq!(overrides.check(|topic, end| (topic, end) == image), Ok(()));
    assert!(overrides.check(|topic, _| topic == "/image").is_err());
    let told = overrides.unused([image]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("`qos_overrides./image.publisher.reliability`") && told[0].contains("/image is not"));
    assert!(told[1].contains("`qos_overrides./scan.subscription.color`") && told[1].contains("/scan is not"));
}

#[test]
fn an_override_that_changes_nothing_is_told() {
    let overrides = parse(&[
        ("qos_overrides./image.subscription.depth", Value::Integer(2)),
        ("qos_overrides./imgae.subscription.depth", Value::Integer(2)),
        ("qos_overrides./image.publisher.depth", Value::Integer(2)),
        ("qos_overrides./image.subscription.liveliness", text("automatic")),
        ("qos_overrides./clock.subscription.reliability", text("best_available")),
    ])
    .expect("valid");
    assert_eq!(
        overrides.unused([("/image", End::Subscription)]),
        [
            "parameter `qos_overrides./image.publisher.depth` changes nothing: /image is not published here \
             (published: nothing)",
            "parameter `qos_overrides./imgae.subscription.depth` changes nothing: /imgae is not subscribed to here \
             (subscribed to: /image)",
            "parameter `qos_overrides./clock.subscription.reliability` changes nothing: the policy is fixed",
            "parameter `qos_overrides./image.subscription.liveliness` changes nothing: the policy is fixed",
        ]
    );
}

fn endpoint(node: &str, type_name: &str, qos: Qos) -> Endpoint {
    Endpoint { node: node.to_owned(), type_name: type_name.to_owned(), qos }
}

#[test]
fn why_no_frame_comes_is_one_sentence() {
    let why = |ends: &[Endpoint], qos: Qos| why_none("frame", "/image", ends, IMAGE, &qos);
    assert_eq!(why(&[], Qos::sensor_data()), "no frame on /image: there is no publisher");
    let packed = endpoint("/cam", "sensor_msgs/msg/CompressedImage", Qos::reliable(1));
    assert_eq!(
        why(std::slice::from_ref(&packed), Qos::sensor_data()),
        "no frame on /image: /cam publishes sensor_msgs/msg/CompressedImage, we want sensor_msgs/msg/Image"
    );
    let lossy = endpoint("/left", IMAGE, Qos::sensor_data());
    let ends = [packed, lossy, endpoint("/right", IMAGE, Qos::reliable(1))];
    assert_eq!(why(&ends[..2], Qos::reliable(1)), "no frame on /image: /left offers best_effort, we request reliable");
    assert_eq!(
        why(&ends, Qos::latched(1)),
        "no frame on /image: /left offers best_effort, we request reliable and offers volatile, we request \
         transient_local; /right offers volatile, we request transient_local"
    );
    assert_eq!(why(&ends, Qos::reliable(1)), "no frame on /image: /right could be heard and sends nothing");
    assert_eq!(why(&ends, Qos::sensor_data()), "no frame on /image: /left, /right could be heard and send nothing");
}
