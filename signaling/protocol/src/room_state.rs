//! The state of a room as a client learns it: whole on joining, then by deltas.

use serde::{Deserialize, Serialize};

use crate::{LogEntry, LogSnapshot, Opaque, ParticipantId, Rules, Secret, Seq, Track};

/// The state that a new participant needs: its own id and secret, the room, and the delivery log.
/// (Not the MLS Welcome.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Joined {
    /// The server's [`crate::VERSION`].
    pub version: u16,
    /// The new participant's id in this room.
    pub participant: ParticipantId,
    /// Proves who the participant is when it reconnects; the client keeps it.
    pub resume_token: Secret,
    /// The room's newest delta; the next one is its successor.
    pub seq: Seq,
    /// The participants and the rules.
    pub room: RoomSnapshot,
    /// The state of the delivery log.
    pub log: LogSnapshot,
    /// The number of receiving m-lines to offer.
    pub slots: ReceiveSlots,
}

/// The number of receiving m-lines in an offer. The SFU assigns tracks to them without another
/// negotiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReceiveSlots {
    /// Audio m-lines.
    pub audio: u8,
    /// Video m-lines.
    pub video: u8,
}

/// The participants of a room as the server sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoomSnapshot {
    /// In join order.
    pub participants: Vec<ParticipantState>,
    /// The join policy and the hosts.
    pub rules: Rules,
    /// Participants whose connection is broken, as reported by [`Delta::ConnectionChanged`].
    pub disconnected: Vec<ParticipantId>,
}

/// One participant and its tracks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ParticipantState {
    /// The participant.
    pub participant: ParticipantId,
    /// The tracks it publishes.
    pub tracks: Vec<Track>,
}

/// Replaces the state of a client that missed deltas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Snapshot {
    /// The newest delta that it includes.
    pub seq: Seq,
    /// The participants and the rules.
    pub room: RoomSnapshot,
    /// The log entries after the position in the client's last heartbeat. The client may have read
    /// some of them already.
    pub log: LogReplay,
}

/// Log entries that a client has missed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogReplay {
    /// In order and without a gap.
    pub entries: Vec<LogEntry>,
}

/// One change of the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Delta {
    /// A participant joined.
    ParticipantJoined(ParticipantState),
    /// A participant left for good.
    ParticipantLeft {
        /// The participant.
        participant: ParticipantId,
    },
    /// A participant changed what it publishes.
    TracksChanged(ParticipantState),
    /// A participant's connection, for messages or for media, has been broken for some seconds, or
    /// is restored. A participant that does not reconnect in time leaves.
    ConnectionChanged {
        /// The participant.
        participant: ParticipantId,
        /// True if it is broken.
        disconnected: bool,
    },
    /// The hosts or the join policy changed.
    RulesChanged(Rules),
    /// A member sent an application message to all members. Kept in memory for a while for clients
    /// that reconnect, never stored.
    Message {
        /// The participant that submitted it; MLS authenticates its author.
        sender: ParticipantId,
        /// As in [`crate::ClientMessage::SendMessage`].
        message: Opaque,
    },
    /// The delivery log has a new entry. Only the members that a commit adds get its Welcome.
    Log {
        /// The new entry.
        entry: LogEntry,
    },
}
