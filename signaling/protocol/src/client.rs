//! The messages of a client.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::{
    CommitVote, LogPosition, MessageId, Moderation, Opaque, ParticipantId, ReceiverVideoConstraint,
    Secret, Seq, Submission, Track,
};

/// A message from a client. The first one is [`ClientMessage::Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "type", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ClientMessage {
    /// Opens the conversation: a join, or the return of a participant whose socket broke.
    Hello(Hello),
    /// The KeyPackage by which this participant can be added; once per participant.
    UploadKeyPackage {
        /// An RFC 9420 `MLSMessage` of type `mls_key_package`.
        key_package: Opaque,
    },
    /// A create or a commit for the delivery log.
    Submit(Submission),
    /// The answer to [`crate::LogMessage::CommitPending`].
    CommitVote {
        /// The pending commit.
        message_id: MessageId,
        /// The vote: can this member follow it?
        vote: CommitVote,
    },
    /// Sends an application message to all members, as [`crate::Delta::Message`], in one order with the
    /// log's entries, so that every member that follows the log can decrypt it.
    SendMessage {
        /// An RFC 9420 `PrivateMessage` of content type `application`, of the current epoch; of
        /// another one it is refused as stale.
        message: Opaque,
    },
    /// The client lives and has read the log up to here. Every five seconds.
    Heartbeat {
        /// The last log entry it has processed.
        position: LogPosition,
    },
    /// A WebRTC offer: the first, or one that restarts ICE. Answered by
    /// [`crate::MediaMessage::Answer`].
    Offer {
        /// RFC 8866.
        sdp: String,
    },
    /// Everything that this participant publishes now; replaces what it said before.
    SetTracks {
        /// At most one per source.
        tracks: Vec<Track>,
    },
    /// Sets the sizes at which this client displays the video of others; replaces the previous ones. A
    /// track without a constraint is received small, after those with one.
    ReceiverVideoConstraints {
        /// At most one per track.
        constraints: Vec<ReceiverVideoConstraint>,
    },
    /// Gives the name of a participant in the lobby; once.
    Knock {
        /// The name, sealed by the link secret: for the people inside, not for the server.
        name: Opaque,
    },
    /// A host does something to the room.
    Moderate(Moderation),
    /// Goes, perhaps to come back in a moment by [`Hello::predecessor`]: a page that is closed
    /// cannot tell whether it is being loaded anew.
    PageHide,
    /// Goes for good.
    Leave,
}

impl ClientMessage {
    /// Returns the value of the field `type` on the wire.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.into()
    }
}

/// Opens the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Hello {
    /// [`crate::VERSION`] of the client.
    pub version: u16,
    /// The join token; it names the room.
    pub token: Secret,
    /// Present when a known participant returns.
    pub resume: Option<Resume>,
    /// Present when a client that has lost its keys, as by a reload of the page, joins as a new
    /// participant: the one that it was before.
    pub predecessor: Option<Predecessor>,
}

/// A participant that a new one replaces: it departs with the entry that brings the new one's
/// KeyPackage into the log. Ignored if it is gone already or the token is another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Predecessor {
    /// The participant.
    pub participant: ParticipantId,
    /// Given at its join.
    pub resume_token: Secret,
}

/// The return of a participant whose socket broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Resume {
    /// The participant that returns.
    pub participant: ParticipantId,
    /// Given at the join.
    pub resume_token: Secret,
    /// The last delta it has seen.
    pub seq: Seq,
    /// The last log entry it has seen.
    pub position: LogPosition,
}
