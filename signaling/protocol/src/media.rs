//! Between a room and the SFU: what the room asks, what the SFU reports.

use serde::{Deserialize, Serialize};

use crate::{
    Downlink, ParticipantId, ReceiverVideoConstraint, Refusal, RoomId, SubscribedQuality, Track,
};

/// What a room asks of the SFU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum MediaCommand {
    /// Take this offer: a new participant's, or one that restarts its ICE. Answered by
    /// [`MediaEvent::Answer`] or [`MediaEvent::Refused`].
    Offer {
        /// Its room.
        room: RoomId,
        /// Who offers.
        participant: ParticipantId,
        /// RFC 8866.
        sdp: String,
    },
    /// Everything that this participant publishes now.
    SetTracks {
        /// Its room.
        room: RoomId,
        /// Who publishes.
        participant: ParticipantId,
        /// Replaces what was set before.
        tracks: Vec<Track>,
    },
    /// How this participant shows the video of others.
    ReceiverVideoConstraints {
        /// Its room.
        room: RoomId,
        /// Whose wishes.
        participant: ParticipantId,
        /// Replaces what was set before.
        constraints: Vec<ReceiverVideoConstraint>,
    },
    /// This participant is gone for good.
    Remove {
        /// Its room.
        room: RoomId,
        /// Who is gone.
        participant: ParticipantId,
    },
}

impl MediaCommand {
    /// The room that it is about.
    #[must_use]
    pub fn room(&self) -> &RoomId {
        match self {
            Self::Offer { room, .. }
            | Self::SetTracks { room, .. }
            | Self::ReceiverVideoConstraints { room, .. }
            | Self::Remove { room, .. } => room,
        }
    }

    /// The participant that it is about.
    #[must_use]
    pub fn participant(&self) -> ParticipantId {
        match self {
            Self::Offer { participant, .. }
            | Self::SetTracks { participant, .. }
            | Self::ReceiverVideoConstraints { participant, .. }
            | Self::Remove { participant, .. } => *participant,
        }
    }
}

/// What the SFU reports to a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaEvent {
    /// The room.
    pub room: RoomId,
    /// The participant.
    pub participant: ParticipantId,
    /// What happened.
    pub report: MediaReport,
}

/// What happened to a participant's media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum MediaReport {
    /// The answer to its offer.
    Answer {
        /// RFC 8866.
        sdp: String,
    },
    /// Its offer was not taken.
    Refused {
        /// Why, and what to do.
        refusal: Refusal,
    },
    /// ICE and DTLS are up.
    Connected,
    /// Which encodings of one of its tracks anybody wants.
    SubscribedQuality(SubscribedQuality),
    /// How the way to it is seen.
    Downlink(Downlink),
    /// The connection is gone; a new offer brings it back.
    Lost {
        /// Why, and what to do.
        refusal: Refusal,
    },
}
