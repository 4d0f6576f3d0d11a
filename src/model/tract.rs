//! The engine: reads an ONNX graph, optimises it once, runs it node by node.
//!
//! With its submodules, the one place that names tract. Knows graphs, tensors and threads; knows nothing of stages, bundles or time.
//!
//! What becomes of a graph: tract infers every shape, rewrites the graph into simpler operators and folds constants (declutter);
//! convolutions become operators of our own (`lower`); tract lowers the rest to its kernels for this processor (optimise). The
//! result never changes and is shared by every [`Runner`]. A run evaluates the nodes one after another in a fixed order, drops each value
//! after its last use, and hands outputs on by reference count, so that nothing is copied between two graphs.
//!
//! Threads share out a single node (bands of a product, rows of an element-wise operator) and never split a sum, so that their number
//! does not change a result.

mod bounds;
mod check;
mod fused;
mod groups;
mod lower;
mod site;

use std::collections::HashSet;
use std::sync::Arc;

use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto, tensor_proto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::Cost;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::plan::{SimplePlan, eval};
use tract_onnx::tract_hir::internal::InferenceModelExt;

use super::Watch;
use super::info::TensorInfo;
use super::precision::Chosen;
use crate::caught::caught;
use crate::kernels::{self, Crew, Isa, Precision, ValuesMut};
use bounds::Bound;
use check::{check_numbers, check_operators};
use fused::{FusedConv, Shelf, Workshop};
pub(super) use lower::Ports;

/// The most threads a runner can have.
pub(super) const MAX_THREADS: usize = 256;

/// What is wrong with a graph.
#[derive(Debug)]
pub(super) enum GraphError {
    /// The file is not a graph that the engine can run.
    Unusable(String),
    /// An input or output is not what it must be.
    Tensor { tensor: String, expected: String, got: String },
}

/// A graph that is ready to run; immutable.
#[derive(Clone)]
pub(super) struct Graph {
    plan: Arc<TypedSimplePlan>,
    /// Inputs in the order [`Runner::run`] takes them.
    pub inputs: Vec<TensorInfo>,
    /// Outputs in the order [`Runner::run`] gives them.
    pub outputs: Vec<TensorInfo>,
    /// Multiply-accumulates of a run's convolutions and matrix products.
    pub macs: u64,
    /// Number of f32 values stored in the file as weights.
    pub parameters: u64,
}

impl Graph {
    /// Reads the bytes of an ONNX file and optimises the graph in it.
    ///
    /// Every input and output must be f32 with a static shape. A panic of the engine on a malformed graph becomes an error.
    /// Tensors of four sides will lie as `ports` says, or all in planes where our operators have nothing to give on this processor;
    /// [`inputs`](Self::inputs) and [`outputs`](Self::outputs) have the file's shapes nonetheless.
    ///
    /// Our convolutions multiply in the precision that was `chosen`; it is f32 for those that gain nothing.
    pub fn read(bytes: &[u8], ports: Ports, chosen: &Chosen) -> Result<Self, GraphError> {
        match chosen.isa() {
            // Without vector instructions that we have kernels for, tract's are the faster ones.
            Isa::Portable if !chosen.emulated => Self::read_with(bytes, Ports::PLANES, None),
            isa => Self::read_with(bytes, ports, Some((isa, chosen.precision))),
        }
    }

    /// The same, with our own operators where there are instructions and a precision for them.
    fn read_with(bytes: &[u8], ports: Ports, ours: Option<(Isa, Precision)>) -> Result<Self, GraphError> {
        let read = || Self::read_uncaught(bytes, ports, ours);
        catch(read).unwrap_or_else(|panic| Err(GraphError::Unusable(panic)))
    }

