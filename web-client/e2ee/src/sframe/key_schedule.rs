//! The derivation of keys from a base key (RFC 9605 section 4.4.2).

use std::fmt;

use hkdf::Hkdf;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::cipher::{Cipher, Nonce};
use super::{CipherSuite, KeyId, SframeKey};

/// The extracted secret of a base key, from which the key of each KID is expanded. Wiped on drop.
#[derive(Clone)]
pub struct KeySchedule {
    suite: CipherSuite,
    secret: Secret,
}

/// `sframe_secret`, ready to expand.
#[derive(Clone)]
enum Secret {
    Sha256(Hkdf<Sha256>),
    Sha512(Hkdf<Sha512>),
}

impl KeySchedule {
    /// Returns the key schedule of a base key, which may have any length.
    #[must_use]
    pub fn new(suite: CipherSuite, base_key: &[u8]) -> Self {
        let secret = match suite {
            CipherSuite::Aes128CtrHmacSha256_80
            | CipherSuite::Aes128CtrHmacSha256_64
            | CipherSuite::Aes128CtrHmacSha256_32
            | CipherSuite::Aes128GcmSha256_128 => Secret::Sha256(Hkdf::new(None, base_key)),
            CipherSuite::Aes256GcmSha512_128 => Secret::Sha512(Hkdf::new(None, base_key)),
        };
        Self { suite, secret }
    }

    /// Derives the key of one KID.
    #[must_use]
    pub fn key(&self, key_id: KeyId) -> SframeKey {
        let sframe_key = self.sframe_key(key_id);
        let cipher = Cipher::new(self.suite, &sframe_key);
        SframeKey::new(self.suite, key_id, cipher, self.sframe_salt(key_id))
    }

    pub(super) fn sframe_key(&self, key_id: KeyId) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; self.suite.key_bytes()]);
        self.expand(&self.label(b"SFrame 1.0 Secret key ", key_id), &mut key);
        key
    }

    pub(super) fn sframe_salt(&self, key_id: KeyId) -> Zeroizing<Nonce> {
        let mut salt = Zeroizing::new(Nonce::default());
        self.expand(&self.label(b"SFrame 1.0 Secret salt ", key_id), salt.as_mut_slice());
        salt
    }

    pub(super) fn label(&self, purpose: &[u8], key_id: KeyId) -> Vec<u8> {
        [purpose, &key_id.to_be_bytes(), &self.suite.id().to_be_bytes()].concat()
    }

    fn expand(&self, label: &[u8], out: &mut [u8]) {
        match &self.secret {
            Secret::Sha256(secret) => secret.expand(label, out),
            Secret::Sha512(secret) => secret.expand(label, out),
        }
        .expect("a key is shorter than HKDF's limit of 255 hashes");
    }
}

impl fmt::Debug for KeySchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySchedule").field("suite", &self.suite).finish_non_exhaustive()
    }
}
