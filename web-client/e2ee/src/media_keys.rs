//! The keys that the MLS side passes to the media side, once per epoch.

use std::fmt;

use zeroize::Zeroize;

/// The SFrame base keys of one epoch, one per media cipher suite, and the leaves that may use them
/// (RFC 9605 section 5.2). Wiped on drop; `Debug` does not show the keys.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaKeys {
    /// The handshake count of the log that began the epoch, unique over all groups of the room. Its
    /// low four bits are part of every KID.
    pub epoch: u64,
    /// This participant's leaf index.
    pub own_leaf: u32,
    /// 48 bytes, for AES_128_CTR_HMAC_SHA256_80.
    pub audio_base_key: Vec<u8>,
    /// 16 bytes, for AES_128_GCM_SHA256_128.
    pub video_base_key: Vec<u8>,
    /// The leaf indices of all members, this participant included, in ascending order. The keys of
    /// all other leaves, of every epoch, must be erased.
    pub members: Vec<u32>,
    /// The leaf indices of members that the commit removed, even if the same commit added a new
    /// member at that leaf (RFC 9420 section 7.7 fills the leftmost blank leaf). Their keys of
    /// earlier epochs must be erased, or the old member's frames would be attributed to the new one.
    pub removed: Vec<u32>,
}

impl MediaKeys {
    /// The length of [`MediaKeys::audio_base_key`] in bytes: a 16-byte AES key and a 32-byte HMAC key
    /// (RFC 9605 section 4.5, `Nk`).
    pub const AUDIO_BASE_KEY_BYTES: usize = 48;
    /// The length of [`MediaKeys::video_base_key`] in bytes (RFC 9605 section 4.5, `Nk`).
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
