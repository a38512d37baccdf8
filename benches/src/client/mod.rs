//! A headless WebRTC client, as light as a client can be that does all a server asks of one.
//!
//! It checks and keeps its way by ICE, agrees on keys by DTLS, sends media in the shape of real
//! encoders, and answers like a browser: transport-wide feedback, requests for what is missing and
//! for key frames, reports. What it does not do is decode, and for the greater part of what comes
//! it does not even decrypt: headers tell what has to be known. So a process holds thousands, and
//! the server under test costs more than they do.
//!
//! No sockets and no clock: feed it with `handle_datagram` and `handle_timeout`, and send what is
//! in its [`Outbox`].

mod encoding;
mod receive;
mod rtcp;
mod rtp;
mod sdp;
mod sealing;
mod send;
mod shown;
mod srtp;
mod stats;
mod stream;
#[cfg(test)]
mod tests;
mod transport;
mod twcc;
mod vp8;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use e2ee::media::Codec;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use signaling_protocol::{ReceiveSlots, Source, SubscribedQuality, Track};

pub(crate) use receive::Depth;
pub(crate) use sealing::Sealing;
pub(crate) use send::Shape;
pub(crate) use shown::Shown;
pub(crate) use stats::{Received, StreamStats};
pub(crate) use transport::Identity;

use crate::probe::Probe;
use encoding::RIDS;
use receive::{Receiver, Slot};
use rtcp::{Compound, Heard};
use rtp::{Header, Kind};
use sdp::{Line, Local, LocalLine};
use send::Sender;
use srtp::Keys;
use transport::Transport;
use twcc::Arrivals;

/// Between receiver reports.
const REPORT: Duration = Duration::from_secs(1);
/// What a client of this project's offers to publish, in the order of its m-lines.
pub(crate) const SOURCES: [Source; 4] =
    [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];

/// Why a client's connection is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("the session description: {0}")]
    Sdp(String),
    #[error("ICE: {0}")]
    Ice(String),
    #[error("DTLS: {0}")]
    Dtls(String),
    #[error("the SRTP profile cannot be used: {0}")]
    Profile(String),
    #[error("the server is not heard any more")]
    Lost,
}

/// Datagrams to send, one after another in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) bytes: Vec<u8>,
    /// Where each datagram ends.
    pub(crate) ends: Vec<usize>,
}

