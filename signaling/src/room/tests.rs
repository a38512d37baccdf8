//! A room with its clients, on a clock that the tests turn.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it waits for")]

mod disconnected;
mod finality;
mod hostile;
mod lobby;
mod log;
mod media;
mod mls;
mod places;
mod presence;
mod shutdown_notice;
mod slow;
mod tracks;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use signaling_protocol::{
    CommitVote, HandshakeCount, Joined, LogEntry, LogEvent, LogMessage, MessageId, Predecessor,
    Resume, RoomSnapshot, Secret, Seq, Snapshot, Source, Step, SubscribedQuality, VERSION,
};

use super::membership::PAGE_HIDE_WINDOW;
use super::*;
use crate::auth::Role;

const RESUME_WINDOW: Millis = 60_000;
const HEARTBEAT_TIMEOUT: Millis = 15_000;
const FULL: usize = 8;

/// The data with which a client resumes.
#[derive(Debug, Clone)]
struct Client {
    socket: SocketId,
    participant: ParticipantId,
    resume_token: Secret,
    /// Its answer to the hello.
    joined: Joined,
}

/// A room, what it has said to each socket, and a store that works or does not.
struct World {
    room: Room,
    now: Millis,
    store_works: bool,
    /// The refusal of the SFU for further participants.
    full: Option<Refusal>,
    sockets: u64,
    names: u64,
    inboxes: BTreeMap<SocketId, Vec<ServerMessage>>,
    closed: BTreeMap<SocketId, Refusal>,
    /// Closed without a word.
    dropped: BTreeSet<SocketId>,
    media: Vec<MediaCommand>,
    /// Members say at once that they can follow a commit; what they are asked is not heard.
    members_ack: bool,
    questions: Vec<(SocketId, MessageId)>,
}

impl World {
    fn new() -> Self {
        Self::with_log(Log::default())
    }

    fn with_log(log: Log) -> Self {
        let limits = RoomLimits {
            participants: FULL,
            slots: ReceiveSlots { audio: 2, video: 3 },
            resume_window: RESUME_WINDOW,
            heartbeat_timeout: HEARTBEAT_TIMEOUT,
        };
        Self {
            room: Room::new(id(), limits, log),
            now: 1_000,
            store_works: true,
            full: None,
            sockets: 0,
            names: 0,
            inboxes: BTreeMap::new(),
            closed: BTreeMap::new(),
            dropped: BTreeSet::new(),
            media: Vec::new(),
            members_ack: true,
            questions: Vec::new(),
        }
    }

    /// Does what the room task does between two inputs.
    fn settle(&mut self) {
        loop {
            if self.store_works {
                while let Some(prepared) = self.room.poll_append(self.now) {
                    self.room.appended(prepared, self.now);
                }
            }
            self.collect();
            if !self.answer() {
                return;
            }
        }
    }

    /// One try at a store that does not work.
    fn fail_to_store(&mut self) {
        let prepared = loop {
            if let Some(prepared) = self.room.poll_append(self.now) {
                break prepared;
            }
            self.collect();
            assert!(self.answer(), "something to store");
        };
        self.room.not_appended(&prepared);
        self.collect();
    }

    /// One member answers what it was asked.
    fn answer(&mut self) -> bool {
        let Some((socket, message_id)) = self.questions.pop() else { return false };
        let judge = ClientMessage::CommitVote { message_id, vote: CommitVote::Ack };
        self.room.handle_message(socket, judge, self.now);
        true
    }

    fn collect(&mut self) {
        while let Some(output) = self.room.poll_output() {
            match output {
                Output::Send {
                    to,
                    message: ServerMessage::Log(LogMessage::CommitPending { handshake }),
                } if self.members_ack => {
                    let id = || handshake.message_id.clone();
                    self.questions.extend(to.into_iter().map(|socket| (socket, id())));
                }
                Output::Send { to, message } => {
                    for socket in to {
                        assert!(!self.closed.contains_key(&socket), "{socket:?} is closed");
                        self.inboxes.entry(socket).or_default().push(message.clone());
                    }
                }
                Output::Close { socket, refusal } => {
                    let before = self.closed.insert(socket, refusal);
                    assert_eq!(before, None, "{socket:?} is closed twice");
                }
                Output::Drop { socket } => {
                    assert!(self.dropped.insert(socket), "{socket:?} is closed twice");
                }
                Output::Media(command) => self.media.push(command),
                Output::Trace(step) => panic!("nobody has asked for {step:?}"),
            }
        }
    }

