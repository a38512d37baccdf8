//! The KeyPackages in the log: which participant owns which leaf key, and which may be added.

use std::collections::BTreeMap;

use openmls::prelude::{
    Credential, CredentialType, CredentialWithKey, KeyPackage, KeyPackageIn, KeyPackageVerifyError,
    MlsMessageBodyIn, OpenMlsCrypto, ProtocolVersion,
};
use signaling_protocol::limits::KEY_PACKAGE_BYTES;
use signaling_protocol::{JoinedParticipant, Opaque, ParticipantId};

use super::room::RoomKeys;
use super::settings::{check_lifetime, message};
use crate::committer::MlsError;
use crate::credential::Certificate;

/// The Ed25519 public key of a leaf.
pub(crate) type LeafKey = [u8; 32];

/// The KeyPackages of all participants of the room.
#[derive(Debug, Default)]
pub(crate) struct KeyPackages {
    key_packages: BTreeMap<ParticipantId, Result<Box<KeyPackageIn>, MlsError>>,
    owners: BTreeMap<LeafKey, ParticipantId>,
    /// The predecessor of each participant that replaces one.
    replaced: BTreeMap<ParticipantId, ParticipantId>,
}

impl KeyPackages {
    /// Adds a participant's KeyPackage. It is not verified yet.
    pub(crate) fn insert(&mut self, joined: &JoinedParticipant) {
        let &JoinedParticipant { participant, ref key_package, replaces } = joined;
        self.replaced.extend(replaces.map(|old| (participant, old)));
        let key_package = parse(key_package).and_then(|key_package| {
            let leaf = leaf_key(key_package.unverified_credential().signature_key.as_slice())?;
            // The first participant with a key owns it: a copy must not displace its owner.
            let owner = *self.owners.entry(leaf).or_insert(participant);
            if owner == participant { Ok(key_package) } else { Err(MlsError::DuplicateKey) }
        });
        self.key_packages.insert(participant, key_package);
    }

    pub(crate) fn remove(&mut self, participant: ParticipantId) {
        self.key_packages.remove(&participant);
        self.owners.retain(|_, owner| *owner != participant);
        // A predecessor's identity is known only as long as its KeyPackage is.
        self.replaced.retain(|new, old| *new != participant && *old != participant);
    }

    /// Returns the participant whose KeyPackage has this leaf key.
    pub(crate) fn owner(&self, leaf: &[u8]) -> Option<ParticipantId> {
        self.owners.get(leaf).copied()
    }

    /// Checks everything about a KeyPackage that does not depend on the group, and returns it (RFC
    /// 9420 section 10.1).
    ///
    /// # Errors
    /// Why it must not be added.
    pub(crate) fn check_key_package(
        &self,
        participant: ParticipantId,
        room: &RoomKeys,
        crypto: &impl OpenMlsCrypto,
        now_ms: u64,
    ) -> Result<KeyPackage, MlsError> {
        let key_package = self.key_packages.get(&participant).ok_or(MlsError::Unknown)?;
        let key_package = key_package.as_ref().map_err(|&error| error)?;
        let certificate = claimed(key_package, room)?;
        certificate.check_time(now_ms / 1_000)?;
        self.check_predecessor(participant, &certificate, room)?;
        let key_package = verify(key_package, crypto)?;
        if key_package.ciphersuite() != room.suite.ciphersuite() {
            return Err(MlsError::WrongSuite);
        }
        if key_package.last_resort() {
            return Err(MlsError::Forbidden);
        }
        check_lifetime(key_package.life_time(), now_ms)?;
        Ok(key_package)
    }

    /// Checks that a participant has the same identity key as the one that it replaces.
    ///
    /// # Errors
    /// [`MlsError::OtherIdentity`]
    pub(crate) fn check_predecessor(
        &self,
        participant: ParticipantId,
        certificate: &Certificate,
        room: &RoomKeys,
    ) -> Result<(), MlsError> {
        let Some(old) = self.replaced.get(&participant) else { return Ok(()) };
        let old = self.key_packages.get(old).and_then(|old| old.as_ref().ok());
        let old = old.and_then(|old| claimed(old, room).ok());
        let same = old.is_some_and(|old| old.identity_public == certificate.identity_public);
        if same { Ok(()) } else { Err(MlsError::OtherIdentity) }
    }

    /// Returns a KeyPackage to be added now. [`Self::check_key_package`] accepted it before.
    ///
    /// # Errors
    /// [`MlsError::Unknown`], or what is wrong with it.
    pub(crate) fn verified(
        &self,
        participant: ParticipantId,
        crypto: &impl OpenMlsCrypto,
    ) -> Result<KeyPackage, MlsError> {
        let key_package = self.key_packages.get(&participant).ok_or(MlsError::Unknown)?;
        verify(key_package.as_ref().map_err(|&error| error)?, crypto)
    }
}

/// Returns the certificate in a KeyPackage, which is not verified otherwise.
fn claimed(key_package: &KeyPackageIn, room: &RoomKeys) -> Result<Certificate, MlsError> {
    let CredentialWithKey { credential, signature_key } = key_package.unverified_credential();
    certificate(room, &credential, signature_key.as_slice())
}

/// Opens and verifies the certificate in a leaf's credential.
pub(crate) fn certificate(
    room: &RoomKeys,
    credential: &Credential,
    leaf: &[u8],
) -> Result<Certificate, MlsError> {
    if credential.credential_type() != CredentialType::Basic {
        return Err(MlsError::Forbidden);
    }
    Ok(room.open(credential.serialized_content(), leaf)?)
}

pub(crate) fn leaf_key(bytes: &[u8]) -> Result<LeafKey, MlsError> {
    bytes.try_into().map_err(|_| MlsError::WrongSuite)
}

fn parse(bytes: &Opaque) -> Result<Box<KeyPackageIn>, MlsError> {
    if bytes.0.len() > KEY_PACKAGE_BYTES {
        return Err(MlsError::TooLarge);
    }
    match message(&bytes.0)? {
        MlsMessageBodyIn::KeyPackage(key_package) => Ok(Box::new(key_package)),
        MlsMessageBodyIn::PublicMessage(_)
        | MlsMessageBodyIn::PrivateMessage(_)
        | MlsMessageBodyIn::Welcome(_)
        | MlsMessageBodyIn::GroupInfo(_) => Err(MlsError::Malformed),
    }
}

fn verify(key_package: &KeyPackageIn, crypto: &impl OpenMlsCrypto) -> Result<KeyPackage, MlsError> {
    key_package.clone().validate(crypto, ProtocolVersion::Mls10).map_err(|error| {
        let lifetime = matches!(error, KeyPackageVerifyError::LifetimeError(_));
        if lifetime { MlsError::Lifetime } else { MlsError::Rejected }
    })
}
