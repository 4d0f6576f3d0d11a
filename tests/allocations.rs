//! What a frame takes from the allocator once the frames before it have left their memory to it: from a raw image message to the mask's message.

#[path = "common/watched.rs"]
mod watched;

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use itnet::camera;
use itnet::clock::{Clock, SystemClock};
use itnet::frame::{Encoding, Frame, Header, Size, Stamp};
use itnet::kernels::{Crew, ValuesMut};
use itnet::mask::Mask;
use itnet::message::{self, Image};
use itnet::model::{Bundle, Session, StagedModel};
use itnet::params::Parameters;
use itnet::pipeline::{Depth, ImageKind, Published, Settings};
use itnet::render::{ConfidenceRenderer, Renderer};
use itnet::scheduling::Scheduling;
use itnet::setup;
use itnet::tensor::TensorMaker;
use watched::Watched;

thread_local! {
    static TAKEN: Cell<Taken> = const { Cell::new(Taken { times: 0, bytes: 0 }) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    times: usize,
    bytes: usize,
}

fn count(bytes: usize) {
    let Taken { times, bytes: before } = TAKEN.get();
    TAKEN.set(Taken { times: times + 1, bytes: before + bytes });
}

/// Counts on the side what each thread takes.
#[global_allocator]
static ALLOCATOR: Watched = Watched(count);

/// What `work` takes on this thread.
fn taken(work: impl FnOnce()) -> Taken {
    let before = TAKEN.get();
    work();
    let after = TAKEN.get();
    Taken { times: after.times - before.times, bytes: after.bytes - before.bytes }
}

const NOTHING: Taken = Taken { times: 0, bytes: 0 };

fn bundle() -> Bundle {
    Bundle::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/itnet-s")).unwrap()
}

fn pixels(encoding: Encoding, size: Size) -> Vec<u8> {
    let bytes = encoding.data_bytes(size, encoding.row_bytes(size.width) as u32);
    (0..bytes).map(|i| (i * 31 % 253) as u8).collect()
}

#[test]
fn the_counter_sees_what_is_taken() {
    assert_eq!(taken(|| drop(std::hint::black_box(vec![1u8; 100]))), Taken { times: 1, bytes: 100 });
}

#[test]
fn a_raw_frame_of_any_encoding_becomes_a_tensor_without_allocating() {
    let spec = itnet::tensor::InputSpec { size: Size::new(48, 36), mean: [0.5; 3], std: [0.2; 3] };
    let crew = Arc::new(Crew::new(2).unwrap());
    let crews = [None, Some(&crew)].into_iter();
    for (crew, size) in crews.flat_map(|crew| [(48, 36), (64, 48), (128, 72)].map(|(w, h)| (crew, Size::new(w, h)))) {
        for encoding in Encoding::ALL {
            let mut maker = TensorMaker::new(spec).unwrap().on(crew);
            let mut out = vec![0.0; maker.len()];
            let data = pixels(encoding, size);
            let mut frame = || {
                let frame = Frame::packed(Header::default(), size, encoding, data.as_slice()).unwrap();
                maker.fill(&frame, ValuesMut::Whole(&mut out)).unwrap();
            };
            frame();
            assert_eq!(taken(frame), NOTHING, "{encoding} {size}");
        }
    }
}

/// Runs a frame to its last exit.
fn run(session: &mut Session, iterations: usize) {
    session.data(&mut || true).unwrap();
    for iteration in 1..=iterations {
        session.step(iteration, &mut || true).unwrap();
        session.exit(iteration, &mut || true).unwrap();
    }
}

#[test]
fn logits_become_a_mask_without_allocating() {
    let mut session = bundle().session(2).unwrap();
    run(&mut session, 1);
    for size in [Size::new(480, 360), Size::new(640, 480), Size::new(90, 70)] {
        let (mut renderer, mut mask) = (Renderer::new().on(session.crew()), Mask::unlabelled(size));
        let mut render = || renderer.render(session.logits().unwrap(), &mut mask).unwrap();
        render();
        assert_eq!(taken(render), NOTHING, "{size}");
        let mut renderer = ConfidenceRenderer::new();
        let mut render = || assert_ne!(renderer.render(session.logits().unwrap(), size).unwrap()[0], 0);
        render();
        assert_eq!(taken(render), NOTHING, "confidence, {size}");
    }
}

#[test]
fn the_network_runs_to_its_last_exit_without_allocating() {
    let mut session = bundle().session(1).unwrap();
    run(&mut session, 4);
    assert_eq!(taken(|| run(&mut session, 4)), NOTHING);
}

#[test]
fn a_frame_from_message_to_message_takes_only_the_headers_texts_and_a_list_of_its_stages() {
    let size = Size::new(640, 480);
    let header = Header { stamp: Stamp { sec: 1, nanosec: 2 }, frame_id: "camera".to_owned() };
    let image = Image {
        header: header.clone(),
        height: size.height,
        width: size.width,
        encoding: "bgr8".to_owned(),
        is_bigendian: 0,
        step: 3 * size.width,
        data: pixels(Encoding::Bgr8, size).into(),
    };
    let bytes = message::to_vec(&image).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let settings = Settings { depth: Depth::Fixed(4), ..Settings::of(&Parameters::default(), Duration::from_secs(1)) };
    let mut pipeline = setup::pipeline(&bundle(), (1, &Scheduling::default()), settings, &clock).unwrap().pipeline;
    let mut out = Vec::new();
    let mut sent = NOTHING;
    let mut publish = |published: Published<'_>| {
        sent = taken(|| {
            camera::mask_message(published.header, published.mask, &mut out).unwrap();
        });
    };
    let mut frame = || {
        let now = clock.now();
        drop(pipeline.run(0, ImageKind::Raw, &bytes, (now, now + Duration::from_secs(1)), &mut publish).unwrap());
    };
    // The costs' windows fill up.
    (0..70).for_each(|_| frame());
    let whole = taken(frame);
    let texts = |encoding: &str| Taken { times: 2, bytes: "camera".len() + encoding.len() };
    assert_eq!(sent, texts("mono8"));
    // Those of the message that came, and one list.
    assert_eq!(whole.times - sent.times, texts("bgr8").times + 1, "{whole:?}");
    assert!(whole.bytes < 1000, "{whole:?}");
}
