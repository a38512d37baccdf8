//! One encoding of a published track.

use std::time::{Duration, Instant};

use str0m::media::Rid;

use crate::cascade::messages::Condition;
use crate::policy::bitrate_allocation::Rate;
use crate::rtp::bitrate_meter::Meter;
use crate::rtp::keyframe_requests::KeyFrameRequests;

/// An encoding without packets for so long is not being sent.
const SILENT: Duration = Duration::from_millis(1_200);
/// What an encoding is taken to cost until it has been measured, by its place from the top.
const GUESSES: [Rate; 3] = [1_500_000, 500_000, 150_000];

/// An encoding; a track without simulcast has one.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// Its name in the offer (RFC 8852), if the track has several.
    pub(crate) rid: Option<Rid>,
    pub(crate) key_frames: KeyFrameRequests,
    pub(crate) meter: Meter,
    /// Pictures were shed: nothing of it goes further until then.
    pub(crate) left_out_until: Option<Instant>,
    /// How it comes in at the worker where it does, of a guest's.
    pub(crate) elsewhere: Option<Condition>,
}

impl Encoding {
    pub(crate) fn new(now: Instant, rid: Option<Rid>) -> Self {
        Self {
            rid,
            key_frames: KeyFrameRequests::default(),
            meter: Meter::new(now),
            left_out_until: None,
            elsewhere: None,
        }
    }

    pub(crate) fn is_active(&self, now: Instant) -> bool {
        match self.elsewhere {
            Some(condition) => condition.active,
            None => self.meter.is_active(now, SILENT),
        }
    }

    pub(crate) fn is_left_out(&self, now: Instant) -> bool {
        self.left_out_until.is_some_and(|until| now < until)
    }

    /// Its cost as far as known; `from_top` counts the encodings above it.
    pub(crate) fn rate(&self, from_top: usize) -> Rate {
        let rate = self.elsewhere.map_or_else(|| self.meter.rate(), |condition| condition.rate);
        rate.unwrap_or(GUESSES[from_top.min(GUESSES.len() - 1)])
    }
}

/// The encoding to send where `target` was chosen: the publisher may not be sending that one, or not
/// yet. The next lower one that is sent, else the next higher one.
pub(crate) fn at_hand(now: Instant, encodings: &[Encoding], target: usize) -> usize {
    if encodings.len() == 1 {
        return 0;
    }
    let active = |i: &usize| encodings.get(*i).is_some_and(|e| e.is_active(now));
    let lower = (0..=target).rev().find(active);
    lower.or_else(|| (target + 1..encodings.len()).find(active)).unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_being_sent_is_replaced_by_what_is() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let now = Instant::now();
        let mut three: Vec<Encoding> =
            ["q", "h", "f"].iter().map(|r| Encoding::new(now, Some((*r).into()))).collect();
        assert_eq!(at_hand(now, &three, 2), 2, "nothing is sent yet");
        three[0].meter.add(now, 100);
        assert_eq!(at_hand(now, &three, 2), 0);
        three[2].meter.add(now, 100);
        assert_eq!(at_hand(now, &three, 2), 2);
        assert_eq!(at_hand(now, &three, 1), 0);
        let later = now + SILENT * 2;
        three[2].meter.add(later, 100);
        assert_eq!(at_hand(later, &three, 1), 2, "only the top one is left");
    }
}
