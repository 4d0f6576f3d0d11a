//! What a graph must not hold, beside values that are too large.

use tract_onnx::pb::{ModelProto, NodeProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::Conv;

use super::{GraphError, unusable};

/// Refuses operators that carry graphs (If, Loop, Scan): what is in these would be evaluated before anybody has looked at its size.
pub(super) fn check_operators(proto: &ModelProto) -> Result<(), GraphError> {
    let nodes = proto.graph.iter().flat_map(|graph| &graph.node);
    let carries = |node: &&NodeProto| {
        node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty())
    };
    nodes.into_iter().find(carries).map_or(Ok(()), |node| {
        let reason = format!("node `{}`: expected an operator without a graph in it, got {}", node.name, node.op_type);
        Err(GraphError::Unusable(reason))
    })
}

/// Refuses constants that are no numbers, and infinite weights: what a convolution makes of them would differ between processors.
pub(super) fn check_numbers(model: &TypedModel) -> Result<(), GraphError> {
    let all = |fact: &TypedFact, fine: fn(&f32) -> bool| match &fact.konst {
        Some(value) if value.datum_type() == f32::datum_type() => {
            value.try_as_plain_ram().and_then(|plain| Ok(plain.as_slice::<f32>()?.iter().all(fine))).map_err(unusable)
        }
        _ => Ok(true),
    };
    for node in model.nodes() {
        let refused = |got: &str| {
            let (expected, got) = ("numbers".to_owned(), got.to_owned());
            Err(GraphError::Tensor { tensor: node.name.clone(), expected, got })
        };
        for output in &node.outputs {
            if !all(&output.fact, |value| !value.is_nan())? {
                return refused("NaN");
            }
        }
        let weights =
            if node.op_is::<Conv>() { model.node_input_facts(node.id).map_err(unusable)? } else { TVec::new() };
        for fact in weights {
            if !all(fact, |value| value.is_finite())? {
                return refused("an infinite weight");
            }
        }
    }
    Ok(())
}
