//! Another member's commit that is not in the log yet, and what was said of it.

use signaling_protocol::{CommitVote, Handshake, MessageId, Step};

use super::{Claims, Committer, Effect, Mls, MlsError, Phase, Report};

/// After a commit that nobody could follow, in milliseconds; the service takes none sooner.
const STEP_BACK_DROPPED_MS: u64 = 30_000;

/// At most one is kept, until the log decides: what comes again is answered as before, for MLS
/// opens a message only once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Judged {
    pub(super) handshake: Handshake,
    pub(super) vote: CommitVote,
}

impl Judged {
    /// Whether MLS keeps it aside.
    pub(super) fn is_staged(&self) -> bool {
        self.vote == CommitVote::Ack
    }
}

impl<M: Mls> Committer<M> {
    /// Judges a commit. One that fits another moment than this participant has come to is not
    /// its to judge.
    pub(super) fn tentative(&mut self, handshake: Handshake, effects: &mut Vec<Effect>) {
        let fits = handshake.count == self.view.handshakes.next();
        if self.phase != Phase::Member || !fits || handshake.sender == self.me {
            return;
        }
        let message_id = handshake.message_id.clone();
        let vote = match &self.judged {
            Some(judged) if judged.handshake == handshake => judged.vote,
            Some(_) | None => {
                let vote = self.stage(&handshake, effects);
                self.judged = Some(Judged { handshake, vote });
                vote
            }
        };
        effects.push(Effect::CommitVote { message_id, vote });
    }

    fn stage(&mut self, handshake: &Handshake, effects: &mut Vec<Effect>) -> CommitVote {
        if self.judged.take().is_some_and(|judged| judged.is_staged()) {
            self.mls.unstage();
        }
        let Handshake { count, sender, step, .. } = handshake;
        let staged = match (step, self.view.check(handshake)) {
            (Step::Commit { commit, .. }, Ok(roster)) => {
                self.mls.stage(commit, &Claims { count: *count, sender: *sender, roster: &roster })
            }
            (Step::Commit { .. } | Step::Create, _) => Err(MlsError::Forbidden),
        };
        match staged {
            Ok(()) => {
                effects.push(Effect::Coming(*count));
                CommitVote::Ack
            }
            Err(error) => {
                effects.push(Effect::Report(Report::BadCommit { sender: *sender, error }));
                CommitVote::Nack
            }
        }
    }

    pub(super) fn dropped(&mut self, message_id: &MessageId, effects: &mut Vec<Effect>) {
        if self.pending.as_ref().is_some_and(|pending| pending.message_id() == message_id) {
            effects.push(Effect::Report(Report::CommitDropped));
            return self.step_back(STEP_BACK_DROPPED_MS, effects);
        }
        let dropped = self.judged.take_if(|judged| judged.handshake.message_id == *message_id);
        if dropped.is_some_and(|judged| judged.is_staged()) {
            self.mls.unstage();
        }
        // It was in this one's way.
        self.send_pending(effects);
    }
}
