//! What the service did, for a check against the specification in `tla/`: numbers, ids and
//! decisions, no MLS bytes. One of these is one line of a trace.

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
    /// Somebody came, and was told where the log stands.
    Came {
        /// Who.
        participant: ParticipantId,
        /// Whose place it takes, if that can be.
        replaces: Option<ParticipantId>,
        /// The last entry that the snapshot covers.
        position: LogPosition,
    },
    /// A create or a commit came.
    Submitted {
        /// From whom.
        participant: ParticipantId,
        /// Which.
        message_id: MessageId,
        /// Whether it is a create.
        creates: bool,
        /// The handshake count it builds on.
        expected: HandshakeCount,
        /// The members after it.
        roster: BTreeSet<ParticipantId>,
        /// Whether it welcomes anybody.
        welcome: bool,
        /// What became of it.
        outcome: Outcome,
    },
    /// A member said whether it can follow what is being judged.
    Voted {
        /// Who.
        participant: ParticipantId,
        /// What it judged.
        message_id: MessageId,
        /// What it said.
        vote: CommitVote,
        /// What became of the judgement.
        outcome: Outcome,
    },
    /// Nobody else answers.
    TimedOut {
        /// What was judged.
        message_id: MessageId,
        /// What became of it.
        outcome: Outcome,
    },
    /// Somebody's KeyPackage is in the log.
    Joined {
        /// Who.
        participant: ParticipantId,
        /// Who is gone by it.
        replaces: Option<ParticipantId>,
        /// Where.
        position: LogPosition,
    },
    /// Somebody's end is in the log.
    Departed {
        /// Who.
        participant: ParticipantId,
        /// Where.
        position: LogPosition,
    },
    /// A handshake is in the log.
    Handshake {
        /// Which.
        message_id: MessageId,
        /// The handshake count with it included.
        count: HandshakeCount,
        /// Where.
        position: LogPosition,
    },
}

/// What becomes of a submission, or of a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It comes into the log.
    Final,
    /// It is being judged.
    CommitPending,
    /// It was there before.
    Known,
    /// Nobody could follow it.
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
    /// Of a submission.
    #[must_use]
    pub fn of_submission(opened: &Result<Opened, Refusal>) -> Self {
        match opened {
            Ok(Opened::Final(_)) => Self::Final,
            Ok(Opened::CommitPending(_)) => Self::CommitPending,
            Ok(Opened::Known) => Self::Known,
            Err(_) => Self::Refused,
        }
    }

    /// Of a judgement; `asked` says whether this member's word was still waited for.
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
    /// Whether this member's word on this commit is waited for.
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
