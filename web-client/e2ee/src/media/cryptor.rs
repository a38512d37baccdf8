//! Protects what this participant sends, and opens what the others sent.

use std::collections::VecDeque;

use signaling_protocol::Source;

use super::epoch::{EpochKeys, ReceiveKey};
use super::error::{InstallError, ProtectError, UnprotectError};
use super::key_id::{MediaKeyId, epoch_bits};
use super::sender::Sender;
use super::{Codec, FRAME_BYTES, OLD_EPOCH_MS, OLD_EPOCHS, h264};
use crate::media_keys::MediaKeys;
use crate::sframe::{Ciphertext, Header};

/// The most that protection adds to a frame: the longest clear prefix, header and tag.
const OVERHEAD: usize = h264::KEY_FRAME.len() + Header::MAX_LEN + 16;

/// Protects and opens the media of one participant.
///
/// One cryptor goes with one [`crate::MediaKeys`] source for as long as that lives: the counters
/// are in here, and a second cryptor with the same keys would use them again.
#[derive(Debug, Default)]
pub struct MediaCryptor {
    /// The newest epoch, which is the one to send in.
    newest: Option<(EpochKeys, Sender)>,
    /// Earlier epochs, newest first, and when to forget them.
    older: VecDeque<(EpochKeys, u64)>,
    /// The epoch that may begin soon, for those who stay. Nothing is sent in it.
    coming: Option<(EpochKeys, MediaKeys)>,
}

/// A frame, and who sent it from what: said by the key that opened it, not by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The sender's leaf in the ratchet tree.
    pub leaf: u32,
    /// Which of the sender's tracks.
    pub context: Source,
    /// The epoch in which it was sent.
    pub epoch: u64,
    /// The frame as its encoder made it.
    pub frame: Vec<u8>,
}

impl MediaCryptor {
    /// A cryptor without keys: it refuses everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an epoch's keys and sends by them from now on. The epochs before still open frames
    /// for [`OLD_EPOCH_MS`], at most [`OLD_EPOCHS`] of them, except those of members who are gone.
    ///
    /// # Errors
    /// [`InstallError`] if the epoch is not newer than the newest one or does not hold together;
    /// nothing has changed then.
    pub fn install(&mut self, keys: &MediaKeys, now_ms: u64) -> Result<(), InstallError> {
        if let Some((newest, _)) = &self.newest
            && keys.epoch <= newest.epoch()
        {
            return Err(InstallError::NotNewer { epoch: keys.epoch, newest: newest.epoch() });
        }
        let mut incoming = EpochKeys::new(keys)?;
        if let Some((coming, known)) = self.coming.take()
            && known == *keys
        {
            incoming.go_on_from(coming);
        }
        if let Some((outgoing, _)) = self.newest.take() {
            self.older.push_front((outgoing, now_ms.saturating_add(OLD_EPOCH_MS)));
        }
        self.forget(now_ms);
        self.older.truncate(OLD_EPOCHS);
        // After a jump over 16 epochs, a KID would fit two.
        self.older.retain(|(old, _)| epoch_bits(old.epoch()) != epoch_bits(incoming.epoch()));
        for (old, _) in &mut self.older {
            old.retain(|leaf| incoming.is_member(leaf) && !keys.removed.contains(&leaf));
        }
        self.newest = Some((incoming, Sender::default()));
        Ok(())
    }

    /// Takes the keys of an epoch that may begin soon: others may send in it before this
    /// participant has heard that it has begun. It opens frames of those who are in both epochs; a
    /// leaf that comes or changes hands has no name yet, and its frames wait for
    /// [`MediaCryptor::install`]. Keys of an epoch that is not to come after all are replaced by
    /// the next ones.
    ///
    /// # Errors
    /// As [`MediaCryptor::install`].
    pub fn prepare(&mut self, keys: &MediaKeys) -> Result<(), InstallError> {
        let Some((newest, _)) = &self.newest else { return Ok(()) };
        if keys.epoch <= newest.epoch() {
            return Err(InstallError::NotNewer { epoch: keys.epoch, newest: newest.epoch() });
        }
        if self.coming.as_ref().is_some_and(|(_, known)| known == keys) {
            return Ok(());
        }
        let mut coming = EpochKeys::new(keys)?;
        coming.retain(|leaf| newest.is_member(leaf) && !keys.removed.contains(&leaf));
        self.coming = Some((coming, keys.clone()));
        Ok(())
    }

    /// Protects one encoded frame. `key_frame` says whether a decoder can start with it; it is
    /// of no account for sound.
    ///
    /// # Errors
    /// [`ProtectError`]: the frame must then not be sent.
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

    /// Opens one protected frame, which came as `codec`.
    ///
    /// # Errors
    /// [`UnprotectError`]: the frame must then be dropped, and nothing has changed but that
    /// expired keys are gone. After [`UnprotectError::UnknownKey`] it may be tried again once
    /// new keys came.
    pub fn unprotect(
        &mut self,
        codec: Codec,
        frame: &[u8],
        now_ms: u64,
    ) -> Result<Opened, UnprotectError> {
        self.forget(now_ms);
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

    /// The one epoch that a KID can mean.
    fn epoch(&mut self, bits: u8, leaf: u32) -> Option<&mut EpochKeys> {
        let newest = self.newest.iter_mut().map(|(epoch, _)| epoch);
        let coming = self.coming.iter_mut().map(|(epoch, _)| epoch);
        let coming = coming.filter(|epoch| epoch.is_member(leaf));
        let older = self.older.iter_mut().map(|(epoch, _)| epoch);
        newest.chain(coming).chain(older).find(|epoch| epoch_bits(epoch.epoch()) == bits)
    }

    /// Drops the epochs whose time is over.
    fn forget(&mut self, now_ms: u64) {
        self.older.retain(|&(_, until_ms)| now_ms < until_ms);
    }
}

#[cfg(test)]
mod tests;
