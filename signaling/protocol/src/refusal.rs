//! Refusals: a code for programs, and a sentence that a person can act on.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::{HandshakeCount, MessageId};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people: what is wrong and what to do.
    pub message: String,
    /// With [`RefusalCode::StaleHandshake`] and [`RefusalCode::StaleMessage`]: what the log has
    /// come to.
    pub current: Option<HandshakeCount>,
    /// Not before so many seconds, where trying again makes sense.
    pub retry_after_seconds: Option<u32>,
    /// Which submission is refused, if it is one.
    pub message_id: Option<MessageId>,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            current: None,
            retry_after_seconds: None,
            message_id: None,
        }
    }

    /// The same, with the log's current handshake count.
    #[must_use]
    pub fn with_current(mut self, current: HandshakeCount) -> Self {
        self.current = Some(current);
        self
    }

    /// The same, about a submission.
    #[must_use]
    pub fn about(mut self, message_id: MessageId) -> Self {
        self.message_id = Some(message_id);
        self
    }

    /// The same, with the time to wait.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }
}

/// The kinds of refusal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum RefusalCode {
    /// Not JSON, not of a known type, or a field that does not fit.
    BadMessage,
    /// Longer than the limit of its kind.
    TooLarge,
    /// More messages than the limit.
    TooFast,
    /// Another version of the protocol.
    UnsupportedVersion,
    /// A token that is forged, expired or for another room.
    BadToken,
    /// No such room.
    UnknownRoom,
    /// The room has as many participants as it can.
    RoomFull,
    /// The door is locked.
    RoomLocked,
    /// A host did not let the visitor in.
    Denied,
    /// A host took the participant out.
    Removed,
    /// The server has as many rooms as it can.
    ServerFull,
    /// The participant is not known any more: join anew.
    ResumeExpired,
    /// The same participant came back on another socket.
    Superseded,
    /// The submission builds on an older handshake count.
    StaleHandshake,
    /// Another commit is being judged, or a commit of this sender was dropped not long ago: the
    /// submission is to be sent again.
    HandshakeUndecided,
    /// The application message is of another epoch than the group is in now: protect it anew.
    StaleMessage,
    /// The sender may not do that in its present state.
    NotAllowed,
    /// The room's log has as many entries as it can.
    LogFull,
    /// The SFU cannot use this offer.
    BadOffer,
    /// The SFU does not serve this participant.
    MediaUnavailable,
    /// The client reads too slowly or not at all.
    TooSlow,
    /// The store does not answer; try again.
    StorageUnavailable,
    /// The server goes down.
    ShuttingDown,
}

impl RefusalCode {
    /// Returns the code as it stands on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
