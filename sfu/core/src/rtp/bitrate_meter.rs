//! The bitrate of a flow of packets.

use std::time::{Duration, Instant};

/// Duration of one measurement.
const WINDOW: Duration = Duration::from_millis(500);
/// A flow that pauses for longer than this has no bitrate.
const IDLE: Duration = Duration::from_secs(2);

/// A bitrate.
pub(crate) type BitsPerSecond = u64;

/// Measures a bitrate, smoothed over about one second.
#[derive(Debug)]
pub(crate) struct BitrateMeter {
    window_start: Instant,
    bytes: u64,
    /// The smoothed bitrate, once known.
    bitrate: Option<BitsPerSecond>,
    last_packet: Option<Instant>,
}

impl BitrateMeter {
    /// Creates a meter that has not measured anything.
    pub(crate) fn new(now: Instant) -> Self {
        Self { window_start: now, bytes: 0, bitrate: None, last_packet: None }
    }

    /// Counts a packet.
    pub(crate) fn add(&mut self, now: Instant, bytes: usize) {
        if self.last_packet.is_none_or(|last| now.saturating_duration_since(last) > IDLE) {
            (self.window_start, self.bytes) = (now, 0);
        }
        self.last_packet = Some(now);
        let elapsed = now.saturating_duration_since(self.window_start);
        if elapsed >= WINDOW {
            let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
            let measured = self.bytes.saturating_mul(8_000) / millis;
            self.bitrate = Some(self.bitrate.map_or(measured, |known| known.midpoint(measured)));
            (self.window_start, self.bytes) = (now, 0);
        }
        self.bytes += bytes as u64;
    }

    /// Returns whether a packet was counted within this time.
    pub(crate) fn is_active(&self, now: Instant, within: Duration) -> bool {
        self.last_packet.is_some_and(|last| now.saturating_duration_since(last) <= within)
    }

    /// Returns the bitrate at the last packet; `None` before half a second has been measured.
    pub(crate) fn bitrate(&self) -> Option<BitsPerSecond> {
        self.bitrate
    }

    /// Returns the bitrate now; zero if the flow is idle.
    pub(crate) fn current(&self, now: Instant) -> BitsPerSecond {
        if self.is_active(now, IDLE) { self.bitrate.unwrap_or(0) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_flow_has_its_bitrate_and_pauses_are_not_counted() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut meter = BitrateMeter::new(start);
        assert_eq!(meter.bitrate(), None);
        (0..100).for_each(|n| meter.add(at(n * 20), 250));
        let rate = meter.bitrate().unwrap();
        assert!((95_000..=105_000).contains(&rate), "100 kbit/s: {rate}");
        assert_eq!(meter.current(at(10_000)), 0, "nothing for eight seconds");
        assert_eq!(meter.bitrate(), Some(rate), "the last bitrate is still known");
        (0..100).for_each(|n| meter.add(at(20_000 + n * 20), 250));
        let rate = meter.current(at(22_000));
        assert!((95_000..=105_000).contains(&rate), "the pause is not counted: {rate}");
    }
}
