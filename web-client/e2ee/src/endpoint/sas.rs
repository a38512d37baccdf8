//! The endpoint's part in the short authentication string.

use std::collections::BTreeSet;

use signaling_protocol::ParticipantId;

use crate::messages::{ContentError, EMOJI_COUNT, Envelope, LeafSasState, SasMessage};

use super::{Endpoint, Output, Stage};

/// The state of a comparison of the short authentication string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SasState {
    /// These participants have not answered yet.
    Waiting(Vec<ParticipantId>),
    /// All members of the epoch see these five emoji, 0 to 63 each. If they read out the same ones,
    /// each of them is who they claim to be.
    Emoji([u8; EMOJI_COUNT]),
    /// This participant revealed another nonce than it had committed to: it tried to choose the
    /// emoji.
    CommitmentMismatch(ParticipantId),
    /// The epoch changed before all members had answered. Start again.
    Interrupted,
}

impl Endpoint {
    /// Starts a comparison of the short authentication string. The endpoints of all members answer
    /// by themselves; the states come as [`Output::Sas`].
    ///
    /// # Errors
    /// [`ContentError::NotInCall`] or [`ContentError::Full`]; nothing is sent then.
    pub fn start_sas(&mut self, now_ms: u64) -> Result<(), ContentError> {
        let mls = self.member().ok_or(ContentError::NotInCall)?;
        let nonce = mls.random_id().map_err(|_| ContentError::NotInCall)?;
        let commitment = self.messaging.sas.start(nonce, now_ms);
        let full = commitment.is_some_and(|message| !self.queue_sas(message));
        self.send_due_messages(now_ms);
        if full { Err(ContentError::Full) } else { Ok(()) }
    }

    /// Handles a message of the member at this leaf, or of this endpoint if there is no leaf.
    pub(super) fn handle_sas(
        &mut self,
        leaf: Option<u32>,
        epoch: u64,
        message: &SasMessage,
        now_ms: u64,
    ) {
        if self.epoch() != Some(epoch) {
            return;
        }
        let Some(leaf) = leaf.or_else(|| self.own_leaf()) else { return };
        let (state, answer) = self.messaging.sas.handle(leaf, message);
        if let Some(answer) = answer {
            self.queue_sas(answer);
        }
        self.send_due_messages(now_ms);
        if let Some(state) = state {
            self.output_sas(state);
        }
    }

    /// Queues this member's commitment to a round of another member, once it is due.
    pub(super) fn answer_sas(&mut self, now_ms: u64) {
        let Self { stage: Stage::Joined(committer), messaging, .. } = self else { return };
        let nonce = || committer.mls_mut().random_id().ok();
        if let Some(commitment) = messaging.sas.answer(nonce, now_ms) {
            self.queue_sas(commitment);
        }
    }

    pub(super) fn start_sas_epoch(&mut self) {
        let Some(own_leaf) = self.own_leaf() else { return };
        let Some(mls) = self.member() else { return };
        let members: BTreeSet<_> = mls.members().iter().map(|member| member.leaf).collect();
        let Some(authenticator) = mls.epoch_authenticator().map(<[u8]>::to_vec) else { return };
        let interrupted = self.messaging.sas.start_epoch(own_leaf, members, authenticator);
        if let Some(interrupted) = interrupted {
            self.output_sas(interrupted);
        }
    }

    /// Queues a message for the current epoch. Returns `false` if the outbox is full.
    fn queue_sas(&mut self, message: SasMessage) -> bool {
        let Some(epoch) = self.epoch() else { return false };
        self.messaging.outbox.push(Envelope::Sas { epoch, message })
    }

    fn output_sas(&mut self, state: LeafSasState) {
        let Some(mls) = self.member() else { return };
        let members = mls.members();
        let participant = |leaf| {
            members.iter().find(|member| member.leaf == leaf).map(|member| member.participant)
        };
        let state = match state {
            LeafSasState::Waiting(leaves) => {
                SasState::Waiting(leaves.into_iter().filter_map(participant).collect())
            }
            LeafSasState::Emoji(emoji) => SasState::Emoji(emoji),
            LeafSasState::CommitmentMismatch(leaf) => match participant(leaf) {
                Some(participant) => SasState::CommitmentMismatch(participant),
                None => SasState::Interrupted,
            },
            LeafSasState::Interrupted => SasState::Interrupted,
        };
        self.outputs.push(Output::Sas(state));
    }

    fn epoch(&self) -> Option<u64> {
        let Stage::Joined(committer) = &self.stage else { return None };
        Some(committer.view().handshake_count().0)
    }

    fn own_leaf(&mut self) -> Option<u32> {
        self.member()?.members().into_iter().find(|member| member.own).map(|member| member.leaf)
    }
}
