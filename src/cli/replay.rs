//! `itnet replay`: a bag's cameras through the network into a bag of masks.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::anyhow;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::Ending;
use super::table::{ms, row, table, threads};
use crate::anytime::StopCause;
use crate::bag::{Bag, BagError, Existing, Storage};
use crate::model::Wanted;
use crate::params::{PARAMETERS, ParameterError, Parameters, Value, other_nodes, read_file};
use crate::pipeline::{Depth, Settings};
use crate::replay::{Camera, NODE, Overlay, Pace, Replay, ReplayError, Replayed, choose};
use crate::report::{DropCause, Quantiles, Report, millis};
use crate::scheduling::Scheduling;
use crate::setup;
use crate::warm::ColdCause;

/// Arguments of `itnet replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Bag to read: a rosbag2 folder, or a bare .mcap or .db3 file, compressed or not
    bag: PathBuf,
    /// Folder to write: a rosbag2 bag of masks, and report.json
    #[arg(long)]
    out: PathBuf,
    /// Folder of the model bundle [default: that of the parameter file, else models/itnet-s]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Image topic of a camera; give it again for more [default: the parameters' cameras, else all image topics]
    #[arg(long = "topic")]
    topics: Vec<String>,
    /// ROS 2 parameter file, the same as for the node; options given here win over it
    #[arg(long)]
    params: Option<PathBuf>,
    /// Time from a frame's arrival to its mask, in milliseconds [default: 33]
    #[arg(long, allow_negative_numbers = true)]
    budget_ms: Option<f64>,
    /// Largest part of a CPU that each of the network's threads may use on average, 0.05 to 1 [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    compute_share: Option<f64>,
    /// Run exactly this many iterations whatever the time: the same bag gives the same masks
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    iterations: Option<u16>,
    /// Let frames start from the state the last one ended with, where the model offers it
    #[arg(long)]
    warm_start: bool,
    /// Threads of the network [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    threads: Option<i64>,
    /// What convolutions multiply: auto, f32, bf16 or int8 [default: auto]
    #[arg(long)]
    precision: Option<String>,
    /// Frames as they were recorded, or one after the other [default: realtime; fast with --iterations]
    #[arg(long)]
    pace: Option<PaceArg>,
    /// Storage of the bag that is written
    #[arg(long, default_value = "mcap")]
    storage: StorageArg,
    /// Also write each frame with its mask's colours over it, as opaque as the parameter `overlay_alpha` says
    #[arg(long)]
    overlay: bool,
    /// Replace the bag that is already in the folder
    #[arg(long)]
    overwrite: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PaceArg {
    Realtime,
    Fast,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StorageArg {
    Mcap,
    Sqlite3,
}

pub fn run(args: Args) -> anyhow::Result<Ending> {
    // Before the bag is opened: what is unpacked for that is removed at the end.
    let stop = super::stop_on_ctrl_c()?;
    let parameters = parameters(&args)?;
    let bag = Bag::open(&args.bag)?;
    let mut cameras = choose(bag.topics(), &args.topics, &parameters)?;
    if args.warm_start {
        cameras.iter_mut().for_each(|camera| camera.warm = true);
    }
    if args.budget_ms.is_some() {
        let budget = Duration::from_secs_f64(parameters.double("budget_ms") / 1e3);
        cameras.iter_mut().for_each(|camera| camera.budget = budget);
    }
    let pace = match (args.pace, args.iterations) {
        (Some(PaceArg::Fast), _) | (None, Some(_)) => Pace::Fast,
        (Some(PaceArg::Realtime), _) | (None, None) => Pace::Realtime,
    };
    let job = Job {
        bag: &bag,
        cameras: &cameras,
        settings: settings(&parameters, &cameras, args.iterations),
        threads: usize::try_from(parameters.integer("threads")).unwrap_or(1),
        scheduling: Scheduling::of(&parameters),
        model: PathBuf::from(parameters.text("model")),
        precision: parameters.text("precision").parse().unwrap_or_default(),
        pace,
        out: &args.out,
        storage: match args.storage {
            StorageArg::Mcap => Storage::Mcap,
            StorageArg::Sqlite3 => Storage::Sqlite3,
        },
        overlay: args.overlay.then(|| parameters.double("overlay_alpha") as f32),
        existing: if args.overwrite { Existing::Replace } else { Existing::Refuse },
    };
    let replayed = job.run(&stop)?;
    // Told first: a closed standard output must not hide a fault.
    let ending = ending(&replayed);
    print(&replayed, &args.out)?;
    Ok(ending)
}

/// A replay with everything resolved.
pub struct Job<'a> {
    pub bag: &'a Bag,
    pub cameras: &'a [Camera],
    pub settings: Settings,
    pub threads: usize,
    pub scheduling: Scheduling,
    pub model: PathBuf,
    pub precision: Wanted,
    pub pace: Pace,
    pub out: &'a Path,
    pub storage: Storage,
    /// The opacity of masks that are drawn over their frames, where they are.
    pub overlay: Option<f32>,
    pub existing: Existing,
}

