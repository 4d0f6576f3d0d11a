//! `itnet plan-bench`: the planner beside an oracle and simpler ways to choose, on recorded stage costs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;

use super::Ending;
use super::table::{ms, row, table};
use crate::model::Manifest;
use crate::setup;
use crate::trace::{Contest, Strategy, Tally, Trace, WARM_UP, decision_cost};

/// Arguments of `itnet plan-bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Traces, as `itnet bench --trace` writes them
    #[arg(required = true)]
    traces: Vec<PathBuf>,
    /// Folder of the bundles that the traces are of: a manifest says what an exit is worth
    #[arg(long, default_value = "models")]
    models: PathBuf,
    /// Set of images whose mIoU counts [default: the manifest's first]
    #[arg(long)]
    set: Option<String>,
    /// Budget in milliseconds; give it again for more [default: 10, 15, 20, 25, 33, 50, 66 and 100]
    #[arg(long, value_parser = budget)]
    budget_ms: Vec<Duration>,
    /// Try twelve budgets from what the first exit takes to what the last one takes, where choosing is hardest
    #[arg(long, conflicts_with = "budget_ms")]
    tight: bool,
    /// Show every budget instead of all together
    #[arg(long)]
    each: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A budget on the command line, in milliseconds.
pub fn budget(text: &str) -> Result<Duration, String> {
    let ms: Option<f64> = text.parse().ok().filter(|ms| (0.1..=10_000.0).contains(ms));
    ms.map(|ms| Duration::from_secs_f64(ms / 1e3)).ok_or_else(|| format!("expected 0.1 to 10000 ms, got `{text}`"))
}

/// The budgets that are tried where none is given, in milliseconds.
const BUDGETS: [u64; 8] = [10, 15, 20, 25, 33, 50, 66, 100];
/// How many budgets are tried between first and last exit.
const TIGHT: u32 = 12;

const PLANNER: &str = "planner";
const TOLD: &str = "told all but when it stalls";

/// A trace with all that was played on it.
#[derive(Serialize)]
struct Report {
    trace: PathBuf,
    model: String,
    load: String,
    threads: usize,
    frames: usize,
    budgets_ms: Vec<f64>,
    /// What the planner's decision takes on this machine, and the learning from a node, in nanoseconds.
    decision_ns: f64,
    learning_ns: f64,
    /// The planner against the bars, over all budgets.
    bars: Bars,
    plays: Vec<Play>,
}

/// How the planner stands to what is asked of it.
#[derive(Clone, Copy, Serialize)]
struct Bars {
    /// Part of the frames that are late though the oracle's are not, 0 to 1, and whether that is little enough.
    late: f64,
    late_met: bool,
    /// Part of the oracle's utility that is missing, 0 to 1, and whether that is little enough.
    regret: f64,
    regret_met: bool,
    /// The regret of who is told everything but when stalls come.
    regret_told: f64,
}

/// The most frames that may be late though the oracle's are not, as a part of all.
const LATE_BAR: f64 = 0.001;
/// The most of the oracle's utility that may be missing.
const REGRET_BAR: f64 = 0.02;

/// One way to choose, at one budget or at all of them together.
#[derive(Serialize)]
struct Play {
    strategy: String,
    /// None where the figures are over all budgets.
    budget_ms: Option<f64>,
    #[serde(flatten)]
    tally: Tally,
    /// The largest regret at a single budget.
    worst_regret: f64,
}

pub fn run(args: Args) -> anyhow::Result<Ending> {
    let reports = args.traces.iter().map(|path| report(path, &args)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&reports)?)?;
        return Ok(Ending::Done);
    }
    for report in &reports {
        writeln!(out, "{}", describe(report))?;
    }
    writeln!(
        out,
        "  beyond: late where the oracle is not; utility: mean mIoU of the published exits, nothing for a late one;\n  \
         regret: part of the oracle's utility that is missing, lost by frames that were late, gave up a step, or ended\n  \
         though another exit would have been in time; worst: regret at the worst of the budgets; all in %\n"
    )?;
    write!(out, "{}", at_a_glance(&reports))?;
    Ok(Ending::Done)
}

