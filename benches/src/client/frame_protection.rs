//! The end-to-end protection of frames, or none.

use e2ee::media::{Codec, MediaCryptor};
use signaling_protocol::Source;

use super::vp8;
use crate::frame_stamp::FrameStamp;

/// How frames are protected.
pub(crate) enum FrameProtection {
    /// Not at all, to measure the SFU alone.
    Opaque,
    /// SFrame with the keys of the MLS group.
    EndToEnd(Box<MediaCryptor>),
}

impl FrameProtection {
    /// Creates a test frame of at least `bytes` bytes, protected if required. Returns `None` before
    /// there are keys.
    pub(super) fn protect(
        &mut self,
        source: Source,
        key: bool,
        stamp: &FrameStamp,
        bytes: usize,
    ) -> Option<Vec<u8>> {
        let mut frame = Vec::with_capacity(bytes + 64);
        if let Self::Opaque = self
            && !source.is_audio()
        {
            frame.extend_from_slice(if key { vp8::KEY_PREFIX } else { vp8::DELTA_PREFIX });
        }
        stamp.write(&mut frame);
        frame.resize(frame.len().max(bytes), 0x5a);
        match self {
            Self::Opaque => Some(frame),
            Self::EndToEnd(cryptor) => {
                let codec = if source.is_audio() { Codec::Opus } else { Codec::Vp8 };
                cryptor.protect(source, codec, key, &frame).ok()
            }
        }
    }
}
