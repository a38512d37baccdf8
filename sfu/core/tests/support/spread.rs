//! A meeting over several workers, which tell each other without delay unless they are held back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use sfu_core::{
    CascadeControl, CascadeMessage, Certificate, Limits, Worker, WorkerConfig, WorkerId,
};
use sfu_core::{MediaCommand, MediaEvent, MediaReport};
use signaling_protocol::{ParticipantId, ReceiverVideoConstraint, RoomId, Source, Track};

use super::{Client, Datagram, Network, Slots};

pub(crate) struct Spread {
    pub(crate) now: Instant,
    pub(crate) workers: Vec<Worker>,
    pub(crate) clients: Vec<Client>,
    /// On which worker each client is.
    pub(crate) places: Vec<usize>,
    pub(crate) network: Network,
    pub(crate) events: Vec<MediaEvent>,
    pub(crate) room: RoomId,
    /// Holds back control messages between workers and merges them, as for a slow reader.
    pub(crate) held_back: bool,
    controls: BTreeMap<(usize, usize, RoomId), CascadeControl>,
    /// Packets and messages about rooms from one worker to another so far.
    pub(crate) packets: usize,
    pub(crate) messages: usize,
}

impl Spread {
    pub(crate) fn new(seed: u64, workers: usize) -> Self {
        Self::with_limits(seed, workers, Limits::default())
    }

    pub(crate) fn with_limits(seed: u64, workers: usize, limits: Limits) -> Self {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let now = Instant::now();
        let certificate = Certificate::generate().expect("a certificate");
        let worker = |number| {
            Worker::new(WorkerConfig {
                candidates: vec![server(number)],
                tcp_candidates: Vec::new(),
                certificate: certificate.clone(),
                limits,
                estimate_bandwidth: true,
            })
        };
        Self {
            now,
            workers: (0..workers).map(worker).collect(),
            clients: Vec::new(),
            places: Vec::new(),
            network: Network::new(ChaCha8Rng::seed_from_u64(seed)),
            events: Vec::new(),
            room: RoomId::from_bytes([7; 16]),
            held_back: false,
            controls: BTreeMap::new(),
            packets: 0,
            messages: 0,
        }
    }

    /// Tells every worker which others have participants of the room.
    pub(crate) fn span(&mut self, workers: &[usize]) {
        for number in 0..self.workers.len() {
            self.set_cascade_peers(number, workers);
        }
    }

    /// Tells one worker.
    pub(crate) fn set_cascade_peers(&mut self, worker: usize, span: &[usize]) {
        let here = span.contains(&worker);
        let others = span.iter().filter(|other| here && **other != worker);
        let others: Vec<WorkerId> = others.map(|other| WorkerId(*other as u16)).collect();
        self.workers[worker].set_cascade_peers(self.now, &self.room, &others);
        self.drain_workers();
    }

    /// A client joins on a worker, announces its tracks, and waits until it is connected.
    pub(crate) fn join(&mut self, worker: usize, slots: Slots, sources: &[Source]) -> usize {
        self.join_with(worker, slots, sources, false)
    }

    pub(crate) fn join_with(
        &mut self,
        worker: usize,
        slots: Slots,
        sources: &[Source],
        simulcast: bool,
    ) -> usize {
        let number = self.clients.len();
        let address = SocketAddr::from(([198, 51, 100, 1], 5_000 + number as u16));
        let id = ParticipantId(number as u32 + 1);
        let mut client = Client::new(self.now, id, address);
        client.simulcast = simulcast;
        let sdp = client.offer(slots);
        self.clients.push(client);
        self.places.push(worker);
        self.command(number, |room, participant| MediaCommand::Offer { room, participant, sdp });
        let answer = self.reports(number).into_iter().find_map(|report| {
            let MediaReport::Answer { sdp } = report else { return None };
            Some(sdp.clone())
        });
        self.clients[number].take_answer(&answer.expect("an answer"));
        let tracks: Vec<(Source, bool)> = sources.iter().map(|source| (*source, false)).collect();
        self.set_tracks(number, &tracks);
        self.run_until("the client to be connected", |s| s.clients[number].connected);
        number
    }

    /// Sets the tracks that a client publishes, and their mute state.
    pub(crate) fn set_tracks(&mut self, client: usize, tracks: &[(Source, bool)]) {
        let sender = &self.clients[client];
        let tracks = tracks
            .iter()
            .map(|(source, muted)| Track {
                mid: sender.mid(*source).to_string(),
                source: *source,
                muted: *muted,
            })
            .collect();
        self.command(client, |room, participant| MediaCommand::SetTracks {
            room,
            participant,
            tracks,
        });
    }

