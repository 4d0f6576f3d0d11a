//! A bundle's stages and frames in this crate: a worker of `compare.py`.
//!
//! `ours BUNDLE THREADS [PRECISION]`, in f32 unless told. Answers each line of JSON with one, medians in ms:
//! - `{"time": N}`: every stage, and whole frames to every exit (`frame 1` and so on: data, steps, that exit), each N times;
//! - `{"tensor": ENCODING, "size": [W, H], "time": N}`: from such a frame to the network's input;
//! - `{"render": [W, H], "time": N}`: from the last exit's logits to a mask of that size;
//! - `{"peak": true, "time": N}`: a fixed number of multiply-adds in the innermost caches, shared out among the threads;
//! - `{"pass": true, "time": N}`: a line of the cache from one thread to another and back, which tells whether their CPUs share a cache;
//! - `{"line": [W, H], "time": N}`: whole frames from an rgb8 message to the mask's message, to every exit, as `frame 1` and so on; `rest 1` is what of it
//!   was not spent in data, steps and exit, of which `tensor 1` from the message to the network's input and `mask 1` from logits to the mask's message;
//!   `loads 1` is what loading one byte of each line of the cache of the image takes after the frame, when the network has driven it out.
//!
//! What is rendered are the logits of a rendered street, with the boundaries of a real scene.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Error, Result, ensure};
use itnet::anytime::Stage;
use itnet::camera;
use itnet::clock::{Clock, SystemClock};
use itnet::frame::{Encoding, Frame, Header, Size};
use itnet::kernels::{Conv, Crew, Geometry, Isa, Order, Precision, Values, ValuesMut};
use itnet::mask::Mask;
use itnet::message::{self, Image};
use itnet::model::{Bundle, Session, StagedModel, Wanted};
use itnet::params::Parameters;
use itnet::pipeline::{Depth, ImageKind, Published, Settings, frame_of};
use itnet::render::Renderer;
use itnet::scene::{Light, Scene};
use itnet::scheduling::Scheduling;
use itnet::setup;
use itnet::tensor::TensorMaker;
use serde_json::Value;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    ensure!((2..=3).contains(&args.len()), "usage: ours BUNDLE THREADS [PRECISION]");
    let wanted = args.get(2).map_or(Ok(Wanted::F32), |name| name.parse()).map_err(Error::msg)?;
    let bundle = setup::load(Path::new(&args[0]), wanted)?;
    let mut ours = Ours::new(&bundle, args[1].parse().context("THREADS")?)?;
    for line in std::io::stdin().lines() {
        let answer = ours.answer(&serde_json::from_str(&line?)?)?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&answer)?)?;
    }
    Ok(())
}

/// Multiply-adds of a look at the peak: about two milliseconds' worth on one core.
const PEAK_MACS: usize = 120_000_000;

/// Passes of a line of the cache that are timed together: a millisecond or so.
const PASSES: usize = 5_000;

/// Bytes of a line of the cache.
const LINE: usize = 64;

struct Ours {
    bundle: Bundle,
    threads: usize,
    clock: SystemClock,
    session: Session,
    tensor: TensorMaker,
    steps: Vec<String>,
    exits: Vec<String>,
    iterations: usize,
}

impl Ours {
    fn new(bundle: &Bundle, threads: usize) -> Result<Self> {
        let manifest = bundle.manifest();
        let (steps, exits) = (manifest.files.steps.len(), manifest.files.exits.len());
        let names = |from: usize, count: usize| {
            let graphs = bundle.graphs().iter().skip(from).take(count);
            graphs.map(|graph| graph.name.clone()).collect()
        };
        let mut ours = Self {
            bundle: bundle.clone(),
            threads,
            clock: SystemClock::new(),
            session: bundle.session(threads)?,
            tensor: TensorMaker::new(setup::input(bundle))?,
            steps: names(1, steps),
            exits: names(1 + steps, exits),
            iterations: manifest.iterations.useful.max(steps).max(exits),
        };
        let frame = noise(Encoding::Rgb8, ours.session.input_size())?;
        ours.tensor.fill(&frame, ours.session.input())?;
        Ok(ours)
    }

