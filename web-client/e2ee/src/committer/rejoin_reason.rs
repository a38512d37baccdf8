//! Why a participant has to join again.

/// Why a participant is at its end and has to join again as a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum RejoinReason {
    /// The log says that this participant is gone.
    #[error("the server lost sight of this participant")]
    Departed,
    /// A commit removed this participant.
    #[error("a member removed this participant from the encrypted call")]
    Removed,
    /// Entries of the log are missing.
    #[error("the server skipped a part of the meeting's log")]
    Gap,
    /// The log contradicts itself or what this endpoint sent.
    #[error("the meeting's log contradicts itself")]
    ImpossibleLog,
    /// The log accepted a commit that this member cannot follow.
    #[error("the meeting's log took a handshake that cannot be verified")]
    CannotFollow,
    /// Nobody used the KeyPackage while it was valid.
    #[error("this participant waited too long to be let in")]
    KeyPackageExpired,
    /// The server took this endpoint for a new participant.
    #[error("the server does not know this participant any more")]
    Forgotten,
    /// The MLS library failed on the endpoint's own state.
    #[error("the encryption state is damaged")]
    Internal,
}

impl RejoinReason {
    /// For programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Departed => "departed",
            Self::Removed => "removed",
            Self::Gap => "gap",
            Self::ImpossibleLog => "impossible_log",
            Self::CannotFollow => "cannot_follow",
            Self::KeyPackageExpired => "key_package_expired",
            Self::Forgotten => "forgotten",
            Self::Internal => "internal",
        }
    }
}
