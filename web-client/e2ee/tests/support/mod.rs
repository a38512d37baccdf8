//! A simulated meeting: the real delivery log, a network that delays, loses and disconnects, and nodes
//! on a virtual clock.

#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic on what it does not expect"
)]

pub mod person;
mod schedule;
mod service;
pub mod symbolic;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use e2ee::endpoint::{Problem, ProblemCode, RejoinReason};
use mls_delivery::trace::Traced;
use mls_delivery::{Finality, Log};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signaling_protocol::{
    ClientMessage, Delta, HandshakeCount, Joined, LogEntry, LogEvent, LogMessage, LogPosition,
    MessageId, ParticipantId, ReceiveSlots, RoomId, RoomMessage, RoomSnapshot, Secret, Seq,
    ServerMessage, Submission, VERSION,
};

/// A participant's software, around a committer.
pub trait Node {
    fn handle(&mut self, message: ServerMessage, now_ms: u64);
    fn next_timeout(&self) -> Option<u64>;
    fn handle_timeout(&mut self, now_ms: u64);
    fn drain(&mut self) -> Vec<NodeOutput>;
    fn position(&self) -> LogPosition;
}

/// An output of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeOutput {
    Send(ClientMessage),
    Epoch(Epoch),
    Problem(Problem),
    Rejoin(RejoinReason),
}

/// The state that all members of an epoch share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    pub count: u64,
    /// Its keys, or their symbolic equivalent.
    pub secret: Vec<u8>,
    pub members: BTreeSet<ParticipantId>,
    pub code: String,
}

/// One participant and its connection.
pub struct Client<N> {
    pub node: N,
    pub participant: ParticipantId,
    pub connected: bool,
    /// Messages to the node, in order.
    pub inbox: VecDeque<ServerMessage>,
    /// Messages to the service, in order.
    pub outbox: VecDeque<ClientMessage>,
    pub epochs: BTreeMap<u64, Epoch>,
    pub problems: Vec<Problem>,
    pub rejoin: Option<RejoinReason>,
    /// Its predecessor, which its hello names.
    pub replaces: Option<ParticipantId>,
    /// `true` until the log says that it departed.
    pub present: bool,
    /// `true` if it neither reads nor acts.
    pub frozen: bool,
}

impl<N> Client<N> {
    pub fn last_epoch(&self) -> Option<&Epoch> {
        self.epochs.values().next_back()
    }

    pub fn has_problem(&self, code: ProblemCode) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }
}

/// A room with its service and its clients.
pub struct Meeting<N> {
    pub id: RoomId,
    pub log: Log,
    pub finality: Finality,
    pub now_ms: u64,
    pub clients: Vec<Client<N>>,
    pub rng: ChaCha8Rng,
    /// All entries that the log has accepted.
    pub history: Vec<LogEntry>,
    /// All submissions that reached the service.
    pub submissions: Vec<(ParticipantId, Submission)>,
    /// The steps of the service.
    pub trace: Vec<Traced>,
    /// Commits that were rejected, or whose senders departed.
    pub rejected: Vec<MessageId>,
    /// `true` if clear headers are checked, as the real service does.
    pub checks_headers: bool,
    next_participant: u32,
    agreed: BTreeMap<u64, Epoch>,
}

impl<N: Node> Meeting<N> {
    pub fn new(id: RoomId, now_ms: u64, seed: u64) -> Self {
        Self {
            id,
            log: Log::default(),
            finality: Finality::default(),
            now_ms,
            clients: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            history: Vec::new(),
            submissions: Vec::new(),
            trace: Vec::new(),
            rejected: Vec::new(),
            checks_headers: true,
            next_participant: 1,
            agreed: BTreeMap::new(),
        }
    }

    /// Adds a participant and returns its index.
    pub fn join(&mut self, node: N) -> usize {
        self.add_client(node, None)
    }

    fn add_client(&mut self, node: N, replaces: Option<ParticipantId>) -> usize {
        let participant = ParticipantId(self.next_participant);
        self.next_participant += 1;
        let position = self.log.position();
        self.trace.push(Traced::Came { participant, replaces, position });
        let joined = ServerMessage::Room(RoomMessage::Joined(Joined {
            version: VERSION,
            participant,
            resume_token: Secret(String::new()),
            seq: Seq(0),
            room: RoomSnapshot::default(),
            log: self.log.snapshot(),
            slots: ReceiveSlots { audio: 0, video: 0 },
        }));
        self.clients.push(Client {
            node,
            participant,
            connected: true,
            inbox: VecDeque::from([joined]),
            outbox: VecDeque::new(),
            epochs: BTreeMap::new(),
            problems: Vec::new(),
            rejoin: None,
            replaces,
            present: true,
            frozen: false,
        });
        self.clients.len() - 1
    }

    /// Reloads a client's page: it disconnects and rejoins as a new participant that replaces it.
    /// Returns the index of the new one.
    pub fn reload(&mut self, client: usize, node: N) -> usize {
        let successor = self.add_client(node, Some(self.clients[client].participant));
        self.disconnect(client);
        self.clients[client].frozen = true;
        successor
    }