impl Job<'_> {
    /// Replays, with a progress bar on a terminal.
    pub fn run(self, stop: &AtomicBool) -> anyhow::Result<Replayed> {
        let bundle = setup::load(&self.model, self.precision)?;
        let clock = super::clock();
        for Camera { topic, kind, budget, .. } in self.cameras {
            tracing::info!("camera {topic}: {kind:?}, {} ms a frame", millis(*budget));
        }
        let ready = setup::pipeline(&bundle, (self.threads, &self.scheduling), self.settings, &clock)?;
        let manifest = bundle.manifest();
        let replay = Replay {
            bag: self.bag,
            cameras: self.cameras,
            pace: self.pace,
            out: self.out.to_owned(),
            storage: self.storage,
            existing: self.existing,
            classes: manifest.classes.iter().map(|class| class.name.clone()).collect(),
            overlay: self
                .overlay
                .map(|alpha| Overlay { colors: manifest.classes.iter().map(|class| class.color).collect(), alpha }),
            model: manifest.name.clone(),
            scheduling: self.scheduling,
            precision: bundle.chosen().precision.name(),
            threads: ready.threads,
            stop,
        };
        let bar = progress_bar(self.bag, self.cameras)?;
        let replayed = replay.run(ready.pipeline, &clock, &|totals| bar.set_position(totals.received));
        let replayed = replayed.map_err(hinted)?;
        bar.finish_and_clear();
        Ok(replayed)
    }
}

/// An error with what to do about it, where the command line has something.
fn hinted(error: ReplayError) -> anyhow::Error {
    match error {
        ReplayError::Output(BagError::NotEmpty { .. }) => anyhow!("{error}; --overwrite replaces the bag in it"),
        error => error.into(),
    }
}

fn progress_bar(bag: &Bag, cameras: &[Camera]) -> anyhow::Result<ProgressBar> {
    let images = |camera: &Camera| bag.topics().iter().find(|topic| topic.name == camera.topic)?.message_count;
    let bar = match cameras.iter().map(images).reduce(|sum, count| sum?.checked_add(count?)).flatten() {
        Some(total) => ProgressBar::new(total)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} frames, {per_sec}, {eta} left")?),
        None => ProgressBar::new_spinner()
            .with_style(ProgressStyle::with_template("{spinner} {pos} frames, {per_sec}, {elapsed}")?),
    };
    Ok(bar)
}

/// What the file says, and over it what the command line says.
fn parameters(args: &Args) -> anyhow::Result<Parameters> {
    let mut parameters = match &args.params {
        None => Parameters::default(),
        Some(path) => {
            let (parameters, unknown) = read_file(path, NODE)?;
            let others = other_nodes(path, NODE);
            if !others.is_empty() {
                let others = others.join(", ");
                tracing::warn!("{}: ignored: it is for {others}, and not for {NODE} or `/**`", path.display());
            }
            for name in unknown {
                let error = ParameterError::unknown(&name, PARAMETERS.iter().map(|parameter| parameter.name));
                tracing::warn!("{}: ignored: {error}", path.display());
            }
            parameters
        }
    };
    let model = args.model.as_ref().map(|path| Value::Text(path.display().to_string()));
    let given = [
        ("budget_ms", args.budget_ms.map(Value::Double)),
        ("compute_share", args.compute_share.map(Value::Double)),
        ("threads", args.threads.map(Value::Integer)),
        ("model", model),
        ("precision", args.precision.clone().map(Value::Text)),
        ("warm_start", args.warm_start.then_some(Value::Bool(true))),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            parameters.set(name, value)?;
        }
    }
    parameters.check_together()?;
    Ok(parameters)
}

/// The settings that parameters and cameras ask for; `fixed` iterations win over the parameters' range.
pub fn settings(parameters: &Parameters, cameras: &[Camera], fixed: Option<u16>) -> Settings {
    let budget = cameras.iter().map(|camera| camera.budget).max().unwrap_or(Duration::ZERO);
    let warm = (0..).zip(cameras).filter(|(_, camera)| camera.warm).map(|(index, _)| index).collect();
    let settings = Settings { warm, ..Settings::of(parameters, budget) };
    match fixed {
        Some(n) => Settings { depth: Depth::Fixed(usize::from(n)), ..settings },
        None => settings,
    }
}

