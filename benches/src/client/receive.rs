//! What comes: to which stream it belongs, and what is asked for again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::rtcp::{Compound, REPORTS, Report};
use super::rtp::Header;
use super::srtp::Keys;
use super::stats::{Received, StreamStats};
use super::stream::{REORDER, Stream};
use crate::probe::Probe;

/// One packet of so many is opened where frames are not put together: the rest is counted only.
const SAMPLE: u64 = 16;
/// A decoder that waits for a key frame asks so often.
const KEY_FRAME_RETRY: Duration = Duration::from_millis(500);

/// How much of what comes is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Headers, and the payload of a sample.
    Sampled,
    /// The same, and the last packet of every picture: which encoding it is of.
    Encodings,
    /// Every payload, put together to frames.
    Frames,
}

/// An m-line on which media comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) mid: String,
    pub(crate) audio: bool,
    /// What is lost of it can be asked for.
    pub(crate) nack: bool,
}

/// A frame of which every packet came.
pub(crate) struct Frame {
    pub(crate) ssrc: u32,
    pub(crate) audio: bool,
    pub(crate) data: Vec<u8>,
}

/// All that comes to one client.
pub(crate) struct Receiver {
    depth: Depth,
    slots: Vec<Slot>,
    streams: HashMap<u32, Stream>,
    /// Resent packets and probes: the SSRC they come on, and the one they belong to.
    resends: HashMap<u32, u32>,
    pub(crate) stats: Received,
    opened: Vec<u8>,
    frames: Vec<Frame>,
    due: Option<Instant>,
    key_frame_asked: Option<Instant>,
}

impl Receiver {
    pub(crate) fn new(depth: Depth) -> Self {
        Self {
            depth,
            slots: Vec::new(),
            streams: HashMap::new(),
            resends: HashMap::new(),
            stats: Received::default(),
            opened: Vec::with_capacity(1_500),
            frames: Vec::new(),
            due: None,
            key_frame_asked: None,
        }
    }

    /// A receiving m-line, with the SSRCs that the server has announced for it.
    pub(crate) fn add_slot(&mut self, slot: Slot, ssrc: Option<u32>, resend: Option<u32>) {
        let (audio, nack) = (slot.audio, slot.nack);
        self.slots.push(slot);
        if let Some(ssrc) = ssrc {
            self.streams.insert(ssrc, Stream::new(ssrc, audio, nack));
            self.resends.extend(resend.map(|resend| (resend, ssrc)));
        }
    }

    pub(crate) fn is_resend(&self, ssrc: u32) -> bool {
        self.resends.contains_key(&ssrc)
    }

