//! Credentials: the owner of a leaf, sealed so that only people with the link can read it.
//!
//! The identity of a BasicCredential (RFC 9420 section 5.3) is
//! `0x01 ‖ nonce (12) ‖ AES-256-GCM(K_cred, nonce, "lp-cred/1" ‖ room id, certificate)`. The
//! certificate inside binds a leaf's signature key to a person's identity key, for one room and for
//! a short time. Padding hides the length of the name.

mod certificate;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use signaling_protocol::RoomId;

pub use certificate::{Certificate, CertificateRequest};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const MAX_BYTES: usize = 1 + NONCE_BYTES + certificate::MAX_BYTES + TAG_BYTES;

/// Why a credential is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum CredentialError {
    /// Not a credential of this project, or of an unknown version.
    #[error("its credential is of an unknown kind")]
    UnknownKind,
    /// Longer or shorter than a credential can be.
    #[error("its credential has an invalid length")]
    Length,
    /// It was sealed with another link's key, or altered.
    #[error("it was made with another link")]
    OtherLink,
    /// The sealed content is not a certificate.
    #[error("its certificate is malformed")]
    Malformed,
    /// The certificate is for another room.
    #[error("its certificate belongs to another meeting")]
    OtherRoom,
    /// The certificate is for another leaf signature key.
    #[error("its certificate belongs to another leaf")]
    OtherLeaf,
    /// The identity key has not signed the certificate.
    #[error("its certificate is not signed by the identity that it names")]
    BadSignature,
    /// The certificate is not valid at this time.
    #[error("its certificate is not valid now; the clocks may differ")]
    NotValidNow,
}

/// Seals a certificate and returns the identity of a BasicCredential. The nonce must be random.
///
/// # Errors
/// [`CredentialError::Length`] if the certificate is too long for AES-GCM.
pub(crate) fn seal(
    certificate: &[u8],
    key: &[u8; 32],
    room: &RoomId,
    nonce: [u8; NONCE_BYTES],
) -> Result<Vec<u8>, CredentialError> {
    let sealed = Aes256Gcm::new(key.into())
        .encrypt(Nonce::from_slice(&nonce), Payload { msg: certificate, aad: &aad(room) })
        .map_err(|_| CredentialError::Length)?;
    let mut identity = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
    identity.push(VERSION);
    identity.extend_from_slice(&nonce);
    identity.extend_from_slice(&sealed);
    Ok(identity)
}

/// Opens the identity of a BasicCredential and verifies its certificate for this room and this leaf.
/// It does not check the lifetime: see [`Certificate::check_time`].
///
/// # Errors
/// [`CredentialError`]
pub(crate) fn open(
    identity: &[u8],
    key: &[u8; 32],
    room: &RoomId,
    leaf_signature_key: &[u8],
) -> Result<Certificate, CredentialError> {
    if identity.len() > MAX_BYTES {
        return Err(CredentialError::Length);
    }
    let (&[version], rest) = identity.split_first_chunk().ok_or(CredentialError::Length)?;
    if version != VERSION {
        return Err(CredentialError::UnknownKind);
    }
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(CredentialError::Length)?;
    let opened = Aes256Gcm::new(key.into())
        .decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: &aad(room) })
        .map_err(|_| CredentialError::OtherLink)?;
    let certificate = Certificate::decode(&opened)?;
    if certificate.room != *room {
        return Err(CredentialError::OtherRoom);
    }
    if certificate.leaf_signature_public != leaf_signature_key {
        return Err(CredentialError::OtherLeaf);
    }
    Ok(certificate)
}

fn aad(room: &RoomId) -> Vec<u8> {
    [b"lp-cred/1".as_slice(), room.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [9; 32];
    const LEAF: [u8; 32] = [5; 32];

    fn room() -> RoomId {
        RoomId::from_bytes([1; 16])
    }

    fn certificate(room: &RoomId, name: &str) -> Vec<u8> {
        let identity = SigningKey::from_bytes(&[3; 32]);
        let request = CertificateRequest::new(&Certificate {
            identity_public: identity.verifying_key().to_bytes(),
            instance: [4; 16],
            leaf_signature_public: LEAF,
            room: room.clone(),
            not_before: 1_000,
            expires: 5_000,
            name: name.to_owned(),
        });
        let signature = identity.sign(request.as_bytes()).to_bytes();
        request.certify(&signature).unwrap()
    }

    fn sealed(name: &str) -> Vec<u8> {
        seal(&certificate(&room(), name), &KEY, &room(), [8; 12]).unwrap()
    }

    #[test]
    fn a_sealed_certificate_opens_with_the_same_link_room_and_leaf() {
        let opened = open(&sealed("Ada"), &KEY, &room(), &LEAF).unwrap();
        assert_eq!(opened.name, "Ada");
        assert_eq!((opened.not_before, opened.expires), (1_000, 5_000));
    }

    #[test]
    fn another_link_another_leaf_and_any_altered_byte_are_refused() {
        let whole = sealed("Ada");
        let open = |bytes: &[u8]| open(bytes, &KEY, &room(), &LEAF);
        assert_eq!(super::open(&whole, &[8; 32], &room(), &LEAF), Err(CredentialError::OtherLink));
        assert_eq!(super::open(&whole, &KEY, &room(), &[6; 32]), Err(CredentialError::OtherLeaf));
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            assert!(open(&altered).is_err(), "byte {at}");
            assert!(open(&whole[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(open(&vec![1; 10_000]), Err(CredentialError::Length));
    }

    #[test]
    fn a_certificate_replayed_into_another_room_is_refused() {
        let other = RoomId::from_bytes([2; 16]);
        // An attacker with both links can seal it again, and still cannot move it.
        let resealed = seal(&certificate(&room(), "Ada"), &KEY, &other, [8; 12]).unwrap();
        assert_eq!(open(&resealed, &KEY, &other, &LEAF), Err(CredentialError::OtherRoom));
    }

    #[test]
    fn a_certificate_that_another_key_signed_is_refused() {
        let mut forged = certificate(&room(), "Ada");
        forged[1] ^= 1;
        let forged = seal(&forged, &KEY, &room(), [8; 12]).unwrap();
        assert_eq!(open(&forged, &KEY, &room(), &LEAF), Err(CredentialError::BadSignature));
    }

    #[test]
    fn the_length_does_not_depend_on_the_name() {
        assert_eq!(sealed("Al").len(), sealed("Alexandra von Humboldt-Bonpland").len());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = open(&bytes, &KEY, &room(), &LEAF);
            let resealed = seal(&bytes, &KEY, &room(), [8; 12]).unwrap();
            prop_assert!(open(&resealed, &KEY, &room(), &LEAF).is_err());
        }
    }
}
