//! Whoever's connection is broken: it keeps its place and its keys for a while, the others see that
//! it is away, and nobody waits for it.

use signaling_protocol::{Delta, MediaMessage, ParticipantId, Refusal, RefusalCode, ServerMessage};

use super::participant::{Participant, Presence};
use super::{Millis, Output, Room, SocketId};

/// A connection that is back sooner is not worth a word.
const NOTICED: Millis = 3_000;
/// How long one may take to come back who has closed its socket and whose media is lost too, in
/// milliseconds. A network that breaks closes nothing: it was the browser that ended.
pub(super) const CRASHED: Millis = 5_000;
/// How long the last members may be away when somebody waits to be added, in milliseconds.
pub(super) const MISSED: Millis = 10_000;

impl Participant {
    /// Since when its connection has been broken, for messages or for media.
    fn broken_since(&self) -> Option<Millis> {
        let socket = match self.presence {
            Presence::Here { .. } => None,
            Presence::Away { since, .. } => Some(since),
        };
        socket.into_iter().chain(self.media_lost).min()
    }

    /// When it is given up although it could still come back: whoever has closed its socket and
    /// sends no media any more has most likely ended. Media that was never up tells nothing: without
    /// a socket there is no way to set it up.
    pub(super) fn crashed_until(&self) -> Option<Millis> {
        match self.presence {
            Presence::Away { since, .. } if self.has_hung_up && self.was_connected => {
                self.media_lost.map(|lost| lost.max(since) + CRASHED)
            }
            Presence::Away { .. } | Presence::Here { .. } => None,
        }
    }
}

impl Room {
    /// The others were told that these are away.
    pub(super) fn disconnected(&self) -> impl Iterator<Item = ParticipantId> {
        self.participants.iter().filter(|(_, one)| one.told_away).map(|(&id, _)| id)
    }

    /// When [`Room::detach_silent`] or [`Room::tell_away`] has something to do.
    pub(super) fn poll_away(&self) -> Option<Millis> {
        let silent = self.participants.values().filter_map(|one| match one.presence {
            Presence::Here { .. } => Some(one.heard + self.limits.silence),
            Presence::Away { .. } => None,
        });
        let untold = self.participants.values().filter(|one| !one.told_away);
        let noticed = untold.filter_map(|one| Some(one.broken_since()? + NOTICED));
        silent.chain(noticed).min()
    }

    /// Its socket was closed.
    pub(super) fn hung_up(&mut self, participant: ParticipantId, now: Millis) {
        let Some(one) = self.participants.get_mut(&participant) else { return };
        one.presence = Presence::Away { since: now, until: now + self.limits.resume_window };
        one.has_hung_up = true;
    }

    /// The SFU hears nothing of it any more.
    pub(super) fn media_lost(&mut self, participant: ParticipantId, now: Millis) {
        let Some(one) = self.participants.get_mut(&participant) else { return };
        one.media_lost.get_or_insert(now);
    }

    /// Its media flows.
    pub(super) fn media_back(&mut self, participant: ParticipantId, now: Millis) {
        let Some(one) = self.participants.get_mut(&participant) else { return };
        one.was_connected = true;
        one.media_lost = None;
        self.tell_away(now);
    }

    /// Tells again that its media is lost: it may have missed it.
    pub(super) fn tell_media_lost(&mut self, participant: ParticipantId, socket: SocketId) {
        let lost = self.participants.get(&participant).and_then(|one| one.media_lost);
        if lost.is_some() {
            let sentence = "the media connection is gone; restart it";
            let refusal = Refusal::new(RefusalCode::MediaUnavailable, sentence);
            self.send(socket, ServerMessage::Media(MediaMessage::MediaLost { refusal }));
        }
    }

    /// Whoever has said nothing for too long is away: it may come back on another socket.
    pub(super) fn detach_silent(&mut self, now: Millis) {
        for one in self.participants.values_mut() {
            let Presence::Here { socket } = one.presence else { continue };
            if one.heard + self.limits.silence <= now {
                let until = one.heard + self.limits.resume_window;
                one.presence = Presence::Away { since: one.heard, until };
                one.has_hung_up = false;
                self.outputs.push_back(Output::Drop { socket });
            }
        }
    }

    /// Tells everybody who is away by now, and who is back.
    pub(super) fn tell_away(&mut self, now: Millis) {
        let mut changes = Vec::new();
        for (&participant, one) in &mut self.participants {
            let disconnected = one.broken_since().is_some_and(|since| since + NOTICED <= now);
            if std::mem::replace(&mut one.told_away, disconnected) != disconnected {
                changes.push(Delta::ConnectionChanged { participant, disconnected });
            }
        }
        changes.into_iter().for_each(|change| self.broadcast(change));
    }

    /// When a member that has been away since then is taken out because somebody waits to be added:
    /// soon if no other member is there to do that.
    pub(super) fn missed_until(
        &self,
        participant: ParticipantId,
        one: &Participant,
        since: Millis,
    ) -> Millis {
        let Some(mute) = self.mute_until(participant, one) else { return Millis::MAX };
        let is_here = |one| self.participants.get(&one).is_some_and(|it| it.socket().is_some());
        if self.log.present_members().any(is_here) { mute } else { mute.min(since + MISSED) }
    }
}
