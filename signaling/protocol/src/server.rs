//! What the signalling service says.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::{
    Downlink, Handshake, LobbyParticipant, LogEntry, LogSnapshot, MessageId, Opaque, ParticipantId,
    Refusal, Rules, Secret, Seq, SubscribedQuality, Track,
};

/// A message from the signalling service, grouped by the part of a client that reads it.
///
/// On the wire the group is the field `topic`, and the message's own name the field `type`:
/// `{"topic": "media", "type": "answer", "sdp": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "topic", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ServerMessage {
    /// Who is in the room, and what has changed there.
    Room(RoomMessage),
    /// Commits that are not in the delivery log yet.
    Log(LogMessage),
    /// The connection to the SFU.
    Media(MediaMessage),
    /// The WebSocket connection, the server, and refusals.
    Control(ControlMessage),
}

impl ServerMessage {
    /// Returns the value of the field `type` on the wire.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Room(message) => message.into(),
            Self::Log(message) => message.into(),
            Self::Media(message) => message.into(),
            Self::Control(message) => message.into(),
        }
    }
}

macro_rules! topic {
    ($message:ident, $topic:ident) => {
        impl From<$message> for ServerMessage {
            fn from(message: $message) -> Self {
                Self::$topic(message)
            }
        }
    };
}

topic!(RoomMessage, Room);
topic!(LogMessage, Log);
topic!(MediaMessage, Media);
topic!(ControlMessage, Control);

/// Membership of the room, and what has changed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "type", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum RoomMessage {
    /// Answers a hello without resume: the client is a participant.
    Joined(Joined),
    /// Answers a hello with resume. The missed deltas follow, from the sequence number that the
    /// client named, or a [`RoomMessage::Snapshot`] if they are no longer kept.
    Resumed {
        /// The room's newest delta.
        seq: Seq,
    },
    /// Replaces the client's view of the room, after a resume from too long ago or after the
    /// client read too slowly.
    Snapshot(Snapshot),
    /// Reports one change of the room.
    Delta {
        /// Follows its predecessor without a gap.
        seq: Seq,
        /// The change.
        delta: Delta,
    },
    /// Answers a hello without resume while the join policy is [`crate::JoinPolicy::Lobby`]: the
    /// client waits in the lobby. [`RoomMessage::Joined`] follows when a host admits it. The
    /// client sends its name by [`crate::ClientMessage::Knock`], and heartbeats.
    Waiting,
    /// Tells hosts everyone in the lobby, in the order of arrival.
    LobbyParticipants {
        /// Replaces the previous list.
        lobby_participants: Vec<LobbyParticipant>,
    },
    /// Reports that a host asks this participant to turn its microphone off.
    AskedToMute {
        /// The host.
        by: ParticipantId,
    },
}

/// Commits that the delivery log does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "type", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum LogMessage {
    /// Asks a member for its vote on a commit, given by [`crate::ClientMessage::CommitVote`]. The
    /// member does not apply the commit before the log has it. A member that reconnects while the
    /// commit is pending is asked again.
    CommitPending {
        /// As the log will have it, without its Welcome.
        handshake: Handshake,
    },
    /// Reports that a pending commit will not enter the log: no member could follow it, or its
    /// sender is gone.
    CommitRejected {
        /// The rejected submission.
        message_id: MessageId,
    },
}

/// The participant's connection to the SFU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "type", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum MediaMessage {
    /// Answers an offer.
    Answer {
        /// RFC 8866.
        sdp: String,
    },
    /// Reports that the SFU no longer has this participant's connection; a new offer restores it.
    MediaLost {
        /// The reason, and what to do.
        refusal: Refusal,
    },
    /// Tells which encodings of this participant's track are received by others; sent again when
    /// that changes.
    SubscribedQuality(SubscribedQuality),
    /// Reports the SFU's estimate of the downlink, every few seconds while it changes.
    Downlink(Downlink),
}

/// The WebSocket connection, the server, and refusals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "type", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ControlMessage {
    /// Answers a heartbeat.
    HeartbeatEcho,
    /// Announces that the server will stop and start again. Meetings go on until then and
    /// reconnect afterwards. Sent to everyone when that is decided or changed, and to each client
    /// that connects meanwhile.
    ShutdownNotice {
        /// Seconds from now, rounded up; absent if the time is not known.
        in_seconds: Option<u32>,
    },
    /// Withdraws a [`ControlMessage::ShutdownNotice`].
    ShutdownCancelled,
    /// Refuses one message of this client; nothing else is lost.
    Refused {
        /// The reason, and what to do.
        refusal: Refusal,
    },
    /// Precedes the close of the socket by the server.
    Closing {
        /// The reason, and what to do.
        refusal: Refusal,
    },
}

/// The welcome of the room (not the MLS Welcome).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Joined {
    /// [`crate::VERSION`] of the server.
    pub version: u16,
    /// Your id in this room.
    pub participant: ParticipantId,
    /// Keep it: it brings you back after a broken socket.
    pub resume_token: Secret,
    /// The room's newest delta; the next one is its successor.
    pub seq: Seq,
    /// Who else is here.
    pub room: RoomSnapshot,
    /// Where the delivery log stands.
    pub log: LogSnapshot,
    /// How many receiving m-lines to offer.
    pub slots: ReceiveSlots,
}

/// How many receiving m-lines an offer should have: they are filled with whatever tracks matter,
/// without negotiating again.
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
    /// Who may come in, and who the hosts are.
    pub rules: Rules,
    /// Whose connection is broken, as by [`Delta::ConnectionChanged`].
    pub disconnected: Vec<ParticipantId>,
}

/// One participant as the server sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ParticipantState {
    /// Who.
    pub participant: ParticipantId,
    /// What it publishes.
    pub tracks: Vec<Track>,
}

/// A fresh start for a client that missed deltas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Snapshot {
    /// The delta that it stands for.
    pub seq: Seq,
    /// Who else is here.
    pub room: RoomSnapshot,
    /// The log entries after the position that the client has last told: those it has read since
    /// are among them.
    pub log: LogReplay,
}

/// Entries of the log that a client has missed, in order and without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogReplay {
    /// In order.
    pub entries: Vec<LogEntry>,
}

/// One change of the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Delta {
    /// Somebody came.
    ParticipantJoined(ParticipantState),
    /// Somebody went for good.
    ParticipantLeft {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody publishes something else than before.
    TracksChanged(ParticipantState),
    /// Somebody's connection, for messages or for media, has been broken for some seconds, or is
    /// back. Whoever does not come back leaves in the end.
    ConnectionChanged {
        /// Who.
        participant: ParticipantId,
        /// Whether it is broken.
        disconnected: bool,
    },
    /// Somebody became a host or is one no more, or the door is another one.
    RulesChanged(Rules),
    /// A member said something to all members. Kept for a while for those who return, never
    /// stored.
    Message {
        /// Who handed it in; MLS says who wrote it.
        sender: ParticipantId,
        /// As in [`crate::ClientMessage::SendMessage`].
        message: Opaque,
    },
    /// The delivery log grew. A Welcome inside is there for the members that it adds only.
    Log {
        /// The new entry.
        entry: LogEntry,
    },
}
