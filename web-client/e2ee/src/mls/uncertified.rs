//! From a fresh leaf key to a certified KeyPackage.

use openmls::prelude::{
    BasicCredential, CredentialWithKey, KeyPackage, MlsMessageOut, OpenMlsProvider as _,
};
use openmls::schedule::PreSharedKeyId;
use signaling_protocol::Opaque;

use super::leaf_signer::LeafSigner;
use super::room::RoomKeys;
use super::settings::{LIFETIME_SECONDS, SKEW_SECONDS, capabilities, lifetime, link_psk};
use super::{OpenMls, bytes, internal, random};
use crate::committer::MlsError;
use crate::credential::{Certificate, CertificateRequest};
use crate::crypto::Provider;

/// A participant whose certificate is not signed yet: everything but the credential.
#[derive(Debug)]
pub(crate) struct Uncertified {
    provider: Provider,
    signer: LeafSigner,
    room: RoomKeys,
    request: CertificateRequest,
    now_ms: u64,
}

impl Uncertified {
    /// Draws the leaf's signature key and writes the certificate for the identity key to sign.
    ///
    /// # Errors
    /// [`MlsError::Internal`] if the system has no randomness.
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

    /// Returns what the identity key has to sign.
    pub(crate) fn request(&self) -> &CertificateRequest {
        &self.request
    }

    /// Checks the identity key's signature and makes the KeyPackage (RFC 9420 section 10).
    ///
    /// # Errors
    /// [`MlsError::Credential`] if the signature is wrong, [`MlsError::Internal`] otherwise.
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

    /// Returns the participant with the credential and the KeyPackage of [`Self::certify`].
    pub(crate) fn finish(self, certified: Certified) -> OpenMls {
        let Self { provider, signer, room, request: _, now_ms: _ } = self;
        let Certified { credential, key_package } = certified;
        OpenMls::new(provider, signer, room, credential, key_package)
    }
}

/// The credential and the KeyPackage that a signature makes possible.
pub(crate) struct Certified {
    credential: CredentialWithKey,
    key_package: Opaque,
}
