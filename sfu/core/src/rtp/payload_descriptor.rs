//! The parts of a payload that are read: where key frames begin, and the picture ids of VP8.
//!
//! Both are in the payload descriptors, which packetizers put before the encrypted frame (RFC 7741
//! section 4.2, RFC 9628 section 4.2), and in the first byte of a VP8 frame, which clients leave
//! unencrypted because browsers need it. The receiver authenticates that byte.

use str0m::rtp::{Vp8Descriptor, Vp8Patch};

use super::codec::ForwardedCodec;

/// Returns whether this packet begins a frame that does not depend on earlier frames.
pub(crate) fn begins_key_frame(codec: ForwardedCodec, payload: &[u8]) -> bool {
    match codec {
        ForwardedCodec::Opus => true,
        ForwardedCodec::Vp8 => {
            Vp8Descriptor::parse(payload).is_ok_and(|vp8| vp8.starts_keyframe(payload))
        }
        ForwardedCodec::Vp9 => begins_vp9_key_frame(payload),
        // The N bit of the aggregation header: a new coded video sequence (AV1 RTP section 4.4).
        ForwardedCodec::Av1 => payload.first().is_some_and(|header| header & 0x08 != 0),
        ForwardedCodec::H264 => begins_h264_key_frame(payload),
    }
}

/// Returns whether this is the first packet (B) of a picture without inter-picture prediction (not
/// P), of its lowest spatial layer.
fn begins_vp9_key_frame(payload: &[u8]) -> bool {
    let [flags, rest @ ..] = payload else { return false };
    let (i, p, l, b) = (flags & 0x80, flags & 0x40, flags & 0x20, flags & 0x08);
    if p != 0 || b == 0 {
        return false;
    }
    let picture_id_len = match rest.first() {
        _ if i == 0 => 0,
        Some(first) if first & 0x80 != 0 => 2,
        _ => 1,
    };
    // The layer indices: temporal id, switching up, spatial id, inter-layer dependency.
    l == 0 || rest.get(picture_id_len).is_some_and(|layers| layers & 0x0e == 0)
}

/// Returns whether the packet has parameter sets or the beginning of an IDR picture (RFC 6184
/// section 5.2).
fn begins_h264_key_frame(payload: &[u8]) -> bool {
    const IDR: u8 = 5;
    const SPS: u8 = 7;
    match payload {
        [unit, ..] if matches!(unit & 0x1f, IDR | SPS) => true,
        // STAP-A: two bytes of length before the first unit.
        [unit, _, _, first, ..] if unit & 0x1f == 24 => matches!(first & 0x1f, IDR | SPS),
        // FU-A that starts a unit.
        [unit, fragment, ..] if unit & 0x1f == 28 => fragment & 0x80 != 0 && fragment & 0x1f == IDR,
        _ => false,
    }
}

/// Makes the VP8 picture ids of one receive slot continuous when it switches to another encoding.
/// A decoder takes a step back for a frame that came too late.
#[derive(Debug, Default)]
pub(crate) struct PictureIdRewriter {
    /// Added to incoming ids. `None` until the first picture of an encoding.
    offset: Option<PictureIds>,
    last: Option<PictureIds>,
}

/// The picture id (15 bits) and TL0PICIDX, the running index of base layer pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PictureIds {
    picture: u16,
    tl0: u8,
}

impl PictureIdRewriter {
    /// Continues with another source from the next packet on.
    pub(crate) fn switch(&mut self) {
        self.offset = None;
    }

    /// Returns the change to a VP8 packet; `None` if it is sent as it is.
    pub(crate) fn rewrite(&mut self, payload: &[u8]) -> Option<Vp8Patch> {
        let descriptor = Vp8Descriptor::parse(payload).ok()?;
        let ids = self.next_ids(&descriptor)?;
        if self.offset.is_some_and(|offset| offset.picture & 0x7fff == 0 && offset.tl0 == 0) {
            return None;
        }
        let patch = descriptor.patch().picture_id(ids.picture);
        let patch = match descriptor.tl0_pic_idx() {
            Some(_) => patch.tl0_pic_idx(ids.tl0),
            None => patch,
        };
        // A picture id of seven bits cannot hold every number; no browser's encoder writes one.
        patch.build().ok()
    }

