//! A str0m client on a real socket: UDP, or TCP where the server tells of nothing else.
#![allow(dead_code, reason = "every user needs another part of it")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use sfu::SfuHandle;
use sfu_core::{MediaCommand, MediaEvent, MediaReport};
use signaling_protocol::{ParticipantId, RoomId, Source, Track};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::mpsc;

/// Returns a delivery of reports to a channel.
pub(crate) fn deliver_to(events: mpsc::Sender<MediaEvent>) -> impl Fn(MediaEvent) {
    move |event| {
        let _ = events.try_send(event);
    }
}

pub(crate) struct Client {
    pub(crate) connected: bool,
    pub(crate) received: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) last_payload: Vec<u8>,
    rtc: Rtc,
    wire: Wire,
    address: SocketAddr,
    timeout: Instant,
    pending: Option<SdpPendingOffer>,
    camera: Mid,
    sent: u64,
}

/// The transport of a client.
enum Wire {
    Udp(UdpSocket),
    /// With what has been read of a datagram that is not whole yet.
    Tcp(TcpStream, Vec<u8>),
}

impl Wire {
    fn protocol(&self) -> Protocol {
        match self {
            Self::Udp(_) => Protocol::Udp,
            Self::Tcp(..) => Protocol::Tcp,
        }
    }

    fn send(&mut self, datagram: &[u8], to: SocketAddr) {
        match self {
            Self::Udp(socket) => {
                let _ = socket.send_to(datagram, to);
            }
            Self::Tcp(stream, _) => {
                let length = u16::try_from(datagram.len()).expect("a short datagram");
                let framed = [&length.to_be_bytes()[..], datagram].concat();
                stream.write_all(&framed).expect("the server reads");
            }
        }
    }

    fn receive(&mut self) -> Option<(Vec<u8>, SocketAddr)> {
        match self {
            Self::Udp(socket) => {
                let mut buffer = [0; 2_000];
                let (length, source) = socket.recv_from(&mut buffer).ok()?;
                Some((buffer[..length].to_vec(), source))
            }
            Self::Tcp(stream, begun) => {
                let mut buffer = [0; 2_000];
                stream.set_nonblocking(true).expect("a socket");
                let read = stream.read(&mut buffer);
                stream.set_nonblocking(false).expect("a socket");
                if let Ok(length) = read {
                    begun.extend_from_slice(&buffer[..length]);
                }
                let length = usize::from(u16::from_be_bytes(*begun.first_chunk()?));
                let datagram = begun.get(2..2 + length)?.to_vec();
                begun.drain(..2 + length);
                Some((datagram, stream.peer_addr().expect("a connection")))
            }
        }
    }
}

impl Client {
    /// Joins a room, publishing a camera or nothing.
    pub(crate) fn join(
        sfu: &SfuHandle,
        events: &mut mpsc::Receiver<MediaEvent>,
        room: &RoomId,
        participant: u32,
        publishes: bool,
        slots: (usize, usize),
    ) -> Self {
        Self::join_over(None, sfu, events, room, participant, publishes, slots)
    }

