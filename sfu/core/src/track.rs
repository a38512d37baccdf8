//! A track that a participant publishes.

use std::time::Instant;

use signaling_protocol::{Source, Track};
use str0m::media::Mid;

use crate::codec::PayloadTypes;
use crate::keyframe::KeyFrameRequests;
use crate::participants::Key;

/// How long the average of the activity reaches back.
const MEMORY_MILLIS: u64 = 1_500;

/// A track as announced, on an m-line that was negotiated.
///
/// One encoding per track: with simulcast, key frame requests and forwards move to an `Encoding`
/// inside, chosen per subscription.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) mid: Mid,
    pub(crate) source: Source,
    pub(crate) muted_since: Option<Instant>,
    pub(crate) payload_types: PayloadTypes,
    pub(crate) key_frames: KeyFrameRequests,
    /// Who receives it, in which slot.
    pub(crate) forwards: Vec<Forward>,
    /// Payload bytes per second, smoothed.
    activity: u64,
    bytes: u64,
    measured: Instant,
}

/// A subscription: one slot of one subscriber.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forward {
    pub(crate) subscriber: Key,
    pub(crate) slot: usize,
}

impl Published {
    pub(crate) fn new(now: Instant, track: &Track, payload_types: PayloadTypes) -> Self {
        Self {
            mid: track.mid.as_str().into(),
            source: track.source,
            muted_since: track.muted.then_some(now),
            payload_types,
            key_frames: KeyFrameRequests::default(),
            forwards: Vec::new(),
            activity: 0,
            bytes: 0,
            measured: now,
        }
    }

    pub(crate) fn set_muted(&mut self, now: Instant, muted: bool) {
        self.measure(now);
        self.muted_since = muted.then(|| self.muted_since.unwrap_or(now));
    }

    /// A packet came in.
    pub(crate) fn count(&mut self, payload: usize) {
        self.bytes += payload as u64;
    }

    /// Takes the packets since the last call into the average. While muted that stays as it was, so
    /// that nobody has to win a slot back after a pause.
    pub(crate) fn measure(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(std::mem::replace(&mut self.measured, now));
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX / 2);
        let bytes = std::mem::take(&mut self.bytes);
        if self.muted_since.is_none() {
            // The longer the time that is looked back on, the more it counts.
            let known = self.activity.saturating_mul(MEMORY_MILLIS);
            self.activity =
                known.saturating_add(bytes.saturating_mul(1_000)) / (MEMORY_MILLIS + millis);
        }
    }

    pub(crate) fn activity(&self) -> u64 {
        self.activity
    }
}