    /// Returns the ids with which a packet is sent.
    fn next_ids(&mut self, descriptor: &Vp8Descriptor) -> Option<PictureIds> {
        let picture = descriptor.picture_id()?;
        let tl0 = descriptor.tl0_pic_idx().unwrap_or(0);
        let last = self.last;
        let offset = *self.offset.get_or_insert_with(|| match last {
            None => PictureIds { picture: 0, tl0: 0 },
            Some(last) => PictureIds {
                picture: last.picture.wrapping_add(1).wrapping_sub(picture),
                tl0: last.tl0.wrapping_add(1).wrapping_sub(tl0),
            },
        });
        let ids = PictureIds {
            picture: picture.wrapping_add(offset.picture) & 0x7fff,
            tl0: tl0.wrapping_add(offset.tl0),
        };
        // A late packet does not move `last` back.
        if last.is_none_or(|last| ids.picture.wrapping_sub(last.picture) & 0x7fff < 0x4000) {
            self.last = Some(ids);
        }
        Some(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A VP8 packet: X, I (15 bits), L and T; `start` of a frame, with its first byte.
    fn vp8(picture: u16, tl0: u8, start: bool, key: bool) -> Vec<u8> {
        let [high, low] = (picture | 0x8000).to_be_bytes();
        vec![0x80 | u8::from(start) << 4, 0xe0, high, low, tl0, 0, u8::from(!key), 1, 2]
    }

    #[test]
    fn a_key_frame_is_recognised_by_its_first_packet() {
        assert!(begins_key_frame(ForwardedCodec::Vp8, &vp8(1, 1, true, true)));
        assert!(!begins_key_frame(ForwardedCodec::Vp8, &vp8(1, 1, true, false)));
        assert!(!begins_key_frame(ForwardedCodec::Vp8, &vp8(1, 1, false, true)));
        assert!(!begins_key_frame(ForwardedCodec::Vp8, &[]));
        let vp9 = |bytes: &[u8]| begins_key_frame(ForwardedCodec::Vp9, bytes);
        assert!(vp9(&[0x88, 5]) && vp9(&[0x88, 0x80, 5]) && vp9(&[0x08]));
        assert!(!vp9(&[0xc8, 5]), "predicted");
        assert!(!vp9(&[0x80, 5]), "not the first packet");
        assert!(vp9(&[0xa8, 5, 0x00, 0]) && !vp9(&[0xa8, 5, 0x02, 0]), "a higher spatial layer");
        assert!(!vp9(&[0xa8, 0x80]) && !vp9(&[]), "truncated");
        let av1 = |bytes: &[u8]| begins_key_frame(ForwardedCodec::Av1, bytes);
        assert!(av1(&[0x18, 0x0a]) && !av1(&[0x10, 0x32]) && !av1(&[]));
        let h264 = |bytes: &[u8]| begins_key_frame(ForwardedCodec::H264, bytes);
        assert!(h264(&[0x67, 0x42]) && h264(&[0x65]) && !h264(&[0x41]) && !h264(&[]));
        assert!(h264(&[0x78, 0, 9, 0x67]) && !h264(&[0x78, 0, 9, 0x41]) && !h264(&[0x78]));
        assert!(h264(&[0x7c, 0x85]) && !h264(&[0x7c, 0x05]) && !h264(&[0x7c, 0x81]));
    }

    #[test]
    fn picture_ids_continue_when_the_encoding_changes() {
        let mut rewriter = PictureIdRewriter::default();
        let send = |rewriter: &mut PictureIdRewriter, picture, tl0| {
            let payload = vp8(picture, tl0, true, true);
            let ids = rewriter.next_ids(&Vp8Descriptor::parse(&payload).unwrap()).unwrap();
            (ids.picture, ids.tl0)
        };
        assert_eq!(send(&mut rewriter, 0x7ffe, 9), (0x7ffe, 9));
        assert_eq!(send(&mut rewriter, 0x7fff, 10), (0x7fff, 10));
        rewriter.switch();
        assert_eq!(send(&mut rewriter, 500, 200), (0, 11));
        assert_eq!(send(&mut rewriter, 501, 201), (1, 12));
        assert_eq!(
            send(&mut rewriter, 499, 199),
            (0x7fff, 10),
            "a late packet of the same encoding"
        );
        rewriter.switch();
        assert_eq!(send(&mut rewriter, 3, 3), (2, 13));
        assert!(rewriter.rewrite(&vp8(4, 4, true, false)).is_some());
        assert!(
            PictureIdRewriter::default().rewrite(&vp8(4, 4, true, false)).is_none(),
            "sent as it is"
        );
    }
}