    fn read_uncaught(mut bytes: &[u8], ports: Ports, ours: Option<(Isa, Precision)>) -> Result<Self, GraphError> {
        let onnx = tract_onnx::onnx();
        let proto = onnx.proto_model_for_read(&mut bytes).map_err(unusable)?;
        check_operators(&proto)?;
        let (inputs, outputs) = tensor_names(&proto)?;
        let parameters = proto.graph.as_ref().map_or(0, parameters);
        let mut model = onnx.model_for_proto_model(&proto).map_err(unusable)?;
        let bound = Bound::of(&model);
        bound.infer(&mut model)?;
        let mut typed = model.into_typed().map_err(unusable)?;
        let facts = |outlets: &[OutletId], names: Vec<String>| -> Result<Vec<_>, GraphError> {
            let named = outlets.iter().zip(names);
            named.map(|(outlet, name)| tensor_info(name, typed.outlet_fact(*outlet).map_err(unusable)?)).collect()
        };
        let inputs = facts(&typed.inputs, inputs)?;
        let outputs = facts(&typed.outputs, outputs)?;
        bound.check_all(&typed)?;
        check_numbers(&typed)?;
        let macs = macs(&typed).map_err(unusable)?;
        if ours.is_some() {
            lower::mark(&mut typed).map_err(unusable)?;
        }
        typed.declutter().map_err(unusable)?;
        let lowered = lower::lower(&typed, ports, ours.unwrap_or((Isa::detect(), Precision::F32))).map_err(unusable)?;
        let optimized = lowered.into_optimized().map_err(unusable)?;
        let plan = SimplePlan::new(optimized).map_err(unusable)?;
        Ok(Self { plan, inputs, outputs, macs, parameters })
    }

    /// Multiply-accumulates of our convolutions that multiply in `precision`.
    pub fn macs_in(&self, precision: Precision) -> u64 {
        let nodes = self.plan.model().nodes().iter();
        let convs = nodes.filter_map(|node| node.op_as::<FusedConv>()).map(|fused| &fused.0);
        convs.filter(|conv| conv.precision() == precision).map(|conv| conv.geometry().macs() as u64).sum()
    }

    /// Zeros that lie as input `index` of a run has to.
    pub fn zeros(&self, index: usize) -> Result<Value, String> {
        let fact = self.plan.model().input_fact(index).map_err(brief)?;
        let shape = fact.shape.as_concrete().ok_or("an input of open shape")?;
        Tensor::zero_dt(fact.datum_type, shape).map(|tensor| Value(Arc::new(tensor))).map_err(brief)
    }

    /// Number of nodes, and of times a run asks its watch.
    pub fn nodes(&self) -> usize {
        self.plan.order_without_consts().len()
    }
}

/// The threads that runners share.
///
/// tract's own operators use a pool that sleeps between them; ours a crew, whose helpers look out for the next one for a moment.
#[derive(Clone)]
pub(super) struct Threads {
    executor: Executor,
    workshop: Workshop,
}

impl Threads {
    /// The caller's own thread for `count` 1; a pool of `count` threads that the caller waits for above.
    pub fn new(count: usize) -> Result<Self, String> {
        let executor = match count {
            1 => Executor::SingleThread,
            2..=MAX_THREADS => catch(|| Executor::multithread_with_name(count, "itnet-engine"))?,
            _ => return Err(format!("threads must be 1 to {MAX_THREADS}, got {count}")),
        };
        let crew = Crew::new(count).map_err(|error| format!("cannot start {count} threads: {error}"))?;
        Ok(Self { executor, workshop: Workshop { crew: Arc::new(crew), shelf: Arc::new(Shelf::default()) } })
    }

    /// Those of our operators.
    pub fn crew(&self) -> &Arc<Crew> {
        &self.workshop.crew
    }
}

/// Runs one graph again and again; keeps the memory for its values.
pub(super) struct Runner {
    state: TypedSimpleState,
    executor: Executor,
}

impl Runner {
    /// A runner of `graph` on `threads`.
    pub fn new(graph: &Graph, threads: &Threads) -> Result<Self, String> {
        let mut state = graph.plan.spawn().map_err(brief)?;
        state.turn_state.shared.insert(threads.workshop.clone());
        Ok(Self { state, executor: threads.executor.clone() })
    }

