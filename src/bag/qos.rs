//! Quality of service of a recorded topic, as rosbag2 writes it.

/// How a topic was offered; what `ros2 bag play` offers again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qos {
    /// Whether lost messages are sent again.
    pub reliable: bool,
    /// Whether late subscribers get the last messages.
    pub transient_local: bool,
    /// Messages kept.
    pub depth: u32,
}

impl Qos {
    /// Reliable, volatile, keep last `depth`.
    pub const fn reliable(depth: u32) -> Self {
        Self { reliable: true, transient_local: false, depth }
    }

    /// Reliable, transient local, keep last `depth`.
    pub const fn latched(depth: u32) -> Self {
        Self { reliable: true, transient_local: true, depth }
    }

    /// The list of profiles as YAML, in the numbers every rosbag2 since Foxy reads.
    pub(super) fn to_yaml(self) -> String {
        const INFINITE: &str = "\n    sec: 9223372036\n    nsec: 854775807";
        let reliability = if self.reliable { 1 } else { 2 };
        let durability = if self.transient_local { 1 } else { 2 };
        format!(
            "- history: 1\n  depth: {depth}\n  reliability: {reliability}\n  \
             durability: {durability}\n  deadline:{INFINITE}\n  lifespan:{INFINITE}\n  \
             liveliness: 1\n  liveliness_lease_duration:{INFINITE}\n  \
             avoid_ros_namespace_conventions: false",
            depth = self.depth,
        )
    }
}
