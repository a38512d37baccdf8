//! When a packet was captured, on this machine's clock.

use std::time::{Duration, Instant, UNIX_EPOCH};

use str0m::rtp::RtpPacket;

/// A publisher's clock may be set anew; a jump beyond this starts the mapping over.
const JUMP_MICROS: i64 = 10_000_000;

/// Maps one publisher's capture times to local time, from its sender reports.
///
/// Outgoing sender reports state which local time belongs to an RTP timestamp, and receivers line
/// up sound and picture by them. The arrival time would carry the network's jitter into that; the
/// publisher's own reports (RFC 3550 section 6.4.1) do not. One mapping for all tracks of a
/// publisher keeps their relation exact: capture time plus the shortest transit seen.
#[derive(Debug, Default)]
pub(crate) struct Wallclock {
    mapping: Option<Mapping>,
}

#[derive(Debug)]
struct Mapping {
    base: Instant,
    /// Local minus remote time of the quickest packet, in microseconds, local time from `base`.
    transit: i64,
}

impl Wallclock {
    /// When the packet was captured, never later than it arrived. Without a sender report so far,
    /// that is the arrival.
    pub(crate) fn map(&mut self, packet: &RtpPacket) -> Instant {
        let captured = packet.last_sender_info.as_ref().and_then(|report| {
            let rate = i64::from(packet.time.denom());
            let since_report =
                (packet.time.numer() as u32).wrapping_sub(report.rtp_time.numer() as u32) as i32;
            let reported = report.ntp_time.duration_since(UNIX_EPOCH).ok()?;
            let reported = i64::try_from(reported.as_micros()).ok()?;
            reported.checked_add(i64::from(since_report) * 1_000_000 / rate.max(1))
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
        if transit < mapping.transit || transit.saturating_sub(mapping.transit) > JUMP_MICROS {
            mapping.transit = transit;
        }
        let late = transit.saturating_sub(mapping.transit);
        arrival - Duration::from_micros(late.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_jitter_does_not_reach_the_capture_times() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut clock = Wallclock::default();
        let remote = 1_700_000_000_000_000;
        let first = clock.map_micros(start + ms(50), remote);
        assert_eq!(first, start + ms(50));
        // Captured 20 ms later, but 80 ms late on the way.
        let delayed = clock.map_micros(start + ms(150), remote + 20_000);
        assert_eq!(delayed, first + ms(20));
    }

    #[test]
    fn a_clock_that_is_set_anew_starts_over() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let mut clock = Wallclock::default();
        clock.map_micros(start, 1_700_000_000_000_000);
        let arrival = start + Duration::from_secs(1);
        assert_eq!(clock.map_micros(arrival, 1_600_000_000_000_000), arrival);
        assert_eq!(clock.map_micros(arrival, i64::MAX), arrival);
        assert_eq!(clock.map_micros(arrival, i64::MIN), arrival);
    }
}
