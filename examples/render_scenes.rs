//! Renders labelled street pictures for training: `DIR/images/NAME.png` and `DIR/labels/NAME.png` (class ids).
//!
//! Every seed is another street at another moment; every third one lies at dusk.

use clap::Parser;
use image::{ExtendedColorType, save_buffer};
use itnet::scene::{Light, Scene};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Render labelled street pictures.
#[derive(Parser)]
struct Args {
    /// Folder to write `images/` and `labels/` into; made where absent.
    #[arg(long)]
    out: PathBuf,
    /// How many pictures.
    #[arg(long, default_value_t = 10)]
    frames: u64,
    /// First seed; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Pictures of each street, some seconds apart.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    per_seed: u64,
    /// Picture width and height.
    #[arg(long, num_args = 2, default_values_t = [480, 360])]
    size: Vec<usize>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    std::fs::create_dir_all(args.out.join("images"))?;
    std::fs::create_dir_all(args.out.join("labels"))?;
    for k in 0..args.frames {
        write(&args, k)?;
        eprint!("\r{} of {}", k + 1, args.frames);
    }
    eprintln!();
    Ok(())
}

fn write(args: &Args, k: u64) -> Result<(), Box<dyn std::error::Error>> {
    let seed = args.seed + k / args.per_seed;
    let light = if seed.is_multiple_of(3) { Light::Dusk } else { Light::Day };
    // Steps that share no period with the street, so that no two pictures show one place.
    let at = Duration::from_millis(seed * 7_919 % 40_000 + (k % args.per_seed) * 11_300);
    let size = (args.size[0], args.size[1]);
    let picture = Scene::new(seed, light).render(at, size);
    let name = format!("{seed:05}_{:02}.png", k % args.per_seed);
    save(&args.out.join("images").join(&name), &picture.rgb, size, ExtendedColorType::Rgb8)?;
    save(&args.out.join("labels").join(&name), &picture.labels, size, ExtendedColorType::L8)
}

fn save(
    path: &Path,
    bytes: &[u8],
    size: (usize, usize),
    colour: ExtendedColorType,
) -> Result<(), Box<dyn std::error::Error>> {
    let (w, h) = (u32::try_from(size.0)?, u32::try_from(size.1)?);
    Ok(save_buffer(path, bytes, w, h, colour)?)
}
