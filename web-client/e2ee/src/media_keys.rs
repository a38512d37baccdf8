//! What the MLS side hands to the frame side, once per epoch.

use std::fmt;

use zeroize::Zeroize;

/// The base keys of one epoch, one per media suite, and the leaves that may use them
/// (RFC 9605 section 5.2). Wiped on drop, unreadable in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaKeys {
    /// The epoch, counted over all groups of the room: the handshake count of the log that made
    /// it. Its low four bits stand in every KID.
    pub epoch: u64,
    /// The leaf that this participant sends as.
    pub own_leaf: u32,
    /// 48 bytes, for AES_128_CTR_HMAC_SHA256_80.
    pub audio_base_key: Vec<u8>,
    /// 16 bytes, for AES_128_GCM_SHA256_128.
    pub video_base_key: Vec<u8>,
    /// Every leaf of the epoch, the own one included, in ascending order. Keys of any other leaf,
    /// of whatever epoch, are to be erased.
    pub members: Vec<u32>,
    /// Leaves whose member was removed to make this epoch, also where an add of the same commit
    /// put somebody else on the leaf (RFC 9420 section 7.7 fills the leftmost blank one): their
    /// keys of earlier epochs are to be erased, or the old member's frames would be taken for
    /// the new one's.
    pub removed: Vec<u32>,
}

impl MediaKeys {
    /// Bytes of [`MediaKeys::audio_base_key`]: a 16-byte AES key and a 32-byte HMAC key
    /// (RFC 9605 section 4.5, `Nk`).
    pub const AUDIO_BASE_KEY_BYTES: usize = 48;
    /// Bytes of [`MediaKeys::video_base_key`] (RFC 9605 section 4.5, `Nk`).
    pub const VIDEO_BASE_KEY_BYTES: usize = 16;
}

impl fmt::Debug for MediaKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaKeys")
            .field("epoch", &self.epoch)
            .field("own_leaf", &self.own_leaf)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

impl Zeroize for MediaKeys {
    fn zeroize(&mut self) {
        self.audio_base_key.zeroize();
        self.video_base_key.zeroize();
    }
}

impl Drop for MediaKeys {
    fn drop(&mut self) {
        self.zeroize();
    }
}
