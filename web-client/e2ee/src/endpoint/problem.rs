//! Problems that people should know of.

use signaling_protocol::ParticipantId;

/// Something that people should know; nothing was changed by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// For programs.
    pub code: ProblemCode,
    /// For people: what is wrong and what to do.
    pub message: String,
    /// Whom it is about.
    pub participant: Option<ParticipantId>,
}

/// The kinds of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemCode {
    /// A KeyPackage was made with another link: its owner cannot be let in.
    OtherLink,
    /// A KeyPackage that cannot be used: its owner cannot be let in.
    BadKeyPackage,
    /// A commit that cannot be followed.
    BadCommit,
    /// A Welcome that does not open this meeting.
    BadWelcome,
    /// Nobody has let this participant in yet; the link may be wrong.
    Waiting,
    /// The server will not take this endpoint's handshake.
    SubmissionRefused,
    /// The server's log has a gap or contradicts itself.
    BadLog,
    /// A message came before [`super::Endpoint::certify`].
    NotCertified,
}

impl ProblemCode {
    /// For programs in other languages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherLink => "other_link",
            Self::BadKeyPackage => "bad_key_package",
            Self::BadCommit => "bad_commit",
            Self::BadWelcome => "bad_welcome",
            Self::Waiting => "waiting",
            Self::SubmissionRefused => "submission_refused",
            Self::BadLog => "bad_log",
            Self::NotCertified => "not_certified",
        }
    }
}
