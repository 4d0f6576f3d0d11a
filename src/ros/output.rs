//! One output topic, and how outputs are made: names resolved, the user's QoS in force.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::edge::{Edge, EdgeError, Publisher};
use super::name::NameError;
use super::qos::{End, QosOverrides};
use super::remap::Names;
use crate::message::{self, Message, MessageError};
use crate::qos::{Durability, Qos};

/// A topic that is published.
pub struct Output {
    topic: String,
    message_type: &'static str,
    demand: Demand,
    told: bool,
}

/// Whether somebody gets what is sent on a topic, to be asked from any thread.
#[derive(Clone)]
pub struct Demand {
    publisher: Arc<dyn Publisher>,
    /// Whether messages are kept for who subscribes later.
    keeps: bool,
}

impl Demand {
    /// Whether somebody subscribes, or may get it later.
    pub fn is_there(&self) -> bool {
        self.keeps || self.publisher.subscribers() > 0
    }
}

impl Output {
    /// How many subscriptions of other processes there are.
    pub fn subscribers(&self) -> usize {
        self.demand.publisher.subscribers()
    }

    /// Whether somebody subscribes, or may get it later.
    pub fn is_wanted(&self) -> bool {
        self.demand.is_there()
    }

    /// The same, to be asked elsewhere.
    pub fn demand(&self) -> Demand {
        self.demand.clone()
    }

    /// The type that was found to be installed.
    pub fn message_type(&self) -> &'static str {
        self.message_type
    }

    /// Encodes a message into `bytes` and sends it. A failure is told once.
    pub fn send<T: Message + Serialize>(&mut self, message: &T, bytes: &mut Vec<u8>) {
        let encoded = message::encode(message, bytes);
        self.send_bytes(encoded.map(|()| bytes.as_slice()));
    }

    /// Sends a message that is encoded already. A failure, of that or of this, is told once.
    pub fn send_bytes(&mut self, encoded: Result<&[u8], MessageError>) {
        let encoded = encoded.map_err(|error| error.to_string());
        if let Err(reason) = encoded.and_then(|bytes| self.demand.publisher.publish(bytes))
            && !std::mem::replace(&mut self.told, true)
        {
            tracing::warn!("{}: cannot be published: {reason} (said once)", self.topic);
        }
    }
}

/// Why an output cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Its name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The library refuses.
    #[error(transparent)]
    Edge(#[from] EdgeError),
}

/// What is needed to make outputs.
pub struct Making<'a> {
    /// The library.
    pub edge: &'a mut dyn Edge,
    /// What topics are remapped to.
    pub names: &'a Names,
    /// What the user says of their QoS.
    pub overrides: &'a QosOverrides,
    /// Takes note of every topic that is published.
    pub topics: &'a RefCell<BTreeSet<String>>,
    /// What names stand below, such as `~`; empty for names as they are.
    pub place: String,
}

impl Making<'_> {
    /// An output of `message_type` on the topic `name`.
    pub fn output(&mut self, name: &str, message_type: &'static str, qos: Qos) -> Result<Output, OutputError> {
        // The library remaps what it is given; what it makes of it is for overrides and for people.
        let asked = if self.place.is_empty() { name.to_owned() } else { format!("{}/{name}", self.place) };
        let topic = self.names.resolve(&asked)?;
        let qos = self.overrides.of(&topic, End::Publisher, qos);
        let publisher = self.edge.advertise(&asked, message_type, &qos)?;
        self.topics.borrow_mut().insert(topic.clone());
        let demand = Demand { publisher, keeps: qos.durability == Durability::TransientLocal };
        Ok(Output { topic, message_type, demand, told: false })
    }

    /// Makes the outputs of a camera: `mask` is `~/mask`, or `~/front/mask` for the camera `front`.
    pub fn below(&mut self, camera: &str) -> Making<'_> {
        let place = if camera.is_empty() { "~".to_owned() } else { format!("~/{camera}") };
        Making { edge: self.edge, names: self.names, overrides: self.overrides, topics: self.topics, place }
    }

    /// An output of a type that need not be installed; without it, a warning and nothing.
    pub fn optional(
        &mut self,
        name: &str,
        message_type: &'static str,
        qos: Qos,
    ) -> Result<Option<Output>, OutputError> {
        match self.output(name, message_type, qos) {
            Ok(output) => Ok(Some(output)),
            Err(OutputError::Edge(error)) => {
                tracing::warn!("{error}; the node goes on without it");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
