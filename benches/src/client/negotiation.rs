//! The SDP negotiation of a client, as offerer or answerer.

use std::net::SocketAddr;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use signaling_protocol::{ReceiveSlots, Source, Track};

use super::encoding::{self, RIDS};
use super::receiver::{Receiver, Slot};
use super::sdp::{self, Line, Local, LocalLine};
use super::sender::Sender;
use super::transport::{Identity, Transport};
use super::twcc::Arrivals;
use super::{Client, ClientConfig, ClientError, FrameProtection, Outbox};

impl Client {
    /// Creates a client at `address`, and its SDP offer.
    pub(crate) fn offer(
        now: Instant,
        config: ClientConfig,
        protection: FrameProtection,
        identity: &Identity,
        address: SocketAddr,
    ) -> (Self, String) {
        let mut rng = StdRng::seed_from_u64(config.seed);
        let mut ssrc = || rng.random_range(1..u32::MAX);
        let mut ssrcs: Vec<Vec<(u32, Option<u32>)>> = Vec::new();
        let mut lines = Vec::new();
        for (at, &source) in config.sources.iter().enumerate() {
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
        let mut client = Self::new(now, config, protection, rng, address);
        (client.lines, client.ssrcs) = (lines, ssrcs);
        let sdp = client.describe("actpass", identity);
        (client, sdp)
    }

    /// Creates a client for a server's SDP offer, and its answer. The client only receives.
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
        let mut client = Self::new(now, config, FrameProtection::Opaque, rng, address);
        client.ssrcs = vec![vec![(own, None)]];
        let mut slots = ReceiveSlots { audio: 0, video: 0 };
        for line in &remote.lines {
            *if line.audio { &mut slots.audio } else { &mut slots.video } += 1;
            client.add_line(line, None);
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
        protection: FrameProtection,
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
            protection,
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

    /// Returns the published tracks, to announce to the server.
    pub(crate) fn tracks(&self) -> Vec<Track> {
        let lines = self.config.sources.iter().copied().zip(&self.lines);
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

    /// Applies the server's SDP answer, after which ICE checks begin. Returns the server's address.
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
            self.add_line(line, self.config.sources.get(at).map(|source| (at, *source)));
        }
        // The client starts the DTLS handshake unless the server does.
        let active = remote.setup != "active";
        let transport =
            Transport::new(now, identity, &remote, &self.ufrag, active, self.tie_breaker)?;
        let server = transport.server;
        self.transport = Some(transport);
        Ok(server)
    }

    /// Adds a negotiated m-line: one to send on if `sends` is set, otherwise a slot.
    fn add_line(&mut self, line: &Line, sends: Option<(usize, Source)>) {
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
}
