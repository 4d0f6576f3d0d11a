//! Topics, graph and time through r2r.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use r2r::qos::{DurabilityPolicy, HistoryPolicy, ReliabilityPolicy};
use r2r::{PublisherUntyped, QosProfile};

use super::super::edge::{Edge, EdgeError, Publisher, RosTime, Subscription};
use super::super::qos::Endpoint;
use super::time::R2rTime;
use crate::qos::{Durability, History, Qos, Reliability};

/// A deadline as long as this is how the middleware says that there is none.
const ENDLESS: Duration = Duration::from_secs(1 << 31);

/// An r2r node, spun by one thread.
pub struct R2rEdge {
    pub(super) node: r2r::Node,
    /// Publishers whose last handle is gone: only this thread may destroy them.
    gone: Arc<Mutex<Vec<PublisherUntyped>>>,
    idle: Arc<Mutex<Vec<Stream>>>,
    time: Arc<R2rTime>,
}

impl R2rEdge {
    pub fn new(node: r2r::Node) -> Self {
        let time = Arc::new(R2rTime::new(node.get_ros_clock()));
        Self { node, gone: Arc::default(), idle: Arc::default(), time }
    }

    /// Waits for messages and requests, `longest` at most, and puts them where they are taken from.
    pub fn spin(&mut self, longest: Duration) {
        let gone = std::mem::take(&mut *lock(&self.gone));
        gone.into_iter().for_each(|publisher| self.node.destroy_publisher_untyped(publisher));
        self.node.spin_once(longest);
        // r2r ends a subscription when a message comes that nobody waits for any more.
        lock(&self.idle).retain_mut(|stream| stream.take().is_none());
    }

    /// A subscription that was given up and is silent: r2r has it still, and cannot end it before a message comes.
    fn reuse(&self, topic: &str, message_type: &str, qos: &Qos) -> Option<Stream> {
        let mut idle = lock(&self.idle);
        let fits = |s: &Stream| s.topic == topic && s.message_type == message_type && s.qos == *qos;
        let index = idle.iter().position(fits)?;
        Some(idle.swap_remove(index))
    }
}

impl Edge for R2rEdge {
    fn subscribe(&mut self, topic: &str, message_type: &str, qos: &Qos) -> Result<Box<dyn Subscription>, EdgeError> {
        let stream = match self.reuse(topic, message_type, qos) {
            Some(stream) => stream,
            None => {
                let messages = self.node.subscribe_raw(topic, message_type, profile(qos));
                let messages = messages.map_err(|error| refused("subscription", topic, message_type, &error))?.boxed();
                Stream { messages, topic: topic.to_owned(), message_type: message_type.to_owned(), qos: *qos }
            }
        };
        Ok(Box::new(Incoming { stream: Some(stream), idle: Arc::clone(&self.idle) }))
    }

    fn advertise(&mut self, topic: &str, message_type: &str, qos: &Qos) -> Result<Arc<dyn Publisher>, EdgeError> {
        let publisher = self.node.create_publisher_untyped(topic, message_type, profile(qos));
        let publisher = publisher.map_err(|error| refused("publisher", topic, message_type, &error))?;
        Ok(Arc::new(Outgoing { publisher: Mutex::new(publisher), gone: Arc::clone(&self.gone) }))
    }

    fn publishers_of(&self, topic: &str) -> Vec<Endpoint> {
        let infos = self.node.get_publishers_info_by_topic(topic, false).unwrap_or_default();
        infos
            .into_iter()
            .map(|info| Endpoint {
                node: format!("{}/{}", info.node_namespace.trim_end_matches('/'), info.node_name),
                type_name: info.topic_type,
                qos: qos_of(&info.qos_profile),
            })
            .collect()
    }

    fn time(&self) -> Arc<dyn RosTime> {
        self.time.clone()
    }

    fn use_sim_time(&mut self, on: bool) -> Result<(), EdgeError> {
        super::time::follow_clock(&mut self.node, on)
            .map_err(|error| refused("subscription", "/clock", "rosgraph_msgs/msg/Clock", &error))
    }
}

fn refused(what: &'static str, name: &str, of: &str, error: &r2r::Error) -> EdgeError {
    EdgeError { what, name: name.to_owned(), of: of.to_owned(), reason: error.to_string() }
}

/// The messages of a subscription, which r2r fills in while it spins.
struct Stream {
    messages: BoxStream<'static, Vec<u8>>,
    topic: String,
    message_type: String,
    qos: Qos,
}

impl Stream {
    fn take(&mut self) -> Option<Vec<u8>> {
        self.messages.next().now_or_never().flatten()
    }
}

/// A subscription that is given up when it is dropped.
struct Incoming {
    /// There until it is dropped.
    stream: Option<Stream>,
    idle: Arc<Mutex<Vec<Stream>>>,
}

impl Subscription for Incoming {
    fn take(&mut self) -> Option<Vec<u8>> {
        self.stream.as_mut()?.take()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        lock(&self.idle).extend(self.stream.take());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A publisher that gives itself back to the spinning thread when it is dropped.
struct Outgoing {
    publisher: Mutex<PublisherUntyped>,
    gone: Arc<Mutex<Vec<PublisherUntyped>>>,
}

impl Outgoing {
    /// A handle of our own: rcl's functions may run side by side, and nobody is to wait for a large message that another thread sends.
    fn handle(&self) -> PublisherUntyped {
        lock(&self.publisher).clone()
    }
}

impl Publisher for Outgoing {
    fn publish(&self, message: &[u8]) -> Result<(), String> {
        self.handle().publish_raw(message).map_err(|error| error.to_string())
    }

    fn subscribers(&self) -> usize {
        self.handle().get_inter_process_subscription_count().unwrap_or(0)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        lock(&self.gone).push(self.handle());
    }
}

/// Our QoS as r2r's; what we do not name stays the system's default.
fn profile(qos: &Qos) -> QosProfile {
    let profile = match qos.reliability {
        Reliability::Reliable => QosProfile::default().reliable(),
        Reliability::BestEffort => QosProfile::default().best_effort(),
    };
    let profile = match qos.durability {
        Durability::Volatile => profile.volatile(),
        Durability::TransientLocal => profile.transient_local(),
    };
    let profile = match qos.history {
        History::KeepLast(depth) => profile.keep_last(depth as usize),
        History::KeepAll => profile.keep_all(),
    };
    match qos.deadline {
        Some(deadline) => QosProfile { deadline, ..profile },
        None => profile,
    }
}

/// What the graph says of a publisher. Policies that it does not tell count as what is most common.
fn qos_of(profile: &QosProfile) -> Qos {
    let depth = u32::try_from(profile.depth).unwrap_or(u32::MAX);
    let has_deadline = !profile.deadline.is_zero() && profile.deadline < ENDLESS;
    Qos {
        reliability: match profile.reliability {
            ReliabilityPolicy::BestEffort => Reliability::BestEffort,
            _ => Reliability::Reliable,
        },
        durability: match profile.durability {
            DurabilityPolicy::TransientLocal => Durability::TransientLocal,
            _ => Durability::Volatile,
        },
        history: match profile.history {
            HistoryPolicy::KeepAll => History::KeepAll,
            _ => History::KeepLast(depth),
        },
        deadline: has_deadline.then_some(profile.deadline),
    }
}
