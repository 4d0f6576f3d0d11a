//! A bundle's stages and frames in this crate: a worker of `compare.py`.
//!
//! `ours BUNDLE THREADS`. Answers each line of JSON with one, medians in ms:
//! - `{"time": N}`: every stage, and whole frames to every exit (`frame 1` and so on: data, steps, that exit), each N times;
//! - `{"tensor": ENCODING, "size": [W, H], "time": N}`: from such a frame to the network's input;
//! - `{"render": [W, H], "time": N}`: from the last exit's logits to a mask of that size.
//!
//! What is rendered are the logits of a rendered street, with the boundaries of a real scene.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use itnet::clock::{Clock, SystemClock};
use itnet::frame::{Encoding, Frame, Header, Size};
use itnet::mask::Mask;
use itnet::model::{Bundle, Session, StagedModel};
use itnet::render::Renderer;
use itnet::scene::{Light, Scene};
use itnet::setup;
use itnet::tensor::TensorMaker;
use serde_json::Value;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    ensure!(args.len() == 2, "usage: ours BUNDLE THREADS");
    let bundle = setup::load(Path::new(&args[0]))?;
    let mut ours = Ours::new(&bundle, args[1].parse().context("THREADS")?)?;
    for line in std::io::stdin().lines() {
        let answer = ours.answer(&serde_json::from_str(&line?)?)?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&answer)?)?;
    }
    Ok(())
}

struct Ours {
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
        } else {
            (0..times).try_for_each(|_| self.frames(&mut took))?;
        }
        Ok(took.into_iter().map(|(name, times)| (name, median(times))).collect())
    }

    /// A frame to every exit.
    fn frames(&mut self, took: &mut BTreeMap<String, Vec<Duration>>) -> Result<()> {
        let mut go = || true;
        for exit in 1..=self.iterations {
            let start = self.clock.now();
            let mut last = start;
            let mut lap = |name: &str| {
                let now = self.clock.now();
                let lap = now.since(std::mem::replace(&mut last, now));
                took.entry(name.to_owned()).or_default().push(lap);
            };
            self.session.data(&mut go)?;
            lap("data");
            for step in 1..=exit {
                self.session.step(step, &mut go)?;
                lap(chosen(&self.steps, step));
            }
            self.session.exit(exit, &mut go)?;
            lap(chosen(&self.exits, exit));
            let whole = self.clock.now().since(start);
            took.entry(format!("frame {exit}")).or_default().push(whole);
        }
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
            self.tensor.fill(&frame, &mut input)?;
            took.entry("tensor".to_owned()).or_default().push(self.clock.now().since(start));
        }
        Ok(())
    }

    fn masks(&mut self, size: Size, times: usize, took: &mut BTreeMap<String, Vec<Duration>>) -> Result<()> {
        let input = self.session.input_size();
        let street = Scene::new(7, Light::Day);
        let picture = street.render(Duration::from_secs(3), (input.width as usize, input.height as usize));
        let frame = Frame::packed(Header::default(), input, Encoding::Rgb8, picture.rgb)?;
        self.tensor.fill(&frame, self.session.input())?;
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

fn size_of(value: &Value) -> Result<Size> {
    let side = |index: usize| value[index].as_u64().context("a size: [W, H]");
    Ok(Size::new(side(0)? as u32, side(1)? as u32))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let middle = times[times.len() / 2] + times[(times.len() - 1) / 2];
    middle.as_secs_f64() * 1e3 / 2.0
}