    fn socket(&mut self) -> SocketId {
        self.sockets += 1;
        SocketId(self.sockets)
    }

    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    fn join(&mut self) -> Client {
        let (socket, token) = self.admit_or_queue(Role::Guest);
        self.let_in(socket, token)
    }

    /// Joins with a predecessor, valid or not.
    fn come_in_place(&mut self, participant: ParticipantId, token: &Secret) -> (SocketId, Secret) {
        let socket = self.socket();
        let resume_token = Secret(format!("token {}", socket.0));
        let predecessor = Predecessor { participant, resume_token: token.clone() };
        let (role, token, full) = (Role::Guest, resume_token.clone(), self.full.clone());
        self.room.admit_or_queue(
            JoinRequest { socket, role, token, full },
            Some(&predecessor),
            self.now,
        );
        self.settle();
        (socket, resume_token)
    }

    /// Asks to join, and is admitted or queued.
    fn admit_or_queue(&mut self, role: Role) -> (SocketId, Secret) {
        let socket = self.socket();
        let resume_token = Secret(format!("token {}", socket.0));
        let (token, full) = (resume_token.clone(), self.full.clone());
        self.room.admit_or_queue(JoinRequest { socket, role, token, full }, None, self.now);
        self.settle();
        (socket, resume_token)
    }

    /// Returns the client of a participant that was admitted.
    fn let_in(&mut self, socket: SocketId, resume_token: Secret) -> Client {
        let first = self.inboxes.get_mut(&socket).expect("an answer").remove(0);
        let ServerMessage::Room(RoomMessage::Joined(joined)) = first else {
            panic!("not let in: {first:?}")
        };
        Client { socket, participant: joined.participant, resume_token, joined }
    }

    /// Joins with a KeyPackage, so that the log knows it.
    fn join_with_key_package(&mut self) -> Client {
        let client = self.join();
        self.upload(&client);
        client
    }

    fn upload(&mut self, client: &Client) {
        let key_package = mls::key_package(client.participant.0);
        self.tell(client, ClientMessage::UploadKeyPackage { key_package });
    }

    /// Comes back on a new socket, with what it has seen.
    fn resume(&mut self, client: &Client, seq: Seq, position: LogPosition) -> SocketId {
        let resume = Resume {
            participant: client.participant,
            resume_token: client.resume_token.clone(),
            seq,
            position,
        };
        let socket = self.socket();
        self.room.resume(socket, &resume, self.now);
        self.settle();
        socket
    }

    fn tell(&mut self, client: &Client, message: ClientMessage) {
        self.room.handle_message(client.socket, message, self.now);
        self.settle();
    }

    fn heartbeat(&mut self, client: &Client, position: LogPosition) {
        self.tell(client, ClientMessage::Heartbeat { position });
    }

    /// Says something to the other members.
    fn say(&mut self, client: &Client) {
        let (created, handshakes) = (self.room.log.created(), self.handshakes());
        let message = mls::application(&id(), created, handshakes, 100);
        self.tell(client, ClientMessage::SendMessage { message });
    }

    fn break_socket(&mut self, client: &Client) {
        self.room.handle_closed(client.socket, self.now);
        self.settle();
    }

    /// Lets time pass, with every timeout at its moment.
    fn wait(&mut self, millis: Millis) {
        let until = self.now + millis;
        while let Some(due) = self.room.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.room.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
    }

