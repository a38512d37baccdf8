//! The sending side of a client: synthetic media with the sizes and timing of real encoders.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use signaling_protocol::Source;

use super::encoding::{self, Encoding, StoredPacket};
use super::rtcp::Compound;
use super::rtp::write_header;
use super::sdp::{self, Line};
use super::srtp::{self, Keys};
use super::{FrameProtection, Outbox, vp8};
use crate::frame_stamp::{self, FrameStamp};

/// The largest packet in bytes, with its header and without SRTP overhead, as in browsers.
const MAX_PACKET_BYTES: usize = 1_200;
/// The size of key frames relative to others.
const KEY_FRAME_FACTOR: usize = 4;
/// The interval of sender reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Seconds from the NTP epoch (1900) to the Unix epoch.
const NTP_OFFSET: u64 = 2_208_988_800;

/// The configuration of a sent track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrackConfig {
    pub(crate) source: Source,
    pub(crate) frames_per_second: f64,
    /// The bitrate of the highest encoding.
    pub(crate) kbps: u32,
}

/// The sent tracks of one client.
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
    /// Video payload bytes by encoding, the lowest first.
    pub(crate) video_bytes: [u64; 3],
    pub(crate) overhead_bytes_audio: usize,
    pub(crate) overhead_bytes_video: usize,
}

