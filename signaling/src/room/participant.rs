//! One participant, as its room sees it.

use signaling_protocol::{
    LogPosition, ParticipantId, ReceiverVideoConstraint, Secret, SubscribedQuality, Track,
};

use super::{Millis, SocketId};
use crate::auth::Role;

#[derive(Debug)]
pub(super) struct Participant {
    pub(super) role: Role,
    pub(super) resume_token: Secret,
    /// Whose place it takes once its KeyPackage is in the log.
    pub(super) predecessor: Option<ParticipantId>,
    pub(super) presence: Presence,
    pub(super) tracks: Vec<Track>,
    /// How it shows the video of others.
    pub(super) constraints: Vec<ReceiverVideoConstraint>,
    /// What others want of its tracks, as last reported: told again when it comes back.
    pub(super) wanted: Vec<SubscribedQuality>,
    /// The SFU was asked for it and must be told of its end, whatever it has answered: it keeps
    /// the place of one whose connection is lost, and the connection of one whose next offer is
    /// bad.
    pub(super) has_media: bool,
    /// Its socket was closed, rather than silent.
    pub(super) socket_closed: bool,
    /// Its media connection has been up.
    pub(super) was_connected: bool,
    /// Since when its media connection has been lost.
    pub(super) media_lost: Option<Millis>,
    /// The others were told that it is away.
    pub(super) announced_disconnected: bool,
    /// When its last message came.
    pub(super) last_received_at: Millis,
    /// When it last said something that the other members could be told.
    pub(super) last_sent_at: Millis,
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
    Connected { socket: SocketId },
    /// Its socket broke, or has been silent, since then; it may come back until then.
    Disconnected { since: Millis, until: Millis },
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
            predecessor: None,
            presence: Presence::Connected { socket },
            tracks: Vec::new(),
            constraints: Vec::new(),
            wanted: Vec::new(),
            has_media: false,
            socket_closed: false,
            was_connected: false,
            media_lost: None,
            announced_disconnected: false,
            last_received_at: now,
            last_sent_at: now,
            position,
            behind_since: None,
            resynchronised: None,
        }
    }

    pub(super) fn socket(&self) -> Option<SocketId> {
        match self.presence {
            Presence::Connected { socket } => Some(socket),
            Presence::Disconnected { .. } => None,
        }
    }

    /// Notes what others want of one of its tracks.
    pub(super) fn set_subscribed_quality(&mut self, wanted: SubscribedQuality) {
        self.wanted.retain(|known| known.source != wanted.source);
        self.wanted.push(wanted);
    }

    /// Notes how far it has read. Getting on, however slowly, is progress.
    pub(super) fn record_progress(&mut self, position: LogPosition, now: Millis) {
        if position > self.position {
            self.position = position;
            self.behind_since = self.behind_since.map(|_| now);
        }
    }
}
