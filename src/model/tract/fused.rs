//! Our own operators inside the engine: a convolution with all that follows it, on our own kernels, and ReLU where it stands alone.
//!
//! Knows tensors and where their memory comes from; knows nothing of the graph around it.

use std::sync::{Arc, Mutex, PoisonError};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

use crate::kernels::{self, Conv, Crew, Loops, Order, Values, ValuesMut, widest};

/// What the operators of a run work with; lies in the run's shared resources.
#[derive(Clone)]
pub(super) struct Workshop {
    pub crew: Arc<Crew>,
    pub shelf: Arc<Shelf>,
}

/// Tensors that were used and can be used again, once nobody else holds them.
///
/// A frame's tensors are as large as those of the frame before: after the first frame none is allocated, and no page is touched
/// for the first time.
#[derive(Default)]
pub(super) struct Shelf(Mutex<Vec<Arc<Tensor>>>);

impl Shelf {
    /// Has `fill` write the values of a tensor of this shape, which are old ones until then.
    fn tensor<T: Datum + tract_num_traits::Zero>(
        &self,
        shape: &[usize],
        fill: impl FnOnce(&mut [T]) -> Result<(), String>,
    ) -> TractResult<Arc<Tensor>> {
        let mut tensor = match self.take(T::datum_type(), shape) {
            Some(tensor) => tensor,
            None => Arc::new(Tensor::zero::<T>(shape)?),
        };
        let unique = Arc::get_mut(&mut tensor).context("a tensor from the shelf is in use")?;
        let mut view = unique.to_plain_array_view_mut::<T>()?;
        let values = view.as_slice_mut().context("a tensor with gaps")?;
        fill(values).map_err(TractError::msg)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&tensor));
        Ok(tensor)
    }

    /// The tensor of this type and shape that was put back last among those that nobody holds.
    fn take(&self, kind: DatumType, shape: &[usize]) -> Option<Arc<Tensor>> {
        let mut tensors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = |tensor: &Arc<Tensor>| {
            Arc::strong_count(tensor) == 1 && tensor.datum_type() == kind && tensor.shape() == shape
        };
        let index = tensors.iter().rposition(free)?;
        Some(tensors.remove(index))
    }
}

/// A convolution; its inputs are the image and what is added, in the geometry's order.
#[derive(Clone, Debug)]
pub(super) struct FusedConv(pub Arc<Conv>);

impl PartialEq for FusedConv {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for FusedConv {}

impl FusedConv {
    fn shape(&self) -> [usize; 4] {
        let geometry = self.0.geometry();
        let ([height, width], channels) = (geometry.to, geometry.outputs);
        match geometry.to_order {
            Order::Planes => [1, channels, height, width],
            Order::Interleaved | Order::Rounded | Order::Bytes => [1, height, width, channels],
        }
    }
}

impl Op for FusedConv {
    fn name(&self) -> StaticName {
        "FusedConv".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{:?}", self.0)])
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for FusedConv {
    not_out_of_plan!();

    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let workshop = context.shared.and_then(|shared| shared.get::<Workshop>()).context("no workshop")?;
        let plain = inputs.iter().map(|input| input.try_as_plain_ram()).collect::<TractResult<TVec<_>>>()?;
        let (image, addends) = plain.split_first().context("no input")?;
        let addends = addends.iter().map(values).collect::<TractResult<TVec<_>>>()?;
        let image = values(image)?;
        let run = |output: ValuesMut<'_>| self.0.run(image, &addends, output, &workshop.crew);
        let tensor = match self.0.geometry().to_order {
            Order::Rounded => workshop.shelf.tensor(&self.shape(), |output| run(ValuesMut::Rounded(output)))?,
            Order::Planes | Order::Interleaved | Order::Bytes => {
                workshop.shelf.tensor(&self.shape(), |output| run(ValuesMut::Whole(output)))?
            }
        };
        Ok(tvec!(tensor.into_tvalue()))
    }
}

/// The values of a tensor.
fn values<'a>(plain: &PlainView<'a>) -> TractResult<Values<'a>> {
    Ok(match plain.datum_type() {
        DatumType::U16 => Values::Rounded(plain.as_slice()?),
        DatumType::U32 => Values::Bytes(plain.as_slice()?),
        _ => Values::Whole(plain.as_slice()?),
    })
}

impl TypedOp for FusedConv {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(match self.0.geometry().to_order {
            Order::Rounded => u16::fact(self.shape()),
            Order::Planes | Order::Interleaved | Order::Bytes => f32::fact(self.shape()),
        }))
    }

    as_op!();
}

