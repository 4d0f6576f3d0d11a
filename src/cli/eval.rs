//! `itnet eval`: every exit against labelled images.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Ending;
use super::table::{percent, row, table};
use crate::clock::SystemClock;
use crate::eval::{Evaluation, ExitScore};
use crate::frame::{Encoding, Frame, Header, Size};
use crate::model::{Bundle, Wanted};
use crate::setup::{self, DEFAULT_MODEL};

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
    /// Exits to score [default: the useful ones]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    iterations: Option<u16>,
    /// Threads of the network
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// What convolutions multiply: auto, f32, bf16 or int8
    #[arg(long, default_value = "auto")]
    precision: Wanted,
    /// Print JSON
    #[arg(long)]
    json: bool,
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
}

#[derive(Serialize)]
struct Exit {
    #[serde(flatten)]
    score: ExitScore,
    gmac: f64,
}

pub fn run(args: Args) -> anyhow::Result<Ending> {
    let bundle = setup::load(&args.model, args.precision)?;
    let names = names(&args)?;
    let iterations = args.iterations.map_or(bundle.manifest().iterations.useful, usize::from);
    let session = bundle.session(crate::compute::Compute::read().threads(usize::from(args.threads)))?;
    let classes = bundle.manifest().classes.len();
    let clock = Box::new(SystemClock::new());
    let mut evaluation = Evaluation::new(Box::new(session), setup::input(&bundle), clock, classes, iterations)?;
    let bar = ProgressBar::new(names.len() as u64)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} images, {eta} left")?);
    for name in &names {
        let (frame, labels) = pair(&args, name)?;
        evaluation.add(&frame, &labels).with_context(|| args.images.join(name).display().to_string())?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    print(&bundle, &evaluation, args.json)
}

fn print(bundle: &Bundle, evaluation: &Evaluation, json: bool) -> anyhow::Result<Ending> {
    let manifest = bundle.manifest();
    let exit = |(exit, score): (usize, ExitScore)| Exit { score, gmac: bundle.macs_to(exit) as f64 / 1e9 };
    let exits: Vec<Exit> = (1..).zip(evaluation.scores()).map(exit).collect();
    let last = exits.last().map_or(0.0, |exit| exit.score.miou);
    let mean = exits.iter().map(|exit| exit.score.miou).sum::<f64>() / exits.len().max(1) as f64;
    let classes: Vec<&str> = manifest.classes.iter().map(|class| class.name.as_str()).collect();
    let mean_to_last = if last > 0.0 { mean / last } else { 0.0 };
    let (model, precision) = (manifest.name.as_str(), bundle.chosen().precision.name());
    let evaluated = Evaluated { model, precision, frames: evaluation.pictures(), classes, mean_to_last, exits };
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&evaluated)?)?;
        return Ok(Ending::Done);
    }
    writeln!(out, "{} in {precision} on {} images, in %\n", evaluated.model, evaluated.frames)?;
    let mut rows = vec![row(["exit", "GMAC", "mIoU", "changed", "fell"])];
    rows[0].extend(evaluated.classes.iter().map(|name| name.chars().take(7).collect()));
    for (number, exit) in (1..).zip(&evaluated.exits) {
        let score = &exit.score;
        let gmac = format!("{:.2}", exit.gmac);
        let mut cells = vec![number.to_string(), gmac, percent(score.miou), percent(score.change), percent(score.fell)];
        cells.extend(score.iou.iter().map(|iou| percent(*iou)));
        rows.push(cells);
    }
    write!(out, "{}", table(&rows))?;
    writeln!(
        out,
        "\n  mean exit / last exit: {:.3}; changed: pixels whose class differs from the exit before;\n  \
         fell: images more than a point below the best of their earlier exits",
        evaluated.mean_to_last
    )?;
    Ok(Ending::Done)
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
    if names.is_empty() {
        bail!("no images: {} holds no PNG or JPEG files", args.list.as_ref().unwrap_or(&args.images).display());
    }
    Ok(names)
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
    let labels = crate::decode::compressed(Header::default(), "", &bytes)?;
    if labels.size() != size {
        bail!("expected the image's size {size}, got {}", labels.size());
    }
    if labels.encoding() != Encoding::Mono8 {
        bail!("expected a grey PNG of one class id a pixel, got {}", labels.encoding().name());
    }
    Ok(labels.data().to_vec())
}
