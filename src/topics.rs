//! Which topics belong to an image topic.
//!
//! Knows the names that image transport gives; knows nothing of messages, bags or nodes.

/// The image topic without what image transport adds: `/front/image_raw/compressed` is `/front/image_raw`.
pub fn base(topic: &str) -> &str {
    topic.strip_suffix("/compressed").unwrap_or(topic)
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
    fn the_camera_info_is_the_sibling_of_the_raw_topic() {
        assert_eq!(camera_info_of("/front/image_raw"), "/front/camera_info");
        assert_eq!(camera_info_of("/front/image_raw/compressed"), "/front/camera_info");
        assert_eq!(camera_info_of("/image"), "/camera_info");
        assert_eq!(camera_info_of("image/compressed"), "camera_info");
    }
}
