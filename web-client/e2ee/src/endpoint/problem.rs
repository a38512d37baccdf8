//! Problems that the user should know about.

use signaling_protocol::ParticipantId;

use crate::committer::{MlsError, Report};
use crate::credential::CredentialError;

/// A problem that the user should know about. The endpoint goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// Its kind, for programs.
    pub code: ProblemCode,
    /// An English sentence for users: what is wrong and what to do.
    pub message: String,
    /// The participant that it is about.
    pub participant: Option<ParticipantId>,
}

/// The kinds of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemCode {
    /// A waiting participant cannot be added: its KeyPackage was made with another link.
    OtherLink,
    /// A waiting participant cannot be added: its KeyPackage is unusable.
    BadKeyPackage,
    /// A commit cannot be processed.
    BadCommit,
    /// A Welcome cannot be processed.
    BadWelcome,
    /// No member has added this participant yet. The link may be wrong.
    Waiting,
    /// The server refused this endpoint's handshake, or the members rejected it.
    SubmissionRefused,
    /// The server's log has a gap or contradicts itself.
    BadLog,
    /// The server refuses a message of this participant.
    MessageRefused,
    /// A message came before [`super::Endpoint::certify`].
    NotCertified,
}

impl ProblemCode {
    /// Returns its stable code, in `snake_case`.
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
                "Still waiting to be let in: the link may be wrong, or no one in the meeting answers.",
            ),
            Report::BadCommit { sender, error } => Self::new(
                ProblemCode::BadCommit,
                format!("Participant {sender} changed the encryption in a way that cannot be verified: {error}."),
            )
            .about(sender),
            Report::BadWelcome { sender, error } => Self::new(
                ProblemCode::BadWelcome,
                format!("The encryption keys from participant {sender} cannot be verified: {error}."),
            )
            .about(sender),
            Report::SubmissionRefused(code) => Self::new(
                ProblemCode::SubmissionRefused,
                format!(
                    "The server refused a change of the encryption ({code:?}); trying again shortly."
                ),
            ),
            Report::CommitRejected => Self::new(
                ProblemCode::SubmissionRefused,
                "The other participants rejected this browser's change of the encryption; one of them makes it instead.",
            ),
            Report::LogGap { expected, found } => Self::new(
                ProblemCode::BadLog,
                format!("The meeting's log skips from entry {expected} to entry {found}."),
            ),
            Report::InvalidEntry(position) => Self::new(
                ProblemCode::BadLog,
                format!("Entry {position} of the meeting's log contradicts earlier entries."),
            ),
        }
    }
}
