//! What goes out: synthetic media in the sizes and at the times of real encoders.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use signaling_protocol::Source;

use super::encoding::{self, Encoding, Resendable};
use super::rtcp::Compound;
use super::rtp::write_header;
use super::sdp::{self, Line};
use super::srtp::{self, Keys};
use super::{Outbox, Sealing, vp8};
use crate::probe::{self, Probe};

/// A packet with its header, without what SRTP adds: as browsers do it.
const PACKET: usize = 1_200;
/// A key frame is so many times as long as the others.
const KEY_FRAME: usize = 4;
/// Between sender reports.
const REPORT: Duration = Duration::from_secs(1);
/// Seconds from 1900, where NTP begins, to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

/// How much a track sends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub(crate) source: Source,
    pub(crate) frames_per_second: f64,
    /// Of the highest encoding.
    pub(crate) kbps: u32,
}

/// All that one client sends.
pub(crate) struct Sender {
    number: u32,
    rng: StdRng,
    tracks: Vec<Track>,
    twcc: u16,
    report_due: Option<Instant>,
    running: bool,
    payload: Vec<u8>,
    packet: Vec<u8>,
    pub(crate) packets: u64,
    /// Payload bytes of pictures by encoding, the smallest first.
    pub(crate) picture_bytes: [u64; 3],
    pub(crate) bytes_added_audio: usize,
    pub(crate) bytes_added_video: usize,
}

struct Track {
    shape: Shape,
    audio: bool,
    mid: String,
    ids: ExtensionIds,
    payload_type: u8,
    resend_type: Option<u8>,
    nack: bool,
    encodings: Vec<Encoding>,
    next: Option<Instant>,
    number: u64,
    picture: u16,
    timestamp: u32,
    key_frame_due: bool,
}

#[derive(Debug, Clone, Copy)]
struct ExtensionIds {
    mid: Option<u8>,
    rid: Option<u8>,
    repaired_rid: Option<u8>,
    twcc: Option<u8>,
    send_time: Option<u8>,
}

impl Sender {
    pub(crate) fn new(number: u32, seed: u64) -> Self {
        Self {
            number,
            rng: StdRng::seed_from_u64(seed),
            tracks: Vec::new(),
            twcc: 0,
            report_due: None,
            running: false,
            payload: Vec::with_capacity(PACKET),
            packet: Vec::with_capacity(PACKET + srtp::OVERHEAD),
            packets: 0,
            picture_bytes: [0; 3],
            bytes_added_audio: 0,
            bytes_added_video: 0,
        }
    }