impl Outbox {
    pub(crate) fn push(&mut self, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// What a client is made with.
#[derive(Debug, Clone)]
pub(crate) struct ClientConfig {
    /// Its number, told in every probe.
    pub(crate) number: u32,
    pub(crate) seed: u64,
    pub(crate) publishes: Vec<Shape>,
    pub(crate) simulcast: bool,
    /// What m-lines are offered for, used or not.
    pub(crate) lines: Vec<Source>,
    pub(crate) slots: ReceiveSlots,
    pub(crate) depth: Depth,
}

/// One client's whole state.
pub(crate) struct Client {
    config: ClientConfig,
    address: SocketAddr,
    ufrag: String,
    password: String,
    tie_breaker: u64,
    lines: Vec<LocalLine>,
    /// Of each published m-line: an SSRC for each encoding, with the one it is sent again on.
    ssrcs: Vec<Vec<(u32, Option<u32>)>>,
    transport: Option<Transport>,
    keys: Option<(Keys, Keys)>,
    pub(crate) sealing: Sealing,
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
    arrivals: Arrivals,
    twcc_id: Option<u8>,
    mid_id: Option<u8>,
    report_due: Option<Instant>,
    connected: bool,
    pub(crate) out: Outbox,
}

impl Client {
    /// A client at this address, and its offer.
    pub(crate) fn offer(
        now: Instant,
        config: ClientConfig,
        sealing: Sealing,
        identity: &Identity,
        address: SocketAddr,
    ) -> (Self, String) {
        let mut rng = StdRng::seed_from_u64(config.seed);
        let mut ssrc = || rng.random_range(1..u32::MAX);
        let mut ssrcs: Vec<Vec<(u32, Option<u32>)>> = Vec::new();
        let mut lines = Vec::new();
        for (at, &source) in config.lines.iter().enumerate() {
            let audio = source.is_audio();
            let publishes = config.publishes.iter().any(|shape| shape.source == source);
            let encodings = encoding::count(source, config.simulcast && publishes);
            let of_line: Vec<_> =
                (0..encodings).map(|_| (ssrc(), (!audio).then(&mut ssrc))).collect();
            lines.push(LocalLine {
                mid: at.to_string(),
                audio,
                direction: "sendonly",
                ssrc: of_line.first().copied(),
                rids: if encodings > 1 { RIDS.to_vec() } else { Vec::new() },
                answered: None,
            });
            ssrcs.push(of_line);
        }
        let slots = std::iter::repeat_n(true, config.slots.audio.into())
            .chain(std::iter::repeat_n(false, config.slots.video.into()));
        for audio in slots {
            lines.push(LocalLine {
                mid: lines.len().to_string(),
                audio,
                direction: "recvonly",
                ssrc: None,
                rids: Vec::new(),
                answered: None,
            });
        }
        let mut client = Self::new(now, config, sealing, rng, address);
        (client.lines, client.ssrcs) = (lines, ssrcs);
        let sdp = client.describe("actpass", identity);
        (client, sdp)
    }

    /// A client that takes what a server offers, and its answer.
    pub(crate) fn accept(
        now: Instant,
        config: ClientConfig,
        identity: &Identity,
        address: SocketAddr,
        offer: &str,
    ) -> Result<(Self, String), ClientError> {
        let remote = sdp::parse(offer)?;
        let mut rng = StdRng::seed_from_u64(config.seed);
        let own = rng.random_range(1..u32::MAX);
        let mut client = Self::new(now, config, Sealing::Opaque, rng, address);
        client.ssrcs = vec![vec![(own, None)]];
        let mut slots = ReceiveSlots { audio: 0, video: 0 };
        for line in &remote.lines {
            *if line.audio { &mut slots.audio } else { &mut slots.video } += 1;
            client.take_line(line, None);
            client.lines.push(LocalLine {
                mid: line.mid.clone(),
                audio: line.audio,
                direction: "recvonly",
                ssrc: None,
                rids: Vec::new(),
                answered: Some(line.clone()),
            });
        }
        client.config.slots = slots;
        let (ufrag, tie_breaker) = (client.ufrag.clone(), client.tie_breaker);
        client.transport = Some(Transport::new(now, identity, &remote, &ufrag, true, tie_breaker)?);
        let sdp = client.describe("active", identity);
        Ok((client, sdp))
    }

    fn new(
        now: Instant,
        config: ClientConfig,
        sealing: Sealing,
        mut rng: StdRng,
        address: SocketAddr,
    ) -> Self {
        let mut text = |length: usize| {
            let digit = |_| char::from_digit(rng.random_range(0..36), 36).expect("below 36");
            (0..length).map(digit).collect::<String>()
        };
        let (ufrag, password) = (text(8), text(24));
        Self {
            address,
            tie_breaker: rng.random(),
            lines: Vec::new(),
            ssrcs: Vec::new(),
            transport: None,
            keys: None,
            sealing,
            receiver: Receiver::new(config.depth),
            sender: Sender::new(config.number, config.seed),
            arrivals: Arrivals::new(now),
            twcc_id: None,
            mid_id: None,
            report_due: None,
            connected: false,
            out: Outbox::default(),
            ufrag,
            password,
            config,
        }
    }

    fn describe(&self, setup: &str, identity: &Identity) -> String {
        let local = Local {
            session: self.tie_breaker >> 2,
            ufrag: &self.ufrag,
            password: &self.password,
            fingerprint: &identity.fingerprint,
            setup,
        };
        sdp::write(&local, &self.lines)
    }

    /// The tracks to announce.
    pub(crate) fn tracks(&self) -> Vec<Track> {
        let lines = self.config.lines.iter().copied().zip(&self.lines);
        let published = lines.filter(|(source, _)| {
            self.config.publishes.iter().any(|shape| shape.source == *source)
        });
        let track = |(source, line): (Source, &LocalLine)| Track {
            mid: line.mid.clone(),
            source,
            muted: false,
        };
        published.map(track).collect()
    }

    /// Takes the server's answer; the checks begin.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        sdp: &str,
        identity: &Identity,
    ) -> Result<SocketAddr, ClientError> {
        let remote = sdp::parse(sdp)?;
        if remote.lines.len() != self.lines.len() {
            return Err(ClientError::Sdp("the answer has other m-lines than the offer".into()));
        }
        for (at, line) in remote.lines.iter().enumerate() {
            self.take_line(line, self.config.lines.get(at).map(|source| (at, *source)));
        }
        // Whoever did not choose to begin the handshake leaves it to us.
        let active = remote.setup != "active";
        let transport =
            Transport::new(now, identity, &remote, &self.ufrag, active, self.tie_breaker)?;
        let server = transport.server;
        self.transport = Some(transport);
        Ok(server)
    }

    /// An m-line that was negotiated: one to send on, or a slot.
    fn take_line(&mut self, line: &Line, sends: Option<(usize, Source)>) {
        self.twcc_id = self.twcc_id.or(line.extension(sdp::TWCC));
        self.mid_id = self.mid_id.or(line.extension(sdp::MID));
        let Some((at, source)) = sends else {
            let slot = Slot { mid: line.mid.clone(), audio: line.audio, nack: line.nack };
            return self.receiver.add_slot(slot, line.ssrc, line.resend_ssrc);
        };
        if let Some(shape) = self.config.publishes.iter().find(|s| s.source == source) {
            self.sender.add_track(*shape, line, &self.ssrcs[at], &self.lines[at].rids);
        }
    }

    /// Somebody wants these encodings of what it publishes.
    pub(crate) fn want(&mut self, SubscribedQuality { source, wanted }: &SubscribedQuality) {
        self.sender.want(*source, wanted);
    }

    /// Where to send.
    pub(crate) fn server(&self) -> Option<SocketAddr> {
        self.transport.as_ref().map(|transport| transport.server)
    }

    /// How many m-lines it receives on.
    pub(crate) fn slots(&self) -> ReceiveSlots {
        self.config.slots
    }

    /// Whether a datagram is a media packet, rather than a resent one or a probe; none if it is
    /// something else.
    pub(crate) fn is_media(&self, datagram: &[u8]) -> Option<bool> {
        (Kind::of(datagram) == Kind::Rtp).then(|| {
            let ssrc = datagram.get(8..12).and_then(|ssrc| ssrc.try_into().ok());
            !ssrc.is_some_and(|ssrc| self.receiver.is_resend(u32::from_be_bytes(ssrc)))
        })
    }

    /// Whether ICE and DTLS are up.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// What came from the server.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
    ) -> Result<(), ClientError> {
        let Some(transport) = &mut self.transport else { return Ok(()) };
        let out = &mut self.out;
        let keys = match (Kind::of(datagram), &self.keys) {
            (Kind::Rtp, Some((_, keys))) => {
                let Some(header) = Header::parse(datagram) else { return Ok(()) };
                let number = self.twcc_id.and_then(|id| header.extension(datagram, id));
                if let Some(&[high, low]) = number {
                    let number = u16::from_be_bytes([high, low]);
                    self.arrivals.record(now, number, datagram.len());
                }
                let mid = self.mid_id.and_then(|id| header.extension(datagram, id));
                self.receiver.receive(now, datagram, &header, mid, keys);
                self.open_frames(now);
                return Ok(());
            }
            (Kind::Rtcp, Some((_, keys))) => {
                if let Some(compound) = keys.open_rtcp(datagram) {
                    self.heed(now, &compound);
                }
                return Ok(());
            }
            (Kind::Stun, _) => {
                transport.handle_stun(now, datagram, &self.password, self.address, out)?
            }
            (Kind::Dtls, _) => transport.handle_dtls(now, datagram, out)?,
            (Kind::Rtp | Kind::Rtcp | Kind::Other, _) => None,
        };
        self.take_keys(now, keys);
        Ok(())
    }

