//! The endpoint's part in comparisons by voice.

use std::collections::BTreeSet;

use signaling_protocol::ParticipantId;

use crate::messages::{ComparisonStep, ContentError, EMOJI, Envelope, Standing};

use super::{Endpoint, Output, Stage};

/// How a comparison by voice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparisonState {
    /// These participants have not answered yet.
    Waiting(Vec<ParticipantId>),
    /// Everybody who is in the same epoch sees these five, 0 to 63 each. They say that all members
    /// of that epoch are who they are, if everybody reads out the same.
    Emoji([u8; EMOJI]),
    /// This participant has shown another nonce than it had committed to.
    Cheated(ParticipantId),
    /// The members changed before everybody had answered: begin again.
    Interrupted,
}

impl Endpoint {
    /// Begins a comparison by voice, which all members answer by themselves; it comes as
    /// [`Output::Comparison`].
    ///
    /// # Errors
    /// [`ContentError`]; nothing is sent then.
    pub fn compare(&mut self, now_ms: u64) -> Result<(), ContentError> {
        let mls = self.member().ok_or(ContentError::NotInCall)?;
        let nonce = mls.random_id().map_err(|_| ContentError::NotInCall)?;
        let step = self.messaging.comparison.begin(nonce, now_ms);
        let full = step.is_some_and(|step| !self.send_comparison(step));
        self.messages_due(now_ms);
        if full { Err(ContentError::Full) } else { Ok(()) }
    }

    /// A member of this leaf has said something about it; no leaf: this endpoint itself.
    pub(super) fn compared(
        &mut self,
        leaf: Option<u32>,
        epoch: u64,
        step: &ComparisonStep,
        now_ms: u64,
    ) {
        if self.epoch() != Some(epoch) {
            return;
        }
        let Some(leaf) = leaf.or_else(|| self.own_leaf()) else { return };
        let (standing, answer) = self.messaging.comparison.heard(leaf, step);
        if let Some(answer) = answer {
            self.send_comparison(answer);
        }
        self.messages_due(now_ms);
        if let Some(standing) = standing {
            self.tell_comparison(standing);
        }
    }

    /// Commits where others have begun, once it is time.
    pub(super) fn answer_comparison(&mut self, now_ms: u64) {
        let Self { stage: Stage::Joined(committer), messaging, .. } = self else { return };
        let nonce = || committer.mls_mut().random_id().ok();
        if let Some(step) = messaging.comparison.owed(nonce, now_ms) {
            self.send_comparison(step);
        }
    }

    pub(super) fn new_epoch_to_compare(&mut self) {
        let Some(own_leaf) = self.own_leaf() else { return };
        let Some(mls) = self.member() else { return };
        let members: BTreeSet<_> = mls.members().iter().map(|member| member.leaf).collect();
        let Some(authenticator) = mls.epoch_authenticator().map(<[u8]>::to_vec) else { return };
        let interrupted = self.messaging.comparison.new_epoch(own_leaf, members, authenticator);
        if let Some(interrupted) = interrupted {
            self.tell_comparison(interrupted);
        }
    }

    /// Whether there was room for it.
    fn send_comparison(&mut self, step: ComparisonStep) -> bool {
        let Some(epoch) = self.epoch() else { return false };
        self.messaging.outbox.push(Envelope::Comparison { epoch, step })
    }

    fn tell_comparison(&mut self, standing: Standing) {
        let Some(mls) = self.member() else { return };
        let members = mls.members();
        let participant = |leaf| {
            members.iter().find(|member| member.leaf == leaf).map(|member| member.participant)
        };
        let state = match standing {
            Standing::Waiting(leaves) => {
                ComparisonState::Waiting(leaves.into_iter().filter_map(participant).collect())
            }
            Standing::Emoji(emoji) => ComparisonState::Emoji(emoji),
            Standing::Cheated(leaf) => match participant(leaf) {
                Some(participant) => ComparisonState::Cheated(participant),
                None => ComparisonState::Interrupted,
            },
            Standing::Interrupted => ComparisonState::Interrupted,
        };
        self.outputs.push(Output::Comparison(state));
    }

    fn epoch(&self) -> Option<u64> {
        let Stage::Joined(committer) = &self.stage else { return None };
        Some(committer.view().handshake_count().0)
    }

    fn own_leaf(&mut self) -> Option<u32> {
        self.member()?.members().into_iter().find(|member| member.own).map(|member| member.leaf)
    }
}
