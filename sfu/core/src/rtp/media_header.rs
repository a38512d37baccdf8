//! The fields of a media packet that forwarding needs.

use std::time::Instant;

use str0m::rtp::Ssrc;

use super::codec::ForwardedCodec;

/// The fields of a media packet that forwarding needs, besides its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MediaHeader {
    /// The index among the track's encodings.
    pub(crate) encoding: usize,
    pub(crate) codec: ForwardedCodec,
    /// A subscription may begin with this packet.
    pub(crate) may_begin: bool,
    pub(crate) ssrc: Ssrc,
    /// The extended sequence number.
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// The capture time, on this machine's clock.
    pub(crate) captured_at: Instant,
}
