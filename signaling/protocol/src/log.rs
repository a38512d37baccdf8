//! The delivery service's log: one totally ordered list of entries per room (RFC 9750 section 5).

use serde::{Deserialize, Serialize};

use crate::{HandshakeCount, LogPosition, MessageId, Opaque, ParticipantId};

/// One entry at its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogEntry {
    /// Its place; entries follow one another without a gap.
    pub position: LogPosition,
    /// The event.
    pub event: LogEvent,
}

/// The content of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum LogEvent {
    /// A participant wants to become a member.
    Joined(JoinedParticipant),
    /// A participant departed for good; members remove it.
    Departed {
        /// The participant.
        participant: ParticipantId,
    },
    /// A create or a commit was accepted.
    Handshake(Handshake),
}

impl LogEvent {
    /// Returns the participant that departs with this event.
    #[must_use]
    pub fn departed(&self) -> Option<ParticipantId> {
        match self {
            Self::Joined(joined) => joined.replaces,
            Self::Departed { participant } => Some(*participant),
            Self::Handshake(_) => None,
        }
    }
}

/// A participant with the KeyPackage by which it can be added.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct JoinedParticipant {
    /// The participant.
    pub participant: ParticipantId,
    /// An RFC 9420 `MLSMessage` of type `mls_key_package`.
    pub key_package: Opaque,
    /// The participant that it replaces: the same client before it lost its keys. It departs with this
    /// entry, so that one commit adds the new leaf and removes the old one.
    pub replaces: Option<ParticipantId>,
}

/// An accepted create or commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Handshake {
    /// The handshake count with this one included.
    pub count: HandshakeCount,
    /// The sender.
    pub sender: ParticipantId,
    /// The submission's id, by which the sender knows its own.
    pub message_id: MessageId,
    /// The members after it, by its sender's word; members check it against the MLS tree.
    pub roster: Vec<ParticipantId>,
    /// The change of the group.
    pub step: Step,
}

/// The change of the group that a handshake makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Step {
    /// A new MLS group with its sender as the only member.
    Create,
    /// The next epoch of the group.
    Commit {
        /// An RFC 9420 `MLSMessage` that holds the Commit.
        commit: Opaque,
        /// An `MLSMessage` of type `mls_welcome`, if members were added; sent to those only.
        welcome: Option<Opaque>,
    },
}

/// A member's word on a commit that is not in the log yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum CommitVote {
    /// It can be followed.
    Ack,
    /// It cannot be followed: not valid, or against the rules.
    Nack,
}

/// A client's submission: accepted whole, as one entry, or refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Submission {
    /// Made once per submission and kept when it is resent.
    pub message_id: MessageId,
    /// The handshake count it builds on; refused as stale if the log has moved on.
    pub expected: HandshakeCount,
    /// The members after it.
    pub roster: Vec<ParticipantId>,
    /// The change of the group.
    pub step: Step,
}

/// Where a log stands: all that a joiner needs in order to follow from here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogSnapshot {
    /// The last entry it covers.
    pub position: LogPosition,
    /// Handshakes accepted so far.
    pub handshakes: HandshakeCount,
    /// The members after the last handshake.
    pub roster: Vec<ParticipantId>,
    /// Every participant that is a member or waits to be one, with its KeyPackage.
    pub joined: Vec<JoinedParticipant>,
    /// Every departed participant that is still a member.
    pub departed: Vec<ParticipantId>,
}
