//! What is written reads back, whenever the writer ends.

use itnet::bag::{Bag, BagWriter, Existing, Qos, Storage};
use itnet::message::{Image, Message as _};

use crate::common::{STORAGES, messages, noise, read, read_whole, storage_file, write, writer};

#[test]
fn messages_read_back_as_they_were_written() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("deep/drive");
        let written = messages(50, 5000);
        write(&folder, storage, &written);
        assert!(read_whole(&folder) == written, "{storage:?}");

        let bag = Bag::open(&folder).unwrap();
        assert_eq!(bag.message_count(), Some(50));
        let topics = bag.topics();
        assert_eq!(topics[0].name, "/image");
        assert_eq!(topics[0].message_type, "sensor_msgs/msg/Image");
        assert_eq!(topics[0].serialization_format, "cdr");
        assert_eq!(topics[0].message_count, Some(25));
        assert!(topics[0].offered_qos_profiles.contains("durability: 2"));
        assert!(topics[1].offered_qos_profiles.contains("durability: 1"));
        let names = ["drive_0.db3", "drive_0.mcap", "metadata.yaml"];
        for file in std::fs::read_dir(&folder).unwrap() {
            let name = file.unwrap().file_name();
            assert!(names.contains(&name.to_str().unwrap()), "{name:?}");
        }
    }
}

#[test]
fn both_storages_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let written = messages(20, 100);
    let bags = STORAGES.map(|storage| {
        let path = folder.path().join(storage.name());
        write(&path, storage, &written);
        path
    });
    assert_eq!(read_whole(&bags[0]), read_whole(&bags[1]));
}

#[test]
fn a_bag_without_messages_is_a_bag() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), storage, &[]);
        assert_eq!(read_whole(folder.path()), []);
        assert_eq!(read_whole(&storage_file(folder.path())), []);
    }
}

/// The player of Humble gives up where the first chunk has none.
#[test]
fn every_chunk_has_messages() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Storage::Mcap, &messages(50, 5000));
    let file = std::fs::read(storage_file(folder.path())).unwrap();
    let summary = ::mcap::Summary::read(&file).unwrap().unwrap();
    let indexed: Vec<_> = summary.chunk_indexes.iter().map(|chunk| chunk.message_index_length > 0).collect();
    assert!(indexed.len() > 1 && !indexed.contains(&false), "{indexed:?}");
}

#[test]
fn only_wanted_topics_are_read() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let written = messages(10, 50);
        write(folder.path(), storage, &written);
        let bag = Bag::open(folder.path()).unwrap();
        let infos = bag.messages(|topic| topic.name == "/info");
        let infos: Vec<_> = infos.map(Result::unwrap).collect();
        let expected: Vec<_> = written.into_iter().filter(|m| m.topic == 1).collect();
        assert_eq!(infos, expected);
        assert_eq!(bag.messages(|_| false).count(), 0);
    }
}

#[test]
fn messages_come_by_time_though_they_were_written_otherwise() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let mut written = messages(8, 50);
        let sorted = written.clone();
        // Within a second, so that they share a chunk.
        written.swap(2, 5);
        written.swap(0, 7);
        write(folder.path(), storage, &written);
        assert_eq!(read_whole(folder.path()), sorted);
    }
}

#[test]
fn a_folder_that_is_not_empty_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "x").unwrap();
    let refused = BagWriter::create(folder.path(), Storage::Mcap, Existing::Refuse);
    let error = refused.err().unwrap().to_string();
    assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
    assert!(error.ends_with("expected a new or an empty folder, it holds something"), "{error}");
}

#[test]
fn a_bag_is_replaced_whatever_its_folder_is_called_by() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    let other = folder.join("run_night_0.mcap");
    std::fs::write(&other, "another recording").unwrap();
    std::os::unix::fs::symlink(&folder, place.path().join("link")).unwrap();
    for path in [folder.clone(), folder.join("sub/.."), place.path().join("link"), folder.join(".")] {
        for storage in STORAGES {
            BagWriter::create(&path, storage, Existing::Replace).unwrap().finish().unwrap();
            let files = std::fs::read_dir(&folder).unwrap().count();
            assert_eq!(files, 4, "the other recording, sub, metadata.yaml and one file: {}", path.display());
        }
    }
    assert_eq!(std::fs::read_to_string(other).unwrap(), "another recording");
}