    fn take_keys(&mut self, now: Instant, keys: Option<(Keys, Keys)>) {
        if let Some(keys) = keys {
            self.keys = Some(keys);
            self.connected = true;
            self.report_due = Some(now + REPORT);
        }
    }

    fn heed(&mut self, now: Instant, compound: &[u8]) {
        for heard in rtcp::parse(compound) {
            match heard {
                Heard::SenderReport { ssrc, ntp } => self.receiver.sender_report(now, ssrc, ntp),
                Heard::KeyFrame { ssrc } => self.sender.key_frame_wanted(ssrc),
                Heard::Nack { ssrc, seqs } => {
                    if let Some((keys, _)) = &self.keys {
                        self.sender.resend(now, ssrc, &seqs, keys, &mut self.out);
                    }
                }
            }
        }
    }

    /// Frames that are whole are opened end to end.
    fn open_frames(&mut self, now: Instant) {
        let Sealing::EndToEnd(cryptor) = &mut self.sealing else { return };
        while let Some(frame) = self.receiver.poll_frame() {
            let codec = if frame.audio { Codec::Opus } else { Codec::Vp8 };
            match cryptor.unprotect(codec, &frame.data, crate::unix_ms()) {
                Ok(opened) => {
                    if let Some(probe) = Probe::read(&opened.frame) {
                        self.receiver.saw_frame(now, frame.ssrc, &probe);
                    }
                }
                Err(_) => self.receiver.stats.refused += 1,
            }
        }
    }

    /// When [`Client::handle_timeout`] is to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let transport = self.transport.as_ref()?.poll_timeout();
        if !self.connected {
            return Some(transport);
        }
        let others = [
            self.sender.poll_timeout(),
            self.receiver.poll_timeout(),
            self.arrivals.poll_timeout(),
            self.report_due,
        ];
        others.into_iter().flatten().chain([transport]).min()
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        unix: Duration,
    ) -> Result<(), ClientError> {
        let Some(transport) = &mut self.transport else { return Ok(()) };
        let keys = transport.handle_timeout(now, &mut self.out)?;
        let round_trip = transport.round_trip;
        self.take_keys(now, keys);
        let Some((keys, _)) = &mut self.keys else { return Ok(()) };
        self.sender.send_due(now, keys, &mut self.sealing, &mut self.out);
        let own = self.ssrcs[0][0].0;
        let mut compound = Compound::default();
        if self.report_due.is_some_and(|due| now >= due) {
            self.report_due = Some(now + REPORT);
            compound.receiver_report(own, &self.receiver.reports(now));
        }
        self.sender.report(now, unix, &mut compound);
        self.receiver.request(now, round_trip, own, &mut compound);
        if let Some(body) = self.arrivals.report(now) {
            compound.twcc(own, 0, &body);
        }
        if !compound.0.is_empty() {
            keys.protect_rtcp(&mut compound.0);
            self.out.push(&compound.0);
        }
        Ok(())
    }
}
