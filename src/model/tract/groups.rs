//! Finds what a convolution can take on itself: sums and ReLU that follow it.
//!
//! Reads a simplified graph; changes nothing.

use std::collections::{HashMap, HashSet};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::Slice;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::{Add, Max};
use tract_onnx::tract_core::ops::nn::resize::NearestUpsample;

use super::site::Site;

/// The most tensors that one convolution adds.
const MAX_ADDENDS: usize = 2;

/// A convolution and the nodes after it that become one operator.
pub(super) struct Group {
    /// The site's node.
    pub site: usize,
    /// What is added: a tensor, and how many times it is doubled in size before.
    pub addends: Vec<(OutletId, u32)>,
    /// Whether it ends with ReLU.
    pub relu: bool,
}

/// Every group under its last node, and all nodes of groups: those before the last are no longer needed.
pub(super) fn groups(model: &TypedModel) -> TractResult<(HashMap<usize, Group>, HashSet<usize>)> {
    let (mut groups, mut taken) = (HashMap::new(), HashSet::new());
    for site in model.eval_order()? {
        if !model.node(site).op_is::<Site>() {
            continue;
        }
        let mut group = Group { site, addends: Vec::new(), relu: false };
        let mut last = site;
        taken.insert(site);
        // Of two convolutions that are summed, the first one takes the sum.
        while let Some(next) = only_user(model, last).filter(|next| !taken.contains(next)) {
            if !group.take(model, last, next)? {
                break;
            }
            taken.insert(next);
            last = next;
        }
        groups.insert(last, group);
    }
    Ok((groups, taken))
}

/// The node that alone uses the result of `node`, which is no output.
fn only_user(model: &TypedModel, node: usize) -> Option<usize> {
    let outlet = OutletId::new(node, 0);
    match model.node(node).outputs[0].successors.as_slice() {
        [user] if !model.outputs.contains(&outlet) => Some(user.node),
        _ => None,
    }
}

impl Group {
    /// Takes `next`, which follows `last`, into the group where that is possible.
    fn take(&mut self, model: &TypedModel, last: usize, next: usize) -> TractResult<bool> {
        let node = model.node(next);
        let Some(TypedBinOp(op, None)) = node.op_as::<TypedBinOp>() else { return Ok(false) };
        let [first, second] = *node.inputs else { return Ok(false) };
        let other = if first.node == last { second } else { first };
        let (own, fact) = (model.outlet_fact(OutletId::new(last, 0))?, model.outlet_fact(other)?);
        if self.relu || own.shape != node.outputs[0].fact.shape || fact.datum_type != f32::datum_type() {
            return Ok(false);
        }
        if rectified(model, node)?.is_some() {
            self.relu = true;
            return Ok(true);
        }
        if op.is::<Add>() && fact.shape == own.shape && self.addends.len() < MAX_ADDENDS {
            self.addends.push(enlarged(model, other)?.unwrap_or((other, 0)));
            return Ok(true);
        }
        Ok(false)
    }
}

/// What `node` is the ReLU of, if that is what it is.
pub(super) fn rectified(model: &TypedModel, node: &TypedNode) -> TractResult<Option<OutletId>> {
    let Some(TypedBinOp(op, None)) = node.op_as::<TypedBinOp>() else { return Ok(None) };
    let [first, second] = *node.inputs else { return Ok(None) };
    for (value, other) in [(first, second), (second, first)] {
        let (value_fact, fact) = (model.outlet_fact(value)?, model.outlet_fact(other)?);
        let same = value_fact.shape == node.outputs[0].fact.shape && value_fact.datum_type == f32::datum_type();
        if op.is::<Max>() && same && is_zero(fact)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn is_zero(fact: &TypedFact) -> TractResult<bool> {
    let Some(value) = fact.konst.as_ref().filter(|value| value.datum_type() == f32::datum_type()) else {
        return Ok(false);
    };
    Ok(value.try_as_plain_ram()?.as_slice::<f32>()?.iter().all(|value| *value == 0.0))
}

/// Whether the node may be one of those that enlarge a tensor before it is added.
pub(super) fn enlarges(node: &TypedNode) -> bool {
    node.op_is::<Slice>() || node.op_is::<NearestUpsample>()
}

/// Where `outlet` is a tensor enlarged by a power of two, each value to a square, and cut below and right: that tensor, and the power.
fn enlarged(model: &TypedModel, outlet: OutletId) -> TractResult<Option<(OutletId, u32)>> {
    let mut node = model.node(outlet.node);
    while let Some(slice) = node.op_as::<Slice>() {
        if slice.axis < 2 || slice.start != 0.to_dim() {
            return Ok(None);
        }
        node = model.node(node.inputs[0].node);
    }
    let Some(upsample) = node.op_as::<NearestUpsample>() else { return Ok(None) };
    match *upsample.scales {
        [1, 1, rows, columns] if rows == columns && rows.is_power_of_two() => {
            Ok(Some((node.inputs[0], rows.trailing_zeros())))
        }
        _ => Ok(None),
    }
}
