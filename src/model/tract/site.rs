//! Where our own convolution will stand: keeps what it needs safe from rewriting.
//!
//! tract turns a convolution of one pixel into a product of matrices, and others into several operators. A site is a convolution
//! that it leaves as it is, while it simplifies everything around; it is never run.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};
use tract_onnx::tract_core::ops::nn::DataFormat;

use crate::kernels::{Geometry, Order};

/// A convolution of one input, its weights inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    conv: Conv,
    /// Both of planes, with nothing added yet.
    pub geometry: Geometry,
    /// `[output][input][row][column]`, with one input where channels do not mix.
    pub weights: Arc<Tensor>,
    /// One value an output channel, or one for all.
    pub bias: Arc<Tensor>,
}

impl Site {
    /// The site for `node`, where it is a convolution that our kernels can do.
    pub fn of(model: &TypedModel, node: &TypedNode) -> TractResult<Option<Self>> {
        let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
        let [image, weights, bias] = *model.node_input_facts(node.id)? else { return Ok(None) };
        let (Some(weights), Some(bias)) = (&weights.konst, &bias.konst) else { return Ok(None) };
        let spec = &conv.pool_spec;
        let depthwise = conv.group > 1;
        let mixing = if depthwise { 1 } else { spec.input_channels };
        let ours = [1, spec.input_channels].contains(&conv.group)
            && conv.q_params.is_none()
            && conv.kernel_fmt == KernelFormat::OIHW
            && spec.data_format == DataFormat::NCHW
            && spec.rank() == 2
            && spec.dilations().iter().all(|dilation| *dilation == 1)
            && [image.datum_type, weights.datum_type(), bias.datum_type()] == [f32::datum_type(); 3]
            && weights.shape() == [spec.output_channels, mixing, spec.kernel_shape[0], spec.kernel_shape[1]];
        let Some(&[1, inputs, height, width]) = image.shape.as_concrete() else { return Ok(None) };
        if !ours || inputs != spec.input_channels {
            return Ok(None);
        }
        let sides = spec.computed_padding(&[height, width]);
        let (strides, kernel) = (spec.strides(), &spec.kernel_shape);
        let geometry = Geometry {
            inputs,
            outputs: spec.output_channels,
            depthwise,
            kernel: [kernel[0], kernel[1]],
            stride: [strides[0], strides[1]],
            pad: [sides[0].pad_before, sides[1].pad_before],
            from: [height, width],
            to: [sides[0].convoluted, sides[1].convoluted],
            from_order: Order::Planes,
            to_order: Order::Planes,
            addends: Vec::new(),
            relu: false,
        };
        if geometry.check().is_err() || ![1, geometry.outputs].contains(&bias.len()) {
            return Ok(None);
        }
        let (weights, bias) = (Arc::clone(weights), Arc::clone(bias));
        Ok(Some(Self { conv: conv.clone(), geometry, weights, bias }))
    }
}

impl Op for Site {
    fn name(&self) -> StaticName {
        "ConvSite".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Site {
    not_out_of_plan!();
}

impl TypedOp for Site {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.conv.pool_spec.output_facts(inputs)
    }

    as_op!();
}
