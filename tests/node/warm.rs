//! Frames that start from the state of the one before, in the node.

use super::*;
use common::tiny::write_warm_bundle;

impl Bench {
    /// An active node whose model offers warm starts.
    fn offering(set: &[(&str, Value)]) -> Self {
        let mut bench = Self::new(set, &[]);
        write_warm_bundle(&bench.folder.path().join("model"), 40, 30, 6);
        bench.node.start(&mut bench.edge);
        bench.until("the node is active", |bench| bench.node.lifecycle().state() == State::Active);
        bench
    }

    /// Sends frame `n` of a picture that does not change; gives how it started, after so many frames of that camera.
    fn start(&mut self, image: &str, debug: &str, n: u32, count: usize) -> (String, String) {
        let mut still: Image<'_> = message::decode(&picture(0, 64, 48)).map(owned).expect("an image");
        still.header = header(n);
        self.edge.send(image, message::to_vec(&still).expect("encodes"));
        let told = self.messages(debug, count).pop().expect("a message");
        let told: DiagnosticArray = message::decode(&told).expect("decodes");
        let value = |key: &str| told.status[0].values.iter().find(|value| value.key == key).expect(key).value.clone();
        (value("start"), value("cold_cause"))
    }

    fn set(&mut self, name: &str, value: Value) {
        let set = self.node.set_parameters(vec![(name.to_owned(), Some(value))], &mut self.edge);
        assert_eq!(set, [Ok(())]);
    }

    /// A value of the last diagnostics.
    fn told(&self, status: &str, key: &str) -> Option<String> {
        let told: DiagnosticArray = message::decode(self.edge.sent("/diagnostics").last()?).expect("decodes");
        let status = told.status.into_iter().find(|told| told.name.contains(status))?;
        status.values.into_iter().find(|value| value.key == key).map(|value| value.value)
    }
}

fn owned(image: Image<'_>) -> Image<'static> {
    Image { data: image.data.into_owned().into(), ..image }
}

fn cold(cause: &str) -> (String, String) {
    ("cold".to_owned(), cause.to_owned())
}

fn warm() -> (String, String) {
    ("warm".to_owned(), "none".to_owned())
}

#[test]
fn warm_starts_are_switched_while_frames_run_and_leave_nothing_behind() {
    let mut bench = Bench::offering(&[]);
    let start = |bench: &mut Bench, n: u32| bench.start("/image", "/itnet/debug/frame", n, n as usize);
    assert_eq!(start(&mut bench, 1), cold("off"));
    bench.set("warm_start", Value::Bool(true));
    assert_eq!(start(&mut bench, 2), cold("first_frame"));
    assert_eq!(start(&mut bench, 3), warm());
    bench.until("the state is counted", |bench| {
        bench.told("network", "kept_state_bytes") == Some((3 * 20 * 15 * 4).to_string())
    });
    bench.until("warm frames are counted", |bench| bench.told("camera", "warm_frames").as_deref() == Some("1"));
    let told = bench.messages("/itnet/debug/warm", 3).pop().expect("a message");
    assert_eq!(f64::from_le_bytes(*told.last_chunk().expect("8 bytes")), 1.0);
    bench.set("warm_start", Value::Bool(false));
    assert_eq!(start(&mut bench, 4), cold("off"));
    bench.until("the state is let go", |bench| bench.told("network", "kept_state_bytes").as_deref() == Some("0"));
    bench.set("warm_start", Value::Bool(true));
    assert_eq!(start(&mut bench, 5), cold("first_frame"));
}

#[test]
fn a_bundle_that_is_loaded_again_starts_cold() {
    let mut bench = Bench::offering(&[("warm_start", Value::Bool(true))]);
    let start = |bench: &mut Bench, n: u32| bench.start("/image", "/itnet/debug/frame", n, n as usize);
    assert_eq!([start(&mut bench, 1), start(&mut bench, 2)], [cold("first_frame"), warm()]);
    for request in [Request::DEACTIVATE, Request::CLEANUP, Request::CONFIGURE, Request::ACTIVATE] {
        assert_eq!(bench.change(request), Some(true));
    }
    assert_eq!([start(&mut bench, 3), start(&mut bench, 4)], [cold("first_frame"), warm()]);
}

#[test]
fn each_camera_may_start_warm_or_cold_for_itself() {
    let mut bench = Bench::offering(&[
        ("cameras", Value::Texts(vec!["front".to_owned(), "rear".to_owned()])),
        ("front.topic", text("/front")),
        ("rear.topic", text("/rear")),
        ("rear.warm_start", text("warm")),
    ]);
    let front = |bench: &mut Bench, n: u32| bench.start("/front", "/itnet/front/debug/frame", n, n as usize);
    let rear = |bench: &mut Bench, n: u32| bench.start("/rear", "/itnet/rear/debug/frame", n, n as usize);
    assert_eq!([front(&mut bench, 1), rear(&mut bench, 1)], [cold("off"), cold("first_frame")]);
    assert_eq!([front(&mut bench, 2), rear(&mut bench, 2)], [cold("off"), warm()]);
    bench.set("rear.warm_start", text("cold"));
    bench.set("warm_start", Value::Bool(true));
    assert_eq!([front(&mut bench, 3), rear(&mut bench, 3)], [cold("first_frame"), cold("off")]);
    assert_eq!([front(&mut bench, 4), rear(&mut bench, 4)], [warm(), cold("off")]);
}
