//! The encodings in which a track goes out: one, or the three of a camera's simulcast.

use std::collections::VecDeque;

use signaling_protocol::Source;

/// Simulcast encodings from the smallest on, by the names that the web client gives them.
pub(super) const RIDS: [&str; 3] = ["q", "h", "f"];
/// What the web client lets VP8 take for each, in kbit/s: 180, 360 and 720 lines at 30 frames a
/// second.
const KBPS: [f64; 3] = [150.0, 500.0, 1_700.0];
/// Packets that can be sent again.
const RESENDABLE: usize = 384;

/// One stream of a track.
pub(super) struct Encoding {
    /// Its place in the offer.
    pub(super) index: u8,
    pub(super) rid: Option<&'static str>,
    /// Of the highest encoding's bits.
    pub(super) share: f64,
    /// Somebody wants it, for all that is known.
    pub(super) active: bool,
    pub(super) ssrc: u32,
    pub(super) resend_ssrc: Option<u32>,
    pub(super) seq: u64,
    pub(super) resend_seq: u64,
    /// Packets and bytes, as sender reports tell them.
    pub(super) sent: (u32, u32),
    pub(super) last_timestamp: u32,
    resendable: VecDeque<Resendable>,
}

/// A packet that may be asked for again.
pub(super) struct Resendable {
    pub(super) seq: u16,
    pub(super) marker: bool,
    pub(super) timestamp: u32,
    /// Of sound the whole packet, with its protection.
    pub(super) payload: Vec<u8>,
}

impl Encoding {
    /// The encoding at this place of an offer with so many.
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
            resendable: VecDeque::new(),
        }
    }

    pub(super) fn keep(&mut self, packet: Resendable) {
        if self.resendable.len() == RESENDABLE {
            self.resendable.pop_front();
        }
        self.resendable.push_back(packet);
    }

    pub(super) fn kept(&self, seq: u16) -> Option<&Resendable> {
        self.resendable.iter().find(|kept| kept.seq == seq)
    }
}

/// Starts and stops encodings as somebody wants them; what is not told of is sent. Whether one of
/// them begins anew.
pub(super) fn want(encodings: &mut [Encoding], wanted: &[bool]) -> bool {
    let mut begins = false;
    for encoding in encodings {
        let active = wanted.get(usize::from(encoding.index)).copied().unwrap_or(true);
        begins |= active && !encoding.active;
        encoding.active = active;
    }
    begins
}

/// How many encodings a source is sent in.
pub(super) fn count(source: Source, simulcast: bool) -> usize {
    if simulcast && source == Source::Camera { RIDS.len() } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_costs_what_it_does_in_the_web_client() {
        let of =
            |index, count| Encoding::new(index, count, None, (1, None), (0, 0)).share * 1_700.0;
        assert_eq!([0, 1, 2].map(|index| of(index, 3).round()), [150.0, 500.0, 1_700.0]);
        assert_eq!(of(0, 1), 1_700.0, "a single one takes all that there is");
    }

    #[test]
    fn what_nobody_wants_stops_and_what_is_wanted_again_begins() {
        let one = |index| Encoding::new(index, 3, Some(RIDS[index]), (1, None), (0, 0));
        let mut three = [one(0), one(1), one(2)];
        let active = |three: &[Encoding; 3]| three.each_ref().map(|encoding| encoding.active);
        assert!(!want(&mut three, &[true, false, false]));
        assert_eq!(active(&three), [true, false, false]);
        assert!(want(&mut three, &[false, true, false]));
        assert_eq!(active(&three), [false, true, false]);
        assert!(want(&mut three, &[]), "nothing is known any more");
        assert_eq!(active(&three), [true; 3]);
    }
}
