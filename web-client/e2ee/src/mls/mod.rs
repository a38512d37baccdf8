//! MLS by the library: one participant's KeyPackage, then its group.

mod announced;
mod leaf_signer;
mod policy;
mod room;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::mem;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openmls::prelude::{
    BasicCredential, CredentialWithKey, GroupId, KeyPackage, Member, MlsGroup, MlsMessageBodyIn,
    MlsMessageOut, OpenMlsProvider as _, OpenMlsRand as _, PreSharedKeyProposal,
    ProcessedMessageContent, Proposal, Sender, StagedCommit, StagedWelcome,
};
use openmls::schedule::PreSharedKeyId;
use sha2::{Digest, Sha256};
use signaling_protocol::{
    HandshakeCount, JoinedParticipant, MessageId, Opaque, ParticipantId, Step,
};

use crate::committer::{Claims, Draft, Mls, MlsError};
use crate::credential::{Certificate, CertificateRequest};
use crate::crypto::Provider;
use crate::media_keys::MediaKeys;

use announced::{Announced, LeafKey, certificate, leaf_key};
pub(crate) use leaf_signer::LeafSigner;
pub(crate) use room::RoomKeys;
use settings::{
    LIFETIME_SECONDS, SKEW_SECONDS, capabilities, create_config, join_config, lifetime, link_psk,
    message,
};

/// RFC 9605 section 5.2.
const SFRAME_LABEL: &str = "SFrame 1.0 Base Key";

/// A participant before its identity key has signed: everything but the credential.
#[derive(Debug)]
pub(crate) struct Uncertified {
    provider: Provider,
    signer: LeafSigner,
    room: RoomKeys,
    request: CertificateRequest,
    now_ms: u64,
}

impl Uncertified {
    /// Draws the leaf's key and writes the certificate to be signed.
    pub(crate) fn new(
        room: RoomKeys,
        name: String,
        identity_public: [u8; 32],
        now_ms: u64,
    ) -> Result<Self, MlsError> {
        let provider = Provider::default();
        let seed = zeroize::Zeroizing::new(random::<32>(&provider)?);
        let signer = LeafSigner::from_seed(&seed);
        let now = now_ms / 1_000;
        let request = CertificateRequest::new(&Certificate {
            identity_public,
            instance: random(&provider)?,
            leaf_signature_public: signer.public(),
            room: room.id.clone(),
            not_before: now.saturating_sub(SKEW_SECONDS),
            expires: now.saturating_add(LIFETIME_SECONDS),
            name,
        });
        Ok(Self { provider, signer, room, request, now_ms })
    }

    pub(crate) fn request(&self) -> &CertificateRequest {
        &self.request
    }

    /// Checks the identity key's signature and makes the KeyPackage.
    pub(crate) fn certify(&self, signature: &[u8; 64]) -> Result<Certified, MlsError> {
        let certificate = self.request.certify(signature)?;
        let identity = self.room.seal(&certificate, random(&self.provider)?)?;
        let credential = CredentialWithKey {
            credential: BasicCredential::new(identity).into(),
            signature_key: self.signer.public().to_vec().into(),
        };
        let suite = self.room.suite;
        PreSharedKeyId::new(suite.ciphersuite(), self.provider.rand(), link_psk(&self.room.id))
            .map_err(internal)?
            .store(&self.provider, self.room.psk())
            .map_err(internal)?;
        let key_package = KeyPackage::builder()
            .key_package_lifetime(lifetime(self.now_ms))
            .leaf_node_capabilities(capabilities(suite))
            .build(suite.ciphersuite(), &self.provider, &self.signer, credential.clone())
            .map_err(internal)?;
        let key_package = bytes(&MlsMessageOut::from(key_package.into_key_package()))?;
        Ok(Certified { credential, key_package })
    }

    pub(crate) fn finish(self, certified: Certified) -> OpenMls {
        let Self { provider, signer, room, request: _, now_ms: _ } = self;
        let Certified { credential, key_package } = certified;
        OpenMls {
            provider,
            signer,
            room,
            credential,
            key_package,
            announced: Announced::default(),
            group: None,
            prepared: None,
            staged: None,
            certificates: BTreeMap::new(),
            leaves: BTreeMap::new(),
            removed: Vec::new(),
        }
    }
}

