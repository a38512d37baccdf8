//! The reasons to join again.

/// Why a participant is at its end and has to join again as a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum RejoinReason {
    /// The log says that this participant departed.
    #[error("the server lost the connection to this participant")]
    Departed,
    /// A commit removed this participant although the log does not call it departed.
    #[error("a member removed this participant from the encrypted call")]
    Removed,
    /// Entries of the log are missing.
    #[error("the server skipped a part of the meeting's log")]
    LogGap,
    /// The log contradicts itself or what this participant sent.
    #[error("the meeting's log contradicts itself")]
    InvalidLog,
    /// The log accepted a commit or a Welcome that this participant cannot process.
    #[error("the meeting's log accepted a handshake that cannot be verified")]
    CannotProcess,
    /// No member added this participant while its KeyPackage was valid.
    #[error("this participant waited too long to be let in")]
    KeyPackageExpired,
    /// The server no longer knows this participant, or took it for a new one.
    #[error("the server no longer knows this participant")]
    UnknownToServer,
    /// The MLS library failed on this participant's own state.
    #[error("the encryption state is damaged")]
    Internal,
}

impl RejoinReason {
    /// Returns a stable code for programs, in `snake_case`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Departed => "departed",
            Self::Removed => "removed",
            Self::LogGap => "log_gap",
            Self::InvalidLog => "invalid_log",
            Self::CannotProcess => "cannot_process",
            Self::KeyPackageExpired => "key_package_expired",
            Self::UnknownToServer => "unknown_to_server",
            Self::Internal => "internal",
        }
    }
}
