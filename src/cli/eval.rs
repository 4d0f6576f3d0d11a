//! `itnet eval`: every exit against labelled images.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Ending;
use super::table::{ms, percent, row, table};
use super::worst::{Bad, Worst};
use crate::clock::SystemClock;
use crate::eval::{self, Evaluation, ExitScore, Labelled, Scores};
use crate::frame::{Encoding, Frame, Header, Size};
use crate::model::{Bundle, Wanted};
use crate::params::Parameters;
use crate::pipeline::Settings;
use crate::scheduling::Scheduling;
use crate::setup::{self, DEFAULT_MODEL};
use crate::warm::Start;

/// Arguments of `itnet eval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the images (PNG or JPEG)
    #[arg(long)]
    images: PathBuf,
    /// Folder of the labels: grey PNG files named as the images, one class id a pixel; ids that are no class never count
    #[arg(long)]
    labels: PathBuf,
    /// File with the names of the images to use, a line each [default: all PNG and JPEG files of the folder]
    #[arg(long)]
    list: Option<PathBuf>,
    /// Folder of the model bundle
    #[arg(long, default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// Take the images, in their order, as a video whose frames start warm; the first one, and those after a cut, are not counted
    #[arg(long)]
    warm: bool,
    /// Exits to score [default: the useful ones]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    iterations: Option<u16>,
    /// Threads of the network
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// What convolutions multiply: auto, f32, bf16 or int8
    #[arg(long, default_value = "auto")]
    precision: Wanted,
    /// Multiply in --precision also where this processor lacks the instructions: many times as slow, for what it costs in accuracy
    #[arg(long)]
    emulate: bool,
    /// Folder for pictures of the worst images: frame, labels, last exit and errors side by side. They show the images
    #[arg(long)]
    pictures: Option<PathBuf>,
    /// How many of the worst images are named, and drawn with --pictures
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(0..=100))]
    worst: u16,
    /// Run in real time instead, under each of these budgets (5,10,20 ...) and beside it at every fixed depth
    #[arg(long, value_delimiter = ',', value_parser = super::plan_bench::budget, conflicts_with_all = ["warm", "pictures", "worst"])]
    budget_ms: Vec<Duration>,
    /// How often every frame runs with --budget-ms
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000), requires = "budget_ms")]
    rounds: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Timed<'a> {
    model: &'a str,
    precision: &'a str,
    threads: usize,
    frames: usize,
    rounds: u16,
    #[serde(flatten)]
    scores: Scores,
}

#[derive(Serialize)]
struct Evaluated<'a> {
    model: &'a str,
    precision: &'a str,
    frames: u64,
    classes: Vec<&'a str>,
    /// Mean of the exits' mIoU over that of the last.
    mean_to_last: f64,
    exits: Vec<Exit>,
    /// The images with the lowest mIoU of their own at the last exit, the worst first.
    worst: &'a [Bad],
    /// The same frames of a video, started warm.
    #[serde(skip_serializing_if = "Option::is_none")]
    warm: Option<Warm>,
}

#[derive(Serialize)]
struct Warm {
    frames: u64,
    /// Frames that started cold and were not counted, by cause.
    cold: BTreeMap<&'static str, usize>,
    /// Exit n is that of runs with n iterations a frame.
    exits: Vec<Exit>,
}

#[derive(Serialize)]
struct Exit {
    #[serde(flatten)]
    score: ExitScore,
    gmac: f64,
}

