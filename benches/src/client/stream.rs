//! One SSRC of what comes: what is missing, and whole frames.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::receive::{Depth, Frame};
use super::rtcp::Report;
use super::rtp::{Extender, Header};
use super::stats::{Received, StreamStats};
use super::vp8;
use crate::probe::Probe;

/// From a gap to the first request, for packets that merely overtake one another.
pub(super) const REORDER: Duration = Duration::from_millis(5);
/// Requests for the same packet, and what is between two at least: as browsers do it.
const TRIES: u8 = 10;
const RETRY: Duration = Duration::from_millis(100);
/// Until a missing packet is given up: later it would be too late to show.
const GIVE_UP: Duration = Duration::from_secs(1);
/// The same of sound, which goes on meanwhile: what a browser's jitter buffer may grow to.
const GIVE_UP_SOUND: Duration = Duration::from_millis(250);
/// A larger gap is another stream on the same SSRC.
const GAP: u64 = 3_000;
/// Packets of unfinished frames that are kept.
const UNFINISHED: usize = 2_048;

/// What an SSRC carries.
pub(super) struct Stream {
    ssrc: u32,
    pub(super) audio: bool,
    /// What is missing can be asked for.
    nack: bool,
    pub(super) extender: Extender,
    first: u64,
    pub(super) missing: BTreeMap<u64, Missing>,
    given_up: Option<u64>,
    pub(super) counts: StreamStats,
    /// Nothing can be decoded before a key frame, which begins at this number if it is known.
    pub(super) waits: Option<Option<u64>>,
    /// The newest last packet of a frame that came while something was missing.
    pending_frame: Option<u64>,
    /// Payloads by number, until their frame is whole.
    unfinished: BTreeMap<u64, Part>,
    /// For reports: at the last one.
    reported: (u64, u64),
    transit: Option<f64>,
    jitter: f64,
    pub(super) sender_report: Option<(u32, Instant)>,
}

pub(super) struct Missing {
    since: Instant,
    asked: Option<Instant>,
    tries: u8,
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
            waits: Some(None),
            pending_frame: None,
            unfinished: BTreeMap::new(),
            reported: (0, 0),
            transit: None,
            jitter: 0.0,
            sender_report: None,
        }
    }

    /// Takes note of a packet; its extended number, or none if it came before.
    pub(super) fn count(&mut self, now: Instant, header: &Header) -> Option<u64> {
        let highest = self.extender.highest();
        let seq = self.extender.extend(header.seq);
        match highest {
            None => self.first = seq,
            Some(highest) if seq > highest => {
                let gap = if seq - highest > GAP { 0 } else { seq - highest - 1 };
                for lost in seq - gap..seq {
                    self.missing.insert(lost, Missing { since: now, asked: None, tries: 0 });
                }
            }
            Some(_) => {
                // Sound has no stream of its own for resends.
                match self.missing.remove(&seq)?.asked {
                    Some(_) if self.audio => self.counts.recovered += 1,
                    Some(_) | None => self.counts.late += 1,
                }
            }
        }
        self.counts.packet(now);
        let clock = if self.audio { 48_000.0 } else { 90_000.0 };
        // RFC 3550 section A.8, in units of the timestamp.
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

    /// A payload whose protection is off.
    pub(super) fn look(
        &mut self,
        now: Instant,
        depth: Depth,
        seq: u64,
        (timestamp, marker, payload): (u32, bool, &[u8]),
        stats: &mut Received,
    ) {
        let descriptor = if self.audio { None } else { vp8::Descriptor::parse(payload) };
        if let (Some(descriptor), Some(None)) = (&descriptor, self.waits)
            && descriptor.begins_key_frame(payload)
        {
            self.waits = Some(Some(seq));
        }
        if depth == Depth::Frames {
            if self.unfinished.len() < UNFINISHED {
                self.unfinished.insert(seq, Part { timestamp, marker, payload: payload.to_vec() });
            }
            return;
        }
        let body = descriptor.as_ref().map_or(payload, |descriptor| descriptor.body(payload));
        if let Some(probe) = Probe::read(body) {
            stats.saw(now, &probe);
            self.counts.shown.saw(now, &probe);
        }
    }

    /// A frame is there when its last packet and everything before it is.
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
        if let Some(begin) = self.waits {
            if !self.audio && begin.is_none_or(|begin| begin > last) {
                return;
            }
            self.waits = None;
        }
        if !self.audio {
            stats.first_frame.get_or_insert(now);
        }
        self.counts.frame(now);
        while let Some((&seq, _)) = self.unfinished.iter().find(|(_, part)| part.marker) {
            let rest = self.unfinished.split_off(&(seq + 1));
            let parts = std::mem::replace(&mut self.unfinished, rest);
            frames.extend(assemble(self.ssrc, self.audio, &parts));
        }
    }

    /// Gives up what is missing for too long. Whether there was anything.
    pub(super) fn give_up(&mut self, now: Instant) -> bool {
        let patience = if self.audio { GIVE_UP_SOUND } else { GIVE_UP };
        let before = self.counts.lost;
        let Self { missing, given_up, counts, .. } = self;
        missing.retain(|seq, missing| {
            let keep = now < missing.since + patience;
            if !keep {
                counts.lost += 1;
                let last = given_up.replace(*seq);
                counts.lost_in_a_row += u64::from(last.is_some_and(|last| last + 1 == *seq));
            }
            keep
        });
        let gave_up = self.counts.lost > before;
        if gave_up && !self.audio {
            self.waits = Some(None);
            self.unfinished.clear();
        }
        gave_up
    }

    /// What is to be asked for now.
    pub(super) fn ask(&mut self, now: Instant, round_trip: Duration) -> Vec<u16> {
        if !self.nack {
            return Vec::new();
        }
        // Chromium asks for sound more often than for pictures.
        let retry = if self.audio && !round_trip.is_zero() {
            round_trip * 3 / 2 + REORDER
        } else {
            round_trip.max(RETRY)
        };
        let late = |m: &Missing| now >= m.asked.map_or(m.since + REORDER, |at| at + retry);
        let due = self.missing.iter_mut().filter(|(_, m)| m.tries < TRIES && late(m));
        due.map(|(seq, missing)| {
            missing.asked = Some(now);
            missing.tries += 1;
            *seq as u16
        })
        .collect()
    }

    /// Whether a decoder waits for a key frame of which nothing has come yet.
    pub(super) fn wants_key_frame(&self) -> bool {
        let begun = self.extender.highest().is_some();
        begun && !self.audio && matches!(self.waits, Some(None))
    }

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

/// Puts a frame together, if its first packet is there and no other is between.
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

/// Time as a media clock shows it.
trait Elapsed {
    fn elapsed_units(&self, clock: f64) -> f64;
}

impl Elapsed for Instant {
    fn elapsed_units(&self, clock: f64) -> f64 {
        (*self - crate::probe::epoch()).as_secs_f64() * clock
    }
}
