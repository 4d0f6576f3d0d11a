//! Which topics belong to an image topic.
//!
//! Knows the names that image transport gives; knows nothing of messages, bags or nodes.

/// The image topic without what image transport adds: `/front/image_raw/compressed` is `/front/image_raw`. A topic that is only called so keeps its name.
pub fn base(topic: &str) -> &str {
    topic.strip_suffix("/compressed").filter(|base| !base.is_empty()).unwrap_or(topic)
}

/// The topic of the same pictures as JPEG or PNG files: image transport's compressed twin.
///
/// It is made of the topic's resolved name: a remap rule for `image` holds for `image/compressed` as well.
pub fn compressed(topic: &str) -> String {
    format!("{}/compressed", base(topic))
}

/// The camera_info topic of an image topic: its sibling, by image transport's rule.
pub fn camera_info_of(topic: &str) -> String {
    match base(topic).rsplit_once('/') {
        Some((namespace, _)) => format!("{namespace}/camera_info"),
        None => "camera_info".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compressed_twin_of_a_compressed_topic_is_itself() {
        assert_eq!(compressed("/front/image_raw"), "/front/image_raw/compressed");
        assert_eq!(compressed("/front/image_raw/compressed"), "/front/image_raw/compressed");
    }

    #[test]
    fn the_camera_info_is_the_sibling_of_the_raw_topic() {
        assert_eq!(camera_info_of("/front/image_raw"), "/front/camera_info");
        assert_eq!(camera_info_of("/front/image_raw/compressed"), "/front/camera_info");
        assert_eq!(camera_info_of("/image"), "/camera_info");
        assert_eq!(camera_info_of("/compressed"), "/camera_info");
        assert_eq!(camera_info_of("image/compressed"), "camera_info");
    }
}
