//! The certificate: an identity key binds a leaf signature key to itself, for one room and a limited
//! time.
//!
//! Its fields and their lengths in bytes: version (1), identity key (32), instance (16), leaf
//! signature key (32), room id (22), not before (8), expires (8), length of the name (2), name,
//! signature (64), zeros up to a multiple of 128. Integers are big-endian; times are seconds since
//! the Unix epoch.

use ed25519_dalek::{Signature, VerifyingKey};
use signaling_protocol::RoomId;

use super::CredentialError;

const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 64;
const PADDING_STEP: usize = 128;
const NAME_CHARS: usize = 64;
const HEAD_BYTES: usize = 1 + 32 + 16 + 32 + RoomId::LEN + 8 + 8 + 2;
pub(super) const MAX_BYTES: usize =
    (HEAD_BYTES + 4 * NAME_CHARS + SIGNATURE_BYTES).next_multiple_of(PADDING_STEP);

/// Separates these signatures from all other uses of the identity key.
const LABEL: &[u8] = b"lp-cert/1";

/// The content of a verified certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The Ed25519 public key of the person.
    pub identity_public: [u8; 32],
    /// A random id of this visit to the room.
    pub instance: [u8; 16],
    /// The Ed25519 public key of the leaf.
    pub leaf_signature_public: [u8; 32],
    /// The room that it is valid in.
    pub room: RoomId,
    /// When it becomes valid, in seconds since the Unix epoch.
    pub not_before: u64,
    /// When it expires, in seconds since the Unix epoch.
    pub expires: u64,
    /// The name of the person: at most 64 characters, without control characters.
    pub name: String,
}

impl Certificate {
    /// Checks that the certificate is valid at this time, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`CredentialError::NotValidNow`] before [`Self::not_before`] and from [`Self::expires`] on.
    pub fn check_time(&self, now: u64) -> Result<(), CredentialError> {
        let valid = self.not_before <= now && now < self.expires;
        if valid { Ok(()) } else { Err(CredentialError::NotValidNow) }
    }

    fn encode(&self) -> Vec<u8> {
        let name = clean(&self.name);
        let name_bytes = u16::try_from(name.len()).expect("64 characters are at most 256 bytes");
        let mut bytes = Vec::with_capacity(MAX_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.identity_public);
        bytes.extend_from_slice(&self.instance);
        bytes.extend_from_slice(&self.leaf_signature_public);
        bytes.extend_from_slice(self.room.as_str().as_bytes());
        bytes.extend_from_slice(&self.not_before.to_be_bytes());
        bytes.extend_from_slice(&self.expires.to_be_bytes());
        bytes.extend_from_slice(&name_bytes.to_be_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes
    }

    /// Decodes a certificate and verifies its signature.
    ///
    /// # Errors
    /// [`CredentialError::UnknownKind`], [`CredentialError::Malformed`] or
    /// [`CredentialError::BadSignature`].
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, CredentialError> {
        let mut reader = Reader(bytes);
        if reader.array()? != [VERSION] {
            return Err(CredentialError::UnknownKind);
        }
        let identity_public = reader.array()?;
        let instance = reader.array()?;
        let leaf_signature_public = reader.array()?;
        let room = text(reader.slice(RoomId::LEN)?)?;
        let room = room.parse().map_err(|_| CredentialError::Malformed)?;
        let not_before = u64::from_be_bytes(reader.array()?);
        let expires = u64::from_be_bytes(reader.array()?);
        let name_bytes = u16::from_be_bytes(reader.array()?);
        let name = text(reader.slice(usize::from(name_bytes))?)?;
        if name.chars().count() > NAME_CHARS {
            return Err(CredentialError::Malformed);
        }
        let signed = &bytes[..bytes.len() - reader.0.len()];
        let signature = reader.array()?;
        let padded = (signed.len() + SIGNATURE_BYTES).next_multiple_of(PADDING_STEP);
        if bytes.len() != padded || reader.0.iter().any(|&byte| byte != 0) {
            return Err(CredentialError::Malformed);
        }
        verify(&identity_public, &[LABEL, signed].concat(), &signature)?;
        let name = clean(name);
        Ok(Self {
            identity_public,
            instance,
            leaf_signature_public,
            room,
            not_before,
            expires,
            name,
        })
    }
}

/// The certificate that the identity key has to sign. The private key stays outside of this crate,
/// where it cannot be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    identity_public: [u8; 32],
    /// The label, then the certificate without its signature.
    bytes: Vec<u8>,
}

