//! What a bag says of a topic.

/// A topic of a bag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name, such as `/camera/image_raw`.
    pub name: String,
    /// Type of its messages, such as `sensor_msgs/msg/Image`.
    pub message_type: String,
    /// How they are serialised; `cdr` for ROS 2.
    pub serialization_format: String,
    /// The profiles it was offered with as YAML; may be empty.
    pub offered_qos_profiles: String,
    /// Number of its messages where the bag tells.
    pub message_count: Option<u64>,
}

/// Adds the topics of a further file.
pub(super) fn merge(topics: &mut Vec<Topic>, more: Vec<Topic>) {
    for topic in more {
        match topics.iter_mut().find(|known| known.name == topic.name) {
            Some(known) => {
                let counts = known.message_count.zip(topic.message_count);
                known.message_count = counts.map(|(a, b)| a.saturating_add(b));
            }
            None => topics.push(topic),
        }
    }
}
