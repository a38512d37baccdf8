//! Proof that the other members are in the same epoch, by their heartbeats.
//!
//! A member without a recent heartbeat may be gone, or a server that shows two groups two different
//! logs may keep it apart: the heartbeats of the other group do not decrypt in this one.

use std::collections::{BTreeMap, BTreeSet};

use signaling_protocol::ParticipantId;

/// How long after its last heartbeat a member counts as unconfirmed, in milliseconds: three
/// heartbeats.
pub(crate) const LIVENESS_TIMEOUT_MS: u64 = 15_000;

/// The time of each other member's last heartbeat.
#[derive(Debug, Default)]
pub(crate) struct EpochLiveness {
    last_heartbeat_ms: BTreeMap<ParticipantId, u64>,
    reported: BTreeSet<ParticipantId>,
}

impl EpochLiveness {
    /// Sets the other members. The timeout of a new member starts now.
    pub(crate) fn set_members(
        &mut self,
        members: impl Iterator<Item = ParticipantId>,
        now_ms: u64,
    ) {
        let before = std::mem::take(&mut self.last_heartbeat_ms);
        self.last_heartbeat_ms =
            members.map(|one| (one, before.get(&one).copied().unwrap_or(now_ms))).collect();
    }

    /// Records an authentic heartbeat of a member. Ignores participants that are not members.
    pub(crate) fn record_heartbeat(&mut self, member: ParticipantId, now_ms: u64) {
        if let Some(last_ms) = self.last_heartbeat_ms.get_mut(&member) {
            *last_ms = now_ms;
        }
    }

    /// Returns the unconfirmed members if they differ from the ones that were returned last.
    pub(crate) fn take_change(&mut self, now_ms: u64) -> Option<BTreeSet<ParticipantId>> {
        let is_late =
            |&(_, &last_ms): &(_, &u64)| now_ms.saturating_sub(last_ms) >= LIVENESS_TIMEOUT_MS;
        let unconfirmed: BTreeSet<_> =
            self.last_heartbeat_ms.iter().filter(is_late).map(|(&member, _)| member).collect();
        (unconfirmed != self.reported).then(|| {
            self.reported.clone_from(&unconfirmed);
            unconfirmed
        })
    }

    /// Returns when the next member becomes unconfirmed, in milliseconds.
    pub(crate) fn next_timeout(&self) -> Option<u64> {
        let confirmed =
            self.last_heartbeat_ms.iter().filter(|(member, _)| !self.reported.contains(member));
        confirmed.map(|(_, &last_ms)| last_ms.saturating_add(LIVENESS_TIMEOUT_MS)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(of: &[u32]) -> BTreeSet<ParticipantId> {
        of.iter().copied().map(ParticipantId).collect()
    }

    #[test]
    fn a_late_member_is_reported_once_and_again_when_its_heartbeat_comes() {
        let mut liveness = EpochLiveness::default();
        liveness.set_members(ids(&[1, 2]).into_iter(), 0);
        assert_eq!(liveness.next_timeout(), Some(LIVENESS_TIMEOUT_MS));
        liveness.record_heartbeat(ParticipantId(1), 5_000);
        assert_eq!(liveness.take_change(LIVENESS_TIMEOUT_MS - 1), None);
        assert_eq!(liveness.take_change(LIVENESS_TIMEOUT_MS), Some(ids(&[2])));
        assert_eq!(liveness.take_change(LIVENESS_TIMEOUT_MS), None);
        liveness.record_heartbeat(ParticipantId(2), LIVENESS_TIMEOUT_MS + 1);
        assert_eq!(liveness.take_change(LIVENESS_TIMEOUT_MS + 1), Some(ids(&[])));
    }

    #[test]
    fn a_removed_member_is_not_reported_and_a_new_one_has_the_whole_timeout() {
        let mut liveness = EpochLiveness::default();
        liveness.set_members(ids(&[1, 2]).into_iter(), 0);
        liveness.set_members(ids(&[2, 3]).into_iter(), 10_000);
        assert_eq!(liveness.take_change(LIVENESS_TIMEOUT_MS), Some(ids(&[2])));
        assert_eq!(liveness.take_change(10_000 + LIVENESS_TIMEOUT_MS), Some(ids(&[2, 3])));
        assert_eq!(liveness.next_timeout(), None);
        liveness.record_heartbeat(ParticipantId(9), 0);
        assert_eq!(
            liveness.last_heartbeat_ms.len(),
            2,
            "a participant that is no member is ignored"
        );
    }
}
