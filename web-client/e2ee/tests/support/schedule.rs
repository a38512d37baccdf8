//! Time and chance in a simulated meeting.

use mls_delivery::Decision;
use mls_delivery::trace::{Outcome, Traced};
use rand::RngExt;

use super::{Client, Meeting, Node};

impl<N: Node> Meeting<N> {
    /// Lets time pass, and fires the timers that are due.
    pub fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        let decision = self.finality.handle_timeout(self.now_ms);
        let decided = decision.as_ref().map(|decision| match decision {
            Decision::Final { submission, .. } => (submission.message_id.clone(), Outcome::Final),
            Decision::CommitRejected(message_id) => (message_id.clone(), Outcome::CommitRejected),
        });
        let decided = decided.map(|(message_id, outcome)| Traced::TimedOut { message_id, outcome });
        self.trace.extend(decided);
        self.apply_decision(decision);
        for client in 0..self.clients.len() {
            self.fire_timers(client);
        }
    }

    /// Fires the timers of one node that are due.
    pub fn fire_timers(&mut self, client: usize) {
        let now_ms = self.now_ms;
        let due = |client: &Client<N>| client.node.next_timeout().is_some_and(|due| due <= now_ms);
        if !self.clients[client].frozen && due(&self.clients[client]) {
            self.clients[client].node.handle_timeout(now_ms);
            self.collect_outputs(client);
        }
    }

    /// Delivers all messages under way, without time passing.
    pub fn deliver_all(&mut self) {
        loop {
            let mut moved = false;
            for client in 0..self.clients.len() {
                while self.deliver(client) {
                    moved = true;
                }
                while self.serve(client) {
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Delivers all messages and lets time pass, in the order of the timers.
    pub fn run(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        loop {
            self.deliver_all();
            let awake = self.clients.iter().filter(|client| !client.frozen);
            let timers = awake.filter_map(|client| client.node.next_timeout());
            let next = timers.chain(self.finality.poll_timeout()).min();
            match next {
                Some(next) if next <= end => self.advance(next.saturating_sub(self.now_ms)),
                Some(_) | None => break,
            }
        }
        self.now_ms = end;
    }

    /// Takes one random step of a faulty network.
    pub fn random_step(&mut self) {
        let Some(client) = self.random_client() else { return };
        match self.rng.random_range(0..100) {
            0..40 => {
                self.deliver(client);
            }
            40..80 => {
                self.serve(client);
            }
            80..90 => {
                let ms = [10, 400, 2_100][self.rng.random_range(0..3)];
                self.advance(ms);
            }
            90..95 => {
                if self.clients[client].connected {
                    self.disconnect(client);
                }
            }
            _ => {
                if !self.clients[client].connected {
                    self.reconnect(client);
                }
            }
        }
    }

    /// Returns a random client that is not frozen, if there is one.
    pub fn random_client(&mut self) -> Option<usize> {
        let awake: Vec<_> =
            (0..self.clients.len()).filter(|&one| !self.clients[one].frozen).collect();
        if awake.is_empty() {
            return None;
        }
        Some(awake[self.rng.random_range(0..awake.len())])
    }

    /// Reconnects all clients and runs until the meeting is at rest.
    pub fn recover(&mut self) {
        for client in 0..self.clients.len() {
            let lost = !self.clients[client].connected && !self.clients[client].frozen;
            if lost && self.clients[client].rejoin.is_none() {
                self.reconnect(client);
            }
        }
        self.run(60_000);
    }
}
