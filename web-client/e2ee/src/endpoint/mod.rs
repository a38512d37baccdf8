//! One participant's end-to-end encryption: server messages and time in, outputs out.

mod comparing;
mod messaging;
mod output;
mod outputs;
mod problem;
mod trace;

use std::collections::BTreeMap;
use std::mem;

use signaling_protocol::limits::HEARTBEAT_SECONDS;
use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, HandshakeCount, Joined, LogMessage, LogPosition,
    RefusalCode, RoomId, RoomMessage, ServerMessage,
};

use crate::committer::{Committer, Effect, Event, MlsError, Timer};
use crate::credential::CertificateRequest;
use crate::link::LinkSecret;
use crate::mls::{OpenMls, RoomKeys, Uncertified};
use crate::room_code::room_code;
use crate::suite::Suite;

pub use crate::committer::RejoinReason;
pub use comparing::ComparisonState;
use messaging::Messaging;
pub use output::{Member, Message, Output, Roster};
use outputs::Outputs;
pub use problem::{Problem, ProblemCode};
use trace::Trace;

/// What an endpoint is made of.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// The room to join.
    pub room: RoomId,
    /// The link's secret.
    pub link: LinkSecret,
    /// The name that others see; at most 64 characters are kept.
    pub name: String,
    /// The Ed25519 key that signs the certificate.
    pub identity_public: [u8; 32],
    /// The suite of a room that this endpoint creates, and the only one it joins.
    pub suite: Suite,
}

/// Why an endpoint cannot be made or certified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The random source or the MLS library failed.
    #[error("The encryption could not be set up; reload the page.")]
    SetUp,
    /// The identity key is not an Ed25519 public key.
    #[error("The identity key is not an Ed25519 key; make a new identity.")]
    BadIdentityKey,
    /// The signature is not the identity key's signature of the request.
    #[error("The certificate is not signed by the identity key; make a new identity.")]
    BadSignature,
    /// The certificate was handed in before.
    #[error("The certificate was handed in already.")]
    AlreadyCertified,
}

impl EndpointError {
    /// For programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::BadIdentityKey => "bad_identity_key",
            Self::BadSignature => "bad_signature",
            Self::AlreadyCertified => "already_certified",
        }
    }
}

/// One participant of one room. It serves one participant id: after [`Output::Rejoin`] it is at
/// its end, and a new one takes its place.
///
/// Call any method, then drain [`Endpoint::poll_output`], then wait for the next message or for
/// [`Endpoint::poll_timeout`]. Certify it before the first message comes.
#[derive(Debug)]
pub struct Endpoint {
    stage: Stage,
    outputs: Outputs,
    /// When they run out, in milliseconds since the Unix epoch.
    timers: BTreeMap<Timer, u64>,
    heartbeat_ms: Option<u64>,
    messaging: Messaging,
    trace: Option<Trace>,
}

#[derive(Debug)]
enum Stage {
    Uncertified(Box<Uncertified>),
    Certified(Box<OpenMls>),
    Joined(Box<Committer<OpenMls>>),
    Over,
}

const HEARTBEAT_MS: u64 = HEARTBEAT_SECONDS * 1_000;

impl Endpoint {
    /// A new endpoint, and what the identity key has to sign for it.
    ///
    /// # Errors
    /// [`EndpointError`]
    pub fn new(
        config: EndpointConfig,
        now_ms: u64,
    ) -> Result<(Self, CertificateRequest), EndpointError> {
        let EndpointConfig { room, link, name, identity_public, suite } = config;
        ed25519_dalek::VerifyingKey::from_bytes(&identity_public)
            .map_err(|_| EndpointError::BadIdentityKey)?;
        let keys = RoomKeys::new(room, suite, &link);
        let uncertified = Uncertified::new(keys, name, identity_public, now_ms)
            .map_err(|_| EndpointError::SetUp)?;
        let request = uncertified.request().clone();
        let endpoint = Self {
            stage: Stage::Uncertified(Box::new(uncertified)),
            outputs: Outputs::default(),
            timers: BTreeMap::new(),
            heartbeat_ms: None,
            messaging: Messaging::default(),
            trace: None,
        };
        Ok((endpoint, request))
    }

