//! Which encoding of a picture came, and for how long.

use std::time::{Duration, Instant};

use signaling_protocol::Source;

use crate::probe::Probe;

/// Encodings that are told apart.
const ENCODINGS: usize = 3;
/// Nothing is shown after so long without anything.
const EMPTY: Duration = Duration::from_secs(5);
/// Changes that are remembered.
const CHANGES: usize = 1_024;

/// What the stream of one slot has shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// By encoding, the smallest first.
    pub(crate) lasted: [Duration; ENCODINGS],
    /// From one encoding of a track to another one of the same.
    pub(crate) switches: u64,
    /// What began when; the first one is what there was when figures began to count.
    changes: Vec<(Instant, u8)>,
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    track: (u32, Source),
    encoding: u8,
    /// Of the frame: what comes late tells nothing new.
    number: u64,
    at: Instant,
}

impl Shown {
    /// Figures count from here.
    pub(crate) fn restart(&self) -> Self {
        let changes = self.last.map(|last| (last.at, last.encoding)).into_iter().collect();
        Self { changes, last: self.last, ..Self::default() }
    }

    pub(crate) fn saw(&mut self, now: Instant, probe: &Probe) {
        let encoding = probe.encoding.min(ENCODINGS as u8 - 1);
        let (track, number) = ((probe.sender, probe.source), probe.number);
        if self.last.is_some_and(|last| last.track == track && number < last.number) {
            return;
        }
        let last = self.last.replace(Last { track, encoding, number, at: now });
        let Some(last) = last else { return self.changed(now, encoding) };
        if now - last.at <= EMPTY {
            self.lasted[usize::from(last.encoding)] += now - last.at;
        }
        if last.encoding != encoding {
            self.switches += u64::from(last.track == track);
            self.changed(now, encoding);
        }
    }

    fn changed(&mut self, now: Instant, encoding: u8) {
        if self.changes.len() < CHANGES {
            self.changes.push((now, encoding));
        }
    }

    /// The encoding that came at that moment.
    pub(crate) fn at(&self, moment: Instant) -> Option<u8> {
        let before = self.changes.iter().rev().find(|(at, _)| *at <= moment);
        before.map(|(_, encoding)| *encoding)
    }

    /// When this encoding, or a higher one, came at that moment or first after it.
    pub(crate) fn reached(&self, encoding: u8, after: Instant) -> Option<Instant> {
        if self.at(after).is_some_and(|there| there >= encoding) {
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
    fn time_is_counted_by_encoding_and_a_switch_once() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let probe = |sender, encoding| Probe {
            sent_us: 0,
            number: 0,
            sender,
            source: Source::Camera,
            encoding,
        };
        let mut shown = Shown::default();
        (0..=4).for_each(|second| shown.saw(at(second), &probe(1, 2)));
        shown.saw(at(5), &probe(1, 0));
        shown.saw(at(7), &probe(1, 0));
        shown.saw(at(20), &probe(1, 0));
        shown.saw(at(21), &probe(1, 2));
        let seconds = shown.lasted.map(|lasted| lasted.as_secs());
        assert_eq!(seconds, [3, 0, 5], "and nothing while nothing came");
        assert_eq!(shown.switches, 2);
        assert_eq!((shown.at(at(4)), shown.at(at(6))), (Some(2), Some(0)));
        assert_eq!(shown.reached(2, at(6)), Some(at(21)));
        assert_eq!(shown.reached(2, at(3)), Some(at(3)), "it is there");
        shown.saw(at(22), &probe(9, 0));
        assert_eq!(shown.switches, 2, "another track in the slot");
        let again = shown.restart();
        assert_eq!((again.switches, again.at(at(22))), (0, Some(0)));
    }
}
