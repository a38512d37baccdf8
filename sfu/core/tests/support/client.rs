//! A client: str0m as browsers use WebRTC, with packets instead of frames.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use signaling_protocol::{ParticipantId, Source};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{
    Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer,
};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::{Datagram, Network, Slots};

/// In the order of the offer's m-lines.
pub(crate) const SOURCES: [Source; 4] =
    [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];

/// The encodings of a camera, the lowest first.
pub(crate) const RIDS: [&str; 3] = ["q", "h", "f"];

/// A media packet that came in.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) mid: Mid,
    pub(crate) ssrc: Ssrc,
    pub(crate) pt: Pt,
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Client {
    pub(crate) id: ParticipantId,
    pub(crate) address: SocketAddr,
    pub(crate) connected: bool,
    pub(crate) gone: bool,
    /// The server said goodbye.
    pub(crate) closed: bool,
    pub(crate) received: Vec<Received>,
    /// Key frame requests that reached it, by m-line.
    pub(crate) key_frame_requests_received: Vec<(Instant, Mid)>,
    /// Which of the camera's encodings have to begin with a key frame.
    pub(crate) encodings_refreshed: [bool; 3],
    pub(crate) answer: String,
    /// It offers three encodings of its camera.
    pub(crate) simulcast: bool,
    ufrag: String,
    rtc: Rtc,
    pending: Option<SdpPendingOffer>,
    mids: Vec<Mid>,
    pub(crate) slots: Vec<(Mid, MediaKind)>,
    timeout: Option<Instant>,
    outbox: Vec<(SocketAddr, Vec<u8>)>,
    sent: [u64; 4],
    started: Instant,
}

impl Client {
    pub(crate) fn new(now: Instant, id: ParticipantId, address: SocketAddr) -> Self {
        Self {
            id,
            address,
            connected: false,
            gone: false,
            closed: false,
            received: Vec::new(),
            key_frame_requests_received: Vec::new(),
            encodings_refreshed: [true; 3],
            answer: String::new(),
            simulcast: false,
            ufrag: String::new(),
            rtc: Self::rtc(now, address),
            pending: None,
            mids: Vec::new(),
            slots: Vec::new(),
            timeout: None,
            outbox: Vec::new(),
            sent: [0; 4],
            started: now,
        }
    }