    /// Takes the identity key's Ed25519 signature of the [`CertificateRequest`].
    ///
    /// # Errors
    /// [`EndpointError`]; after a wrong signature another one can be tried.
    pub fn certify(&mut self, signature: [u8; 64]) -> Result<(), EndpointError> {
        let Stage::Uncertified(uncertified) = &self.stage else {
            return Err(EndpointError::AlreadyCertified);
        };
        let certified = uncertified.certify(&signature).map_err(|error| {
            let wrong_signature = matches!(error, MlsError::Credential(_));
            if wrong_signature { EndpointError::BadSignature } else { EndpointError::SetUp }
        })?;
        if let Stage::Uncertified(uncertified) = mem::replace(&mut self.stage, Stage::Over) {
            self.stage = Stage::Certified(Box::new(uncertified.finish(certified)));
        }
        Ok(())
    }

    /// Takes a message of the signalling service; ignores those that are not its business.
    pub fn handle(&mut self, message: ServerMessage, now_ms: u64) {
        match message {
            ServerMessage::Room(message) => self.handle_room_message(message, now_ms),
            ServerMessage::Log(LogMessage::CommitPending { handshake }) => {
                self.event(Event::CommitPending(handshake), now_ms);
            }
            ServerMessage::Log(LogMessage::CommitRejected { message_id }) => {
                self.event(Event::CommitRejected(message_id), now_ms);
            }
            ServerMessage::Control(
                ControlMessage::Refused { refusal } | ControlMessage::Closing { refusal },
            ) => {
                if refusal.code == RefusalCode::ResumeExpired {
                    self.end(RejoinReason::UnknownToServer);
                } else {
                    self.event(Event::Refused(refusal.code, refusal.message_id), now_ms);
                }
            }
            ServerMessage::Media(_) | ServerMessage::Control(_) => {}
        }
    }

    fn handle_room_message(&mut self, message: RoomMessage, now_ms: u64) {
        match message {
            RoomMessage::Joined(joined) => self.joined(joined, now_ms),
            RoomMessage::Resumed { .. } => self.event(Event::Reconnected, now_ms),
            RoomMessage::Snapshot(snapshot) => {
                for entry in snapshot.log.entries {
                    self.event(Event::Entry(entry), now_ms);
                }
                self.event(Event::Reconnected, now_ms);
            }
            RoomMessage::Delta { delta: Delta::Log { entry }, .. } => {
                self.event(Event::Entry(entry), now_ms);
            }
            RoomMessage::Delta { delta: Delta::Message { sender, message }, .. } => {
                self.message(sender, &message, now_ms);
            }
            RoomMessage::Delta { .. }
            | RoomMessage::Waiting
            | RoomMessage::LobbyParticipants { .. }
            | RoomMessage::AskedToMute { .. } => {}
        }
    }

    /// Time has come to [`Endpoint::poll_timeout`].
    pub fn handle_timeout(&mut self, now_ms: u64) {
        if self.heartbeat_ms.is_some_and(|due| due <= now_ms)
            && let Some(position) = self.position()
        {
            self.outputs.push(Output::Send(ClientMessage::Heartbeat { position }));
            self.testify();
            self.heartbeat_ms = Some(now_ms.saturating_add(HEARTBEAT_MS));
        }
        let due = |timers: &BTreeMap<Timer, u64>| {
            timers.iter().find(|&(_, &due)| due <= now_ms).map(|(&timer, _)| timer)
        };
        while let Some(timer) = due(&self.timers) {
            self.timers.remove(&timer);
            self.event(Event::Fired(timer), now_ms);
        }
        self.messages_due(now_ms);
    }

