//! One receive slot's RTP numbers: continuous, whoever's media it carries.

use std::time::{Duration, Instant};

use str0m::rtp::Ssrc;

/// How far a source's sequence numbers may jump until it counts as started anew.
const JUMP: u64 = 5_000;

/// Maps the sequence numbers and timestamps of changing sources onto one outgoing stream.
///
/// The receiver sees one SSRC per slot for the whole connection. Sequence numbers go on without a
/// gap and timestamps move on by the time that has passed (RFC 3550 section 5.1). Gaps within a
/// source stay gaps: a packet that the publisher sends again still fits in.
#[derive(Debug)]
pub(crate) struct Rewriter {
    source: Option<Source>,
    last: Option<Last>,
    first_seq: u64,
    first_timestamp: u32,
}

#[derive(Debug)]
struct Source {
    ssrc: Ssrc,
    /// The first packet of this source: earlier ones belong to what the slot carried before.
    first_in: u64,
    highest_in: u64,
    first_out: u64,
    timestamp_offset: u32,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    seq: u64,
    timestamp: u32,
    at: Instant,
}

/// The numbers of an outgoing packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// Extended; its upper bits are the SRTP rollover counter.
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
}

impl Rewriter {
    /// For a slot with this outgoing SSRC. A receiver starts at rollover counter zero, so the
    /// first sequence number is below 65,536 (and well below, to leave room for reordering).
    pub(crate) fn new(ssrc: Ssrc) -> Self {
        Self {
            source: None,
            last: None,
            first_seq: u64::from(*ssrc & 0x3fff) + 1,
            first_timestamp: (*ssrc).rotate_left(16),
        }
    }

    /// The next packet comes from another source, even if its SSRC were the same.
    pub(crate) fn switch(&mut self) {
        self.source = None;
    }

    /// The numbers for a packet that arrived `now` with the source's extended sequence number and
    /// timestamp in units of `clock_rate`. `None` for one from before the source was switched to.
    pub(crate) fn rewrite(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        seq: u64,
        timestamp: u32,
        clock_rate: u32,
    ) -> Option<Rewritten> {
        if self.source.as_ref().is_some_and(|s| s.ssrc != ssrc || s.highest_in.abs_diff(seq) > JUMP)
        {
            self.source = None;
        }
        let (last, first_seq, first_timestamp) = (self.last, self.first_seq, self.first_timestamp);
        let source = self.source.get_or_insert_with(|| {
            let (first_out, out_timestamp) = match last {
                None => (first_seq, first_timestamp),
                Some(last) => (
                    last.seq + 1,
                    last.timestamp
                        .wrapping_add(ticks(now.saturating_duration_since(last.at), clock_rate)),
                ),
            };
            Source {
                ssrc,
                first_in: seq,
                highest_in: seq,
                first_out,
                timestamp_offset: out_timestamp.wrapping_sub(timestamp),
            }
        });
        let out = source.first_out + seq.checked_sub(source.first_in)?;
        let timestamp = timestamp.wrapping_add(source.timestamp_offset);
        source.highest_in = source.highest_in.max(seq);
        if self.last.is_none_or(|last| out > last.seq) {
            self.last = Some(Last { seq: out, timestamp, at: now });
        }
        Some(Rewritten { seq: out, timestamp })
    }
}

/// At least one tick: two sources must not share a timestamp, or their packets would look like
/// one frame.
fn ticks(elapsed: Duration, clock_rate: u32) -> u32 {
    let ticks = elapsed.as_micros() * u128::from(clock_rate) / 1_000_000;
    // A pause of hours wraps around, as timestamps do.
    (ticks as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEO: u32 = 90_000;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        Instant::now()
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_reassigned_slot_continues_sequence_and_timestamp() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        let a = r.rewrite(t, 1.into(), 60_000, 1_000, VIDEO).unwrap();
        let b = r.rewrite(t + ms(33), 1.into(), 60_001, 3_970, VIDEO).unwrap();
        assert_eq!(b.seq, a.seq + 1);
        assert_eq!(b.timestamp.wrapping_sub(a.timestamp), 2_970);

        r.switch();
        let c = r.rewrite(t + ms(133), 2.into(), 9, 4_000_000_000, VIDEO).unwrap();
        assert_eq!(c.seq, b.seq + 1, "no gap that would look like loss");
        assert_eq!(c.timestamp.wrapping_sub(b.timestamp), 9_000, "100 ms at 90 kHz");
        let d = r.rewrite(t + ms(166), 2.into(), 10, 4_000_002_970, VIDEO).unwrap();
        assert_eq!((d.seq, d.timestamp.wrapping_sub(c.timestamp)), (c.seq + 1, 2_970));
    }

    #[test]
    fn the_first_sequence_number_needs_no_rollover_counter() {
        let t = start();
        for ssrc in [0u32, 1, 0x3fff, 0xffff, u32::MAX] {
            let mut r = Rewriter::new(ssrc.into());
            let first = r.rewrite(t, 1.into(), 1 << 40, 0, VIDEO).unwrap();
            assert!(first.seq > 0 && first.seq < 1 << 15);
        }
    }

    #[test]
    fn a_gap_in_the_source_stays_open_for_the_packet_sent_again() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        let a = r.rewrite(t, 1.into(), 100, 0, VIDEO).unwrap();
        let c = r.rewrite(t, 1.into(), 102, 0, VIDEO).unwrap();
        let b = r.rewrite(t + ms(40), 1.into(), 101, 0, VIDEO).unwrap();
        assert_eq!((b.seq, c.seq), (a.seq + 1, a.seq + 2));
    }

    #[test]
    fn packets_from_before_the_switch_are_not_sent() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        r.rewrite(t, 1.into(), 100, 0, VIDEO).unwrap();
        assert_eq!(r.rewrite(t, 1.into(), 99, 0, VIDEO), None);
    }

    #[test]
    fn a_source_that_starts_anew_goes_on_in_sequence() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        let a = r.rewrite(t, 1.into(), 100, 0, VIDEO).unwrap();
        let jumped = r.rewrite(t, 1.into(), 100 + JUMP + 1, 0, VIDEO).unwrap();
        assert_eq!(jumped.seq, a.seq + 1);
        let other = r.rewrite(t, 3.into(), 0, 0, VIDEO).unwrap();
        assert_eq!(other.seq, a.seq + 2, "another SSRC is another source");
    }
}
