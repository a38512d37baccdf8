//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1): the
//! arrival times from which the server estimates the link's bandwidth.

use std::time::{Duration, Instant};

use super::rtp::Extender;

/// Units of the reference time and of the deltas.
const REFERENCE_US: u64 = 64_000;
const DELTA_US: i64 = 250;
/// The highest number of packets in one report.
const MAX_PACKETS: usize = 512;
/// Bounds of the report interval. As in browsers, reports use a twentieth of the received bandwidth,
/// with 68 bytes per report.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
const MAX_INTERVAL: Duration = Duration::from_millis(250);
const REPORT_BITS: f64 = 68.0 * 8.0;

/// The packets received since the last report.
#[derive(Debug)]
pub(crate) struct Arrivals {
    epoch: Instant,
    extender: Extender,
    /// Sequence number and arrival in microseconds since the epoch.
    arrived: Vec<(u64, u64)>,
    /// The number after the last one reported, received or missing.
    next: u64,
    reports: u8,
    bytes: usize,
    due: Option<Instant>,
    last: Instant,
}

impl Arrivals {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            extender: Extender::default(),
            arrived: Vec::new(),
            next: 0,
            reports: 0,
            bytes: 0,
            due: None,
            last: now,
        }
    }

    pub(crate) fn record(&mut self, now: Instant, number: u16, bytes: usize) {
        let number = self.extender.extend(number);
        let at = u64::try_from((now - self.epoch).as_micros()).unwrap_or(u64::MAX);
        self.arrived.push((number, at));
        self.bytes += bytes;
        self.due.get_or_insert(self.last + MIN_INTERVAL);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Returns the body of a report, if one is due and packets have arrived.
    pub(crate) fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let seconds = (now - self.last).as_secs_f64();
        let share = self.bytes as f64 * 8.0 / seconds.max(0.001) * 0.05;
        let interval = Duration::from_secs_f64((REPORT_BITS / share.max(1.0)).min(1.0));
        let interval = interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
        if now < self.last + interval {
            self.due = Some(self.last + interval);
            return None;
        }
        (self.last, self.bytes, self.due) = (now, 0, None);
        self.arrived.sort_unstable();
        self.arrived.dedup_by_key(|(number, _)| *number);
        // Packets already reported as missing are not reported again.
        let next = self.next;
        self.arrived.retain(|(number, _)| *number >= next);
        let (&(first, at), _) = self.arrived.split_first()?;
        let base = if next == 0 { first } else { next.max(first.saturating_sub(0x1000)) };
        let fits = self.arrived.iter().take_while(|(n, _)| n - base < MAX_PACKETS as u64).count();
        if fits == 0 {
            // A gap larger than a report is skipped.
            self.next = first;
            self.due = Some(now);
            return None;
        }
        let rest = self.arrived.split_off(fits);
        let reported = std::mem::replace(&mut self.arrived, rest);
        if !self.arrived.is_empty() {
            self.due = Some(now);
        }
        let reference = at / REFERENCE_US;
        let mut statuses = Vec::with_capacity(fits);
        let mut deltas = Vec::with_capacity(fits);
        let mut last_us = (reference * REFERENCE_US) as i64;
        for (number, at) in reported {
            statuses.resize((number - base) as usize, MISSING);
            let delta = (at as i64 - last_us).div_euclid(DELTA_US);
            last_us += delta * DELTA_US;
            if let Ok(small) = u8::try_from(delta) {
                statuses.push(SMALL);
                deltas.push(small);
            } else {
                statuses.push(LARGE);
                let bounded = delta.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
                deltas.extend_from_slice(&bounded.to_be_bytes());
            }
        }
        self.next = base + statuses.len() as u64;
        let mut body = Vec::with_capacity(8 + statuses.len() / 3 + deltas.len() + 4);
        body.extend_from_slice(&(base as u16).to_be_bytes());
        body.extend_from_slice(&(statuses.len() as u16).to_be_bytes());
        body.extend_from_slice(&(reference as u32).to_be_bytes()[1..]);
        body.push(self.reports);
        self.reports = self.reports.wrapping_add(1);
        write_chunks(&statuses, &mut body);
        body.extend_from_slice(&deltas);
        body.resize(body.len().next_multiple_of(4), 0);
        Some(body)
    }
}

const MISSING: u16 = 0;
const SMALL: u16 = 1;
const LARGE: u16 = 2;
/// Statuses in a vector chunk of two bits each.
const VECTOR: usize = 7;

/// Writes run length chunks (section 3.1.3) and vector chunks of seven statuses (section 3.1.4).
fn write_chunks(mut statuses: &[u16], out: &mut Vec<u8>) {
    while let Some(&status) = statuses.first() {
        let run = statuses.iter().take_while(|s| **s == status).count().min(0x1fff);
        let chunk = if run >= VECTOR || run == statuses.len() {
            statuses = &statuses[run..];
            status << 13 | run as u16
        } else {
            let (vector, rest) = statuses.split_at(VECTOR.min(statuses.len()));
            statuses = rest;
            let shifted = |(at, status): (usize, &u16)| status << (2 * (VECTOR - 1 - at));
            0xc000 | vector.iter().enumerate().map(shifted).fold(0, |all, one| all | one)
        };
        out.extend_from_slice(&chunk.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(arrivals: &mut Arrivals, now: Instant) -> Vec<u8> {
        arrivals.report(now).expect("something came")
    }

    #[test]
    fn a_report_contains_missing_packets_and_arrival_times() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let at = |us| start + Duration::from_micros(us);
        for (number, us) in [(10, 64_000), (11, 64_250), (13, 65_000), (14, 200_000)] {
            arrivals.record(at(us), number, 1_200);
        }
        let body = report(&mut arrivals, at(200_000));
        // Five packets from the tenth on, reference one (64 ms), report zero.
        assert_eq!(body[..8], [0, 10, 0, 5, 0, 0, 1, 0]);
        // One vector chunk: small, small, missing, small, large.
        assert_eq!(body[8..10], [0b1101_0100, 0b0110_0000]);
        // 0, 1, 3, and then 540 quarters of a millisecond.
        assert_eq!(body[10..15], [0, 1, 3, 2, 28]);
        assert_eq!(body.len() % 4, 0);
        assert_eq!(arrivals.report(at(900_000)), None, "nothing has come since");
    }

    #[test]
    fn a_gap_is_reported_in_the_next_report_and_a_late_packet_is_not() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let at = |ms| start + Duration::from_millis(ms);
        arrivals.record(at(60), 1, 100_000);
        report(&mut arrivals, at(60));
        arrivals.record(at(100), 4, 100_000);
        let body = report(&mut arrivals, at(120));
        assert_eq!(body[..4], [0, 2, 0, 3], "the second and third are missing");
        arrivals.record(at(150), 3, 100_000);
        arrivals.record(at(151), 5, 100_000);
        assert_eq!(report(&mut arrivals, at(180))[..4], [0, 5, 0, 1]);
    }

    #[test]
    fn a_long_run_is_one_chunk() {
        let mut out = Vec::new();
        write_chunks(&[SMALL; 300], &mut out);
        assert_eq!(out, (1 << 13 | 300u16).to_be_bytes());
    }

    #[test]
    fn low_bitrates_are_reported_less_often() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let at = |ms| start + Duration::from_millis(ms);
        arrivals.record(at(1), 1, 100);
        assert_eq!(arrivals.report(at(60)), None);
        assert_eq!(arrivals.poll_timeout(), Some(at(250)));
        assert!(arrivals.report(at(250)).is_some());
    }
}