    /// Runs the graph on `inputs` and gives its outputs, or nothing where `watch`, asked before each node, said stop.
    ///
    /// The inputs are never changed. After a stop or an error the runner is as before.
    pub fn run(&mut self, inputs: impl Iterator<Item = Value>, watch: Watch<'_>) -> Result<Option<Outputs>, String> {
        let inputs = inputs.map(|value| value.0.into_tvalue()).collect();
        let mut stopped = false;
        let state = &mut self.state;
        let run = || {
            state.run_plan_with_eval(inputs, |context, op_state, node, values| {
                if watch() {
                    eval(context, op_state, node, values)
                } else {
                    stopped = true;
                    Err(TractError::msg("stopped"))
                }
            })
        };
        let result = multithread_tract_scope(self.executor.clone(), || catch(run));
        if let Ok(Ok(outputs)) = result {
            return Ok(Some(Outputs(outputs)));
        }
        // Without a first set of inputs there is nothing to reset, and tract would index past its empty table.
        if !self.state.turn_state.values.is_empty() {
            self.state.reset_turn().map_err(brief)?;
        }
        match result {
            _ if stopped => Ok(None),
            Ok(outcome) => outcome.map(|_| None).map_err(brief),
            Err(panic) => Err(panic),
        }
    }
}

/// The outputs of a run, in the graph's order.
pub(super) struct Outputs(TVec<TValue>);

impl Iterator for Outputs {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let left = !self.0.is_empty();
        left.then(|| Value::from_engine(self.0.remove(0)))
    }
}

/// A tensor of f32, of values rounded to bf16, or of an image's bytes; cheap to clone, clones share their values.
#[derive(Clone)]
pub(super) struct Value(Arc<Tensor>);

impl Value {
    fn from_engine(value: TValue) -> Self {
        Self(value.into_arc_tensor())
    }

    /// The values, row by row; they are f32.
    pub fn values(&self) -> Result<&[f32], String> {
        let plain = self.0.try_as_plain_ram().map_err(brief)?;
        plain.as_slice::<f32>().map_err(brief)
    }

    /// The values where they are rounded.
    fn rounded(&self) -> Option<&[u16]> {
        self.0.try_as_plain_ram().ok()?.as_slice::<u16>().ok()
    }

    /// `share` of the other's values and `1 - share` of these; both have the same shape.
    pub fn mixed(&self, other: &Self, share: f32) -> Result<Self, String> {
        if let (Some(mine), Some(others)) = (self.rounded(), other.rounded()) {
            let mixed: Vec<u16> = mine.iter().zip(others).map(|(mine, other)| mix(*mine, *other, share)).collect();
            return Tensor::from_shape(self.0.shape(), &mixed).map(|tensor| Self(Arc::new(tensor))).map_err(brief);
        }
        let pairs = self.values()?.iter().zip(other.values()?);
        let mixed: Vec<f32> = pairs.map(|(mine, other)| (1.0 - share) * mine + share * other).collect();
        Tensor::from_shape(self.0.shape(), &mixed).map(|tensor| Self(Arc::new(tensor))).map_err(brief)
    }

    /// The values, to be written. Where a clone shares them still, they are replaced by zeros of their own.
    pub fn values_mut(&mut self) -> Result<ValuesMut<'_>, String> {
        if Arc::get_mut(&mut self.0).is_none() {
            let zeros = Tensor::zero_dt(self.0.datum_type(), self.0.shape()).map_err(brief)?;
            self.0 = Arc::new(zeros);
        }
        let tensor = Arc::get_mut(&mut self.0).ok_or("a fresh tensor is shared")?;
        Ok(match tensor.datum_type() {
            DatumType::U16 => ValuesMut::Rounded(slice_mut(tensor)?),
            DatumType::U32 => ValuesMut::Bytes(slice_mut(tensor)?),
            _ => ValuesMut::Whole(slice_mut(tensor)?),
        })
    }
}

fn slice_mut<T: Datum>(tensor: &mut Tensor) -> Result<&mut [T], String> {
    let view = tensor.to_plain_array_view_mut::<T>().map_err(brief)?;
    view.into_slice().ok_or_else(|| "a tensor with gaps".to_owned())
}

/// The same of rounded values.
fn mix(mine: u16, other: u16, share: f32) -> u16 {
    kernels::round((1.0 - share) * kernels::widen(mine) + share * kernels::widen(other))
}

