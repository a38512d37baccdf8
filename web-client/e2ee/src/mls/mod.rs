//! MLS (RFC 9420) by the OpenMLS library: one participant's KeyPackage, then its group.

mod base_keys;
mod handshakes;
mod key_packages;
mod leaf_signer;
mod policy;
mod room;
mod settings;
#[cfg(test)]
mod tests;
mod uncertified;

use std::collections::BTreeMap;
use std::fmt;

use openmls::prelude::{
    CredentialWithKey, Member, MlsGroup, MlsMessageBodyIn, MlsMessageOut, OpenMlsProvider as _,
    OpenMlsRand as _, ProcessedMessageContent, Sender, StagedCommit,
};
use signaling_protocol::{Opaque, ParticipantId};

use crate::committer::MlsError;
use crate::credential::Certificate;
use crate::crypto::Provider;

use key_packages::{KeyPackages, LeafKey, certificate, leaf_key};
use leaf_signer::LeafSigner;
pub(crate) use room::RoomKeys;
use settings::message;
pub(crate) use uncertified::Uncertified;

/// A participant with a certified KeyPackage, and its group once it is a member.
pub(crate) struct OpenMls {
    provider: Provider,
    signer: LeafSigner,
    room: RoomKeys,
    credential: CredentialWithKey,
    key_package: Opaque,
    key_packages: KeyPackages,
    group: Option<MlsGroup>,
    /// This participant's new group that the log has not accepted yet. A pending commit is kept in
    /// `group` by OpenMLS.
    pending_group: Option<MlsGroup>,
    /// Another member's commit that the log has not accepted yet.
    staged: Option<Staged>,
    /// The verified certificates of all members.
    certificates: BTreeMap<LeafKey, Certificate>,
    /// The signature keys of all members, by leaf index.
    leaves: BTreeMap<u32, LeafKey>,
    /// The leaves whose member the last commit removed.
    removed: Vec<u32>,
}

/// Another member's commit that can be processed.
struct Staged {
    commit: Box<StagedCommit>,
    /// The certificates of the participants that it adds.
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
    fn new(
        provider: Provider,
        signer: LeafSigner,
        room: RoomKeys,
        credential: CredentialWithKey,
        key_package: Opaque,
    ) -> Self {
        Self {
            provider,
            signer,
            room,
            credential,
            key_package,
            key_packages: KeyPackages::default(),
            group: None,
            pending_group: None,
            staged: None,
            certificates: BTreeMap::new(),
            leaves: BTreeMap::new(),
            removed: Vec::new(),
        }
    }

    /// Returns the KeyPackage, an `MLSMessage` of type `mls_key_package`.
    pub(crate) fn key_package(&self) -> &Opaque {
        &self.key_package
    }

    pub(crate) fn room(&self) -> &RoomKeys {
        &self.room
    }

    /// Returns the members in the order of their leaves.
    pub(crate) fn members(&self) -> Vec<VerifiedMember<'_>> {
        let Some(group) = &self.group else { return Vec::new() };
        let own = group.own_leaf_index();
        let members = group.members().filter_map(|member| {
            let participant = self.key_packages.owner(&member.signature_key)?;
            let certificate = self.certificates.get(member.signature_key.as_slice())?;
            let own = member.index == own;
            Some(VerifiedMember { leaf: member.index.u32(), participant, certificate, own })
        });
        members.collect()
    }

    /// Protects an application message for the current epoch (RFC 9420 section 15).
    ///
    /// # Errors
    /// [`MlsError::Internal`] if this participant is not a member or the library fails.
    pub(crate) fn protect(&mut self, plaintext: &[u8]) -> Result<Opaque, MlsError> {
        let Self { provider, signer, group, .. } = self;
        let group = group.as_mut().ok_or(MlsError::Internal)?;
        bytes(&group.create_message(provider, signer, plaintext).map_err(internal)?)
    }

    /// Unprotects an application message of another member. Returns its leaf index and the plaintext.
    ///
    /// # Errors
    /// [`MlsError::Rejected`] if it does not belong to this epoch or is not authentic, and other
    /// errors if it is not an application message of a member.
    pub(crate) fn unprotect(&mut self, message: &Opaque) -> Result<(u32, Vec<u8>), MlsError> {
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

    /// Returns the epoch authenticator, which only the members of the epoch know (RFC 9420
    /// section 8.7).
    pub(crate) fn epoch_authenticator(&self) -> Option<&[u8]> {
        self.group.as_ref().map(|group| group.epoch_authenticator().as_slice())
    }

    /// Returns 16 random bytes.
    pub(crate) fn random_id(&self) -> Result<[u8; 16], MlsError> {
        random(&self.provider)
    }

    /// Returns the verified certificates of these members. Certificates that are known are not
    /// verified again.
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

    /// Updates members and certificates for a new epoch.
    fn start_epoch(
        &mut self,
        certificates: BTreeMap<LeafKey, Certificate>,
    ) -> Result<(), MlsError> {
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

impl fmt::Debug for OpenMls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.group.as_ref().map(|group| group.epoch().as_u64());
        f.debug_struct("OpenMls").field("epoch", &epoch).finish_non_exhaustive()
    }
}

fn bytes(message: &MlsMessageOut) -> Result<Opaque, MlsError> {
    message.to_bytes().map(Opaque).map_err(internal)
}

fn random<const N: usize>(provider: &Provider) -> Result<[u8; N], MlsError> {
    provider.rand().random_array().map_err(internal)
}

/// Converts an error of the library that no remote input can cause.
fn internal<E>(_: E) -> MlsError {
    MlsError::Internal
}
