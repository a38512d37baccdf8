//! A meeting in a test: the real delivery log, a network that delays, loses and breaks, and nodes
//! on a virtual clock.

#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may say what it takes for granted"
)]

pub mod person;
pub mod symbolic;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use e2ee::endpoint::{Problem, ProblemCode, RejoinReason};
use mls_delivery::trace::{Outcome, Traced};
use mls_delivery::{Decision, Finality, Log, Opened, Submitted, inspect};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, HandshakeCount, Joined, LogEntry, LogEvent, LogMessage,
    LogPosition, MessageId, Opaque, ParticipantId, ReceiveSlots, Refusal, RoomId, RoomMessage,
    RoomSnapshot, Secret, Seq, ServerMessage, Submission, VERSION,
};

/// Something with a committer inside.
pub trait Node {
    fn handle(&mut self, message: ServerMessage, now_ms: u64);
    fn next_timeout(&self) -> Option<u64>;
    fn handle_timeout(&mut self, now_ms: u64);
    fn drain(&mut self) -> Vec<Happening>;
    fn position(&self) -> LogPosition;
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    Send(ClientMessage),
    Epoch(Epoch),
    Problem(Problem),
    Rejoin(RejoinReason),
}

/// What members of an epoch agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    pub count: u64,
    /// Whatever stands for its keys.
    pub secret: Vec<u8>,
    pub members: BTreeSet<ParticipantId>,
    pub code: String,
}

/// One participant and its connection.
pub struct Seat<N> {
    pub node: N,
    pub participant: ParticipantId,
    pub connected: bool,
    /// To the node, in order.
    pub inbox: VecDeque<ServerMessage>,
    /// To the server, in order.
    pub outbox: VecDeque<ClientMessage>,
    pub epochs: BTreeMap<u64, Epoch>,
    pub problems: Vec<Problem>,
    pub rejoin: Option<RejoinReason>,
    /// Whose place it takes, by its hello.
    pub replaces: Option<ParticipantId>,
    /// Takes part, as far as the log knows.
    pub present: bool,
    /// Neither reads nor acts.
    pub frozen: bool,
}

impl<N> Seat<N> {
    pub fn last_epoch(&self) -> Option<&Epoch> {
        self.epochs.values().next_back()
    }

    pub fn has_problem(&self, code: ProblemCode) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }
}

