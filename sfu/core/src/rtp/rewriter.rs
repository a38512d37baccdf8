//! One receive slot's RTP numbers: continuous, whoever's media it carries.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::rtp::Ssrc;

/// How far a source's sequence numbers may jump until it counts as started anew.
const JUMP: u64 = 5_000;

/// Left-out packets whose numbers are kept, for packets that come late.
const LATELY: usize = 256;

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
    /// Packets that were left out: the numbers close up over them.
    skipped: u64,
    /// The latest of these, in order.
    skipped_lately: VecDeque<u64>,
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

impl Source {
    /// How many packets before this one were left out. `None`: it comes too late to tell.
    fn skipped_before(&self, seq: u64) -> Option<u64> {
        let after = self.skipped_lately.iter().rev().take_while(|skipped| **skipped > seq).count();
        let forgotten = after == LATELY;
        (!forgotten).then(|| self.skipped - after as u64)
    }
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

    /// A packet of the source is not for this slot: the numbers close up over it. One that comes late
    /// leaves its gap, as those after it have gone.
    pub(crate) fn skip(&mut self, ssrc: Ssrc, seq: u64) {
        let Some(source) = self.source.as_mut().filter(|source| source.ssrc == ssrc) else {
            return;
        };
        if seq <= source.highest_in || seq - source.highest_in > JUMP {
            return;
        }
        source.highest_in = seq;
        source.skipped += 1;
        if source.skipped_lately.len() == LATELY {
            source.skipped_lately.pop_front();
        }
        source.skipped_lately.push_back(seq);
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
                skipped: 0,
                skipped_lately: VecDeque::new(),
                timestamp_offset: out_timestamp.wrapping_sub(timestamp),
            }
        });
        let out =
            source.first_out + seq.checked_sub(source.first_in)? - source.skipped_before(seq)?;
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
    fn numbers_close_up_over_what_is_left_out() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        let send = |r: &mut Rewriter, seq| r.rewrite(t, 1.into(), seq, 0, VIDEO).map(|n| n.seq);
        let first = send(&mut r, 100).unwrap();
        r.skip(1.into(), 101);
        r.skip(1.into(), 102);
        r.skip(1.into(), 102);
        assert_eq!(send(&mut r, 103), Some(first + 1));
        r.skip(1.into(), 105);
        assert_eq!(send(&mut r, 106), Some(first + 3), "104 is still to come");
        assert_eq!(send(&mut r, 104), Some(first + 2));
        r.skip(1.into(), 104);
        r.skip(2.into(), 107);
        assert_eq!(send(&mut r, 107), Some(first + 4), "neither late nor another's");
        (108..408).for_each(|seq| r.skip(1.into(), seq));
        assert_eq!(send(&mut r, 408), Some(first + 5));
        assert_eq!(send(&mut r, 105), None, "too long ago to tell");
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
