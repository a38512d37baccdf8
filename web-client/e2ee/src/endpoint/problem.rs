//! Problems that people should know of.

use signaling_protocol::ParticipantId;

use crate::committer::{MlsError, Report};
use crate::credential::CredentialError;

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
    /// The server does not take a message of this participant.
    MessageRefused,
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
            Self::MessageRefused => "message_refused",
            Self::NotCertified => "not_certified",
        }
    }
}

impl Problem {
    pub(super) fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), participant: None }
    }

    fn about(self, participant: ParticipantId) -> Self {
        Self { participant: Some(participant), ..self }
    }
}

impl From<Report> for Problem {
    fn from(report: Report) -> Self {
        match report {
            Report::KeyPackageSkipped {
                participant,
                error: MlsError::Credential(CredentialError::OtherLink),
            } => Self::new(
                ProblemCode::OtherLink,
                format!(
                    "Participant {participant} is waiting with another link and cannot be let in; send them the whole link again."
                ),
            )
            .about(participant),
            Report::KeyPackageSkipped { participant, error } => Self::new(
                ProblemCode::BadKeyPackage,
                format!(
                    "Participant {participant} cannot be let in: {error}. They can try again by reloading the page."
                ),
            )
            .about(participant),
            Report::OtherLink => Self::new(
                ProblemCode::Waiting,
                "Still waiting: the people in this meeting use another link. Ask for the whole link again.",
            ),
            Report::StillWaiting => Self::new(
                ProblemCode::Waiting,
                "Still waiting to be let in: the link may be wrong, or nobody inside answers.",
            ),
            Report::BadCommit { sender, error } => Self::new(
                ProblemCode::BadCommit,
                format!("A change of the encryption by participant {sender} is refused: {error}."),
            )
            .about(sender),
            Report::BadWelcome { sender, error } => Self::new(
                ProblemCode::BadWelcome,
                format!("The invitation by participant {sender} is refused: {error}."),
            )
            .about(sender),
            Report::SubmissionRefused(code) => Self::new(
                ProblemCode::SubmissionRefused,
                format!(
                    "The server refuses to change the encryption ({code:?}); trying again shortly."
                ),
            ),
            Report::CommitRejected => Self::new(
                ProblemCode::SubmissionRefused,
                "Nobody could follow this browser's change of the encryption; others go first.",
            ),
            Report::LogGap { expected, found } => Self::new(
                ProblemCode::BadLog,
                format!("The meeting's log jumps from before entry {expected} to {found}."),
            ),
            Report::InvalidEntry(position) => Self::new(
                ProblemCode::BadLog,
                format!("Entry {position} of the meeting's log contradicts what came before."),
            ),
        }
    }
}