pub fn run(args: Args) -> anyhow::Result<Ending> {
    let emulated = || args.precision.emulated().context("--emulate: name a --precision, f32, bf16 or int8");
    let wanted = if args.emulate { emulated()? } else { args.precision };
    let bundle = setup::load(&args.model, wanted)?;
    let names = names(&args)?;
    if !args.budget_ms.is_empty() {
        return timed(&bundle, &args, &names);
    }
    let asked = args.iterations.map(usize::from);
    let mut cold = evaluation(&bundle, &args, asked.unwrap_or(bundle.manifest().iterations.useful))?;
    let mut warm = match (args.warm, bundle.manifest().warm_start) {
        (false, _) => None,
        (true, Some(warm)) => Some(evaluation(&bundle, &args, asked.unwrap_or(warm.useful))?.warm()),
        (true, None) => {
            bail!("--warm: {} offers no warm start, its manifest has no `warm_start`", bundle.manifest().name)
        }
    };
    let mut worst = Worst::new(&bundle.manifest().classes, usize::from(args.worst));
    if let Some(folder) = &args.pictures {
        std::fs::create_dir_all(folder).with_context(|| format!("pictures {}", folder.display()))?;
    }
    let bar = ProgressBar::new(names.len() as u64)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} images, {eta} left")?);
    for name in &names {
        let (frame, labels) = pair(&args, name)?;
        let image = || args.images.join(name).display().to_string();
        let start = warm.as_mut().map(|warm| warm.add(&frame, &labels)).transpose().with_context(image)?;
        // Both are scored on the same frames.
        if start.is_none_or(Start::is_warm) {
            cold.add(&frame, &labels).with_context(image)?;
            if let Some(mask) = cold.masks().last() {
                worst.add(name, &frame, &labels, mask);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if cold.pictures() == 0 {
        bail!("none of the {} images started warm, so that there is nothing to score", names.len());
    }
    if cold.pixels() == 0 {
        let classes = bundle.manifest().classes.len();
        bail!("labels {}: no pixel has the id of a class, 0 to {}", args.labels.display(), classes - 1);
    }
    if let Some(folder) = &args.pictures {
        worst.save(folder)?;
    }
    let evaluated = Evaluated { worst: worst.kept(), ..evaluated(&bundle, &cold, warm.as_ref()) };
    print(&evaluated, args.json)
}

fn evaluation(bundle: &Bundle, args: &Args, iterations: usize) -> anyhow::Result<Evaluation> {
    let session = bundle.session(setup::threads(usize::from(args.threads)))?;
    let clock = Box::new(SystemClock::new());
    let classes = bundle.manifest().classes.len();
    Ok(Evaluation::new(Box::new(session), setup::input(bundle), clock, classes, iterations)?)
}

/// All budgets and depths by turns, over frames that are in memory.
fn timed(bundle: &Bundle, args: &Args, names: &[String]) -> anyhow::Result<Ending> {
    let frames = names.iter().map(|name| {
        let (frame, labels) = pair(args, name)?;
        Ok(Labelled::new(&frame, labels)?)
    });
    let frames = frames.collect::<anyhow::Result<Vec<_>>>()?;
    let manifest = bundle.manifest();
    let (clock, classes) = (super::clock(), manifest.classes.len());
    let settings = Settings::of(&Parameters::default(), Duration::ZERO);
    let scheduling = Scheduling::default();
    let ready = setup::pipeline(bundle, (usize::from(args.threads), &scheduling), settings, &clock)?;
    let (mut pipeline, threads) = (ready.pipeline, ready.threads);
    let (set, last) = ((&frames[..], classes), args.iterations.map_or(manifest.iterations.useful, usize::from));
    let rounds = usize::from(args.rounds);
    let scores = eval::in_turns(&mut pipeline, clock.as_ref(), set, (&args.budget_ms, last), rounds)?;
    let precision = bundle.chosen().precision.name();
    let timed = Timed { model: &manifest.name, precision, threads, frames: frames.len(), rounds: args.rounds, scores };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&timed)?)?;
        return Ok(Ending::Done);
    }
    writeln!(out, "{} on {} images in real time, mIoU in % times the part in time\n", timed.model, timed.frames)?;
    let mut rows = vec![row(["budget", "in time", "exit", "ms", "anytime"])];
    rows[0].extend((1..=last).map(|n| format!("fixed {n}")));
    for (place, at) in timed.scores.anytime.iter().enumerate() {
        let (exit, elapsed) = (format!("{:.2}", at.mean_exit), ms(at.elapsed_ms));
        let mut cells = vec![ms(at.budget_ms), percent(at.in_time), exit, elapsed, percent(at.score)];
        cells.extend(timed.scores.fixed.iter().filter_map(|fixed| Some(percent(fixed.get(place)?.score))));
        rows.push(cells);
    }
    write!(out, "{}", table(&rows))?;
    Ok(Ending::Done)
}

fn evaluated<'a>(bundle: &'a Bundle, cold: &Evaluation, warm: Option<&Evaluation>) -> Evaluated<'a> {
    let manifest = bundle.manifest();
    let exits = |evaluation: &Evaluation, skipped: usize| -> Vec<Exit> {
        let exit = |(exit, score)| Exit { score, gmac: bundle.macs_after(skipped, exit) as f64 / 1e9 };
        (1..).zip(evaluation.scores()).map(exit).collect()
    };
    let warm = warm.map(|warm| {
        let mut causes = BTreeMap::new();
        warm.cold().iter().for_each(|cause| *causes.entry(cause.name()).or_default() += 1);
        let skipped = manifest.warm_start.map_or(0, |warm| warm.skipped_steps());
        Warm { frames: warm.pictures(), cold: causes, exits: exits(warm, skipped) }
    });
    let exits = exits(cold, 0);
    let last = exits.last().map_or(0.0, |exit| exit.score.miou);
    let mean = exits.iter().map(|exit| exit.score.miou).sum::<f64>() / exits.len().max(1) as f64;
    let mean_to_last = if last > 0.0 { mean / last } else { 0.0 };
    let (model, precision) = (manifest.name.as_str(), bundle.chosen().precision.name());
    let classes = manifest.classes.iter().map(|class| class.name.as_str()).collect();
    Evaluated { model, precision, frames: cold.pictures(), classes, mean_to_last, exits, warm, worst: &[] }
}

