//! The log as one participant has read it, and what it makes of the next entry.

use std::collections::BTreeSet;

use signaling_protocol::{
    Handshake, HandshakeCount, JoinedParticipant, LogPosition, LogSnapshot, ParticipantId, Step,
};

/// More participants than any server lets wait: a log that goes beyond is not followed.
const ANNOUNCED: usize = 1024;

/// Departed participants that never were members and are remembered until the next handshake,
/// which may still add one of them. Servers remember no more than this.
const DEPARTED_WAITING: usize = 128;

/// What has been read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LogView {
    pub(super) position: LogPosition,
    pub(super) handshakes: HandshakeCount,
    pub(super) roster: BTreeSet<ParticipantId>,
    joined: BTreeSet<ParticipantId>,
    pub(super) departed: BTreeSet<ParticipantId>,
}

/// An entry that no correct server's log can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Impossible;

impl LogView {
    /// The log up to a snapshot.
    pub(super) fn new(snapshot: LogSnapshot) -> Result<Self, Impossible> {
        let LogSnapshot { position, handshakes, roster, joined, departed } = snapshot;
        if joined.len() > ANNOUNCED || roster.len() > ANNOUNCED || departed.len() > ANNOUNCED {
            return Err(Impossible);
        }
        let joined = joined.into_iter().map(|one| one.participant).collect();
        let roster: BTreeSet<_> = roster.into_iter().collect();
        let departed = departed.into_iter().collect();
        Ok(Self { position, handshakes, roster, joined, departed })
    }

    /// The last entry that was read.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Handshakes that were read.
    #[must_use]
    pub fn handshakes(&self) -> HandshakeCount {
        self.handshakes
    }

    /// The members after the last handshake.
    #[must_use]
    pub fn roster(&self) -> &BTreeSet<ParticipantId> {
        &self.roster
    }

    /// Members who are not known to be gone.
    pub fn present_members(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.roster.difference(&self.departed).copied()
    }

    /// Participants who wait to be added.
    pub fn waiting(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.joined
            .iter()
            .filter(|one| !self.departed.contains(one) && !self.roster.contains(one))
            .copied()
    }

    /// Members who are gone.
    pub fn to_remove(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.roster.intersection(&self.departed).copied()
    }

    /// Whoever it replaces is gone by the same entry. Gives the participants who are of no matter
    /// any more.
    pub(super) fn join(
        &mut self,
        joined: &JoinedParticipant,
    ) -> Result<Vec<ParticipantId>, Impossible> {
        let full = self.joined.len() >= ANNOUNCED;
        let counted_on = |one| self.joined.contains(&one) && !self.departed.contains(&one);
        let replaces_nobody = joined.replaces.is_some_and(|one| !counted_on(one));
        if full || replaces_nobody || !self.joined.insert(joined.participant) {
            return Err(Impossible);
        }
        Ok(joined.replaces.map_or_else(Vec::new, |one| self.depart(one)))
    }

    /// Gives the participants who are of no matter any more.
    pub(super) fn depart(&mut self, participant: ParticipantId) -> Vec<ParticipantId> {
        if self.roster.contains(&participant) || self.joined.contains(&participant) {
            self.departed.insert(participant);
        }
        let outsiders: Vec<_> = self.departed.difference(&self.roster).copied().collect();
        let excess = outsiders.len().saturating_sub(DEPARTED_WAITING);
        self.forget(outsiders.into_iter().take(excess).collect())
    }

    /// The members after a handshake, if it can be the next one: a create only where no member
    /// is left, a commit only by a member who is present, for those who joined, without those
    /// who are gone.
    pub(super) fn check(
        &self,
        handshake: &Handshake,
    ) -> Result<BTreeSet<ParticipantId>, Impossible> {
        let roster: BTreeSet<_> = handshake.roster.iter().copied().collect();
        let sender = handshake.sender;
        let in_order = handshake.count == self.handshakes.next();
        let gone = self.departed.contains(&sender);
        let fits = match &handshake.step {
            Step::Create => {
                self.present_members().next().is_none()
                    && self.joined.contains(&sender)
                    && handshake.roster == [sender]
            }
            Step::Commit { .. } => {
                self.roster.contains(&sender)
                    && roster.contains(&sender)
                    && roster.len() == handshake.roster.len()
                    && roster.difference(&self.roster).all(|one| self.joined.contains(one))
                    && self.roster.difference(&roster).all(|one| self.departed.contains(one))
            }
        };
        if in_order && fits && !gone { Ok(roster) } else { Err(Impossible) }
    }

    /// Takes a handshake that was checked; gives the participants who are of no matter any more.
    pub(super) fn take(
        &mut self,
        count: HandshakeCount,
        roster: BTreeSet<ParticipantId>,
    ) -> Vec<ParticipantId> {
        self.handshakes = count;
        self.roster = roster;
        self.forget(self.departed.difference(&self.roster).copied().collect())
    }

    fn forget(&mut self, over: Vec<ParticipantId>) -> Vec<ParticipantId> {
        for one in &over {
            self.departed.remove(one);
            self.joined.remove(one);
        }
        over
    }
}
