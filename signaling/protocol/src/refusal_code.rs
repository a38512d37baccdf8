//! The codes of refusals, with everything that depends on the code alone.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

// HTTP status codes (RFC 9110 section 15).
const BAD_REQUEST: u16 = 400;
const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;
const TOO_MANY_REQUESTS: u16 = 429;
const UNAVAILABLE: u16 = 503;

// WebSocket close codes (RFC 6455 section 7.4.1 and its IANA registry).
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;
const TRY_AGAIN: u16 = 1013;

/// The action that a client can take after a refusal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Retry {
    /// Nothing: the same request will be refused again.
    Never,
    /// Send the same request again, after [`crate::Refusal::retry_after_seconds`] if given.
    Later,
    /// Build the message on the current state of the delivery log, and send it again.
    Resend,
    /// Join again, as a new participant with a new token.
    Rejoin,
}

/// The reason of a refusal, for programs.
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
    /// More messages or requests than the limit.
    TooFast,
    /// Another version of the protocol.
    UnsupportedVersion,
    /// A token that is forged, expired or for another room.
    BadToken,
    /// No such room.
    UnknownRoom,
    /// The room has as many participants as it can have.
    RoomFull,
    /// The join policy is locked.
    RoomLocked,
    /// A host did not admit the participant from the lobby.
    Denied,
    /// A host removed the participant.
    Removed,
    /// The server has as many rooms or participants as it can have.
    ServerFull,
    /// The participant is no longer known; join again.
    ResumeExpired,
    /// The same participant connected by another socket.
    Superseded,
    /// The submission builds on an older handshake count.
    StaleHandshake,
    /// Another commit is pending, or a commit of this sender was rejected not long ago; send the submission again.
    HandshakeUndecided,
    /// The application message is of another epoch than the group is in now; protect it anew.
    StaleMessage,
    /// The sender may not do that in its present state.
    NotAllowed,
    /// The room's log has as many entries as it can have.
    LogFull,
    /// The SFU cannot use this offer.
    BadOffer,
    /// The SFU does not serve this participant.
    MediaUnavailable,
    /// The client reads too slowly or not at all.
    TooSlow,
    /// The store does not answer.
    StorageUnavailable,
    /// The server stops.
    ShuttingDown,
}

impl RefusalCode {
    /// Returns the HTTP status, the WebSocket close code, the retry class and the sentence: the
    /// one place where they are written.
    fn properties(self) -> (u16, u16, Retry, &'static str) {
        match self {
            Self::BadMessage => (
                BAD_REQUEST,
                POLICY,
                Retry::Never,
                "The server could not read a message; reload the page or update the client.",
            ),
            Self::TooLarge => {
                (FORBIDDEN, TOO_BIG, Retry::Never, "The message is too large; send a smaller one.")
            }
            Self::TooFast => (
                TOO_MANY_REQUESTS,
                POLICY,
                Retry::Later,
                "Too many requests; wait, then try again.",
            ),
            Self::UnsupportedVersion => (
                FORBIDDEN,
                POLICY,
                Retry::Never,
                "Client and server have different versions; reload the page or update the client.",
            ),
            Self::BadToken => (
                FORBIDDEN,
                POLICY,
                Retry::Rejoin,
                "The join token is not valid or has expired; ask for a new one.",
            ),
            Self::UnknownRoom => (
                NOT_FOUND,
                POLICY,
                Retry::Never,
                "This meeting does not exist; check the link, or start a new meeting.",
            ),
            Self::RoomFull => (
                FORBIDDEN,
                POLICY,
                Retry::Never,
                "The meeting is full; try again when a participant has left.",
            ),
            Self::RoomLocked => {
                (FORBIDDEN, POLICY, Retry::Never, "The meeting is locked; ask a host to unlock it.")
            }
            Self::Denied => (
                FORBIDDEN,
                POLICY,
                Retry::Never,
                "A host declined; ask the host before you try again.",
            ),
            Self::Removed => (
                FORBIDDEN,
                POLICY,
                Retry::Never,
                "A host removed this participant; ask the host before you try again.",
            ),
            Self::ServerFull => {
                (UNAVAILABLE, POLICY, Retry::Later, "The server is busy; try again later.")
            }
            Self::ResumeExpired => (
                FORBIDDEN,
                POLICY,
                Retry::Rejoin,
                "The server no longer knows this participant; join again.",
            ),
            Self::Superseded => (
                FORBIDDEN,
                POLICY,
                Retry::Never,
                "This participant joined from another window; close this one.",
            ),
            Self::StaleHandshake => (
                FORBIDDEN,
                POLICY,
                Retry::Resend,
                "The delivery log has moved on; build the submission on the current handshake count.",
            ),
            Self::HandshakeUndecided => (
                FORBIDDEN,
                POLICY,
                Retry::Resend,
                "Another commit is pending; send the submission again.",
            ),
            Self::StaleMessage => (
                FORBIDDEN,
                POLICY,
                Retry::Resend,
                "The group is in another epoch; protect the message anew and send it again.",
            ),
            Self::NotAllowed => (
                FORBIDDEN,
                POLICY,
                Retry::Never,
                "Not allowed in this participant's present state; join first, or ask a host.",
            ),
            Self::LogFull => (
                FORBIDDEN,
                POLICY,
                Retry::Never,
                "This meeting has reached its limit; start a new one.",
            ),
            Self::BadOffer => (
                FORBIDDEN,
                POLICY,
                Retry::Never,
                "The server cannot use this WebRTC offer; reload the page, or try another browser.",
            ),
            Self::MediaUnavailable => (
                UNAVAILABLE,
                POLICY,
                Retry::Later,
                "The media server is not available; try again later.",
            ),
            Self::TooSlow => (
                FORBIDDEN,
                POLICY,
                Retry::Rejoin,
                "The connection is too slow; join again, from a faster network if possible.",
            ),
            Self::StorageUnavailable => (
                UNAVAILABLE,
                TRY_AGAIN,
                Retry::Rejoin,
                "The server's storage does not answer; try again in a moment.",
            ),
            Self::ShuttingDown => (
                UNAVAILABLE,
                GOING_AWAY,
                Retry::Rejoin,
                "The server is restarting; try again in a moment.",
            ),
        }
    }

    /// Returns the code as it stands on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the HTTP status of an answer that refuses a request (RFC 9110 section 15).
    #[must_use]
    pub fn http_status(self) -> u16 {
        self.properties().0
    }

    /// Returns the WebSocket close code after [`crate::ControlMessage::Closing`] (RFC 6455
    /// section 7.4.1).
    #[must_use]
    pub fn close_code(self) -> u16 {
        self.properties().1
    }

    /// Returns what a client can do.
    #[must_use]
    pub fn retry(self) -> Retry {
        self.properties().2
    }

    /// Returns a short English sentence, for clients that do not translate the code.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.properties().3
    }
}
