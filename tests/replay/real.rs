//! Real bags, where they are: skipped, and said so, where they are not.

use super::recorded::bags;
use super::*;

/// Bags recorded by rosbag2 itself, with the image messages in each.
const BAGS: [(&str, usize); 5] = [
    ("drive_jpeg_mcap", 101),
    ("drive_raw_mcap_zstd", 45),
    ("drive_raw_sqlite3", 12),
    ("drive_raw_sqlite3_zstd_file", 12),
    ("drive_raw_sqlite3_zstd_message", 12),
];

#[test]
fn every_image_of_every_recorded_bag_gives_its_mask() {
    let Some(bags) = bags() else { return };
    let place = Place::new();
    let mut of_frame: Vec<Vec<Image<'static>>> = Vec::new();
    for (name, frames) in BAGS {
        let bag = bags.join(name);
        let report = place.replay(bag.to_str().expect("UTF-8"), name, &["--iterations", "2"]);
        assert_eq!(report["totals"]["published"], frames, "{name}");
        let masks = masks(&place.path(name), "/itnet/mask");
        assert_eq!(masks.len(), frames, "{name}");
        for (frame, mask) in masks.iter().enumerate() {
            assert_eq!((mask.width, mask.height, mask.encoding.as_str()), (480, 360, "mono8"), "{name}");
            let since = mask.header.stamp.nanos() - 1_600_000_000_000_000_000;
            assert!((since - frame as i64 * 66_666_667).abs() < 1000, "{name} {frame} {since}");
        }
        if name.contains("raw") {
            of_frame.push(masks.into_iter().take(12).collect());
        }
    }
    for other in &of_frame[1..] {
        assert_eq!(&of_frame[0], other, "sqlite3 and MCAP of the same frames give the same masks");
    }
}