    /// When to call [`Endpoint::handle_timeout`], in milliseconds since the Unix epoch.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let messages = self.messaging.due();
        self.timers.values().copied().chain(self.heartbeat_ms).chain(messages).min()
    }

    /// The next output; drain them after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    /// The last log entry that was read, once the room was joined: heartbeats carry it, and a
    /// client that returns names it.
    #[must_use]
    pub fn position(&self) -> Option<LogPosition> {
        match &self.stage {
            Stage::Joined(committer) => Some(committer.view().position()),
            Stage::Uncertified(_) | Stage::Certified(_) | Stage::Over => None,
        }
    }

    fn joined(&mut self, joined: Joined, now_ms: u64) {
        match mem::replace(&mut self.stage, Stage::Over) {
            Stage::Uncertified(uncertified) => {
                self.stage = Stage::Uncertified(uncertified);
                self.outputs.push(Output::Problem(Problem::new(
                    ProblemCode::NotCertified,
                    "The identity has not signed yet; join after that.",
                )));
            }
            Stage::Certified(mls) => {
                let started = Committer::join(joined.participant, *mls, joined.log, now_ms);
                match started {
                    Ok((committer, effects)) => {
                        let line =
                            self.trace.as_ref().map(|one| one.line("join", &committer, &effects));
                        self.tell(line);
                        self.stage = Stage::Joined(Box::new(committer));
                        self.heartbeat_ms = Some(now_ms.saturating_add(HEARTBEAT_MS));
                        self.carry_out(effects, now_ms);
                    }
                    Err(reason) => self.end(reason),
                }
            }
            // The server has made somebody new of this participant.
            Stage::Joined(_) => self.end(RejoinReason::UnknownToServer),
            Stage::Over => {}
        }
    }

    fn event(&mut self, event: Event, now_ms: u64) {
        if let Stage::Joined(committer) = &mut self.stage {
            let position = committer.view().position();
            let step = self.trace.as_mut().and_then(|trace| trace.begin(&event, position));
            let effects = committer.on_event(event, now_ms);
            let trace = step.and_then(|step| Some((step, self.trace.as_ref()?)));
            let line = trace.map(|(step, trace)| trace.line(step, committer, &effects));
            self.tell(line);
            self.carry_out(effects, now_ms);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, now_ms: u64) {
        for effect in effects {
            let Stage::Joined(committer) = &self.stage else { return };
            match effect {
                Effect::UploadKeyPackage => {
                    let key_package = committer.mls().key_package().clone();
                    let upload = ClientMessage::UploadKeyPackage { key_package };
                    self.outputs.push(Output::Send(upload));
                }
                Effect::Submit(submission) => {
                    self.outputs.push(Output::Send(ClientMessage::Submit(submission)));
                }
                Effect::CommitVote { message_id, vote } => {
                    self.outputs.push(Output::Send(ClientMessage::CommitVote { message_id, vote }));
                }
                Effect::EpochPending(epoch) => {
                    // Without them, frames that come early wait for the epoch to begin.
                    if let Some(keys) = committer.mls().coming_media_keys(epoch) {
                        self.outputs.push(Output::ComingKeys(keys));
                    }
                }
                Effect::StartTimer { timer, after_ms } => {
                    self.timers.insert(timer, now_ms.saturating_add(after_ms));
                }
                Effect::StopTimer(timer) => {
                    self.timers.remove(&timer);
                }
                Effect::EpochStarted(epoch) => match committer.mls().media_keys(epoch) {
                    Ok(keys) => {
                        let roster = roster(committer.mls(), epoch);
                        self.outputs.push(Output::Keys(keys));
                        self.outputs.push(Output::Roster(roster));
                        self.new_epoch(now_ms);
                    }
                    Err(_) => self.end(RejoinReason::Internal),
                },
                Effect::Report(report) => self.outputs.push(Output::Problem(report.into())),
                Effect::Rejoin(reason) => self.end(reason),
            }
        }
    }

    /// Drops all keys, and with them everything that could still be done.
    fn end(&mut self, reason: RejoinReason) {
        if matches!(self.stage, Stage::Over) && self.heartbeat_ms.is_none() {
            return;
        }
        self.stage = Stage::Over;
        self.timers.clear();
        self.heartbeat_ms = None;
        self.messaging = Messaging::default();
        self.outputs.wipe();
        self.outputs.push(Output::Rejoin(reason));
    }
}

fn roster(mls: &OpenMls, epoch: HandshakeCount) -> Roster {
    let members = mls.members();
    let identities = members.iter().map(|member| member.certificate.identity_public);
    let room_code = room_code(&mls.room().id, identities);
    let members = members
        .iter()
        .map(|member| Member {
            leaf: member.leaf,
            participant: member.participant,
            name: member.certificate.name.clone(),
            identity_public: member.certificate.identity_public,
            own: member.own,
        })
        .collect();
    Roster { epoch: epoch.0, room_code, members }
}
