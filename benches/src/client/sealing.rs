//! What is done to frames before they are sent and after they have come.

use e2ee::media::{Codec, MediaCryptor};
use signaling_protocol::Source;

use super::vp8;
use crate::probe::Probe;

/// What is done to frames before they are sent and after they have come.
pub(crate) enum Sealing {
    /// Nothing: only the SFU is measured, and it does not look into them.
    Opaque,
    /// SFrame, by the keys of the group.
    EndToEnd(Box<MediaCryptor>),
}

impl Sealing {
    /// The frame to send, of about so many bytes; none before there are keys.
    pub(super) fn seal(
        &mut self,
        source: Source,
        key: bool,
        probe: &Probe,
        bytes: usize,
    ) -> Option<Vec<u8>> {
        let mut frame = Vec::with_capacity(bytes + 64);
        if let Self::Opaque = self
            && !source.is_audio()
        {
            frame.extend_from_slice(if key { vp8::KEY_PREFIX } else { vp8::DELTA_PREFIX });
        }
        probe.write(&mut frame);
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
