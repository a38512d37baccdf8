//! A node with a symbolic MLS: an epoch's secret is the identity of the commit that made it, so
//! that two commits for one epoch are two epochs.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use e2ee::committer::{Claims, Committer, Draft, Effect, Event, Mls, MlsError, Timer};
use e2ee::endpoint::{Problem, RejoinReason};
use serde::{Deserialize, Serialize};
use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, HandshakeCount, JoinedParticipant, LogMessage,
    LogPosition, MessageId, Opaque, ParticipantId, RoomMessage, ServerMessage, Step,
};

use super::{Epoch, Node, NodeOutput};

/// A KeyPackage that every member refuses.
pub const BAD: &[u8] = b"bad";
/// A KeyPackage that every member accepts.
pub const GOOD: &[u8] = b"good";

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Group {
    secret: u64,
    members: BTreeSet<ParticipantId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Commit {
    parent: u64,
    next: Group,
    /// Only its author can process it.
    poisoned: bool,
}

/// A group without cryptography.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SymbolicMls {
    me: ParticipantId,
    group: Option<Group>,
    prepared: Option<Group>,
    staged: Option<Group>,
    /// Makes the next commit one that no other member can process.
    poison: bool,
    key_packages: BTreeMap<ParticipantId, Opaque>,
    drafts: u32,
}

impl SymbolicMls {
    pub fn of(me: ParticipantId) -> Self {
        Self { me, ..Self::default() }
    }

    /// Makes the next commit one that no other member can process.
    pub fn poison(&mut self) {
        self.poison = true;
    }

    /// The id of the handshake that made the current epoch, and its members.
    pub fn epoch(&self) -> Option<(MessageId, &BTreeSet<ParticipantId>)> {
        self.group.as_ref().map(|group| (id(group), &group.members))
    }

    /// The id of the handshake that made the epoch which a commit changes.
    pub fn parent(commit: &Opaque) -> MessageId {
        let commit: Commit = serde_json::from_slice(&commit.0).unwrap();
        message_id(commit.parent)
    }

    fn draft(
        &mut self,
        parent: u64,
        members: BTreeSet<ParticipantId>,
        poisoned: bool,
    ) -> (Opaque, Group) {
        self.drafts += 1;
        let mut hasher = DefaultHasher::new();
        (parent, self.me, self.drafts, &members).hash(&mut hasher);
        let next = Group { secret: hasher.finish(), members };
        self.prepared = Some(next.clone());
        (json(&Commit { parent, next: next.clone(), poisoned }), next)
    }
}

impl Mls for SymbolicMls {
    fn add_key_package(&mut self, joined: &JoinedParticipant) {
        self.key_packages.insert(joined.participant, joined.key_package.clone());
    }

    fn remove_key_package(&mut self, participant: ParticipantId) {
        self.key_packages.remove(&participant);
    }

    fn check_key_package(&self, participant: ParticipantId, _now_ms: u64) -> Result<(), MlsError> {
        let key_package = self.key_packages.get(&participant).ok_or(MlsError::Unknown)?;
        if key_package.0 == GOOD { Ok(()) } else { Err(MlsError::Rejected) }
    }

    fn create_group(&mut self, _count: HandshakeCount, _now_ms: u64) -> Result<Draft, MlsError> {
        assert!(self.prepared.is_none(), "one handshake at a time");
        let (_, next) = self.draft(0, BTreeSet::from([self.me]), false);
        Ok(Draft { message_id: id(&next), step: Step::Create })
    }

    fn create_commit(
        &mut self,
        add: &BTreeSet<ParticipantId>,
        remove: &BTreeSet<ParticipantId>,
    ) -> Result<Draft, MlsError> {
        assert!(self.prepared.is_none(), "one handshake at a time");
        let group = self.group.clone().ok_or(MlsError::Internal)?;
        let members = group.members.difference(remove).chain(add).copied().collect();
        let poisoned = std::mem::take(&mut self.poison);
        let (commit, next) = self.draft(group.secret, members, poisoned);
        let welcome = (!add.is_empty()).then(|| json(&next));
        let step = Step::Commit { commit: commit.clone(), welcome };
        Ok(Draft { message_id: id(&next), step })
    }

    fn merge_pending(&mut self, _count: HandshakeCount) -> Result<(), MlsError> {
        self.group = Some(self.prepared.take().ok_or(MlsError::Internal)?);
        Ok(())
    }

    fn clear_pending(&mut self) {
        self.prepared = None;
    }

