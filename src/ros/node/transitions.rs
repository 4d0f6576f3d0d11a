//! The node's transitions: what each of them does, and who hears of it.

use super::super::autostart::Autostart;
use super::super::edge::Edge;
use super::super::lifecycle::{Ending, Refused, Request, State, Transition};
use super::super::network::Network;
use super::super::output::Making;
use super::super::qos::End;
use super::{ENDED, Node, Reply};

impl Node {
    /// Configures, and activates once that is done.
    pub(super) fn start_by_itself(&mut self, edge: &mut dyn Edge) {
        self.autostart.begin();
        // It is inactive where only the activation failed.
        let inactive = self.lifecycle.state() == State::Inactive;
        let request = if inactive { Request::ACTIVATE } else { Request::CONFIGURE };
        self.change_state(request, Box::new(|_| ()), edge);
    }

    /// Starts a transition; `reply` learns how it ended.
    pub fn change_state(&mut self, request: Request<'_>, reply: Reply, edge: &mut dyn Edge) {
        match self.lifecycle.begin(request) {
            Ok(transition) => {
                self.autostart.leave_off();
                self.tell(&transition);
            }
            Err(refused) => {
                tracing::warn!("{refused}");
                return reply(false);
            }
        }
        self.reply = Some(reply);
        let done = match self.lifecycle.state() {
            State::Configuring => match self.configure(edge) {
                // The network's thread loads; `tick` hears of it.
                Ok(()) => return,
                Err(reason) => Err(reason),
            },
            State::Activating => self.activate(edge),
            State::Deactivating => {
                self.deactivate();
                Ok(())
            }
            _ => {
                self.network = None;
                Ok(())
            }
        };
        self.done(done, edge);
    }

    fn configure(&mut self, edge: &mut dyn Edge) -> Result<(), String> {
        let making = Making {
            edge,
            names: &self.names,
            overrides: &self.overrides,
            topics: &self.published,
            place: String::new(),
        };
        let network = Network::load(self.server.parameters(), making, &self.clock);
        self.network = Some(network.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn activate(&mut self, edge: &mut dyn Edge) -> Result<(), String> {
        let Some(network) = &mut self.network else {
            return Err("there is no network".to_owned());
        };
        network.listen(&self.overrides, edge, self.clock.now()).map_err(|error| error.to_string())?;
        network.tell_labels(self.server.parameters(), self.time.now());
        let published = self.published.borrow();
        let published = published.iter().map(|topic| (topic.as_str(), End::Publisher));
        let subscribed = network.subscribed().map(|topic| (topic, End::Subscription));
        for unused in self.overrides.unused(published.chain(subscribed)) {
            tracing::warn!("{unused}");
        }
        Ok(())
    }

    fn deactivate(&mut self) {
        if let Some(network) = &mut self.network {
            network.deafen();
        }
    }

    /// Ends the transition under way.
    pub(super) fn done(&mut self, done: Result<(), String>, edge: &mut dyn Edge) {
        let from = self.lifecycle.state();
        if let Err(reason) = &done {
            tracing::error!("{from}: {reason}");
            if from == State::Configuring {
                self.network = None;
            }
        }
        self.failure = done.as_ref().err().cloned();
        let success = done.is_ok();
        let finished = self.lifecycle.finish(if success { Ending::Success } else { Ending::Failure });
        self.finished(finished);
        self.go_on_by_itself(from, success);
        self.keep_bond();
        if let Some(reply) = self.reply.take() {
            reply(success);
        }
        if success && from == State::Configuring && self.autostart.is_under_way() {
            self.change_state(Request::ACTIVATE, Box::new(|_| ()), edge);
        }
    }

    /// Learns for a node that starts by itself what came of a transition.
    fn go_on_by_itself(&mut self, from: State, success: bool) {
        let now = self.clock.now();
        if !success && let Some(pause) = self.autostart.failed(now) {
            tracing::info!("started again in {} s", pause.as_secs());
        }
        if success && from == State::Activating {
            self.autostart.succeeded(now);
        }
    }

    fn finished(&mut self, finished: Result<Transition, Refused>) {
        match finished {
            Ok(transition) => {
                self.tell(&transition);
                tracing::info!("{}", transition.goal);
            }
            Err(refused) => tracing::error!("{refused}"),
        }
    }

    fn tell(&mut self, transition: &Transition) {
        let now = self.time.now();
        let nanos = u64::try_from(now.sec).unwrap_or(0) * 1_000_000_000 + u64::from(now.nanosec);
        self.transitions.send(&transition.event(nanos), &mut self.bytes);
    }

    /// Lets go of everything, from any state.
    pub fn shut_down(&mut self, edge: &mut dyn Edge) {
        if self.lifecycle.state().is_transition() {
            tracing::info!("{} is given up: the node ends", self.lifecycle.state());
            self.network = None;
            self.autostart = Autostart::default();
            let finished = self.lifecycle.finish(Ending::Failure);
            self.finished(finished);
            self.reply.take().into_iter().for_each(|reply| reply(false));
        }
        if !self.is_finalized() {
            self.change_state(Request::SHUTDOWN, Box::new(|_| ()), edge);
        }
    }

    /// The network's thread has ended by itself: what is left is thrown away, and the node can be configured again. Where it started by itself, it does so.
    pub(super) fn broken(&mut self) {
        match self.autostart.broke(self.clock.now()) {
            Some(pause) => tracing::error!("{ENDED}; the node is started again in {} s", pause.as_secs()),
            None => tracing::error!("{ENDED}; the node is unconfigured until it is configured again"),
        }
        self.failure = Some(ENDED.to_owned());
        self.network = None;
        let leave = if self.lifecycle.state() == State::Active { Request::DEACTIVATE } else { Request::CLEANUP };
        for step in
            [self.lifecycle.begin(leave), self.lifecycle.finish(Ending::Error), self.lifecycle.finish(Ending::Success)]
        {
            self.finished(step);
        }
        self.keep_bond();
    }
}
