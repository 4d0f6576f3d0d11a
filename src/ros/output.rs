//! One output topic, and how outputs are made: names resolved, the user's QoS in force.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::edge::{Edge, EdgeError, Publisher};
use super::name::NameError;
use crate::message::{self, Message};
use crate::qos::Qos;

/// A topic that is published.
pub struct Output {
    topic: String,
    message_type: &'static str,
    publisher: Arc<dyn Publisher>,
    told: bool,
}

impl Output {
    /// Whether somebody subscribes.
    pub fn is_wanted(&self) -> bool {
        self.publisher.subscribers() > 0
    }

    /// Another handle to the publisher.
    pub fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::clone(&self.publisher)
    }

    /// The type that was found to be installed.
    pub fn message_type(&self) -> &'static str {
        self.message_type
    }

    /// Encodes a message into `bytes` and sends it. A failure is told once.
    pub fn send<T: Message + Serialize>(&mut self, message: &T, bytes: &mut Vec<u8>) {
        let sent = message::encode(message, bytes).map_err(|error| error.to_string());
        if let Err(reason) = sent.and_then(|()| self.publisher.publish(bytes))
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
    /// The full name of an output such as `mask`.
    pub name: &'a dyn Fn(&str) -> Result<String, NameError>,
    /// The QoS of a topic: what is asked for, unless the user overrides it.
    pub qos: &'a dyn Fn(&str, Qos) -> Qos,
    /// Takes note of every topic that is published.
    pub topics: &'a RefCell<BTreeSet<String>>,
}

impl Making<'_> {
    /// An output of `message_type` on the topic `name`.
    pub fn output(&mut self, name: &str, message_type: &'static str, qos: Qos) -> Result<Output, OutputError> {
        let topic = (self.name)(name)?;
        let qos = (self.qos)(&topic, qos);
        let publisher = self.edge.advertise(&topic, message_type, &qos)?;
        self.topics.borrow_mut().insert(topic.clone());
        Ok(Output { topic, message_type, publisher, told: false })
    }

    /// Lets `make` make the outputs of a camera: `mask` is `~/mask`, or `~/front/mask` for the camera `front`.
    pub fn below<T>(&mut self, camera: &str, make: impl FnOnce(&mut Making<'_>) -> T) -> T {
        let place = if camera.is_empty() { "~".to_owned() } else { format!("~/{camera}") };
        let outer = self.name;
        let name = |topic: &str| outer(&format!("{place}/{topic}"));
        make(&mut Making { edge: self.edge, name: &name, qos: self.qos, topics: self.topics })
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