    fn rtc(now: Instant, address: SocketAddr) -> Rtc {
        let mut config = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_vp9(true);
        // As the web client has it.
        config.codec_config().iter_mut().for_each(|codec| codec.set_fb_nack(true));
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("a candidate"));
        rtc
    }

    /// A new `RTCPeerConnection` in place of the old one, perhaps at another address.
    pub(crate) fn start_anew(&mut self, now: Instant, address: SocketAddr) {
        let fresh = Self::new(now, self.id, address);
        *self = fresh;
    }

    pub(crate) fn offer(&mut self, slots: Slots) -> String {
        let mut change = self.rtc.sdp_api();
        let kind = |s: Source| if s.is_audio() { MediaKind::Audio } else { MediaKind::Video };
        let encodings = self.simulcast.then(|| Simulcast {
            send: RIDS.iter().map(|rid| SimulcastLayer::new(rid)).collect(),
            recv: Vec::new(),
        });
        self.mids = SOURCES
            .iter()
            .map(|source| {
                let encodings = encodings.clone().filter(|_| *source == Source::Camera);
                change.add_media(kind(*source), Direction::SendOnly, None, None, encodings)
            })
            .collect();
        let mut add = |kind, direction| change.add_media(kind, direction, None, None, None);
        self.slots = std::iter::repeat_n(MediaKind::Audio, slots.audio)
            .chain(std::iter::repeat_n(MediaKind::Video, slots.video))
            .map(|kind| (add(kind, Direction::RecvOnly), kind))
            .collect();
        let (offer, pending) = change.apply().expect("something to offer");
        self.pending = Some(pending);
        let sdp = offer.to_sdp_string();
        let ufrag = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        ufrag.expect("in every offer").trim().clone_into(&mut self.ufrag);
        sdp
    }

    /// The offer of an ICE restart.
    pub(crate) fn ice_restart(&mut self) -> String {
        let mut change = self.rtc.sdp_api();
        change.ice_restart(true);
        let (offer, pending) = change.apply().expect("something to offer");
        self.pending = Some(pending);
        let sdp = offer.to_sdp_string();
        let ufrag = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        ufrag.expect("in every offer").trim().clone_into(&mut self.ufrag);
        sdp
    }

    pub(crate) fn take_answer(&mut self, answer: &str) {
        answer.clone_into(&mut self.answer);
        let answer = SdpAnswer::from_sdp_string(answer).expect("a well-formed answer");
        let pending = self.pending.take().expect("an offer");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("a fitting answer");
        let mut direct = self.rtc.direct_api();
        for mid in &self.mids {
            // Browsers send again whatever is asked for.
            let rids = RIDS.iter().map(|rid| Some(Rid::from(*rid))).chain([None]);
            for rid in rids {
                if let Some(stream) = direct.stream_tx_by_mid(*mid, rid) {
                    stream.set_rtx_cache(1_000, Duration::from_secs(3), None);
                }
            }
        }
        self.timeout = Some(self.started);
    }

    pub(crate) fn mid(&self, source: Source) -> Mid {
        self.mids[SOURCES.iter().position(|s| *s == source).expect("listed")]
    }

    /// Sends a packet with this payload, a frame of its own. Each of a source's packets is 20 ms
    /// after the one before.
    pub(crate) fn send(&mut self, now: Instant, source: Source, codec: Codec, payload: &[u8]) {
        let clock = if source.is_audio() { 48_000 } else { 90_000 };
        let time = (self.sent[source as usize] as u32 + 1) * clock / 50;
        self.send_part(now, source, codec, (time, true), payload);
    }

    /// Sends a packet of a frame: at which time of the source's clock, and whether the frame ends.
    pub(crate) fn send_part(
        &mut self,
        now: Instant,
        source: Source,
        codec: Codec,
        (time, marker): (u32, bool),
        payload: &[u8],
    ) {
        let mid = self.mid(source);
        let number = &mut self.sent[source as usize];
        *number += 1;
        let number = *number;
        let pt = self
            .rtc
            .codec_config()
            .find(|p| p.spec().codec == codec)
            .map(|p| p.pt())
            .expect("a negotiated codec");
        // Far from zero, and different per client: rewriting has something to do.
        let seq = 40_000 + u64::from(self.id.0) * 1_000 + number;
        let time = self.id.0.wrapping_mul(0x3000_0000).wrapping_add(time);
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(mid, None).expect("a sending m-line");
        let packet =
            RtpWrite::new(pt, seq.into(), time, now, payload).marker(marker).nackable(true);
        stream.write_rtp(packet);
        self.timeout = Some(now);
    }

    /// Sends a packet of one of the camera's encodings; like a browser's encodings, they share the
    /// capture time and nothing else.
    pub(crate) fn send_encoding(
        &mut self,
        now: Instant,
        encoding: usize,
        number: u32,
        payload: &[u8],
    ) {
        let mid = self.mid(Source::Camera);
        let codec = self.rtc.codec_config().find(|p| p.spec().codec == Codec::Vp8);
        let pt = codec.map(|p| p.pt()).expect("a negotiated codec");
        let seq = 1_000 * (encoding as u64 + 1) + u64::from(number);
        let time = (encoding as u32).wrapping_mul(0x5000_0000).wrapping_add(number * 1_800);
        let mut direct = self.rtc.direct_api();
        let stream =
            direct.stream_tx_by_mid(mid, Some(RIDS[encoding].into())).expect("an encoding");
        let packet = RtpWrite::new(pt, seq.into(), time, now, payload).marker(true).nackable(true);
        stream.write_rtp(packet);
        self.timeout = Some(now);
    }

    /// Asks for a key frame on a slot on which something came.
    pub(crate) fn request_key_frame(&mut self, now: Instant, mid: Mid) {
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx_by_mid(mid, None).expect("an m-line with media");
        stream.request_keyframe(KeyframeRequestKind::Pli);
        self.timeout = Some(now);
    }

    /// Says goodbye, as a page that is closed in good order.
    pub(crate) fn close(&mut self) {
        self.rtc.close().expect("a connection");
        self.timeout = Some(self.started);
    }

    /// The local ICE user fragment.
    pub(crate) fn ufrag(&self) -> String {
        self.ufrag.clone()
    }

    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.timeout.filter(|_| !self.gone)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.timeout().is_some_and(|at| at <= now) {
            self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
        }
    }

    pub(crate) fn receive(&mut self, now: Instant, datagram: &Datagram) {
        if self.gone {
            return;
        }
        let receive =
            Receive::new(Protocol::Udp, datagram.source, datagram.destination, &datagram.contents);
        let receive = receive.expect("the server sends well-formed datagrams");
        self.rtc.handle_input(Input::Receive(now, receive)).expect("the server keeps the protocol");
        self.poll(now);
    }

    /// Sends what there is to send.
    pub(crate) fn drain(&mut self, now: Instant, network: &mut Network) {
        if self.gone {
            return;
        }
        self.poll(now);
        for (destination, contents) in self.outbox.drain(..) {
            network.send(now, self.address, destination, contents);
        }
    }

    fn poll(&mut self, now: Instant) {
        let mut passes = 0;
        loop {
            match self.rtc.poll_output().expect("the connection holds") {
                // With several packets queued, each comes out with a timeout of its own.
                Output::Timeout(at) if at <= now && passes < 10_000 => {
                    passes += 1;
                    self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
                }
                Output::Timeout(at) => {
                    self.timeout = Some(at.max(now + Duration::from_micros(100)));
                    return;
                }
                Output::Transmit(transmit) => {
                    self.outbox.push((transmit.destination, transmit.contents.to_vec()));
                }
                Output::Event(event) => self.handle_event(now, event),
            }
        }
    }

    fn handle_event(&mut self, now: Instant, event: Event) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest needs no action")]
        match event {
            Event::Connected => self.connected = true,
            Event::Closed => self.closed = true,
            Event::KeyframeRequest(request) => {
                self.key_frame_requests_received.push((now, request.mid));
                let encoding = RIDS.iter().position(|rid| request.rid == Some((*rid).into()));
                if let Some(encoding) = encoding {
                    self.encodings_refreshed[encoding] = true;
                }
            }
            Event::RtpPacket(packet) => {
                let mut direct = self.rtc.direct_api();
                let stream = direct.stream_rx(&packet.header.ssrc).expect("a known SSRC");
                self.received.push(Received {
                    at: now,
                    mid: stream.mid(),
                    ssrc: packet.header.ssrc,
                    pt: packet.header.payload_type,
                    seq: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: packet.payload.to_vec(),
                });
            }
            _ => {}
        }
    }
}