/// What a signature adds.
pub(crate) struct Certified {
    credential: CredentialWithKey,
    key_package: Opaque,
}

/// A participant whose KeyPackage can be announced.
pub(crate) struct OpenMls {
    provider: Provider,
    signer: LeafSigner,
    room: RoomKeys,
    credential: CredentialWithKey,
    key_package: Opaque,
    announced: Announced,
    group: Option<MlsGroup>,
    /// An own group that the log has not taken yet. (An own commit is kept in its group.)
    prepared: Option<MlsGroup>,
    /// Another member's commit that the log has not taken yet.
    staged: Option<Staged>,
    /// The verified certificates of the members.
    certificates: BTreeMap<LeafKey, Certificate>,
    /// The members by leaf.
    leaves: BTreeMap<u32, LeafKey>,
    /// The leaves that the last epoch took from somebody.
    removed: Vec<u32>,
}

/// Another member's commit that was found good.
struct Staged {
    commit: Box<StagedCommit>,
    /// The certificates of those whom it adds.
    added: BTreeMap<LeafKey, Certificate>,
}

/// A member of the group, with its certificate.
pub(crate) struct VerifiedMember<'a> {
    pub(crate) leaf: u32,
    pub(crate) participant: ParticipantId,
    pub(crate) certificate: &'a Certificate,
    pub(crate) own: bool,
}

impl OpenMls {
    /// An `MLSMessage` of type `mls_key_package`.
    pub(crate) fn key_package(&self) -> &Opaque {
        &self.key_package
    }

    pub(crate) fn room(&self) -> &RoomKeys {
        &self.room
    }

