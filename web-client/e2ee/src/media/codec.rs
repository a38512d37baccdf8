//! The clear bytes of each codec.
//!
//! A browser's packetizer parses what it sends: an OBU header for AV1, NAL units for H264, a frame
//! header for VP8. The encoder's whole frame is encrypted. A short synthetic prefix before it satisfies
//! the packetizer. It is the same for every frame of a kind, so it reveals nothing, and it is
//! authenticated with the frame.

use std::borrow::Cow;

use super::h264;

/// The codec of a frame, as far as its protection depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Audio (RFC 6716).
    Opus,
    /// Video (RFC 6386).
    Vp8,
    /// Video. Each spatial layer is a frame of its own.
    Vp9,
    /// Video (AV1 bitstream specification).
    Av1,
    /// Video (ITU-T H.264, in NAL units after start codes).
    H264,
}

/// A VP8 frame header (RFC 6386 section 9.1) of a key frame of 640 by 480 pixels, for the browser's
/// packetizer and jitter buffer. The real frame with its own header is encrypted after it.
const VP8_KEY_FRAME: &[u8] = &[0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];
/// The first byte of a VP8 frame that is not a key frame.
const VP8_DELTA_FRAME: &[u8] = &[0x11];
/// Set in the first byte of every VP8 frame that is not a key frame.
const VP8_NOT_KEY: u8 = 0x01;

/// The header of an OBU of type 1 (AV1 section 5.3.2) without a size: it extends to the end of the
/// frame. Packetizers drop or parse other types; they carry this one unchanged, in key frames and in
/// all others.
const AV1_OBU: &[u8] = &[0x08];
/// The same header with a size after it, as a browser's depacketizer writes it.
const AV1_SIZED_OBU: u8 = 0x0a;

impl Codec {
    /// All codecs, in no order of preference.
    pub const ALL: [Self; 5] = [Self::Opus, Self::Vp8, Self::Vp9, Self::Av1, Self::H264];

    /// Returns the most bytes that [`Codec::finish`] adds to a ciphertext of this length.
    pub(super) fn most_added(self, ciphertext: usize) -> usize {
        match self {
            Self::Opus | Self::Vp8 | Self::Vp9 | Self::Av1 => 0,
            Self::H264 => h264::most_added(ciphertext),
        }
    }

    /// Returns `true` for audio codecs.
    #[must_use]
    pub fn is_audio(self) -> bool {
        match self {
            Self::Opus => true,
            Self::Vp8 | Self::Vp9 | Self::Av1 | Self::H264 => false,
        }
    }

    /// Returns the clear bytes before the SFrame ciphertext, which are authenticated as its metadata
    /// (RFC 9605 section 4.4.3).
    pub(super) fn clear_prefix(self, key_frame: bool) -> &'static [u8] {
        match (self, key_frame) {
            (Self::Opus | Self::Vp9, _) => &[],
            (Self::Vp8, true) => VP8_KEY_FRAME,
            (Self::Vp8, false) => VP8_DELTA_FRAME,
            (Self::Av1, _) => AV1_OBU,
            (Self::H264, true) => h264::KEY_FRAME,
            (Self::H264, false) => h264::DELTA_FRAME,
        }
    }

    /// Changes a ciphertext that begins at `from` so that the packetizer accepts it.
    pub(super) fn finish(self, out: &mut Vec<u8>, from: usize) {
        match self {
            Self::Opus | Self::Vp8 | Self::Vp9 | Self::Av1 => {}
            Self::H264 => h264::finish(out, from),
        }
    }

    /// Splits a frame into clear prefix and ciphertext. Returns `None` if it is not exactly a prefix of
    /// this codec and the output of [`Codec::finish`].
    pub(super) fn split(self, frame: &[u8]) -> Option<(&'static [u8], Cow<'_, [u8]>)> {
        match self {
            Self::Opus | Self::Vp9 => Some((&[], Cow::Borrowed(frame))),
            Self::Vp8 => {
                let key_frame = frame.first()? & VP8_NOT_KEY == 0;
                let prefix = self.clear_prefix(key_frame);
                Some((prefix, Cow::Borrowed(frame.strip_prefix(prefix)?)))
            }
            Self::Av1 => Some((AV1_OBU, Cow::Borrowed(obu(frame)?))),
            Self::H264 => h264::split(frame).map(|(prefix, frame)| (prefix, Cow::Owned(frame))),
        }
    }
}

