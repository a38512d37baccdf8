//! Capture times of packets on this machine's clock.

use std::time::{Duration, Instant, UNIX_EPOCH};

use str0m::rtp::RtpPacket;

/// Largest jump of a publisher's clock; a larger one restarts the mapping.
const MAX_JUMP_MICROS: i64 = 10_000_000;

/// Maps one publisher's capture times to local time, from its sender reports.
///
/// Outgoing sender reports state which local time belongs to an RTP timestamp, and receivers
/// synchronise audio and video by them. The arrival time would include the network's jitter; the
/// publisher's own reports (RFC 3550 section 6.4.1) do not. One mapping for all tracks of a
/// publisher keeps their relation exact: capture time plus the shortest transit seen.
#[derive(Debug, Default)]
pub(crate) struct SenderClock {
    mapping: Option<Mapping>,
}

#[derive(Debug)]
struct Mapping {
    base: Instant,
    /// Local minus remote time of the fastest packet, in microseconds; local time starts at `base`.
    transit: i64,
}

impl SenderClock {
    /// Returns the capture time of a packet, never later than its arrival. Before the first sender
    /// report it is the arrival time.
    pub(crate) fn captured_at(&mut self, packet: &RtpPacket) -> Instant {
        let captured = packet.last_sender_info.as_ref().and_then(|report| {
            let clock_rate = i64::from(packet.time.denom());
            let since_report =
                (packet.time.numer() as u32).wrapping_sub(report.rtp_time.numer() as u32) as i32;
            let reported = report.ntp_time.duration_since(UNIX_EPOCH).ok()?;
            let reported = i64::try_from(reported.as_micros()).ok()?;
            reported.checked_add(i64::from(since_report) * 1_000_000 / clock_rate.max(1))
        });
        match captured {
            Some(captured) => self.map_micros(packet.timestamp, captured),
            None => packet.timestamp,
        }
    }

    fn map_micros(&mut self, arrival: Instant, captured: i64) -> Instant {
        let mapping = self.mapping.get_or_insert(Mapping { base: arrival, transit: i64::MAX });
        let local = i64::try_from(arrival.saturating_duration_since(mapping.base).as_micros())
            .unwrap_or(i64::MAX);
        let transit = local.saturating_sub(captured);
        if transit < mapping.transit || transit.saturating_sub(mapping.transit) > MAX_JUMP_MICROS {
            mapping.transit = transit;
        }
        let delay = transit.saturating_sub(mapping.transit);
        arrival - Duration::from_micros(delay.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_jitter_does_not_affect_capture_times() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut clock = SenderClock::default();
        let remote = 1_700_000_000_000_000;
        let first = clock.map_micros(start + ms(50), remote);
        assert_eq!(first, start + ms(50));
        // Captured 20 ms later, with 80 ms more delay on the network.
        let delayed = clock.map_micros(start + ms(150), remote + 20_000);
        assert_eq!(delayed, first + ms(20));
    }

    #[test]
    fn a_clock_that_jumps_restarts_the_mapping() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let mut clock = SenderClock::default();
        clock.map_micros(start, 1_700_000_000_000_000);
        let arrival = start + Duration::from_secs(1);
        assert_eq!(clock.map_micros(arrival, 1_600_000_000_000_000), arrival);
        assert_eq!(clock.map_micros(arrival, i64::MAX), arrival);
        assert_eq!(clock.map_micros(arrival, i64::MIN), arrival);
    }
}