impl CertificateRequest {
    pub(crate) fn new(certificate: &Certificate) -> Self {
        let bytes = [LABEL, &certificate.encode()].concat();
        Self { identity_public: certificate.identity_public, bytes }
    }

    /// Returns the bytes to sign with Ed25519.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the certificate with this signature and padding.
    ///
    /// # Errors
    /// [`CredentialError::BadSignature`]
    pub(crate) fn certify(&self, signature: &[u8; 64]) -> Result<Vec<u8>, CredentialError> {
        verify(&self.identity_public, &self.bytes, signature)?;
        let mut certificate = self.bytes[LABEL.len()..].to_vec();
        certificate.extend_from_slice(signature);
        certificate.resize(certificate.len().next_multiple_of(PADDING_STEP), 0);
        Ok(certificate)
    }
}

/// Verifies an Ed25519 signature strictly: signatures of a small-order key verify for any message
/// otherwise.
fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), CredentialError> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| CredentialError::BadSignature)?;
    key.verify_strict(message, &Signature::from_bytes(signature))
        .map_err(|_| CredentialError::BadSignature)
}

/// Returns a name without characters that move, hide or reverse the text around it, trimmed and cut
/// after 64 characters.
fn clean(name: &str) -> String {
    let harmless = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown: String = name.chars().filter(harmless).collect();
    shown.trim().chars().take(NAME_CHARS).collect()
}

fn text(bytes: &[u8]) -> Result<&str, CredentialError> {
    std::str::from_utf8(bytes).map_err(|_| CredentialError::Malformed)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], CredentialError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(CredentialError::Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], CredentialError> {
        let (slice, rest) = self.0.split_at_checked(length).ok_or(CredentialError::Malformed)?;
        self.0 = rest;
        Ok(slice)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    fn named(name: &str) -> Result<Certificate, CredentialError> {
        let identity = SigningKey::from_bytes(&[3; 32]);
        let request = CertificateRequest::new(&Certificate {
            identity_public: identity.verifying_key().to_bytes(),
            instance: [4; 16],
            leaf_signature_public: [5; 32],
            room: RoomId::from_bytes([1; 16]),
            not_before: 10,
            expires: 20,
            name: name.to_owned(),
        });
        let signature = identity.sign(request.as_bytes()).to_bytes();
        Certificate::decode(&request.certify(&signature)?)
    }

    #[test]
    fn a_name_is_cut_to_64_characters_and_cleaned() {
        assert_eq!(named(" Ada\u{202e}\n Lovelace\u{0} ").unwrap().name, "Ada Lovelace");
        assert_eq!(named(&"ß".repeat(70)).unwrap().name, "ß".repeat(64));
        assert_eq!(named(&"🍊".repeat(64)).unwrap().name.len(), 256);
        assert_eq!(named("").unwrap().name, "");
    }

    #[test]
    fn a_certificate_is_valid_from_its_first_second_to_before_its_last() {
        let certificate = named("Ada").unwrap();
        let at = |now| certificate.check_time(now);
        assert_eq!(at(9), Err(CredentialError::NotValidNow));
        assert_eq!((at(10), at(19)), (Ok(()), Ok(())));
        assert_eq!(at(20), Err(CredentialError::NotValidNow));
    }

    #[test]
    fn a_signature_without_the_label_is_refused() {
        let identity = SigningKey::from_bytes(&[3; 32]);
        let request = CertificateRequest {
            identity_public: identity.verifying_key().to_bytes(),
            bytes: [LABEL, &[1, 2, 3]].concat(),
        };
        let unlabelled = identity.sign(&request.as_bytes()[LABEL.len()..]).to_bytes();
        assert_eq!(request.certify(&unlabelled), Err(CredentialError::BadSignature));
    }
}