    /// The members, in the order of their leaves.
    pub(crate) fn members(&self) -> Vec<VerifiedMember<'_>> {
        let Some(group) = &self.group else { return Vec::new() };
        let own = group.own_leaf_index();
        let members = group.members().filter_map(|member| {
            let participant = self.announced.owner(&member.signature_key)?;
            let certificate = self.certificates.get(member.signature_key.as_slice())?;
            let own = member.index == own;
            Some(VerifiedMember { leaf: member.index.u32(), participant, certificate, own })
        });
        members.collect()
    }

    /// The base keys of the current epoch.
    pub(crate) fn media_keys(&self, epoch: HandshakeCount) -> Result<MediaKeys, MlsError> {
        let group = self.group.as_ref().ok_or(MlsError::Internal)?;
        let export = |length| {
            group.export_secret(self.provider.crypto(), SFRAME_LABEL, &[], length).map_err(internal)
        };
        Ok(MediaKeys {
            epoch: epoch.0,
            own_leaf: group.own_leaf_index().u32(),
            audio_base_key: export(MediaKeys::AUDIO_BASE_KEY_BYTES)?,
            video_base_key: export(MediaKeys::VIDEO_BASE_KEY_BYTES)?,
            members: self.leaves.keys().copied().collect(),
            removed: self.removed.clone(),
        })
    }

    /// The base keys of the epoch that a commit will make, if the log takes it: that of another
    /// member which is kept aside, or the own one.
    pub(crate) fn coming_media_keys(&self, epoch: HandshakeCount) -> Option<MediaKeys> {
        let group = self.group.as_ref()?;
        let commit = match &self.staged {
            Some(Staged { commit, .. }) => commit,
            None => group.pending_commit()?,
        };
        let export =
            |length| commit.export_secret(self.provider.crypto(), SFRAME_LABEL, &[], length).ok();
        let removes = commit.remove_proposals().map(|one| one.remove_proposal().removed().u32());
        let removed: BTreeSet<_> = removes.collect();
        let mut members: BTreeSet<_> = self.leaves.keys().copied().collect();
        members.retain(|leaf| !removed.contains(leaf));
        for _ in commit.add_proposals() {
            // The leftmost blank leaf (RFC 9420 section 12.1.1).
            let blank = (0..).find(|leaf| !members.contains(leaf));
            members.extend(blank);
        }
        Some(MediaKeys {
            epoch: epoch.0,
            own_leaf: group.own_leaf_index().u32(),
            audio_base_key: export(MediaKeys::AUDIO_BASE_KEY_BYTES)?,
            video_base_key: export(MediaKeys::VIDEO_BASE_KEY_BYTES)?,
            members: members.into_iter().collect(),
            removed: removed.into_iter().collect(),
        })
    }

    /// An application message of the current epoch.
    pub(crate) fn protect(&mut self, plaintext: &[u8]) -> Result<Opaque, MlsError> {
        let Self { provider, signer, group, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        bytes(&group.create_message(provider, signer, plaintext).map_err(internal)?)
    }

    /// Opens an application message of another member: who wrote it, and its plaintext.
    pub(crate) fn open(&mut self, message: &Opaque) -> Result<(u32, Vec<u8>), MlsError> {
        let MlsMessageBodyIn::PrivateMessage(message) = self::message(&message.0)? else {
            return Err(MlsError::Malformed);
        };
        let Self { provider, group, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        let processed = group.process_message(provider, message).map_err(|_| MlsError::Rejected)?;
        let Sender::Member(sender) = *processed.sender() else {
            return Err(MlsError::WrongSender);
        };
        let ProcessedMessageContent::ApplicationMessage(plaintext) = processed.into_content()
        else {
            return Err(MlsError::Malformed);
        };
        Ok((sender.u32(), plaintext.into_bytes()))
    }

    /// What all members of an epoch share and nobody else knows (RFC 9420 section 8.7).
    pub(crate) fn epoch_authenticator(&self) -> Option<&[u8]> {
        self.group.as_ref().map(|group| group.epoch_authenticator().as_slice())
    }

    /// Sixteen random bytes.
    pub(crate) fn random_id(&self) -> Result<[u8; 16], MlsError> {
        random(&self.provider)
    }

    /// The certificates of these members; those that are known are not verified again.
    fn verify_members(
        &self,
        members: impl Iterator<Item = Member>,
    ) -> Result<BTreeMap<LeafKey, Certificate>, MlsError> {
        let verify = |member: Member| {
            let key = leaf_key(&member.signature_key)?;
            let certificate = match self.certificates.get(&key) {
                Some(known) => known.clone(),
                None => certificate(&self.room, &member.credential, &key)?,
            };
            Ok((key, certificate))
        };
        members.map(verify).collect()
    }

    /// A new epoch has begun.
    fn renew(&mut self, certificates: BTreeMap<LeafKey, Certificate>) -> Result<(), MlsError> {
        let group = self.group.as_ref().ok_or(MlsError::Internal)?;
        let leaf = |member: Member| Ok((member.index.u32(), leaf_key(&member.signature_key)?));
        let leaves: BTreeMap<_, _> = group.members().map(leaf).collect::<Result<_, MlsError>>()?;
        let taken = |&(leaf, key): &(&u32, &LeafKey)| leaves.get(leaf) != Some(key);
        self.removed = self.leaves.iter().filter(taken).map(|(&leaf, _)| leaf).collect();
        self.leaves = leaves;
        self.certificates = certificates;
        Ok(())
    }
}

impl Mls for OpenMls {
    fn announce(&mut self, joined: &JoinedParticipant) {
        self.announced.insert(joined);
    }

    fn forget(&mut self, participant: ParticipantId) {
        self.announced.remove(participant);
    }

    fn admissible(&self, participant: ParticipantId, now_ms: u64) -> Result<(), MlsError> {
        self.announced.admissible(participant, &self.room, self.provider.crypto(), now_ms).map(drop)
    }

    fn create(&mut self, count: HandshakeCount, now_ms: u64) -> Result<Draft, MlsError> {
        let group = MlsGroup::new_with_group_id(
            &self.provider,
            &self.signer,
            &create_config(self.room.suite, now_ms),
            GroupId::from_slice(&self.room.id.group_id(count)),
            self.credential.clone(),
        )
        .map_err(internal)?;
        let message_id = MessageId(URL_SAFE_NO_PAD.encode(self.random_id()?));
        self.prepared = Some(group);
        Ok(Draft { message_id, step: Step::Create })
    }

    fn commit(
        &mut self,
        add: &BTreeSet<ParticipantId>,
        remove: &BTreeSet<ParticipantId>,
    ) -> Result<Draft, MlsError> {
        let Self { provider, signer, room, announced, group, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        let added: Result<Vec<_>, _> =
            add.iter().map(|&one| announced.verified(one, provider.crypto())).collect();
        let gone = |member: &Member| {
            announced.owner(&member.signature_key).is_some_and(|owner| remove.contains(&owner))
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

    fn accept(&mut self, _count: HandshakeCount) -> Result<(), MlsError> {
        if let Some(group) = self.prepared.take() {
            self.group = Some(group);
        } else {
            let Self { provider, group, .. } = self;
            let group = group.as_mut().ok_or(MlsError::Internal)?;
            group.merge_pending_commit(provider).map_err(internal)?;
        }
        let group = self.group.as_ref().ok_or(MlsError::Internal)?;
        let certificates = self.verify_members(group.members())?;
        self.renew(certificates)
    }

    fn discard(&mut self) {
        let Self { provider, group, prepared, .. } = self;
        // The storage is memory; it cannot fail.
        if let Some(mut group) = prepared.take() {
            let _ = group.delete(provider.storage());
        } else if let Some(group) = group {
            let _ = group.clear_pending_commit(provider.storage());
        }
    }

    fn stage(&mut self, commit: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError> {
        let MlsMessageBodyIn::PrivateMessage(message) = message(&commit.0)? else {
            return Err(MlsError::Malformed);
        };
        let Self { provider, room, announced, group, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        let processed = group.process_message(provider, message).map_err(|_| MlsError::Rejected)?;
        let Sender::Member(committer) = *processed.sender() else {
            return Err(MlsError::WrongSender);
        };
        let leaf = group.member_at(committer).ok_or(MlsError::WrongSender)?;
        if announced.owner(&leaf.signature_key) != Some(claims.sender) {
            return Err(MlsError::WrongSender);
        }
        let ProcessedMessageContent::StagedCommitMessage(commit) = processed.into_content() else {
            return Err(MlsError::Malformed);
        };
        let added = policy::check(group, committer, &commit, claims, room, announced)?;
        self.staged = Some(Staged { commit, added });
        Ok(())
    }

    fn merge(&mut self) -> Result<(), MlsError> {
        let Staged { commit, added } = self.staged.take().ok_or(MlsError::Internal)?;
        let Self { provider, group, certificates, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        group.merge_staged_commit(provider, *commit).map_err(internal)?;
        let members: BTreeSet<_> = group.members().map(|member| member.signature_key).collect();
        let known = mem::take(certificates).into_iter().chain(added);
        let certificates = known.filter(|(leaf, _)| members.contains(leaf.as_slice())).collect();
        self.renew(certificates)
    }

    fn unstage(&mut self) {
        self.staged = None;
    }

    fn enter(&mut self, welcome: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError> {
        let MlsMessageBodyIn::Welcome(welcome) = message(&welcome.0)? else {
            return Err(MlsError::Malformed);
        };
        let join = StagedWelcome::build_from_welcome(&self.provider, &join_config(), welcome)
            .map_err(|_| MlsError::Rejected)?;
        policy::check_psks(join.processed_welcome().psks(), true, &self.room)?;
        // Members who came long ago have leaves that were valid then.
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
        if self.announced.owner(sender.signature_key().as_slice()) != Some(claims.sender) {
            return Err(MlsError::WrongSender);
        }
        let owners = staged.members().map(|member| self.announced.owner(&member.signature_key));
        if owners.collect::<Option<BTreeSet<_>>>().as_ref() != Some(claims.roster) {
            return Err(MlsError::WrongRoster);
        }
        let certificates = self.verify_members(staged.members())?;
        self.group = Some(staged.into_group(&self.provider).map_err(internal)?);
        self.renew(certificates)
    }
}

impl fmt::Debug for OpenMls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.group.as_ref().map(|group| group.epoch().as_u64());
        f.debug_struct("OpenMls").field("epoch", &epoch).finish_non_exhaustive()
    }
}

/// The submission's id: two submissions with the same bytes are the same.
fn message_id(bytes: &Opaque) -> MessageId {
    MessageId(URL_SAFE_NO_PAD.encode(&Sha256::digest(&bytes.0)[..16]))
}

fn bytes(message: &MlsMessageOut) -> Result<Opaque, MlsError> {
    message.to_bytes().map(Opaque).map_err(internal)
}

fn random<const N: usize>(provider: &Provider) -> Result<[u8; N], MlsError> {
    provider.rand().random_array().map_err(internal)
}

/// The library failed where nothing from outside can make it fail.
fn internal<E>(_: E) -> MlsError {
    MlsError::Internal
}
