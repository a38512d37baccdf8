//! Spans of operations that a participant waits for: a join, and an MLS handshake. They contain the
//! kind of the operation and its outcome; no room, name, token or payload.

use std::collections::HashMap;

use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, LogEvent, LogMessage, MessageId, RefusalCode,
    RoomMessage, ServerMessage, Step,
};
use tracing::{Span, field, info_span};

use crate::room::SocketId;

/// The target of all spans, by which logs leave them out and an exporter finds them.
pub const TARGET: &str = "orange_spans";

/// From a socket's hello until the room has answered it.
pub(crate) fn join(comes_back: bool) -> Span {
    info_span!(
        target: TARGET,
        "join",
        otel.kind = "server",
        comes_back,
        outcome = field::Empty,
        refusal = field::Empty
    )
}

/// Ends the span of a join that is refused.
pub(crate) fn refused(join: &Span, code: RefusalCode) {
    record(join, "refused", Some(code));
}

/// The spans of a room that have not ended: of a socket at most one join and one handshake.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    joins: HashMap<SocketId, Span>,
    handshakes: HashMap<SocketId, (MessageId, Span)>,
}

impl Spans {
    /// A socket has come with its hello.
    pub(crate) fn join_started(&mut self, socket: SocketId, join: Span) {
        if !join.is_disabled() {
            self.joins.insert(socket, join);
        }
    }

    /// Handles a message from a socket. A handshake's span lasts until its sender is told the outcome,
    /// or submits another one.
    pub(crate) fn received(&mut self, socket: SocketId, message: &ClientMessage) {
        let ClientMessage::Submit(submission) = message else { return };
        let step = match submission.step {
            Step::Create => "create",
            Step::Commit { .. } => "commit",
        };
        let span = info_span!(
            target: TARGET,
            "commit",
            otel.kind = "server",
            step,
            roster = submission.roster.len(),
            outcome = field::Empty,
            refusal = field::Empty
        );
        if !span.is_disabled() {
            self.handshakes.insert(socket, (submission.message_id.clone(), span));
        }
    }

    /// The span in which an entry is stored.
    pub(crate) fn append(&self, event: &LogEvent) -> Span {
        let (kind, parent) = match event {
            LogEvent::Joined(_) => ("joined", None),
            LogEvent::Departed { .. } => ("departed", None),
            LogEvent::Handshake(handshake) => {
                let mut open = self.handshakes.values();
                let own = open.find(|(message_id, _)| *message_id == handshake.message_id);
                ("handshake", own.and_then(|(_, span)| span.id()))
            }
        };
        info_span!(target: TARGET, parent: parent, "append", kind)
    }

    /// Handles a message to a socket.
    pub(crate) fn sent(&mut self, socket: SocketId, message: &ServerMessage) {
        if self.joins.is_empty() && self.handshakes.is_empty() {
            return;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else ends a span")]
        match message {
            ServerMessage::Room(RoomMessage::Joined(_)) => self.end_join(socket, "joined"),
            ServerMessage::Room(RoomMessage::Resumed { .. }) => self.end_join(socket, "resumed"),
            ServerMessage::Room(RoomMessage::Waiting) => self.end_join(socket, "waiting"),
            ServerMessage::Room(RoomMessage::Delta { delta: Delta::Log { entry }, .. }) => {
                if let LogEvent::Handshake(handshake) = &entry.event {
                    self.end_handshake(socket, &handshake.message_id, "final", None);
                }
            }
            ServerMessage::Log(LogMessage::CommitRejected { message_id }) => {
                self.end_handshake(socket, message_id, "dropped", None);
            }
            ServerMessage::Control(ControlMessage::Refused { refusal }) => {
                if let Some(message_id) = &refusal.message_id {
                    self.end_handshake(socket, message_id, "refused", Some(refusal.code));
                }
            }
            _ => {}
        }
    }

    /// A socket is closed: by the room, with a code, or by its other end.
    pub(crate) fn closed(&mut self, socket: SocketId, code: Option<RefusalCode>) {
        let outcome = if code.is_some() { "refused" } else { "gone" };
        if let Some(span) = self.joins.remove(&socket) {
            record(&span, outcome, code);
        }
        if let Some((_, span)) = self.handshakes.remove(&socket) {
            record(&span, outcome, code);
        }
    }

    fn end_join(&mut self, socket: SocketId, outcome: &'static str) {
        if let Some(span) = self.joins.remove(&socket) {
            record(&span, outcome, None);
        }
    }

    fn end_handshake(
        &mut self,
        socket: SocketId,
        message_id: &MessageId,
        outcome: &'static str,
        code: Option<RefusalCode>,
    ) {
        if self.handshakes.get(&socket).is_some_and(|(own, _)| own == message_id)
            && let Some((_, span)) = self.handshakes.remove(&socket)
        {
            record(&span, outcome, code);
        }
    }
}

fn record(span: &Span, outcome: &'static str, code: Option<RefusalCode>) {
    span.record("outcome", outcome);
    if let Some(code) = code {
        span.record("refusal", code.name());
    }
}
