//! A participant's client as the model drives it: by what happens to it, without a clock.

use std::collections::BTreeSet;

use e2ee::Suite;
use e2ee::committer::{Committer, Effect, Event, Timer};
use e2ee::endpoint::RejoinReason;
use signaling_protocol::{
    ClientMessage, CommitVote, ControlMessage, HandshakeCount, Joined, LogEntry, LogEvent,
    LogMessage, LogPosition, LogSnapshot, MessageId, Opaque, ParticipantId, ReceiveSlots, Refusal,
    RoomMessage, RoomSnapshot, Secret, Seq, ServerMessage, Submission, VERSION,
};

use crate::support::person::{EndpointNode, Person, real_now_ms};
use crate::support::symbolic::{BAD, GOOD, SymbolicMls};
use crate::support::{Epoch, Node, NodeOutput, delta};

/// Messages in flight to the service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sent {
    KeyPackage(Opaque),
    Submission(Submission),
    /// Said at once, not under way.
    CommitVote(MessageId, CommitVote),
}

/// The keys that a member holds: those of its newest epoch only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub count: HandshakeCount,
    pub secret: Vec<u8>,
    pub members: BTreeSet<ParticipantId>,
    /// The handshake that made the epoch, where keys say so.
    pub made_by: Option<MessageId>,
}

/// A client.
pub trait Client: Sized {
    /// Returns the client of a participant that joins; a bad one uploads an unusable KeyPackage.
    fn join(me: ParticipantId, snapshot: LogSnapshot, bad: bool) -> (Self, Vec<Sent>);
    fn handle(&mut self, event: Event) -> Vec<Sent>;
    fn position(&self) -> LogPosition;
    /// Returns whether this timer is set. A client that does not report its timers may have any set.
    fn waits_for(&self, timer: Timer) -> bool;
    /// On which count the handshake builds that is kept until the log decides, if one is.
    fn pending(&self) -> Option<HandshakeCount>;
    /// Handshakes kept until the log decides: its own, and another member's.
    fn undecided(&self) -> Vec<MessageId>;
    /// Makes the next commit one that no other member can process.
    fn poison(&mut self);
    fn keys(&self) -> Option<Keys>;
    fn ended(&self) -> Option<RejoinReason>;
}

/// The committer itself, over a symbolic group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Symbolic {
    committer: Committer<SymbolicMls>,
    timers: BTreeSet<Timer>,
    pending: Option<(HandshakeCount, MessageId)>,
    voted: Option<MessageId>,
    bad: bool,
    ended: Option<RejoinReason>,
}

impl Symbolic {
    fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Sent> {
        let mut sent = Vec::new();
        for effect in effects {
            match effect {
                Effect::UploadKeyPackage => {
                    let key_package = if self.bad { BAD } else { GOOD };
                    sent.push(Sent::KeyPackage(Opaque(key_package.to_vec())));
                }
                Effect::Submit(submission) => {
                    self.pending = Some((submission.expected, submission.message_id.clone()));
                    sent.push(Sent::Submission(submission));
                }
                Effect::StartTimer { timer: timer @ (Timer::Turn | Timer::Resend), .. } => {
                    self.timers.insert(timer);
                }
                Effect::StopTimer(timer) => {
                    self.timers.remove(&timer);
                    if timer == Timer::Resend {
                        self.pending = None;
                    }
                }
                Effect::CommitVote { message_id, vote } => {
                    self.voted = Some(message_id.clone());
                    sent.push(Sent::CommitVote(message_id, vote));
                }
                Effect::Rejoin(reason) => self.ended = Some(reason),
                // The other timers tell people something, or end a wait of an hour.
                Effect::StartTimer { .. }
                | Effect::EpochPending(_)
                | Effect::EpochStarted(_)
                | Effect::Report(_) => {}
            }
        }
        sent
    }
}

impl Client for Symbolic {
    fn join(me: ParticipantId, snapshot: LogSnapshot, bad: bool) -> (Self, Vec<Sent>) {
        let joined = Committer::join(me, SymbolicMls::of(me), snapshot, 0);
        let (committer, effects) = joined.expect("the snapshot is small");
        let timers = BTreeSet::new();
        let mut client = Self { committer, timers, pending: None, voted: None, bad, ended: None };
        let sent = client.carry_out(effects);
        (client, sent)
    }

    fn handle(&mut self, event: Event) -> Vec<Sent> {
        match &event {
            Event::Fired(timer) => {
                self.timers.remove(timer);
            }
            Event::Entry(LogEntry { event: LogEvent::Handshake(_), .. }) => self.voted = None,
            Event::CommitRejected(id) => {
                self.voted.take_if(|voted| voted == id);
            }
            Event::Entry(_) | Event::CommitPending(_) | Event::Refused(..) | Event::Reconnected => {
            }
        }
        let effects = self.committer.on_event(event, 0);
        self.carry_out(effects)
    }

