//! A WebRTC client that only receives: it returns RTP packets of every codec that browsers send.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use signaling_protocol::ReceiveSlots;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;

use crate::BenchError;

/// The receive buffer of the socket in bytes.
const RECEIVE_BUFFER: usize = 1 << 20;

/// An output of the client.
pub(crate) enum MediaOutput {
    /// ICE and DTLS are connected.
    Connected,
    /// The payload of an RTP packet.
    Packet { audio: bool, payload: std::sync::Arc<[u8]> },
}

/// A connection to the SFU with its own UDP socket.
pub(crate) struct ReceiveOnlyClient {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    pending: Option<SdpPendingOffer>,
    /// Video streams for which a key frame was requested.
    key_frame_requested: HashSet<Ssrc>,
}

impl ReceiveOnlyClient {
    /// Opens a socket, and creates the client and its SDP offer.
    pub(crate) async fn open(slots: ReceiveSlots) -> Result<(Self, String), BenchError> {
        let config = Rtc::builder().clear_codecs().enable_opus(true, false);
        let config = config.enable_vp8(true).enable_vp9(true).set_rtp_mode(true);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER)?;
        let address = socket.local_addr()?;
        let now = Instant::now();
        let mut rtc = config.build(now);
        let candidate = Candidate::host(address, Protocol::Udp)
            .map_err(|error| BenchError::Failed(error.to_string()))?;
        rtc.add_local_candidate(candidate);

        let mut changes = rtc.sdp_api();
        let mut add = |kind, direction| changes.add_media(kind, direction, None, None, None);
        // Every client must offer these m-lines first, in this order; this one sends nothing.
        for kind in [MediaKind::Audio, MediaKind::Video, MediaKind::Video, MediaKind::Audio] {
            add(kind, Direction::SendOnly);
        }
        for _ in 0..slots.audio {
            add(MediaKind::Audio, Direction::RecvOnly);
        }
        for _ in 0..slots.video {
            add(MediaKind::Video, Direction::RecvOnly);
        }
        let (offer, pending) =
            changes.apply().ok_or_else(|| BenchError::Failed("nothing to offer".into()))?;
        let listener = Self {
            rtc,
            socket,
            address,
            pending: Some(pending),
            key_frame_requested: HashSet::new(),
        };
        Ok((listener, offer.to_sdp_string()))
    }

    /// Applies the SFU's SDP answer.
    pub(crate) fn answer(&mut self, sdp: &str) -> Result<(), BenchError> {
        let answer = SdpAnswer::from_sdp_string(sdp)
            .map_err(|error| BenchError::Failed(format!("the answer: {error}")))?;
        match self.pending.take() {
            Some(pending) => Ok(self.rtc.sdp_api().accept_answer(pending, answer)?),
            None => Err(BenchError::Failed("an answer without an offer".into())),
        }
    }

    /// Sends pending datagrams and collects outputs; returns when to call [`Self::tick`].
    pub(crate) fn drain(&mut self, outputs: &mut Vec<MediaOutput>) -> Result<Instant, BenchError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(transmit) => {
                    // A full socket buffer counts as packet loss.
                    let _ = self.socket.try_send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::Connected) => outputs.push(MediaOutput::Connected),
                Output::Event(Event::RtpPacket(packet)) => {
                    outputs.extend(self.handle_packet(packet))
                }
                Output::Event(_) => {}
            }
        }
    }

    /// Requests a key frame for each new video stream, as a decoder does.
    fn handle_packet(&mut self, packet: RtpPacket) -> Option<MediaOutput> {
        let ssrc = packet.header.ssrc;
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        let audio = self.rtc.media(mid)?.kind() == MediaKind::Audio;
        if !audio && self.key_frame_requested.insert(ssrc) {
            let mut direct = self.rtc.direct_api();
            direct.stream_rx(&ssrc)?.request_keyframe(KeyframeRequestKind::Pli);
        }
        Some(MediaOutput::Packet { audio, payload: packet.payload })
    }

    /// Handles due timers.
    pub(crate) fn tick(&mut self) -> Result<(), BenchError> {
        Ok(self.rtc.handle_input(Input::Timeout(Instant::now()))?)
    }

    /// Waits until a datagram has arrived.
    pub(crate) async fn readable(&self) -> Result<(), BenchError> {
        Ok(self.socket.readable().await?)
    }

    /// Reads up to 64 datagrams that have arrived.
    pub(crate) fn read(&mut self, outputs: &mut Vec<MediaOutput>) -> Result<(), BenchError> {
        let mut buffer = [0u8; 2048];
        for _ in 0..64 {
            let Ok((length, source)) = self.socket.try_recv_from(&mut buffer) else { break };
            let Ok(receive) = Receive::new(Protocol::Udp, source, self.address, &buffer[..length])
            else {
                continue;
            };
            self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
            self.drain(outputs)?;
        }
        Ok(())
    }
}
