//! Protects the frames of this participant, and unprotects those of the others.

use std::collections::VecDeque;

use signaling_protocol::Source;

use super::epoch::{EpochKeys, ReceiveKey};
use super::error::{InstallError, ProtectError, UnprotectError};
use super::key_id::{MediaKeyId, epoch_bits};
use super::sender::Sender;
use super::{Codec, FRAME_BYTES, OLD_EPOCH_MS, OLD_EPOCHS, h264};
use crate::media_keys::MediaKeys;
use crate::sframe::{Ciphertext, Header};

/// The most bytes that protection adds to a frame: the longest clear prefix, header and tag.
const OVERHEAD: usize = h264::KEY_FRAME.len() + Header::MAX_LEN + 16;

/// Protects and unprotects the media of one participant.
///
/// Use one cryptor for all [`MediaKeys`] of an endpoint. It holds the counters; a second cryptor with
/// the same keys would reuse them.
#[derive(Debug, Default)]
pub struct MediaCryptor {
    /// The newest epoch, in which this participant sends.
    newest: Option<(EpochKeys, Sender)>,
    /// Earlier epochs, newest first, and when to erase them.
    older: VecDeque<(EpochKeys, u64)>,
    /// The epoch that may begin soon, for members of both epochs. This participant does not send in
    /// it yet.
    pending: Option<(EpochKeys, MediaKeys)>,
}

/// An unprotected frame. Its key, not the server, authenticates the sender and the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The sender's leaf index in the ratchet tree.
    pub leaf: u32,
    /// The sender's track.
    pub context: Source,
    /// The epoch in which it was sent, as in [`MediaKeys::epoch`].
    pub epoch: u64,
    /// The encoded frame.
    pub frame: Vec<u8>,
}

impl MediaCryptor {
    /// Returns a cryptor without keys, which refuses every frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Installs the keys of an epoch and sends with them from now on. At most [`OLD_EPOCHS`] earlier
    /// epochs stay usable for receiving, for [`OLD_EPOCH_MS`], except for removed members.
    ///
    /// # Errors
    /// [`InstallError`] if the epoch is not newer than the installed one or its keys are
    /// inconsistent; nothing has changed then.
    pub fn install(&mut self, keys: &MediaKeys, now_ms: u64) -> Result<(), InstallError> {
        if let Some((newest, _)) = &self.newest
            && keys.epoch <= newest.epoch()
        {
            return Err(InstallError::NotNewer { epoch: keys.epoch, newest: newest.epoch() });
        }
        let mut incoming = EpochKeys::new(keys)?;
        if let Some((pending, known)) = self.pending.take()
            && known == *keys
        {
            incoming.continue_from(pending);
        }
        if let Some((outgoing, _)) = self.newest.take() {
            self.older.push_front((outgoing, now_ms.saturating_add(OLD_EPOCH_MS)));
        }
        self.erase_expired(now_ms);
        self.older.truncate(OLD_EPOCHS);
        // Epochs 16 apart have the same KIDs: the older one must not be tried.
        self.older.retain(|(old, _)| epoch_bits(old.epoch()) != epoch_bits(incoming.epoch()));
        for (old, _) in &mut self.older {
            old.retain(|leaf| incoming.is_member(leaf) && !keys.removed.contains(&leaf));
        }
        self.newest = Some((incoming, Sender::default()));
        Ok(())
    }

    /// Installs the keys of an epoch that may begin soon, for receiving only: other members may send
    /// in it before this participant has read that it began. Only members of both epochs can be
    /// received; frames of a new or reassigned leaf wait for [`MediaCryptor::install`], because the
    /// member there is not known yet. The next keys replace those of an epoch that never begins.
    ///
    /// # Errors
    /// As for [`MediaCryptor::install`].
    pub fn prepare(&mut self, keys: &MediaKeys) -> Result<(), InstallError> {
        let Some((newest, _)) = &self.newest else { return Ok(()) };
        if keys.epoch <= newest.epoch() {
            return Err(InstallError::NotNewer { epoch: keys.epoch, newest: newest.epoch() });
        }
        if self.pending.as_ref().is_some_and(|(_, known)| known == keys) {
            return Ok(());
        }
        let mut pending = EpochKeys::new(keys)?;
        pending.retain(|leaf| newest.is_member(leaf) && !keys.removed.contains(&leaf));
        self.pending = Some((pending, keys.clone()));
        Ok(())
    }

