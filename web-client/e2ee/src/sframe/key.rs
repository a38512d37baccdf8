//! The key of one KID: protecting and unprotecting frames (RFC 9605 sections 4.4.3 and 4.4.4).

use std::fmt;

use zeroize::Zeroizing;

use super::cipher::{Cipher, Nonce, NotAuthentic};
use super::{CipherSuite, Ciphertext, Counter, Header, KeyId};

/// What one KID's frames are protected with. Wiped on drop.
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
    /// The header names another key.
    #[error("the frame belongs to key {found}, not to key {expected}")]
    WrongKey {
        /// This key.
        expected: KeyId,
        /// The frame's.
        found: KeyId,
    },
    /// Too short to hold a tag.
    #[error("{found} bytes after the header cannot hold a tag of {expected}")]
    CutShort {
        /// Bytes of a tag.
        expected: usize,
        /// Bytes after the header.
        found: usize,
    },
    /// See there.
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

    /// The KID that stands in the header of its frames.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The most that protection adds to a frame, in bytes.
    #[must_use]
    pub fn max_overhead(&self) -> usize {
        Header::MAX_LEN + self.suite.tag_bytes()
    }

    /// Appends header, encrypted frame and tag to `out`; `metadata` stays outside and is
    /// authenticated along with them. Allocates only what `out` lacks.
    ///
    /// A counter must never be used twice under one key: the second frame would give both away.
    pub fn protect(&self, counter: Counter, metadata: &[u8], frame: &[u8], out: &mut Vec<u8>) {
        let header = Header { key_id: self.key_id, counter };
        // The header goes to a place of its own, for it has to be read while `out` is written.
        let mut aad = Vec::with_capacity(Header::MAX_LEN + metadata.len());
        header.append_to(&mut aad);
        out.reserve(aad.len() + frame.len() + self.suite.tag_bytes());
        out.extend_from_slice(&aad);
        let from = out.len();
        out.extend_from_slice(frame);
        aad.extend_from_slice(metadata);
        self.cipher.seal(&self.nonce(counter), &aad, out, from);
    }

    /// Appends the frame to `out`, which is as before if the frame is refused.
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

    /// The salt with the counter in its last eight bytes.
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
