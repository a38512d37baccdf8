//! The simulcast encodings received on one stream over time.

use std::time::{Duration, Instant};

use signaling_protocol::Source;

use crate::frame_stamp::FrameStamp;

/// The number of encodings.
const ENCODINGS: usize = 3;
/// Without a frame for this long, the slot counts as empty.
const EMPTY_AFTER: Duration = Duration::from_secs(5);
/// The highest number of changes stored.
const MAX_CHANGES: usize = 1_024;

/// The encodings received in one slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct EncodingHistory {
    /// Time per encoding, the lowest first.
    pub(crate) durations: [Duration; ENCODINGS],
    /// Switches between encodings of the same track.
    pub(crate) switches: u64,
    /// When each encoding began; the first entry is the one at the start of the measurement.
    changes: Vec<(Instant, u8)>,
    last: Option<LastFrame>,
}

#[derive(Debug, Clone, Copy)]
struct LastFrame {
    track: (u32, Source),
    encoding: u8,
    /// Frame number, to ignore frames that arrive late.
    number: u64,
    at: Instant,
}

impl EncodingHistory {
    /// Returns the history from the start of the measurement.
    pub(crate) fn restart(&self) -> Self {
        let changes = self.last.map(|last| (last.at, last.encoding)).into_iter().collect();
        Self { changes, last: self.last, ..Self::default() }
    }

    /// Records the stamp of a received frame.
    pub(crate) fn record(&mut self, now: Instant, stamp: &FrameStamp) {
        let encoding = stamp.encoding.min(ENCODINGS as u8 - 1);
        let (track, number) = ((stamp.sender, stamp.source), stamp.number);
        if self.last.is_some_and(|last| last.track == track && number < last.number) {
            return;
        }
        let last = self.last.replace(LastFrame { track, encoding, number, at: now });
        let Some(last) = last else { return self.record_change(now, encoding) };
        if now - last.at <= EMPTY_AFTER {
            self.durations[usize::from(last.encoding)] += now - last.at;
        }
        if last.encoding != encoding {
            self.switches += u64::from(last.track == track);
            self.record_change(now, encoding);
        }
    }

    fn record_change(&mut self, now: Instant, encoding: u8) {
        if self.changes.len() < MAX_CHANGES {
            self.changes.push((now, encoding));
        }
    }

    /// Returns the encoding received at `moment`.
    pub(crate) fn encoding_at(&self, moment: Instant) -> Option<u8> {
        let before = self.changes.iter().rev().find(|(at, _)| *at <= moment);
        before.map(|(_, encoding)| *encoding)
    }

    /// Returns when `encoding` or a higher one was first received, at or after `after`.
    pub(crate) fn first_at_least(&self, encoding: u8, after: Instant) -> Option<Instant> {
        if self.encoding_at(after).is_some_and(|there| there >= encoding) {
            return Some(after);
        }
        let begun = self.changes.iter().find(|(at, there)| *at >= after && *there >= encoding);
        begun.map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_per_encoding_and_each_switch_once() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let stamp = |sender, encoding| FrameStamp {
            sent_us: 0,
            number: 0,
            sender,
            source: Source::Camera,
            encoding,
        };
        let mut history = EncodingHistory::default();
        (0..=4).for_each(|second| history.record(at(second), &stamp(1, 2)));
        history.record(at(5), &stamp(1, 0));
        history.record(at(7), &stamp(1, 0));
        history.record(at(20), &stamp(1, 0));
        history.record(at(21), &stamp(1, 2));
        let seconds = history.durations.map(|durations| durations.as_secs());
        assert_eq!(seconds, [3, 0, 5], "no time while the slot was empty");
        assert_eq!(history.switches, 2);
        assert_eq!((history.encoding_at(at(4)), history.encoding_at(at(6))), (Some(2), Some(0)));
        assert_eq!(history.first_at_least(2, at(6)), Some(at(21)));
        assert_eq!(history.first_at_least(2, at(3)), Some(at(3)), "already received");
        history.record(at(22), &stamp(9, 0));
        assert_eq!(history.switches, 2, "another track is no switch");
        let again = history.restart();
        assert_eq!((again.switches, again.encoding_at(at(22))), (0, Some(0)));
    }
}
