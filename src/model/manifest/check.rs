//! What must hold inside a manifest, field by field.
//!
//! Knows ranges and names; opens no file.

use std::collections::HashSet;
use std::path::{Component, Path};

use super::{Files, GraphFile, MAX_CLASSES, MAX_ITERATIONS, MAX_SIDE, Manifest, ManifestError};
use crate::kernels::Normalise;

type Checked = Result<(), ManifestError>;

/// The fault of `field`.
fn fault(field: &str, expected: &str, got: impl std::fmt::Display) -> ManifestError {
    ManifestError::Field { field: field.to_owned(), expected: expected.to_owned(), got: got.to_string() }
}

impl Manifest {
    /// Finds the first field that holds what it must not.
    pub(super) fn check(&self) -> Checked {
        if self.name.trim().is_empty() {
            return Err(fault("name", "a name", "nothing"));
        }
        self.check_files()?;
        self.check_input()?;
        self.check_classes()?;
        check_iterations("iterations.trained", self.iterations.trained)?;
        check_iterations("iterations.useful", self.iterations.useful)?;
        self.check_warm_start()?;
        self.check_accuracy()?;
        if self.parameters.shared > self.parameters.total {
            let expected = format!("at most the total, {}", self.parameters.total);
            return Err(fault("parameters.shared", &expected, self.parameters.shared));
        }
        Ok(())
    }

    fn check_files(&self) -> Checked {
        let mut seen = HashSet::new();
        for (field, file) in self.files.named() {
            check_path(&field, &file.path)?;
            check_sha256(&field, &file.sha256)?;
            if !seen.insert(&file.path) {
                return Err(fault(&format!("{field}.path"), "a file named once", &file.path));
            }
        }
        check_iterations("number of files.steps", self.files.steps.len())?;
        check_iterations("number of files.exits", self.files.exits.len())
    }

    fn check_input(&self) -> Checked {
        let input = &self.input;
        for (field, side) in [("input.width", input.width), ("input.height", input.height)] {
            if !(1..=MAX_SIDE).contains(&side) {
                return Err(fault(field, &format!("1 to {MAX_SIDE} pixels"), side));
            }
        }
        for mean in input.mean {
            if !mean.is_finite() {
                return Err(fault("input.mean", "finite", mean));
            }
        }
        let Normalise { scale, bias } = Normalise::new(input.mean, input.std);
        for ((std, scale), bias) in input.std.into_iter().zip(scale).zip(bias) {
            // A number too large for f32 reads as infinite, one too small as zero; what is made of one that is nearly zero is infinite.
            if !std.is_finite() || std <= 0.0 || !scale.is_finite() || !bias.is_finite() {
                return Err(fault("input.std", "finite, above 0, and large enough to divide by", std));
            }
        }
        Ok(())
    }

    fn check_classes(&self) -> Checked {
        let count = self.classes.len();
        if !(1..=MAX_CLASSES).contains(&count) {
            return Err(fault("classes", &format!("a list of 1 to {MAX_CLASSES}"), count));
        }
        let mut seen = HashSet::new();
        for (id, class) in self.classes.iter().enumerate() {
            let field = format!("classes[{id}].name");
            if class.name.trim().is_empty() {
                return Err(fault(&field, "a name", "nothing"));
            }
            if !seen.insert(&class.name) {
                return Err(fault(&field, "unique", &class.name));
            }
        }
        Ok(())
    }

    fn check_warm_start(&self) -> Checked {
        let Some(warm) = &self.warm_start else {
            return Ok(());
        };
        let steps = self.files.steps.len();
        if !(1..=steps).contains(&warm.from_step) {
            return Err(fault("warm_start.from_step", &format!("a step graph, 1 to {steps}"), warm.from_step));
        }
        if !(warm.keep > 0.0 && warm.keep <= 1.0) {
            return Err(fault("warm_start.keep", "above 0 and at most 1", warm.keep));
        }
        check_iterations("warm_start.useful", warm.useful)
    }

    fn check_accuracy(&self) -> Checked {
        let classes = self.classes.len();
        for (set, accuracy) in self.accuracy.iter().enumerate() {
            if accuracy.warm && self.warm_start.is_none() {
                let field = format!("accuracy[{set}].warm");
                return Err(fault(&field, "false where there is no `warm_start`", accuracy.warm));
            }
            for (exit, measured) in accuracy.exits.iter().enumerate() {
                let field = format!("accuracy[{set}].exits[{exit}]");
                check_fraction(&format!("{field}.miou"), measured.miou)?;
                if measured.iou.len() != classes {
                    let expected = format!("a list of {classes}, one a class");
                    return Err(fault(&format!("{field}.iou"), &expected, measured.iou.len()));
                }
                for (class, iou) in measured.iou.iter().enumerate() {
                    check_fraction(&format!("{field}.iou[{class}]"), *iou)?;
                }
            }
        }
        Ok(())
    }
}

impl Files {
    /// Every file with the name of its field: data, the steps, the exits.
    fn named(&self) -> impl Iterator<Item = (String, &GraphFile)> {
        let steps = self.steps.iter().enumerate();
        let exits = self.exits.iter().enumerate();
        std::iter::once(("files.data".to_owned(), &self.data))
            .chain(steps.map(|(index, file)| (format!("files.steps[{index}]"), file)))
            .chain(exits.map(|(index, file)| (format!("files.exits[{index}]"), file)))
    }
}

fn check_path(field: &str, path: &str) -> Checked {
    let inside = !path.is_empty()
        && !path.contains(['\\', '\0'])
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if inside {
        Ok(())
    } else {
        let expected = "a relative path that stays inside the folder";
        Err(fault(&format!("{field}.path"), expected, format!("`{path}`")))
    }
}

fn check_sha256(field: &str, sha256: &str) -> Checked {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if sha256.len() == 64 && sha256.bytes().all(hex) {
        Ok(())
    } else {
        let expected = "64 lower-case hexadecimal digits";
        Err(fault(&format!("{field}.sha256"), expected, format!("`{sha256}`")))
    }
}

fn check_iterations(field: &str, count: usize) -> Checked {
    if (1..=MAX_ITERATIONS).contains(&count) {
        Ok(())
    } else {
        Err(fault(field, &format!("1 to {MAX_ITERATIONS}"), count))
    }
}

fn check_fraction(field: &str, value: f64) -> Checked {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(fault(field, "a fraction, 0 to 1", value)) }
}
