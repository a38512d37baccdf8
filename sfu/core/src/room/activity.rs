//! The activity of a publisher, as far as the sizes of its packets show it.

use std::time::Instant;

/// Time over which the activity is averaged.
const MEMORY_MILLIS: u64 = 1_500;

/// The activity of a track, in payload bytes per second.
#[derive(Debug)]
pub(crate) struct Activity {
    average: u64,
    bytes: u64,
    measured_at: Instant,
}

impl Activity {
    pub(crate) fn new(now: Instant) -> Self {
        Self { average: 0, bytes: 0, measured_at: now }
    }

    /// Counts the payload of a packet.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Adds the packets since the last call to the average, unless the track is muted: a publisher
    /// that unmutes does not have to win its slots back.
    pub(crate) fn measure(&mut self, now: Instant, is_muted: bool) {
        let elapsed = now.saturating_duration_since(std::mem::replace(&mut self.measured_at, now));
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX / 2);
        let bytes = std::mem::take(&mut self.bytes);
        if !is_muted {
            // The longer the measured time, the greater its weight.
            let known = self.average.saturating_mul(MEMORY_MILLIS);
            self.average =
                known.saturating_add(bytes.saturating_mul(1_000)) / (MEMORY_MILLIS + millis);
        }
    }

    /// Replaces the average by one measured on another worker.
    pub(crate) fn set_average(&mut self, average: u64) {
        self.average = average;
    }

    /// Returns the average in payload bytes per second.
    pub(crate) fn average(&self) -> u64 {
        self.average
    }
}
