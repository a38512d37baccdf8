//! The receiving side of one epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use signaling_protocol::Source;

use super::error::InstallError;
use super::key_id::{LEAVES, MediaKeyId};
use super::replay::ReplayWindow;
use crate::media_keys::MediaKeys;
use crate::sframe::{CipherSuite, KeyId, KeySchedule, SframeKey};

const AUDIO: CipherSuite = CipherSuite::Aes128CtrHmacSha256_80;
const VIDEO: CipherSuite = CipherSuite::Aes128GcmSha256_128;

/// The keys of one epoch, and the members that may send with them.
pub(super) struct EpochKeys {
    epoch: u64,
    own_leaf: u32,
    members: BTreeSet<u32>,
    audio: KeySchedule,
    video: KeySchedule,
    /// The receive keys, derived when a KID is first seen: at most one per member and source.
    received: BTreeMap<KeyId, ReceiveKey>,
}

/// The key of one KID, and the counters of its frames that were received.
pub(super) struct ReceiveKey {
    pub(super) key: SframeKey,
    pub(super) window: ReplayWindow,
}

impl EpochKeys {
    pub(super) fn new(keys: &MediaKeys) -> Result<Self, InstallError> {
        if let Some(&leaf) = keys.members.iter().find(|&&leaf| leaf >= LEAVES) {
            return Err(InstallError::LeafTooHigh { leaf });
        }
        if !keys.members.contains(&keys.own_leaf) {
            return Err(InstallError::NotAMember { own_leaf: keys.own_leaf });
        }
        Ok(Self {
            epoch: keys.epoch,
            own_leaf: keys.own_leaf,
            members: keys.members.iter().copied().collect(),
            audio: schedule(AUDIO, &keys.audio_base_key)?,
            video: schedule(VIDEO, &keys.video_base_key)?,
            received: BTreeMap::new(),
        })
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn own_leaf(&self) -> u32 {
        self.own_leaf
    }

    pub(super) fn is_member(&self, leaf: u32) -> bool {
        self.members.contains(&leaf)
    }

    /// Keeps the leaves for which `stays` returns `true`, and erases the keys of the others.
    pub(super) fn retain(&mut self, stays: impl Fn(u32) -> bool) {
        self.members.retain(|&leaf| stays(leaf));
        let members = &self.members;
        self.received.retain(|&key_id, _| {
            MediaKeyId::unpack(key_id).is_some_and(|key_id| members.contains(&key_id.leaf))
        });
    }

    /// Takes over the replay windows of the same epoch from before it began.
    pub(super) fn continue_from(&mut self, pending: Self) {
        self.received = pending.received;
    }

    /// Returns the key for a track that this participant sends.
    pub(super) fn own_key(&self, context: Source) -> SframeKey {
        self.derive(MediaKeyId::new(context, self.own_leaf, self.epoch))
    }

    /// Returns the key of a member's KID, which is derived at its first use.
    pub(super) fn receive_key(&mut self, key_id: MediaKeyId) -> &mut ReceiveKey {
        debug_assert!(self.is_member(key_id.leaf), "keys are for members only");
        // Not `entry`: deriving the key borrows the rest of `self`.
        if !self.received.contains_key(&key_id.pack()) {
            let key = ReceiveKey { key: self.derive(key_id), window: ReplayWindow::default() };
            self.received.insert(key_id.pack(), key);
        }
        self.received.get_mut(&key_id.pack()).expect("it is there, or was just inserted")
    }

    fn derive(&self, key_id: MediaKeyId) -> SframeKey {
        let schedule = if key_id.context.is_audio() { &self.audio } else { &self.video };
        schedule.key(key_id.pack())
    }

    #[cfg(test)]
    pub(super) fn received(&self) -> &BTreeMap<KeyId, ReceiveKey> {
        &self.received
    }
}

fn schedule(suite: CipherSuite, base_key: &[u8]) -> Result<KeySchedule, InstallError> {
    let (expected, found) = (suite.key_bytes(), base_key.len());
    if found != expected {
        return Err(InstallError::BaseKeyLength { suite, expected, found });
    }
    Ok(KeySchedule::new(suite, base_key))
}

impl fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochKeys")
            .field("epoch", &self.epoch)
            .field("own_leaf", &self.own_leaf)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}