    fn stage_commit(&mut self, commit: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError> {
        let group = self.group.as_ref().ok_or(MlsError::Internal)?;
        let commit: Commit = serde_json::from_slice(&commit.0).map_err(|_| MlsError::Malformed)?;
        if commit.parent != group.secret {
            return Err(MlsError::WrongGroup);
        }
        if commit.next.members != *claims.roster {
            return Err(MlsError::WrongRoster);
        }
        if commit.poisoned {
            return Err(MlsError::Rejected);
        }
        self.staged = Some(commit.next);
        Ok(())
    }

    fn merge_staged_commit(&mut self) -> Result<(), MlsError> {
        self.group = Some(self.staged.take().ok_or(MlsError::Internal)?);
        Ok(())
    }

    fn clear_staged_commit(&mut self) {
        self.staged = None;
    }

    fn join_by_welcome(&mut self, welcome: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError> {
        let group: Group = serde_json::from_slice(&welcome.0).map_err(|_| MlsError::Malformed)?;
        if group.members != *claims.roster {
            return Err(MlsError::WrongRoster);
        }
        self.group = Some(group);
        Ok(())
    }
}

/// A committer over a symbolic group, and its timers.
#[derive(Default)]
pub struct SymbolicNode {
    committer: Option<Committer<SymbolicMls>>,
    timers: BTreeMap<Timer, u64>,
    outputs: Vec<NodeOutput>,
}

impl SymbolicNode {
    /// Makes the next commit one that no other member can process.
    pub fn poison(&mut self) {
        if let Some(committer) = &mut self.committer {
            committer.mls_mut().poison();
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, now_ms: u64) {
        for effect in effects {
            self.outputs.push(match effect {
                Effect::UploadKeyPackage => {
                    let key_package = Opaque(GOOD.to_vec());
                    NodeOutput::Send(ClientMessage::UploadKeyPackage { key_package })
                }
                Effect::Submit(submission) => NodeOutput::Send(ClientMessage::Submit(submission)),
                Effect::CommitVote { message_id, vote } => {
                    NodeOutput::Send(ClientMessage::CommitVote { message_id, vote })
                }
                Effect::EpochPending(_) => continue,
                Effect::StartTimer { timer, after_ms } => {
                    self.timers.insert(timer, now_ms + after_ms);
                    continue;
                }
                Effect::StopTimer(timer) => {
                    self.timers.remove(&timer);
                    continue;
                }
                Effect::EpochStarted(count) => {
                    let mls = self.committer.as_ref().unwrap().mls();
                    let group = mls.group.as_ref().unwrap();
                    NodeOutput::Epoch(Epoch {
                        count: count.0,
                        secret: group.secret.to_be_bytes().to_vec(),
                        members: group.members.clone(),
                        code: String::new(),
                    })
                }
                Effect::Report(report) => NodeOutput::Problem(Problem::from(report)),
                Effect::Rejoin(reason) => {
                    self.timers.clear();
                    NodeOutput::Rejoin(reason)
                }
            });
        }
    }

    fn event(&mut self, event: Event, now_ms: u64) {
        let Some(committer) = &mut self.committer else { return };
        let before = committer.clone();
        let effects = committer.on_event(event.clone(), now_ms);
        // A model may come back to a state and go on from it: nothing may hide outside of it.
        let mut again = before;
        assert_eq!(again.on_event(event, now_ms), effects);
        assert_eq!(again, *committer);
        self.carry_out(effects, now_ms);
    }
}

impl Node for SymbolicNode {
    fn handle(&mut self, message: ServerMessage, now_ms: u64) {
        match message {
            ServerMessage::Room(RoomMessage::Joined(joined)) => {
                let mls = SymbolicMls::of(joined.participant);
                let (committer, effects) =
                    Committer::join(joined.participant, mls, joined.log, now_ms)
                        .unwrap_or_else(|reason: RejoinReason| panic!("{reason}"));
                self.committer = Some(committer);
                self.carry_out(effects, now_ms);
            }
            ServerMessage::Room(RoomMessage::Resumed { .. }) => {
                self.event(Event::Reconnected, now_ms)
            }
            ServerMessage::Room(RoomMessage::Delta { delta: Delta::Log { entry }, .. }) => {
                self.event(Event::Entry(entry), now_ms);
            }
            ServerMessage::Log(LogMessage::CommitPending { handshake }) => {
                self.event(Event::CommitPending(handshake), now_ms);
            }
            ServerMessage::Log(LogMessage::CommitRejected { message_id }) => {
                self.event(Event::CommitRejected(message_id), now_ms)
            }
            ServerMessage::Control(ControlMessage::Refused { refusal }) => {
                self.event(Event::Refused(refusal.code, refusal.message_id), now_ms);
            }
            other => panic!("the meeting does not send {other:?}"),
        }
    }

    fn next_timeout(&self) -> Option<u64> {
        self.timers.values().copied().min()
    }

    fn handle_timeout(&mut self, now_ms: u64) {
        while let Some((&timer, _)) = self.timers.iter().find(|&(_, &due)| due <= now_ms) {
            self.timers.remove(&timer);
            self.event(Event::Fired(timer), now_ms);
        }
    }

    fn drain(&mut self) -> Vec<NodeOutput> {
        std::mem::take(&mut self.outputs)
    }

    fn position(&self) -> LogPosition {
        self.committer.as_ref().map_or_else(LogPosition::default, |one| one.view().position())
    }
}

fn json<T: Serialize>(value: &T) -> Opaque {
    Opaque(serde_json::to_vec(value).unwrap())
}

fn id(made: &Group) -> MessageId {
    message_id(made.secret)
}

fn message_id(secret: u64) -> MessageId {
    MessageId(format!("{secret:022x}"))
}
