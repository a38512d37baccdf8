//! What a codec needs to see in the clear.

/// How a frame is encoded, as far as its protection depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Sound.
    Opus,
    /// Pictures (RFC 6386).
    Vp8,
    /// Pictures, also with spatial layers: each is a frame of its own.
    Vp9,
}

/// A frame header of VP8's (RFC 6386 section 9.1) for a key frame of 640 by 480 pixels. A
/// browser's packetizer and jitter buffer look into it, so there has to be one; the real frame,
/// header and all, is encrypted behind it.
const VP8_KEY_FRAME: &[u8] = &[0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];
/// The first byte of a VP8 frame that needs an earlier one.
const VP8_DELTA_FRAME: &[u8] = &[0x11];
/// Set in the first byte of every VP8 frame that is not a key frame.
const VP8_NOT_KEY: u8 = 0x01;

impl Codec {
    /// Whether it encodes sound.
    #[must_use]
    pub fn is_audio(self) -> bool {
        match self {
            Self::Opus => true,
            Self::Vp8 | Self::Vp9 => false,
        }
    }

    /// The bytes that stand in the clear before the SFrame ciphertext. They are the same for
    /// every frame of a kind, so they give away nothing else.
    pub(super) fn clear_prefix(self, key_frame: bool) -> &'static [u8] {
        match (self, key_frame) {
            (Self::Opus | Self::Vp9, _) => &[],
            (Self::Vp8, true) => VP8_KEY_FRAME,
            (Self::Vp8, false) => VP8_DELTA_FRAME,
        }
    }

    /// Tells clear prefix and ciphertext apart; `None` if the frame does not begin with exactly
    /// the prefix of its kind.
    pub(super) fn split_prefix(self, frame: &[u8]) -> Option<(&'static [u8], &[u8])> {
        let key_frame = frame.first()? & VP8_NOT_KEY == 0;
        let prefix = self.clear_prefix(key_frame);
        frame.strip_prefix(prefix).map(|ciphertext| (prefix, ciphertext))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_bit_of_the_first_byte_tells_vp8_key_and_delta_frames_apart() {
        for key_frame in [true, false] {
            let prefix = Codec::Vp8.clear_prefix(key_frame);
            let frame = [prefix, b"rest"].concat();
            assert_eq!(Codec::Vp8.split_prefix(&frame), Some((prefix, &b"rest"[..])));
        }
    }

    #[test]
    fn a_vp8_frame_with_any_other_prefix_is_not_ours() {
        for at in 0..VP8_KEY_FRAME.len() {
            let mut frame = VP8_KEY_FRAME.to_vec();
            frame[at] ^= 0x80;
            assert_eq!(Codec::Vp8.split_prefix(&frame), None);
        }
        assert_eq!(Codec::Vp8.split_prefix(&[0x13, 0x00]), None);
        assert_eq!(Codec::Vp8.split_prefix(&VP8_KEY_FRAME[..9]), None);
        assert_eq!(Codec::Vp8.split_prefix(&[]), None);
    }

    #[test]
    fn opus_and_vp9_show_nothing() {
        for codec in [Codec::Opus, Codec::Vp9] {
            assert_eq!(codec.split_prefix(b"\x00all"), Some((&[][..], &b"\x00all"[..])));
        }
    }
}
