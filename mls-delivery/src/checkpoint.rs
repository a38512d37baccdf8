//! The state of a log after some of its entries.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use signaling_protocol::{
    HandshakeCount, JoinedParticipant, LogEntry, LogEvent, LogPosition, LogSnapshot, Opaque,
    ParticipantId, Step,
};

use crate::limits::DEPARTED_WAITING;

/// The state of a log after its entries up to one position, from which the log can go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    pub(crate) position: LogPosition,
    pub(crate) handshakes: HandshakeCount,
    /// The handshake count of the newest create: which MLS group is the current one.
    pub(crate) created: HandshakeCount,
    pub(crate) last_participant: ParticipantId,
    pub(crate) roster: BTreeSet<ParticipantId>,
    /// Members and those who wait, with their KeyPackages.
    pub(crate) joined: BTreeMap<ParticipantId, Opaque>,
    pub(crate) departed: BTreeSet<ParticipantId>,
    /// The participant that each joined one replaces, while both are among the joined.
    #[serde(default)]
    pub(crate) replaced: BTreeMap<ParticipantId, ParticipantId>,
}

impl Checkpoint {
    /// The last entry that it covers.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Members who are not known to be gone.
    pub(crate) fn present_members(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.roster.difference(&self.departed).copied()
    }

    pub(crate) fn snapshot(&self) -> LogSnapshot {
        let joined = self.joined.iter().map(|(&participant, key_package)| JoinedParticipant {
            participant,
            key_package: key_package.clone(),
            replaces: self.replaced.get(&participant).copied(),
        });
        LogSnapshot {
            position: self.position,
            handshakes: self.handshakes,
            roster: self.roster.iter().copied().collect(),
            joined: joined.collect(),
            departed: self.departed.iter().copied().collect(),
        }
    }

    /// Adds the next entry; returns whom it makes members.
    pub(crate) fn apply(&mut self, entry: &LogEntry) -> BTreeSet<ParticipantId> {
        self.position = entry.position;
        match &entry.event {
            LogEvent::Joined(JoinedParticipant { participant, key_package, replaces }) => {
                self.last_participant = self.last_participant.max(*participant);
                self.joined.insert(*participant, key_package.clone());
                if let Some(old) = replaces {
                    self.replaced.insert(*participant, *old);
                    self.depart(*old);
                }
                BTreeSet::new()
            }
            LogEvent::Departed { participant } => {
                self.depart(*participant);
                BTreeSet::new()
            }
            LogEvent::Handshake(handshake) => {
                self.handshakes = handshake.count;
                if handshake.step == Step::Create {
                    self.created = handshake.count;
                }
                let roster: BTreeSet<_> = handshake.roster.iter().copied().collect();
                let added = roster.difference(&self.roster).copied().collect();
                self.roster = roster;
                self.drop_departed_non_members();
                added
            }
        }
    }

    fn depart(&mut self, participant: ParticipantId) {
        self.departed.insert(participant);
        self.trim_departed_non_members();
    }

    /// Drops departed participants that are no members: the next commit cannot add them, since
    /// commits made before they departed are stale now.
    fn drop_departed_non_members(&mut self) {
        let roster = &self.roster;
        self.departed.retain(|one| {
            let member = roster.contains(one);
            if !member {
                self.joined.remove(one);
            }
            member
        });
        self.trim_replaced();
    }

    fn trim_departed_non_members(&mut self) {
        let non_members: Vec<_> = self.departed.difference(&self.roster).copied().collect();
        let excess = non_members.len().saturating_sub(DEPARTED_WAITING);
        for one in non_members.into_iter().take(excess) {
            self.departed.remove(&one);
            self.joined.remove(&one);
        }
        self.trim_replaced();
    }

    fn trim_replaced(&mut self) {
        let joined = &self.joined;
        self.replaced.retain(|new, old| joined.contains_key(new) && joined.contains_key(old));
    }
}
