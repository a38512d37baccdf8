//! One participant's end-to-end encryption: server messages and time in, outputs out.
//!
//! The endpoint drives a [`Committer`] over OpenMLS, and adds what needs no agreement: application
//! messages, timers and the outputs for the user.

mod messaging;
mod output;
mod outputs;
mod problem;
mod sas;
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
use messaging::Messaging;
pub use output::{Member, Message, Output, Roster};
use outputs::Outputs;
pub use problem::{Problem, ProblemCode};
pub use sas::SasState;
use trace::Trace;

/// The configuration of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// The room to join.
    pub room: RoomId,
    /// The secret of the room's link.
    pub link: LinkSecret,
    /// The name that other members see. Cut after 64 characters.
    pub name: String,
    /// The Ed25519 public key that signs the certificate.
    pub identity_public: [u8; 32],
    /// The cipher suite. The endpoint creates groups with it and joins no others.
    pub suite: Suite,
}

/// Why an endpoint cannot be created or certified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The random source or the MLS library failed.
    #[error("The encryption could not be set up; reload the page.")]
    SetUp,
    /// The identity key is not an Ed25519 public key.
    #[error("The identity key is not an Ed25519 key; make a new identity.")]
    BadIdentityKey,
    /// The signature is not the identity key's signature of the certificate request.
    #[error("The certificate is not signed by the identity key; make a new identity.")]
    BadSignature,
    /// The endpoint is certified already.
    #[error("The certificate is already signed.")]
    AlreadyCertified,
}