struct Track {
    shape: TrackConfig,
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
            payload: Vec::with_capacity(MAX_PACKET_BYTES),
            packet: Vec::with_capacity(MAX_PACKET_BYTES + srtp::OVERHEAD),
            packets: 0,
            video_bytes: [0; 3],
            overhead_bytes_audio: 0,
            overhead_bytes_video: 0,
        }
    }

    /// Adds a track on an answered m-line. `ssrcs` has the SSRCs of each offered encoding, for media
    /// and retransmissions.
    pub(crate) fn add_track(
        &mut self,
        shape: TrackConfig,
        answered: &Line,
        ssrcs: &[(u32, Option<u32>)],
        rids: &[&'static str],
    ) {
        let accepted: Vec<&'static str> =
            rids.iter().copied().filter(|rid| answered.rids.iter().any(|r| r == rid)).collect();
        // Without simulcast in the answer only the highest encoding is sent (RFC 8853 section 5.3.2).
        let highest = rids.len().saturating_sub(1);
        let simulcast = ssrcs.len() > 1 && !accepted.is_empty();
        let encodings = ssrcs.iter().enumerate();
        let encodings = encodings.filter(|(at, _)| {
            if simulcast { accepted.contains(&rids[*at]) } else { *at == highest }
        });
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

    /// Starts to send, with a random phase for each track.
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

    /// Starts the measurement.
    pub(crate) fn start_counting(&mut self) {
        self.packets = 0;
        self.video_bytes = [0; 3];
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.tracks.iter().filter_map(|track| track.next).chain(self.report_due).min()
    }

    /// Sends a key frame next on the track with this SSRC.
    pub(crate) fn request_key_frame(&mut self, ssrc: u32) {
        for track in &mut self.tracks {
            track.key_frame_due |= track.encodings.iter().any(|encoding| encoding.ssrc == ssrc);
        }
    }

    /// Sets which encodings of a source receivers use, in the order of the offer; the others are
    /// paused. If a paused one starts again, all of them send key frames, as encoders do.
    pub(crate) fn set_active_encodings(&mut self, source: Source, wanted: &[bool]) {
        for track in self.tracks.iter_mut().filter(|track| track.shape.source == source) {
            track.key_frame_due |= encoding::set_active(&mut track.encodings, wanted);
        }
    }

    /// Sends all frames that are due.
    pub(crate) fn send_due(
        &mut self,
        now: Instant,
        keys: &Keys,
        protection: &mut FrameProtection,
        out: &mut Outbox,
    ) {
        for at in 0..self.tracks.len() {
            while let Some(due) = self.tracks[at].next.filter(|due| *due <= now) {
                let interval =
                    Duration::from_secs_f64(1.0 / self.tracks[at].shape.frames_per_second);
                // A delay of more than a frame skips frames, as in a camera.
                let next = due + interval;
                self.tracks[at].next = Some(if next < now { now } else { next });
                self.send_frame(now, at, keys, protection, out);
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
        protection: &mut FrameProtection,
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
        // Audio frames have a constant size, video frames vary.
        let variation = if track.audio { 1.0 } else { self.rng.random_range(0.75..1.25) };
        for encoding in 0..self.tracks[at].encodings.len() {
            let track = &self.tracks[at];
            let Encoding { share, index, active, .. } = track.encodings[encoding];
            if !active {
                continue;
            }
            let bytes = (average * share * variation) as usize;
            let bytes =
                (if key_frame { bytes * KEY_FRAME_FACTOR } else { bytes }).max(frame_stamp::BYTES);
            let sent_us = frame_stamp::micros(now);
            let source = track.shape.source;
            let stamp =
                FrameStamp { sent_us, number, sender: self.number, source, encoding: index };
            let audio = track.audio;
            let Some(frame) = protection.protect(source, key_frame, &stamp, bytes) else {
                continue;
            };
            let overhead = frame.len().saturating_sub(bytes);
            if audio {
                self.overhead_bytes_audio = self.overhead_bytes_audio.max(overhead);
            } else {
                self.overhead_bytes_video = self.overhead_bytes_video.max(overhead);
            }
            let opaque = matches!(protection, FrameProtection::Opaque).then_some(stamp);
            self.packetize(now, (at, encoding), &frame, opaque, keys, out);
        }
    }

    /// Splits a frame into packets of about equal length, the longer ones last, as browsers do.
    fn packetize(
        &mut self,
        now: Instant,
        (at, encoding): (usize, usize),
        frame: &[u8],
        opaque: Option<FrameStamp>,
        keys: &Keys,
        out: &mut Outbox,
    ) {
        if self.tracks[at].audio {
            self.payload.clear();
            self.payload.extend_from_slice(frame);
            return self.send_packet(now, (at, encoding), true, keys, out);
        }
        let max_part = MAX_PACKET_BYTES - 40 - vp8::BYTES - frame_stamp::BYTES;
        let packets = frame.len().div_ceil(max_part).max(1);
        let longer = frame.len() % packets;
        let mut rest = frame;
        for number in 0..packets {
            let bytes = frame.len() / packets + usize::from(number >= packets - longer);
            let (part, after) = rest.split_at(bytes);
            rest = after;
            self.payload.clear();
            vp8::write(&mut self.payload, number == 0, self.tracks[at].picture);
            match opaque {
                // Every packet carries the stamp, so that its latency can be measured.
                Some(stamp) if number > 0 && part.len() >= frame_stamp::BYTES => {
                    stamp.write(&mut self.payload);
                    self.payload.extend_from_slice(&part[frame_stamp::BYTES..]);
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
            let place = usize::from(encoding.index).min(self.video_bytes.len() - 1);
            self.video_bytes[place] += self.payload.len() as u64;
        }
        // Audio has no SSRC for retransmissions: the same SRTP packet is sent again.
        let payload = match (track.audio, track.resend_type) {
            (false, Some(_)) => self.payload.clone(),
            (true, None) if track.nack => self.packet.clone(),
            (true, _) | (false, None) => return,
        };
        encoding.store(StoredPacket { seq: seq as u16, marker, timestamp, payload });
    }

    /// Retransmits requested packets: video by RFC 4588, audio as the same SRTP packet.
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
                    let packets = seqs.iter().filter_map(|seq| encoding.stored(*seq));
                    packets.for_each(|packet| out.push(&packet.payload));
                }
                continue;
            }
            let Some(resend_type) = track.resend_type else { continue };
            for encoding in track.encodings.iter_mut().filter(|encoding| encoding.ssrc == ssrc) {
                let Some(resend_ssrc) = encoding.resend_ssrc else { continue };
                for seq in seqs {
                    let Some(stored) = encoding.stored(*seq) else { continue };
                    self.payload.clear();
                    self.payload.extend_from_slice(&stored.seq.to_be_bytes());
                    self.payload.extend_from_slice(&stored.payload);
                    let stream = Stream {
                        ids: track.ids,
                        mid: &track.mid,
                        rid: track.ids.repaired_rid.zip(encoding.rid),
                        payload_type: resend_type,
                        ssrc: resend_ssrc,
                    };
                    let (number, mark) = (encoding.resend_seq, (stored.marker, stored.timestamp));
                    encoding.resend_seq += 1;
                    let (twcc, packet) = (&mut self.twcc, &mut self.packet);
                    stream.write(now, twcc, number, mark, &self.payload, packet, keys);
                    out.push(&self.packet);
                }
            }
        }
    }

    /// Writes sender reports if they are due.
    pub(crate) fn write_reports(&mut self, now: Instant, unix: Duration, out: &mut Compound) {
        if self.report_due.is_none_or(|due| now < due) {
            return;
        }
        self.report_due = Some(now + REPORT_INTERVAL);
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        let ntp = (unix.as_secs() + NTP_OFFSET) << 32 | fraction;
        for encoding in self.tracks.iter().flat_map(|track| &track.encodings) {
            if encoding.sent.0 > 0 {
                out.sender_report(encoding.ssrc, ntp, encoding.last_timestamp, encoding.sent);
            }
        }
    }
}

/// The header fields that all packets of an SSRC share.
struct Stream<'a> {
    ids: ExtensionIds,
    mid: &'a str,
    /// The id of the RID extension, and the encoding's RID.
    rid: Option<(u8, &'a str)>,
    payload_type: u8,
    ssrc: u32,
}

impl Stream<'_> {
    #[expect(clippy::too_many_arguments, reason = "each is a field of the packet or a buffer")]
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
        // abs-send-time: 24 bits, with 6 bits of seconds and 18 bits of fraction.
        let send_time = (frame_stamp::micros(now) as f64 * (262_144.0 / 1e6)) as u64;
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