/// Rounds interleaved values to [`Order::Rounded`], or makes them whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recast {
    Round,
    /// To so many channels.
    Widen(usize),
}

impl Recast {
    /// The shape of what becomes of a tensor of `shape`.
    pub fn shape(&self, shape: &[usize]) -> TVec<usize> {
        let (channels, sides) = shape.split_last().map_or((0, shape), |(channels, sides)| (*channels, sides));
        let unit = match self {
            Self::Round => Order::Rounded.unit(channels),
            Self::Widen(channels) => *channels,
        };
        sides.iter().copied().chain([unit]).collect()
    }
}

impl Op for Recast {
    fn name(&self) -> StaticName {
        "Recast".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Recast {
    not_out_of_plan!();

    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let workshop = context.shared.and_then(|shared| shared.get::<Workshop>()).context("no workshop")?;
        let input = args_1!(inputs);
        let plain = input.try_as_plain_ram()?;
        let shape = self.shape(input.shape());
        let units = [input.shape(), &shape].map(|shape| shape.last().copied().unwrap_or(1));
        let tensor = match self {
            Self::Round => {
                let (from, value) = (plain.as_slice()?, kernels::round);
                workshop.shelf.tensor(&shape, |to| widest(Refill { from, to, units, value }))?
            }
            Self::Widen(_) => {
                let (from, value) = (plain.as_slice()?, kernels::widen);
                workshop.shelf.tensor(&shape, |to| widest(Refill { from, to, units, value }))?
            }
        };
        Ok(tvec!(tensor.into_tvalue()))
    }
}

impl TypedOp for Recast {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let datum_type = match self {
            Self::Round => u16::datum_type(),
            Self::Widen(_) => f32::datum_type(),
        };
        let shape = inputs[0].shape.as_concrete().context("a tensor of open shape")?;
        Ok(tvec!(datum_type.fact(self.shape(shape))))
    }

    as_op!();
}

/// Makes every value of a slice another one.
struct Map<'a, A, B, F> {
    from: &'a [A],
    to: &'a mut [B],
    value: F,
}

impl<A: Copy, B, F: Fn(A) -> B> Loops for Map<'_, A, B, F> {
    /// As [`Shelf::tensor`] wants it.
    type Output = Result<(), String>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        self.to.iter_mut().zip(self.from).for_each(|(to, from)| *to = (self.value)(*from));
        Ok(())
    }
}

/// The same where pixels have other numbers of values after than before: what is missing becomes the default, what is too much is left out.
struct Refill<'a, A, B, F> {
    from: &'a [A],
    to: &'a mut [B],
    units: [usize; 2],
    value: F,
}

impl<A: Copy, B: Default, F: Fn(A) -> B + Copy> Loops for Refill<'_, A, B, F> {
    /// As [`Shelf::tensor`] wants it.
    type Output = Result<(), String>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { from, to, units: [before, after], value } = self;
        if before == after {
            return Map { from, to, value }.run();
        }
        for (from, to) in from.chunks_exact(before.max(1)).zip(to.chunks_exact_mut(after.max(1))) {
            to.iter_mut().skip(before).for_each(|to| *to = B::default());
            to.iter_mut().zip(from).for_each(|(to, from)| *to = value(*from));
        }
        Ok(())
    }
}

/// ReLU alone, as where a value is wanted with and without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rectify;

impl Op for Rectify {
    fn name(&self) -> StaticName {
        "Rectify".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Rectify {
    not_out_of_plan!();

    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let workshop = context.shared.and_then(|shared| shared.get::<Workshop>()).context("no workshop")?;
        let input = args_1!(inputs);
        let plain = input.try_as_plain_ram()?;
        let tensor = if input.datum_type() == u16::datum_type() {
            let from = plain.as_slice::<u16>()?;
            // The sign is the highest bit, as that of an integer is.
            let value = |value: u16| value.cast_signed().max(0).cast_unsigned();
            workshop.shelf.tensor(input.shape(), |to| widest(Map { from, to, value }))?
        } else {
            let from = plain.as_slice::<f32>()?;
            let value = |value: f32| value.max(0.0);
            workshop.shelf.tensor(input.shape(), |to| widest(Map { from, to, value }))?
        };
        Ok(tvec!(tensor.into_tvalue()))
    }
}

impl TypedOp for Rectify {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    as_op!();
}
