//! `itnet bench`: what every stage costs on this machine.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::Ending;
use super::table::{ms, row, table, threads};
use crate::anytime::nodes;
use crate::clock::Clock;
use crate::frame::{Encoding, Frame, Header, Size};
use crate::mask::Mask;
use crate::model::{Bundle, Session, StagedModel, Wanted};
use crate::render::Renderer;
use crate::report::Quantiles;
use crate::setup::{self, DEFAULT_MODEL};
use crate::tensor::TensorMaker;
use crate::trace::Recorder;

/// Arguments of `itnet bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model bundle
    #[arg(long, default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// Threads of the network
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Frames to time, after a tenth as many to warm up
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    frames: u32,
    /// Width and height of the camera frames, as WIDTHxHEIGHT [default: the network's input]
    #[arg(long, value_parser = size)]
    size: Option<Size>,
    /// What convolutions multiply: auto, f32, bf16 or int8
    #[arg(long, default_value = "auto")]
    precision: Wanted,
    /// File to write with what every stage of every frame took, for `itnet plan-bench`
    #[arg(long)]
    trace: Option<PathBuf>,
    /// What else the machine does meanwhile, in words, to stand in the trace
    #[arg(long, default_value = "not told")]
    load: String,
    /// Time from frame to frame, in milliseconds; 0 is one right after the other
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    period_ms: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn size(text: &str) -> Result<Size, String> {
    let parsed = text.split_once('x').and_then(|(w, h)| Some(Size::new(w.parse().ok()?, h.parse().ok()?)));
    parsed
        .filter(|size| (1..=8192).contains(&size.width) && (1..=8192).contains(&size.height))
        .ok_or_else(|| format!("expected WIDTHxHEIGHT with sides from 1 to 8192, such as 640x480, got `{text}`"))
}

#[derive(Serialize)]
struct Timing {
    name: String,
    #[serde(flatten)]
    quantiles: Quantiles,
    gmac: f64,
}

#[derive(Serialize)]
struct Benched {
    model: String,
    precision: &'static str,
    threads: usize,
    frame: Size,
    frames: u32,
    stages: Vec<Timing>,
    whole_frames: Vec<Timing>,
}

pub fn run(args: Args) -> anyhow::Result<Ending> {
    let bundle = setup::load(&args.model, args.precision)?;
    let opened = args.trace.as_ref().map(|path| beside(path).with_context(|| shown(path))).transpose()?;
    let (benched, recorder) = Bench::new(&bundle, &args)?.run(&bundle, &args)?;
    if let (Some(mut file), Some(path)) = (opened, &args.trace) {
        let trace = recorder.trace(&benched.model, benched.frame, benched.threads, &args.load);
        let text = trace.context("no frames, no trace")?.to_text();
        file.write_all(text.as_bytes()).with_context(|| shown(path))?;
        file.persist(path).map_err(|fault| fault.error).with_context(|| shown(path))?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&benched)?)?;
        return Ok(Ending::Done);
    }
    let threads = threads(benched.threads);
    let Benched { model, precision, frame, frames, .. } = &benched;
    writeln!(out, "{model}, {precision}, {threads}, {frames} frames of {frame} rgb8, times in ms\n")?;
    let mut rows = vec![row(["stage", "p50", "p90", "p99", "max", "GMAC"])];
    for timing in benched.stages.iter().chain(&benched.whole_frames) {
        let q = timing.quantiles;
        let gmac = if timing.gmac > 0.0 { format!("{:.3}", timing.gmac) } else { String::new() };
        rows.push(vec![timing.name.clone(), ms(q.p50_ms), ms(q.p90_ms), ms(q.p99_ms), ms(q.max_ms), gmac]);
    }
    write!(out, "{}", table(&rows))?;
    Ok(Ending::Done)
}

/// A file that takes the place of `path` once it is whole, and is removed if it never is.
fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // For who may write there anyway, as any file that is made.
    let anyones = std::fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".trace-").permissions(anyones).tempfile_in(folder)
}

fn shown(trace: &Path) -> String {
    format!("trace {}", trace.display())
}

/// The parts of the line, each timed on its own.
struct Bench {
    clock: std::sync::Arc<dyn Clock>,
    session: Session,
    tensor: TensorMaker,
    renderer: Renderer,
    mask: Mask,
    iterations: usize,
    frame: Frame<'static>,
    threads: usize,
}

/// The useful iterations, and more where the bundle has graphs for more: every graph is timed.
fn iterations(bundle: &Bundle) -> usize {
    let manifest = bundle.manifest();
    let warm = manifest.warm_start.map_or(0, |warm| warm.skipped_steps() + warm.useful);
    manifest.iterations.useful.max(warm).max(manifest.files.steps.len()).max(manifest.files.exits.len())
}

/// The times of one frame's parts.
struct Times {
    decode: Duration,
    data: Duration,
    steps: Vec<Duration>,
    exits: Vec<Duration>,
    render: Duration,
}

