//! Runs a bundle on one raw tensor and writes the raw logits of every exit.
//!
//! `cargo run --release --example logits -- BUNDLE INPUT.f32 OUTDIR [ITERATIONS]`
//!
//! INPUT.f32 holds the normalised image, little-endian f32 of shape [1, 3, H, W]. Writes `OUTDIR/exit_1.f32` and so on,
//! little-endian f32 of shape [1, C, h, w]. ITERATIONS is what the manifest calls useful unless given.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use itnet::model::{Bundle, MAX_ITERATIONS, StagedModel};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (bundle, input, out, iterations) = match args.as_slice() {
        [bundle, input, out] => (bundle, input, out, None),
        [bundle, input, out, iterations] => (bundle, input, out, Some(iterations)),
        _ => bail!("usage: logits BUNDLE INPUT.f32 OUTDIR [ITERATIONS]"),
    };
    let bundle = Bundle::load(Path::new(bundle))?;
    let mut session = bundle.session(1)?;
    let iterations = match iterations {
        None => session.iterations(),
        Some(text) => match text.parse() {
            Ok(count @ 1..=MAX_ITERATIONS) => count,
            _ => bail!("ITERATIONS must be 1 to {MAX_ITERATIONS}, got `{text}`"),
        },
    };
    let planes = session.input().whole().context("a bundle in f32 takes planes")?;
    read_floats(Path::new(input), planes)?;
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;

    let mut go = || true;
    session.data(&mut go)?;
    for iteration in 1..=iterations {
        session.step(iteration, &mut go)?;
        session.exit(iteration, &mut go)?;
        let logits = session.logits()?;
        let path = out.join(format!("exit_{iteration}.f32"));
        write_floats(&path, logits.values)?;
        println!("{}: [1, {}, {}, {}]", path.display(), logits.classes, logits.grid.height, logits.grid.width);
    }
    Ok(())
}

fn read_floats(path: &Path, values: &mut [f32]) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        bytes.len() == values.len() * 4,
        "{}: expected {} values of f32, {} bytes, got {} bytes",
        path.display(),
        values.len(),
        values.len() * 4,
        bytes.len()
    );
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
        *value = f32::from_le_bytes(*bytes);
    }
    Ok(())
}

fn write_floats(path: &Path, values: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
