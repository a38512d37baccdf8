//! A received SSRC: missing packets, and complete frames.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::receiver::{Depth, Frame};
use super::rtcp::Report;
use super::rtp::{Extender, Header};
use super::stats::{Received, StreamStats};
use super::vp8;
use crate::frame_stamp::FrameStamp;

/// The wait from a gap to the first NACK, as packets may only be reordered.
pub(super) const REORDER_TIME: Duration = Duration::from_millis(5);
/// The highest number of NACKs for a packet, as in browsers.
const MAX_NACKS: u8 = 10;
/// The shortest interval of NACKs for a packet, as in browsers.
const NACK_INTERVAL: Duration = Duration::from_millis(100);
/// When a missing video packet counts as lost.
const GIVE_UP_VIDEO: Duration = Duration::from_secs(1);
/// When a missing audio packet counts as lost: the longest jitter buffer of a browser.
const GIVE_UP_AUDIO: Duration = Duration::from_millis(250);
/// A larger gap means that another stream uses the SSRC.
const MAX_GAP: u64 = 3_000;
/// The highest number of packets of incomplete frames.
const MAX_INCOMPLETE: usize = 2_048;

/// The state of one SSRC.
pub(super) struct Stream {
    ssrc: u32,
    pub(super) audio: bool,
    /// NACK is negotiated.
    nack: bool,
    pub(super) extender: Extender,
    first: u64,
    pub(super) missing: BTreeMap<u64, Missing>,
    given_up: Option<u64>,
    pub(super) counts: StreamStats,
    /// Set until a key frame is complete; with its first sequence number once that has arrived.
    pub(super) awaiting_key_frame: Option<Option<u64>>,
    /// The latest end of a frame that arrived while packets were missing.
    pending_frame: Option<u64>,
    /// Payloads by sequence number, until their frame is complete.
    incomplete: BTreeMap<u64, Part>,
    /// Expected and lost packets at the last report.
    reported: (u64, u64),
    transit: Option<f64>,
    jitter: f64,
    pub(super) sender_report: Option<(u32, Instant)>,
}

/// A missing packet.
pub(super) struct Missing {
    since: Instant,
    requested: Option<Instant>,
    nacks: u8,
}

struct Part {
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

impl Stream {
    pub(super) fn new(ssrc: u32, audio: bool, nack: bool) -> Self {
        Self {
            ssrc,
            audio,
            nack,
            extender: Extender::default(),
            first: 0,
            missing: BTreeMap::new(),
            given_up: None,
            counts: StreamStats::new(audio),
            awaiting_key_frame: Some(None),
            pending_frame: None,
            incomplete: BTreeMap::new(),
            reported: (0, 0),
            transit: None,
            jitter: 0.0,
            sender_report: None,
        }
    }

    /// Records a packet. Returns its extended sequence number, or `None` for a duplicate.
    pub(super) fn record_packet(&mut self, now: Instant, header: &Header) -> Option<u64> {
        let highest = self.extender.highest();
        let seq = self.extender.extend(header.seq);
        match highest {
            None => self.first = seq,
            Some(highest) if seq > highest => {
                let gap = if seq - highest > MAX_GAP { 0 } else { seq - highest - 1 };
                for lost in seq - gap..seq {
                    self.missing.insert(lost, Missing { since: now, requested: None, nacks: 0 });
                }
            }
            Some(_) => {
                // Audio is retransmitted on its own SSRC.
                match self.missing.remove(&seq)?.requested {
                    Some(_) if self.audio => self.counts.recovered += 1,
                    Some(_) | None => self.counts.reordered += 1,
                }
            }
        }
        self.counts.record_packet(now);
        let clock = if self.audio { 48_000.0 } else { 90_000.0 };
        // RFC 3550 section A.8, in timestamp units.
        let arrival = now.elapsed_units(clock);
        let transit = arrival - f64::from(header.timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = (transit - before).abs();
            if change < clock {
                self.jitter += (change - self.jitter) / 16.0;
            }
        }
        Some(seq)
    }

    pub(super) fn resend_extender(&mut self, header: &Header) -> u64 {
        self.counts.resend.extend(header.seq).saturating_sub(0x1_0000)
    }

    /// Inspects a decrypted payload.
    pub(super) fn inspect(
        &mut self,
        now: Instant,
        depth: Depth,
        seq: u64,
        (timestamp, marker, payload): (u32, bool, &[u8]),
        stats: &mut Received,
    ) {
        let descriptor = if self.audio { None } else { vp8::Descriptor::parse(payload) };
        if let (Some(descriptor), Some(None)) = (&descriptor, self.awaiting_key_frame)
            && descriptor.begins_key_frame(payload)
        {
            self.awaiting_key_frame = Some(Some(seq));
        }
        if depth == Depth::Frames {
            if self.incomplete.len() < MAX_INCOMPLETE {
                self.incomplete.insert(seq, Part { timestamp, marker, payload: payload.to_vec() });
            }
            return;
        }
        let body = descriptor.as_ref().map_or(payload, |descriptor| descriptor.body(payload));
        if let Some(stamp) = FrameStamp::parse(body) {
            stats.record(now, &stamp);
            self.counts.history.record(now, &stamp);
        }
    }

