//! Errors by the party at fault: the caller ([`InstallError`], [`ProtectError`]), or the sender or the
//! SFU ([`UnprotectError`]).

use signaling_protocol::Source;

use super::{Codec, FRAME_BYTES};
use crate::sframe::{self, CipherSuite, Counter, KeyId, MalformedHeader};

/// Why keys were not installed. The installed ones stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The epoch is not newer than the installed one. An older epoch would reuse counters.
    #[error("epoch {epoch} is not newer than epoch {newest}, whose keys are installed")]
    NotNewer {
        /// The epoch that was offered.
        epoch: u64,
        /// The newest epoch that is installed.
        newest: u64,
    },
    /// A base key has the wrong length.
    #[error("a base key for {suite:?} has {expected} bytes, this one has {found}")]
    BaseKeyLength {
        /// The cipher suite of the base key.
        suite: CipherSuite,
        /// Its required length in bytes.
        expected: usize,
        /// Its actual length in bytes.
        found: usize,
    },
    /// This participant's leaf is not among the members.
    #[error("leaf {own_leaf} is not a member of its own epoch")]
    NotAMember {
        /// This participant's leaf.
        own_leaf: u32,
    },
    /// A leaf index does not fit into a KID.
    #[error("leaf {leaf} does not fit into a key id; the room has too many members")]
    LeafTooHigh {
        /// The first such leaf.
        leaf: u32,
    },
}

/// Why a frame was not protected. The frame must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtectError {
    /// No epoch is installed yet.
    #[error("there are no keys yet; drop the frame and go on")]
    NoKeys,
    /// An audio codec for a video source, or the reverse.
    #[error("{context:?} does not send {codec:?}")]
    WrongMedia {
        /// The source.
        context: Source,
        /// The codec.
        codec: Codec,
    },
    /// All counters of the key are used. The next epoch has a new key.
    #[error("{context:?} has sent as many frames as one epoch allows; wait for the next epoch")]
    CounterExhausted {
        /// The source.
        context: Source,
    },
    /// Longer than [`FRAME_BYTES`].
    #[error("a frame of {bytes} bytes is longer than the limit of {FRAME_BYTES}")]
    TooLong {
        /// The length of the frame in bytes.
        bytes: usize,
    },
}

/// Why a frame was not unprotected. The frame must be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectError {
    /// Its epoch is not installed yet, or no longer. It may be tried again once the next keys are
    /// installed.
    #[error("key {key_id} belongs to no epoch that is installed")]
    UnknownKey {
        /// The frame's KID.
        key_id: KeyId,
    },
    /// Its leaf is blank in its epoch, or the member there was removed.
    #[error("leaf {leaf} is not a member")]
    NotAMember {
        /// The frame's leaf.
        leaf: u32,
    },
    /// It is this participant's own frame.
    #[error("the frame is this participant's own, sent back")]
    Own,
    /// The context in its KID is unknown.
    #[error("key {key_id} names no known source")]
    UnknownContext {
        /// The frame's KID.
        key_id: KeyId,
    },
    /// An audio frame was received as video, or the reverse.
    #[error("a frame of {context:?} was received as {codec:?}")]
    WrongMedia {
        /// The frame's source.
        context: Source,
        /// The codec that it was received as.
        codec: Codec,
    },
    /// Its counter was received before, or is older than the replay window (RFC 9605
    /// section 9.3).
    #[error("frame {counter} of key {key_id} was received before, or is too old to tell")]
    Replay {
        /// The frame's KID.
        key_id: KeyId,
        /// The frame's counter.
        counter: Counter,
    },
    /// It was altered, or protected with another key.
    #[error("the frame is not authentic: it was altered, or protected with another key")]
    Authentication,
    /// It is too short for an SFrame header and tag.
    #[error("the frame is too short for its header and tag")]
    Malformed,
    /// It does not begin with the clear prefix of its codec.
    #[error("the frame does not begin as a protected {codec:?} frame does")]
    WrongPrefix {
        /// The codec that it was received as.
        codec: Codec,
    },
    /// It is longer than a protected frame of [`FRAME_BYTES`].
    #[error("a frame of {bytes} bytes is longer than the limit")]
    TooLong {
        /// The length of the frame in bytes.
        bytes: usize,
    },
}

impl InstallError {
    /// Returns a stable code for programs, in `snake_case`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotNewer { .. } => "not_newer",
            Self::BaseKeyLength { .. } => "base_key_length",
            Self::NotAMember { .. } => "not_a_member",
            Self::LeafTooHigh { .. } => "leaf_too_high",
        }
    }
}

impl ProtectError {
    /// Returns a stable code for programs, in `snake_case`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoKeys => "no_keys",
            Self::WrongMedia { .. } => "wrong_media",
            Self::CounterExhausted { .. } => "counter_exhausted",
            Self::TooLong { .. } => "too_long",
        }
    }
}

impl UnprotectError {
    /// Returns a stable code for programs, in `snake_case`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "unknown_key",
            Self::NotAMember { .. } => "not_a_member",
            Self::Own => "own",
            Self::UnknownContext { .. } => "unknown_context",
            Self::WrongMedia { .. } => "wrong_media",
            Self::Replay { .. } => "replay",
            Self::Authentication => "authentication",
            Self::Malformed | Self::WrongPrefix { .. } => "malformed",
            Self::TooLong { .. } => "too_long",
        }
    }
}

impl From<MalformedHeader> for UnprotectError {
    fn from(_: MalformedHeader) -> Self {
        Self::Malformed
    }
}

impl From<sframe::UnprotectError> for UnprotectError {
    fn from(error: sframe::UnprotectError) -> Self {
        match error {
            sframe::UnprotectError::WrongKey { found, .. } => Self::UnknownKey { key_id: found },
            sframe::UnprotectError::CutShort { .. } => Self::Malformed,
            sframe::UnprotectError::NotAuthentic(_) => Self::Authentication,
        }
    }
}