/// Every trace against the bars.
fn at_a_glance(reports: &[Report]) -> String {
    let (late, regret) = (format!("late, {}", 100.0 * LATE_BAR), format!("regret, {}", 100.0 * REGRET_BAR));
    let mut rows = vec![row(["trace", &late, "", &regret, "", "told"])];
    let verdict = |met: bool| if met { "met" } else { "NOT" }.to_owned();
    for Report { trace, bars, .. } in reports {
        let name = trace.file_stem().unwrap_or(trace.as_os_str()).to_string_lossy().into_owned();
        let part = hundredths;
        let (late, regret) = (part(bars.late), part(bars.regret));
        rows.push(vec![name, late, verdict(bars.late_met), regret, verdict(bars.regret_met), part(bars.regret_told)]);
    }
    let met = reports.iter().filter(|report| report.bars.late_met && report.bars.regret_met).count();
    format!(
        "{}\n  the planner against the bars, in %: {met} of {} traces meet both; told: the regret of who is told all but when\n  \
         stalls come\n",
        table(&rows),
        reports.len()
    )
}

fn report(path: &Path, args: &Args) -> anyhow::Result<Report> {
    let shown = || format!("trace {}", path.display());
    let trace = Trace::parse(&std::fs::read_to_string(path).with_context(shown)?).with_context(shown)?;
    let accuracy = accuracy(&args.models.join(&trace.model), args.set.as_deref())?;
    if trace.frames.len() <= WARM_UP {
        bail!(
            "trace {}: expected more than the {WARM_UP} frames of the warm-up, got {}",
            path.display(),
            trace.frames.len()
        );
    }
    let contest = Contest::new(trace, &accuracy);
    let budgets = match args.budget_ms.is_empty() {
        _ if args.tight => contest.budgets(TIGHT),
        true => BUDGETS.map(Duration::from_millis).to_vec(),
        false => args.budget_ms.clone(),
    };
    let mut plays = plays(&contest, &budgets)?;
    let bars = bars(&plays);
    plays.retain(|play| play.budget_ms.is_some() == args.each);
    let (decision, learning) = decision_cost(&contest, super::clock().as_ref())?;
    let trace = contest.trace();
    Ok(Report {
        trace: path.to_owned(),
        model: trace.model.clone(),
        load: trace.load.clone(),
        threads: trace.threads,
        frames: contest.frames(),
        budgets_ms: budgets.iter().map(|budget| 1e3 * budget.as_secs_f64()).collect(),
        decision_ns: 1e9 * decision.as_secs_f64(),
        learning_ns: 1e9 * learning.as_secs_f64(),
        bars,
        plays,
    })
}

fn bars(plays: &[Play]) -> Bars {
    let over_all = |name| plays.iter().find(|play| play.strategy == name && play.budget_ms.is_none());
    let tally = |name| over_all(name).map_or_else(Tally::default, |play| play.tally);
    let planner = tally(PLANNER);
    let late = planner.missed_needlessly as f64 / planner.frames.max(1) as f64;
    Bars {
        late,
        late_met: late <= LATE_BAR,
        regret: planner.regret,
        regret_met: planner.regret <= REGRET_BAR,
        regret_told: tally(TOLD).regret,
    }
}

/// The mIoU of every exit worth running, by the manifest of the bundle in `dir`.
fn accuracy(dir: &Path, set: Option<&str>) -> anyhow::Result<Vec<f64>> {
    let path = setup::find(dir).join("manifest.json");
    let shown = || path.display().to_string();
    let manifest = Manifest::parse(&std::fs::read_to_string(&path).with_context(shown)?).with_context(shown)?;
    let sets = &manifest.accuracy;
    let Some(found) = sets.iter().find(|accuracy| set.is_none_or(|set| accuracy.set == set)) else {
        let known: Vec<&str> = sets.iter().map(|accuracy| accuracy.set.as_str()).collect();
        bail!("{}: no accuracy of {}, got {known:?}", path.display(), set.unwrap_or("any set"));
    };
    Ok(found.exits.iter().take(manifest.iterations.useful).map(|exit| exit.miou).collect())
}

