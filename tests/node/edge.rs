//! An edge without ROS: topics are queues in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use itnet::frame::Stamp;
use itnet::qos::Qos;
use itnet::ros::edge::{Edge, EdgeError, Publisher, RosTime, Subscription};
use itnet::ros::qos::Endpoint;
use itnet::ros::remap::Names;

type Queue = Arc<Mutex<VecDeque<Vec<u8>>>>;
type WeakQueue = Weak<Mutex<VecDeque<Vec<u8>>>>;

#[derive(Default)]
struct Board {
    sent: BTreeMap<String, Vec<Vec<u8>>>,
    /// Topics that a message waits for before it is sent.
    held: BTreeMap<String, Arc<Mutex<()>>>,
    /// The only topics with a subscriber; `None`: all have one.
    watched: Option<BTreeSet<String>>,
}

pub struct FakeEdge {
    /// Names are expanded and remapped by the library.
    names: Names,
    /// Topics that it subscribes to none of.
    pub refused: BTreeSet<String>,
    board: Arc<Mutex<Board>>,
    subscriptions: Vec<(String, Qos, WeakQueue)>,
    advertised: Vec<(String, Weak<()>)>,
    pub publishers: BTreeMap<String, Vec<Endpoint>>,
    /// ROS time; at first a little after the pictures' stamps.
    pub time: Arc<Mutex<Stamp>>,
}

pub fn endpoint(node: &str, type_name: &str, qos: Qos) -> Endpoint {
    Endpoint { node: node.to_owned(), type_name: type_name.to_owned(), qos }
}

impl FakeEdge {
    pub fn new(names: Names) -> Self {
        Self {
            names,
            refused: BTreeSet::new(),
            board: Arc::default(),
            subscriptions: Vec::new(),
            advertised: Vec::new(),
            publishers: BTreeMap::new(),
            time: Arc::new(Mutex::new(Stamp { sec: 7, nanosec: 20_000_000 })),
        }
    }

    /// Puts a message into every subscription of `topic`; there has to be one.
    #[track_caller]
    pub fn send(&mut self, topic: &str, message: Vec<u8>) {
        assert!(self.is_subscribed(topic), "nobody subscribes to {topic}");
        for (_, _, queue) in self.subscriptions.iter().filter(|(name, _, _)| name == topic) {
            if let Some(queue) = queue.upgrade() {
                queue.lock().unwrap().push_back(message.clone());
            }
        }
    }

    pub fn sent(&self, topic: &str) -> Vec<Vec<u8>> {
        self.board.lock().unwrap().sent.get(topic).cloned().unwrap_or_default()
    }

    /// Has whoever sends on `topic` wait as long as this is locked.
    pub fn hold(&mut self, topic: &str) -> Arc<Mutex<()>> {
        Arc::clone(self.board.lock().unwrap().held.entry(topic.to_owned()).or_default())
    }

    pub fn unsubscribe_all(&mut self) {
        self.board.lock().unwrap().watched = Some(BTreeSet::new());
    }

    pub fn watch(&mut self, topic: &str) {
        self.board.lock().unwrap().watched.get_or_insert_default().insert(topic.to_owned());
    }

    pub fn is_subscribed(&self, topic: &str) -> bool {
        self.subscribed_with(topic).is_some()
    }

    pub fn subscribed_with(&self, topic: &str) -> Option<Qos> {
        let live = self.subscriptions.iter().filter(|(_, _, queue)| queue.strong_count() > 0);
        live.filter(|(name, _, _)| name == topic).map(|(_, qos, _)| *qos).next_back()
    }

    pub fn is_advertised(&self, topic: &str) -> bool {
        self.advertised.iter().any(|(name, alive)| name == topic && alive.strong_count() > 0)
    }
}

impl Edge for FakeEdge {
    fn subscribe(&mut self, topic: &str, _message_type: &str, qos: &Qos) -> Result<Box<dyn Subscription>, EdgeError> {
        let topic = self.names.resolve(topic).expect("a name");
        if self.refused.contains(&topic) {
            return Err(EdgeError {
                what: "subscription",
                name: topic,
                of: String::new(),
                reason: "refused".to_owned(),
            });
        }
        let queue = Queue::default();
        self.subscriptions.push((topic, *qos, Arc::downgrade(&queue)));
        Ok(Box::new(Waiting(queue)))
    }

    fn advertise(&mut self, topic: &str, message_type: &str, _qos: &Qos) -> Result<Arc<dyn Publisher>, EdgeError> {
        if message_type.contains("debug_msgs") {
            let (name, of) = (topic.to_owned(), message_type.to_owned());
            return Err(EdgeError { what: "publisher", name, of, reason: "not installed".to_owned() });
        }
        let topic = self.names.resolve(topic).expect("a name");
        let alive = Arc::new(());
        self.advertised.push((topic.clone(), Arc::downgrade(&alive)));
        Ok(Arc::new(Pinned { topic, board: Arc::clone(&self.board), _alive: alive }))
    }

    fn publishers_of(&self, topic: &str) -> Vec<Endpoint> {
        self.publishers.get(topic).cloned().unwrap_or_default()
    }

    fn time(&self) -> Arc<dyn RosTime> {
        Arc::new(Still(Arc::clone(&self.time)))
    }

    fn use_sim_time(&mut self, _on: bool) -> Result<(), EdgeError> {
        Ok(())
    }
}

struct Waiting(Queue);

impl Subscription for Waiting {
    fn take(&mut self) -> Option<Vec<u8>> {
        self.0.lock().unwrap().pop_front()
    }
}

struct Pinned {
    topic: String,
    board: Arc<Mutex<Board>>,
    _alive: Arc<()>,
}

impl Publisher for Pinned {
    fn publish(&self, message: &[u8]) -> Result<(), String> {
        let held = self.board.lock().unwrap().held.get(&self.topic).cloned();
        let _waits = held.as_ref().map(|held| held.lock().unwrap());
        self.board.lock().unwrap().sent.entry(self.topic.clone()).or_default().push(message.to_vec());
        Ok(())
    }

    fn subscribers(&self) -> usize {
        let board = self.board.lock().unwrap();
        usize::from(board.watched.as_ref().is_none_or(|watched| watched.contains(&self.topic)))
    }
}

/// ROS time that stands still where it was put.
struct Still(Arc<Mutex<Stamp>>);

impl RosTime for Still {
    fn now(&self) -> Stamp {
        *self.0.lock().unwrap()
    }
}
