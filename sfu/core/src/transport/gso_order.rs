//! What waits for one subscriber, put in such an order that few system calls carry it.
//!
//! One call carries packets of one length and at last a shorter one (see `outbox`). So each stream's
//! packets go together, in their order, and the streams of long packets before those of short ones.
//! Encoders cut a picture into parts that differ by a byte, the longer ones last: the others are
//! filled up with RTP padding (RFC 3550 section 5.1), which receivers take off.

use std::cmp::Reverse;

use str0m::rtp::Ssrc;

use crate::room::participant::Outgoing;

/// Bytes of padding that a packet may be given: more would cost more than it saves.
const FILL: usize = 4;

/// Puts packets into that order. `streams` is memory to work in.
pub(crate) fn line_up(packets: &mut [Outgoing], streams: &mut Vec<(Ssrc, usize)>) {
    streams.clear();
    for packet in &*packets {
        let length = packet.payload.len();
        match streams.iter_mut().find(|(ssrc, _)| *ssrc == packet.ssrc) {
            Some((_, longest)) => *longest = length.max(*longest),
            None => streams.push((packet.ssrc, length)),
        }
    }
    if streams.len() > 1 {
        streams.sort_by_key(|(_, longest)| Reverse(*longest));
        let place = |ssrc| streams.iter().position(|(other, _)| *other == ssrc);
        packets.sort_by_key(|packet| place(packet.ssrc));
    }
    fill_up(packets);
}

/// Brings the parts of each picture to the length of the longer ones after them.
fn fill_up(packets: &mut [Outgoing]) {
    for at in (1..packets.len()).rev() {
        let [packet, next] = &mut packets[at - 1..=at] else { continue };
        let same_picture =
            packet.ssrc == next.ssrc && packet.numbers.timestamp == next.numbers.timestamp;
        let length = next.payload.len() + usize::from(next.fill);
        let lacks = length.saturating_sub(packet.payload.len());
        if same_picture && lacks <= FILL {
            packet.fill = lacks as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::rtp::rewriter::Rewritten;

    /// Packets of `(ssrc, timestamp, length)`, and what becomes of them: `(ssrc, seq, length, fill)`.
    fn lined_up(packets: &[(u32, u32, usize)]) -> Vec<(u32, u16, usize, u8)> {
        #[expect(clippy::disallowed_methods, reason = "what time it is makes no difference")]
        let now = Instant::now();
        let mut packets: Vec<Outgoing> = (0_u64..)
            .zip(packets)
            .map(|(seq, &(ssrc, timestamp, length))| Outgoing {
                ssrc: ssrc.into(),
                pt: 96.into(),
                numbers: Rewritten { seq, timestamp },
                wallclock: now,
                marker: false,
                patch: None,
                fill: 0,
                payload: vec![0; length].into(),
            })
            .collect();
        line_up(&mut packets, &mut Vec::new());
        let told = |p: &Outgoing| (*p.ssrc, p.numbers.seq as u16, p.payload.len(), p.fill);
        packets.iter().map(told).collect()
    }

    #[test]
    fn streams_go_together_the_long_ones_first_each_in_its_order() {
        let before = [(1, 0, 80), (2, 0, 900), (3, 0, 1_100), (2, 0, 900), (3, 0, 700), (1, 1, 90)];
        let after = [
            (3, 2, 1_100, 0),
            (3, 4, 700, 0),
            (2, 1, 900, 0),
            (2, 3, 900, 0),
            (1, 0, 80, 0),
            (1, 5, 90, 0),
        ];
        assert_eq!(lined_up(&before), after);
    }

    #[test]
    fn parts_of_a_picture_are_filled_up_to_the_longer_ones_after_them() {
        let after = [(1, 0, 999, 1), (1, 1, 1_000, 0), (1, 2, 1_000, 0)];
        assert_eq!(lined_up(&[(1, 0, 999), (1, 0, 1_000), (1, 0, 1_000)]), after);
        let another_picture = lined_up(&[(1, 0, 999), (1, 3_000, 1_000)]);
        assert!(another_picture.iter().all(|(.., fill)| *fill == 0));
        let too_short = lined_up(&[(1, 0, 995), (1, 0, 1_000)]);
        assert!(too_short.iter().all(|(.., fill)| *fill == 0));
        assert_eq!(lined_up(&[(1, 0, 7)]), [(1, 0, 7, 0)]);
        assert_eq!(lined_up(&[]), []);
    }
}
