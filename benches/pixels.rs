//! What the pixels cost on their way to the network and back: `cargo bench --bench pixels`.
//!
//! - `tensor`: every encoding, unchanged in size and from 640x480, 1280x720 and 1920x1080, to planes of f32, pixels rounded to bf16 and bytes; beside it
//!   the same work in two passes with fast_image_resize.
//! - `render`: logits to masks, and to confidences; beside it the same masks without the shortcut, and plain nearest classes.
//! - `decode`: a JPEG and a PNG.

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, criterion_group, criterion_main};
use fast_image_resize as fir;
use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb};
use itnet::decode;
use itnet::frame::{Encoding, Frame, Header, Size};
use itnet::kernels::{PIXEL, ValuesMut};
use itnet::mask::{Mask, UNLABELLED};
use itnet::model::Logits;
use itnet::render::{self, ConfidenceRenderer, Renderer};
use itnet::tensor::{InputSpec, TensorMaker};

const NETWORK: Size = Size::new(480, 360);
const HD: Size = Size::new(1280, 720);
const FULL_HD: Size = Size::new(1920, 1080);

fn spec() -> InputSpec {
    InputSpec { size: NETWORK, mean: [0.41, 0.42, 0.43], std: [0.29, 0.28, 0.27] }
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_F491u32;
    (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

fn frame(size: Size, encoding: Encoding) -> Frame<'static> {
    let step = encoding.row_bytes(size.width) as u32;
    let data = noise(encoding.data_bytes(size, step) as usize);
    Frame::packed(Header::default(), size, encoding, data).expect("bytes were counted")
}

fn tensor(c: &mut Criterion) {
    let mut group = c.benchmark_group("tensor");
    for source in [NETWORK, Size::new(640, 480), HD, FULL_HD] {
        for encoding in Encoding::ALL {
            let frame = frame(source, encoding);
            let mut maker = TensorMaker::new(spec()).expect("the spec is sound");
            let mut planes = vec![0.0; maker.len()];
            let mut rounded = vec![0; PIXEL * NETWORK.pixels()];
            let mut bytes = vec![0; NETWORK.pixels()];
            group.bench_function(format!("{source}/{encoding}"), |b| {
                b.iter(|| maker.fill(black_box(&frame), ValuesMut::Whole(&mut planes)));
            });
            group.bench_function(format!("{source}/{encoding}, rounded"), |b| {
                b.iter(|| maker.fill(black_box(&frame), ValuesMut::Rounded(&mut rounded)));
            });
            group.bench_function(format!("{source}/{encoding}, bytes"), |b| {
                b.iter(|| maker.fill(black_box(&frame), ValuesMut::Bytes(&mut bytes)));
            });
        }
    }
    group.finish();
}

/// The same tensor from rgb8 in two passes: fast_image_resize with the best instructions of this machine, then normalisation.
///
/// `box` and `triangle` look at every source pixel, as ours does; `bilinear` looks at four for each target pixel and aliases.
fn two_passes(c: &mut Criterion) {
    let mut group = c.benchmark_group("two_passes");
    for source in [Size::new(640, 480), HD, FULL_HD] {
        let data = noise(3 * source.pixels());
        let image = fir::images::ImageRef::new(source.width, source.height, &data, fir::PixelType::U8x3)
            .expect("bytes were counted");
        for (filter, algorithm) in [
            ("box", fir::ResizeAlg::Convolution(fir::FilterType::Box)),
            ("triangle", fir::ResizeAlg::Convolution(fir::FilterType::Bilinear)),
            ("bilinear", fir::ResizeAlg::Interpolation(fir::FilterType::Bilinear)),
        ] {
            let mut resizer = fir::Resizer::new();
            let mut small = fir::images::Image::new(NETWORK.width, NETWORK.height, fir::PixelType::U8x3);
            let options = fir::ResizeOptions::new().resize_alg(algorithm);
            let mut maker = TensorMaker::new(spec()).expect("the spec is sound");
            let mut out = vec![0.0; maker.len()];
            group.bench_function(format!("{source}/rgb8/{filter}"), |b| {
                b.iter(|| {
                    resizer.resize(black_box(&image), &mut small, &options).expect("sizes fit");
                    let frame = Frame::packed(Header::default(), NETWORK, Encoding::Rgb8, small.buffer())
                        .expect("bytes were counted");
                    maker.fill(&frame, ValuesMut::Whole(&mut out))
                });
            });
        }
    }
    group.finish();
}

const GRID: Size = Size::new(120, 90);
const CLASSES: usize = 11;

/// Scores of a scene of some regions: about a fifth of the quads are mixed.
fn scores() -> Vec<f32> {
    let mut values = Vec::new();
    for class in 0..CLASSES {
        let phase = class as f32;
        for y in 0..GRID.height {
            for x in 0..GRID.width {
                let (x, y) = (x as f32 / 30.0, y as f32 / 20.0);
                values.push(4.0 * (x + 1.7 * phase).sin() + 3.0 * (y * (1.0 + 0.1 * phase) + phase).cos());
            }
        }
    }
    values
}

fn render(c: &mut Criterion) {
    let values = scores();
    let logits = Logits { classes: CLASSES, grid: GRID, values: &values };
    let mut group = c.benchmark_group("render");
    let mut cells = vec![0; GRID.pixels()];
    group.bench_function("classes_of", |b| {
        b.iter(|| render::classes_of(black_box(logits), &mut cells));
    });
    for size in [NETWORK, HD, FULL_HD] {
        let mut renderer = Renderer::new();
        let mut mask = Mask::unlabelled(size);
        group.bench_function(format!("ours/{size}"), |b| {
            b.iter(|| renderer.render(black_box(logits), &mut mask));
        });
        let mut confidences = ConfidenceRenderer::new();
        group.bench_function(format!("confidence/{size}"), |b| {
            b.iter(|| confidences.render(black_box(logits), size).map(<[u8]>::len));
        });
        group.bench_function(format!("naive/{size}"), |b| {
            b.iter(|| naive(black_box(logits), mask.classes_mut(), size));
        });
        group.bench_function(format!("nearest/{size}"), |b| {
            b.iter(|| nearest(black_box(logits), mask.classes_mut(), size));
        });
    }
    group.finish();
}

/// Bilinear scores of every class at every pixel, then the best class; without confidence.
fn naive(logits: Logits<'_>, out: &mut [u8], size: Size) {
    let table = |grid: u32, pixels: u32| -> Vec<(usize, usize, f32)> {
        (0..pixels)
            .map(|at| {
                let centre = (at as f32 + 0.5) * grid as f32 / pixels as f32 - 0.5;
                let centre = centre.clamp(0.0, (grid - 1) as f32);
                let cell = centre as usize;
                (cell, (cell + 1).min(grid as usize - 1), centre.fract())
            })
            .collect()
    };
    let columns = table(logits.grid.width, size.width);
    let lines = table(logits.grid.height, size.height);
    let width = logits.grid.width as usize;
    let mut best = vec![f32::NEG_INFINITY; size.width as usize];
    let mut edge = vec![0.0; width];
    for (out, (above, below, down)) in out.chunks_exact_mut(size.width as usize).zip(lines) {
        best.fill(f32::NEG_INFINITY);
        out.fill(UNLABELLED);
        for (class, plane) in logits.values.chunks_exact(logits.grid.pixels()).enumerate() {
            let rows = plane[above * width..][..width].iter().zip(&plane[below * width..][..width]);
            for (edge, (a, b)) in edge.iter_mut().zip(rows) {
                *edge = a * (1.0 - down) + b * down;
            }
            for ((best, out), &(left, right, part)) in best.iter_mut().zip(&mut *out).zip(&columns) {
                let score = edge[left] * (1.0 - part) + edge[right] * part;
                if score > *best {
                    *best = score;
                    *out = class as u8;
                }
            }
        }
    }
}

/// The class of the nearest cell; without confidence.
fn nearest(logits: Logits<'_>, out: &mut [u8], size: Size) {
    let mut cells = vec![0; logits.grid.pixels()];
    render::classes_of(logits, &mut cells).expect("sizes fit");
    let at = |pixel: usize, grid: u32, pixels: u32| pixel * grid as usize / pixels as usize;
    let columns: Vec<usize> = (0..size.width as usize).map(|x| at(x, logits.grid.width, size.width)).collect();
    for (y, out) in out.chunks_exact_mut(size.width as usize).enumerate() {
        let row = at(y, logits.grid.height, size.height) * logits.grid.width as usize;
        for (out, x) in out.iter_mut().zip(&columns) {
            *out = cells[row + x];
        }
    }
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for size in [NETWORK, FULL_HD] {
        let picture = ImageBuffer::from_fn(size.width, size.height, |x, y| {
            let wave = |f: f32| (127.0 + 120.0 * ((x as f32 * f).sin() * (y as f32 * 0.02).cos())) as u8;
            Rgb([wave(0.01), wave(0.05), wave(0.2)])
        });
        for (name, format) in [("jpeg", ImageFormat::Jpeg), ("png", ImageFormat::Png)] {
            let mut bytes = Cursor::new(Vec::new());
            DynamicImage::from(picture.clone()).write_to(&mut bytes, format).expect("memory suffices");
            let bytes = bytes.into_inner();
            group.bench_function(format!("{name}/{size}"), |b| {
                b.iter(|| decode::compressed(Header::default(), name, black_box(&bytes)));
            });
        }
    }
    group.finish();
}

criterion_group!(pixels, tensor, two_passes, render, decode);
criterion_main!(pixels);
