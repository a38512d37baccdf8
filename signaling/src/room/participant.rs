//! One participant, as its room sees it.

use signaling_protocol::{LogPosition, Secret, Track};

use super::{Millis, SocketId};
use crate::auth::Role;

#[derive(Debug)]
pub(super) struct Participant {
    pub(super) role: Role,
    pub(super) resume_token: Secret,
    pub(super) presence: Presence,
    pub(super) tracks: Vec<Track>,
    /// The SFU was asked for it and must be told of its end, whatever it has answered: it keeps
    /// the place of one whose connection is lost, and the connection of one whose next offer is
    /// bad.
    pub(super) has_media: bool,
    /// When its last message came.
    pub(super) heard: Millis,
    /// How far it has read the log, by its own word.
    pub(super) position: LogPosition,
    /// Since when it has been behind the log without getting on.
    pub(super) behind_since: Option<Millis>,
    /// When it last got a snapshot for being slow.
    pub(super) resynchronised: Option<Millis>,
}

/// Whether somebody is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// By this socket.
    Here { socket: SocketId },
    /// Its socket broke; it may come back.
    Away { since: Millis },
}

impl Participant {
    pub(super) fn new(
        socket: SocketId,
        role: Role,
        resume_token: Secret,
        position: LogPosition,
        now: Millis,
    ) -> Self {
        Self {
            role,
            resume_token,
            presence: Presence::Here { socket },
            tracks: Vec::new(),
            has_media: false,
            heard: now,
            position,
            behind_since: None,
            resynchronised: None,
        }
    }

    pub(super) fn socket(&self) -> Option<SocketId> {
        match self.presence {
            Presence::Here { socket } => Some(socket),
            Presence::Away { .. } => None,
        }
    }

    /// Notes how far it has read. Getting on, however slowly, is progress.
    pub(super) fn note_progress(&mut self, position: LogPosition, now: Millis) {
        if position > self.position {
            self.position = position;
            self.behind_since = self.behind_since.map(|_| now);
        }
    }
}
