//! A packet on its way to a subscriber.

use std::sync::Arc;
use std::time::Instant;

use str0m::media::Pt;
use str0m::rtp::{RtpWrite, Ssrc, Vp8Patch};

use super::rewriter::RtpNumbers;

/// A packet on its way to a subscriber. All subscribers share one copy of the payload.
#[derive(Debug)]
pub(crate) struct OutgoingPacket {
    ssrc: Ssrc,
    pt: Pt,
    numbers: RtpNumbers,
    captured_at: Instant,
    marker: bool,
    vp8_patch: Option<Vp8Patch>,
    padding: u8,
    payload: Arc<[u8]>,
}

impl OutgoingPacket {
    /// Creates a packet without padding.
    pub(crate) fn new(
        ssrc: Ssrc,
        pt: Pt,
        numbers: RtpNumbers,
        captured_at: Instant,
        marker: bool,
        vp8_patch: Option<Vp8Patch>,
        payload: Arc<[u8]>,
    ) -> Self {
        Self { ssrc, pt, numbers, captured_at, marker, vp8_patch, padding: 0, payload }
    }

    /// Returns the SSRC of the receive slot.
    pub(crate) fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Returns the sequence number and the timestamp.
    #[cfg(test)]
    pub(crate) fn numbers(&self) -> RtpNumbers {
        self.numbers
    }

    /// Returns whether both packets are parts of the same frame.
    pub(crate) fn is_same_frame(&self, other: &Self) -> bool {
        self.ssrc == other.ssrc && self.numbers.timestamp() == other.numbers.timestamp()
    }

    /// Returns the length of the payload in bytes, without padding.
    pub(crate) fn payload_len(&self) -> usize {
        self.payload.len()
    }

    /// Returns the bytes of padding.
    pub(crate) fn padding(&self) -> u8 {
        self.padding
    }

    /// Sets the bytes of RTP padding (RFC 3550 section 5.1).
    pub(crate) fn set_padding(&mut self, bytes: u8) {
        self.padding = bytes;
    }

    /// Converts the packet to a write on its SSRC.
    pub(crate) fn into_write(self) -> (Ssrc, RtpWrite) {
        let numbers = self.numbers;
        let mut write = RtpWrite::new(
            self.pt,
            numbers.seq().into(),
            numbers.timestamp(),
            self.captured_at,
            self.payload,
        )
        .marker(self.marker)
        .nackable(true)
        .padding(self.padding);
        if let Some(patch) = self.vp8_patch {
            write = write.vp8_patch(patch);
        }
        (self.ssrc, write)
    }
}
