//! The handshakes of one participant: creates, commits and Welcomes (RFC 9420 sections 11 and 12.4).

use std::collections::BTreeSet;
use std::mem;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openmls::prelude::{
    GroupId, Member, MlsGroup, MlsMessageBodyIn, OpenMlsProvider as _, PreSharedKeyProposal,
    ProcessedMessageContent, Proposal, Sender, StagedWelcome,
};
use openmls::schedule::PreSharedKeyId;
use sha2::{Digest, Sha256};
use signaling_protocol::{
    HandshakeCount, JoinedParticipant, MessageId, Opaque, ParticipantId, Step,
};

use super::settings::{create_config, join_config, link_psk, message};
use super::{OpenMls, Staged, bytes, internal, policy};
use crate::committer::{Claims, Draft, Mls, MlsError};

impl Mls for OpenMls {
    fn add_key_package(&mut self, joined: &JoinedParticipant) {
        self.key_packages.insert(joined);
    }

    fn remove_key_package(&mut self, participant: ParticipantId) {
        self.key_packages.remove(participant);
    }

    fn check_key_package(&self, participant: ParticipantId, now_ms: u64) -> Result<(), MlsError> {
        self.key_packages
            .check_key_package(participant, &self.room, self.provider.crypto(), now_ms)
            .map(drop)
    }

    fn create_group(&mut self, count: HandshakeCount, now_ms: u64) -> Result<Draft, MlsError> {
        let group = MlsGroup::new_with_group_id(
            &self.provider,
            &self.signer,
            &create_config(self.room.suite, now_ms),
            GroupId::from_slice(&self.room.id.group_id(count)),
            self.credential.clone(),
        )
        .map_err(internal)?;
        let message_id = MessageId(URL_SAFE_NO_PAD.encode(self.random_id()?));
        self.pending_group = Some(group);
        Ok(Draft { message_id, step: Step::Create })
    }

