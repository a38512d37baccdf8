//! Who was heard of lately. Whoever is silent may be gone, or may be kept apart by a server that
//! tells two groups two different logs: their messages do not open on the other side.

use std::collections::{BTreeMap, BTreeSet};

use signaling_protocol::ParticipantId;

/// So long a member may be silent, in milliseconds: three heartbeats.
pub(crate) const SILENCE_MS: u64 = 15_000;

/// When each other member was last heard of.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    heard_ms: BTreeMap<ParticipantId, u64>,
    told: BTreeSet<ParticipantId>,
}

impl Witness {
    /// The members, without this one, from now on. A new member's time begins now.
    pub(crate) fn members(&mut self, members: impl Iterator<Item = ParticipantId>, now_ms: u64) {
        let before = std::mem::take(&mut self.heard_ms);
        self.heard_ms =
            members.map(|one| (one, before.get(&one).copied().unwrap_or(now_ms))).collect();
    }

    /// A message of this member was opened in the current epoch.
    pub(crate) fn heard(&mut self, member: ParticipantId, now_ms: u64) {
        if let Some(heard_ms) = self.heard_ms.get_mut(&member) {
            *heard_ms = now_ms;
        }
    }

    /// The members who were silent for too long, if they are others than when this last said so.
    pub(crate) fn news(&mut self, now_ms: u64) -> Option<BTreeSet<ParticipantId>> {
        let silent = |&(_, &heard_ms): &(_, &u64)| now_ms.saturating_sub(heard_ms) >= SILENCE_MS;
        let silent: BTreeSet<_> =
            self.heard_ms.iter().filter(silent).map(|(&member, _)| member).collect();
        (silent != self.told).then(|| {
            self.told.clone_from(&silent);
            silent
        })
    }

    /// When [`Witness::news`] can next have something to say by itself.
    pub(crate) fn due(&self) -> Option<u64> {
        let waiting = self.heard_ms.iter().filter(|(member, _)| !self.told.contains(member));
        waiting.map(|(_, &heard_ms)| heard_ms.saturating_add(SILENCE_MS)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(of: &[u32]) -> BTreeSet<ParticipantId> {
        of.iter().copied().map(ParticipantId).collect()
    }

    #[test]
    fn who_is_silent_for_too_long_is_told_once_and_taken_back_when_heard() {
        let mut witness = Witness::default();
        witness.members(ids(&[1, 2]).into_iter(), 0);
        assert_eq!(witness.due(), Some(SILENCE_MS));
        witness.heard(ParticipantId(1), 5_000);
        assert_eq!(witness.news(SILENCE_MS - 1), None);
        assert_eq!(witness.news(SILENCE_MS), Some(ids(&[2])));
        assert_eq!(witness.news(SILENCE_MS), None);
        witness.heard(ParticipantId(2), SILENCE_MS + 1);
        assert_eq!(witness.news(SILENCE_MS + 1), Some(ids(&[])));
    }

    #[test]
    fn who_leaves_is_not_missed_and_who_comes_has_time() {
        let mut witness = Witness::default();
        witness.members(ids(&[1, 2]).into_iter(), 0);
        witness.members(ids(&[2, 3]).into_iter(), 10_000);
        assert_eq!(witness.news(SILENCE_MS), Some(ids(&[2])));
        assert_eq!(witness.news(10_000 + SILENCE_MS), Some(ids(&[2, 3])));
        assert_eq!(witness.due(), None);
        witness.heard(ParticipantId(9), 0);
        assert_eq!(witness.heard_ms.len(), 2, "a stranger leaves no trace");
    }
}
