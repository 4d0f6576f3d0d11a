//! Quality of service: what one side of a topic offers, and what the other side asks for.
//!
//! The rules are those of DDS. Knows nothing of how a bag writes it down or of the parameters that override it.

use std::fmt;
use std::time::Duration;

/// Whether lost messages are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reliability {
    /// They are lost.
    BestEffort,
    /// They are sent again.
    Reliable,
}

/// Whether a late subscriber gets what was sent before it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// It gets nothing.
    Volatile,
    /// It gets what the publisher keeps.
    TransientLocal,
}

/// How many messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// The last ones; at least 1.
    KeepLast(u32),
    /// All.
    KeepAll,
}

/// Quality of service of one end of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qos {
    /// Whether lost messages are sent again.
    pub reliability: Reliability,
    /// Whether late subscribers get the last messages.
    pub durability: Durability,
    /// Messages kept.
    pub history: History,
    /// The longest time between two messages; `None` is any.
    pub deadline: Option<Duration>,
}

impl Qos {
    /// Reliable, volatile, keep last `depth`.
    pub const fn reliable(depth: u32) -> Self {
        Self {
            reliability: Reliability::Reliable,
            durability: Durability::Volatile,
            history: History::KeepLast(depth),
            deadline: None,
        }
    }

    /// Reliable, transient local, keep last `depth`.
    pub const fn latched(depth: u32) -> Self {
        Self { durability: Durability::TransientLocal, ..Self::reliable(depth) }
    }

    /// Best effort, volatile, keep last 1: the newest frame or none.
    pub const fn sensor_data() -> Self {
        Self { reliability: Reliability::BestEffort, ..Self::reliable(1) }
    }
}

impl Reliability {
    /// As ROS spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BestEffort => "best_effort",
            Self::Reliable => "reliable",
        }
    }
}

impl Durability {
    /// As ROS spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volatile => "volatile",
            Self::TransientLocal => "transient_local",
        }
    }
}

/// As people read it, e.g. `reliable, volatile, keep_last 1`.
impl fmt::Display for Qos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, ", self.reliability.name(), self.durability.name())?;
        match self.history {
            History::KeepLast(depth) => write!(f, "keep_last {depth}")?,
            History::KeepAll => write!(f, "keep_all")?,
        }
        self.deadline.map_or(Ok(()), |deadline| write!(f, ", deadline {deadline:?}"))
    }
}

/// A policy in which a subscription asks for more than a publisher offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Messages sent again are asked for.
    Reliability,
    /// Messages from before are asked for.
    Durability,
    /// Messages are asked for more often.
    Deadline {
        /// The publisher's.
        offered: Option<Duration>,
        /// The subscription's.
        requested: Duration,
    },
}

/// As the subscription sees it, e.g. `offers best_effort, we request reliable`.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reliability => {
                write!(f, "offers {}, we request {}", Reliability::BestEffort.name(), Reliability::Reliable.name())
            }
            Self::Durability => {
                write!(f, "offers {}, we request {}", Durability::Volatile.name(), Durability::TransientLocal.name())
            }
            Self::Deadline { offered: None, requested } => {
                write!(f, "offers no deadline, we request a deadline of {requested:?}")
            }
            Self::Deadline { offered: Some(offered), requested } => {
                write!(f, "offers a deadline of {offered:?}, we request one of {requested:?}")
            }
        }
    }
}

/// Where a publisher's offer falls short of a subscription's request; empty: messages flow.
pub fn mismatches(offered: &Qos, requested: &Qos) -> Vec<Mismatch> {
    let deadline = requested.deadline.filter(|longest| offered.deadline.is_none_or(|offered| offered > *longest));
    let reliability = (offered.reliability < requested.reliability).then_some(Mismatch::Reliability);
    let durability = (offered.durability < requested.durability).then_some(Mismatch::Durability);
    let deadline = deadline.map(|requested| Mismatch::Deadline { offered: offered.deadline, requested });
    reliability.into_iter().chain(durability).chain(deadline).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn told(offered: Qos, requested: Qos) -> Vec<String> {
        mismatches(&offered, &requested).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_offer_of_more_than_is_asked_for_is_compatible() {
        for offered in [Qos::reliable(1), Qos::latched(5), Qos::sensor_data()] {
            assert!(told(offered, Qos::sensor_data()).is_empty(), "{offered}");
        }
        assert!(told(Qos::latched(1), Qos::reliable(10)).is_empty());
        let often = Qos { deadline: Some(10 * MS), ..Qos::sensor_data() };
        assert!(told(often, Qos { deadline: Some(10 * MS), ..Qos::sensor_data() }).is_empty());
        assert!(told(often, Qos::sensor_data()).is_empty());
    }

    #[test]
    fn each_policy_that_is_not_offered_is_named() {
        assert_eq!(told(Qos::sensor_data(), Qos::reliable(1)), ["offers best_effort, we request reliable"]);
        assert_eq!(told(Qos::reliable(1), Qos::latched(1)), ["offers volatile, we request transient_local"]);
        let asked = Qos { deadline: Some(40 * MS), ..Qos::latched(1) };
        assert_eq!(
            told(Qos::sensor_data(), asked),
            [
                "offers best_effort, we request reliable",
                "offers volatile, we request transient_local",
                "offers no deadline, we request a deadline of 40ms",
            ]
        );
        let slow = Qos { deadline: Some(50 * MS), ..Qos::latched(1) };
        assert_eq!(told(slow, asked), ["offers a deadline of 50ms, we request one of 40ms"]);
    }

    #[test]
    fn a_profile_reads_as_ros_spells_it() {
        assert_eq!(Qos::sensor_data().to_string(), "best_effort, volatile, keep_last 1");
        let all = Qos { history: History::KeepAll, deadline: Some(40 * MS), ..Qos::latched(1) };
        assert_eq!(all.to_string(), "reliable, transient_local, keep_all, deadline 40ms");
    }
}