    fn create_commit(
        &mut self,
        add: &BTreeSet<ParticipantId>,
        remove: &BTreeSet<ParticipantId>,
    ) -> Result<Draft, MlsError> {
        let Self { provider, signer, room, key_packages, group, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        let added: Result<Vec<_>, _> =
            add.iter().map(|&one| key_packages.verified(one, provider.crypto())).collect();
        let gone = |member: &Member| {
            key_packages.owner(&member.signature_key).is_some_and(|owner| remove.contains(&owner))
        };
        let removed: Vec<_> = group.members().filter(gone).map(|member| member.index).collect();
        let mut commit = group
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(add.is_empty())
            .propose_removals(removed)
            .propose_adds(added?);
        if !add.is_empty() {
            let suite = room.suite.ciphersuite();
            let psk = PreSharedKeyId::new(suite, provider.rand(), link_psk(&room.id))
                .map_err(internal)?;
            let psk = PreSharedKeyProposal::new(psk);
            commit = commit.add_proposal(Proposal::PreSharedKey(Box::new(psk)));
        }
        let bundle = commit
            .load_psks(provider.storage())
            .map_err(internal)?
            .use_ratchet_tree_extension(true)
            .build(provider.rand(), provider.crypto(), signer, |_| true)
            .map_err(|_| MlsError::Rejected)?
            .stage_commit(provider)
            .map_err(internal)?;
        let (commit, welcome, _) = bundle.into_messages();
        let commit = bytes(&commit)?;
        let welcome = welcome.as_ref().map(bytes).transpose()?;
        let message_id = message_id(&commit);
        Ok(Draft { message_id, step: Step::Commit { commit, welcome } })
    }

    fn merge_pending(&mut self, _count: HandshakeCount) -> Result<(), MlsError> {
        if let Some(group) = self.pending_group.take() {
            self.group = Some(group);
        } else {
            let Self { provider, group, .. } = self;
            let group = group.as_mut().ok_or(MlsError::Internal)?;
            group.merge_pending_commit(provider).map_err(internal)?;
        }
        let group = self.group.as_ref().ok_or(MlsError::Internal)?;
        let certificates = self.verify_members(group.members())?;
        self.start_epoch(certificates)
    }

    fn clear_pending(&mut self) {
        let Self { provider, group, pending_group, .. } = self;
        // The storage is in memory and cannot fail.
        if let Some(mut group) = pending_group.take() {
            let _ = group.delete(provider.storage());
        } else if let Some(group) = group {
            let _ = group.clear_pending_commit(provider.storage());
        }
    }

    fn stage_commit(&mut self, commit: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError> {
        let MlsMessageBodyIn::PrivateMessage(message) = message(&commit.0)? else {
            return Err(MlsError::Malformed);
        };
        let Self { provider, room, key_packages, group, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        let processed = group.process_message(provider, message).map_err(|_| MlsError::Rejected)?;
        let Sender::Member(committer) = *processed.sender() else {
            return Err(MlsError::WrongSender);
        };
        let leaf = group.member_at(committer).ok_or(MlsError::WrongSender)?;
        if key_packages.owner(&leaf.signature_key) != Some(claims.sender) {
            return Err(MlsError::WrongSender);
        }
        let ProcessedMessageContent::StagedCommitMessage(commit) = processed.into_content() else {
            return Err(MlsError::Malformed);
        };
        let added = policy::check(group, committer, &commit, claims, room, key_packages)?;
        self.staged = Some(Staged { commit, added });
        Ok(())
    }

    fn merge_staged_commit(&mut self) -> Result<(), MlsError> {
        let Staged { commit, added } = self.staged.take().ok_or(MlsError::Internal)?;
        let Self { provider, group, certificates, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        group.merge_staged_commit(provider, *commit).map_err(internal)?;
        let members: BTreeSet<_> = group.members().map(|member| member.signature_key).collect();
        let known = mem::take(certificates).into_iter().chain(added);
        let certificates = known.filter(|(leaf, _)| members.contains(leaf.as_slice())).collect();
        self.start_epoch(certificates)
    }

    fn clear_staged_commit(&mut self) {
        self.staged = None;
    }

    fn join_by_welcome(&mut self, welcome: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError> {
        let MlsMessageBodyIn::Welcome(welcome) = message(&welcome.0)? else {
            return Err(MlsError::Malformed);
        };
        let join = StagedWelcome::build_from_welcome(&self.provider, &join_config(), welcome)
            .map_err(|_| MlsError::Rejected)?;
        policy::check_psks(join.processed_welcome().psks(), true, &self.room)?;
        // Earlier members have leaves whose lifetime may be over.
        let staged = join.skip_lifetime_validation().build().map_err(|_| MlsError::Rejected)?;
        let context = staged.group_context();
        let created = self.room.id.created_count(context.group_id().as_slice());
        let created = created.ok_or(MlsError::WrongGroup)?;
        if created.0.checked_add(context.epoch().as_u64()) != Some(claims.count.0) {
            return Err(MlsError::WrongGroup);
        }
        if context.extensions().iter().next().is_some() {
            return Err(MlsError::Forbidden);
        }
        let sender = staged.welcome_sender().map_err(internal)?;
        if self.key_packages.owner(sender.signature_key().as_slice()) != Some(claims.sender) {
            return Err(MlsError::WrongSender);
        }
        let owners = staged.members().map(|member| self.key_packages.owner(&member.signature_key));
        if owners.collect::<Option<BTreeSet<_>>>().as_ref() != Some(claims.roster) {
            return Err(MlsError::WrongRoster);
        }
        let certificates = self.verify_members(staged.members())?;
        self.group = Some(staged.into_group(&self.provider).map_err(internal)?);
        self.start_epoch(certificates)
    }
}

/// Returns the id of a commit's submission: submissions of the same bytes have the same id.
fn message_id(bytes: &Opaque) -> MessageId {
    MessageId(URL_SAFE_NO_PAD.encode(&Sha256::digest(&bytes.0)[..16]))
}