/// Tells what went wrong, and how the command ends.
pub fn ending(replayed: &Replayed) -> Ending {
    let totals = replayed.report.totals;
    if let Some(fault) = &replayed.fault {
        super::tell(format_args!(
            "error: {fault}\n       all else that could be read was processed: {} frames",
            totals.received
        ));
        return Ending::Faulty;
    }
    if replayed.stopped {
        return Ending::Interrupted;
    }
    if totals.received == 0 {
        super::tell(format_args!("warning: the bag holds no message of the cameras' topics"));
    }
    if totals.received > 0 && totals.published == 0 {
        super::tell(format_args!("error: none of the {} frames gave a mask", totals.received));
        return Ending::Faulty;
    }
    Ending::Done
}

/// Prints the report as a few tables.
pub fn print(replayed: &Replayed, out: &Path) -> anyhow::Result<()> {
    super::say(|text| write(text, &replayed.report, out))
}

fn write(text: &mut impl Write, report: &Report, out: &Path) -> std::io::Result<()> {
    let totals = report.totals;
    writeln!(
        text,
        "{}: {} frames received, {} published, {} dropped{}, {} missed their deadline, {} failed\n",
        setting(report),
        totals.received,
        totals.published,
        totals.dropped,
        drops(report),
        totals.missed,
        totals.failed
    )?;
    if totals.published > 0 {
        write!(text, "{}\n{}{}\n", exits(report), starts(report), stages(report))?;
    }
    writeln!(text, "Masks and report.json are in {}", out.display())?;
    Ok(())
}

/// What ran, and how: `itnet-s, int8, 1 thread, 33 ms`.
fn setting(report: &Report) -> String {
    let budgets = report.frames.iter().map(|frame| frame.budget_ms);
    let (least, most) = budgets.fold((f64::INFINITY, 0.0), |(least, most), ms| (ms.min(least), ms.max(most)));
    let budget = match least {
        least if least > most => String::new(),
        least if least == most => format!(", {most} ms"),
        least => format!(", {least} to {most} ms"),
    };
    format!("{}, {}, {}{budget}", report.model, report.precision, threads(report.threads))
}

/// Why frames were dropped: ` (3 replaced)`.
fn drops(report: &Report) -> String {
    let mut causes: BTreeMap<DropCause, usize> = BTreeMap::new();
    report.dropped.iter().for_each(|frame| *causes.entry(frame.cause).or_default() += 1);
    let each: Vec<_> = causes.iter().map(|(cause, count)| format!("{count} {}", words(cause.name()))).collect();
    if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) }
}

/// A name in reports as people read it.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// How many frames came to which exit, and why they stopped there. The exits of warm frames are apart: after as many iterations they are others.
fn exits(report: &Report) -> String {
    let mut counts: BTreeMap<(bool, usize), [usize; StopCause::ALL.len()]> = BTreeMap::new();
    for frame in &report.frames {
        if let Some(cause) = StopCause::ALL.iter().position(|cause| *cause == frame.stop_cause) {
            counts.entry((frame.warm, frame.exit)).or_default()[cause] += 1;
        }
    }
    let used = |cause: &usize| counts.values().any(|causes| causes[*cause] > 0);
    let causes: Vec<usize> = (0..StopCause::ALL.len()).filter(used).collect();
    let mut rows = vec![row(["exit", "frames"])];
    rows[0].extend(causes.iter().map(|&cause| words(StopCause::ALL[cause].name())));
    for ((warm, exit), by_cause) in &counts {
        let exit = if *warm { format!("{exit} warm") } else { exit.to_string() };
        let mut cells = vec![exit, by_cause.iter().sum::<usize>().to_string()];
        cells.extend(causes.iter().map(|&cause| by_cause[cause].to_string()));
        rows.push(cells);
    }
    table(&rows)
}

/// How frames started, where some of them might have started warm.
fn starts(report: &Report) -> String {
    let mut causes: BTreeMap<ColdCause, usize> = BTreeMap::new();
    for cause in report.frames.iter().filter_map(|frame| frame.cold_cause) {
        *causes.entry(cause).or_default() += 1;
    }
    if causes.len() == 1 && causes.contains_key(&ColdCause::Off) {
        return String::new();
    }
    let cold: Vec<_> = causes.iter().map(|(cause, count)| format!(", {count} cold ({})", cause.name())).collect();
    format!("  {} frames started warm{}\n\n", report.totals.warm, cold.concat())
}

fn stages(report: &Report) -> String {
    let mut rows = vec![row(["ms", "p50", "p90", "p99", "max", "times"])];
    let mut add = |name: &str, q: &Quantiles| {
        rows.push(vec![name.to_owned(), ms(q.p50_ms), ms(q.p90_ms), ms(q.p99_ms), ms(q.max_ms), q.count.to_string()]);
    };
    for name in ["decode", "data", "step", "exit", "render"] {
        if let Some(quantiles) = report.stages.get(name) {
            add(name, quantiles);
        }
    }
    add("arrival to mask", &report.elapsed);
    table(&rows)
}
