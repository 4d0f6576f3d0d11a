//! The manifest of a bundle: what the network expects, what it gives, how good it is.
//!
//! Knows the text of `manifest.json` and what must hold inside it; opens no other file and knows nothing of graphs.

mod check;

use serde::{Deserialize, Serialize};

use crate::frame::Size;
use crate::kernels::Precision;

/// The format version this build reads.
pub const FORMAT: u32 = 1;
/// The most classes a bundle can have: ids 0 to 253; 255 is unlabelled.
pub const MAX_CLASSES: usize = 254;
/// The longest side of an input, in pixels.
pub const MAX_SIDE: u32 = 8192;
/// The most step or exit graphs, and the most iterations.
pub const MAX_ITERATIONS: usize = 1000;

/// What `manifest.json` says. Made by [`parse`](Self::parse), which checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format: [`FORMAT`].
    pub format: u32,
    /// The bundle's name.
    pub name: String,
    /// The bundle's version.
    pub version: String,
    /// The graphs.
    pub files: Files,
    /// The network's input.
    pub input: Input,
    /// The classes; the position is the class id.
    pub classes: Vec<Class>,
    /// How many iterations are worth running.
    pub iterations: Iterations,
    /// How a frame starts from the state of the one before it; absent where the network was not trained for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<WarmStart>,
    /// What was measured, one entry a set of images and precision; may be empty.
    #[serde(default)]
    pub accuracy: Vec<Accuracy>,
    /// Number of parameters.
    pub parameters: Parameters,
    /// What the network was trained on, in words.
    pub trained_on: String,
    /// Licence of the bundle.
    pub license: String,
}

/// The graphs of a bundle. Iteration `i` (from 1) uses `steps[min(i, len) - 1]` and `exits[min(i, len) - 1]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// From the image to the first state.
    pub data: GraphFile,
    /// From state to state; one graph where the weights are shared.
    pub steps: Vec<GraphFile>,
    /// From the state to logits.
    pub exits: Vec<GraphFile>,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphFile {
    /// Path relative to the bundle's folder, with `/`, never leaving it.
    pub path: String,
    /// SHA-256 of the file's bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Size and normalisation of the input: `value = (pixel / 255 - mean) / std`, channels in the order R, G, B.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Pixels in a row, 1 to [`MAX_SIDE`].
    pub width: u32,
    /// Rows, 1 to [`MAX_SIDE`].
    pub height: u32,
    /// Subtracted from the pixel's value in 0 to 1.
    pub mean: [f32; 3],
    /// Divides what is left; above 0.
    pub std: [f32; 3],
}

impl Input {
    /// Width and height.
    pub fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }
}

/// A class the network tells apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its name, unique in the bundle.
    pub name: String,
    /// Its colour in pictures, RGB.
    pub color: [u8; 3],
}

/// Numbers of iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Iterations {
    /// How many the network was trained with, 1 to [`MAX_ITERATIONS`].
    pub trained: usize,
    /// The most that still help, 1 to [`MAX_ITERATIONS`].
    pub useful: usize,
}

/// How a frame starts warm: from the state that the last frame of the same camera ended with, in place of the one that data makes.
///
/// Iteration `i` of a warm frame (from 1) then uses the graphs that iteration `from_step - 1 + i` of a cold one does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmStart {
    /// The step that a warm frame begins with, 1 to the number of step graphs.
    pub from_step: usize,
    /// The most iterations that still help a warm frame, 1 to [`MAX_ITERATIONS`].
    pub useful: usize,
    /// How much of the last frame's state is kept, above 0 to 1: a warm frame starts from `data + keep (last - data)`, where `data`
    /// is the state that its own picture gives. Below 1, what the steps add from frame to frame cannot pile up.
    pub keep: f32,
}

impl WarmStart {
    /// Steps of the network that a warm frame leaves out.
    pub fn skipped_steps(&self) -> usize {
        self.from_step.saturating_sub(1)
    }
}