/// The names of the inputs and outputs, in the file's order.
///
/// Also refuses what tract would panic on (an output that nothing makes) and weights outside the file, which no hash covers.
fn tensor_names(proto: &ModelProto) -> Result<(Vec<String>, Vec<String>), GraphError> {
    let missing = || GraphError::Unusable("there is no graph in it".to_owned());
    let graph = proto.graph.as_ref().ok_or_else(missing)?;
    let weights: HashSet<&str> = graph.initializer.iter().map(|w| w.name.as_str()).collect();
    if let Some(weight) = graph.initializer.iter().find(|weight| is_external(weight)) {
        return Err(GraphError::Tensor {
            tensor: weight.name.clone(),
            expected: "weights inside the file".to_owned(),
            got: "weights in another file".to_owned(),
        });
    }
    let names = graph.input.iter().map(|input| &input.name);
    let inputs: Vec<String> = names.filter(|name| !weights.contains(name.as_str())).cloned().collect();
    let outputs: Vec<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let made = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
    let known: HashSet<&str> = made.chain(inputs.iter().map(String::as_str)).chain(weights).collect();
    if let Some(output) = outputs.iter().find(|output| !known.contains(output.as_str())) {
        return Err(GraphError::Tensor {
            tensor: output.clone(),
            expected: "made by a node".to_owned(),
            got: "made by none".to_owned(),
        });
    }
    Ok((unique(inputs)?, unique(outputs)?))
}

fn is_external(weight: &TensorProto) -> bool {
    weight.data_location == Some(tensor_proto::DataLocation::External as i32)
}

fn unique(names: Vec<String>) -> Result<Vec<String>, GraphError> {
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        None => Ok(names),
        Some(twice) => Err(GraphError::Tensor {
            tensor: twice.clone(),
            expected: "named once".to_owned(),
            got: "named twice".to_owned(),
        }),
    }
}

fn tensor_info(name: String, fact: &TypedFact) -> Result<TensorInfo, GraphError> {
    let shape = fact.shape.as_concrete();
    match shape {
        Some(shape) if fact.datum_type == f32::datum_type() => Ok(TensorInfo { name, shape: shape.to_vec() }),
        _ => Err(GraphError::Tensor {
            tensor: name,
            expected: "f32 of a static shape".to_owned(),
            got: format!("{:?} of shape {:?}", fact.datum_type, fact.shape),
        }),
    }
}

/// Multiply-accumulates of convolutions and matrix products, as tract states them.
///
/// tract gives element-wise operators a cost of this kind too; the word means what networks are compared by, so they are left out.
fn macs(model: &TypedModel) -> TractResult<u64> {
    let mut total = 0u64;
    for node in model.nodes() {
        if !(node.op_is::<Conv>() || node.op_is::<Deconv>() || node.op_is::<EinSum>()) {
            continue;
        }
        let facts = model.node_input_facts(node.id)?;
        for (cost, count) in node.op.cost(&facts)? {
            if matches!(cost, Cost::FMA(_)) {
                let count = count.to_i64().map_or(0, i64::unsigned_abs);
                total = total.saturating_add(count);
            }
        }
    }
    Ok(total)
}

fn parameters(graph: &GraphProto) -> u64 {
    let floats = |weight: &&TensorProto| weight.data_type == tensor_proto::DataType::Float as i32;
    let volume = |weight: &TensorProto| {
        let sides = weight.dims.iter().map(|side| side.unsigned_abs());
        sides.fold(1u64, u64::saturating_mul)
    };
    graph.initializer.iter().filter(floats).map(volume).fold(0, u64::saturating_add)
}

fn unusable(error: TractError) -> GraphError {
    GraphError::Unusable(brief(error))
}

/// The engine's words in one line of bounded length.
fn brief(error: TractError) -> String {
    one_line(&format!("{error:#}"))
}

fn one_line(text: &str) -> String {
    const LONGEST: usize = 300;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// Runs `work` of the engine; a panic becomes its message.
fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    caught(work).map_err(|words| format!("the engine panicked: {}", one_line(&words)))
}

#[cfg(test)]
mod tests;
