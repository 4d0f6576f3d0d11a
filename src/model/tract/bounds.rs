//! How large the values of a graph may become, found out before any of them is allocated.
//!
//! tract evaluates what depends on constants alone while it infers shapes, and looks at the size of the result afterwards: a file of a hundred
//! bytes that asks for a constant of a terabyte would get it. So shapes are inferred here first, node by node, and a shape is looked at before
//! the node is evaluated.

use std::collections::{BTreeMap, BTreeSet};

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{DimLike, InferenceOp, TVec};

use super::{GraphError, unusable};

/// The most values one tensor can have: 1 GiB of f32.
const MAX_VALUES: usize = 1 << 28;
/// What a tensor of any graph can have: 64 MiB of f32.
const FEW_VALUES: usize = 1 << 24;
/// How many times the values of its inputs a tensor of a graph can have, beside the few.
const GROWTH: usize = 1 << 10;

/// The most values that one tensor of a graph can have.
#[derive(Clone, Copy)]
pub(super) struct Bound(usize);

impl Bound {
    /// That of a graph with the inputs of `model`, as far as their sizes are known.
    pub fn of(model: &InferenceModel) -> Self {
        let shapes = model.inputs.iter().filter_map(|input| sides_of(model.outlet_fact(*input).ok()?));
        let inputs = shapes.map(|shape| product(&shape)).fold(0, usize::saturating_add);
        Self(FEW_VALUES.saturating_add(inputs.saturating_mul(GROWTH)).min(MAX_VALUES))
    }

    /// Infers every shape that follows from the others.
    pub fn infer(self, model: &mut InferenceModel) -> Result<(), GraphError> {
        let mut to_visit: BTreeSet<usize> = model.nodes().iter().map(|node| node.id).collect();
        let mut observers = BTreeMap::<OutletId, Vec<usize>>::new();
        for node in model.nodes() {
            for outlet in node.op.observe_outlets(model, node).map_err(unusable)? {
                observers.entry(outlet).or_default().push(node.id);
            }
        }
        while let Some(id) = to_visit.pop_first() {
            for (outlet, fact) in self.visit(model, id)? {
                model.set_outlet_fact(outlet, fact).map_err(unusable)?;
                let readers = model.node(outlet.node).outputs.get(outlet.slot).map_or(&[][..], |out| &out.successors);
                to_visit.extend(readers.iter().map(|reader| reader.node).filter(|reader| *reader != id));
                to_visit.extend((outlet.node != id).then_some(outlet.node));
                to_visit.extend(observers.get(&outlet).into_iter().flatten());
            }
        }
        Ok(())
    }

    /// What one node tells of its inputs and outputs that was not known.
    fn visit(self, model: &mut InferenceModel, id: usize) -> Result<Vec<(OutletId, InferenceFact)>, GraphError> {
        let node = model.node(id);
        let outputs = (0..node.outputs.len()).map(|slot| OutletId::new(id, slot));
        let observed = node.op.observe_outlets(model, node).map_err(unusable)?;
        let groups: [Vec<OutletId>; 3] = [node.inputs.to_vec(), outputs.collect(), observed];
        let facts = |outlets: &Vec<OutletId>| -> TractResult<TVec<InferenceFact>> {
            outlets.iter().map(|outlet| model.outlet_fact(*outlet).cloned()).collect()
        };
        let [inputs, outputs, observed] = [facts(&groups[0]), facts(&groups[1]), facts(&groups[2])];
        let facts = [inputs.map_err(unusable)?, outputs.map_err(unusable)?, observed.map_err(unusable)?];
        let name = node.name.clone();
        let mut dry = node.op.clone();
        let [inputs, outputs, observed] = facts.each_ref().map(|facts| facts.iter().collect::<TVec<_>>());
        let (_, shapes, _) = dry.infer_facts(inputs.clone(), outputs.clone(), observed.clone()).map_err(unusable)?;
        shapes.iter().try_for_each(|fact| self.check(&name, fact))?;
        let op: &mut Box<dyn InferenceOp> = &mut model.node_mut(id).op;
        let (inputs, outputs, observed) = op.infer(inputs, outputs, observed).map_err(unusable)?;
        let mut news = Vec::new();
        for ((outlets, old), told) in groups.iter().zip(&facts).zip([inputs, outputs, observed]) {
            for ((outlet, old), told) in outlets.iter().zip(old).zip(told) {
                let fact = old.unify(&told).map_err(unusable)?;
                if fact != *old {
                    news.push((*outlet, fact));
                }
            }
        }
        Ok(news)
    }

    fn check(self, node: &str, fact: &InferenceFact) -> Result<(), GraphError> {
        sides_of(fact).map_or(Ok(()), |shape| self.check_shape(node, &shape))
    }

    /// The same for a graph whose shapes are all known.
    pub fn check_all(self, model: &TypedModel) -> Result<(), GraphError> {
        for node in model.nodes() {
            for output in &node.outputs {
                let Some(shape) = output.fact.shape.as_concrete() else {
                    continue;
                };
                self.check_shape(&node.name, shape)?;
            }
        }
        Ok(())
    }

    fn check_shape(self, node: &str, shape: &[usize]) -> Result<(), GraphError> {
        if product(shape) <= self.0 {
            return Ok(());
        }
        let (expected, got) = (format!("at most {} values", self.0), format!("shape {shape:?}"));
        Err(GraphError::Tensor { tensor: node.to_owned(), expected, got })
    }
}

/// The sides of a tensor where all are known.
fn sides_of(fact: &InferenceFact) -> Option<Vec<usize>> {
    fact.shape.concretize()?.iter().map(|side| side.to_usize().ok()).collect()
}

/// Number of values of a shape; more than fit are as many as fit.
fn product(sides: &[usize]) -> usize {
    sides.iter().copied().fold(1, usize::saturating_mul)
}
