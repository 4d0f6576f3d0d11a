//! Puts our own operators in the place of convolutions.
//!
//! Works on any graph: what our kernels can do becomes theirs, everything else stays tract's. First every convolution that fits is marked
//! ([`Site`]), then tract simplifies the graph, then the convolutions are rebuilt with what follows them ([`Group`]). Between our
//! operators values stay interleaved, and rounded where these read and write them so; where one of tract's stands in between, they are turned
//! around or made whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;

use super::fused::{FusedConv, Recast, Rectify};
use super::groups::{Group, enlarges, groups, rectified};
use super::site::Site;
use crate::kernels::{Addend, Conv, Geometry, Isa, Normalise, Order, Precision};

/// Input channels from which on it pays to interleave planes before a convolution.
const MANY_CHANNELS: usize = 8;

/// How the tensors of four sides lie where a graph meets others.
///
/// Inputs in planes lie rounded instead where something is rounded at all and only convolutions that can read them so do, and as bytes where they
/// are an image that only convolutions read that multiply bytes.
#[derive(Clone, Copy)]
pub(in crate::model) struct Ports {
    pub inputs: Order,
    pub outputs: Order,
    /// What an image among the inputs is of its bytes.
    pub image: Option<Normalise>,
}

impl Ports {
    /// As the file has them.
    pub const PLANES: Self = Self::new(Order::Planes, Order::Planes);

    /// Without an image.
    pub const fn new(inputs: Order, outputs: Order) -> Self {
        Self { inputs, outputs, image: None }
    }

    /// Whether anything is rounded at them.
    fn rounds(self) -> bool {
        [self.inputs, self.outputs].contains(&Order::Rounded)
    }
}

/// Marks the convolutions that our kernels can do; to be called before tract rewrites them.
pub(super) fn mark(model: &mut TypedModel) -> TractResult<()> {
    model.prop_consts()?;
    for id in model.eval_order()? {
        let node = model.node(id);
        if let Some(site) = Site::of(model, node)? {
            let patch = TypedModelPatch::replace_single_op(model, node, &node.inputs[..1], site)?;
            patch.apply(model)?;
        }
    }
    Ok(())
}

/// A graph of the same results, with our own operators in it, whose inputs and outputs of four sides lie as `ports` says.
pub(super) fn lower(model: &TypedModel, ports: Ports, kernels: (Isa, Precision)) -> TractResult<TypedModel> {
    let (groups, taken) = groups(model)?;
    let (isa, precision) = kernels;
    let target = TypedModel { symbols: model.symbols.clone(), ..TypedModel::default() };
    let rounds = ports.rounds();
    let mut adders: HashMap<OutletId, Vec<usize>> = HashMap::new();
    for group in groups.values() {
        group.addends.iter().for_each(|(addend, _)| adders.entry(*addend).or_default().push(group.site));
    }
    let places = HashMap::new();
    let mut lowering = Lowering { model, ports, rounds, isa, precision, taken, adders, target, places };
    for outlet in model.input_outlets()? {
        lowering.source(*outlet)?;
    }
    for id in model.eval_order()? {
        let node = model.node(id);
        if let Some(group) = groups.get(&id) {
            lowering.group(group, node)?;
        } else if !lowering.taken.contains(&id) && !model.inputs.contains(&OutletId::new(id, 0)) {
            lowering.other(node)?;
        }
    }
    let mut outputs = Vec::new();
    for outlet in model.output_outlets()? {
        let order = lowering.order(*outlet, ports.outputs)?;
        outputs.push(lowering.place(*outlet, order)?);
    }
    lowering.target.outputs = outputs;
    Ok(lowering.target)
}

struct Lowering<'a> {
    model: &'a TypedModel,
    ports: Ports,
    /// Whether values between convolutions are rounded where these can write and read them so.
    rounds: bool,
    isa: Isa,
    precision: Precision,
    /// Nodes that are ours: convolutions and what they take on themselves.
    taken: HashSet<usize>,
    /// The convolutions that add a value.
    adders: HashMap<OutletId, Vec<usize>>,
    target: TypedModel,
    /// Where each value is found in the target, by its order.
    places: HashMap<(OutletId, Order), OutletId>,
}

