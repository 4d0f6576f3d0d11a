//! How much pictures change from frame to frame, and at cuts, by the measure that resets warm starts; `src/warm/cut.rs` has its limit.
//!
//! `VIDEO` is a folder of frames whose order is that of their names. Frames of other drives are those of `OTHERS` whose names differ before the `_`.

use clap::Parser;
use itnet::decode::compressed;
use itnet::frame::{Header, Size};
use itnet::kernels::{Values, ValuesMut};
use itnet::tensor::{InputSpec, TensorMaker};
use itnet::warm::{CUT, Sketch};
use std::path::{Path, PathBuf};

/// Measure changes of pictures.
#[derive(Parser)]
struct Args {
    /// Folder of the frames of a video.
    video: PathBuf,
    /// Folder of frames of several drives, to cut between.
    others: PathBuf,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let video = sketches(&args.video)?;
    let others = sketches(&args.others)?;
    println!("difference, of 1: least, 1 %, median, 99 %, greatest; and how many pairs are above {CUT}");
    for step in [1, 2, 3, 6] {
        let pairs = video.iter().zip(video.iter().skip(step));
        print(&format!("video, every {step}"), pairs.map(|(a, b)| a.1.difference(&b.1)).collect());
    }
    let all: Vec<_> = video.iter().chain(&others).collect();
    let mut cuts = Vec::new();
    for (i, a) in all.iter().enumerate() {
        cuts.extend(all[..i].iter().filter(|b| a.0 != b.0).map(|b| a.1.difference(&b.1)));
    }
    print("from drive to drive", cuts);
    Ok(())
}

/// The drive and the sketch of every picture in a folder, in the order of their names.
fn sketches(folder: &Path) -> Result<Vec<(String, Sketch)>, Box<dyn std::error::Error>> {
    let spec = InputSpec { size: Size::new(480, 360), mean: [0.0; 3], std: [1.0; 3] };
    let mut tensor = TensorMaker::new(spec)?;
    let mut input = vec![0.0; 3 * spec.size.pixels()];
    let mut paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        tensor.fill(&compressed(Header::default(), "", &std::fs::read(&path)?)?, ValuesMut::Whole(&mut input))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let drive = name.split('_').next().unwrap_or_default().to_owned();
        all.push((drive, Sketch::of(Values::Whole(&input), &spec)));
    }
    Ok(all)
}

fn print(name: &str, mut differences: Vec<f32>) {
    differences.sort_by(f32::total_cmp);
    let at =
        |share: f64| differences.get((share * (differences.len().max(1) - 1) as f64) as usize).copied().unwrap_or(0.0);
    let above = differences.iter().filter(|difference| **difference > CUT).count();
    println!(
        "{name:>20}: {:.3} {:.3} {:.3} {:.3} {:.3}; {above} of {}",
        at(0.0),
        at(0.01),
        at(0.5),
        at(0.99),
        at(1.0),
        differences.len()
    );
}
