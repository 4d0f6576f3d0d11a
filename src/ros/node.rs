//! The node: parameters, lifecycle, cameras and the once-a-second reports, on whatever [`Edge`] it is given.
//!
//! Everything here happens on the thread that spins, and nothing of it waits: loading and inference have a thread of their own
//! ([`worker`](super::worker)). The edge calls [`pump`](Node::pump) after each spin, [`tick`](Node::tick) after that, and the other functions
//! for the requests that came.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::autostart::Autostart;
use super::bond::Bond;
use super::cameras::cameras;
use super::edge::{Edge, EdgeError, RosTime};
use super::event;
use super::lifecycle::{Lifecycle, State};
use super::name::NameError;
use super::network::{Loading, Network};
use super::output::{Making, Output, OutputError};
use super::parameters::ParameterServer;
use super::qos::{End, QosError, QosOverrides};
use super::remap::Names;
use super::reports::Reports;
use crate::clock::Clock;
use crate::mask::ClassMap;
use crate::message::{Message, ParameterEvent, TransitionEvent};
use crate::params::{ParameterError, Value};
use crate::qos::Qos;

mod transitions;

/// Takes whether a transition succeeded, once it is known.
pub type Reply = Box<dyn FnOnce(bool)>;

/// What is told where the network's thread has ended by itself.
const ENDED: &str = "the network's thread has ended";

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A name or a remap rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A parameter that was set at start.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// A QoS override.
    #[error(transparent)]
    Qos(#[from] QosError),
    /// An output that every node has.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The library refuses.
    #[error(transparent)]
    Edge(#[from] EdgeError),
}

/// The node.
pub struct Node {
    names: Names,
    server: ParameterServer,
    overrides: QosOverrides,
    lifecycle: Lifecycle,
    reply: Option<Reply>,
    autostart: Autostart,
    /// Why the last transition failed, or what broke since.
    failure: Option<String>,
    clock: Arc<dyn Clock>,
    time: Arc<dyn RosTime>,
    events: Output,
    transitions: Output,
    bond: Bond,
    reports: Reports,
    network: Option<Network>,
    /// Topics that are published, for overrides to be told that change nothing.
    published: RefCell<BTreeSet<String>>,
    bytes: Vec<u8>,
}

impl Node {
    /// A node of these names that is still unconfigured, with the parameters set at start.
    pub fn new(
        names: Names,
        set: Vec<(String, Value)>,
        clock: Arc<dyn Clock>,
        edge: &mut dyn Edge,
    ) -> Result<Self, NodeError> {
        let (server, unknown) = ParameterServer::new(set)?;
        for name in unknown {
            tracing::warn!("{}; it is ignored", server.unknown(&name));
        }
        let overrides = QosOverrides::parse(server.qos_overrides())?;
        let published = RefCell::default();
        let place = String::new();
        let mut making = Making { edge, names: &names, overrides: &overrides, topics: &published, place };
        let events = making.output("/parameter_events", ParameterEvent::TYPE.name, Qos::reliable(1000))?;
        let transitions = making.output("~/transition_event", TransitionEvent::TYPE.name, Qos::reliable(10))?;
        let bond = Bond::new(&mut making, names.node().name())?;
        let reports = Reports::new(&mut making, names.node().to_string(), clock.now())?;
        let time = making.edge.time();
        let cameras = cameras(server.parameters(), &names).unwrap_or_default();
        overrides.check(|topic, end| match end {
            End::Publisher => published.borrow().contains(topic) || names.is_below_node(topic),
            End::Subscription => cameras.iter().any(|camera| camera.image == topic || camera.info == topic),
        })?;
        Ok(Self {
            names,
            server,
            overrides,
            lifecycle: Lifecycle::new(),
            reply: None,
            autostart: Autostart::default(),
            failure: None,
            clock,
            time,
            events,
            transitions,
            bond,
            reports,
            network: None,
            published,
            bytes: Vec::new(),
        })
    }

    /// Tells the parameters and, with `autostart`, configures and activates.
    pub fn start(&mut self, edge: &mut dyn Edge) {
        let parameters = self.server.all();
        let new: Vec<(&str, &Value)> = parameters.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let told = event::parameter_event(self.time.now(), &self.full_name(), &new, &[]);
        self.events.send(&told, &mut self.bytes);
        if self.server.parameters().flag("use_sim_time")
            && let Err(error) = edge.use_sim_time(true)
        {
            tracing::error!("{error}; ages are taken from the machine's time");
        }
        if self.server.parameters().flag("autostart") {
            self.start_by_itself(edge);
        } else {
            tracing::info!(
                "unconfigured; waiting for a lifecycle manager, or `ros2 lifecycle set {} configure`",
                self.full_name()
            );
        }
    }

    /// The parameters, to be asked.
    pub fn parameters(&self) -> &ParameterServer {
        &self.server
    }

    /// The lifecycle, to be asked.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// Whether the node was shut down through its lifecycle.
    pub fn is_finalized(&self) -> bool {
        self.lifecycle.state() == State::Finalized
    }

    /// Sets parameters, each on its own; the answer to each is `Ok` or why not.
    pub fn set_parameters(
        &mut self,
        changes: Vec<(String, Option<Value>)>,
        edge: &mut dyn Edge,
    ) -> Vec<Result<(), String>> {
        let each = changes.into_iter();
        each.map(|(name, value)| self.set_parameters_atomically(vec![(name, value)], edge)).collect()
    }

    /// Sets all parameters or none; they hold from the next frame on.
    pub fn set_parameters_atomically(
        &mut self,
        changes: Vec<(String, Option<Value>)>,
        edge: &mut dyn Edge,
    ) -> Result<(), String> {
        self.check_class_map(&changes)?;
        let changed = self.server.set(changes).map_err(|error| error.to_string())?;
        let told: Vec<(&str, &Value)> = changed.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let told = event::parameter_event(self.time.now(), &self.full_name(), &[], &told);
        self.events.send(&told, &mut self.bytes);
        self.take_over(&changed, edge);
        Ok(())
    }

    fn take_over(&mut self, changed: &[(String, Value)], edge: &mut dyn Edge) {
        for (name, value) in changed {
            tracing::debug!("parameter {name} is {value}");
            if let ("use_sim_time", Value::Bool(on)) = (name.as_str(), value)
                && let Err(error) = edge.use_sim_time(*on)
            {
                tracing::error!("{error}; ages are taken from the time as before");
            }
        }
        let active = self.lifecycle.state() == State::Active;
        if let Some(network) = &mut self.network {
            network.set(self.server.parameters());
            // Masks bear other numbers from the next frame on.
            if active && changed.iter().any(|(name, _)| name == "class_remap") {
                network.tell_labels(self.server.parameters(), self.time.now());
            }
        }
    }

    /// How many classes there are is known once the model is.
    fn check_class_map(&self, changes: &[(String, Option<Value>)]) -> Result<(), String> {
        let classes = self.network.as_ref().and_then(Network::classes);
        let asked = changes.iter().rev().find(|(name, _)| name == "class_remap");
        match (classes, asked) {
            (Some(classes), Some((_, Some(Value::Integers(ids))))) => {
                ClassMap::new(ids, classes).map(drop).map_err(|error| format!("parameter `class_remap` takes {error}"))
            }
            _ => Ok(()),
        }
    }
}

/// What happens by itself.
impl Node {
    /// Hands the frames that came to the network.
    pub fn pump(&mut self) {
        let now = self.clock.now();
        if let Some(network) = &mut self.network {
            network.pump(now);
        }
    }

    /// Hears of the network's thread, starts again where that is due, and once a second tells how everything is.
    pub fn tick(&mut self, edge: &mut dyn Edge) {
        self.hear(edge);
        let now = self.clock.now();
        if self.autostart.is_due(now) {
            self.start_by_itself(edge);
        }
        self.keep_bond();
        if !self.reports.are_due(now) {
            return;
        }
        let stamp = self.time.now();
        let parameters = self.server.parameters();
        let active = self.lifecycle.state() == State::Active;
        if let Some(network) = self.network.as_mut().filter(|_| active) {
            network.tell_new_ones_labels(parameters, stamp);
        }
        let standing = (self.lifecycle.state(), self.failure.as_deref());
        self.reports.tell(standing, self.network.as_mut(), parameters, edge, (now, stamp));
    }

    fn hear(&mut self, edge: &mut dyn Edge) {
        let Some(network) = &mut self.network else { return };
        if self.lifecycle.state() == State::Configuring {
            match network.loading(self.server.parameters()) {
                Loading::UnderWay => (),
                Loading::Done => self.done(Ok(()), edge),
                Loading::Failed(reason) => self.done(Err(reason), edge),
            }
        } else if network.is_dead() {
            self.broken();
        }
    }

    fn keep_bond(&mut self) {
        self.bond.keep(self.lifecycle.state() == State::Active, self.clock.now(), self.time.now());
    }

    fn full_name(&self) -> String {
        self.names.node().to_string()
    }
}