impl EndpointError {
    /// Returns a stable code for programs, in `snake_case`.
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

/// One participant of one room. It serves one participant id: after [`Output::Rejoin`] it is at its
/// end, and a new endpoint joins as a new participant.
///
/// Certify it before the first message. Call any method, drain [`Endpoint::poll_output`], and wait
/// for the next message or for [`Endpoint::poll_timeout`].
#[derive(Debug)]
pub struct Endpoint {
    stage: Stage,
    outputs: Outputs,
    /// When each running timer fires, in milliseconds since the Unix epoch.
    timers: BTreeMap<Timer, u64>,
    /// When the next heartbeat is due, once the room is joined.
    next_heartbeat_ms: Option<u64>,
    messaging: Messaging,
    trace: Option<Trace>,
}

/// The stages of an endpoint, in order.
#[derive(Debug)]
enum Stage {
    Uncertified(Box<Uncertified>),
    Certified(Box<OpenMls>),
    Joined(Box<Committer<OpenMls>>),
    Ended,
}

const HEARTBEAT_MS: u64 = HEARTBEAT_SECONDS * 1_000;

impl Endpoint {
    /// Returns a new endpoint, and the certificate request that the identity key has to sign.
    ///
    /// # Errors
    /// [`EndpointError::BadIdentityKey`] or [`EndpointError::SetUp`].
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
            next_heartbeat_ms: None,
            messaging: Messaging::default(),
            trace: None,
        };
        Ok((endpoint, request))
    }

    /// Certifies the endpoint with the identity key's Ed25519 signature of the
    /// [`CertificateRequest`].
    ///
    /// # Errors
    /// [`EndpointError::BadSignature`], after which another signature can be tried;
    /// [`EndpointError::AlreadyCertified`] or [`EndpointError::SetUp`].
    pub fn certify(&mut self, signature: [u8; 64]) -> Result<(), EndpointError> {
        let Stage::Uncertified(uncertified) = &self.stage else {
            return Err(EndpointError::AlreadyCertified);
        };
        let certified = uncertified.certify(&signature).map_err(|error| {
            let wrong_signature = matches!(error, MlsError::Credential(_));
            if wrong_signature { EndpointError::BadSignature } else { EndpointError::SetUp }
        })?;
        if let Stage::Uncertified(uncertified) = mem::replace(&mut self.stage, Stage::Ended) {
            self.stage = Stage::Certified(Box::new(uncertified.finish(certified)));
        }
        Ok(())
    }

    /// Handles a message of the signalling service. Ignores messages that do not concern the
    /// encryption.
    pub fn handle(&mut self, message: ServerMessage, now_ms: u64) {
        match message {
            ServerMessage::Room(message) => self.handle_room_message(message, now_ms),
            ServerMessage::Log(LogMessage::CommitPending { handshake }) => {
                self.handle_event(Event::CommitPending(handshake), now_ms);
            }
            ServerMessage::Log(LogMessage::CommitRejected { message_id }) => {
                self.handle_event(Event::CommitRejected(message_id), now_ms);
            }
            ServerMessage::Control(
                ControlMessage::Refused { refusal } | ControlMessage::Closing { refusal },
            ) => {
                if refusal.code == RefusalCode::ResumeExpired {
                    self.end(RejoinReason::UnknownToServer);
                } else {
                    self.handle_event(Event::Refused(refusal.code, refusal.message_id), now_ms);
                }
            }
            ServerMessage::Media(_) | ServerMessage::Control(_) => {}
        }
    }

    fn handle_room_message(&mut self, message: RoomMessage, now_ms: u64) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other message is about the group")]
        match message {
            RoomMessage::Joined(joined) => self.handle_joined(joined, now_ms),
            RoomMessage::Resumed { .. } => self.handle_event(Event::Reconnected, now_ms),
            RoomMessage::Snapshot(snapshot) => {
                for entry in snapshot.log.entries {
                    self.handle_event(Event::Entry(entry), now_ms);
                }
                self.handle_event(Event::Reconnected, now_ms);
            }
            RoomMessage::Delta { delta: Delta::Log { entry }, .. } => {
                self.handle_event(Event::Entry(entry), now_ms);
            }
            RoomMessage::Delta { delta: Delta::Message { sender, message }, .. } => {
                self.handle_message(sender, &message, now_ms);
            }
            _ => {}
        }
    }

    /// Fires all timers that are due. Call it at the time that [`Endpoint::poll_timeout`] returned.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        if self.next_heartbeat_ms.is_some_and(|due| due <= now_ms)
            && let Some(position) = self.position()
        {
            self.outputs.push(Output::Send(ClientMessage::Heartbeat { position }));
            self.send_heartbeat();
            self.next_heartbeat_ms = Some(now_ms.saturating_add(HEARTBEAT_MS));
        }
        let due = |timers: &BTreeMap<Timer, u64>| {
            timers.iter().find(|&(_, &due)| due <= now_ms).map(|(&timer, _)| timer)
        };
        while let Some(timer) = due(&self.timers) {
            self.timers.remove(&timer);
            self.handle_event(Event::Fired(timer), now_ms);
        }
        self.send_due_messages(now_ms);
    }

    /// Returns when to call [`Endpoint::handle_timeout`], in milliseconds since the Unix epoch.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let messages = self.messaging.next_timeout();
        self.timers.values().copied().chain(self.next_heartbeat_ms).chain(messages).min()
    }

    /// Returns the next output. Drain them after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    /// Returns the position of the last log entry that was read, once the room is joined. A client
    /// that reconnects resumes from it.
    #[must_use]
    pub fn position(&self) -> Option<LogPosition> {
        match &self.stage {
            Stage::Joined(committer) => Some(committer.view().position()),
            Stage::Uncertified(_) | Stage::Certified(_) | Stage::Ended => None,
        }
    }

    fn handle_joined(&mut self, joined: Joined, now_ms: u64) {
        match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Uncertified(uncertified) => {
                self.stage = Stage::Uncertified(uncertified);
                self.outputs.push(Output::Problem(Problem::new(
                    ProblemCode::NotCertified,
                    "The certificate is not signed yet; join after that.",
                )));
            }
            Stage::Certified(mls) => {
                let started = Committer::join(joined.participant, *mls, joined.log, now_ms);
                match started {
                    Ok((committer, effects)) => {
                        let line =
                            self.trace.as_ref().map(|one| one.line("join", &committer, &effects));
                        self.push_trace(line);
                        self.stage = Stage::Joined(Box::new(committer));
                        self.next_heartbeat_ms = Some(now_ms.saturating_add(HEARTBEAT_MS));
                        self.execute(effects, now_ms);
                    }
                    Err(reason) => self.end(reason),
                }
            }
            // The server treats this client as a new participant.
            Stage::Joined(_) => self.end(RejoinReason::UnknownToServer),
            Stage::Ended => {}
        }
    }

    fn handle_event(&mut self, event: Event, now_ms: u64) {
        if let Stage::Joined(committer) = &mut self.stage {
            let position = committer.view().position();
            let step = self.trace.as_mut().and_then(|trace| trace.step_of(&event, position));
            let effects = committer.on_event(event, now_ms);
            let trace = step.and_then(|step| Some((step, self.trace.as_ref()?)));
            let line = trace.map(|(step, trace)| trace.line(step, committer, &effects));
            self.push_trace(line);
            self.execute(effects, now_ms);
        }
    }

    fn execute(&mut self, effects: Vec<Effect>, now_ms: u64) {
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
                    // Without these keys, frames that come early wait until the epoch begins.
                    if let Some(keys) = committer.mls().pending_media_keys(epoch) {
                        self.outputs.push(Output::PendingKeys(keys));
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
                        self.start_epoch(now_ms);
                    }
                    Err(_) => self.end(RejoinReason::Internal),
                },
                Effect::Report(report) => self.outputs.push(Output::Problem(report.into())),
                Effect::Rejoin(reason) => self.end(reason),
            }
        }
    }

    /// Wipes all keys and all state, and asks the shell to rejoin.
    fn end(&mut self, reason: RejoinReason) {
        if matches!(self.stage, Stage::Ended) && self.next_heartbeat_ms.is_none() {
            return;
        }
        self.stage = Stage::Ended;
        self.timers.clear();
        self.next_heartbeat_ms = None;
        self.messaging = Messaging::default();
        self.outputs.wipe();
        self.outputs.push(Output::Rejoin(reason));
    }
}

/// Returns the members of the current epoch and their room code.
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
