//! The receiving side of a client: assigns packets to streams, and requests retransmissions.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::received_stream::{REORDER_TIME, Stream};
use super::rtcp::{Compound, MAX_REPORTS, Report};
use super::rtp::Header;
use super::srtp::Keys;
use super::stats::{Received, StreamStats};
use crate::frame_stamp::FrameStamp;

/// One of this many packets is decrypted if frames are not assembled; the others are only counted.
const SAMPLE_INTERVAL: u64 = 16;
/// The interval of key frame requests.
const KEY_FRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// How much of the received media is inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Headers, and the payload of a sample of packets.
    Sampled,
    /// In addition the last packet of every video frame, for its encoding.
    Encodings,
    /// Every payload, assembled to frames.
    Frames,
}

/// A receiving m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) mid: String,
    pub(crate) audio: bool,
    /// NACK is negotiated.
    pub(crate) nack: bool,
}

/// A completely received frame.
pub(crate) struct Frame {
    pub(crate) ssrc: u32,
    pub(crate) audio: bool,
    pub(crate) data: Vec<u8>,
}

/// The received streams of one client.
pub(crate) struct Receiver {
    depth: Depth,
    slots: Vec<Slot>,
    streams: HashMap<u32, Stream>,
    /// The media SSRC of each SSRC for retransmissions and probes.
    resend_ssrcs: HashMap<u32, u32>,
    pub(crate) stats: Received,
    /// A buffer for decrypted payloads.
    decrypted: Vec<u8>,
    frames: Vec<Frame>,
    due: Option<Instant>,
    key_frame_requested: Option<Instant>,
}

impl Receiver {
    pub(crate) fn new(depth: Depth) -> Self {
        Self {
            depth,
            slots: Vec::new(),
            streams: HashMap::new(),
            resend_ssrcs: HashMap::new(),
            stats: Received::default(),
            decrypted: Vec::with_capacity(1_500),
            frames: Vec::new(),
            due: None,
            key_frame_requested: None,
        }
    }

    /// Adds a receiving m-line, with the SSRCs that the server has announced for it.
    pub(crate) fn add_slot(&mut self, slot: Slot, ssrc: Option<u32>, resend: Option<u32>) {
        let (audio, nack) = (slot.audio, slot.nack);
        self.slots.push(slot);
        if let Some(ssrc) = ssrc {
            self.streams.insert(ssrc, Stream::new(ssrc, audio, nack));
            self.resend_ssrcs.extend(resend.map(|resend| (resend, ssrc)));
        }
    }

    /// Returns `true` for an SSRC of retransmissions and probes.
    pub(crate) fn is_resend(&self, ssrc: u32) -> bool {
        self.resend_ssrcs.contains_key(&ssrc)
    }

