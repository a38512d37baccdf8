//! The notice of a planned shutdown.

use signaling_protocol::{ControlMessage, ServerMessage};

use super::participant::Participant;
use super::{Millis, Output, Room, SocketId};

/// A planned shutdown, with a time of type `T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShutdownNotice<Time> {
    /// Nothing is known of an end.
    None,
    /// It ends, and at this time if anybody has said when.
    Planned { at: Option<Time> },
}

impl<Time> ShutdownNotice<Time> {
    /// The same on another clock.
    pub(crate) fn map<Other>(self, onto: impl FnOnce(Time) -> Other) -> ShutdownNotice<Other> {
        match self {
            Self::None => ShutdownNotice::None,
            Self::Planned { at } => ShutdownNotice::Planned { at: at.map(onto) },
        }
    }
}

impl ShutdownNotice<Millis> {
    fn to_message(self, now: Millis) -> ServerMessage {
        let seconds = |at: Millis| u32::try_from(at.saturating_sub(now).div_ceil(1000));
        match self {
            Self::None => ServerMessage::Control(ControlMessage::ShutdownCancelled),
            Self::Planned { at } => {
                let in_seconds = at.map(|at| seconds(at).unwrap_or(u32::MAX));
                ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds })
            }
        }
    }
}

impl Room {
    /// Announces a shutdown that the operator has planned, changed or cancelled.
    pub(crate) fn announce_shutdown(
        &mut self,
        shutdown_notice: ShutdownNotice<Millis>,
        now: Millis,
    ) {
        if shutdown_notice == self.shutdown_notice {
            return;
        }
        self.shutdown_notice = shutdown_notice;
        let inside = self.participants.values().filter_map(Participant::socket);
        let to: Vec<_> = inside.chain(self.lobby.sockets()).collect();
        if !to.is_empty() {
            self.outputs.push_back(Output::Send { to, message: shutdown_notice.to_message(now) });
        }
    }

    /// Sends the current notice to a participant that joins or resumes.
    pub(super) fn send_shutdown_notice(&mut self, socket: SocketId, now: Millis) {
        match self.shutdown_notice {
            ShutdownNotice::None => {}
            ShutdownNotice::Planned { .. } => {
                self.send(socket, self.shutdown_notice.to_message(now))
            }
        }
    }
}