    /// Declares a participant departed. Its client may be alive.
    pub fn depart(&mut self, client: usize) {
        self.clients[client].present = false;
        if let Some(prepared) = self.log.depart(self.clients[client].participant) {
            self.append(prepared);
        } else {
            // It is not in the log yet: only its socket is closed.
            self.disconnect(client);
            self.clients[client].frozen = true;
        }
    }

    /// Crashes a client, and declares its participant departed.
    pub fn crash(&mut self, client: usize) {
        self.disconnect(client);
        self.clients[client].frozen = true;
        self.depart(client);
    }

    /// Breaks a socket: the messages under way are lost in both directions.
    pub fn disconnect(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if matches!(client.inbox.front(), Some(ServerMessage::Room(RoomMessage::Joined(_)))) {
            // It never learned its participant id, so it cannot resume.
            client.present = false;
            client.frozen = true;
        }
        client.connected = false;
        client.inbox.clear();
        client.outbox.clear();
    }

    /// Reconnects a client, and delivers the entries that it missed.
    pub fn reconnect(&mut self, client: usize) {
        let position = self.clients[client].node.position();
        let participant = self.clients[client].participant;
        let missed = self.log.entries_after(position).expect("the tests stay within the limit");
        let missed: Vec<_> = missed.map(|one| one.for_participant(participant)).collect();
        let client = &mut self.clients[client];
        client.connected = true;
        client.inbox.push_back(ServerMessage::Room(RoomMessage::Resumed { seq: Seq(0) }));
        client.inbox.extend(missed.into_iter().map(delta));
        let question = self.finality.vote_request(participant);
        let question =
            question.map(|handshake| ServerMessage::Log(LogMessage::CommitPending { handshake }));
        client.inbox.extend(question);
    }

    /// Delivers the next message to a client. Returns `false` if there is none or it is frozen.
    pub fn deliver(&mut self, client: usize) -> bool {
        if self.clients[client].frozen {
            return false;
        }
        let Some(message) = self.clients[client].inbox.pop_front() else { return false };
        self.clients[client].node.handle(message, self.now_ms);
        self.collect_outputs(client);
        true
    }

    /// Calls a node and collects its outputs.
    pub fn with_node<T>(&mut self, client: usize, act: impl FnOnce(&mut N, u64) -> T) -> T {
        let done = act(&mut self.clients[client].node, self.now_ms);
        self.collect_outputs(client);
        done
    }

    /// Forks the log, as a lying server could: the clients from index `at` on get a copy of it.
    pub fn fork(&mut self, at: usize) -> Self {
        Self {
            id: self.id.clone(),
            log: self.log.clone(),
            finality: self.finality.clone(),
            now_ms: self.now_ms,
            clients: self.clients.split_off(at),
            rng: self.rng.clone(),
            history: self.history.clone(),
            submissions: Vec::new(),
            trace: Vec::new(),
            rejected: Vec::new(),
            checks_headers: self.checks_headers,
            next_participant: self.next_participant,
            agreed: self.agreed.clone(),
        }
    }

    fn collect_outputs(&mut self, client: usize) {
        for output in self.clients[client].node.drain() {
            let client = &mut self.clients[client];
            match output {
                NodeOutput::Send(message) => {
                    if client.connected {
                        client.outbox.push_back(message);
                    }
                }
                NodeOutput::Epoch(epoch) => {
                    assert!(client.rejoin.is_none(), "no keys after the end");
                    assert!(epoch.members.contains(&client.participant), "keys for members only");
                    let agreed = self.agreed.entry(epoch.count).or_insert_with(|| epoch.clone());
                    assert_eq!(*agreed, epoch, "members of an epoch agree on all of it");
                    client.epochs.insert(epoch.count, epoch);
                }
                NodeOutput::Problem(problem) => client.problems.push(problem),
                NodeOutput::Rejoin(reason) => client.rejoin = Some(reason),
            }
        }
        if self.clients[client].rejoin.is_some() {
            self.disconnect(client);
            self.clients[client].frozen = true;
        }
    }

    pub fn present(&self) -> impl Iterator<Item = &Client<N>> {
        self.clients.iter().filter(|client| client.present && client.rejoin.is_none())
    }

    /// Asserts that the members of the current epoch are exactly the present participants.
    pub fn assert_one_call(&self) {
        let present: BTreeSet<_> = self.present().map(|client| client.participant).collect();
        for client in self.present() {
            let epoch = client.last_epoch().unwrap_or_else(|| {
                panic!("participant {} is not in: {:?}", client.participant, client.problems)
            });
            assert_eq!(epoch.members, present, "participant {}", client.participant);
            assert_eq!(HandshakeCount(epoch.count), self.log.handshakes());
            assert_eq!(Some(epoch), self.agreed.get(&epoch.count));
        }
    }

    /// Returns the number of handshakes that the log has accepted.
    pub fn handshakes(&self) -> usize {
        let handshake = |entry: &&LogEntry| matches!(entry.event, LogEvent::Handshake(_));
        self.history.iter().filter(handshake).count()
    }
}

pub fn delta(entry: LogEntry) -> ServerMessage {
    ServerMessage::Room(RoomMessage::Delta { seq: Seq(0), delta: Delta::Log { entry } })
}

/// Returns 32 bytes that depend only on the seed.
pub fn bytes32(rng: &mut impl Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}