    /// The same over a TCP connection to this address.
    pub(crate) fn join_over(
        tcp: Option<SocketAddr>,
        sfu: &SfuHandle,
        events: &mut mpsc::Receiver<MediaEvent>,
        room: &RoomId,
        participant: u32,
        publishes: bool,
        slots: (usize, usize),
    ) -> Self {
        let participant = ParticipantId(participant);
        let (wire, address) = match tcp {
            None => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
                socket.set_nonblocking(true).expect("a socket");
                let address = socket.local_addr().expect("a bound socket");
                (Wire::Udp(socket), address)
            }
            Some(server) => {
                let stream = TcpStream::connect(server).expect("the server listens");
                let address = stream.local_addr().expect("a connection");
                (Wire::Tcp(stream, Vec::new()), address)
            }
        };
        let now = Instant::now();
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, wire.protocol()).expect("a candidate"));
        let mut change = rtc.sdp_api();
        let mut add = |kind, direction| change.add_media(kind, direction, None, None, None);
        add(MediaKind::Audio, Direction::SendOnly);
        let camera = add(MediaKind::Video, Direction::SendOnly);
        for _ in 0..slots.0 {
            add(MediaKind::Audio, Direction::RecvOnly);
        }
        for _ in 0..slots.1 {
            add(MediaKind::Video, Direction::RecvOnly);
        }
        let (offer, pending) = change.apply().expect("something to offer");
        let mut client = Self {
            connected: false,
            received: 0,
            payload_bytes: 0,
            last_payload: Vec::new(),
            rtc,
            wire,
            address,
            timeout: now,
            pending: Some(pending),
            camera,
            sent: 0,
        };
        let sdp = offer.to_sdp_string();
        sfu.send(MediaCommand::Offer { room: room.clone(), participant, sdp }).expect("not busy");
        let tracks = if publishes {
            vec![Track { mid: camera.to_string(), source: Source::Camera, muted: false }]
        } else {
            Vec::new()
        };
        sfu.send(MediaCommand::SetTracks { room: room.clone(), participant, tracks })
            .expect("not busy");
        let answer = loop {
            let event = events.blocking_recv().expect("the SFU runs");
            match event.report {
                MediaReport::Answer { sdp } if event.participant == participant => break sdp,
                MediaReport::Refused { refusal } => panic!("{refusal}"),
                MediaReport::Answer { .. }
                | MediaReport::Connected
                | MediaReport::SubscribedQuality(_)
                | MediaReport::Downlink(_)
                | MediaReport::Lost { .. } => {}
            }
        };
        let answer = SdpAnswer::from_sdp_string(&answer).expect("a well-formed answer");
        let pending = client.pending.take().expect("an offer");
        client.rtc.sdp_api().accept_answer(pending, answer).expect("a fitting answer");
        client.drain();
        client
    }

    /// Queues a packet of the camera; `marker` ends a frame.
    pub(crate) fn send(&mut self, timestamp: u32, marker: bool, payload: &[u8]) {
        let pt = self.rtc.codec_config().find(|p| p.spec().codec == Codec::Vp8).expect("VP8").pt();
        self.sent += 1;
        let seq = self.sent;
        let packet = RtpWrite::new(pt, seq.into(), timestamp, Instant::now(), payload);
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(self.camera, None).expect("a sending m-line");
        stream.write_rtp(packet.marker(marker).nackable(true));
        self.timeout = Instant::now();
    }

    /// Reads and sends what there is, without waiting. Whether anything was read.
    pub(crate) fn turn(&mut self) -> bool {
        let mut any = false;
        while let Some((datagram, source)) = self.wire.receive() {
            any = true;
            let receive = Receive::new(self.wire.protocol(), source, self.address, &datagram[..])
                .expect("sane");
            let input = Input::Receive(Instant::now(), receive);
            self.rtc.handle_input(input).expect("the server keeps the protocol");
            self.drain();
        }
        while self.timeout <= Instant::now() {
            self.rtc.handle_input(Input::Timeout(Instant::now())).expect("time passes");
            self.drain();
        }
        any
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect("the connection holds") {
                Output::Timeout(at) => {
                    self.timeout = at;
                    return;
                }
                Output::Transmit(t) => {
                    self.wire.send(&t.contents, t.destination);
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::RtpPacket(packet)) => {
                    self.received += 1;
                    self.payload_bytes += packet.payload.len();
                    self.last_payload = packet.payload.to_vec();
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// Lets the clients work until `done` says so; fails after ten seconds.
pub(crate) fn work_until(clients: &mut [Client], what: &str, done: impl Fn(&[Client]) -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done(clients) {
        assert!(Instant::now() < end, "waited 10 s for {what}");
        work(clients, Duration::from_millis(1));
    }
}

/// Lets the clients work for a while.
pub(crate) fn work(clients: &mut [Client], time: Duration) {
    let end = Instant::now() + time;
    loop {
        let mut busy = false;
        for client in clients.iter_mut() {
            busy |= client.turn();
        }
        if Instant::now() >= end {
            return;
        }
        if !busy {
            std::thread::yield_now();
        }
    }
}
