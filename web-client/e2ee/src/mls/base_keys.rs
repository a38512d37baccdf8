//! The SFrame base keys of an epoch, exported from its MLS key schedule.

use std::collections::BTreeSet;

use openmls::prelude::OpenMlsProvider as _;
use signaling_protocol::HandshakeCount;

use super::{OpenMls, Staged, internal};
use crate::committer::MlsError;
use crate::media_keys::MediaKeys;

/// The exporter label of the base keys (RFC 9605 section 5.2, RFC 9420 section 8.5).
const SFRAME_LABEL: &str = "SFrame 1.0 Base Key";

impl OpenMls {
    /// Returns the base keys of the current epoch, which the handshake with this count began.
    ///
    /// # Errors
    /// [`MlsError::Internal`] if this participant is not a member or the library fails.
    pub(crate) fn media_keys(&self, epoch: HandshakeCount) -> Result<MediaKeys, MlsError> {
        let group = self.group.as_ref().ok_or(MlsError::Internal)?;
        let export = |length| {
            group.export_secret(self.provider.crypto(), SFRAME_LABEL, &[], length).map_err(internal)
        };
        Ok(MediaKeys {
            epoch: epoch.0,
            own_leaf: group.own_leaf_index().u32(),
            audio_base_key: export(MediaKeys::AUDIO_BASE_KEY_BYTES)?,
            video_base_key: export(MediaKeys::VIDEO_BASE_KEY_BYTES)?,
            members: self.leaves.keys().copied().collect(),
            removed: self.removed.clone(),
        })
    }

    /// Returns the base keys of the epoch that a commit begins if the log accepts it: the staged
    /// commit of another member, or this member's pending one. Returns `None` if there is neither.
    pub(crate) fn pending_media_keys(&self, epoch: HandshakeCount) -> Option<MediaKeys> {
        let group = self.group.as_ref()?;
        let commit = match &self.staged {
            Some(Staged { commit, .. }) => commit,
            None => group.pending_commit()?,
        };
        let export =
            |length| commit.export_secret(self.provider.crypto(), SFRAME_LABEL, &[], length).ok();
        let removes = commit.remove_proposals().map(|one| one.remove_proposal().removed().u32());
        let removed: BTreeSet<_> = removes.collect();
        let mut members: BTreeSet<_> = self.leaves.keys().copied().collect();
        members.retain(|leaf| !removed.contains(leaf));
        for _ in commit.add_proposals() {
            // The leftmost blank leaf (RFC 9420 section 12.1.1).
            let blank = (0..).find(|leaf| !members.contains(leaf));
            members.extend(blank);
        }
        Some(MediaKeys {
            epoch: epoch.0,
            own_leaf: group.own_leaf_index().u32(),
            audio_base_key: export(MediaKeys::AUDIO_BASE_KEY_BYTES)?,
            video_base_key: export(MediaKeys::VIDEO_BASE_KEY_BYTES)?,
            members: members.into_iter().collect(),
            removed: removed.into_iter().collect(),
        })
    }
}