    /// Protects one encoded frame. `key_frame` is `true` if a decoder can start with it, and ignored
    /// for audio.
    ///
    /// # Errors
    /// [`ProtectError`]; the frame must not be sent then.
    pub fn protect(
        &mut self,
        context: Source,
        codec: Codec,
        key_frame: bool,
        frame: &[u8],
    ) -> Result<Vec<u8>, ProtectError> {
        if context.is_audio() != codec.is_audio() {
            return Err(ProtectError::WrongMedia { context, codec });
        }
        if frame.len() > FRAME_BYTES {
            return Err(ProtectError::TooLong { bytes: frame.len() });
        }
        let (epoch, sender) = self.newest.as_mut().ok_or(ProtectError::NoKeys)?;
        let mut out = Vec::new();
        let prefix = codec.clear_prefix(key_frame);
        sender.protect(epoch, context, prefix, frame, &mut out)?;
        codec.finish(&mut out, prefix.len());
        Ok(out)
    }

    /// Unprotects one frame that was received as `codec`.
    ///
    /// # Errors
    /// [`UnprotectError`]; drop the frame then. After [`UnprotectError::UnknownKey`] it may be tried
    /// again once new keys are installed.
    pub fn unprotect(
        &mut self,
        codec: Codec,
        frame: &[u8],
        now_ms: u64,
    ) -> Result<Opened, UnprotectError> {
        self.erase_expired(now_ms);
        let longest = FRAME_BYTES + OVERHEAD;
        if frame.len() > longest + codec.most_added(longest) {
            return Err(UnprotectError::TooLong { bytes: frame.len() });
        }
        let (prefix, ciphertext) =
            codec.split(frame).ok_or(UnprotectError::WrongPrefix { codec })?;
        let ciphertext = Ciphertext::parse(&ciphertext)?;
        let Header { key_id, counter } = ciphertext.header();
        let media = MediaKeyId::unpack(key_id).ok_or(UnprotectError::UnknownContext { key_id })?;
        let MediaKeyId { context, leaf, epoch_bits } = media;
        if context.is_audio() != codec.is_audio() {
            return Err(UnprotectError::WrongMedia { context, codec });
        }

        let epoch = self.epoch(epoch_bits, leaf).ok_or(UnprotectError::UnknownKey { key_id })?;
        if !epoch.is_member(leaf) {
            return Err(UnprotectError::NotAMember { leaf });
        }
        if leaf == epoch.own_leaf() {
            return Err(UnprotectError::Own);
        }
        let number = epoch.epoch();
        let ReceiveKey { key, window } = epoch.receive_key(media);
        if !window.is_fresh(counter) {
            return Err(UnprotectError::Replay { key_id, counter });
        }
        let mut opened = Vec::new();
        key.unprotect(&ciphertext, prefix, &mut opened)?;
        window.record(counter);
        Ok(Opened { leaf, context, epoch: number, frame: opened })
    }

    /// Returns the epoch of a KID: the newest one with these bits.
    fn epoch(&mut self, bits: u8, leaf: u32) -> Option<&mut EpochKeys> {
        let newest = self.newest.iter_mut().map(|(epoch, _)| epoch);
        let pending = self.pending.iter_mut().map(|(epoch, _)| epoch);
        let pending = pending.filter(|epoch| epoch.is_member(leaf));
        let older = self.older.iter_mut().map(|(epoch, _)| epoch);
        newest.chain(pending).chain(older).find(|epoch| epoch_bits(epoch.epoch()) == bits)
    }

    /// Erases the keys of epochs that began to be old too long ago.
    fn erase_expired(&mut self, now_ms: u64) {
        self.older.retain(|&(_, until_ms)| now_ms < until_ms);
    }
}

#[cfg(test)]
mod tests;
