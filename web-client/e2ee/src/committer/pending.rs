//! An own handshake that the log has not decided on yet.

use std::collections::BTreeSet;

use signaling_protocol::{Handshake, HandshakeCount, MessageId, ParticipantId, Step, Submission};

use super::Draft;

/// Sends are counted no further.
const ENOUGH: u8 = 8;

/// Kept whole until the log decides: it is resent byte for byte, never made anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Pending {
    submission: Submission,
    sent: u8,
}

impl Pending {
    pub(super) fn new(
        draft: Draft,
        expected: HandshakeCount,
        roster: BTreeSet<ParticipantId>,
    ) -> Self {
        let Draft { message_id, step } = draft;
        let roster = roster.into_iter().collect();
        let submission = Submission { message_id, expected, roster, step };
        Self { submission, sent: 0 }
    }

    /// The same bytes, to be sent once more.
    pub(super) fn again(&mut self) -> Submission {
        self.sent = self.sent.saturating_add(1).min(ENOUGH);
        self.submission.clone()
    }

    /// How often it was sent.
    pub(super) fn sent(&self) -> u8 {
        self.sent
    }

    pub(super) fn message_id(&self) -> &MessageId {
        &self.submission.message_id
    }

    /// Whether this entry is it. A Welcome is not compared: the log hands it only to those whom
    /// it adds.
    pub(super) fn is(&self, handshake: &Handshake) -> bool {
        let same_step = match (&self.submission.step, &handshake.step) {
            (Step::Create, Step::Create) => true,
            (Step::Commit { commit: ours, .. }, Step::Commit { commit: theirs, .. }) => {
                ours == theirs
            }
            (Step::Create, Step::Commit { .. }) | (Step::Commit { .. }, Step::Create) => false,
        };
        same_step
            && self.submission.message_id == handshake.message_id
            && self.submission.roster == handshake.roster
            && self.submission.expected.next() == handshake.count
    }
}