    fn position(&self) -> LogPosition {
        self.committer.view().position()
    }

    fn waits_for(&self, timer: Timer) -> bool {
        self.timers.contains(&timer)
    }

    fn pending(&self) -> Option<HandshakeCount> {
        self.pending.as_ref().map(|(expected, _)| *expected)
    }

    fn undecided(&self) -> Vec<MessageId> {
        self.pending.iter().map(|(_, id)| id).chain(&self.voted).cloned().collect()
    }

    fn poison(&mut self) {
        self.committer.mls_mut().poison();
    }

    fn keys(&self) -> Option<Keys> {
        let (id, members) = self.committer.mls().epoch()?;
        Some(Keys {
            count: self.committer.view().handshake_count(),
            secret: id.0.clone().into_bytes(),
            members: members.clone(),
            made_by: Some(id),
        })
    }

    fn ended(&self) -> Option<RejoinReason> {
        self.ended
    }
}

/// The whole endpoint over the real MLS, on a clock of its own.
pub struct Real {
    endpoint_node: EndpointNode,
    now_ms: u64,
    epoch: Option<Epoch>,
    ended: Option<RejoinReason>,
}

impl Real {
    fn collect(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for output in self.endpoint_node.drain() {
            match output {
                NodeOutput::Send(ClientMessage::UploadKeyPackage { key_package }) => {
                    sent.push(Sent::KeyPackage(key_package));
                }
                NodeOutput::Send(ClientMessage::Submit(submission)) => {
                    sent.push(Sent::Submission(submission));
                }
                NodeOutput::Send(ClientMessage::CommitVote { message_id, vote }) => {
                    sent.push(Sent::CommitVote(message_id, vote));
                }
                NodeOutput::Epoch(epoch) => self.epoch = Some(epoch),
                NodeOutput::Rejoin(reason) => self.ended = Some(reason),
                NodeOutput::Send(_) | NodeOutput::Problem(_) => {}
            }
        }
        sent
    }
}

impl Client for Real {
    fn join(me: ParticipantId, log: LogSnapshot, _bad: bool) -> (Self, Vec<Sent>) {
        let now_ms = real_now_ms();
        let endpoint_node = Person::new(&format!("Person {me}"), Suite::Classic).new_node(now_ms);
        let mut client = Self { endpoint_node, now_ms, epoch: None, ended: None };
        let joined = ServerMessage::Room(RoomMessage::Joined(Joined {
            version: VERSION,
            participant: me,
            resume_token: Secret(String::new()),
            seq: Seq(0),
            room: RoomSnapshot::default(),
            log,
            slots: ReceiveSlots { audio: 0, video: 0 },
        }));
        client.endpoint_node.handle(joined, now_ms);
        let sent = client.collect();
        (client, sent)
    }

    fn handle(&mut self, event: Event) -> Vec<Sent> {
        let message = match event {
            Event::Entry(entry) => delta(entry),
            Event::CommitPending(handshake) => {
                ServerMessage::Log(LogMessage::CommitPending { handshake })
            }
            Event::CommitRejected(message_id) => {
                ServerMessage::Log(LogMessage::CommitRejected { message_id })
            }
            Event::Refused(code, _) => ServerMessage::Control(ControlMessage::Refused {
                refusal: Refusal::new(code, "something is not allowed"),
            }),
            Event::Reconnected => ServerMessage::Room(RoomMessage::Resumed { seq: Seq(0) }),
            // Whichever is next: an endpoint does not say what it waits for.
            Event::Fired(_) => {
                let next = self.endpoint_node.next_timeout();
                self.now_ms = self.now_ms.max(next.unwrap_or_default());
                self.endpoint_node.handle_timeout(self.now_ms);
                return self.collect();
            }
        };
        self.endpoint_node.handle(message, self.now_ms);
        self.collect()
    }

    fn position(&self) -> LogPosition {
        Node::position(&self.endpoint_node)
    }

    fn waits_for(&self, timer: Timer) -> bool {
        timer == Timer::Turn && self.endpoint_node.next_timeout().is_some()
    }

    fn pending(&self) -> Option<HandshakeCount> {
        None
    }

    fn undecided(&self) -> Vec<MessageId> {
        Vec::new()
    }

    fn poison(&mut self) {}

    fn keys(&self) -> Option<Keys> {
        let Epoch { count, secret, members, .. } = self.epoch.clone()?;
        Some(Keys { count: HandshakeCount(count), secret, members, made_by: None })
    }

    fn ended(&self) -> Option<RejoinReason> {
        self.ended
    }
}