    /// The client shows these cameras of others, at these heights.
    pub(crate) fn constraint(&mut self, client: usize, heights: &[(usize, u16)]) {
        let constraints = heights.iter().map(|(of, height)| ReceiverVideoConstraint {
            participant: self.clients[*of].id,
            source: Source::Camera,
            height: *height,
            pinned: false,
        });
        let constraints = constraints.collect();
        self.command(client, |room, participant| MediaCommand::ReceiverVideoConstraints {
            room,
            participant,
            constraints,
        });
    }

    pub(crate) fn leave(&mut self, client: usize) {
        self.command(client, |room, participant| MediaCommand::Remove { room, participant });
        self.clients[client].gone = true;
    }

    fn command(
        &mut self,
        client: usize,
        command: impl FnOnce(RoomId, ParticipantId) -> MediaCommand,
    ) {
        let command = command(self.room.clone(), self.clients[client].id);
        self.workers[self.places[client]].handle_command(self.now, command);
        self.drain_workers();
    }

    /// Which encodings of its camera a client was last told to send.
    pub(crate) fn wanted(&self, client: usize) -> Vec<bool> {
        let told = self.reports(client).into_iter().rev().find_map(|report| {
            let MediaReport::SubscribedQuality(wanted) = report else { return None };
            Some(wanted.wanted.clone())
        });
        told.unwrap_or_else(|| vec![true; 3])
    }

    /// The reports about a client.
    pub(crate) fn reports(&self, client: usize) -> Vec<&MediaReport> {
        let id = self.clients[client].id;
        self.events.iter().filter(|e| e.participant == id).map(|e| &e.report).collect()
    }

    /// Every client sends what `send` says, every 20 ms, for a while.
    pub(crate) fn talk(&mut self, time: Duration, mut send: impl FnMut(&mut Self, u32)) {
        let rounds = time.as_millis() / 20;
        for round in 0..rounds {
            send(self, round as u32);
            self.run(Duration::from_millis(20));
        }
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

    fn step(&mut self, end: Instant) -> bool {
        let clients = self.clients.iter().filter_map(Client::timeout);
        let workers = self.workers.iter().filter_map(Worker::poll_timeout);
        let wake = clients.chain(workers).chain(self.network.next()).min();
        let Some(at) = wake.filter(|at| *at < end) else { return false };
        self.now = self.now.max(at);
        let now = self.now;
        while let Some(datagram) = self.network.pop(now) {
            let to_server =
                (0..self.workers.len()).find(|number| server(*number) == datagram.destination);
            if let Some(number) = to_server {
                let Datagram { source, destination, contents, .. } = datagram;
                self.workers[number].handle_datagram(now, source, destination, &contents);
            } else if let Some(client) =
                self.clients.iter_mut().find(|c| c.address == datagram.destination)
            {
                client.receive(now, &datagram);
            }
        }
        for worker in &mut self.workers {
            if worker.poll_timeout().is_some_and(|at| at <= now) {
                worker.handle_timeout(now);
            }
        }
        self.drain_workers();
        for client in &mut self.clients {
            client.handle_timeout(now);
            client.drain(now, &mut self.network);
        }
        true
    }

    /// Delivers what was held back, and everything from now on.
    pub(crate) fn deliver(&mut self) {
        self.held_back = false;
        for ((from, to, room), control) in std::mem::take(&mut self.controls) {
            let from = WorkerId(from as u16);
            self.workers[to].handle_cascade_control(self.now, from, &room, control);
        }
        self.drain_workers();
    }

    pub(crate) fn drain_workers(&mut self) {
        while self.relay() {}
        for worker in &mut self.workers {
            while let Some(transmit) = worker.poll_transmit() {
                for datagram in transmit.datagrams() {
                    self.network.send(
                        self.now,
                        transmit.source,
                        transmit.destination,
                        datagram.to_vec(),
                    );
                }
            }
            self.events.extend(std::iter::from_fn(|| worker.poll_event()));
        }
        // Saying goodbye to somebody may change what others are to be told.
        while self.relay() {}
    }

    /// Returns whether any message was delivered.
    fn relay(&mut self) -> bool {
        let mut told = false;
        for from in 0..self.workers.len() {
            while let Some((to, relay)) = self.workers[from].poll_cascade(self.now) {
                told = true;
                let to = usize::from(to.0);
                match relay {
                    CascadeMessage::Control(room, control) if self.held_back => {
                        self.controls.entry((from, to, room)).or_default().merge(control);
                    }
                    CascadeMessage::Control(room, control) => {
                        self.messages += 1;
                        let from = WorkerId(from as u16);
                        self.workers[to].handle_cascade_control(self.now, from, &room, control);
                    }
                    CascadeMessage::Packet(packet) => {
                        self.packets += 1;
                        self.workers[to].handle_cascade_packet(self.now, &packet);
                    }
                }
            }
        }
        told
    }
}

/// The address of a worker.
fn server(number: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 8_190 + number as u16))
}
