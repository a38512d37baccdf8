//! A worker and str0m clients on an in-memory network, in virtual time.
#![allow(dead_code, reason = "every test uses another part of it")]

pub(crate) mod client;
mod network;
pub(crate) mod spread;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use sfu_core::{Certificate, Limits, Worker, WorkerConfig};
use sfu_core::{MediaCommand, MediaEvent, MediaReport};
use signaling_protocol::{ParticipantId, ReceiverVideoConstraint, RoomId, Source, Track};

pub(crate) use client::Client;
pub(crate) use network::{Datagram, Network};

/// How many slots a client offers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    pub(crate) audio: usize,
    pub(crate) video: usize,
}

pub(crate) const FEW: Slots = Slots { audio: 2, video: 3 };

/// A worker, its clients and the network between them.
pub(crate) struct Meeting {
    pub(crate) now: Instant,
    pub(crate) worker: Worker,
    pub(crate) clients: Vec<Client>,
    pub(crate) network: Network,
    pub(crate) events: Vec<MediaEvent>,
    pub(crate) room: RoomId,
    pub(crate) server: SocketAddr,
}

impl Meeting {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    pub(crate) fn with_limits(seed: u64, limits: Limits) -> Self {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let now = Instant::now();
        let server = SocketAddr::from(([192, 0, 2, 1], 8190));
        let worker = Worker::new(WorkerConfig {
            candidates: vec![server],
            tcp_candidates: Vec::new(),
            certificate: Certificate::generate().expect("a certificate"),
            limits,
            estimate_bandwidth: true,
        });
        Self {
            now,
            worker,
            clients: Vec::new(),
            network: Network::new(ChaCha8Rng::seed_from_u64(seed)),
            events: Vec::new(),
            room: RoomId::from_bytes([7; 16]),
            server,
        }
    }

    /// Adds a client that has not offered yet.
    pub(crate) fn add(&mut self) -> usize {
        let number = self.clients.len();
        let address = SocketAddr::from(([198, 51, 100, 1], 5_000 + number as u16));
        let id = ParticipantId(number as u32 + 1);
        self.clients.push(Client::new(self.now, id, address));
        number
    }

    /// Adds a client, takes its offer to the worker, announces its tracks, and waits until it is
    /// connected.
    pub(crate) fn join(&mut self, slots: Slots, sources: &[Source]) -> usize {
        let client = self.add();
        self.offer(client, slots);
        self.announce(client, sources);
        self.run_until("the client to be connected", |m| m.clients[client].connected);
        client
    }

    pub(crate) fn offer(&mut self, client: usize, slots: Slots) {
        let sdp = self.clients[client].offer(slots);
        self.exchange(client, sdp);
    }

    /// Takes an offer to the worker, and the answer back.
    pub(crate) fn exchange(&mut self, client: usize, sdp: String) {
        let participant = self.clients[client].id;
        self.command(MediaCommand::Offer { room: self.room.clone(), participant, sdp });
        let reports = self.reports(client);
        let last = reports
            .iter()
            .rev()
            .find(|r| matches!(r, MediaReport::Answer { .. } | MediaReport::Refused { .. }));
        let Some(MediaReport::Answer { sdp: answer }) = last else {
            panic!("no answer: {last:?}");
        };
        let answer = answer.clone();
        self.clients[client].take_answer(&answer);
    }

    pub(crate) fn announce(&mut self, client: usize, sources: &[Source]) {
        let tracks: Vec<(Source, bool)> = sources.iter().map(|s| (*s, false)).collect();
        self.set_tracks(client, &tracks);
    }

    pub(crate) fn set_tracks(&mut self, client: usize, tracks: &[(Source, bool)]) {
        let client = &self.clients[client];
        let tracks = tracks
            .iter()
            .map(|(source, muted)| Track {
                mid: client.mid(*source).to_string(),
                source: *source,
                muted: *muted,
            })
            .collect();
        let participant = client.id;
        self.command(MediaCommand::SetTracks { room: self.room.clone(), participant, tracks });
    }

