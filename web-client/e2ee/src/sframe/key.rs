//! The key of one KID: protecting and unprotecting frames (RFC 9605 sections 4.4.3 and 4.4.4).

use std::fmt;

use zeroize::Zeroizing;

use super::cipher::{Cipher, Nonce, NotAuthentic};
use super::{CipherSuite, Ciphertext, Counter, Header, KeyId};

/// The key, cipher and salt of one KID. Wiped on drop.
#[derive(Clone)]
pub struct SframeKey {
    suite: CipherSuite,
    key_id: KeyId,
    cipher: Cipher,
    salt: Zeroizing<Nonce>,
}

/// Why a frame was not unprotected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectError {
    /// The header names another key id.
    #[error("the frame belongs to key {found}, not to key {expected}")]
    WrongKey {
        /// The id of this key.
        expected: KeyId,
        /// The key id in the header.
        found: KeyId,
    },
    /// The frame is too short for an authentication tag.
    #[error("{found} bytes after the header cannot hold a tag of {expected}")]
    CutShort {
        /// The length of a tag in bytes.
        expected: usize,
        /// The number of bytes after the header.
        found: usize,
    },
    /// The frame is not authentic.
    #[error(transparent)]
    NotAuthentic(#[from] NotAuthentic),
}

impl SframeKey {
    pub(super) fn new(
        suite: CipherSuite,
        key_id: KeyId,
        cipher: Cipher,
        salt: Zeroizing<Nonce>,
    ) -> Self {
        Self { suite, key_id, cipher, salt }
    }

    /// Returns the key id in the headers of its frames.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Returns the most bytes that protection adds to a frame.
    #[must_use]
    pub fn max_overhead(&self) -> usize {
        Header::MAX_LEN + self.suite.tag_bytes()
    }

    /// Protects a frame: appends header, encrypted frame and tag to `out`. `metadata` is authenticated
    /// with them, and not part of the output. Allocates only what `out` lacks.
    ///
    /// Never use a counter twice with one key: two frames with one nonce reveal both.
    pub fn protect(&self, counter: Counter, metadata: &[u8], frame: &[u8], out: &mut Vec<u8>) {
        let header = Header { key_id: self.key_id, counter };
        // A separate copy, because the cipher reads the header while it writes to `out`.
        let mut aad = Vec::with_capacity(Header::MAX_LEN + metadata.len());
        header.append_to(&mut aad);
        out.reserve(aad.len() + frame.len() + self.suite.tag_bytes());
        out.extend_from_slice(&aad);
        let from = out.len();
        out.extend_from_slice(frame);
        aad.extend_from_slice(metadata);
        self.cipher.seal(&self.nonce(counter), &aad, out, from);
    }

    /// Unprotects a frame and appends it to `out`, which is unchanged on failure.
    ///
    /// # Errors
    /// [`UnprotectError`] if the ciphertext is another key's, too short, or not authentic
    /// together with `metadata`.
    pub fn unprotect(
        &self,
        ciphertext: &Ciphertext<'_>,
        metadata: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), UnprotectError> {
        let Header { key_id, counter } = ciphertext.header();
        if key_id != self.key_id {
            return Err(UnprotectError::WrongKey { expected: self.key_id, found: key_id });
        }
        let sealed = ciphertext.sealed;
        let expected = self.suite.tag_bytes();
        let cut_short = UnprotectError::CutShort { expected, found: sealed.len() };
        let frame_bytes = sealed.len().checked_sub(expected).ok_or(cut_short)?;
        let (frame, tag) = sealed.split_at(frame_bytes);

        let joined;
        let aad = if metadata.is_empty() {
            ciphertext.header_bytes
        } else {
            joined = [ciphertext.header_bytes, metadata].concat();
            &joined
        };
        let from = out.len();
        out.extend_from_slice(frame);
        let opened = self.cipher.open(&self.nonce(counter), aad, &mut out[from..], tag);
        if opened.is_err() {
            out.truncate(from);
        }
        Ok(opened?)
    }

    /// Returns the nonce of a frame: the salt XORed with the counter (RFC 9605 section 4.4.2).
    pub(super) fn nonce(&self, counter: Counter) -> Nonce {
        let mut nonce = *self.salt;
        let counted = &mut nonce[CipherSuite::NONCE_BYTES - size_of::<Counter>()..];
        for (byte, count) in counted.iter_mut().zip(counter.to_be_bytes()) {
            *byte ^= count;
        }
        nonce
    }
}

impl fmt::Debug for SframeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SframeKey")
            .field("suite", &self.suite)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}
