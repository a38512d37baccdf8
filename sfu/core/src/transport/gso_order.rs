//! The order of a subscriber's packets in which few system calls carry them.
//!
//! One call carries packets of one length and a shorter one at the end (see `transmit_queue`). So
//! the packets of each stream stay together, in their order, and streams of long packets precede
//! those of short ones. Encoders cut a frame into parts that differ by a byte, the longer ones last;
//! the shorter ones are filled with RTP padding (RFC 3550 section 5.1), which receivers remove.

use std::cmp::Reverse;

use str0m::rtp::Ssrc;

use crate::rtp::OutgoingPacket;

/// Maximum padding of a packet, in bytes: more would cost more than it saves.
const MAX_PADDING: usize = 4;

/// Sorts packets into that order. Keeps its memory between calls.
#[derive(Debug, Default)]
pub(crate) struct GsoOrder {
    /// The length of the longest packet of each stream.
    streams: Vec<(Ssrc, usize)>,
}

impl GsoOrder {
    /// Sorts the packets and pads them.
    pub(crate) fn sort(&mut self, packets: &mut [OutgoingPacket]) {
        let streams = &mut self.streams;
        streams.clear();
        for packet in &*packets {
            let length = packet.payload_len();
            match streams.iter_mut().find(|(ssrc, _)| *ssrc == packet.ssrc()) {
                Some((_, longest)) => *longest = length.max(*longest),
                None => streams.push((packet.ssrc(), length)),
            }
        }
        if streams.len() > 1 {
            streams.sort_by_key(|(_, longest)| Reverse(*longest));
            let position = |ssrc| streams.iter().position(|(other, _)| *other == ssrc);
            packets.sort_by_key(|packet| position(packet.ssrc()));
        }
        pad_frames(packets);
    }
}

/// Pads the parts of each frame to the length of the longer ones after them.
fn pad_frames(packets: &mut [OutgoingPacket]) {
    for at in (1..packets.len()).rev() {
        let [packet, next] = &mut packets[at - 1..=at] else { continue };
        let length = next.payload_len() + usize::from(next.padding());
        let missing = length.saturating_sub(packet.payload_len());
        if missing <= MAX_PADDING && packet.is_same_frame(next) {
            packet.set_padding(missing as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::rtp::RtpNumbers;

    /// Sorts packets of `(ssrc, timestamp, length)` and returns `(ssrc, seq, length, padding)`.
    fn sorted(packets: &[(u32, u32, usize)]) -> Vec<(u32, u16, usize, u8)> {
        #[expect(clippy::disallowed_methods, reason = "the time makes no difference here")]
        let now = Instant::now();
        let packet = |(seq, &(ssrc, timestamp, length)): (u64, &(u32, u32, usize))| {
            let numbers = RtpNumbers::new(seq, timestamp);
            let payload = vec![0; length].into();
            OutgoingPacket::new(ssrc.into(), 96.into(), numbers, now, false, None, payload)
        };
        let mut packets: Vec<OutgoingPacket> = (0_u64..).zip(packets).map(packet).collect();
        GsoOrder::default().sort(&mut packets);
        let summary = |p: &OutgoingPacket| {
            (*p.ssrc(), p.numbers().seq() as u16, p.payload_len(), p.padding())
        };
        packets.iter().map(summary).collect()
    }

    #[test]
    fn streams_stay_together_in_their_order_with_the_longest_packets_first() {
        let before = [(1, 0, 80), (2, 0, 900), (3, 0, 1_100), (2, 0, 900), (3, 0, 700), (1, 1, 90)];
        let after = [
            (3, 2, 1_100, 0),
            (3, 4, 700, 0),
            (2, 1, 900, 0),
            (2, 3, 900, 0),
            (1, 0, 80, 0),
            (1, 5, 90, 0),
        ];
        assert_eq!(sorted(&before), after);
    }

    #[test]
    fn parts_of_a_frame_are_padded_to_the_longer_ones_after_them() {
        let after = [(1, 0, 999, 1), (1, 1, 1_000, 0), (1, 2, 1_000, 0)];
        assert_eq!(sorted(&[(1, 0, 999), (1, 0, 1_000), (1, 0, 1_000)]), after);
        let another_frame = sorted(&[(1, 0, 999), (1, 3_000, 1_000)]);
        assert!(another_frame.iter().all(|(.., padding)| *padding == 0));
        let too_short = sorted(&[(1, 0, 995), (1, 0, 1_000)]);
        assert!(too_short.iter().all(|(.., padding)| *padding == 0));
        assert_eq!(sorted(&[(1, 0, 7)]), [(1, 0, 7, 0)]);
        assert_eq!(sorted(&[]), []);
    }
}
