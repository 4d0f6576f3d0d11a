//! The recorded bags beside the project, where they are there.

use std::path::PathBuf;

use itnet::bag::Bag;
use itnet::message::{CameraInfo, CompressedImage, Image, decode};

use crate::common::read_whole;
use crate::recorded::bags;

const RAW: [&str; 4] =
    ["drive_raw_sqlite3", "drive_raw_mcap_zstd", "drive_raw_sqlite3_zstd_file", "drive_raw_sqlite3_zstd_message"];

fn recorded(name: &str) -> Option<PathBuf> {
    bags().map(|bags| bags.join(name))
}

#[test]
fn the_same_frames_read_the_same_from_every_storage() {
    let mut frames = Vec::new();
    for name in RAW {
        let Some(path) = recorded(name) else { return };
        let bag = Bag::open(&path).unwrap();
        let images = bag.messages(|topic| topic.message_type == "sensor_msgs/msg/Image");
        let images: Vec<_> = images.map(Result::unwrap).collect();
        let topic = &bag.topics()[images[0].topic];
        assert_eq!(topic.name, "/camera/front/image_raw");
        assert_eq!(topic.message_count, Some(images.len() as u64));
        frames.push(images.into_iter().take(12).collect::<Vec<_>>());
    }
    for image in &frames[0] {
        let decoded: Image = decode(&image.data).unwrap();
        assert_eq!((decoded.width, decoded.height), (480, 360));
        assert_eq!(decoded.encoding, "bgr8");
        assert_eq!(decoded.data.len(), 480 * 360 * 3);
        assert_eq!(decoded.header.stamp.nanos() + 4_000_000, image.received);
    }
    for (name, other) in RAW.iter().zip(&frames).skip(1) {
        assert!(frames[0].iter().zip(other).all(|(a, b)| a.data == b.data && a.received == b.received), "{name}");
        assert_eq!(other.len(), 12);
    }
}

#[test]
fn camera_info_comes_with_every_frame() {
    for name in RAW {
        let Some(path) = recorded(name) else { return };
        let bag = Bag::open(&path).unwrap();
        let infos = bag.messages(|topic| topic.message_type == "sensor_msgs/msg/CameraInfo");
        for info in infos {
            let info = info.unwrap();
            let decoded: CameraInfo = decode(&info.data).unwrap();
            assert_eq!((decoded.width, decoded.height), (480, 360));
            assert_eq!(decoded.header.stamp.nanos() + 4_000_000, info.received);
        }
    }
}

#[test]
fn all_compressed_frames_are_there() {
    let Some(path) = recorded("drive_jpeg_mcap") else {
        return;
    };
    let bag = Bag::open(&path).unwrap();
    assert_eq!(bag.message_count(), Some(202));
    let images: Vec<_> =
        bag.messages(|topic| topic.message_type == "sensor_msgs/msg/CompressedImage").map(Result::unwrap).collect();
    assert_eq!(images.len(), 101);
    for image in images {
        let decoded: CompressedImage = decode(&image.data).unwrap();
        assert!(decoded.data.starts_with(&[0xff, 0xd8]), "a JPEG");
    }
}

#[test]
fn a_bare_file_tells_what_its_folder_does() {
    for name in RAW.into_iter().chain(["drive_jpeg_mcap"]) {
        let Some(path) = recorded(name) else { return };
        let file = crate::common::storage_file(&path);
        let (folder, bare) = (Bag::open(&path).unwrap(), Bag::open(&file).unwrap());
        let sorted = |bag: &Bag| {
            let mut topics = bag.topics().to_vec();
            topics.sort_by(|a, b| a.name.cmp(&b.name));
            topics
        };
        assert_eq!(sorted(&folder), sorted(&bare), "{name}");
        assert_eq!(folder.message_count(), bare.message_count(), "{name}");
        let (a, b) = (read_whole(&path), read_whole(&file));
        assert!(a.iter().zip(&b).all(|(a, b)| a.data == b.data), "{name}");
        assert_eq!(a.len(), b.len(), "{name}");
    }
}
