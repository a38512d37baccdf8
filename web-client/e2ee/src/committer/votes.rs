//! Votes on other members' commits before they enter the log.

use signaling_protocol::{CommitVote, Handshake, MessageId, Step};

use super::{Claims, Committer, Effect, Mls, MlsError, Phase, Report};

/// How long a member waits to commit again after its commit was rejected, in milliseconds. The
/// service refuses commits from it for as long.
const REJECTED_BACKOFF_MS: u64 = 30_000;

/// Another member's pending commit, and this member's vote on it.
///
/// At most one is kept, until the log decides. The vote is kept with it because MLS decrypts a
/// message only once (RFC 9420 section 9.2): the same commit again gets the same vote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct VotedCommit {
    handshake: Handshake,
    vote: CommitVote,
}

impl VotedCommit {
    /// Returns `true` if MLS has this commit staged.
    pub(super) fn is_staged(&self) -> bool {
        self.vote == CommitVote::Ack
    }

    /// Returns `true` if the log's handshake is this commit.
    pub(super) fn matches(&self, handshake: &Handshake) -> bool {
        self.handshake == *handshake
    }
}

impl<M: Mls> Committer<M> {
    /// Votes on a pending commit. Ignores one that does not follow the last entry that this member
    /// has read: it cannot tell whether it could process that.
    pub(super) fn vote_on_commit(&mut self, handshake: Handshake, effects: &mut Vec<Effect>) {
        let is_next = handshake.count == self.view.handshake_count().next();
        if self.phase != Phase::Member || !is_next || handshake.sender == self.me {
            return;
        }
        let message_id = handshake.message_id.clone();
        let vote = match &self.voted {
            Some(voted) if voted.matches(&handshake) => voted.vote,
            Some(_) | None => {
                let vote = self.stage_commit(&handshake, effects);
                self.voted = Some(VotedCommit { handshake, vote });
                vote
            }
        };
        effects.push(Effect::CommitVote { message_id, vote });
    }

    fn stage_commit(&mut self, handshake: &Handshake, effects: &mut Vec<Effect>) -> CommitVote {
        if self.voted.take().is_some_and(|voted| voted.is_staged()) {
            self.mls.clear_staged_commit();
        }
        let Handshake { count, sender, step, .. } = handshake;
        let staged = match (step, self.view.check_handshake(handshake)) {
            (Step::Commit { commit, .. }, Ok(roster)) => {
                let claims = Claims { count: *count, sender: *sender, roster: &roster };
                self.mls.stage_commit(commit, &claims)
            }
            (Step::Commit { .. } | Step::Create, _) => Err(MlsError::Forbidden),
        };
        match staged {
            Ok(()) => {
                effects.push(Effect::EpochPending(*count));
                CommitVote::Ack
            }
            Err(error) => {
                effects.push(Effect::Report(Report::BadCommit { sender: *sender, error }));
                CommitVote::Nack
            }
        }
    }

    /// Discards a commit that was rejected: this member's own one, or the one that it voted on.
    pub(super) fn discard_rejected(&mut self, message_id: &MessageId, effects: &mut Vec<Effect>) {
        if self.pending.as_ref().is_some_and(|pending| pending.message_id() == message_id) {
            effects.push(Effect::Report(Report::CommitRejected));
            return self.back_off(REJECTED_BACKOFF_MS, effects);
        }
        let rejected = self.voted.take_if(|voted| voted.handshake.message_id == *message_id);
        if rejected.is_some_and(|voted| voted.is_staged()) {
            self.mls.clear_staged_commit();
        }
        // The service refused this member's own handshake while the other one was pending.
        self.send_pending(effects);
    }
}