#[test]
fn replacing_a_bag_removes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let thesis = folder.path().join("thesis.tex");
    write(folder.path(), Storage::Mcap, &messages(4, 50));
    std::fs::write(&thesis, "x").unwrap();
    let writer = BagWriter::create(folder.path(), Storage::Sqlite3, Existing::Replace).unwrap();
    writer.finish().unwrap();
    assert!(thesis.exists());
    assert!(storage_file(folder.path()).to_str().unwrap().ends_with(".db3"));
    assert_eq!(read_whole(folder.path()), []);
}

/// What a killed process leaves is what its files are at that moment.
fn as_if_killed(storage: Storage, count: usize, length: usize) -> (usize, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (live, left) = (folder.path().join("live"), folder.path().join("left"));
    let written = messages(count, length);
    let writer = writer(&live, storage, &written);
    std::fs::create_dir(&left).unwrap();
    for file in std::fs::read_dir(&live).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), left.join(file.file_name())).unwrap();
    }
    writer.finish().unwrap();
    let (found, fault) = read(&left);
    assert!(found == written[..found.len()], "{storage:?}: a prefix");
    let counted = Bag::open(&left).unwrap().message_count();
    assert_eq!(counted, Some(found.len() as u64));
    // The same without the metadata.
    std::fs::remove_file(left.join("metadata.yaml")).unwrap();
    assert!(read(&left).0 == found);
    (found.len(), fault.map(|fault| fault.to_string()))
}

#[test]
fn a_killed_writer_loses_at_most_the_last_second() {
    for count in 0..25 {
        // The first message of a second is flushed with the one that ends it, 1 s later.
        let kept = if count == 0 { 0 } else { count / 11 * 11 };
        let (found, fault) = as_if_killed(Storage::Sqlite3, count, 60);
        assert_eq!((found, fault), (kept, None));
        let (found, fault) = as_if_killed(Storage::Mcap, count, 60);
        assert_eq!(found, kept);
        assert!(fault.unwrap().contains("cut off"));
    }
}

#[test]
fn a_killed_writer_of_large_messages_loses_at_most_a_mebibyte() {
    for storage in STORAGES {
        assert_eq!(as_if_killed(storage, 7, 300_000).0, 4);
    }
}

#[test]
fn a_dropped_writer_ends_its_bag() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let written = messages(5, 50);
        drop(writer(folder.path(), storage, &written));
        assert_eq!(read_whole(folder.path()), written);
    }
}

#[test]
fn a_vanished_folder_is_told() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bag");
        let mut writer = BagWriter::create(&path, storage, Existing::Refuse).unwrap();
        let topic = writer.add_topic("/image", Image::TYPE, Qos::reliable(1));
        writer.write(topic.unwrap(), 0, &noise(0, 50)).unwrap();
        std::fs::remove_dir_all(&path).unwrap();
        let error = writer.finish().unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_topic_of_another_writer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut one = writer(&folder.path().join("one"), Storage::Mcap, &[]);
    let foreign = one.add_topic("/third", Image::TYPE, Qos::reliable(1)).unwrap();
    let mut two = writer(&folder.path().join("two"), Storage::Mcap, &[]);
    let error = two.write(foreign, 0, &[]).unwrap_err().to_string();
    assert!(error.ends_with("there is no topic 2"), "{error}");
}

#[test]
fn a_bag_whose_files_have_other_names_is_not_replaced() {
    for storage in STORAGES {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), storage, &messages(4, 50));
        let file = storage_file(folder.path());
        let drive = format!("drive_0.{}", file.extension().unwrap().to_str().unwrap());
        std::fs::rename(&file, folder.path().join(&drive)).unwrap();
        let metadata = folder.path().join("metadata.yaml");
        let text = std::fs::read_to_string(&metadata).unwrap();
        let text = text.replace(file.file_name().unwrap().to_str().unwrap(), &drive);
        std::fs::write(&metadata, &text).unwrap();
        let error = BagWriter::create(folder.path(), storage, Existing::Replace).err().unwrap().to_string();
        assert!(error.contains(&drive) && error.contains("metadata.yaml"), "{error}");
        assert_eq!(std::fs::read_to_string(&metadata).unwrap(), text);
        assert_eq!(read_whole(folder.path()).len(), 4);
    }
}

#[test]
fn a_file_that_is_no_metadata_of_a_bag_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.yaml");
    std::fs::write(&path, "title: holidays\n").unwrap();
    let error = BagWriter::create(folder.path(), Storage::Mcap, Existing::Replace).err().unwrap().to_string();
    assert!(error.contains("metadata.yaml"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "title: holidays\n");
}
