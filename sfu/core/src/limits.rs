//! The bounds of a worker. Every remote input meets one of them before it becomes expensive.

use std::time::Duration;

/// The numbers of participants that a worker accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Participants of one room.
    pub participants_per_room: usize,
    /// Participants of all rooms of the worker.
    pub participants: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { participants_per_room: 250, participants: 2_000 }
    }
}

/// Length of the longest datagram that is processed, in bytes. Clients send at most 1,200 to 1,400;
/// a longer one could not be forwarded with the header extensions and the SRTP tag added.
pub(crate) const DATAGRAM_BYTES: usize = 1_500;
/// M-lines in an offer: four to publish with, and receive slots. Each costs time per packet.
pub(crate) const MEDIA_LINES: usize = 64;
/// `a=ssrc` lines in an offer. A browser writes at most eight for a published m-line.
pub(crate) const SSRC_LINES: usize = 256;
/// Encodings of one m-line.
pub(crate) const ENCODINGS: usize = 4;
/// Characters in the name of an encoding.
pub(crate) const RID_CHARS: usize = 16;
/// Source addresses of one participant; the one not proved for longest is removed first.
pub(crate) const ADDRESSES: usize = 8;
/// SSRCs of one participant that are remembered at once.
pub(crate) const SSRCS: usize = 32;
/// Time that a new connection may take until ICE and DTLS are up.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
