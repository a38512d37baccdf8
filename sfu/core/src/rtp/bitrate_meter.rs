//! How many bits per second go by.

use std::time::{Duration, Instant};

/// How long one measurement takes.
const WINDOW: Duration = Duration::from_millis(500);
/// What is idle for so long has no rate.
const IDLE: Duration = Duration::from_secs(2);

/// A rate, smoothed over the last second or so.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    bytes: u64,
    /// Bits per second, once known.
    rate: Option<u64>,
    last: Option<Instant>,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, bytes: 0, rate: None, last: None }
    }

    /// Something went by.
    pub(crate) fn add(&mut self, now: Instant, bytes: usize) {
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > IDLE) {
            (self.began, self.bytes) = (now, 0);
        }
        self.last = Some(now);
        let elapsed = now.saturating_duration_since(self.began);
        if elapsed >= WINDOW {
            let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
            let measured = self.bytes.saturating_mul(8_000) / millis;
            self.rate = Some(self.rate.map_or(measured, |known| known.midpoint(measured)));
            (self.began, self.bytes) = (now, 0);
        }
        self.bytes += bytes as u64;
    }

    /// Whether anything went by lately.
    pub(crate) fn is_active(&self, now: Instant, within: Duration) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) <= within)
    }

    /// Bits per second when something last went by. `None` before half a second has been measured.
    pub(crate) fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// Bits per second now.
    pub(crate) fn current(&self, now: Instant) -> u64 {
        if self.is_active(now, IDLE) { self.rate.unwrap_or(0) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_flow_has_its_rate_and_a_pause_is_no_part_of_it() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut meter = Meter::new(start);
        assert_eq!(meter.rate(), None);
        (0..100).for_each(|n| meter.add(at(n * 20), 250));
        let rate = meter.rate().unwrap();
        assert!((95_000..=105_000).contains(&rate), "100 kbit/s: {rate}");
        assert_eq!(meter.current(at(10_000)), 0, "nothing for eight seconds");
        assert_eq!(meter.rate(), Some(rate), "what it was is still known");
        (0..100).for_each(|n| meter.add(at(20_000 + n * 20), 250));
        let rate = meter.current(at(22_000));
        assert!((95_000..=105_000).contains(&rate), "the pause does not count: {rate}");
    }
}
