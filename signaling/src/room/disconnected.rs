//! Participants whose connection is broken: they keep their place and keys for a while, are shown
//! as disconnected, and are not waited for.

use signaling_protocol::{Delta, MediaMessage, ParticipantId, Refusal, RefusalCode, ServerMessage};

use super::participant::{Participant, Presence};
use super::{Millis, Output, Room, SocketId};

/// A connection that is back sooner is not worth a word.
const NOTICE_DELAY: Millis = 3_000;
/// Time to resume after the socket was closed and media was lost too, in milliseconds. A broken
/// network closes no socket: the browser has ended.
pub(super) const CRASH_TIMEOUT: Millis = 5_000;

impl Participant {
    /// Returns the time since which the connection, for messages or media, has been broken.
    fn broken_since(&self) -> Option<Millis> {
        let socket = match self.presence {
            Presence::Connected { .. } => None,
            Presence::Disconnected { since, .. } => Some(since),
        };
        socket.into_iter().chain(self.media_lost).min()
    }

    /// Returns the time at which the participant is removed although it could still resume: a client
    /// that has closed its socket and sends no media has most likely ended. Media that was never
    /// connected is no sign: without a socket it cannot be set up.
    pub(super) fn crash_deadline(&self) -> Option<Millis> {
        match self.presence {
            Presence::Disconnected { since, .. } if self.socket_closed && self.was_connected => {
                self.media_lost.map(|lost| lost.max(since) + CRASH_TIMEOUT)
            }
            Presence::Disconnected { .. } | Presence::Connected { .. } => None,
        }
    }
}

impl Room {
    /// Returns the participants that the others were told are disconnected.
    pub(super) fn disconnected(&self) -> impl Iterator<Item = ParticipantId> {
        self.participants.iter().filter(|(_, one)| one.announced_disconnected).map(|(&id, _)| id)
    }

    /// Returns when [`Room::disconnect_silent`] or [`Room::announce_connections`] is due.
    pub(super) fn poll_connections(&self) -> Option<Millis> {
        let silent = self.participants.values().filter_map(|one| match one.presence {
            Presence::Connected { .. } => {
                Some(one.last_received_at + self.limits.heartbeat_timeout)
            }
            Presence::Disconnected { .. } => None,
        });
        let untold = self.participants.values().filter(|one| !one.announced_disconnected);
        let noticed = untold.filter_map(|one| Some(one.broken_since()? + NOTICE_DELAY));
        silent.chain(noticed).min()
    }

    /// Its socket was closed.
    pub(super) fn handle_socket_closed(&mut self, participant: ParticipantId, now: Millis) {
        let Some(one) = self.participants.get_mut(&participant) else { return };
        one.presence =
            Presence::Disconnected { since: now, until: now + self.limits.resume_window };
        one.socket_closed = true;
    }

    /// The SFU hears nothing of it any more.
    pub(super) fn media_lost(&mut self, participant: ParticipantId, now: Millis) {
        let Some(one) = self.participants.get_mut(&participant) else { return };
        one.media_lost.get_or_insert(now);
    }

    /// Its media flows.
    pub(super) fn media_restored(&mut self, participant: ParticipantId, now: Millis) {
        let Some(one) = self.participants.get_mut(&participant) else { return };
        one.was_connected = true;
        one.media_lost = None;
        self.announce_connections(now);
    }

    /// Reports lost media again, which the participant may have missed.
    pub(super) fn resend_media_lost(&mut self, participant: ParticipantId, socket: SocketId) {
        let lost = self.participants.get(&participant).and_then(|one| one.media_lost);
        if lost.is_some() {
            let sentence = "the media connection is gone; restart it";
            let refusal = Refusal::new(RefusalCode::MediaUnavailable, sentence);
            self.send(socket, ServerMessage::Media(MediaMessage::MediaLost { refusal }));
        }
    }

    /// Disconnects participants that have sent nothing for too long; they may resume on another socket.
    pub(super) fn disconnect_silent(&mut self, now: Millis) {
        for one in self.participants.values_mut() {
            let Presence::Connected { socket } = one.presence else { continue };
            if one.last_received_at + self.limits.heartbeat_timeout <= now {
                let until = one.last_received_at + self.limits.resume_window;
                one.presence = Presence::Disconnected { since: one.last_received_at, until };
                one.socket_closed = false;
                self.outputs.push_back(Output::Drop { socket });
            }
        }
    }

    /// Announces which participants are disconnected now, and which are connected again.
    pub(super) fn announce_connections(&mut self, now: Millis) {
        let mut changes = Vec::new();
        for (&participant, one) in &mut self.participants {
            let disconnected = one.broken_since().is_some_and(|since| since + NOTICE_DELAY <= now);
            if std::mem::replace(&mut one.announced_disconnected, disconnected) != disconnected {
                changes.push(Delta::ConnectionChanged { participant, disconnected });
            }
        }
        changes.into_iter().for_each(|change| self.broadcast(change));
    }
}
