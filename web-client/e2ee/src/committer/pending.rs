//! A handshake of this participant that the log has not decided on yet.

use std::collections::BTreeSet;

use signaling_protocol::{Handshake, HandshakeCount, MessageId, ParticipantId, Step, Submission};

use super::Draft;

/// Submissions are not counted beyond this: the delay before the next one stops growing earlier.
const MAX_SEND_COUNT: u8 = 8;

/// A submitted handshake. It is kept whole until the log decides, and resent byte for byte: a
/// handshake whose outcome is unknown is never made again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PendingHandshake {
    submission: Submission,
    send_count: u8,
}

impl PendingHandshake {
    pub(super) fn new(
        draft: Draft,
        expected: HandshakeCount,
        roster: BTreeSet<ParticipantId>,
    ) -> Self {
        let Draft { message_id, step } = draft;
        let roster = roster.into_iter().collect();
        let submission = Submission { message_id, expected, roster, step };
        Self { submission, send_count: 0 }
    }

    /// Counts a submission and returns what to submit: the same bytes every time.
    pub(super) fn submit(&mut self) -> Submission {
        self.send_count = self.send_count.saturating_add(1).min(MAX_SEND_COUNT);
        self.submission.clone()
    }

    /// Returns how often it was submitted, at most [`MAX_SEND_COUNT`].
    pub(super) fn send_count(&self) -> u8 {
        self.send_count
    }

    pub(super) fn message_id(&self) -> &MessageId {
        &self.submission.message_id
    }

    /// Returns `true` if the log's handshake is this one. Welcomes are not compared: the log hands
    /// a Welcome only to the participants that it adds.
    pub(super) fn matches(&self, handshake: &Handshake) -> bool {
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