/// A room with its server.
pub struct Meeting<N> {
    pub id: RoomId,
    pub log: Log,
    pub finality: Finality,
    pub now_ms: u64,
    pub seats: Vec<Seat<N>>,
    pub rng: ChaCha8Rng,
    /// Everything that the log has taken.
    pub history: Vec<LogEntry>,
    /// Every submission that came to the server.
    pub submissions: Vec<(ParticipantId, Submission)>,
    /// What the service did.
    pub trace: Vec<Traced>,
    /// Commits that nobody could follow, or whose senders were gone.
    pub dropped: Vec<MessageId>,
    /// Whether the clear headers are looked at, as the service does.
    pub inspects: bool,
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
            seats: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            history: Vec::new(),
            submissions: Vec::new(),
            trace: Vec::new(),
            dropped: Vec::new(),
            inspects: true,
            next_participant: 1,
            agreed: BTreeMap::new(),
        }
    }

    /// Somebody joins; its index.
    pub fn join(&mut self, node: N) -> usize {
        self.come(node, None)
    }

    fn come(&mut self, node: N, replaces: Option<ParticipantId>) -> usize {
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
        self.seats.push(Seat {
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
        self.seats.len() - 1
    }

    /// A page is loaded anew: whoever was at that seat is gone without a word, and comes back as
    /// somebody new in its place.
    pub fn reload(&mut self, seat: usize, node: N) -> usize {
        let successor = self.come(node, Some(self.seats[seat].participant));
        self.disconnect(seat);
        self.seats[seat].frozen = true;
        successor
    }

    /// The server gives somebody up; it may be alive.
    pub fn depart(&mut self, seat: usize) {
        self.seats[seat].present = false;
        if let Some(prepared) = self.log.depart(self.seats[seat].participant) {
            self.append(prepared);
        } else {
            // Not in the log yet: its socket is closed, and that is all.
            self.disconnect(seat);
            self.seats[seat].frozen = true;
        }
    }

    /// Somebody crashes, and the server notices.
    pub fn crash(&mut self, seat: usize) {
        self.disconnect(seat);
        self.seats[seat].frozen = true;
        self.depart(seat);
    }

    /// A socket breaks: whatever is under way is lost, both ways.
    pub fn disconnect(&mut self, seat: usize) {
        let seat = &mut self.seats[seat];
        if matches!(seat.inbox.front(), Some(ServerMessage::Room(RoomMessage::Joined(_)))) {
            // It never learnt who it is, and cannot come back as that.
            seat.present = false;
            seat.frozen = true;
        }
        seat.connected = false;
        seat.inbox.clear();
        seat.outbox.clear();
    }

    /// A socket comes back, and the missed entries with it.
    pub fn reconnect(&mut self, seat: usize) {
        let position = self.seats[seat].node.position();
        let participant = self.seats[seat].participant;
        let missed = self.log.entries_after(position).expect("the tests stay within the limit");
        let missed: Vec<_> = missed.map(|one| one.for_participant(participant)).collect();
        let seat = &mut self.seats[seat];
        seat.connected = true;
        seat.inbox.push_back(ServerMessage::Room(RoomMessage::Resumed { seq: Seq(0) }));
        seat.inbox.extend(missed.into_iter().map(delta));
        let question = self.finality.question(participant);
        let question =
            question.map(|handshake| ServerMessage::Log(LogMessage::CommitPending { handshake }));
        seat.inbox.extend(question);
    }

    /// One message reaches a node.
    pub fn deliver(&mut self, seat: usize) -> bool {
        if self.seats[seat].frozen {
            return false;
        }
        let Some(message) = self.seats[seat].inbox.pop_front() else { return false };
        self.seats[seat].node.handle(message, self.now_ms);
        self.collect(seat);
        true
    }

    /// One message reaches the server.
    pub fn serve(&mut self, seat: usize) -> bool {
        let Some(message) = self.seats[seat].outbox.pop_front() else { return false };
        let participant = self.seats[seat].participant;
        if !self.seats[seat].present {
            // The service hears nothing more from those whom it has given up.
            return true;
        }
        let outcome = match message {
            ClientMessage::UploadKeyPackage { key_package } => {
                if self.inspects {
                    inspect::key_package(&key_package).expect("a KeyPackage passes the service");
                }
                self.log.join(participant, key_package, self.seats[seat].replaces).map(Some)
            }
            ClientMessage::Submit(submission) => self.submit(participant, submission),
            ClientMessage::CommitVote { message_id, vote } => {
                let asked = self.finality.waits_for(participant, &message_id);
                let decision = self.finality.judge(participant, &message_id, vote, self.now_ms);
                let outcome = Outcome::of_judgement(decision.as_ref(), asked);
                self.trace.push(Traced::Judged { participant, message_id, vote, outcome });
                self.conclude(decision);
                Ok(None)
            }
            ClientMessage::SendMessage { message } => {
                let (created, handshakes) = (self.log.created(), self.log.handshakes());
                inspect::application_message(&self.id, created, handshakes, &message).map(|()| {
                    self.relay(participant, &message);
                    None
                })
            }
            ClientMessage::Heartbeat { .. }
            | ClientMessage::Hello(_)
            | ClientMessage::Offer { .. }
            | ClientMessage::SetTracks { .. }
            | ClientMessage::ReceiverVideoConstraints { .. }
            | ClientMessage::Knock { .. }
            | ClientMessage::Moderate(_)
            | ClientMessage::PageHide
            | ClientMessage::Leave => Ok(None),
        };
        match outcome {
            Ok(Some(prepared)) => self.append(prepared),
            Ok(None) => {}
            Err(refusal) => {
                self.seats[seat]
                    .inbox
                    .push_back(ServerMessage::Control(ControlMessage::Refused { refusal }));
            }
        }
        true
    }

    fn submit(
        &mut self,
        participant: ParticipantId,
        submission: Submission,
    ) -> Result<Option<mls_delivery::Prepared>, Refusal> {
        self.submissions.push((participant, submission.clone()));
        let fresh = submission.expected == self.log.handshakes();
        if self.inspects && fresh {
            inspect::submission(&self.id, self.log.created(), &submission)
                .expect("a submission passes the service");
        }
        let message_id = submission.message_id.clone();
        let traced = Traced::submitted(participant, &submission);
        let opened = match self.log.submit(participant, submission.clone()) {
            Ok(Submitted::Known(_)) => Ok(Opened::Known),
            Ok(Submitted::New(_)) => {
                self.finality.open(&self.log, participant, submission, |_| true, self.now_ms)
            }
            Err(refusal) => Err(refusal),
        };
        self.trace.push(traced.with(Outcome::of_submission(&opened)));
        match opened.map_err(|refusal| refusal.about(message_id))? {
            Opened::Known => {}
            Opened::Final(submission) => {
                self.conclude(Some(Decision::Final { sender: participant, submission }));
            }
            Opened::CommitPending(asked) => {
                for seat in self.seats.iter_mut().filter(|seat| seat.connected) {
                    if asked.contains(&seat.participant)
                        && let Some(handshake) = self.finality.question(seat.participant)
                    {
                        seat.inbox
                            .push_back(ServerMessage::Log(LogMessage::CommitPending { handshake }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// A judgement has come to its end.
    fn conclude(&mut self, decision: Option<Decision>) {
        match decision {
            Some(Decision::Final { sender, submission }) => {
                let message_id = submission.message_id.clone();
                match self.log.submit(sender, submission) {
                    Ok(Submitted::New(prepared)) => self.append(prepared),
                    Ok(Submitted::Known(_)) => {}
                    Err(_) => self.conclude(Some(Decision::CommitRejected(message_id))),
                }
            }
            Some(Decision::CommitRejected(message_id)) => {
                let members: BTreeSet<_> = self.log.present_members().collect();
                self.dropped.push(message_id.clone());
                for seat in self.seats.iter_mut().filter(|seat| seat.connected) {
                    if members.contains(&seat.participant) {
                        let message_id = message_id.clone();
                        seat.inbox.push_back(ServerMessage::Log(LogMessage::CommitRejected {
                            message_id,
                        }));
                    }
                }
            }
            None => {}
        }
    }

    pub fn append(&mut self, prepared: mls_delivery::Prepared) {
        let accepted = self.log.apply(prepared).clone();
        self.trace.push(Traced::from(&accepted));
        self.history.push(accepted.entry().clone());
        for seat in self.seats.iter_mut().filter(|seat| seat.connected) {
            seat.inbox.push_back(delta(accepted.for_participant(seat.participant)));
        }
        if let Some(participant) = accepted.entry().event.departed() {
            let gone = self.seats.iter_mut().find(|seat| seat.participant == participant);
            gone.expect("a seat").present = false;
            let decision = self.finality.departed(participant, self.now_ms);
            self.conclude(decision);
        }
    }

    /// Somebody does something.
    pub fn act<T>(&mut self, seat: usize, act: impl FnOnce(&mut N, u64) -> T) -> T {
        let done = act(&mut self.seats[seat].node, self.now_ms);
        self.collect(seat);
        done
    }

    /// A server that lies: the seats from this one on live in a copy of the log from now on.
    pub fn fork(&mut self, at: usize) -> Self {
        Self {
            id: self.id.clone(),
            log: self.log.clone(),
            finality: self.finality.clone(),
            now_ms: self.now_ms,
            seats: self.seats.split_off(at),
            rng: self.rng.clone(),
            history: self.history.clone(),
            submissions: Vec::new(),
            trace: Vec::new(),
            dropped: Vec::new(),
            inspects: self.inspects,
            next_participant: self.next_participant,
            agreed: self.agreed.clone(),
        }
    }

    /// An application message reaches everybody, its sender too.
    pub fn relay(&mut self, sender: ParticipantId, message: &Opaque) {
        for seat in self.seats.iter_mut().filter(|seat| seat.connected) {
            let delta = Delta::Message { sender, message: message.clone() };
            seat.inbox.push_back(ServerMessage::Room(RoomMessage::Delta { seq: Seq(0), delta }));
        }
    }

    /// Time passes, and timers with it.
    pub fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        let decision = self.finality.handle_timeout(self.now_ms);
        let decided = decision.as_ref().map(|decision| match decision {
            Decision::Final { submission, .. } => (submission.message_id.clone(), Outcome::Final),
            Decision::CommitRejected(message_id) => (message_id.clone(), Outcome::CommitRejected),
        });
        let decided = decided.map(|(message_id, outcome)| Traced::TimedOut { message_id, outcome });
        self.trace.extend(decided);
        self.conclude(decision);
        for seat in 0..self.seats.len() {
            self.fire(seat);
        }
    }

    /// The timers of one node that are due.
    pub fn fire(&mut self, seat: usize) {
        let now_ms = self.now_ms;
        let due = |seat: &Seat<N>| seat.node.next_timeout().is_some_and(|due| due <= now_ms);
        if !self.seats[seat].frozen && due(&self.seats[seat]) {
            self.seats[seat].node.handle_timeout(now_ms);
            self.collect(seat);
        }
    }

    fn collect(&mut self, seat: usize) {
        for happening in self.seats[seat].node.drain() {
            let seat = &mut self.seats[seat];
            match happening {
                Happening::Send(message) => {
                    if seat.connected {
                        seat.outbox.push_back(message);
                    }
                }
                Happening::Epoch(epoch) => {
                    assert!(seat.rejoin.is_none(), "no keys after the end");
                    assert!(epoch.members.contains(&seat.participant), "keys for members only");
                    let agreed = self.agreed.entry(epoch.count).or_insert_with(|| epoch.clone());
                    assert_eq!(*agreed, epoch, "members of an epoch agree on all of it");
                    seat.epochs.insert(epoch.count, epoch);
                }
                Happening::Problem(problem) => seat.problems.push(problem),
                Happening::Rejoin(reason) => seat.rejoin = Some(reason),
            }
        }
        if self.seats[seat].rejoin.is_some() {
            self.disconnect(seat);
            self.seats[seat].frozen = true;
        }
    }

    /// Everything under way arrives, without time passing.
    pub fn settle(&mut self) {
        loop {
            let mut moved = false;
            for seat in 0..self.seats.len() {
                while self.deliver(seat) {
                    moved = true;
                }
                while self.serve(seat) {
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Everything arrives and time passes, in the order of the timers.
    pub fn run(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        loop {
            self.settle();
            let awake = self.seats.iter().filter(|seat| !seat.frozen);
            let timers = awake.filter_map(|seat| seat.node.next_timeout());
            let next = timers.chain(self.finality.poll_timeout()).min();
            match next {
                Some(next) if next <= end => self.pass(next.saturating_sub(self.now_ms)),
                Some(_) | None => break,
            }
        }
        self.now_ms = end;
    }

    /// One random step of a bad network.
    pub fn stumble(&mut self) {
        let Some(seat) = self.random_seat() else { return };
        match self.rng.random_range(0..100) {
            0..40 => {
                self.deliver(seat);
            }
            40..80 => {
                self.serve(seat);
            }
            80..90 => {
                let ms = [10, 400, 2_100][self.rng.random_range(0..3)];
                self.pass(ms);
            }
            90..95 => {
                if self.seats[seat].connected {
                    self.disconnect(seat);
                }
            }
            _ => {
                if !self.seats[seat].connected {
                    self.reconnect(seat);
                }
            }
        }
    }

    pub fn random_seat(&mut self) -> Option<usize> {
        let awake: Vec<_> = (0..self.seats.len()).filter(|&one| !self.seats[one].frozen).collect();
        if awake.is_empty() {
            return None;
        }
        Some(awake[self.rng.random_range(0..awake.len())])
    }

    /// The network is well again and everything comes to rest.
    pub fn heal(&mut self) {
        for seat in 0..self.seats.len() {
            let lost = !self.seats[seat].connected && !self.seats[seat].frozen;
            if lost && self.seats[seat].rejoin.is_none() {
                self.reconnect(seat);
            }
        }
        self.run(60_000);
    }

    pub fn present(&self) -> impl Iterator<Item = &Seat<N>> {
        self.seats.iter().filter(|seat| seat.present && seat.rejoin.is_none())
    }

    /// All who are present are members of one epoch, and nobody else is.
    pub fn assert_one_call(&self) {
        let present: BTreeSet<_> = self.present().map(|seat| seat.participant).collect();
        for seat in self.present() {
            let epoch = seat.last_epoch().unwrap_or_else(|| {
                panic!("participant {} is not in: {:?}", seat.participant, seat.problems)
            });
            assert_eq!(epoch.members, present, "participant {}", seat.participant);
            assert_eq!(HandshakeCount(epoch.count), self.log.handshakes());
            assert_eq!(Some(epoch), self.agreed.get(&epoch.count));
        }
    }

    /// Handshakes that the log has taken.
    pub fn handshakes(&self) -> usize {
        let handshake = |entry: &&LogEntry| matches!(entry.event, LogEvent::Handshake(_));
        self.history.iter().filter(handshake).count()
    }
}

pub fn delta(entry: LogEntry) -> ServerMessage {
    ServerMessage::Room(RoomMessage::Delta { seq: Seq(0), delta: Delta::Log { entry } })
}

/// 32 bytes that only depend on the seed.
pub fn bytes32(rng: &mut impl Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}