/// What was measured on one set of images, in one precision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// The name of the set.
    pub set: String,
    /// What the convolutions multiplied; f32 where it is not said.
    #[serde(default, with = "super::precision::named", skip_serializing_if = "is_f32")]
    pub precision: Precision,
    /// Number of images.
    pub frames: u64,
    /// Whether these are frames of a video that started warm, each with as many iterations as the entry's number says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm: bool,
    /// One entry an exit, the first exit first.
    pub exits: Vec<ExitAccuracy>,
}

fn is_f32(precision: &Precision) -> bool {
    *precision == Precision::F32
}

/// How good one exit is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitAccuracy {
    /// Mean intersection over union, 0 to 1.
    pub miou: f64,
    /// Intersection over union of every class, 0 to 1.
    pub iou: Vec<f64>,
}

/// Number of parameters of the whole network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Those that every iteration uses.
    pub shared: u64,
    /// All of them.
    pub total: u64,
}

/// What can be wrong in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, a field missing, unknown or of another type.
    #[error("{reason}")]
    Json {
        /// The fault, with its line and column.
        reason: String,
    },
    /// Written for another version of this program.
    #[error("format {got} is not known here; this version reads format {expected}")]
    Format {
        /// What is read.
        expected: u32,
        /// What the manifest says.
        got: u64,
    },
    /// A field holds what it must not.
    #[error("`{field}` must be {expected}, got {got}")]
    Field {
        /// Where, as in `classes[3].name`.
        field: String,
        /// What would be right.
        expected: String,
        /// What is there.
        got: String,
    },
}

