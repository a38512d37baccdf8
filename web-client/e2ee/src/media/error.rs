//! What can go wrong, by who is at fault: the caller ([`InstallError`], [`ProtectError`]), or
//! whoever sent or forwarded a frame ([`UnprotectError`]).

use signaling_protocol::Source;

use super::{Codec, FRAME_BYTES};
use crate::sframe::{self, CipherSuite, Counter, KeyId, MalformedHeader};

/// Why keys were not installed; those from before stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The epoch is not newer than the newest one. Going back would use counters again.
    #[error("epoch {epoch} is not newer than epoch {newest}, whose keys are installed")]
    NotNewer {
        /// The epoch that was offered.
        epoch: u64,
        /// The newest one that is installed.
        newest: u64,
    },
    /// A base key of the wrong length.
    #[error("a base key for {suite:?} has {expected} bytes, this one has {found}")]
    BaseKeyLength {
        /// Its suite.
        suite: CipherSuite,
        /// Bytes that it should have.
        expected: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// The own leaf is not among the members.
    #[error("leaf {own_leaf} is not a member of its own epoch")]
    NotAMember {
        /// The own leaf.
        own_leaf: u32,
    },
    /// A leaf that no KID can name.
    #[error("leaf {leaf} does not fit into a key id; the room has too many members")]
    LeafTooHigh {
        /// The first such leaf.
        leaf: u32,
    },
}

/// Why a frame was not protected. It must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtectError {
    /// No epoch is installed yet.
    #[error("there are no keys yet; drop the frame and go on")]
    NoKeys,
    /// Sound for a picture's source, or the other way round.
    #[error("{codec:?} is not what {context:?} sends")]
    WrongMedia {
        /// The source.
        context: Source,
        /// The codec.
        codec: Codec,
    },
    /// Every counter of the key is spent; the next epoch brings a new one.
    #[error("{context:?} has sent as many frames as one epoch allows; a new epoch helps")]
    CounterExhausted {
        /// The source.
        context: Source,
    },
    /// Longer than [`FRAME_BYTES`].
    #[error("a frame of {bytes} bytes is longer than the limit of {FRAME_BYTES}")]
    TooLong {
        /// Bytes of the frame.
        bytes: usize,
    },
}

/// Why a frame was not opened. It must not be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectError {
    /// Of an epoch that is not installed: not yet, or no longer. Worth another try once the next
    /// keys came.
    #[error("key {key_id} belongs to no epoch that is known here")]
    UnknownKey {
        /// The frame's KID.
        key_id: KeyId,
    },
    /// Of a known epoch, and of a leaf that is blank in it, or whose member was removed.
    #[error("leaf {leaf} is not a member")]
    NotAMember {
        /// The frame's leaf.
        leaf: u32,
    },
    /// This participant's own frame came back.
    #[error("the frame is this participant's own, sent back")]
    Own,
    /// Of a source that nobody has.
    #[error("key {key_id} is for none of the sources")]
    UnknownContext {
        /// The frame's KID.
        key_id: KeyId,
    },
    /// Sound where a picture was expected, or the other way round.
    #[error("a frame of {context:?} came as {codec:?}")]
    WrongMedia {
        /// The frame's source.
        context: Source,
        /// As what it came.
        codec: Codec,
    },
    /// Seen before, or so old that nobody knows.
    #[error("frame {counter} of key {key_id} was seen before, or is too old to tell")]
    Replay {
        /// The frame's KID.
        key_id: KeyId,
        /// The frame's counter.
        counter: Counter,
    },
    /// Altered, or protected by another key.
    #[error("the frame is not authentic: it was altered, or protected by another key")]
    Authentication,
    /// Not even the outline of a protected frame.
    #[error("the frame is too short for its header and tag")]
    Malformed,
    /// It does not begin with the clear bytes that its codec has.
    #[error("the frame does not begin as a protected {codec:?} frame does")]
    WrongPrefix {
        /// As what it came.
        codec: Codec,
    },
    /// Longer than a frame of [`FRAME_BYTES`] becomes.
    #[error("a frame of {bytes} bytes is longer than the limit")]
    TooLong {
        /// Bytes of the frame.
        bytes: usize,
    },
}

impl InstallError {
    /// For programs.
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
    /// For programs.
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
    /// For programs.
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
