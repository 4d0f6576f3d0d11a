//! Where inputs are kept.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// The files of a folder in the order of their names; none where there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("lists").path()).collect();
    files.sort();
    files
}

/// Inputs that a target failed on once: `fuzz/regressions/<target>/*`.
pub fn regressions(target: &str) -> Vec<Vec<u8>> {
    let files = files(&folder("regressions").join(target));
    files.iter().map(|path| fs::read(path).expect("reads")).collect()
}

fn packed(target: &str) -> PathBuf {
    folder("inputs").join(format!("{target}.zst"))
}

/// Inputs that reached a branch of their own: `fuzz/inputs/<target>.zst`, each behind its length in four bytes.
pub fn kept(target: &str) -> Vec<Vec<u8>> {
    let Ok(file) = fs::File::open(packed(target)) else { return Vec::new() };
    let mut bytes = Vec::new();
    zstd::stream::read::Decoder::new(file).expect("a frame").read_to_end(&mut bytes).expect("decompresses");
    let mut rest = &bytes[..];
    let mut inputs = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (input, next) = behind.split_at(u32::from_le_bytes(*length) as usize);
        inputs.push(input.to_vec());
        rest = next;
    }
    assert!(rest.is_empty(), "{target}: the last input is cut off");
    inputs
}

/// The targets of which there are inputs.
pub fn names() -> Vec<String> {
    let files = [files(&folder("regressions")), files(&folder("inputs"))].concat();
    files.iter().map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

/// Writes inputs to `fuzz/corpus/<target>`, beside what is there.
pub fn write_corpus(target: &str, inputs: &[Vec<u8>]) {
    let folder = folder("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder");
    for (number, input) in inputs.iter().enumerate() {
        fs::write(folder.join(format!("start_{number}")), input).expect("writes");
    }
}

/// Packs the inputs in `fuzz/corpus/<target>`, the short ones first.
pub fn pack_corpus(target: &str) {
    let files = files(&folder("corpus").join(target));
    let mut inputs: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).expect("reads")).collect();
    inputs.sort_by_key(|input| (input.len(), input.clone()));
    let bytes: Vec<u8> =
        inputs.iter().flat_map(|input| [&(input.len() as u32).to_le_bytes(), &input[..]].concat()).collect();
    fs::create_dir_all(folder("inputs")).expect("a folder");
    fs::write(packed(target), zstd::encode_all(&bytes[..], 19).expect("compresses")).expect("writes");
}