impl Lowering<'_> {
    fn source(&mut self, outlet: OutletId) -> TractResult<()> {
        let order = match self.order(outlet, self.ports.inputs)? {
            Order::Planes if self.is_only_read(outlet, Order::Bytes) => Order::Bytes,
            Order::Planes if self.is_only_read(outlet, Order::Rounded) => Order::Rounded,
            order => order,
        };
        let node = self.model.node(outlet.node);
        let mut fact = self.model.outlet_fact(outlet)?.clone();
        if order != Order::Planes {
            AxisOp::Move(1, 3).change_shape(&mut fact.shape, false)?;
        }
        if order == Order::Rounded {
            let shape = fact.shape.as_concrete().context("an input of open shape")?;
            fact = u16::fact(Recast::Round.shape(shape));
        }
        if order == Order::Bytes {
            fact.shape.set(3, 1.to_dim());
            fact.datum_type = u32::datum_type();
        }
        let source = self.target.add_source(&node.name, fact)?;
        self.places.insert((outlet, order), source);
        Ok(())
    }

    /// Whether all that reads the value are convolutions that can read it so.
    fn is_only_read(&self, outlet: OutletId, order: Order) -> bool {
        let reads = |user: &InletId| {
            let site = self.model.node(user.node).op_as::<Site>();
            site.is_some_and(|site| self.takes(site, &[], order, Order::Interleaved))
        };
        let users = self.users(outlet);
        !users.is_empty() && users.iter().all(reads) && !self.model.outputs.contains(&outlet)
    }

    /// Whether a convolution with such addends can read and write so, if anything is to be rounded, or there is an image.
    fn takes(&self, site: &Site, addends: &[Addend], from_order: Order, to_order: Order) -> bool {
        let addends = addends.to_vec();
        let geometry = Geometry { from_order, to_order, addends, ..site.geometry.clone() };
        match (from_order, &self.ports.image) {
            (Order::Bytes, None) => false,
            (Order::Bytes, Some(image)) => Conv::takes_bytes(&geometry, image, self.isa, self.precision),
            _ => self.rounds && Conv::takes_rounded(&geometry, self.isa, self.precision),
        }
    }

    /// A convolution with what follows it, which ends in `last`.
    fn group(&mut self, group: &Group, last: &TypedNode) -> TractResult<()> {
        let node = self.model.node(group.site);
        let site = node.op_as::<Site>().context("a group without a site")?;
        let outlet = OutletId::new(last.id, 0);
        let image = node.inputs[0];
        let mut addends = Vec::new();
        for (addend, shift) in &group.addends {
            let shape = self.model.outlet_fact(*addend)?.shape.as_concrete().context("an addend of open shape")?;
            addends.push(Addend { order: Order::Interleaved, size: [shape[2], shape[3]], shift: *shift });
        }
        let [from_order, to_order] = self.orders((site, &addends), image, outlet);
        let mut inputs = vec![self.place(image, from_order)?];
        for ((addend, _), Addend { order, .. }) in group.addends.iter().zip(&mut addends) {
            if to_order == Order::Rounded && self.is_there(*addend, Order::Rounded) {
                *order = Order::Rounded;
            }
            inputs.push(self.place(*addend, *order)?);
        }
        let geometry = Geometry { from_order, to_order, addends, relu: group.relu, ..site.geometry.clone() };
        let weights = site.weights.try_as_plain_ram()?;
        let bias = site.bias.try_as_plain_ram()?;
        let bias: Vec<f32> = bias.as_slice::<f32>()?.iter().cycle().take(geometry.outputs).copied().collect();
        let weights = weights.as_slice::<f32>()?;
        let conv = match &self.ports.image {
            Some(image) if from_order == Order::Bytes => Conv::of_bytes(geometry, weights, &bias, image, self.isa),
            _ => Conv::new(geometry, weights, &bias, self.isa, self.precision),
        };
        let conv = conv.map_err(TractError::msg)?;
        let fused = self.target.wire_node(&last.name, FusedConv(Arc::new(conv)), &inputs)?;
        self.places.insert((outlet, to_order), fused[0]);
        Ok(())
    }

    /// The orders in which a convolution reads its image and writes `outlet`.
    fn orders(&self, (site, addends): (&Site, &[Addend]), image: OutletId, outlet: OutletId) -> [Order; 2] {
        let takes = |from_order, to_order| self.takes(site, addends, from_order, to_order);
        let used = !self.users(outlet).is_empty();
        let to_order = if used || site.geometry.depthwise { Order::Interleaved } else { self.ports.outputs };
        let interleaved = [Order::Interleaved, Order::Rounded].iter().any(|order| self.is_there(image, *order));
        let from_order = if self.is_there(image, Order::Rounded) && takes(Order::Rounded, to_order) {
            Order::Rounded
        } else if self.is_there(image, Order::Bytes) {
            Order::Bytes
        } else if interleaved || site.geometry.inputs >= MANY_CHANNELS {
            Order::Interleaved
        } else {
            Order::Planes
        };
        match to_order {
            Order::Planes => [from_order, Order::Planes],
            _ if takes(from_order, Order::Rounded) && self.serves_rounded(outlet) => [from_order, Order::Rounded],
            _ => [from_order, Order::Interleaved],
        }
    }

    /// Whether nobody has to make the value whole again who reads it rounded.
    fn serves_rounded(&self, outlet: OutletId) -> bool {
        self.users(outlet).iter().all(|user| {
            let node = self.model.node(user.node);
            match node.op_as::<Site>() {
                Some(site) => self.takes(site, &[], Order::Rounded, Order::Interleaved),
                None if enlarges(node) => self.is_only_added(node) && self.is_added_rounded(outlet),
                None if self.taken.contains(&node.id) => self.is_added_rounded(outlet),
                // ReLU alone keeps what it is given.
                None => {
                    matches!(rectified(self.model, node), Ok(Some(_))) && self.serves_rounded(OutletId::new(node.id, 0))
                }
            }
        })
    }

    /// Whether the convolutions that add the value can add and write rounded ones; there is one.
    fn is_added_rounded(&self, outlet: OutletId) -> bool {
        let rounds = |adder: &usize| {
            let site = self.model.node(*adder).op_as::<Site>();
            site.is_some_and(|site| self.takes(site, &[], Order::Interleaved, Order::Rounded))
        };
        self.adders.get(&outlet).is_some_and(|adders| adders.iter().all(rounds))
    }

    /// Whether convolutions take all sums of what a node enlarges on themselves.
    fn is_only_added(&self, node: &TypedNode) -> bool {
        self.users(OutletId::new(node.id, 0)).iter().all(|user| {
            let user = self.model.node(user.node);
            let sum = !user.op_is::<Site>() && self.taken.contains(&user.id);
            sum || enlarges(user) && self.is_only_added(user)
        })
    }

    /// The nodes that read a value.
    fn users(&self, outlet: OutletId) -> &[InletId] {
        &self.model.node(outlet.node).outputs[outlet.slot].successors
    }

    fn is_there(&self, outlet: OutletId, order: Order) -> bool {
        self.places.contains_key(&(outlet, order))
    }

    /// A node that stays tract's.
    fn other(&mut self, node: &TypedNode) -> TractResult<()> {
        let rectified = rectified(self.model, node)?;
        for order in [Order::Rounded, Order::Interleaved] {
            if let Some(value) = rectified.and_then(|value| self.places.get(&(value, order))) {
                let outlet = self.target.wire_node(&node.name, Rectify, &[*value])?[0];
                self.places.insert((OutletId::new(node.id, 0), order), outlet);
                return Ok(());
            }
        }
        let order = if self.is_blind(node)? { Order::Interleaved } else { Order::Planes };
        let mut inputs = Vec::new();
        for input in &node.inputs {
            let order = if self.is_single(*input)? { Order::Planes } else { order };
            inputs.push(self.place(*input, order)?);
        }
        let outlets = self.target.wire_node(&node.name, node.op.clone(), &inputs)?;
        for (slot, outlet) in outlets.into_iter().enumerate() {
            self.places.insert((OutletId::new(node.id, slot), order), outlet);
        }
        Ok(())
    }

    /// Whether the node does the same to every value and finds them interleaved: order is nothing to it.
    fn is_blind(&self, node: &TypedNode) -> TractResult<bool> {
        if !node.op_is::<TypedBinOp>() && !node.op_is::<ElementWiseOp>() {
            return Ok(false);
        }
        let mut interleaved = 0;
        for input in &node.inputs {
            let single = self.is_single(*input)?;
            let interleaved_there =
                [Order::Interleaved, Order::Rounded].iter().any(|order| self.is_there(*input, *order));
            if !single && !interleaved_there {
                return Ok(false);
            }
            interleaved += usize::from(!single);
        }
        Ok(interleaved > 0)
    }

    /// Whether a value is a constant of one number, to which order is nothing.
    fn is_single(&self, outlet: OutletId) -> TractResult<bool> {
        Ok(self.model.outlet_fact(outlet)?.konst.as_ref().is_some_and(|value| value.len() == 1))
    }

    /// The order of a tensor at a port: `wanted` for one of four sides, otherwise as it is.
    fn order(&self, outlet: OutletId, wanted: Order) -> TractResult<Order> {
        Ok(if self.model.outlet_fact(outlet)?.rank() == 4 { wanted } else { Order::Planes })
    }

    /// Channels of a value of four sides.
    fn channels(&self, outlet: OutletId) -> TractResult<usize> {
        let shape = self.model.outlet_fact(outlet)?.shape.as_concrete().context("a value of open shape")?;
        Ok(shape.get(1).copied().unwrap_or_default())
    }

    /// The value in the target, turned around where it is only there in the other order.
    fn place(&mut self, outlet: OutletId, order: Order) -> TractResult<OutletId> {
        if let Some(place) = self.places.get(&(outlet, order)) {
            return Ok(*place);
        }
        let is_there = |order| self.is_there(outlet, order);
        let widen = Recast::Widen(self.channels(outlet)?);
        let name = |word: &str| format!("{}.{}.{word}", self.model.node(outlet.node).name, outlet.slot);
        let (other, op, name): (_, Box<dyn TypedOp>, _) = match order {
            Order::Rounded => (Order::Interleaved, Box::new(Recast::Round), name("rounded")),
            Order::Interleaved if is_there(Order::Rounded) => (Order::Rounded, Box::new(widen), name("whole")),
            Order::Interleaved if is_there(Order::Planes) => {
                (Order::Planes, Box::new(AxisOp::Move(1, 3)), name("interleaved"))
            }
            Order::Planes if is_there(Order::Interleaved) || is_there(Order::Rounded) => {
                (Order::Interleaved, Box::new(AxisOp::Move(3, 1)), name("planes"))
            }
            _ => bail!("a value before its node"),
        };
        let place = self.place(outlet, other)?;
        let turned = self.target.wire_node(name, op, &[place])?[0];
        self.places.insert((outlet, order), turned);
        Ok(turned)
    }
}
