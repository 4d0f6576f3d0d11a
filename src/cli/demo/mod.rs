//! `itnet demo`: a rendered street, run in real time, and what came of it.

mod sheet;
mod street;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::Ending;
use super::replay::{self, Job};
use super::table::{percent, row, table};
use crate::bag::{Bag, Existing, Storage};
use crate::clock::SystemClock;
use crate::eval::{Evaluation, ExitScore};
use crate::frame::Stamp;
use crate::message::{self, Image};
use crate::model::{Bundle, Wanted};
use crate::params::{Parameters, Value};
use crate::replay::{Pace, choose};
use crate::scheduling::Scheduling;
use crate::score::Confusion;
use crate::setup::{self, DEFAULT_MODEL};
use street::{IMAGES, Shot};

/// Arguments of `itnet demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write; what an earlier demo left there is replaced
    #[arg(long, default_value = "out/demo")]
    out: PathBuf,
    /// Folder of the model bundle
    #[arg(long, default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// Time from a frame's arrival to its mask, in milliseconds
    #[arg(long, default_value_t = 33.0, allow_negative_numbers = true)]
    budget_ms: f64,
    /// Seconds of the drive; the second half is at dusk
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(2..=60))]
    seconds: u32,
    /// Which street
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Threads of the network
    #[arg(long, default_value_t = 2, allow_negative_numbers = true)]
    threads: i64,
}

pub fn run(args: Args) -> anyhow::Result<Ending> {
    let mut parameters = Parameters::default();
    parameters.set("budget_ms", Value::Double(args.budget_ms))?;
    parameters.set("threads", Value::Integer(args.threads))?;
    let bundle = setup::load(&args.model, Wanted::Auto)?;
    let stop = super::stop_on_ctrl_c()?;
    let folder = |name: &str| args.out.join(name);
    // Rendering takes longer than to find out that nothing can be written.
    std::fs::create_dir_all(&args.out).with_context(|| format!("folder {}", args.out.display()))?;

    super::say(|out| writeln!(out, "Rendering {} seconds of a street, day and dusk", args.seconds))?;
    let shots = street::render(args.seed, args.seconds, &stop)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(Ending::Interrupted);
    }
    street::write(&shots, &folder("street"))?;

    super::say(|out| writeln!(out, "Replaying it in real time with {} ms for each frame\n", args.budget_ms))?;
    let bag = Bag::open(&folder("street"))?;
    let cameras = choose(bag.topics(), &[IMAGES.to_owned()], &parameters)?;
    let job = Job {
        bag: &bag,
        cameras: &cameras,
        settings: replay::settings(&parameters, &cameras, None),
        threads: usize::try_from(args.threads).unwrap_or(1),
        scheduling: Scheduling::default(),
        model: args.model.clone(),
        precision: Wanted::Auto,
        pace: Pace::Realtime,
        out: &folder("masks"),
        storage: Storage::Mcap,
        overlay: None,
        existing: Existing::Replace,
    };
    let replayed = job.run(&stop)?;
    let ending = replay::ending(&replayed);
    replay::print(&replayed, &folder("masks"))?;
    if replayed.stopped {
        return Ok(Ending::Interrupted);
    }

    let published = published(&Bag::open(&folder("masks"))?, &cameras[0].output, &shots, &bundle)?;
    let Some(scores) = score(&bundle, &shots, &folder("contact_sheet.png"), &stop)? else {
        return Ok(Ending::Interrupted);
    };
    super::say(|out| {
        print(out, &bundle, &scores, published)?;
        writeln!(out, "\nLook at {}", folder("contact_sheet.png").display())
    })?;
    Ok(ending)
}

/// mIoU of the masks that were published, late ones too, against the exact labels of their frames.
fn published(masks: &Bag, output: &str, shots: &[Shot], bundle: &Bundle) -> anyhow::Result<f64> {
    let labels: HashMap<Stamp, &[u8]> = shots.iter().map(|shot| (shot.stamp, shot.picture.labels.as_slice())).collect();
    let mut confusion = Confusion::new(bundle.manifest().classes.len());
    let topic = format!("{output}/mask");
    for message in masks.messages(|candidate| candidate.name == topic) {
        let message = message?;
        let mask: Image<'_> = message::decode(&message.data).context("a mask that was just written")?;
        if let Some(labels) = labels.get(&mask.header.stamp) {
            confusion.add(labels, &mask.data);
        }
    }
    Ok(confusion.miou())
}

/// Runs every exit on every shot, and draws some of them; `None` where it is stopped.
fn score(bundle: &Bundle, shots: &[Shot], picture: &Path, stop: &AtomicBool) -> anyhow::Result<Option<Vec<ExitScore>>> {
    let manifest = bundle.manifest();
    let (exits, classes) = (manifest.iterations.useful, manifest.classes.len());
    let session = Box::new(bundle.session(1)?);
    let clock = Box::new(SystemClock::new());
    let mut evaluation = Evaluation::new(session, setup::input(bundle), clock, classes, exits)?;
    let mut sheet = sheet::Sheet::new(&manifest.classes, exits);
    let shown = sheet::shown(shots.len());
    let bar = ProgressBar::new(shots.len() as u64)
        .with_style(ProgressStyle::with_template("{bar:40} scoring {pos}/{len} frames")?);
    for (number, shot) in shots.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        evaluation.add(&shot.frame()?, &shot.picture.labels)?;
        if shown.contains(&number) {
            sheet.add(shot, &evaluation.masks().collect::<Vec<_>>());
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    sheet.save(picture).with_context(|| format!("picture {}", picture.display()))?;
    Ok(Some(evaluation.scores()))
}

fn print(out: &mut impl Write, bundle: &Bundle, scores: &[ExitScore], published: f64) -> std::io::Result<()> {
    let classes = &bundle.manifest().classes;
    let mut rows = vec![row(["exit", "mIoU %"])];
    rows[0].extend(classes.iter().map(|class| class.name.clone()));
    for (exit, score) in (1..).zip(scores) {
        let mut cells = vec![exit.to_string(), percent(score.miou)];
        cells.extend(score.iou.iter().map(|iou| percent(*iou)));
        rows.push(cells);
    }
    writeln!(out, "\nAgainst the exact labels, each exit on every frame:\n\n{}", table(&rows))?;
    writeln!(out, "  The masks that were published under the budget: {} %", percent(published))
}