fn print(evaluated: &Evaluated<'_>, json: bool) -> anyhow::Result<Ending> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(evaluated)?)?;
        return Ok(Ending::Done);
    }
    writeln!(out, "{} in {} on {} images, in %\n", evaluated.model, evaluated.precision, evaluated.frames)?;
    write!(out, "{}", exits("exit", &evaluated.classes, &evaluated.exits))?;
    writeln!(
        out,
        "\n  mean exit / last exit: {:.3}; changed: pixels whose class differs from the exit before;\n  \
         fell: images more than a point below the best of their earlier exits",
        evaluated.mean_to_last
    )?;
    if !evaluated.worst.is_empty() {
        let bad = |bad: &Bad| format!("{} {} %", bad.image, percent(bad.miou));
        let worst: Vec<_> = evaluated.worst.iter().map(bad).collect();
        writeln!(out, "\n  worst images, by the mIoU of the classes in them: {}", worst.join(", "))?;
    }
    if let Some(warm) = &evaluated.warm {
        let cold: Vec<_> = warm.cold.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
        writeln!(out, "\nThe same {} frames started warm, each with as many iterations\n", warm.frames)?;
        write!(out, "{}", exits("iterations", &evaluated.classes, &warm.exits))?;
        let cold = if cold.is_empty() { "none".to_owned() } else { cold.join(", ") };
        writeln!(out, "\n  started cold and not counted, here and above: {cold}")?;
    }
    Ok(Ending::Done)
}

fn exits(head: &str, classes: &[&str], exits: &[Exit]) -> String {
    let mut rows = vec![row([head, "GMAC", "mIoU", "changed", "fell"])];
    rows[0].extend(classes.iter().map(|name| (*name).to_owned()));
    for (number, exit) in (1..).zip(exits) {
        let score = &exit.score;
        let gmac = format!("{:.2}", exit.gmac);
        let mut cells = vec![number.to_string(), gmac, percent(score.miou), percent(score.change), percent(score.fell)];
        cells.extend(score.iou.iter().map(|iou| percent(*iou)));
        rows.push(cells);
    }
    table(&rows)
}

/// The images' names: those of the list, else all of the folder in order.
fn names(args: &Args) -> anyhow::Result<Vec<String>> {
    let names: Vec<String> = match &args.list {
        Some(list) => {
            let text = std::fs::read_to_string(list).with_context(|| format!("list {}", list.display()))?;
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        }
        None => {
            let folder =
                std::fs::read_dir(&args.images).with_context(|| format!("images {}", args.images.display()))?;
            let mut names: Vec<String> = folder
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| {
                    let end = Path::new(name).extension().map(|end| end.to_ascii_lowercase());
                    end.is_some_and(|end| end == "png" || end == "jpg" || end == "jpeg")
                })
                .collect();
            names.sort();
            names
        }
    };
    match &args.list {
        _ if !names.is_empty() => Ok(names),
        Some(list) => bail!("no images: list {} names none", list.display()),
        None => bail!("no images: {} holds no PNG or JPEG files", args.images.display()),
    }
}

/// An image with its labels.
fn pair(args: &Args, name: &str) -> anyhow::Result<(Frame<'static>, Vec<u8>)> {
    let path = args.images.join(name);
    let bytes = std::fs::read(&path).with_context(|| format!("image {}", path.display()))?;
    let frame = crate::decode::compressed(Header::default(), "", &bytes)
        .with_context(|| format!("image {}", path.display()))?;
    let path = args.labels.join(Path::new(name).with_extension("png"));
    let labels = labels(&path, frame.size()).with_context(|| format!("labels {}", path.display()))?;
    Ok((frame, labels))
}

fn labels(path: &Path, size: Size) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path)?;
    // Fewer bits would be stretched to eight, and ids with them.
    if let Some(bits) = bits_of_png(&bytes).filter(|bits| *bits < 8) {
        bail!("expected a grey PNG of 8 bits, got {bits}");
    }
    let labels = crate::decode::compressed(Header::default(), "", &bytes)?;
    if labels.size() != size {
        bail!("expected the image's size {size}, got {}", labels.size());
    }
    if labels.encoding() != Encoding::Mono8 {
        bail!("expected a grey PNG of one class id a pixel, got {}", labels.encoding().name());
    }
    Ok(labels.data().to_vec())
}

/// Bits of a sample of a PNG, by its header; `None` for anything else.
fn bits_of_png(bytes: &[u8]) -> Option<u8> {
    const BITS_AT: usize = 24;
    bytes.starts_with(b"\x89PNG\r\n\x1a\n").then(|| bytes.get(BITS_AT).copied())?
}
