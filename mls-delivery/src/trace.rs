//! Steps of the service, for a check against the specification in `tla/`: numbers, ids and
//! decisions, no MLS bytes. Each is one line of a trace.

use std::collections::BTreeSet;

use serde::Serialize;
use signaling_protocol::{
    CommitVote, HandshakeCount, LogEvent, LogPosition, MessageId, ParticipantId, Refusal, Step,
    Submission,
};

use crate::{Accepted, Decision, Finality, Opened};

/// One step of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Traced {
    /// A participant came, and was sent the position of the log.
    Came {
        /// The participant.
        participant: ParticipantId,
        /// The participant that it may replace.
        replaces: Option<ParticipantId>,
        /// The last entry that the snapshot covers.
        position: LogPosition,
    },
    /// A create or a commit came.
    Submitted {
        /// From whom.
        participant: ParticipantId,
        /// The submission.
        message_id: MessageId,
        /// It creates a group.
        creates: bool,
        /// The handshake count it builds on.
        expected: HandshakeCount,
        /// The members after it.
        roster: BTreeSet<ParticipantId>,
        /// It has a Welcome.
        welcome: bool,
        /// The outcome.
        outcome: Outcome,
    },
    /// A member said whether it can follow what is being judged.
    Voted {
        /// The member.
        participant: ParticipantId,
        /// The commit.
        message_id: MessageId,
        /// The vote.
        vote: CommitVote,
        /// The outcome.
        outcome: Outcome,
    },
    /// The vote timed out.
    TimedOut {
        /// The commit.
        message_id: MessageId,
        /// The outcome.
        outcome: Outcome,
    },
    /// A KeyPackage is in the log.
    Joined {
        /// Its owner.
        participant: ParticipantId,
        /// The participant that departs with it.
        replaces: Option<ParticipantId>,
        /// Where.
        position: LogPosition,
    },
    /// A departure is in the log.
    Departed {
        /// The participant.
        participant: ParticipantId,
        /// Where.
        position: LogPosition,
    },
    /// A handshake is in the log.
    Handshake {
        /// The submission.
        message_id: MessageId,
        /// The handshake count with it included.
        count: HandshakeCount,
        /// Where.
        position: LogPosition,
    },
}

/// The outcome of a submission or a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It enters the log.
    Final,
    /// It is being judged.
    CommitPending,
    /// It was there before.
    Known,
    /// No member could follow it.
    CommitRejected,
    /// It is not taken.
    Refused,
    /// It counted for nothing.
    Void,
}

impl Traced {
    /// A submission, before it is known what becomes of it.
    #[must_use]
    pub fn submitted(participant: ParticipantId, submission: &Submission) -> Self {
        let Submission { message_id, expected, roster, step } = submission;
        Self::Submitted {
            participant,
            message_id: message_id.clone(),
            creates: *step == Step::Create,
            expected: *expected,
            roster: roster.iter().copied().collect(),
            welcome: matches!(step, Step::Commit { welcome: Some(_), .. }),
            outcome: Outcome::Refused,
        }
    }

    /// The same, with what became of it.
    #[must_use]
    pub fn with(mut self, became: Outcome) -> Self {
        match &mut self {
            Self::Submitted { outcome, .. }
            | Self::Voted { outcome, .. }
            | Self::TimedOut { outcome, .. } => *outcome = became,
            Self::Came { .. }
            | Self::Joined { .. }
            | Self::Departed { .. }
            | Self::Handshake { .. } => {}
        }
        self
    }
}

impl Outcome {
    /// Returns the outcome of a submission.
    #[must_use]
    pub fn of_submission(opened: &Result<Opened, Refusal>) -> Self {
        match opened {
            Ok(Opened::Final(_)) => Self::Final,
            Ok(Opened::CommitPending(_)) => Self::CommitPending,
            Ok(Opened::Known) => Self::Known,
            Err(_) => Self::Refused,
        }
    }

    /// Returns the outcome of a vote; `asked` is true if this member's vote was missing.
    #[must_use]
    pub fn of_vote(decision: Option<&Decision>, asked: bool) -> Self {
        match decision {
            Some(Decision::Final { .. }) => Self::Final,
            Some(Decision::CommitRejected(_)) => Self::CommitRejected,
            None if asked => Self::CommitPending,
            None => Self::Void,
        }
    }
}

impl Finality {
    /// Returns whether this member's vote on this commit is missing.
    #[must_use]
    pub fn awaits_vote(&self, participant: ParticipantId, message_id: &MessageId) -> bool {
        self.vote_request(participant).is_some_and(|asked| asked.message_id == *message_id)
    }
}

impl From<&Accepted> for Traced {
    fn from(accepted: &Accepted) -> Self {
        let position = accepted.entry.position;
        match &accepted.entry.event {
            LogEvent::Joined(joined) => Self::Joined {
                participant: joined.participant,
                replaces: joined.replaces,
                position,
            },
            &LogEvent::Departed { participant } => Self::Departed { participant, position },
            LogEvent::Handshake(handshake) => Self::Handshake {
                message_id: handshake.message_id.clone(),
                count: handshake.count,
                position,
            },
        }
    }
}