impl Manifest {
    /// Reads and checks the text of a manifest. A format of another version is named before any other fault.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Version {
            format: u64,
        }
        let json = |error: serde_json::Error| ManifestError::Json { reason: error.to_string() };
        let version: Version = serde_json::from_str(text).map_err(json)?;
        if version.format != u64::from(FORMAT) {
            return Err(ManifestError::Format { expected: FORMAT, got: version.format });
        }
        let manifest: Self = serde_json::from_str(text).map_err(json)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The accuracy of every exit, 0 to 1, of frames that start warm or cold: of the first set measured in `precision`, else of the first of all. Empty
    /// where there is none.
    pub fn worth(&self, warm: bool, precision: Precision) -> Vec<f64> {
        let mut sets: Vec<&Accuracy> = self.accuracy.iter().filter(|accuracy| accuracy.warm == warm).collect();
        sets.sort_by_key(|accuracy| accuracy.precision != precision);
        sets.first().map_or_else(Vec::new, |set| set.exits.iter().map(|exit| exit.miou).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn valid() -> Value {
        let file = |path: &str| json!({"path": path, "sha256": "0".repeat(64)});
        json!({
            "format": 1, "name": "tiny", "version": "0.1.0",
            "files": {"data": file("data.onnx"), "steps": [file("step.onnx")], "exits": [file("exits/exit.onnx")]},
            "input": {"width": 480, "height": 360, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
            "classes": [{"name": "sky", "color": [128, 128, 128]}, {"name": "road", "color": [128, 64, 128]}],
            "iterations": {"trained": 4, "useful": 3},
            "accuracy": [
                {"set": "camvid val", "frames": 101, "exits": [{"miou": 0.5, "iou": [0.25, 0.75]}]},
                {"set": "camvid val", "precision": "int8", "frames": 101, "exits": [{"miou": 0.5, "iou": [0.25, 0.75]}]},
            ],
            "parameters": {"shared": 10, "total": 20},
            "trained_on": "streets", "license": "Apache-2.0",
        })
    }

    /// The error of the valid manifest with the value at `pointer` replaced.
    fn fault_with(pointer: &str, value: Value) -> String {
        let mut manifest = valid();
        *manifest.pointer_mut(pointer).unwrap() = value;
        let error = Manifest::parse(&manifest.to_string());
        error.expect_err(pointer).to_string()
    }

    #[test]
    fn a_valid_manifest_survives_writing_and_reading() {
        let manifest = Manifest::parse(&valid().to_string()).unwrap();
        assert_eq!(manifest.input.size(), Size::new(480, 360));
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(Manifest::parse(&text).unwrap(), manifest);
    }

    #[test]
    fn accuracy_is_that_of_f32_where_it_does_not_say_otherwise() {
        let manifest = Manifest::parse(&valid().to_string()).unwrap();
        let precisions: Vec<_> = manifest.accuracy.iter().map(|accuracy| accuracy.precision).collect();
        assert_eq!(precisions, [Precision::F32, Precision::Int8]);
        let mut manifest = valid();
        manifest["accuracy"][1]["precision"] = json!("int4");
        let error = Manifest::parse(&manifest.to_string()).unwrap_err().to_string();
        assert!(error.contains("int4"), "{error}");
    }

    #[test]
    fn exits_are_worth_what_was_measured_in_the_precision_that_runs_or_else_in_another() {
        let mut manifest = Manifest::parse(&valid().to_string()).unwrap();
        let exits = |miou| vec![ExitAccuracy { miou, iou: Vec::new() }];
        let accuracy = manifest.accuracy[0].clone();
        manifest.accuracy = [(Precision::F32, false), (Precision::Int8, false), (Precision::F32, true)]
            .into_iter()
            .zip([0.5, 0.6, 0.7])
            .map(|((precision, warm), miou)| Accuracy { precision, warm, exits: exits(miou), ..accuracy.clone() })
            .collect();
        let worth = |warm, precision| manifest.worth(warm, precision);
        assert_eq!([worth(false, Precision::Int8), worth(false, Precision::Bf16)], [[0.6], [0.5]]);
        assert_eq!(worth(true, Precision::Int8), [0.7]);
        manifest.accuracy.clear();
        assert_eq!(manifest.worth(false, Precision::F32), [0.0; 0]);
    }

    #[test]
    fn a_manifest_without_accuracy_is_valid() {
        let mut manifest = valid();
        manifest.as_object_mut().unwrap().remove("accuracy");
        assert_eq!(Manifest::parse(&manifest.to_string()).unwrap().accuracy, []);
    }

    #[test]
    fn a_manifest_that_offers_a_warm_start_survives_and_scores_it_apart() {
        let mut manifest = valid();
        manifest["warm_start"] = json!({"from_step": 1, "useful": 2, "keep": 0.5});
        manifest["accuracy"][0]["warm"] = json!(true);
        let manifest = Manifest::parse(&manifest.to_string()).unwrap();
        assert_eq!(manifest.warm_start, Some(WarmStart { from_step: 1, useful: 2, keep: 0.5 }));
        assert!(manifest.accuracy[0].warm);
        assert_eq!(Manifest::parse(&serde_json::to_string(&manifest).unwrap()).unwrap(), manifest);
        let cold = Manifest::parse(&valid().to_string()).unwrap();
        assert_eq!((cold.warm_start, cold.accuracy[0].warm), (None, false));
    }

    #[test]
    fn a_warm_start_that_cannot_be_is_named_with_its_field() {
        for (warm_start, field) in [
            (json!({"from_step": 0, "useful": 2, "keep": 0.5}), "`warm_start.from_step`"),
            (
                json!({"from_step": 2, "useful": 2, "keep": 0.5}),
                "`warm_start.from_step` must be a step graph, 1 to 1, got 2",
            ),
            (json!({"from_step": 1, "useful": 0, "keep": 0.5}), "`warm_start.useful`"),
            (json!({"from_step": 1}), "`useful`"),
            (
                json!({"from_step": 1, "useful": 1, "keep": 0.0}),
                "`warm_start.keep` must be above 0 and at most 1, got 0",
            ),
            (
                json!({"from_step": 1, "useful": 1, "keep": 1.5}),
                "`warm_start.keep` must be above 0 and at most 1, got 1.5",
            ),
        ] {
            let mut manifest = valid();
            manifest["warm_start"] = warm_start;
            let error = Manifest::parse(&manifest.to_string()).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
        let mut scored = valid();
        scored["accuracy"][0]["warm"] = json!(true);
        let error = Manifest::parse(&scored.to_string()).unwrap_err().to_string();
        assert!(error.contains("`accuracy[0].warm`") && error.contains("`warm_start`"), "{error}");
    }

    #[test]
    fn a_newer_format_is_named_before_any_other_fault() {
        let error = Manifest::parse(r#"{"format": 2, "unheard": "of"}"#).unwrap_err();
        let expected = ManifestError::Format { expected: FORMAT, got: 2 };
        assert_eq!(error, expected);
    }

    #[test]
    fn an_unknown_field_is_named() {
        let mut manifest = valid();
        manifest["licence"] = json!("Apache-2.0");
        let error = Manifest::parse(&manifest.to_string()).unwrap_err().to_string();
        assert!(error.contains("`licence`"), "{error}");
    }

    #[test]
    fn a_missing_field_is_named() {
        let mut manifest = valid();
        manifest["input"].as_object_mut().unwrap().remove("std");
        let error = Manifest::parse(&manifest.to_string()).unwrap_err().to_string();
        assert!(error.contains("`std`"), "{error}");
    }

    #[test]
    fn a_value_out_of_its_range_is_named_with_its_field() {
        let class = |name: &str| json!({"name": name, "color": [0, 0, 0]});
        let many: Vec<Value> = (0..255).map(|id| class(&id.to_string())).collect();
        for (pointer, value, field) in [
            ("/name", json!(" "), "name"),
            ("/input/width", json!(0), "input.width"),
            ("/input/height", json!(8193), "input.height"),
            ("/input/mean/2", json!(1e300), "input.mean"),
            ("/input/std/0", json!(0.0), "input.std"),
            ("/input/std/1", json!(-1.0), "input.std"),
            ("/input/std/1", json!(1e-300), "input.std"),
            ("/classes", json!([]), "classes"),
            ("/classes", json!(many), "classes"),
            ("/classes/1", class("sky"), "classes[1].name"),
            ("/classes/1", class(""), "classes[1].name"),
            ("/iterations/trained", json!(0), "iterations.trained"),
            ("/iterations/useful", json!(0), "iterations.useful"),
            ("/iterations/useful", json!(1001), "iterations.useful"),
            ("/files/steps", json!([]), "files.steps"),
            ("/files/exits", json!([]), "files.exits"),
            ("/accuracy/0/exits/0/miou", json!(57.0), "accuracy[0].exits[0].miou"),
            ("/accuracy/0/exits/0/iou", json!([0.5]), "accuracy[0].exits[0].iou"),
            ("/accuracy/0/exits/0/iou/1", json!(-0.1), "accuracy[0].exits[0].iou[1]"),
            ("/parameters/shared", json!(21), "parameters.shared"),
        ] {
            let error = fault_with(pointer, value);
            assert!(error.contains(field), "{pointer}: {error}");
        }
    }

    #[test]
    fn a_path_that_leaves_the_folder_is_refused() {
        for path in ["", "/etc/passwd", "../data.onnx", "a/../../data.onnx", "a\\..\\b", "."] {
            let error = fault_with("/files/data/path", json!(path));
            assert!(error.contains("files.data.path"), "{path}: {error}");
        }
        let error = fault_with("/files/exits/0/path", json!("step.onnx"));
        assert!(error.contains("files.exits[0].path"), "{error}");
    }

    #[test]
    fn a_hash_that_is_no_sha256_is_refused() {
        for hash in ["", "0", &"g".repeat(64), &"A".repeat(64), &"0".repeat(65)] {
            let error = fault_with("/files/steps/0/sha256", json!(hash));
            assert!(error.contains("files.steps[0].sha256"), "{error}");
        }
    }
}
