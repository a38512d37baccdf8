//! The encodings of a sent track: one, or three for a camera with simulcast.

use std::collections::VecDeque;

use signaling_protocol::Source;

/// The RIDs of simulcast encodings, the lowest first, as in the web client.
pub(super) const RIDS: [&str; 3] = ["q", "h", "f"];
/// The bitrates of the web client's VP8 encodings in kbit/s: 180, 360 and 720 lines at 30 frames per
/// second.
const KBPS: [f64; 3] = [150.0, 500.0, 1_700.0];
/// Packets stored for retransmission.
const MAX_STORED: usize = 384;

/// The state of one encoding.
pub(super) struct Encoding {
    /// Index in the offer.
    pub(super) index: u8,
    pub(super) rid: Option<&'static str>,
    /// Bitrate relative to the highest encoding.
    pub(super) share: f64,
    /// The encoding is sent: a receiver uses it, or that is not known.
    pub(super) active: bool,
    pub(super) ssrc: u32,
    pub(super) resend_ssrc: Option<u32>,
    pub(super) seq: u64,
    pub(super) resend_seq: u64,
    /// Sent packets and bytes, for sender reports.
    pub(super) sent: (u32, u32),
    pub(super) last_timestamp: u32,
    stored: VecDeque<StoredPacket>,
}

/// A packet stored for retransmission.
pub(super) struct StoredPacket {
    pub(super) seq: u16,
    pub(super) marker: bool,
    pub(super) timestamp: u32,
    /// The payload; for audio the whole SRTP packet.
    pub(super) payload: Vec<u8>,
}

impl Encoding {
    /// Creates the encoding `index` of `count`. The pairs are SSRCs and first sequence numbers, for
    /// media and retransmissions.
    pub(super) fn new(
        index: usize,
        count: usize,
        rid: Option<&'static str>,
        (ssrc, resend_ssrc): (u32, Option<u32>),
        (seq, resend_seq): (u64, u64),
    ) -> Self {
        let from_top = count.saturating_sub(1 + index);
        let top = KBPS.len() - 1;
        Self {
            index: index as u8,
            rid,
            share: KBPS[top - from_top.min(top)] / KBPS[top],
            active: true,
            ssrc,
            resend_ssrc,
            seq,
            resend_seq,
            sent: (0, 0),
            last_timestamp: 0,
            stored: VecDeque::new(),
        }
    }

    /// Stores a packet for retransmission.
    pub(super) fn store(&mut self, packet: StoredPacket) {
        if self.stored.len() == MAX_STORED {
            self.stored.pop_front();
        }
        self.stored.push_back(packet);
    }

    /// Returns the stored packet with this sequence number.
    pub(super) fn stored(&self, seq: u16) -> Option<&StoredPacket> {
        self.stored.iter().find(|packet| packet.seq == seq)
    }
}

/// Starts and pauses encodings as receivers use them; those without an entry are sent. Returns `true`
/// if a paused encoding starts again.
pub(super) fn set_active(encodings: &mut [Encoding], wanted: &[bool]) -> bool {
    let mut starts = false;
    for encoding in encodings {
        let active = wanted.get(usize::from(encoding.index)).copied().unwrap_or(true);
        starts |= active && !encoding.active;
        encoding.active = active;
    }
    starts
}

/// Returns the number of encodings of a source.
pub(super) fn count(source: Source, simulcast: bool) -> usize {
    if simulcast && source == Source::Camera { RIDS.len() } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_have_the_bitrates_of_the_web_client() {
        let of =
            |index, count| Encoding::new(index, count, None, (1, None), (0, 0)).share * 1_700.0;
        assert_eq!([0, 1, 2].map(|index| of(index, 3).round()), [150.0, 500.0, 1_700.0]);
        assert_eq!(of(0, 1), 1_700.0, "a single encoding uses the full bitrate");
    }

    #[test]
    fn unused_encodings_pause_and_start_again_when_used() {
        let one = |index| Encoding::new(index, 3, Some(RIDS[index]), (1, None), (0, 0));
        let mut three = [one(0), one(1), one(2)];
        let active = |three: &[Encoding; 3]| three.each_ref().map(|encoding| encoding.active);
        assert!(!set_active(&mut three, &[true, false, false]));
        assert_eq!(active(&three), [true, false, false]);
        assert!(set_active(&mut three, &[false, true, false]));
        assert_eq!(active(&three), [false, true, false]);
        assert!(set_active(&mut three, &[]), "all are sent if nothing is known");
        assert_eq!(active(&three), [true; 3]);
    }
}
