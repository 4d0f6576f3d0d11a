//! What goes wrong around the node costs frames at most.

use super::*;

#[test]
fn a_camera_that_floods_is_counted_and_its_newest_frames_give_masks() {
    let mut bench = Bench::active(&[], &[]);
    // Ten times as many as are taken between two spins, again and again.
    for round in 0..50 {
        (0..10).for_each(|n| bench.edge.send("/image", picture(10 * round + n, 64, 48)));
        bench.node.pump();
    }
    bench.until("the newest mask", |bench| bench.masks_so_far().last().is_some_and(|mask| mask.header == header(499)));
    let published = bench.masks_so_far().len() as u64;
    bench.until("the totals", |bench| bench.counts() == Some((500, published)));
    assert!(published < 500);
}

#[test]
fn thirty_two_cameras_share_one_model_and_none_is_passed_over() {
    let names: Vec<String> = (0..32).map(|camera| format!("c{camera}")).collect();
    let topics: Vec<(String, Value)> =
        names.iter().map(|name| (format!("{name}.topic"), text(&format!("/{name}/image_raw")))).collect();
    let mut set: Vec<(&str, Value)> = topics.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    set.push(("cameras", Value::Texts(names.clone())));
    let mut bench = Bench::active(&set, &[]);
    for round in 0..3 {
        for name in &names {
            bench.edge.send(&format!("/{name}/image_raw"), picture(round, 64, 48));
        }
        for name in &names {
            let masks = bench.masks(&format!("/itnet/{name}/mask"), round as usize + 1);
            assert_eq!(masks[round as usize].header, header(round), "{name}");
        }
    }
}

#[test]
fn a_bundle_that_is_replaced_counts_from_the_next_configuration_on() {
    let mut bench = Bench::active(&[], &[]);
    bench.edge.send("/image", picture(1, 64, 48));
    let before = bench.masks("/itnet/mask", 1).remove(0);
    let model = bench.folder.path().join("model");
    std::fs::remove_dir_all(&model).expect("removes");
    write_tiny_bundle(&model, 20, 15, 9, 2);
    bench.edge.send("/image", picture(1, 64, 48));
    assert_eq!(bench.masks("/itnet/mask", 2)[1], before, "the loaded one goes on");
    for request in [Request::DEACTIVATE, Request::CLEANUP, Request::CONFIGURE, Request::ACTIVATE] {
        assert_eq!(bench.change(request), Some(true));
    }
    let labels = bench.edge.sent("/itnet/label_info").pop().expect("told");
    let labels: LabelInfo = message::decode(&labels).expect("decodes");
    assert_eq!(labels.class_map.len(), 9);
}

#[test]
fn ros_time_may_jump_either_way_and_stamps_may_be_anything() {
    let mut bench = Bench::active(&[("use_sim_time", Value::Bool(true))], &[]);
    let stamp = |sec, nanosec| Stamp { sec, nanosec };
    let times = [stamp(7, 0), stamp(i32::MAX, 999_999_999), stamp(0, 0), stamp(-5, 7), stamp(i32::MIN, u32::MAX)];
    let absurd = [stamp(i32::MIN, u32::MAX), stamp(-1, 0), stamp(i32::MAX, u32::MAX), stamp(0, 0), stamp(7, 1)];
    for (turn, (now, stamp)) in times.into_iter().zip(absurd).enumerate() {
        *bench.edge.time.lock().unwrap() = now;
        let image = Image { header: Header { stamp, frame_id: "lens".to_owned() }, ..Image::default() };
        let image =
            Image { height: 2, width: 2, encoding: "mono8".to_owned(), step: 2, data: vec![9; 4].into(), ..image };
        bench.edge.send("/image", message::to_vec(&image).expect("encodes"));
        let mask = bench.masks("/itnet/mask", turn + 1).pop().expect("a mask");
        assert_eq!(mask.header.stamp, stamp, "copied, whatever it is");
        bench.told_of("itnet: network");
        let frame = bench.messages("/itnet/debug/frame", turn + 1).pop().expect("a message");
        let frame: DiagnosticArray = message::decode(&frame).expect("decodes");
        let age = frame.status[0].values.iter().find(|value| value.key == "age_ms").expect("an age").value.clone();
        assert!(!age.starts_with('-'), "{age}");
    }
    assert_eq!(bench.node.lifecycle().state(), State::Active);
}
