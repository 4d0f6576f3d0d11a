//! `itnet info`: what a bundle is.

use std::io::Write;
use std::path::PathBuf;

use super::Ending;
use super::table::{big, percent, row, table};
use crate::model::{Bundle, TensorInfo, Wanted};
use crate::setup::{self, DEFAULT_MODEL};

/// Arguments of `itnet info`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model bundle
    #[arg(default_value = DEFAULT_MODEL)]
    model: PathBuf,
    /// What convolutions multiply: auto, f32, bf16 or int8
    #[arg(long, default_value = "auto")]
    precision: Wanted,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<Ending> {
    let bundle = setup::load(&args.model, args.precision)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let json = serde_json::json!({
            "manifest": bundle.manifest(), "graphs": bundle.graphs(), "state": bundle.state(), "state_bytes": bundle.state_bytes(),
            "precision": bundle.chosen().precision.name(), "precision_reason": bundle.chosen().reason,
        });
        writeln!(out, "{json:#}")?;
    } else {
        write!(out, "{}", describe(&bundle))?;
    }
    Ok(Ending::Done)
}

fn describe(bundle: &Bundle) -> String {
    let manifest = bundle.manifest();
    let input = &manifest.input;
    let classes: Vec<_> = manifest.classes.iter().map(|class| class.name.as_str()).collect();
    let iterations = manifest.iterations;
    let mut text = format!(
        "{} {}\n\nInput      {} RGB, mean {:?}, std {:?}\nClasses    {}: {}\nIterations {} trained, {} useful\n\
         Parameters {} shared, {} in all\nState      {}, {} bytes\nWarm start {}\nTrained on {}\nLicence    {}\nMultiplies {}: {}\n\nGraphs\n",
        manifest.name,
        manifest.version,
        input.size(),
        input.mean,
        input.std,
        classes.len(),
        classes.join(", "),
        iterations.trained,
        iterations.useful,
        big(manifest.parameters.shared),
        big(manifest.parameters.total),
        tensors(bundle.state()),
        bundle.state_bytes(),
        warm_start(bundle),
        manifest.trained_on,
        manifest.license,
        bundle.chosen().precision.name(),
        bundle.chosen().reason,
    );
    text += &graphs(bundle);
    text += &accuracy(bundle);
    text
}

fn warm_start(bundle: &Bundle) -> String {
    match bundle.manifest().warm_start {
        Some(warm) => format!(
            "from step {}, {} iterations useful, keeps {} of the last state",
            warm.from_step, warm.useful, warm.keep
        ),
        None => "not offered".to_owned(),
    }
}

fn tensors(infos: &[TensorInfo]) -> String {
    let shape = |info: &TensorInfo| info.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
    infos.iter().map(|info| format!("{} {}", info.name, shape(info))).collect::<Vec<_>>().join(", ")
}

fn graphs(bundle: &Bundle) -> String {
    let mut rows = vec![row(["graph", "MACs", "in bf16", "in int8", "parameters", "nodes", "inputs", "outputs"])];
    for graph in bundle.graphs() {
        let cells = [
            &graph.name,
            &big(graph.macs),
            &big(graph.bf16_macs),
            &big(graph.int8_macs),
            &big(graph.parameters),
            &graph.nodes.to_string(),
            &tensors(&graph.inputs),
            &tensors(&graph.outputs),
        ];
        rows.push(cells.map(Clone::clone).to_vec());
    }
    table(&rows)
}

fn accuracy(bundle: &Bundle) -> String {
    let manifest = bundle.manifest();
    let mut text = String::new();
    for accuracy in &manifest.accuracy {
        let (warm, skipped) = match manifest.warm_start.filter(|_| accuracy.warm) {
            Some(warm) => (" that started warm", warm.skipped_steps()),
            None => ("", 0),
        };
        let (set, frames, precision) = (&accuracy.set, accuracy.frames, accuracy.precision.name());
        text += &format!("\nmIoU in % on {set} ({frames} frames{warm}, {precision})\n");
        let mut rows = vec![row(["exit", "GMAC", "mIoU"])];
        rows[0].extend(manifest.classes.iter().map(|class| class.name.clone()));
        for (exit, score) in (1..).zip(&accuracy.exits) {
            let gmac = format!("{:.2}", bundle.macs_after(skipped, exit) as f64 / 1e9);
            let mut cells = vec![exit.to_string(), gmac, percent(score.miou)];
            cells.extend(score.iou.iter().map(|iou| percent(*iou)));
            rows.push(cells);
        }
        text += &table(&rows);
    }
    text
}
