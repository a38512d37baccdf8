//! The messages of the signalling service.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::{
    Delta, Downlink, Handshake, Joined, LobbyParticipant, MessageId, ParticipantId, Refusal, Seq,
    Snapshot, SubscribedQuality,
};

/// A message from the signalling service, grouped by the part of a client that reads it.
///
/// On the wire the group is the field `topic`, and the message's own name the field `type`:
/// `{"topic": "media", "type": "answer", "sdp": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "topic", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ServerMessage {
    /// Membership of the room, and changes there.
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
    /// Lists everyone in the lobby, for hosts, in the order of arrival.
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
    /// Reports which encodings of this participant's track are received by others; sent again when that
    /// changes.
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