/// Returns the payload of the single OBU that fills the frame, with or without the size that a
/// browser's depacketizer writes into it.
fn obu(frame: &[u8]) -> Option<&[u8]> {
    if let Some(inside) = frame.strip_prefix(AV1_OBU) {
        return Some(inside);
    }
    let mut rest = frame.strip_prefix(&[AV1_SIZED_OBU])?;
    // `leb128` of AV1 section 4.10.5. Four bytes are more than a frame can be long.
    let mut size = 0_usize;
    for shift in [0, 7, 14, 21] {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        size |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let shortest = byte != 0 || shift == 0;
            return (shortest && rest.len() == size).then_some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_bit_of_the_first_byte_tells_vp8_key_and_delta_frames_apart() {
        for key_frame in [true, false] {
            let prefix = Codec::Vp8.clear_prefix(key_frame);
            let frame = [prefix, b"rest"].concat();
            assert_eq!(Codec::Vp8.split(&frame), Some((prefix, b"rest"[..].into())));
        }
    }

    #[test]
    fn a_vp8_frame_with_any_other_prefix_is_refused() {
        for at in 0..VP8_KEY_FRAME.len() {
            let mut frame = VP8_KEY_FRAME.to_vec();
            frame[at] ^= 0x80;
            assert_eq!(Codec::Vp8.split(&frame), None);
        }
        assert_eq!(Codec::Vp8.split(&[0x13, 0x00]), None);
        assert_eq!(Codec::Vp8.split(&VP8_KEY_FRAME[..9]), None);
        assert_eq!(Codec::Vp8.split(&[]), None);
    }

    #[test]
    fn opus_and_vp9_have_no_clear_bytes() {
        for codec in [Codec::Opus, Codec::Vp9] {
            assert_eq!(codec.split(b"\x00all"), Some((&[][..], b"\x00all"[..].into())));
        }
    }

    #[test]
    fn an_av1_frame_is_the_same_with_the_size_that_browsers_write_into_it() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let inside = vec![7; length];
            let mut size = Vec::new();
            let mut left = length;
            loop {
                let more = left > 0x7f;
                size.push((left & 0x7f) as u8 | if more { 0x80 } else { 0 });
                left >>= 7;
                if !more {
                    break;
                }
            }
            let expected = Some((AV1_OBU, inside.as_slice().into()));
            assert_eq!(Codec::Av1.split(&[AV1_OBU, &inside].concat()), expected);
            let sized = [&[AV1_SIZED_OBU][..], &size, &inside].concat();
            assert_eq!(Codec::Av1.split(&sized), expected, "{length} bytes");
            assert_eq!(Codec::Av1.split(&[&sized[..], &[7]].concat()), None, "one more");
            if length > 0 {
                assert_eq!(Codec::Av1.split(&sized[..sized.len() - 1]), None, "one less");
            }
        }
    }

    #[test]
    fn an_av1_frame_with_another_structure_is_refused() {
        let cases: [&[u8]; 7] = [
            &[],
            &[0x30, 1, 2],                         // a frame OBU
            &[0x0a],                               // no size
            &[0x0a, 0x82],                         // a size that does not end
            &[0x0a, 0x82, 0x00, 1, 2],             // a size longer than it need be
            &[0x0a, 0x80, 0x80, 0x80, 0x80, 0x01], // a size beyond every frame
            &[0x12, 0x00, 0x0a, 0x01, 1],          // a temporal delimiter before it
        ];
        for frame in cases {
            assert_eq!(Codec::Av1.split(frame), None, "{frame:x?}");
        }
    }
}
