//! An entry on its way: prepared, stored as a record, accepted, handed out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use signaling_protocol::{
    Handshake, LogEntry, LogEvent, LogPosition, MessageId, ParticipantId, Step,
};

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The entry.
    pub entry: LogEntry,
}

impl Record {
    /// Bytes of MLS messages in it.
    pub(crate) fn weight(&self) -> usize {
        match &self.entry.event {
            LogEvent::Joined(joined) => joined.key_package.0.len(),
            LogEvent::Departed { .. } => 0,
            LogEvent::Handshake(handshake) => match &handshake.step {
                Step::Create => 0,
                Step::Commit { commit, welcome } => {
                    commit.0.len() + welcome.as_ref().map_or(0, |welcome| welcome.0.len())
                }
            },
        }
    }
}

/// An entry that is decided but not yet true. Made by a log, for that log at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prepared(pub(crate) Record);

impl Prepared {
    /// Returns the record to store.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.0
    }

    /// Returns the id by which the store recognises a repeated append. No two entries of a log have
    /// the same, whatever ids their senders choose.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        MessageId(match &self.0.entry.event {
            LogEvent::Joined(joined) => format!("joined-{}", joined.participant),
            LogEvent::Departed { participant } => format!("departed-{participant}"),
            LogEvent::Handshake(handshake) => {
                format!("handshake-{}-{}", handshake.count, handshake.message_id.0)
            }
        })
    }
}

/// The outcome of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Submitted {
    /// It is the next handshake.
    New(Prepared),
    /// It was accepted before, here; the sender had not heard.
    Known(LogPosition),
}

/// An accepted entry, with the participants that it makes members.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Accepted {
    pub(crate) entry: LogEntry,
    pub(crate) added: BTreeSet<ParticipantId>,
    pub(crate) weight: usize,
}

impl Accepted {
    /// The entry, whole.
    #[must_use]
    pub fn entry(&self) -> &LogEntry {
        &self.entry
    }

    /// The entry as one participant gets it: a Welcome goes only to those whom it adds.
    #[must_use]
    pub fn for_participant(&self, participant: ParticipantId) -> LogEntry {
        let LogEvent::Handshake(handshake) = &self.entry.event else { return self.entry.clone() };
        let step = match &handshake.step {
            Step::Commit { commit, welcome: Some(_) } if !self.added.contains(&participant) => {
                Step::Commit { commit: commit.clone(), welcome: None }
            }
            Step::Commit { .. } | Step::Create => handshake.step.clone(),
        };
        let handshake = Handshake {
            count: handshake.count,
            sender: handshake.sender,
            message_id: handshake.message_id.clone(),
            roster: handshake.roster.clone(),
            step,
        };
        LogEntry { position: self.entry.position, event: LogEvent::Handshake(handshake) }
    }
}