impl Bench {
    fn new(bundle: &Bundle, args: &Args) -> anyhow::Result<Self> {
        let spec = setup::input(bundle);
        let size = args.size.unwrap_or(spec.size);
        // A picture with edges and noise, so that rendering has boundaries to find.
        let pixel = |i: usize| ((i / 3 % 97) * 5 + (i / 7919) * 31) as u8;
        let pixels: Vec<u8> = (0..3 * size.pixels()).map(pixel).collect();
        let threads = setup::threads(usize::from(args.threads));
        let session = bundle.session(threads)?;
        Ok(Self {
            clock: super::clock(),
            tensor: TensorMaker::new(spec)?.on(session.crew()),
            renderer: Renderer::new().on(session.crew()),
            session,
            mask: Mask::unlabelled(size),
            iterations: iterations(bundle),
            frame: Frame::packed(Header::default(), size, Encoding::Rgb8, pixels)?,
            threads,
        })
    }

    fn run(mut self, bundle: &Bundle, args: &Args) -> anyhow::Result<(Benched, Recorder)> {
        for _ in 0..args.frames / 10 + 3 {
            self.frame()?;
        }
        let (mut times, mut recorder) = (Vec::new(), Recorder::default());
        for _ in 0..args.frames {
            let at = self.clock.now();
            let (frame, network) = self.frame()?;
            recorder.add(at.since_start(), frame.decode, network, frame.render);
            times.push(frame);
            self.clock.sleep_until(at + Duration::from_millis(args.period_ms));
        }
        let benched = Benched {
            model: bundle.manifest().name.clone(),
            precision: bundle.chosen().precision.name(),
            threads: self.threads,
            frame: self.frame.size(),
            frames: args.frames,
            stages: self.stages(bundle, &times),
            whole_frames: self.whole_frames(bundle, &times),
        };
        Ok((benched, recorder))
    }

    /// Runs a frame through all stages; also what every node of data, step 1, exit 1, step 2, ... took.
    fn frame(&mut self) -> anyhow::Result<(Times, Vec<Vec<Duration>>)> {
        let Self { clock, session, tensor, renderer, mask, iterations, frame, .. } = self;
        let clock = clock.as_ref();
        let before = clock.now();
        tensor.fill(frame, session.input())?;
        let decode = clock.now().since(before);
        let mut network = vec![nodes(clock, &mut |watch| session.data(watch))?];
        for iteration in 1..=*iterations {
            network.push(nodes(clock, &mut |watch| session.step(iteration, watch))?);
            network.push(nodes(clock, &mut |watch| session.exit(iteration, watch))?);
        }
        let before = clock.now();
        renderer.render(session.logits()?, mask)?;
        let render = clock.now().since(before);
        let mut sums = network.iter().map(|nodes| nodes.iter().sum::<Duration>());
        let data = sums.next().unwrap_or_default();
        let (mut steps, mut exits) = (Vec::new(), Vec::new());
        while let (Some(step), Some(exit)) = (sums.next(), sums.next()) {
            steps.push(step);
            exits.push(exit);
        }
        Ok((Times { decode, data, steps, exits, render }, network))
    }

    /// Every graph under its file's name, and what surrounds them. A graph that several iterations share has the times of all.
    fn stages(&self, bundle: &Bundle, times: &[Times]) -> Vec<Timing> {
        let files = &bundle.manifest().files;
        let iterations = 0..self.iterations;
        let uses = |index: usize, len: usize, i: usize| i.min(len - 1) == index;
        let mut all = Vec::new();
        for (position, graph) in bundle.graphs().iter().enumerate() {
            let (steps, exits) = (files.steps.len(), files.exits.len());
            let took: Vec<Duration> = match position {
                0 => times.iter().map(|t| t.data).collect(),
                p if p <= steps => {
                    let of = iterations.clone().filter(|i| uses(p - 1, steps, *i)).collect::<Vec<_>>();
                    times.iter().flat_map(|t| of.iter().map(|&i| t.steps[i])).collect()
                }
                p => {
                    let of = iterations.clone().filter(|i| uses(p - 1 - steps, exits, *i)).collect::<Vec<_>>();
                    times.iter().flat_map(|t| of.iter().map(|&i| t.exits[i])).collect()
                }
            };
            all.push(timing(graph.name.clone(), &took, graph.macs));
        }
        all.push(timing("decode".to_owned(), &times.iter().map(|t| t.decode).collect::<Vec<_>>(), 0));
        all.push(timing("render".to_owned(), &times.iter().map(|t| t.render).collect::<Vec<_>>(), 0));
        all
    }

    /// A frame that takes no other exit than the one named; where the model offers warm starts, such frames too, of the same stages.
    fn whole_frames(&self, bundle: &Bundle, times: &[Times]) -> Vec<Timing> {
        let whole = |t: &Times, skipped: usize, exit: usize| {
            let steps: Duration = t.steps.iter().skip(skipped).take(exit).sum();
            t.decode + t.data + steps + t.exits[skipped + exit - 1] + t.render
        };
        let timing = |name: &str, skipped: usize, exit: usize| {
            let took: Vec<_> = times.iter().map(|t| whole(t, skipped, exit)).collect();
            timing(format!("{name} to exit {exit}"), &took, bundle.macs_after(skipped, exit))
        };
        let mut all: Vec<_> = (1..=self.iterations).map(|exit| timing("frame", 0, exit)).collect();
        if let Some(warm) = bundle.manifest().warm_start {
            all.extend((1..=warm.useful).map(|exit| timing("warm frame", warm.skipped_steps(), exit)));
        }
        all
    }
}

fn timing(name: String, took: &[Duration], macs: u64) -> Timing {
    Timing { name, quantiles: Quantiles::of(took), gmac: macs as f64 / 1e9 }
}
