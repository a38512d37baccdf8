//! The commands that rooms send to the SFU, and the reports that the SFU sends to rooms.

use signaling_protocol::{
    Downlink, ParticipantId, ReceiverVideoConstraint, Refusal, RoomId, SubscribedQuality, Track,
};

/// A command of a room to the SFU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaCommand {
    /// Accepts an offer: the first one of a participant, or one that restarts ICE. The SFU replies
    /// with [`MediaReport::Answer`] or [`MediaReport::Refused`].
    Offer {
        /// The participant's room.
        room: RoomId,
        /// The participant that offers.
        participant: ParticipantId,
        /// The session description (RFC 8866).
        sdp: String,
    },
    /// Sets all tracks that a participant publishes.
    SetTracks {
        /// The participant's room.
        room: RoomId,
        /// The participant that publishes.
        participant: ParticipantId,
        /// Replaces what was set before.
        tracks: Vec<Track>,
    },
    /// Sets the sizes at which a participant shows the video of others.
    ReceiverVideoConstraints {
        /// The participant's room.
        room: RoomId,
        /// The participant that receives.
        participant: ParticipantId,
        /// Replaces what was set before.
        constraints: Vec<ReceiverVideoConstraint>,
    },
    /// Removes a participant for good.
    Remove {
        /// The participant's room.
        room: RoomId,
        /// The participant to remove.
        participant: ParticipantId,
    },
}

impl MediaCommand {
    /// Returns the room that the command concerns.
    #[must_use]
    pub fn room(&self) -> &RoomId {
        match self {
            Self::Offer { room, .. }
            | Self::SetTracks { room, .. }
            | Self::ReceiverVideoConstraints { room, .. }
            | Self::Remove { room, .. } => room,
        }
    }

    /// Returns the participant that the command concerns.
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

/// A report of the SFU to a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaEvent {
    /// The room.
    pub room: RoomId,
    /// The participant.
    pub participant: ParticipantId,
    /// The change in the participant's media.
    pub report: MediaReport,
}

/// A change in a participant's media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaReport {
    /// The offer is accepted.
    Answer {
        /// The session description (RFC 8866).
        sdp: String,
    },
    /// The offer is refused.
    Refused {
        /// The reason, and what the participant can do.
        refusal: Refusal,
    },
    /// ICE and DTLS are up.
    Connected,
    /// The encodings of one of the participant's tracks that are subscribed to.
    SubscribedQuality(SubscribedQuality),
    /// The state of the link to the participant.
    Downlink(Downlink),
    /// The connection is lost; a new offer restores it.
    Lost {
        /// The reason, and what the participant can do.
        refusal: Refusal,
    },
}
