//! The AEAD of each suite, in place over a buffer (RFC 9605 section 4.5).

use aes::Aes128;
use aes::cipher::{InnerIvInit as _, KeyInit as _, StreamCipherCore as _};
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;

use super::CipherSuite;

/// The nonce of one frame.
pub(super) type Nonce = [u8; CipherSuite::NONCE_BYTES];

/// The authentication tag does not match the frame, the additional data and the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frame is not authentic: it was altered, or protected with another key")]
pub struct NotAuthentic;

/// The cipher of a suite with its key. The cipher crates wipe their key schedules on drop.
#[derive(Clone)]
pub(super) enum Cipher {
    Gcm128(Box<Aes128Gcm>),
    Gcm256(Box<Aes256Gcm>),
    CtrHmac(Box<CtrHmac>),
}

impl Cipher {
    /// Returns the cipher of a suite with this key.
    ///
    /// # Panics
    /// If the length of `key` is not [`CipherSuite::key_bytes`].
    pub(super) fn new(suite: CipherSuite, key: &[u8]) -> Self {
        const LENGTH: &str = "the key schedule derives as many bytes as the suite needs";
        match suite {
            CipherSuite::Aes128GcmSha256_128 => {
                Self::Gcm128(Box::new(Aes128Gcm::new_from_slice(key).expect(LENGTH)))
            }
            CipherSuite::Aes256GcmSha512_128 => {
                Self::Gcm256(Box::new(Aes256Gcm::new_from_slice(key).expect(LENGTH)))
            }
            CipherSuite::Aes128CtrHmacSha256_80
            | CipherSuite::Aes128CtrHmacSha256_64
            | CipherSuite::Aes128CtrHmacSha256_32 => {
                let (encryption, authentication) = key.split_at(16);
                Self::CtrHmac(Box::new(CtrHmac {
                    encryption: Aes128::new_from_slice(encryption).expect(LENGTH),
                    authentication: Hmac::new_from_slice(authentication).expect(LENGTH),
                    tag_bytes: suite.tag_bytes(),
                }))
            }
        }
    }

    /// Encrypts `buffer[from..]` in place and appends the tag.
    pub(super) fn seal(&self, nonce: &Nonce, aad: &[u8], buffer: &mut Vec<u8>, from: usize) {
        const FITS: &str = "a frame in memory is shorter than the 64 GiB limit of AES-GCM";
        let frame = &mut buffer[from..];
        match self {
            Self::Gcm128(aead) => {
                let tag = aead.encrypt_in_place_detached(nonce.into(), aad, frame).expect(FITS);
                buffer.extend_from_slice(&tag);
            }
            Self::Gcm256(aead) => {
                let tag = aead.encrypt_in_place_detached(nonce.into(), aad, frame).expect(FITS);
                buffer.extend_from_slice(&tag);
            }
            Self::CtrHmac(aead) => {
                aead.apply_key_stream(nonce, frame);
                let tag = aead.tag(nonce, aad, frame).finalize().into_bytes();
                buffer.extend_from_slice(&tag[..aead.tag_bytes]);
            }
        }
    }

    /// Verifies `tag` and decrypts `frame` in place. On failure `frame` is unchanged.
    ///
    /// # Errors
    /// [`NotAuthentic`]
    pub(super) fn open(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        frame: &mut [u8],
        tag: &[u8],
    ) -> Result<(), NotAuthentic> {
        match self {
            Self::Gcm128(aead) => aead
                .decrypt_in_place_detached(nonce.into(), aad, frame, tag.into())
                .map_err(|_| NotAuthentic),
            Self::Gcm256(aead) => aead
                .decrypt_in_place_detached(nonce.into(), aad, frame, tag.into())
                .map_err(|_| NotAuthentic),
            Self::CtrHmac(aead) => {
                aead.tag(nonce, aad, frame).verify_truncated_left(tag).map_err(|_| NotAuthentic)?;
                aead.apply_key_stream(nonce, frame);
                Ok(())
            }
        }
    }
}

/// AES in counter mode with a truncated HMAC (RFC 9605 section 4.5.1).
#[derive(Clone)]
pub(super) struct CtrHmac {
    encryption: Aes128,
    /// Keyed once and cloned for each frame.
    authentication: Hmac<Sha256>,
    tag_bytes: usize,
}

impl CtrHmac {
    fn apply_key_stream(&self, nonce: &Nonce, frame: &mut [u8]) {
        let mut initial_counter = [0; 16];
        initial_counter[..nonce.len()].copy_from_slice(nonce);
        CtrCore::<_, flavors::Ctr32BE>::inner_iv_init(&self.encryption, &initial_counter.into())
            .apply_keystream_partial(frame.into());
    }

    /// Returns the unfinished MAC over the three lengths, nonce, additional data and ciphertext.
    fn tag(&self, nonce: &Nonce, aad: &[u8], ciphertext: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.authentication.clone();
        for length in [aad.len(), ciphertext.len(), self.tag_bytes] {
            mac.update(&(length as u64).to_be_bytes());
        }
        mac.update(nonce);
        mac.update(aad);
        mac.update(ciphertext);
        mac
    }
}
