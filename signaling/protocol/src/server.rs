//! What the signalling service says.

use serde::{Deserialize, Serialize};

use crate::{
    Downlink, Handshake, LobbyParticipant, LogEntry, LogSnapshot, MessageId, Opaque, ParticipantId,
    Refusal, Rules, Secret, Seq, SubscribedQuality, Track,
};

/// A message from the signalling service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ServerMessage {
    /// The answer to a hello without resume: you are a participant.
    Joined(Joined),
    /// The answer to a hello with resume: the missed deltas follow, from the client's own
    /// sequence number on, or a [`ServerMessage::Snapshot`] if they are no longer kept.
    Resumed {
        /// The room's newest delta.
        seq: Seq,
    },
    /// Replaces what the client knows of the room, after a resume from too long ago or after
    /// it read too slowly.
    Snapshot(Snapshot),
    /// One change of the room.
    Delta {
        /// Follows its predecessor without a gap.
        seq: Seq,
        /// The change.
        delta: Delta,
    },
    /// A commit that is not in the log yet: a member tells whether it can follow it, by
    /// [`crate::ClientMessage::CommitVote`], and does not follow it before the log has it. Whoever comes
    /// back while it is undecided is asked again.
    CommitPending {
        /// As the log will have it, without its Welcome.
        handshake: Handshake,
    },
    /// A tentative commit will not come into the log: nobody could follow it, or its sender is
    /// gone.
    CommitRejected {
        /// Which.
        message_id: MessageId,
    },
    /// The SFU's answer to an offer.
    Answer {
        /// RFC 8866.
        sdp: String,
    },
    /// The SFU no longer holds this participant's media; a new offer brings it back.
    MediaLost {
        /// Why, and what to do.
        refusal: Refusal,
    },
    /// Which encodings of this participant's track anybody wants; told anew when that changes.
    SubscribedQuality(SubscribedQuality),
    /// How the SFU sees the way to this participant, every few seconds while it changes.
    Downlink(Downlink),
    /// The echo of a heartbeat.
    HeartbeatEcho,
    /// The answer to a hello without resume while the door is attended: you wait, and are told
    /// by [`ServerMessage::Joined`] when a host has let you in. Knock, and go on with heartbeats.
    Waiting,
    /// To hosts: everybody who waits now, in the order of coming.
    LobbyParticipants {
        /// Replaces what was told before.
        lobby_participants: Vec<LobbyParticipant>,
    },
    /// A host asks you to turn your microphone off.
    AskedToMute {
        /// Which one.
        by: ParticipantId,
    },
    /// The server is about to end, and to run again soon: the meeting goes on until then, and comes
    /// back by itself after it. Told to everybody when that is decided, and decided anew, and to
    /// whoever comes or comes back meanwhile.
    ShutdownNotice {
        /// From now on, rounded up; not there if nobody has said when.
        in_seconds: Option<u32>,
    },
    /// It goes on after all.
    ShutdownCancelled,
    /// A message of this client was not carried out; nothing else is lost.
    Refused {
        /// Why, and what to do.
        refusal: Refusal,
    },
    /// The socket closes after this.
    Closing {
        /// Why, and what to do.
        refusal: Refusal,
    },
}

impl ServerMessage {
    /// Its `type` on the wire.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Joined(_) => "joined",
            Self::Resumed { .. } => "resumed",
            Self::Snapshot(_) => "snapshot",
            Self::Delta { .. } => "delta",
            Self::CommitPending { .. } => "commit_pending",
            Self::CommitRejected { .. } => "commit_rejected",
            Self::Answer { .. } => "answer",
            Self::MediaLost { .. } => "media_lost",
            Self::SubscribedQuality(_) => "subscribed_quality",
            Self::Downlink(_) => "downlink",
            Self::HeartbeatEcho => "heartbeat_echo",
            Self::Waiting => "waiting",
            Self::LobbyParticipants { .. } => "lobby_participants",
            Self::AskedToMute { .. } => "asked_to_mute",
            Self::ShutdownNotice { .. } => "shutdown_notice",
            Self::ShutdownCancelled => "shutdown_cancelled",
            Self::Refused { .. } => "refused",
            Self::Closing { .. } => "closing",
        }
    }
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
