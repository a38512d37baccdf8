//! What people are told of the server's end before it comes.

use signaling_protocol::{ControlMessage, ServerMessage};

use super::participant::Participant;
use super::{Millis, Output, Room, SocketId};

/// Whether the server is about to end, on somebody's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook<Time> {
    /// Nothing is known of an end.
    Stays,
    /// It ends, and at this time if anybody has said when.
    Ends { at: Option<Time> },
}

impl<Time> Outlook<Time> {
    /// The same on another clock.
    pub(crate) fn map<Other>(self, onto: impl FnOnce(Time) -> Other) -> Outlook<Other> {
        match self {
            Self::Stays => Outlook::Stays,
            Self::Ends { at } => Outlook::Ends { at: at.map(onto) },
        }
    }
}

impl Outlook<Millis> {
    fn in_words(self, now: Millis) -> ServerMessage {
        let seconds = |at: Millis| u32::try_from(at.saturating_sub(now).div_ceil(1000));
        match self {
            Self::Stays => ServerMessage::Control(ControlMessage::ShutdownCancelled),
            Self::Ends { at } => {
                let in_seconds = at.map(|at| seconds(at).unwrap_or(u32::MAX));
                ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds })
            }
        }
    }
}

impl Room {
    /// Whoever runs the server has decided how it goes on: everybody is told.
    pub(crate) fn foresee(&mut self, outlook: Outlook<Millis>, now: Millis) {
        if outlook == self.outlook {
            return;
        }
        self.outlook = outlook;
        let inside = self.participants.values().filter_map(Participant::socket);
        let to: Vec<_> = inside.chain(self.entrance.sockets()).collect();
        if !to.is_empty() {
            self.outputs.push_back(Output::Send { to, message: outlook.in_words(now) });
        }
    }

    /// Somebody has come, or come back: what is known of an end is told once more.
    pub(super) fn tell_outlook(&mut self, socket: SocketId, now: Millis) {
        match self.outlook {
            Outlook::Stays => {}
            Outlook::Ends { .. } => self.send(socket, self.outlook.in_words(now)),
        }
    }
}
