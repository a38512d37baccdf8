//! One encoding of a published track.

use std::time::{Duration, Instant};

use str0m::media::Rid;

use crate::cascade::EncodingState;
use crate::policy::ShedDecision;
use crate::rtp::{BitrateMeter, BitsPerSecond, KeyFrameRequests};

/// Time without packets after which an encoding counts as not being sent.
const INACTIVE: Duration = Duration::from_millis(1_200);
/// Assumed bitrates of encodings that have not been measured, the highest first.
const ASSUMED_BITRATES: [BitsPerSecond; 3] = [1_500_000, 500_000, 150_000];
/// Time for which an encoding is dropped after one of its packets was shed. It resumes with a key
/// frame: complete video of some tracks is more useful than half of the frames of all tracks.
const SHED_FOR: Duration = Duration::from_secs(1);

/// An encoding; a track without simulcast has one.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// The name in the offer (RFC 8852), if the track has several encodings.
    rid: Option<Rid>,
    key_frames: KeyFrameRequests,
    meter: BitrateMeter,
    /// The encoding is being shed until then.
    shed_until: Option<Instant>,
    /// The state at the worker that receives the encoding, if it is another one.
    remote_state: Option<EncodingState>,
}

impl Encoding {
    pub(crate) fn new(now: Instant, rid: Option<Rid>) -> Self {
        Self {
            rid,
            key_frames: KeyFrameRequests::default(),
            meter: BitrateMeter::new(now),
            shed_until: None,
            remote_state: None,
        }
    }

    /// Returns the name in the offer, if the track has several encodings.
    pub(crate) fn rid(&self) -> Option<Rid> {
        self.rid
    }

    /// Counts a packet.
    pub(crate) fn count(&mut self, now: Instant, bytes: usize) {
        self.meter.add(now, bytes);
    }

    /// Returns whether the publisher sends the encoding.
    pub(crate) fn is_active(&self, now: Instant) -> bool {
        match self.remote_state {
            Some(state) => state.active,
            None => self.meter.is_active(now, INACTIVE),
        }
    }

    /// Returns the bitrate, or an assumed one before it has been measured; `from_top` counts the
    /// encodings above this one.
    pub(crate) fn bitrate(&self, from_top: usize) -> BitsPerSecond {
        let known = self.remote_state.map_or_else(|| self.meter.bitrate(), |state| state.bitrate);
        known.unwrap_or(ASSUMED_BITRATES[from_top.min(ASSUMED_BITRATES.len() - 1)])
    }

    /// Returns the state to send to other workers.
    pub(crate) fn state(&self, now: Instant) -> EncodingState {
        EncodingState { active: self.is_active(now), bitrate: self.meter.bitrate() }
    }

    /// Records the state at the worker that receives the encoding.
    pub(crate) fn set_remote_state(&mut self, state: EncodingState) {
        self.remote_state = Some(state);
    }

    fn is_shed(&self, now: Instant) -> bool {
        self.shed_until.is_some_and(|until| now < until)
    }

    /// Decides about a packet of the encoding, given whether the worker sheds video at present.
    pub(crate) fn decide(&mut self, now: Instant, worker_sheds: bool) -> ShedDecision {
        if worker_sheds {
            self.shed_until = Some(now + SHED_FOR);
        }
        if self.is_shed(now) {
            return ShedDecision::Shed;
        }
        match self.shed_until.take() {
            Some(_) => ShedDecision::Resume,
            None => ShedDecision::Forward,
        }
    }

    /// Requests a key frame, unless it would be shed. Returns whether it did.
    pub(crate) fn request_key_frame(&mut self, now: Instant) -> bool {
        let is_wanted = !self.is_shed(now);
        if is_wanted {
            self.key_frames.request();
        }
        is_wanted
    }

    /// Requests a key frame again, because the due request could not be sent.
    pub(crate) fn retry_key_frame(&mut self) {
        self.key_frames.request();
    }

    /// Returns whether to send a key frame request to the publisher now.
    pub(crate) fn take_due_key_frame(&mut self, now: Instant) -> bool {
        self.key_frames.take_due(now)
    }

    /// Returns when the next key frame request is due.
    pub(crate) fn key_frame_due(&self, now: Instant) -> Option<Instant> {
        self.key_frames.poll_timeout(now)
    }
}

/// Returns the encoding to send if `target` was chosen but the publisher may not send it, or not yet:
/// the next lower one that it sends, else the next higher one.
pub(crate) fn nearest_active_encoding(
    now: Instant,
    encodings: &[Encoding],
    target: usize,
) -> usize {
    if encodings.len() == 1 {
        return 0;
    }
    let is_active = |i: &usize| encodings.get(*i).is_some_and(|e| e.is_active(now));
    let lower = (0..=target).rev().find(is_active);
    lower.or_else(|| (target + 1..encodings.len()).find(is_active)).unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_that_is_not_sent_is_replaced_by_the_nearest_one_that_is() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let now = Instant::now();
        let mut three: Vec<Encoding> =
            ["q", "h", "f"].iter().map(|r| Encoding::new(now, Some((*r).into()))).collect();
        assert_eq!(nearest_active_encoding(now, &three, 2), 2, "nothing is sent yet");
        three[0].count(now, 100);
        assert_eq!(nearest_active_encoding(now, &three, 2), 0);
        three[2].count(now, 100);
        assert_eq!(nearest_active_encoding(now, &three, 2), 2);
        assert_eq!(nearest_active_encoding(now, &three, 1), 0);
        let later = now + INACTIVE * 2;
        three[2].count(later, 100);
        assert_eq!(nearest_active_encoding(later, &three, 1), 2, "only the highest one is left");
    }
}
