//! Quality of service of a recorded topic, as rosbag2 writes it.

use std::time::Duration;

use crate::qos::{Durability, History, Qos, Reliability};

/// The list of profiles as YAML, in the numbers every rosbag2 since Foxy reads.
pub(super) fn to_yaml(qos: Qos) -> String {
    /// What rosbag2 writes for "any".
    const INFINITE: Duration = Duration::new(9_223_372_036, 854_775_807);
    let period = |time: Duration| format!("\n    sec: {}\n    nsec: {}", time.as_secs(), time.subsec_nanos());
    let infinite = period(INFINITE);
    let deadline = period(qos.deadline.unwrap_or(INFINITE));
    let (history, depth) = match qos.history {
        History::KeepLast(depth) => (1, depth),
        History::KeepAll => (2, 0),
    };
    let reliability = match qos.reliability {
        Reliability::Reliable => 1,
        Reliability::BestEffort => 2,
    };
    let durability = match qos.durability {
        Durability::TransientLocal => 1,
        Durability::Volatile => 2,
    };
    format!(
        "- history: {history}\n  depth: {depth}\n  reliability: {reliability}\n  \
         durability: {durability}\n  deadline:{deadline}\n  lifespan:{infinite}\n  \
         liveliness: 1\n  liveliness_lease_duration:{infinite}\n  \
         avoid_ros_namespace_conventions: false",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latched_topic_is_written_in_the_numbers_of_rmw() {
        let infinite = "\n    sec: 9223372036\n    nsec: 854775807\n";
        let expected = format!(
            "- history: 1\n  depth: 1\n  reliability: 1\n  durability: 1\n  deadline:{infinite}  lifespan:{infinite}  \
             liveliness: 1\n  liveliness_lease_duration:{infinite}  avoid_ros_namespace_conventions: false"
        );
        assert_eq!(to_yaml(Qos::latched(1)), expected);
    }

    #[test]
    fn a_deadline_and_a_full_history_are_kept() {
        let qos = Qos { history: History::KeepAll, deadline: Some(Duration::from_millis(40)), ..Qos::sensor_data() };
        let yaml = to_yaml(qos);
        assert!(yaml.starts_with("- history: 2\n  depth: 0\n  reliability: 2\n  durability: 2\n"), "{yaml}");
        assert!(yaml.contains("deadline:\n    sec: 0\n    nsec: 40000000\n"), "{yaml}");
    }
}
