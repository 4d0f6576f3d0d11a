//! What a network multiplies: what was asked for, and what it became.
//!
//! Knows accuracies and what a processor can do; knows nothing of graphs.

use std::str::FromStr;

use super::manifest::Accuracy;
use crate::kernels::{Isa, Order, Precision};

/// The most that a lower precision may cost at an exit to be taken by itself: half a point of mIoU.
const MAX_LOSS: f64 = 0.005;

/// What was asked for, as the parameter `precision` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// The fastest that the processor multiplies and that costs hardly any accuracy, as far as the manifest shows.
    #[default]
    Auto,
    /// This one, or the next higher that the processor multiplies.
    Only(Precision),
    /// This one on any processor, by plain loops where it has no instructions: many times as slow, for what it costs in accuracy.
    Emulated(Precision),
}

impl Wanted {
    /// As they are, without rounding.
    pub const F32: Self = Self::Only(Precision::F32);

    /// The same precision on any processor; none where none is named.
    pub fn emulated(self) -> Option<Self> {
        match self {
            Self::Auto => None,
            Self::Only(precision) | Self::Emulated(precision) => Some(Self::Emulated(precision)),
        }
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let known = Precision::ALL.into_iter().find(|precision| precision.name() == text);
        known.map(Self::Only).ok_or_else(|| format!("expected auto, f32, bf16 or int8, got `{text}`"))
    }
}

/// What a network multiplies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The lowest precision in it. Convolutions that gain nothing by it multiply in a higher one.
    pub precision: Precision,
    /// Whether something else had been asked for by name.
    pub replaced: bool,
    /// Why this one, in words.
    pub reason: String,
    /// Whether plain loops stand in for instructions that this processor lacks.
    pub emulated: bool,
}

impl Chosen {
    /// What becomes of `wanted` on this processor for a network of this accuracy.
    pub fn here(wanted: Wanted, accuracy: &[Accuracy]) -> Self {
        let isa = Isa::detect();
        // Without vector instructions the convolutions are tract's, which multiply f32.
        Self::of(wanted, accuracy, |precision| isa != Isa::Portable && precision.is_there(isa))
    }

    /// The same on a processor that multiplies what is `there`.
    fn of(wanted: Wanted, accuracy: &[Accuracy], there: impl Fn(Precision) -> bool) -> Self {
        let lacks = |precision: Precision| format!("this processor has no instructions for {}", precision.name());
        let only = match wanted {
            Wanted::Auto => return Self::auto(accuracy, there, lacks),
            Wanted::Only(precision) => precision,
            Wanted::Emulated(precision) => {
                let (emulated, reason) = (!there(precision), "as asked for, emulated where need be".to_owned());
                return Self { precision, replaced: false, reason, emulated };
            }
        };
        if only == Precision::F32 || there(only) {
            return Self { precision: only, replaced: false, reason: "as asked for".to_owned(), emulated: false };
        }
        let higher = Precision::ALL.into_iter().take_while(|precision| *precision != only);
        let precision = higher.filter(|precision| there(*precision)).last().unwrap_or(Precision::F32);
        let reason = format!("{} was asked for, but {}", only.name(), lacks(only));
        Self { precision, replaced: true, reason, emulated: false }
    }

    fn auto(accuracy: &[Accuracy], there: impl Fn(Precision) -> bool, lacks: impl Fn(Precision) -> String) -> Self {
        let mut reasons = Vec::new();
        // The fastest first.
        for precision in [Precision::Int8, Precision::Bf16] {
            let cost = if there(precision) { cost(accuracy, precision) } else { Err(lacks(precision)) };
            match cost {
                Ok(reason) => return Self { precision, replaced: false, reason, emulated: false },
                Err(reason) => reasons.push(reason),
            }
        }
        reasons.dedup();
        Self { precision: Precision::F32, replaced: false, reason: reasons.join("; "), emulated: false }
    }

    /// How values lie from graph to graph, and from convolution to convolution: rounded where tiles read them, or bytes are made of them.
    pub(super) fn state_order(&self) -> Order {
        if self.precision.rounds_between(self.isa()) { Order::Rounded } else { Order::Interleaved }
    }

    /// The instructions that convolutions use.
    pub(super) fn isa(&self) -> Isa {
        if self.emulated { Isa::Portable } else { Isa::detect() }
    }
}

/// What `precision` costs at the worst exit where it was measured beside f32; an error where that is too much, or nobody knows.
fn cost(accuracy: &[Accuracy], precision: Precision) -> Result<String, String> {
    let name = precision.name();
    let of = |precision: Precision| accuracy.iter().filter(move |entry| entry.precision == precision);
    let pairs = of(precision).flat_map(|low| of(Precision::F32).map(move |full| (low, full)));
    let alike = |low: &Accuracy, full: &Accuracy| {
        low.set == full.set && low.warm == full.warm && low.exits.len() == full.exits.len()
    };
    let same = pairs.filter(|(low, full)| alike(low, full));
    let costs = same.flat_map(|(low, full)| low.exits.iter().zip(&full.exits).map(|(low, full)| full.miou - low.miou));
    match costs.reduce(f64::max) {
        None => Err(format!("the manifest has no accuracy measured in {name}")),
        Some(cost) if cost > MAX_LOSS => Err(format!("{name} costs up to {:.2} points of mIoU", 100.0 * cost)),
        Some(cost) => Ok(format!("by the manifest {name} costs {:.2} points of mIoU at most", 100.0 * cost.max(0.0))),
    }
}