    /// The client shows these cameras of others, at these heights.
    pub(crate) fn constraint(&mut self, client: usize, heights: &[(usize, u16)]) {
        let constraints = heights.iter().map(|(of, height)| ReceiverVideoConstraint {
            participant: self.clients[*of].id,
            source: Source::Camera,
            height: *height,
            pinned: false,
        });
        let (constraints, participant) = (constraints.collect(), self.clients[client].id);
        self.command(MediaCommand::ReceiverVideoConstraints {
            room: self.room.clone(),
            participant,
            constraints,
        });
    }

    /// Which encodings of its camera a client was last told to send.
    pub(crate) fn wanted(&self, client: usize) -> Vec<bool> {
        let told = self.reports(client).into_iter().rev().find_map(|report| {
            let MediaReport::SubscribedQuality(wanted) = report else { return None };
            Some(wanted.wanted.clone())
        });
        told.unwrap_or_else(|| vec![true; 3])
    }

    pub(crate) fn leave(&mut self, client: usize) {
        let participant = self.clients[client].id;
        self.command(MediaCommand::Remove { room: self.room.clone(), participant });
        self.clients[client].gone = true;
    }

    pub(crate) fn command(&mut self, command: MediaCommand) {
        self.worker.handle_command(self.now, command);
        self.drain_worker();
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    pub(crate) fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(10);
        while !done(self) {
            assert!(self.step(end), "waited 10 s for {what}");
        }
    }

    /// Every client sends what `send` says, every 20 ms, for a while.
    pub(crate) fn talk(&mut self, time: Duration, mut send: impl FnMut(&mut Self, u32)) {
        let rounds = time.as_millis() / 20;
        for round in 0..rounds {
            send(self, round as u32);
            self.run(Duration::from_millis(20));
        }
    }

    /// Sends a datagram to the worker as if from `source`.
    pub(crate) fn inject(
        &mut self,
        source: SocketAddr,
        contents: &[u8],
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        self.drain_worker();
        self.worker.handle_datagram(self.now, source, self.server, contents);
        self.worker.handle_timeout(self.now);
        let mut replies = Vec::new();
        while let Some(transmit) = self.worker.poll_transmit() {
            replies.extend(transmit.datagrams().map(|d| (transmit.destination, d.to_vec())));
        }
        self.drain_worker();
        replies
    }

    /// The reports about a client.
    pub(crate) fn reports(&self, client: usize) -> Vec<&MediaReport> {
        let id = self.clients[client].id;
        self.events.iter().filter(|e| e.participant == id).map(|e| &e.report).collect()
    }

    fn step(&mut self, end: Instant) -> bool {
        let wake = self
            .clients
            .iter()
            .filter_map(Client::timeout)
            .chain(self.worker.poll_timeout())
            .chain(self.network.next())
            .min();
        let Some(at) = wake.filter(|at| *at < end) else { return false };
        self.now = self.now.max(at);
        let now = self.now;
        while let Some(datagram) = self.network.pop(now) {
            if datagram.destination == self.server {
                let Datagram { source, destination, contents, .. } = datagram;
                self.worker.handle_datagram(now, source, destination, &contents);
            } else if let Some(client) =
                self.clients.iter_mut().find(|c| c.address == datagram.destination)
            {
                client.receive(now, &datagram);
            }
        }
        if self.worker.poll_timeout().is_some_and(|at| at <= now) {
            self.worker.handle_timeout(now);
        }
        self.drain_worker();
        for client in &mut self.clients {
            client.handle_timeout(now);
            client.drain(now, &mut self.network);
        }
        true
    }

    fn drain_worker(&mut self) {
        while let Some(transmit) = self.worker.poll_transmit() {
            for datagram in transmit.datagrams() {
                self.network.send(
                    self.now,
                    transmit.source,
                    transmit.destination,
                    datagram.to_vec(),
                );
            }
        }
        while let Some(event) = self.worker.poll_event() {
            self.events.push(event);
        }
    }
}