    fn answer(&mut self, request: &Value) -> Result<BTreeMap<String, f64>> {
        let times = request["time"].as_u64().context("`time`: a number")? as usize;
        let mut took = BTreeMap::new();
        if let Some(encoding) = request["tensor"].as_str() {
            self.tensors(encoding, size_of(&request["size"])?, times, &mut took)?;
        } else if request["render"].is_array() {
            self.masks(size_of(&request["render"])?, times, &mut took)?;
        } else if request["peak"] == true {
            self.peak(times, &mut took)?;
        } else if request["pass"] == true {
            self.passes(times, &mut took);
        } else if request["line"].is_array() {
            self.lines(size_of(&request["line"])?, times, &mut took)?;
        } else {
            // What comes first after a pause takes longer: nobody's is timed.
            self.frame(1, |_| ())?;
            (0..times).try_for_each(|_| self.frames(&mut took))?;
        }
        Ok(took.into_iter().map(|(name, times)| (name, median(times))).collect())
    }

    /// A frame to every exit.
    fn frames(&mut self, took: &mut BTreeMap<String, Vec<Duration>>) -> Result<()> {
        for exit in 1..=self.iterations {
            let start = self.clock.now();
            let (mut last, clock) = (start, self.clock);
            self.frame(exit, |name| {
                let now = clock.now();
                let lap = now.since(std::mem::replace(&mut last, now));
                took.entry(name.to_owned()).or_default().push(lap);
            })?;
            let whole = self.clock.now().since(start);
            took.entry(format!("frame {exit}")).or_default().push(whole);
        }
        Ok(())
    }

    /// A frame to `exit`, and a `lap` after each graph, which is told its name.
    fn frame(&mut self, exit: usize, mut lap: impl FnMut(&str)) -> Result<()> {
        let mut go = || true;
        self.session.data(&mut go)?;
        lap("data");
        for step in 1..=exit {
            self.session.step(step, &mut go)?;
            lap(chosen(&self.steps, step));
        }
        self.session.exit(exit, &mut go)?;
        lap(chosen(&self.exits, exit));
        Ok(())
    }

    fn tensors(
        &mut self,
        encoding: &str,
        size: Size,
        times: usize,
        took: &mut BTreeMap<String, Vec<Duration>>,
    ) -> Result<()> {
        let encoding = Encoding::from_name(encoding).context("`tensor`: an encoding")?;
        let frame = noise(encoding, size)?;
        let mut input = vec![0.0; self.tensor.len()];
        for _ in 0..times {
            let start = self.clock.now();
            self.tensor.fill(&frame, ValuesMut::Whole(&mut input))?;
            took.entry("tensor".to_owned()).or_default().push(self.clock.now().since(start));
        }
        Ok(())
    }

    /// What the processor does without waiting for memory: a convolution of one pixel that fits into the innermost cache, [`PEAK_MACS`] in all.
    fn peak(&self, times: usize, took: &mut BTreeMap<String, Vec<Duration>>) -> Result<()> {
        let geometry = Geometry {
            inputs: 32,
            outputs: 32,
            depthwise: false,
            kernel: [1, 1],
            stride: [1, 1],
            pad: [0, 0],
            from: [1, 60],
            to: [1, 60],
            from_order: Order::Interleaved,
            to_order: Order::Interleaved,
            addends: Vec::new(),
            relu: false,
        };
        let runs = PEAK_MACS / (32 * 32 * 60) / self.threads;
        let conv =
            Conv::new(geometry, &[0.01; 32 * 32], &[0.0; 32], Isa::detect(), Precision::F32).map_err(Error::msg)?;
        let (crew, alone) = (Crew::new(self.threads)?, Crew::new(1)?);
        let work = |_| {
            let (input, mut output) = ([0.5; 32 * 60], [0.0; 32 * 60]);
            // The lengths are those of the geometry.
            for _ in 0..runs {
                drop(conv.run(Values::Whole(black_box(&input)), &[], ValuesMut::Whole(&mut output), &alone));
            }
        };
        for _ in 0..times {
            let start = self.clock.now();
            crew.run(self.threads, &work);
            took.entry("peak".to_owned()).or_default().push(self.clock.now().since(start));
        }
        Ok(())
    }

    /// Two threads take turns to write one word.
    fn passes(&self, times: usize, took: &mut BTreeMap<String, Vec<Duration>>) {
        // The shortest: threads that begin on the same CPU wait for each other at first.
        let shortest = (0..times).map(|_| self.pass()).min();
        took.entry("pass".to_owned()).or_default().extend(shortest);
    }