    /// A packet with its protection still on.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        packet: &[u8],
        header: &Header,
        mid: Option<&[u8]>,
        keys: &Keys,
    ) {
        self.stats.packets += 1;
        self.stats.bytes += packet.len() as u64;
        if let Some(&ssrc) = self.resends.get(&header.ssrc) {
            return self.resent(now, ssrc, packet, header, keys);
        }
        if !self.streams.contains_key(&header.ssrc) {
            let found = mid.and_then(|mid| self.slots.iter().find(|s| s.mid.as_bytes() == mid));
            let Some(slot) = found else {
                self.stats.unknown += 1;
                return;
            };
            let stream = Stream::new(header.ssrc, slot.audio, slot.nack);
            self.streams.insert(header.ssrc, stream);
        }
        let Some(stream) = self.streams.get_mut(&header.ssrc) else { return };
        let Some(seq) = stream.count(now, header) else {
            self.stats.duplicates += 1;
            return;
        };
        let sampled = stream.counts.packets % SAMPLE == 1;
        let look = match self.depth {
            Depth::Frames => true,
            Depth::Sampled => sampled || (stream.waits.is_some() && !stream.audio),
            Depth::Encodings => {
                sampled || ((header.marker || stream.waits.is_some()) && !stream.audio)
            }
        };
        if look {
            if !keys.open(packet, header, seq.saturating_sub(0x1_0000), &mut self.opened) {
                self.stats.refused += 1;
                return;
            }
            let part = (header.timestamp, header.marker, &self.opened[..]);
            stream.look(now, self.depth, seq, part, &mut self.stats);
        }
        stream.advance(now, header.marker.then_some(seq), &mut self.stats, &mut self.frames);
        if !stream.missing.is_empty() || stream.waits.is_some() {
            self.due.get_or_insert(now + REORDER);
        }
    }

    /// RFC 4588: the original number comes first in the payload. Without one it is padding.
    fn resent(&mut self, now: Instant, ssrc: u32, packet: &[u8], header: &Header, keys: &Keys) {
        let Some(stream) = self.streams.get_mut(&ssrc) else { return };
        let seq = stream.resend_extender(header);
        if stream.missing.is_empty() || !keys.open(packet, header, seq, &mut self.opened) {
            return;
        }
        let Some((original, payload)) = self.opened.split_first_chunk::<2>() else { return };
        let original = stream.extender.extend(u16::from_be_bytes(*original));
        if stream.missing.remove(&original).is_none() {
            self.stats.duplicates += 1;
            return;
        }
        stream.counts.packet(now);
        stream.counts.recovered += 1;
        let part = (header.timestamp, header.marker, payload);
        stream.look(now, self.depth, original, part, &mut self.stats);
        let marker = header.marker.then_some(original);
        stream.advance(now, marker, &mut self.stats, &mut self.frames);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn poll_frame(&mut self) -> Option<Frame> {
        self.frames.pop()
    }

    /// A frame that was opened end to end.
    pub(crate) fn saw_frame(&mut self, now: Instant, ssrc: u32, probe: &Probe) {
        self.stats.saw_frame(now, probe);
        if let Some(stream) = self.streams.get_mut(&ssrc) {
            stream.counts.shown.saw(now, probe);
        }
    }

    /// Asks for what is missing.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        round_trip: Duration,
        own_ssrc: u32,
        out: &mut Compound,
    ) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.due = None;
        let mut ask_key_frame = self.key_frame_asked.is_none_or(|at| now >= at + KEY_FRAME_RETRY);
        let mut asked = false;
        for (&ssrc, stream) in &mut self.streams {
            if stream.give_up(now) {
                ask_key_frame |= !stream.audio;
                stream.advance(now, None, &mut self.stats, &mut self.frames);
            }
            let seqs = stream.ask(now, round_trip);
            if !seqs.is_empty() {
                self.stats.nacks += 1;
                out.nack(own_ssrc, ssrc, &seqs);
            }
            if ask_key_frame && stream.wants_key_frame() {
                self.stats.plis += 1;
                out.pli(own_ssrc, ssrc);
                asked = true;
            }
            if !stream.missing.is_empty() || stream.wants_key_frame() {
                self.due = Some(now + REORDER * 2);
            }
        }
        if asked {
            self.key_frame_asked = Some(now);
        }
    }

    /// What a receiver report says of the streams on which something came.
    pub(crate) fn reports(&mut self, now: Instant) -> Vec<Report> {
        let active = self.streams.iter_mut().filter(|(_, s)| s.extender.highest().is_some());
        active.take(REPORTS).map(|(&ssrc, stream)| stream.report(now, ssrc)).collect()
    }

    pub(crate) fn sender_report(&mut self, now: Instant, ssrc: u32, ntp: u32) {
        if let Some(stream) = self.streams.get_mut(&ssrc) {
            stream.sender_report = Some((ntp, now));
        }
    }

    /// Figures count from here.
    pub(crate) fn start_counting(&mut self) {
        self.stats.restart();
        for stream in self.streams.values_mut() {
            stream.counts = stream.counts.restart();
        }
    }

    /// The figures of all streams on which something came since they began to count.
    pub(crate) fn streams(&self, now: Instant) -> Vec<StreamStats> {
        let active = self.streams.values().filter(|stream| stream.counts.packets > 0);
        active.map(|stream| stream.counts.until(now)).collect()
    }
}
