//! Finality by acknowledgement: a commit is pending until a member has voted that it can follow it,
//! so that a commit that no member can follow cannot break the room.
//!
//! Nothing here is stored. When the process ends, so does every connection on which a vote was
//! requested and could be given; the sender submits the commit again.

use std::collections::{BTreeMap, BTreeSet};

use signaling_protocol::{
    CommitVote, Handshake, MessageId, ParticipantId, Refusal, RefusalCode, Step, Submission,
};

use crate::log::Log;

/// Time for members to vote, in milliseconds.
pub const VOTE_TIMEOUT_MS: u64 = 2_500;
/// Time for which nothing is accepted from the sender of a rejected commit, in milliseconds.
pub const REJECTION_BACKOFF_MS: u64 = 30_000;

/// The commit of one room that is being judged, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Finality {
    pending: Option<CommitPending>,
    /// The senders of rejected commits, with the time at which submissions are accepted again.
    backoff: BTreeMap<ParticipantId, u64>,
}

/// A commit that is being judged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CommitPending {
    sender: ParticipantId,
    submission: Submission,
    /// Members who may answer and have not.
    asked: BTreeSet<ParticipantId>,
    /// A member has voted that it cannot follow.
    nacked: bool,
    until_ms: u64,
}

/// The next step for a submission that the log would accept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Opened {
    /// No member can be asked: it is final now.
    Final(Submission),
    /// These members are asked.
    CommitPending(BTreeSet<ParticipantId>),
    /// It is being judged already.
    Known,
}

/// The end of a judgement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Decision {
    /// To be submitted to the log once more, and appended.
    Final {
        /// The sender.
        sender: ParticipantId,
        /// The commit, whole.
        submission: Submission,
    },
    /// No member could follow it, or its sender is gone.
    CommitRejected(MessageId),
}

impl Finality {
    /// Takes a submission that [`Log::submit`] has found to be the next handshake. Votes are requested
    /// from the other members that are `reachable`: a member without a connection cannot vote, and a
    /// joiner would wait for the timeout.
    ///
    /// # Errors
    /// [`RefusalCode::HandshakeUndecided`]: another commit is pending, or one of this sender was
    /// rejected a moment ago.
    pub fn open(
        &mut self,
        log: &Log,
        sender: ParticipantId,
        submission: Submission,
        reachable: impl Fn(ParticipantId) -> bool,
        now_ms: u64,
    ) -> Result<Opened, Refusal> {
        if let Some(pending) = &self.pending {
            let same = pending.sender == sender && pending.submission == submission;
            let sentence =
                "Another change of the encryption is being decided on; it is tried again.";
            return if same { Ok(Opened::Known) } else { Err(undecided(sentence)) };
        }
        if self.backoff.get(&sender).is_some_and(|&until_ms| now_ms < until_ms) {
            let sentence =
                "Nobody could follow your last change of the encryption; others go first.";
            return Err(undecided(sentence).with_retry_after(30));
        }
        let others = log.present_members().filter(|&one| one != sender);
        let asked: BTreeSet<_> = others.filter(|&one| reachable(one)).collect();
        if asked.is_empty() {
            return Ok(Opened::Final(submission));
        }
        let until_ms = now_ms.saturating_add(VOTE_TIMEOUT_MS);
        let opened = Opened::CommitPending(asked.clone());
        self.pending = Some(CommitPending { sender, submission, asked, nacked: false, until_ms });
        Ok(opened)
    }

    /// Returns the pending commit if this participant's vote on it is missing, for a participant that
    /// resumes.
    #[must_use]
    pub fn vote_request(&self, participant: ParticipantId) -> Option<Handshake> {
        let pending = self.pending.as_ref()?;
        pending.asked.contains(&participant).then(|| pending.handshake())
    }

    /// Returns whether a commit is pending.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.pending.is_some()
    }

    /// A member has answered. The first ack decides, and so does the last nack; an answer of
    /// anybody else, or to something else, counts for nothing.
    pub fn record_vote(
        &mut self,
        participant: ParticipantId,
        message_id: &MessageId,
        vote: CommitVote,
        now_ms: u64,
    ) -> Option<Decision> {
        let pending = self.pending.as_mut()?;
        if pending.submission.message_id != *message_id || !pending.asked.remove(&participant) {
            return None;
        }
        match vote {
            CommitVote::Ack => self.finish(true, now_ms),
            CommitVote::Nack => {
                pending.nacked = true;
                if pending.asked.is_empty() { self.finish(false, now_ms) } else { None }
            }
        }
    }

    /// Handles a departure: nothing more is accepted from the participant, and no vote expected.
    pub fn departed(&mut self, participant: ParticipantId, now_ms: u64) -> Option<Decision> {
        self.backoff.remove(&participant);
        let pending = self.pending.as_mut()?;
        if pending.sender == participant {
            let message_id = pending.submission.message_id.clone();
            self.pending = None;
            return Some(Decision::CommitRejected(message_id));
        }
        let last = pending.asked.remove(&participant) && pending.asked.is_empty();
        let followed = !pending.nacked;
        if last { self.finish(followed, now_ms) } else { None }
    }

    /// Returns when [`Finality::handle_timeout`] is due, in milliseconds.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.pending.as_ref().map(|pending| pending.until_ms)
    }

    /// Decides an overdue vote. A commit without any vote is final, since a room whose other members are
    /// frozen could not go on otherwise; one with negative votes only is rejected.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Option<Decision> {
        self.backoff.retain(|_, &mut until_ms| now_ms < until_ms);
        let followed = !self.pending.as_ref().filter(|one| one.until_ms <= now_ms)?.nacked;
        self.finish(followed, now_ms)
    }

    fn finish(&mut self, followed: bool, now_ms: u64) -> Option<Decision> {
        let CommitPending { sender, submission, .. } = self.pending.take()?;
        if followed {
            return Some(Decision::Final { sender, submission });
        }
        self.backoff.insert(sender, now_ms.saturating_add(REJECTION_BACKOFF_MS));
        Some(Decision::CommitRejected(submission.message_id))
    }
}

impl CommitPending {
    /// As the log will have it; a Welcome goes out only with what is final.
    fn handshake(&self) -> Handshake {
        let Submission { message_id, expected, roster, step } = &self.submission;
        let step = match step {
            Step::Create => Step::Create,
            Step::Commit { commit, .. } => Step::Commit { commit: commit.clone(), welcome: None },
        };
        Handshake {
            count: expected.next(),
            sender: self.sender,
            message_id: message_id.clone(),
            roster: roster.clone(),
            step,
        }
    }
}

fn undecided(sentence: &str) -> Refusal {
    Refusal::new(RefusalCode::HandshakeUndecided, sentence)
}