    fn pass(&self) -> Duration {
        let word = AtomicUsize::new(0);
        // A hint that this only waits would make each wait longer than a pass.
        let wait = |turn: usize| while word.load(Ordering::Acquire) != turn {};
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0..PASSES {
                    wait(2 * turn + 1);
                    word.store(2 * turn + 2, Ordering::Release);
                }
            });
            // Not before the other has come.
            word.store(1, Ordering::Release);
            wait(2);
            let start = self.clock.now();
            for turn in 1..PASSES {
                word.store(2 * turn + 1, Ordering::Release);
                wait(2 * turn + 2);
            }
            self.clock.now().since(start) / (PASSES as u32 - 1)
        })
    }

    fn lines(&self, size: Size, times: usize, took: &mut BTreeMap<String, Vec<Duration>>) -> Result<()> {
        let street = street(size)?;
        let clock: Arc<dyn Clock> = Arc::new(self.clock);
        let settings = Settings::of(&Parameters::default(), Duration::from_secs(1));
        let scheduling = Scheduling::default();
        let mut pipeline =
            setup::pipeline(&self.bundle, (self.threads, &scheduling), settings.clone(), &clock)?.pipeline;
        let mut out = Vec::new();
        let mut publish = |published: Published<'_>| {
            // A mask that was rendered is shorter than 4 GiB.
            let _ = camera::mask_message(published.header, published.mask, &mut out);
        };
        for exit in 1..=self.iterations {
            pipeline.set(Settings { depth: Depth::Fixed(exit), ..settings.clone() });
            for turn in 0..=times {
                let now = clock.now();
                let deadline = now + Duration::from_secs(1);
                let result = pipeline.run(0, ImageKind::Raw, &street, (now, deadline), &mut publish)?;
                let whole = clock.now().since(now);
                let spent = |of: &dyn Fn(Stage) -> bool| -> Duration {
                    result.outcome.stages.iter().filter(|(stage, _)| of(*stage)).map(|(_, took)| *took).sum()
                };
                let network = spent(&|stage| !matches!(stage, Stage::Decode(_) | Stage::Render(_)));
                let parts = [
                    ("frame", whole),
                    ("rest", whole.saturating_sub(network)),
                    ("tensor", spent(&|stage| matches!(stage, Stage::Decode(_)))),
                    ("mask", spent(&|stage| matches!(stage, Stage::Render(_)))),
                ];
                for (part, time) in parts.into_iter().filter(|_| turn > 0) {
                    took.entry(format!("{part} {exit}")).or_default().push(time);
                }
            }
            // After the last turn: the next frame finds the image in the caches, and so must not be one that counts.
            let start = clock.now();
            black_box(street.iter().step_by(LINE).map(|byte| u64::from(*byte)).sum::<u64>());
            took.entry(format!("loads {exit}")).or_default().push(clock.now().since(start));
        }
        Ok(())
    }

    fn masks(&mut self, size: Size, times: usize, took: &mut BTreeMap<String, Vec<Duration>>) -> Result<()> {
        let street = street(self.session.input_size())?;
        self.tensor.fill(&frame_of(ImageKind::Raw, &street)?, self.session.input())?;
        self.frames(&mut BTreeMap::new())?;
        let mut renderer = Renderer::new();
        let mut mask = Mask::unlabelled(size);
        for _ in 0..times {
            let start = self.clock.now();
            renderer.render(self.session.logits()?, &mut mask)?;
            took.entry("render".to_owned()).or_default().push(self.clock.now().since(start));
        }
        Ok(())
    }
}

/// The name of an iteration's graph: its own, or the last one.
fn chosen(names: &[String], iteration: usize) -> &str {
    names.get(iteration - 1).or(names.last()).map_or("", String::as_str)
}

fn noise(encoding: Encoding, size: Size) -> Result<Frame<'static>> {
    let bytes = encoding.data_bytes(size, encoding.row_bytes(size.width) as u32) as usize;
    let data: Vec<u8> = (0..bytes).map(|i| (i * 7 % 251) as u8).collect();
    Ok(Frame::packed(Header::default(), size, encoding, data)?)
}

/// The message of a rendered street of that size.
fn street(size: Size) -> Result<Vec<u8>> {
    let picture = Scene::new(7, Light::Day).render(Duration::from_secs(3), (size.width as usize, size.height as usize));
    let image = Image {
        height: size.height,
        width: size.width,
        encoding: "rgb8".to_owned(),
        step: 3 * size.width,
        data: picture.rgb.into(),
        ..Image::default()
    };
    Ok(message::to_vec(&image)?)
}

fn size_of(value: &Value) -> Result<Size> {
    let side = |index: usize| value[index].as_u64().context("a size: [W, H]");
    Ok(Size::new(side(0)? as u32, side(1)? as u32))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let middle = times[times.len() / 2] + times[(times.len() - 1) / 2];
    middle.as_secs_f64() * 1e3 / 2.0
}