    /// Lets time pass while these give signs of life. What echoes is not kept.
    fn wait_with(&mut self, clients: &[&Client], millis: Millis) {
        let until = self.now + millis;
        while self.now < until {
            self.wait((HEARTBEAT_TIMEOUT / 3).min(until - self.now));
            for client in clients {
                self.heartbeat(client, self.position());
                let inbox = self.inboxes.entry(client.socket).or_default();
                inbox.retain(|message| {
                    *message != ServerMessage::Control(ControlMessage::HeartbeatEcho)
                });
            }
        }
    }

    /// Takes the messages sent to a socket since the last call.
    fn heard(&mut self, socket: SocketId) -> Vec<ServerMessage> {
        self.inboxes.remove(&socket).unwrap_or_default()
    }

    fn deltas(&mut self, socket: SocketId) -> Vec<(Seq, Delta)> {
        let heard = self.heard(socket).into_iter();
        heard
            .filter_map(|message| match message {
                ServerMessage::Room(RoomMessage::Delta { seq, delta }) => Some((seq, delta)),
                _ => None,
            })
            .collect()
    }

    fn log_entries(&mut self, socket: SocketId) -> Vec<LogEvent> {
        let deltas = self.deltas(socket).into_iter();
        deltas
            .filter_map(|(_, delta)| match delta {
                Delta::Log { entry } => Some(entry.event),
                _ => None,
            })
            .collect()
    }

    /// The one refusal that a socket was told since the last look.
    fn refusal(&mut self, socket: SocketId) -> Refusal {
        let heard = self.heard(socket);
        let mut refusals = heard.into_iter().filter_map(|message| match message {
            ServerMessage::Control(ControlMessage::Refused { refusal }) => Some(refusal),
            _ => None,
        });
        let refusal = refusals.next().expect("a refusal");
        assert_eq!(refusals.next(), None, "one refusal");
        assert!(refusal.message.len() > 20, "a sentence: {refusal:?}");
        refusal
    }

    fn closing(&self, socket: SocketId) -> Option<RefusalCode> {
        self.closed.get(&socket).map(|refusal| refusal.code)
    }

    fn position(&self) -> LogPosition {
        self.room.log.position()
    }

    fn handshakes(&self) -> HandshakeCount {
        self.room.log.handshakes()
    }

    fn create(&mut self, by: &Client) {
        let submission = mls::create(by.participant, self.handshakes(), self.name());
        self.tell(by, ClientMessage::Submit(submission));
    }

    /// A commit to the newest epoch, as an honest member makes it.
    fn commit(&mut self, by: &Client, roster: &[ParticipantId]) {
        let expected = self.handshakes();
        self.commit_to(by, roster, expected);
    }

    fn commit_to(&mut self, by: &Client, roster: &[ParticipantId], expected: HandshakeCount) {
        let before = self.room.log.snapshot().roster;
        let adds = roster.iter().any(|one| !before.contains(one));
        let created = self.room.log.created();
        let submission = mls::commit(&id(), created, expected, roster, adds, self.name());
        self.tell(by, ClientMessage::Submit(submission));
    }

    /// A room with a group of two; nothing of it is left to read.
    fn with_two_members() -> (Self, Client, Client) {
        let mut world = Self::new();
        let a = world.join_with_key_package();
        world.create(&a);
        let b = world.join_with_key_package();
        world.commit(&a, &[a.participant, b.participant]);
        let position = world.position();
        for client in [&a, &b] {
            world.heartbeat(client, position);
            world.heard(client.socket);
        }
        assert_eq!(world.room.log.snapshot().roster, [a.participant, b.participant]);
        (world, a, b)
    }
}

fn id() -> RoomId {
    RoomId::from_bytes([7; 16])
}

fn track(source: Source, muted: bool) -> Track {
    Track { mid: format!("m{}", source as u8), source, muted }
}

fn is_commit(event: &LogEvent) -> Option<bool> {
    match event {
        LogEvent::Handshake(handshake) => match &handshake.step {
            Step::Commit { welcome, .. } => Some(welcome.is_some()),
            Step::Create => None,
        },
        LogEvent::Joined(_) | LogEvent::Departed { .. } => None,
    }
}
