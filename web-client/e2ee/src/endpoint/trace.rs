//! What an endpoint's committer did, for a check against the specification in `tla/`: numbers, ids
//! and decisions, nothing that the server does not know.

use serde::Serialize;
use signaling_protocol::{LogEvent, LogPosition, MessageId, ParticipantId};

use crate::committer::{Committer, Effect, Event, RejoinReason, Timer};
use crate::mls::OpenMls;

use super::{Endpoint, Output};

/// The trace of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// The last handshake that was read.
    handshake: Option<MessageId>,
}

/// One line: a step, and what it has come to.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    step: &'static str,
    by: ParticipantId,
    position: LogPosition,
    phase: &'static str,
    ended: Option<&'static str>,
    /// The handshake that made the current epoch.
    epoch: Option<MessageId>,
    members: Vec<ParticipantId>,
    /// The own handshake that the log has not decided on.
    pending: Option<MessageId>,
}

/// The step of an event, if the specification knows it.
fn step(event: &Event) -> Option<&'static str> {
    match event {
        Event::Entry(_) => Some("read_entry"),
        Event::CommitRejected(_) => Some("commit_rejected"),
        Event::Reconnected => Some("reconnect"),
        Event::Fired(Timer::Turn) => Some("turn_timer"),
        Event::Fired(Timer::Resend) => Some("resend_timer"),
        // A judgement is a step of the service's, which hears of it; people are told of the others.
        Event::CommitPending(_)
        | Event::Refused(..)
        | Event::Fired(Timer::JoinDelay | Timer::KeyPackageExpiry | Timer::SelfUpdate) => None,
    }
}

impl Trace {
    /// Before an event: its step, if it is one.
    pub(super) fn begin(&mut self, event: &Event, position: LogPosition) -> Option<&'static str> {
        if let Event::Entry(entry) = event {
            // An entry that was read before changes nothing.
            if entry.position != position.next() {
                return None;
            }
            if let LogEvent::Handshake(handshake) = &entry.event {
                self.handshake = Some(handshake.message_id.clone());
            }
        }
        step(event)
    }

    /// After it.
    pub(super) fn line(
        &self,
        step: &'static str,
        committer: &Committer<OpenMls>,
        effects: &[Effect],
    ) -> Line {
        let ended = effects.iter().find_map(|effect| match effect {
            Effect::Rejoin(reason) => Some(RejoinReason::code(*reason)),
            Effect::UploadKeyPackage
            | Effect::Submit(_)
            | Effect::StartTimer { .. }
            | Effect::StopTimer(_)
            | Effect::CommitVote { .. }
            | Effect::EpochPending(_)
            | Effect::EpochStarted(_)
            | Effect::Report(_) => None,
        });
        let member = committer.is_member();
        let members = committer.mls().members();
        Line {
            step,
            by: committer.me(),
            position: committer.view().position(),
            phase: committer.phase(),
            ended,
            epoch: self.handshake.clone().filter(|_| member),
            members: members.iter().map(|one| one.participant).filter(|_| member).collect(),
            pending: committer.pending().cloned(),
        }
    }
}

impl Endpoint {
    /// Has every step of its committer told by [`Output::Trace`], for a check against the
    /// specification. Ask for it before the first message.
    pub fn start_trace(&mut self) {
        self.trace = Some(Trace::default());
    }

    pub(super) fn tell(&mut self, line: Option<Line>) {
        if let Some(line) = line.and_then(|line| serde_json::to_string(&line).ok()) {
            self.outputs.push(Output::Trace(line));
        }
    }
}