/// A precision by its name, in JSON.
pub(super) mod named {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::kernels::Precision;

    pub fn serialize<S: Serializer>(precision: &Precision, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(precision.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Precision, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = Precision::ALL.into_iter().find(|precision| precision.name() == text);
        known.ok_or_else(|| D::Error::custom(format!("expected f32, bf16 or int8, got `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ExitAccuracy;

    fn measured(set: &str, precision: Precision, mious: &[f64]) -> Accuracy {
        let exits = mious.iter().map(|miou| ExitAccuracy { miou: *miou, iou: Vec::new() }).collect();
        Accuracy { set: set.to_owned(), precision, frames: 1, warm: false, exits }
    }

    fn all(_: Precision) -> bool {
        true
    }

    #[test]
    fn auto_is_f32_where_nothing_was_measured() {
        let chosen = Chosen::of(Wanted::Auto, &[measured("val", Precision::F32, &[0.5])], all);
        assert_eq!((chosen.precision, chosen.replaced), (Precision::F32, false));
        assert!(chosen.reason.contains("no accuracy measured in int8"), "{}", chosen.reason);
    }

    #[test]
    fn auto_takes_the_lowest_precision_that_no_exit_of_any_set_pays_for() {
        let full = [measured("val", Precision::F32, &[0.5, 0.6]), measured("streets", Precision::F32, &[0.7, 0.8])];
        let half = [measured("val", Precision::Bf16, &[0.496, 0.61])];
        let byte = |worst: f64| {
            [measured("val", Precision::Int8, &[0.5, 0.6]), measured("streets", Precision::Int8, &[0.7, worst])]
        };
        let auto = |bytes: &[Accuracy]| Chosen::of(Wanted::Auto, &[&full[..], &half, bytes].concat(), all).precision;
        assert_eq!(auto(&byte(0.796)), Precision::Int8);
        assert_eq!(auto(&byte(0.794)), Precision::Bf16);
        assert_eq!(auto(&[]), Precision::Bf16);
        let elsewhere = [measured("drive", Precision::Int8, &[0.9, 0.9])];
        assert_eq!(auto(&elsewhere), Precision::Bf16, "a set without f32 says nothing");
    }

    #[test]
    fn auto_takes_nothing_that_the_processor_lacks() {
        let accuracy = [measured("val", Precision::F32, &[0.5]), measured("val", Precision::Int8, &[0.5])];
        let chosen = Chosen::of(Wanted::Auto, &accuracy, |precision| precision == Precision::F32);
        assert_eq!((chosen.precision, chosen.replaced), (Precision::F32, false));
        assert!(chosen.reason.contains("no instructions for int8"), "{}", chosen.reason);
    }

    #[test]
    fn what_is_asked_for_by_name_needs_no_measurement() {
        for precision in Precision::ALL {
            let chosen = Chosen::of(Wanted::Only(precision), &[], all);
            assert_eq!((chosen.precision, chosen.replaced), (precision, false));
        }
    }

    #[test]
    fn what_the_processor_lacks_becomes_the_next_higher_precision_and_is_told() {
        let without = |lacking: &'static [Precision], wanted| {
            Chosen::of(Wanted::Only(wanted), &[], move |precision| !lacking.contains(&precision))
        };
        let chosen = without(&[Precision::Int8], Precision::Int8);
        assert_eq!((chosen.precision, chosen.replaced), (Precision::Bf16, true));
        assert!(chosen.reason.contains("int8 was asked for"), "{}", chosen.reason);
        let chosen = without(&[Precision::Bf16], Precision::Bf16);
        assert_eq!((chosen.precision, chosen.replaced), (Precision::F32, true));
        let chosen = without(&Precision::ALL, Precision::Int8);
        assert_eq!((chosen.precision, chosen.replaced), (Precision::F32, true));
    }

    #[test]
    fn what_is_emulated_is_that_precision_on_every_processor() {
        let emulated = |there: bool| Chosen::of(Wanted::Emulated(Precision::Int8), &[], |_| there);
        assert_eq!((emulated(true).precision, emulated(true).emulated), (Precision::Int8, false));
        assert_eq!((emulated(false).precision, emulated(false).emulated), (Precision::Int8, true));
        assert_eq!(Wanted::Auto.emulated(), None);
    }

    #[test]
    fn names_are_read_back() {
        for precision in Precision::ALL {
            assert_eq!(precision.name().parse(), Ok(Wanted::Only(precision)));
        }
        assert_eq!("auto".parse(), Ok(Wanted::Auto));
        assert!("fp16".parse::<Wanted>().is_err());
    }
}
