//! The delivery log as one participant has read it, and the rules for its next entry.

use std::collections::BTreeSet;

use signaling_protocol::{
    Handshake, HandshakeCount, JoinedParticipant, LogPosition, LogSnapshot, ParticipantId, Step,
};

/// The most participants of a log that is followed. No server admits as many.
const MAX_PARTICIPANTS: usize = 1024;

/// How many departed participants who never were members are remembered until the next handshake,
/// which may still add one of them. Servers remember no more.
const MAX_DEPARTED_NON_MEMBERS: usize = 128;

/// The state of the log after the entries that were read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LogView {
    position: LogPosition,
    handshake_count: HandshakeCount,
    roster: BTreeSet<ParticipantId>,
    joined: BTreeSet<ParticipantId>,
    departed: BTreeSet<ParticipantId>,
}

/// The log of a correct server cannot have this entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InvalidEntry;

impl LogView {
    /// Returns the view after a snapshot.
    ///
    /// # Errors
    /// [`InvalidEntry`] if the snapshot has more than [`MAX_PARTICIPANTS`].
    pub(super) fn new(snapshot: LogSnapshot) -> Result<Self, InvalidEntry> {
        let LogSnapshot { position, handshakes, roster, joined, departed } = snapshot;
        if [joined.len(), roster.len(), departed.len()].iter().any(|&one| one > MAX_PARTICIPANTS) {
            return Err(InvalidEntry);
        }
        let joined = joined.into_iter().map(|one| one.participant).collect();
        let roster: BTreeSet<_> = roster.into_iter().collect();
        let departed = departed.into_iter().collect();
        Ok(Self { position, handshake_count: handshakes, roster, joined, departed })
    }

    /// Returns the position of the last entry that was read.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Returns the number of handshakes up to [`LogView::position`].
    #[must_use]
    pub fn handshake_count(&self) -> HandshakeCount {
        self.handshake_count
    }

    /// Returns the members after the last handshake.
    #[must_use]
    pub fn roster(&self) -> &BTreeSet<ParticipantId> {
        &self.roster
    }

    /// Returns the members that have not departed, in join order.
    pub fn present_members(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.roster.difference(&self.departed).copied()
    }

    /// Returns the participants that wait to be added, in join order.
    pub fn waiting(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.joined
            .iter()
            .filter(|one| !self.departed.contains(one) && !self.roster.contains(one))
            .copied()
    }

    /// Returns the members that have departed and are to be removed.
    pub fn to_remove(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.roster.intersection(&self.departed).copied()
    }

    /// Moves on to the entry at this position, once it was applied.
    pub(super) fn move_to(&mut self, position: LogPosition) {
        self.position = position;
    }

    /// Adds a participant. The one that it replaces departs by the same entry. Returns the
    /// participants that no later entry can concern.
    ///
    /// # Errors
    /// [`InvalidEntry`] if the participant joined before, or the one that it replaces is not here.
    pub(super) fn apply_joined(
        &mut self,
        joined: &JoinedParticipant,
    ) -> Result<Vec<ParticipantId>, InvalidEntry> {
        let full = self.joined.len() >= MAX_PARTICIPANTS;
        let is_here = |one| self.joined.contains(&one) && !self.departed.contains(&one);
        let replaces_none = joined.replaces.is_some_and(|one| !is_here(one));
        if full || replaces_none || !self.joined.insert(joined.participant) {
            return Err(InvalidEntry);
        }
        Ok(joined.replaces.map_or_else(Vec::new, |one| self.apply_departed(one)))
    }

    /// Marks a participant as departed. Returns the participants that no later entry can concern.
    pub(super) fn apply_departed(&mut self, participant: ParticipantId) -> Vec<ParticipantId> {
        if self.roster.contains(&participant) || self.joined.contains(&participant) {
            self.departed.insert(participant);
        }
        let non_members: Vec<_> = self.departed.difference(&self.roster).copied().collect();
        let excess = non_members.len().saturating_sub(MAX_DEPARTED_NON_MEMBERS);
        self.forget(non_members.into_iter().take(excess).collect())
    }

    /// Returns the members after a handshake, if it can be the next one: a create only where no
    /// member is present; a commit only by a present member, adding only joined participants and
    /// removing only departed ones.
    ///
    /// # Errors
    /// [`InvalidEntry`] if it cannot be the next handshake of a correct log.
    pub(super) fn check_handshake(
        &self,
        handshake: &Handshake,
    ) -> Result<BTreeSet<ParticipantId>, InvalidEntry> {
        let roster: BTreeSet<_> = handshake.roster.iter().copied().collect();
        let sender = handshake.sender;
        let is_next = handshake.count == self.handshake_count.next();
        let is_present = !self.departed.contains(&sender);
        let is_allowed = match &handshake.step {
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
        if is_next && is_allowed && is_present { Ok(roster) } else { Err(InvalidEntry) }
    }

    /// Applies a handshake that [`LogView::check_handshake`] accepted. Returns the participants
    /// that no later entry can concern.
    pub(super) fn apply_handshake(
        &mut self,
        count: HandshakeCount,
        roster: BTreeSet<ParticipantId>,
    ) -> Vec<ParticipantId> {
        self.handshake_count = count;
        self.roster = roster;
        self.forget(self.departed.difference(&self.roster).copied().collect())
    }

    fn forget(&mut self, gone: Vec<ParticipantId>) -> Vec<ParticipantId> {
        for one in &gone {
            self.departed.remove(one);
            self.joined.remove(one);
        }
        gone
    }
}
