//! The steps of an endpoint's committer, to check them against the specification in `tla/`: numbers,
//! ids and decisions, nothing that the server does not know.

use serde::Serialize;
use signaling_protocol::{LogEvent, LogPosition, MessageId, ParticipantId};

use crate::committer::{Committer, Effect, Event, RejoinReason, Timer};
use crate::mls::OpenMls;

use super::{Endpoint, Output};

/// The recorder of one endpoint's steps.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// The last handshake that was read from the log.
    last_handshake: Option<MessageId>,
}

/// One line: a step, and the committer's state after it.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    step: &'static str,
    by: ParticipantId,
    position: LogPosition,
    phase: &'static str,
    ended: Option<&'static str>,
    /// The handshake that began the current epoch.
    epoch: Option<MessageId>,
    members: Vec<ParticipantId>,
    /// This participant's handshake that the log has not decided on.
    pending: Option<MessageId>,
}

/// Returns the name of an event's step in `tla/Trace.tla`, if it is a step there.
fn step(event: &Event) -> Option<&'static str> {
    match event {
        Event::Entry(_) => Some("read_entry"),
        Event::CommitRejected(_) => Some("commit_rejected"),
        Event::Reconnected => Some("reconnect"),
        Event::Fired(Timer::Turn) => Some("turn_timer"),
        Event::Fired(Timer::Resend) => Some("resend_timer"),
        // The service records votes. The other events have no effect on the specification's state.
        Event::CommitPending(_)
        | Event::Refused(..)
        | Event::Fired(Timer::JoinDelay | Timer::KeyPackageExpiry | Timer::SelfUpdate) => None,
    }
}

impl Trace {
    /// Returns the name of the step that an event is about to cause, if it is a step.
    pub(super) fn step_of(&mut self, event: &Event, position: LogPosition) -> Option<&'static str> {
        if let Event::Entry(entry) = event {
            // An entry that was read before has no effect.
            if entry.position != position.next() {
                return None;
            }
            if let LogEvent::Handshake(handshake) = &entry.event {
                self.last_handshake = Some(handshake.message_id.clone());
            }
        }
        step(event)
    }

    /// Returns the line of a step, after the committer has taken it.
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
            epoch: self.last_handshake.clone().filter(|_| member),
            members: members.iter().map(|one| one.participant).filter(|_| member).collect(),
            pending: committer.pending().cloned(),
        }
    }
}

impl Endpoint {
    /// Starts to record the committer's steps as [`Output::Trace`], to check them against the
    /// specification. Call it before the first message.
    pub fn start_trace(&mut self) {
        self.trace = Some(Trace::default());
    }

    pub(super) fn push_trace(&mut self, line: Option<Line>) {
        if let Some(line) = line.and_then(|line| serde_json::to_string(&line).ok()) {
            self.outputs.push(Output::Trace(line));
        }
    }
}