    /// Completes frames: one is complete if its last packet, which has the marker, and all packets
    /// before it have arrived.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        marker: Option<u64>,
        stats: &mut Received,
        frames: &mut Vec<Frame>,
    ) {
        self.pending_frame = self.pending_frame.max(marker);
        let Some(last) = self.pending_frame else { return };
        if self.missing.keys().next().is_some_and(|missing| *missing < last) {
            return;
        }
        self.pending_frame = None;
        if let Some(begin) = self.awaiting_key_frame {
            if !self.audio && begin.is_none_or(|begin| begin > last) {
                return;
            }
            self.awaiting_key_frame = None;
        }
        if !self.audio {
            stats.first_frame.get_or_insert(now);
        }
        self.counts.record_frame(now);
        while let Some((&seq, _)) = self.incomplete.iter().find(|(_, part)| part.marker) {
            let rest = self.incomplete.split_off(&(seq + 1));
            let parts = std::mem::replace(&mut self.incomplete, rest);
            frames.extend(assemble(self.ssrc, self.audio, &parts));
        }
    }

    /// Counts packets that are missing for too long as lost. Returns `true` if there were any.
    pub(super) fn give_up_overdue(&mut self, now: Instant) -> bool {
        let limit = if self.audio { GIVE_UP_AUDIO } else { GIVE_UP_VIDEO };
        let before = self.counts.lost;
        let Self { missing, given_up, counts, .. } = self;
        missing.retain(|seq, missing| {
            let keep = now < missing.since + limit;
            if !keep {
                counts.lost += 1;
                let last = given_up.replace(*seq);
                counts.consecutive_losses += u64::from(last.is_some_and(|last| last + 1 == *seq));
            }
            keep
        });
        let has_lost = self.counts.lost > before;
        if has_lost && !self.audio {
            self.awaiting_key_frame = Some(None);
            self.incomplete.clear();
        }
        has_lost
    }

    /// Returns the sequence numbers to request now.
    pub(super) fn nacks_due(&mut self, now: Instant, round_trip: Duration) -> Vec<u16> {
        if !self.nack {
            return Vec::new();
        }
        // Chromium requests audio more often than video.
        let interval = if self.audio && !round_trip.is_zero() {
            round_trip * 3 / 2 + REORDER_TIME
        } else {
            round_trip.max(NACK_INTERVAL)
        };
        let is_due =
            |m: &Missing| now >= m.requested.map_or(m.since + REORDER_TIME, |at| at + interval);
        let due = self.missing.iter_mut().filter(|(_, m)| m.nacks < MAX_NACKS && is_due(m));
        due.map(|(seq, missing)| {
            missing.requested = Some(now);
            missing.nacks += 1;
            *seq as u16
        })
        .collect()
    }

    /// Returns `true` if a key frame is needed and none has begun to arrive.
    pub(super) fn needs_key_frame(&self) -> bool {
        let has_begun = self.extender.highest().is_some();
        has_begun && !self.audio && matches!(self.awaiting_key_frame, Some(None))
    }

    /// Returns the report block since the last one.
    pub(super) fn report(&mut self, now: Instant, ssrc: u32) -> Report {
        let highest = self.extender.highest().unwrap_or(0);
        let expected = (highest + 1).saturating_sub(self.first);
        let lost = self.counts.total_lost + self.counts.lost + self.missing.len() as u64;
        let (expected_before, lost_before) =
            std::mem::replace(&mut self.reported, (expected, lost));
        let expected = (expected - expected_before).max(1);
        let fraction = (lost.saturating_sub(lost_before) * 256 / expected).min(255) as u8;
        let (last_report, delay) = self
            .sender_report
            .map_or((0, 0), |(ntp, at)| (ntp, ((now - at).as_secs_f64() * 65_536.0) as u32));
        Report {
            ssrc,
            fraction,
            lost: lost as u32,
            highest: highest.saturating_sub(0x1_0000) as u32,
            jitter: self.jitter as u32,
            last_report,
            delay,
        }
    }
}

/// Assembles a frame; returns `None` if its first packet is missing.
fn assemble(ssrc: u32, audio: bool, parts: &BTreeMap<u64, Part>) -> Option<Frame> {
    let (_, last) = parts.last_key_value()?;
    let of_frame = parts.values().filter(|part| part.timestamp == last.timestamp);
    let mut data = Vec::new();
    let mut begun = audio;
    for part in of_frame {
        if audio {
            data.extend_from_slice(&part.payload);
            continue;
        }
        let descriptor = vp8::Descriptor::parse(&part.payload)?;
        begun |= descriptor.begins;
        data.extend_from_slice(part.payload.get(descriptor.length..)?);
    }
    begun.then_some(Frame { ssrc, audio, data })
}

/// Converts time to the units of a media clock.
trait Elapsed {
    fn elapsed_units(&self, clock: f64) -> f64;
}

impl Elapsed for Instant {
    fn elapsed_units(&self, clock: f64) -> f64 {
        (*self - crate::frame_stamp::epoch()).as_secs_f64() * clock
    }
}