    /// Handles an SRTP packet.
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
        if let Some(&ssrc) = self.resend_ssrcs.get(&header.ssrc) {
            return self.receive_resend(now, ssrc, packet, header, keys);
        }
        if !self.streams.contains_key(&header.ssrc) {
            let found = mid.and_then(|mid| self.slots.iter().find(|s| s.mid.as_bytes() == mid));
            let Some(slot) = found else {
                self.stats.unknown_ssrc += 1;
                return;
            };
            let stream = Stream::new(header.ssrc, slot.audio, slot.nack);
            self.streams.insert(header.ssrc, stream);
        }
        let Some(stream) = self.streams.get_mut(&header.ssrc) else { return };
        let Some(seq) = stream.record_packet(now, header) else {
            self.stats.duplicates += 1;
            return;
        };
        let is_sample = stream.counts.packets % SAMPLE_INTERVAL == 1;
        let inspect = match self.depth {
            Depth::Frames => true,
            Depth::Sampled => is_sample || (stream.awaiting_key_frame.is_some() && !stream.audio),
            Depth::Encodings => {
                is_sample
                    || ((header.marker || stream.awaiting_key_frame.is_some()) && !stream.audio)
            }
        };
        if inspect {
            if !keys.unprotect(packet, header, seq.saturating_sub(0x1_0000), &mut self.decrypted) {
                self.stats.unauthentic += 1;
                return;
            }
            let part = (header.timestamp, header.marker, &self.decrypted[..]);
            stream.inspect(now, self.depth, seq, part, &mut self.stats);
        }
        stream.advance(now, header.marker.then_some(seq), &mut self.stats, &mut self.frames);
        if !stream.missing.is_empty() || stream.awaiting_key_frame.is_some() {
            self.due.get_or_insert(now + REORDER_TIME);
        }
    }

    /// Handles a retransmission, whose payload begins with the original sequence number (RFC 4588);
    /// shorter payloads are probes.
    fn receive_resend(
        &mut self,
        now: Instant,
        ssrc: u32,
        packet: &[u8],
        header: &Header,
        keys: &Keys,
    ) {
        let Some(stream) = self.streams.get_mut(&ssrc) else { return };
        let seq = stream.resend_extender(header);
        if stream.missing.is_empty() || !keys.unprotect(packet, header, seq, &mut self.decrypted) {
            return;
        }
        let Some((original, payload)) = self.decrypted.split_first_chunk::<2>() else { return };
        let original = stream.extender.extend(u16::from_be_bytes(*original));
        if stream.missing.remove(&original).is_none() {
            self.stats.duplicates += 1;
            return;
        }
        stream.counts.record_packet(now);
        stream.counts.recovered += 1;
        let part = (header.timestamp, header.marker, payload);
        stream.inspect(now, self.depth, original, part, &mut self.stats);
        let marker = header.marker.then_some(original);
        stream.advance(now, marker, &mut self.stats, &mut self.frames);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Returns a completely received frame.
    pub(crate) fn poll_frame(&mut self) -> Option<Frame> {
        self.frames.pop()
    }

    /// Records a frame that was decrypted end to end.
    pub(crate) fn record_frame(&mut self, now: Instant, ssrc: u32, stamp: &FrameStamp) {
        self.stats.record_frame(now, stamp);
        if let Some(stream) = self.streams.get_mut(&ssrc) {
            stream.counts.history.record(now, stamp);
        }
    }

    /// Writes NACKs and key frame requests that are due.
    pub(crate) fn write_requests(
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
        let mut may_request_key_frame =
            self.key_frame_requested.is_none_or(|at| now >= at + KEY_FRAME_REQUEST_INTERVAL);
        let mut requested = false;
        for (&ssrc, stream) in &mut self.streams {
            if stream.give_up_overdue(now) {
                may_request_key_frame |= !stream.audio;
                stream.advance(now, None, &mut self.stats, &mut self.frames);
            }
            let seqs = stream.nacks_due(now, round_trip);
            if !seqs.is_empty() {
                self.stats.nacks += 1;
                out.nack(own_ssrc, ssrc, &seqs);
            }
            if may_request_key_frame && stream.needs_key_frame() {
                self.stats.plis += 1;
                out.pli(own_ssrc, ssrc);
                requested = true;
            }
            if !stream.missing.is_empty() || stream.needs_key_frame() {
                self.due = Some(now + REORDER_TIME * 2);
            }
        }
        if requested {
            self.key_frame_requested = Some(now);
        }
    }

    /// Returns report blocks of the streams on which packets were received.
    pub(crate) fn reports(&mut self, now: Instant) -> Vec<Report> {
        let active = self.streams.iter_mut().filter(|(_, s)| s.extender.highest().is_some());
        active.take(MAX_REPORTS).map(|(&ssrc, stream)| stream.report(now, ssrc)).collect()
    }

    /// Records a sender report.
    pub(crate) fn sender_report(&mut self, now: Instant, ssrc: u32, ntp: u32) {
        if let Some(stream) = self.streams.get_mut(&ssrc) {
            stream.sender_report = Some((ntp, now));
        }
    }

    /// Starts the measurement.
    pub(crate) fn start_counting(&mut self) {
        self.stats.restart();
        for stream in self.streams.values_mut() {
            stream.counts = stream.counts.restart();
        }
    }

    /// Returns the counters of all streams on which packets were received during the measurement.
    pub(crate) fn streams(&self, now: Instant) -> Vec<StreamStats> {
        let active = self.streams.values().filter(|stream| stream.counts.packets > 0);
        active.map(|stream| stream.counts.up_to(now)).collect()
    }
}
