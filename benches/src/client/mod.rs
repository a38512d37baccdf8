//! A lightweight headless WebRTC client.
//!
//! It connects by ICE and DTLS, sends media with the sizes and timing of real encoders, and sends the
//! same RTCP as a browser: transport-wide feedback, NACKs, key frame requests and reports. It does not
//! decode media, and decrypts only a sample of the packets where headers are enough. One process can
//! run thousands of clients that use less CPU than the server under test.
//!
//! The client has no sockets and no clock: call `handle_datagram` and `handle_timeout`, and send the
//! datagrams in its [`Outbox`].

mod encoding;
mod encoding_history;
mod frame_protection;
mod negotiation;
mod outbox;
mod received_stream;
mod receiver;
mod rtcp;
mod rtp;
mod sdp;
mod sender;
mod srtp;
mod stats;
#[cfg(test)]
mod tests;
mod transport;
mod twcc;
mod vp8;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use e2ee::media::Codec;
use signaling_protocol::{ReceiveSlots, Source, SubscribedQuality};

pub(crate) use encoding_history::EncodingHistory;
pub(crate) use frame_protection::FrameProtection;
pub(crate) use outbox::Outbox;
pub(crate) use receiver::Depth;
pub(crate) use sender::TrackConfig;
pub(crate) use stats::{Received, StreamStats};
pub(crate) use transport::Identity;

use crate::frame_stamp::FrameStamp;
use receiver::Receiver;
use rtcp::{Compound, RtcpFeedback};
use rtp::{Header, Kind};
use sdp::LocalLine;
use sender::Sender;
use srtp::Keys;
use transport::Transport;
use twcc::Arrivals;

/// The interval of receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// The sources that a client offers to publish, in the order of their m-lines.
pub(crate) const SOURCES: [Source; 4] =
    [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];

/// Why a client's connection failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("SDP: {0}")]
    Sdp(String),
    #[error("ICE: {0}")]
    Ice(String),
    #[error("DTLS: {0}")]
    Dtls(String),
    #[error("the SRTP profile is unsupported: {0}")]
    Profile(String),
    #[error("the server does not answer any more")]
    Lost,
}

/// The configuration of a client.
#[derive(Debug, Clone)]
pub(crate) struct ClientConfig {
    /// The participant's number, for stamps.
    pub(crate) number: u32,
    pub(crate) seed: u64,
    pub(crate) publishes: Vec<TrackConfig>,
    pub(crate) simulcast: bool,
    /// The sources to offer m-lines for.
    pub(crate) sources: Vec<Source>,
    pub(crate) slots: ReceiveSlots,
    pub(crate) depth: Depth,
}

/// The state of one client.
pub(crate) struct Client {
    config: ClientConfig,
    address: SocketAddr,
    ufrag: String,
    password: String,
    tie_breaker: u64,
    lines: Vec<LocalLine>,
    /// The SSRCs of each encoding of each published m-line, for media and retransmissions.
    ssrcs: Vec<Vec<(u32, Option<u32>)>>,
    transport: Option<Transport>,
    keys: Option<(Keys, Keys)>,
    pub(crate) protection: FrameProtection,
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
    /// Sets which encodings of a published source receivers use.
    pub(crate) fn set_subscribed_quality(
        &mut self,
        SubscribedQuality { source, wanted }: &SubscribedQuality,
    ) {
        self.sender.set_active_encodings(*source, wanted);
    }

    /// Returns the server's media address, once negotiated.
    pub(crate) fn server(&self) -> Option<SocketAddr> {
        self.transport.as_ref().map(|transport| transport.server)
    }

    /// Returns the number of receiving m-lines.
    pub(crate) fn slots(&self) -> ReceiveSlots {
        self.config.slots
    }

    /// Returns `Some(true)` for a media packet, `Some(false)` for a retransmission or probe, and `None`
    /// for other datagrams.
    pub(crate) fn is_media(&self, datagram: &[u8]) -> Option<bool> {
        (Kind::of(datagram) == Kind::Rtp).then(|| {
            let ssrc = datagram.get(8..12).and_then(|ssrc| ssrc.try_into().ok());
            !ssrc.is_some_and(|ssrc| self.receiver.is_resend(u32::from_be_bytes(ssrc)))
        })
    }

    /// Returns `true` once ICE and DTLS are connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Handles a datagram from the server.
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
                self.decrypt_frames(now);
                return Ok(());
            }
            (Kind::Rtcp, Some((_, keys))) => {
                if let Some(compound) = keys.unprotect_rtcp(datagram) {
                    self.handle_rtcp(now, &compound);
                }
                return Ok(());
            }
            (Kind::Stun, _) => {
                transport.handle_stun(now, datagram, &self.password, self.address, out)?
            }
            (Kind::Dtls, _) => transport.handle_dtls(now, datagram, out)?,
            (Kind::Rtp | Kind::Rtcp | Kind::Other, _) => None,
        };
        self.install_keys(now, keys);
        Ok(())
    }

    fn install_keys(&mut self, now: Instant, keys: Option<(Keys, Keys)>) {
        if let Some(keys) = keys {
            self.keys = Some(keys);
            self.connected = true;
            self.report_due = Some(now + REPORT_INTERVAL);
        }
    }

    fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) {
        for feedback in rtcp::parse(compound) {
            match feedback {
                RtcpFeedback::SenderReport { ssrc, ntp } => {
                    self.receiver.sender_report(now, ssrc, ntp)
                }
                RtcpFeedback::KeyFrame { ssrc } => self.sender.request_key_frame(ssrc),
                RtcpFeedback::Nack { ssrc, seqs } => {
                    if let Some((keys, _)) = &self.keys {
                        self.sender.resend(now, ssrc, &seqs, keys, &mut self.out);
                    }
                }
            }
        }
    }

    /// Decrypts complete frames end to end.
    fn decrypt_frames(&mut self, now: Instant) {
        let FrameProtection::EndToEnd(cryptor) = &mut self.protection else { return };
        while let Some(frame) = self.receiver.poll_frame() {
            let codec = if frame.audio { Codec::Opus } else { Codec::Vp8 };
            match cryptor.unprotect(codec, &frame.data, crate::unix_ms()) {
                Ok(decrypted) => {
                    if let Some(stamp) = FrameStamp::parse(&decrypted.frame) {
                        self.receiver.record_frame(now, frame.ssrc, &stamp);
                    }
                }
                Err(_) => self.receiver.stats.unauthentic += 1,
            }
        }
    }

    /// Returns when to call [`Client::handle_timeout`].
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

    /// Sends due media, reports and requests.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        unix: Duration,
    ) -> Result<(), ClientError> {
        let Some(transport) = &mut self.transport else { return Ok(()) };
        let keys = transport.handle_timeout(now, &mut self.out)?;
        let round_trip = transport.round_trip;
        self.install_keys(now, keys);
        let Some((keys, _)) = &mut self.keys else { return Ok(()) };
        self.sender.send_due(now, keys, &mut self.protection, &mut self.out);
        let own = self.ssrcs[0][0].0;
        let mut compound = Compound::default();
        if self.report_due.is_some_and(|due| now >= due) {
            self.report_due = Some(now + REPORT_INTERVAL);
            compound.receiver_report(own, &self.receiver.reports(now));
        }
        self.sender.write_reports(now, unix, &mut compound);
        self.receiver.write_requests(now, round_trip, own, &mut compound);
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