    /// A track on this m-line, as it was answered. `ssrcs` has one for each encoding that was
    /// offered, with the one it is sent again on.
    pub(crate) fn add_track(
        &mut self,
        shape: Shape,
        answered: &Line,
        ssrcs: &[(u32, Option<u32>)],
        rids: &[&'static str],
    ) {
        let taken: Vec<&'static str> =
            rids.iter().copied().filter(|rid| answered.rids.iter().any(|r| r == rid)).collect();
        // Without simulcast in the answer only the best encoding is sent (RFC 8853 section 5.3.2).
        let best = rids.len().saturating_sub(1);
        let simulcast = ssrcs.len() > 1 && !taken.is_empty();
        let encodings = ssrcs.iter().enumerate();
        let encodings = encodings
            .filter(|(at, _)| if simulcast { taken.contains(&rids[*at]) } else { *at == best });
        let mut number = || self.rng.random_range(0..0x4000);
        let encodings = encodings
            .map(|(at, &ssrcs_of)| {
                let rid = simulcast.then(|| rids[at]);
                Encoding::new(at, ssrcs.len(), rid, ssrcs_of, (number(), number()))
            })
            .collect();
        self.tracks.push(Track {
            audio: shape.source.is_audio(),
            mid: answered.mid.clone(),
            ids: ExtensionIds {
                mid: answered.extension(sdp::MID),
                rid: answered.extension(sdp::RID),
                repaired_rid: answered.extension(sdp::REPAIRED_RID),
                twcc: answered.extension(sdp::TWCC),
                send_time: answered.extension(sdp::SEND_TIME),
            },
            payload_type: answered.payload_type,
            resend_type: answered.resend_type,
            nack: answered.nack,
            encodings,
            next: None,
            number: 0,
            picture: self.rng.random_range(0..0x7fff),
            timestamp: self.rng.random(),
            key_frame_due: true,
            shape,
        });
    }

    /// Begins to send, each track at a moment of its own.
    pub(crate) fn start(&mut self, now: Instant) {
        if std::mem::replace(&mut self.running, true) {
            return;
        }
        for track in &mut self.tracks {
            let interval = 1.0 / track.shape.frames_per_second;
            track.next = Some(now + Duration::from_secs_f64(self.rng.random_range(0.0..interval)));
            track.key_frame_due = true;
        }
        self.report_due = (!self.tracks.is_empty()).then_some(now);
    }

    /// Figures count from here.
    pub(crate) fn start_counting(&mut self) {
        self.packets = 0;
        self.picture_bytes = [0; 3];
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.tracks.iter().filter_map(|track| track.next).chain(self.report_due).min()
    }

    /// A decoder waits for a key frame of the track with this SSRC.
    pub(crate) fn key_frame_wanted(&mut self, ssrc: u32) {
        for track in &mut self.tracks {
            track.key_frame_due |= track.encodings.iter().any(|encoding| encoding.ssrc == ssrc);
        }
    }

    /// Somebody wants these encodings of a track, in the order of the offer; the others need not
    /// be sent. An encoder that begins anew begins all of them with key frames.
    pub(crate) fn want(&mut self, source: Source, wanted: &[bool]) {
        for track in self.tracks.iter_mut().filter(|track| track.shape.source == source) {
            track.key_frame_due |= encoding::want(&mut track.encodings, wanted);
        }
    }

    /// Sends the frames that are due.
    pub(crate) fn send_due(
        &mut self,
        now: Instant,
        keys: &Keys,
        sealing: &mut Sealing,
        out: &mut Outbox,
    ) {
        for at in 0..self.tracks.len() {
            while let Some(due) = self.tracks[at].next.filter(|due| *due <= now) {
                let interval =
                    Duration::from_secs_f64(1.0 / self.tracks[at].shape.frames_per_second);
                // Whoever is late by more than a frame leaves frames out, as a camera does.
                let next = due + interval;
                self.tracks[at].next = Some(if next < now { now } else { next });
                self.send_frame(now, at, keys, sealing, out);
                if next < now {
                    self.tracks[at].next = Some(now + interval);
                }
            }
        }
    }

    fn send_frame(
        &mut self,
        now: Instant,
        at: usize,
        keys: &Keys,
        sealing: &mut Sealing,
        out: &mut Outbox,
    ) {
        let track = &mut self.tracks[at];
        let key_frame = !track.audio && std::mem::take(&mut track.key_frame_due);
        let clock = if track.audio { 48_000.0 } else { 90_000.0 };
        let step = (clock / track.shape.frames_per_second) as u32;
        track.timestamp = track.timestamp.wrapping_add(step);
        track.picture = track.picture.wrapping_add(1) & 0x7fff;
        let number = track.number;
        track.number += 1;
        let average = f64::from(track.shape.kbps) * 125.0 / track.shape.frames_per_second;
        // Sound of constant length; pictures differ.
        let spread = if track.audio { 1.0 } else { self.rng.random_range(0.75..1.25) };
        for encoding in 0..self.tracks[at].encodings.len() {
            let track = &self.tracks[at];
            let Encoding { share, index, active, .. } = track.encodings[encoding];
            if !active {
                continue;
            }
            let bytes = (average * share * spread) as usize;
            let bytes = (if key_frame { bytes * KEY_FRAME } else { bytes }).max(probe::BYTES);
            let sent_us = probe::micros(now);
            let source = track.shape.source;
            let probe = Probe { sent_us, number, sender: self.number, source, encoding: index };
            let audio = track.audio;
            let Some(frame) = sealing.seal(source, key_frame, &probe, bytes) else { continue };
            let added = frame.len().saturating_sub(bytes);
            if audio {
                self.bytes_added_audio = self.bytes_added_audio.max(added);
            } else {
                self.bytes_added_video = self.bytes_added_video.max(added);
            }
            let opaque = matches!(sealing, Sealing::Opaque).then_some(probe);
            self.packetize(now, (at, encoding), &frame, opaque, keys, out);
        }
    }

    /// Cuts a frame into packets of about equal length, the longer ones last, as browsers do it.
    fn packetize(
        &mut self,
        now: Instant,
        (at, encoding): (usize, usize),
        frame: &[u8],
        opaque: Option<Probe>,
        keys: &Keys,
        out: &mut Outbox,
    ) {
        if self.tracks[at].audio {
            self.payload.clear();
            self.payload.extend_from_slice(frame);
            return self.send_packet(now, (at, encoding), true, keys, out);
        }
        let most = PACKET - 40 - vp8::BYTES - probe::BYTES;
        let packets = frame.len().div_ceil(most).max(1);
        let longer = frame.len() % packets;
        let mut rest = frame;
        for number in 0..packets {
            let bytes = frame.len() / packets + usize::from(number >= packets - longer);
            let (part, after) = rest.split_at(bytes);
            rest = after;
            self.payload.clear();
            vp8::write(&mut self.payload, number == 0, self.tracks[at].picture);
            match opaque {
                // Each packet of it can be timed.
                Some(probe) if number > 0 && part.len() >= probe::BYTES => {
                    probe.write(&mut self.payload);
                    self.payload.extend_from_slice(&part[probe::BYTES..]);
                }
                Some(_) | None => self.payload.extend_from_slice(part),
            }
            self.send_packet(now, (at, encoding), number + 1 == packets, keys, out);
        }
    }

    fn send_packet(
        &mut self,
        now: Instant,
        (at, encoding): (usize, usize),
        marker: bool,
        keys: &Keys,
        out: &mut Outbox,
    ) {
        let track = &mut self.tracks[at];
        let timestamp = track.timestamp;
        let encoding = &mut track.encodings[encoding];
        let seq = encoding.seq;
        encoding.seq += 1;
        encoding.sent.0 = encoding.sent.0.wrapping_add(1);
        encoding.sent.1 = encoding.sent.1.wrapping_add(self.payload.len() as u32);
        encoding.last_timestamp = timestamp;
        let stream = Stream {
            ids: track.ids,
            mid: &track.mid,
            rid: track.ids.rid.zip(encoding.rid),
            payload_type: track.payload_type,
            ssrc: encoding.ssrc,
        };
        let mark = (marker, timestamp);
        stream.write(now, &mut self.twcc, seq, mark, &self.payload, &mut self.packet, keys);
        out.push(&self.packet);
        self.packets += 1;
        if !track.audio {
            let place = usize::from(encoding.index).min(self.picture_bytes.len() - 1);
            self.picture_bytes[place] += self.payload.len() as u64;
        }
        // Without a stream for resends a packet goes out again as it was, bit for bit: it has its SRTP
        // index once more.
        let payload = match (track.audio, track.resend_type) {
            (false, Some(_)) => self.payload.clone(),
            (true, None) if track.nack => self.packet.clone(),
            (true, _) | (false, None) => return,
        };
        encoding.keep(Resendable { seq: seq as u16, marker, timestamp, payload });
    }

    /// Sends again what the server misses: pictures as of RFC 4588, sound as it was.
    pub(crate) fn resend(
        &mut self,
        now: Instant,
        ssrc: u32,
        seqs: &[u16],
        keys: &Keys,
        out: &mut Outbox,
    ) {
        for track in &mut self.tracks {
            if track.audio {
                for encoding in track.encodings.iter().filter(|encoding| encoding.ssrc == ssrc) {
                    let kept = seqs.iter().filter_map(|seq| encoding.kept(*seq));
                    kept.for_each(|kept| out.push(&kept.payload));
                }
                continue;
            }
            let Some(resend_type) = track.resend_type else { continue };
            for encoding in track.encodings.iter_mut().filter(|encoding| encoding.ssrc == ssrc) {
                let Some(resend_ssrc) = encoding.resend_ssrc else { continue };
                for seq in seqs {
                    let Some(kept) = encoding.kept(*seq) else { continue };
                    self.payload.clear();
                    self.payload.extend_from_slice(&kept.seq.to_be_bytes());
                    self.payload.extend_from_slice(&kept.payload);
                    let stream = Stream {
                        ids: track.ids,
                        mid: &track.mid,
                        rid: track.ids.repaired_rid.zip(encoding.rid),
                        payload_type: resend_type,
                        ssrc: resend_ssrc,
                    };
                    let (number, mark) = (encoding.resend_seq, (kept.marker, kept.timestamp));
                    encoding.resend_seq += 1;
                    let (twcc, packet) = (&mut self.twcc, &mut self.packet);
                    stream.write(now, twcc, number, mark, &self.payload, packet, keys);
                    out.push(&self.packet);
                }
            }
        }
    }

    /// Sender reports, when they are due.
    pub(crate) fn report(&mut self, now: Instant, unix: Duration, out: &mut Compound) {
        if self.report_due.is_none_or(|due| now < due) {
            return;
        }
        self.report_due = Some(now + REPORT);
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        let ntp = (unix.as_secs() + NTP_OFFSET) << 32 | fraction;
        for encoding in self.tracks.iter().flat_map(|track| &track.encodings) {
            if encoding.sent.0 > 0 {
                out.sender_report(encoding.ssrc, ntp, encoding.last_timestamp, encoding.sent);
            }
        }
    }
}

/// What all packets on an SSRC have in common.
struct Stream<'a> {
    ids: ExtensionIds,
    mid: &'a str,
    /// The encoding that it is or repairs, with the extension that says so.
    rid: Option<(u8, &'a str)>,
    payload_type: u8,
    ssrc: u32,
}

impl Stream<'_> {
    #[expect(clippy::too_many_arguments, reason = "each is one field of the packet or a buffer")]
    fn write(
        &self,
        now: Instant,
        twcc: &mut u16,
        seq: u64,
        (marker, timestamp): (bool, u32),
        payload: &[u8],
        packet: &mut Vec<u8>,
        keys: &Keys,
    ) {
        // 24 bits: six of seconds, eighteen of their fraction.
        let send_time = (probe::micros(now) as f64 * (262_144.0 / 1e6)) as u64;
        let send_time = send_time.to_be_bytes();
        let number = twcc.to_be_bytes();
        *twcc = twcc.wrapping_add(1);
        let mut extensions: Vec<(u8, &[u8])> = Vec::with_capacity(4);
        extensions.extend(self.ids.send_time.map(|id| (id, &send_time[5..])));
        extensions.extend(self.ids.twcc.map(|id| (id, &number[..])));
        extensions.extend(self.ids.mid.map(|id| (id, self.mid.as_bytes())));
        extensions.extend(self.rid.map(|(id, rid)| (id, rid.as_bytes())));
        packet.clear();
        let kind = (self.payload_type, marker);
        write_header(packet, kind, seq as u16, timestamp, self.ssrc, &extensions);
        let header = packet.len();
        packet.extend_from_slice(payload);
        keys.protect(packet, header, self.ssrc, seq);
    }
}
