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
    /// The participant that it replaces once its KeyPackage is in the log.
    pub(super) predecessor: Option<ParticipantId>,
    pub(super) presence: Presence,
    pub(super) tracks: Vec<Track>,
    /// The sizes at which it displays the video of others.
    pub(super) constraints: Vec<ReceiverVideoConstraint>,
    /// The encodings of its tracks that others receive, as last reported; sent again when it resumes.
    pub(super) wanted: Vec<SubscribedQuality>,
    /// The SFU was given an offer and must be told when the participant leaves, whatever its answer: it
    /// keeps the place of a lost connection, and the connection of a participant whose next offer is bad.
    pub(super) has_media: bool,
    /// Its socket was closed, rather than silent.
    pub(super) socket_closed: bool,
    /// Its media connection has been up.
    pub(super) was_connected: bool,
    /// The time since which its media connection has been lost.
    pub(super) media_lost: Option<Millis>,
    /// The others were told that it is disconnected.
    pub(super) announced_disconnected: bool,
    /// The time of its last message.
    pub(super) last_received_at: Millis,
    /// The time of its last message for other members.
    pub(super) last_sent_at: Millis,
    /// The last log position that it has reported.
    pub(super) position: LogPosition,
    /// The time since which it has been behind the log without progress.
    pub(super) behind_since: Option<Millis>,
    /// The time of its last snapshot for slow reading.
    pub(super) resynchronised: Option<Millis>,
}

/// The state of a participant's socket.
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
