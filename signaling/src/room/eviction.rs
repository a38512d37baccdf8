//! The deadlines after which a participant is removed: disconnected, behind the log, or unresponsive.

use signaling_protocol::ParticipantId;

use super::participant::{Participant, Presence};
use super::{Millis, Room};

/// Time that the last members may be disconnected while a participant waits, in milliseconds.
pub(super) const ABSENCE_TIMEOUT: Millis = 10_000;

impl Room {
    /// Returns the time at which a participant is removed if nothing changes.
    pub(super) fn removal_deadline(&self, participant: ParticipantId, one: &Participant) -> Millis {
        match one.presence {
            Presence::Disconnected { since, until } => {
                let crashed = one.crash_deadline().unwrap_or(Millis::MAX);
                self.absence_deadline(participant, one, since).min(until).min(crashed)
            }
            Presence::Connected { .. } => {
                let behind = one.behind_since.map(|since| since + self.limits.heartbeat_timeout);
                let unresponsive = self.unresponsive_deadline(participant, one);
                behind.into_iter().chain(unresponsive).min().unwrap_or(Millis::MAX)
            }
        }
    }

    /// Returns the time at which a member is removed as unresponsive while participants wait to be
    /// added: it receives messages, and none of its own arrive. A working member sends one every few
    /// seconds, and any handshake shows that members are at work.
    pub(super) fn unresponsive_deadline(
        &self,
        participant: ParticipantId,
        one: &Participant,
    ) -> Option<Millis> {
        let since = self.waiting_since.filter(|_| self.log.is_present_member(participant))?;
        Some(since.max(one.last_sent_at) + self.limits.heartbeat_timeout)
    }

    /// Returns the reason for the removal of a connected participant, for the log.
    pub(super) fn removal_reason(
        &self,
        participant: ParticipantId,
        one: &Participant,
        now: Millis,
    ) -> &'static str {
        if self
            .unresponsive_deadline(participant, one)
            .is_some_and(|unresponsive| unresponsive <= now)
        {
            "participants wait to be added, and no message of this member arrives"
        } else {
            "the participant has fallen behind the log"
        }
    }

    /// Notes after a new log entry whether participants wait to be added, and since when members
    /// have not acted.
    pub(super) fn update_waiting(&mut self, stepped: bool, now: Millis) {
        let since = self.waiting_since.filter(|_| !stepped).unwrap_or(now);
        self.waiting_since = self.log.has_waiting().then_some(since);
    }

    /// Returns the time at which a member, disconnected since `since`, is removed because a
    /// participant waits to be added: soon if no other member is connected to add it.
    fn absence_deadline(
        &self,
        participant: ParticipantId,
        one: &Participant,
        since: Millis,
    ) -> Millis {
        let Some(unresponsive) = self.unresponsive_deadline(participant, one) else {
            return Millis::MAX;
        };
        let is_here = |one| self.participants.get(&one).is_some_and(|it| it.socket().is_some());
        if self.log.present_members().any(is_here) {
            unresponsive
        } else {
            unresponsive.min(since + ABSENCE_TIMEOUT)
        }
    }
}