/// Everybody at each budget, and then over all of them together.
fn plays(contest: &Contest, budgets: &[Duration]) -> anyhow::Result<Vec<Play>> {
    let fixed = (1..=contest.iterations()).map(|n| (format!("fixed {n}"), Some(Strategy::Fixed(n))));
    let others = [
        ("oracle", None),
        (PLANNER, Some(Strategy::Planner)),
        (TOLD, Some(Strategy::Told)),
        ("mean instead of quantile", Some(Strategy::Mean)),
        ("while time is left", Some(Strategy::TimeLeft)),
    ];
    let all = others.map(|(name, strategy)| (name.to_owned(), strategy)).into_iter().chain(fixed);
    let mut plays = Vec::new();
    for (name, strategy) in all {
        let mut tallies = Vec::with_capacity(budgets.len());
        for &budget in budgets {
            let oracle = contest.oracle(budget);
            let played = match strategy {
                Some(strategy) => contest.play(strategy, budget)?,
                None => oracle.clone(),
            };
            tallies.push(Tally::of(&played, &oracle));
        }
        let worst_regret = tallies.iter().map(|tally| tally.regret).fold(0.0, f64::max);
        let each = budgets.iter().zip(&tallies).map(|(budget, &tally)| Play {
            strategy: name.clone(),
            budget_ms: Some(1e3 * budget.as_secs_f64()),
            tally,
            worst_regret: tally.regret,
        });
        plays.extend(each);
        plays.push(Play { strategy: name, budget_ms: None, tally: Tally::sum(&tallies), worst_regret });
    }
    Ok(plays)
}

/// A fraction as percent with two decimals; what rounds to nothing has no sign.
fn hundredths(fraction: f64) -> String {
    format!("{:.2}", (1e4 * fraction).round() / 1e2 + 0.0)
}

fn describe(report: &Report) -> String {
    let Report { trace, model, load, threads, frames, budgets_ms, decision_ns, learning_ns, plays, .. } = report;
    let budgets = match budgets_ms[..] {
        [first, .., last] => format!("{} budgets from {first:.1} to {last:.1} ms", budgets_ms.len()),
        _ => format!("{:.1} ms", budgets_ms.iter().sum::<f64>()),
    };
    let threads = super::table::threads(*threads);
    let head =
        ["", "budget", "missed", "beyond", "exit", "utility", "regret", "late", "gave up", "ended", "worst", "ms"];
    let each = plays.iter().any(|play| play.budget_ms.is_some());
    let mut rows = vec![row(head)];
    for Play { strategy, budget_ms, tally, worst_regret } in plays {
        let percent = hundredths;
        let part = |count: usize| percent(count as f64 / tally.frames.max(1) as f64);
        rows.push(vec![
            strategy.clone(),
            budget_ms.map_or_else(|| "all".to_owned(), |budget| format!("{budget:.1}")),
            part(tally.missed),
            part(tally.missed_needlessly),
            format!("{:.2}", tally.mean_exit),
            percent(tally.utility),
            percent(tally.regret),
            percent(tally.lost_late),
            percent(tally.lost_given_up),
            percent(tally.lost_ended),
            percent(*worst_regret),
            ms(tally.elapsed_ms),
        ]);
    }
    if !each {
        rows.iter_mut().for_each(|row| drop(row.remove(1)));
    }
    format!(
        "{}: {model}, {threads}, {load}\n{frames} frames, {budgets}; a decision takes {decision_ns:.0} ns here, \
         and learning from a node {learning_ns:.0} ns\n\n{}",
        trace.display(),
        table(&rows)
    )
}
