//! Continuous RTP numbers for one receive slot, whichever track it carries.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::rtp::Ssrc;

/// Largest jump of a source's sequence numbers; a larger one counts as a restart of the source.
const MAX_JUMP: u64 = 5_000;

/// Number of skipped packets that are remembered, for packets that come late.
const REMEMBERED_SKIPS: usize = 256;

/// Maps the sequence numbers and timestamps of changing sources onto one outgoing stream.
///
/// The receiver sees one SSRC per slot for the whole connection. Sequence numbers continue without
/// a gap, and timestamps advance by the elapsed time (RFC 3550 section 5.1). Gaps within a source
/// stay gaps: a packet that the publisher retransmits still fits in.
#[derive(Debug)]
pub(crate) struct Rewriter {
    source: Option<Source>,
    last: Option<LastSent>,
    first_seq: u64,
    first_timestamp: u32,
}

#[derive(Debug)]
struct Source {
    ssrc: Ssrc,
    /// The first packet of this source; earlier ones belong to what the slot carried before.
    first_in: u64,
    highest_in: u64,
    first_out: u64,
    /// Number of packets that were skipped; the outgoing numbers close up over them.
    skipped: u64,
    /// The latest skipped sequence numbers, in order.
    recent_skips: VecDeque<u64>,
    timestamp_offset: u32,
}

#[derive(Debug, Clone, Copy)]
struct LastSent {
    seq: u64,
    timestamp: u32,
    at: Instant,
}

/// The sequence number and timestamp of an outgoing packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpNumbers {
    seq: u64,
    timestamp: u32,
}

impl RtpNumbers {
    /// Creates a pair of numbers; `seq` is extended.
    #[cfg(test)]
    pub(crate) fn new(seq: u64, timestamp: u32) -> Self {
        Self { seq, timestamp }
    }

    /// Returns the extended sequence number; its upper bits are the SRTP rollover counter.
    pub(crate) fn seq(self) -> u64 {
        self.seq
    }

    /// Returns the timestamp in units of the codec's clock rate.
    pub(crate) fn timestamp(self) -> u32 {
        self.timestamp
    }
}

impl Source {
    /// Returns how many packets before this one were skipped; `None` if too many were skipped
    /// since.
    fn skipped_before(&self, seq: u64) -> Option<u64> {
        let after = self.recent_skips.iter().rev().take_while(|skipped| **skipped > seq).count();
        (after < REMEMBERED_SKIPS).then(|| self.skipped - after as u64)
    }
}

impl Rewriter {
    /// Creates a rewriter for a slot with this outgoing SSRC. A receiver starts at rollover counter
    /// zero, so the first sequence number is below 65,536, and well below to leave room for
    /// reordering.
    pub(crate) fn new(ssrc: Ssrc) -> Self {
        Self {
            source: None,
            last: None,
            first_seq: u64::from(*ssrc & 0x3fff) + 1,
            first_timestamp: (*ssrc).rotate_left(16),
        }
    }

    /// Continues with another source from the next packet on, even if its SSRC is the same.
    pub(crate) fn switch(&mut self) {
        self.source = None;
    }

    /// Skips a packet of the source, so that the outgoing numbers close up over it. A late packet
    /// leaves a gap, since packets after it have been sent.
    pub(crate) fn skip(&mut self, ssrc: Ssrc, seq: u64) {
        let Some(source) = self.source.as_mut().filter(|source| source.ssrc == ssrc) else {
            return;
        };
        if seq <= source.highest_in || seq - source.highest_in > MAX_JUMP {
            return;
        }
        source.highest_in = seq;
        source.skipped += 1;
        if source.recent_skips.len() == REMEMBERED_SKIPS {
            source.recent_skips.pop_front();
        }
        source.recent_skips.push_back(seq);
    }

    /// Returns the numbers for a packet that arrived `now` with the source's extended sequence
    /// number and timestamp in units of `clock_rate`. `None` if it precedes the switch to the
    /// source.
    pub(crate) fn rewrite(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        seq: u64,
        timestamp: u32,
        clock_rate: u32,
    ) -> Option<RtpNumbers> {
        let restarted = |s: &Source| s.ssrc != ssrc || s.highest_in.abs_diff(seq) > MAX_JUMP;
        if self.source.as_ref().is_some_and(restarted) {
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
                recent_skips: VecDeque::new(),
                timestamp_offset: out_timestamp.wrapping_sub(timestamp),
            }
        });
        let out =
            source.first_out + seq.checked_sub(source.first_in)? - source.skipped_before(seq)?;
        let timestamp = timestamp.wrapping_add(source.timestamp_offset);
        source.highest_in = source.highest_in.max(seq);
        if self.last.is_none_or(|last| out > last.seq) {
            self.last = Some(LastSent { seq: out, timestamp, at: now });
        }
        Some(RtpNumbers { seq: out, timestamp })
    }
}

/// Returns the timestamp units in `elapsed`, at least one: if two sources shared a timestamp, their
/// packets would look like one frame.
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
    fn a_gap_in_the_source_stays_open_for_a_retransmission() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        let a = r.rewrite(t, 1.into(), 100, 0, VIDEO).unwrap();
        let c = r.rewrite(t, 1.into(), 102, 0, VIDEO).unwrap();
        let b = r.rewrite(t + ms(40), 1.into(), 101, 0, VIDEO).unwrap();
        assert_eq!((b.seq, c.seq), (a.seq + 1, a.seq + 2));
    }

    #[test]
    fn numbers_close_up_over_skipped_packets() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        let send = |r: &mut Rewriter, seq| r.rewrite(t, 1.into(), seq, 0, VIDEO).map(|n| n.seq);
        let first = send(&mut r, 100).unwrap();
        r.skip(1.into(), 101);
        r.skip(1.into(), 102);
        r.skip(1.into(), 102);
        assert_eq!(send(&mut r, 103), Some(first + 1));
        r.skip(1.into(), 105);
        assert_eq!(send(&mut r, 106), Some(first + 3), "104 has not arrived yet");
        assert_eq!(send(&mut r, 104), Some(first + 2));
        r.skip(1.into(), 104);
        r.skip(2.into(), 107);
        assert_eq!(
            send(&mut r, 107),
            Some(first + 4),
            "a late packet and another source are not skipped"
        );
        (108..408).for_each(|seq| r.skip(1.into(), seq));
        assert_eq!(send(&mut r, 408), Some(first + 5));
        assert_eq!(send(&mut r, 105), None, "too many were skipped since");
    }

    #[test]
    fn packets_from_before_the_switch_are_not_sent() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        r.rewrite(t, 1.into(), 100, 0, VIDEO).unwrap();
        assert_eq!(r.rewrite(t, 1.into(), 99, 0, VIDEO), None);
    }

    #[test]
    fn a_restarted_source_continues_in_sequence() {
        let t = start();
        let mut r = Rewriter::new(7.into());
        let a = r.rewrite(t, 1.into(), 100, 0, VIDEO).unwrap();
        let jumped = r.rewrite(t, 1.into(), 100 + MAX_JUMP + 1, 0, VIDEO).unwrap();
        assert_eq!(jumped.seq, a.seq + 1);
        let other = r.rewrite(t, 3.into(), 0, 0, VIDEO).unwrap();
        assert_eq!(other.seq, a.seq + 2, "another SSRC is another source");
    }
}
