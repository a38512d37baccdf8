//! An m-line on which a participant receives the tracks of others.

use std::sync::Arc;
use std::time::Instant;

use str0m::media::{MediaKind, Mid, Pt};
use str0m::rtp::Ssrc;

use crate::ids::TrackId;
use crate::peer_connection::{PayloadTypes, SendLine};
use crate::policy::SlotAssignment;
use crate::rtp::{ForwardedCodec, MediaHeader, OutgoingPacket, PictureIdRewriter, Rewriter};

/// An m-line on which a participant receives the tracks of others, one at a time.
#[derive(Debug)]
pub(crate) struct ReceiveSlot {
    mid: Mid,
    kind: MediaKind,
    ssrc: Ssrc,
    payload_types: PayloadTypes,
    numbers: Rewriter,
    picture_ids: PictureIdRewriter,
    assignment: Option<SlotAssignment>,
}

impl ReceiveSlot {
    /// Creates an empty slot on an m-line.
    pub(crate) fn new(line: &SendLine) -> Self {
        Self {
            mid: line.mid,
            kind: line.kind,
            ssrc: line.ssrc,
            payload_types: line.payload_types,
            numbers: Rewriter::new(line.ssrc),
            picture_ids: PictureIdRewriter::default(),
            assignment: None,
        }
    }

    /// Returns whether this is the slot of an m-line.
    pub(crate) fn is_on(&self, line: &SendLine) -> bool {
        self.mid == line.mid && self.ssrc == line.ssrc
    }

    pub(crate) fn mid(&self) -> Mid {
        self.mid
    }

    pub(crate) fn kind(&self) -> MediaKind {
        self.kind
    }

    pub(crate) fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Returns the track in the slot.
    pub(crate) fn track(&self) -> Option<TrackId> {
        self.assignment.map(SlotAssignment::track)
    }

    /// Returns the assignment of the slot, for assigning slots anew.
    pub(crate) fn assignment(&self) -> Option<SlotAssignment> {
        self.assignment
    }

    /// Assigns a track to the slot.
    pub(crate) fn assign(&mut self, assignment: Option<SlotAssignment>) {
        if self.track() != assignment.map(SlotAssignment::track) {
            self.assignment = assignment;
            self.switch();
        }
    }

    /// Returns the payload type of a codec, if it was negotiated.
    pub(crate) fn payload_type(&self, codec: ForwardedCodec) -> Option<Pt> {
        self.payload_types.pt(codec)
    }

    /// Continues with another track or encoding from the next packet on.
    pub(crate) fn switch(&mut self) {
        self.numbers.switch();
        self.picture_ids.switch();
    }

    /// Skips a packet, so that the sequence numbers close up over it.
    pub(crate) fn skip(&mut self, header: &MediaHeader) {
        self.numbers.skip(header.ssrc, header.seq);
    }

    /// Rewrites a packet for the slot; `None` if it precedes the last switch.
    pub(crate) fn rewrite(
        &mut self,
        now: Instant,
        header: &MediaHeader,
        pt: Pt,
        marker: bool,
        payload: &Arc<[u8]>,
    ) -> Option<OutgoingPacket> {
        let MediaHeader { codec, ssrc, seq, timestamp, captured_at, .. } = *header;
        let numbers = self.numbers.rewrite(now, ssrc, seq, timestamp, codec.clock_rate())?;
        let vp8_patch = match codec {
            ForwardedCodec::Vp8 => self.picture_ids.rewrite(payload),
            ForwardedCodec::Opus
            | ForwardedCodec::Vp9
            | ForwardedCodec::Av1
            | ForwardedCodec::H264 => None,
        };
        let payload = payload.clone();
        Some(OutgoingPacket::new(self.ssrc, pt, numbers, captured_at, marker, vp8_patch, payload))
    }
}
