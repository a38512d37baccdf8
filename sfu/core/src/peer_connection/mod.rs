//! A participant's connection: one str0m `Rtc` and its state.

mod certificate;
mod codec;
mod codec_order;
mod guarded_rtc;
mod liveness;
mod offer;
mod pump_output;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use str0m::bwe::Bitrate;
use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Rid};
use str0m::net::{Receive, TcpType};
use str0m::rtp::{RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Input, ReceivedRtp, Rtc};

pub use certificate::{Certificate, CertificateUnavailable};
pub(crate) use codec::PayloadTypes;
pub(crate) use guarded_rtc::Fault;
pub(crate) use liveness::ReceivingPeriod;
pub(crate) use offer::{BadOffer, Offer};
pub(crate) use pump_output::PumpOutput;

use crate::limits::{CONNECT_TIMEOUT, SSRCS};
use crate::metrics::{Flow, SrtpProfile};
use codec_order::order_codecs_as_offered;
use guarded_rtc::GuardedRtc;
use liveness::MEDIA_INACTIVITY_TIMEOUT;
use offer::Origin;

/// Bandwidth estimate before any feedback: enough for one full-size track, which most links carry.
/// On a link that does not, the estimate falls within a second.
const INITIAL_ESTIMATE: Bitrate = Bitrate::kbps(2_000);
/// Number of sent packets that can be retransmitted, per slot. Subscribers share the payloads.
const RETRANSMIT_PACKETS: usize = 512;
/// Maximum age of a retransmitted packet. An older one would arrive too late to be shown.
const RETRANSMIT_AGE: Duration = Duration::from_secs(1);
/// Maximum share of retransmissions. A link that is too narrow loses packets faster than they can be
/// retransmitted, and would otherwise carry nothing else.
const RETRANSMIT_SHARE: f32 = 0.4;
/// Time between two pumps of a connection over which nothing is received.
const INACTIVE_PUMP_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two of str0m's reports of its statistics.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(5);

/// A connection and its state.
pub(crate) struct PeerConnection {
    rtc: GuardedRtc,
    origin: Origin,
    mids: Vec<Mid>,
    /// The encodings of m-lines that send several, the lowest first.
    encodings: Vec<(Mid, Vec<Rid>)>,
    state: State,
    last_received_at: Instant,
    last_pumped_at: Instant,
    timeout: Instant,
    /// The timeout may be met some milliseconds later.
    is_deferrable: bool,
    /// The m-line and encoding of each SSRC. The header extensions that name them are left out after
    /// the first packets.
    ssrcs: Vec<(Ssrc, Mid, Option<Rid>)>,
    /// The bitrates that the congestion control was last set to probe for.
    probe_target: (u64, u64),
    is_srtp_profile_known: bool,
    /// The totals that str0m last reported.
    nacks: HashMap<(Mid, Flow), u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// ICE and DTLS are not up yet, and must be by then.
    Connecting(Instant),
    Connected,
    /// Nothing has been received for a while. The next check restores the connection.
    Inactive,
    /// ICE is disconnected. The client may come back by itself or with an ICE restart.
    Disconnected,
}

/// An m-line on which the participant receives.
pub(crate) struct SendLine {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_types: PayloadTypes,
}

impl PeerConnection {
    /// Creates a connection from an offer. Returns it with its answer (RFC 8866).
    pub(crate) fn accept(
        now: Instant,
        certificate: &Certificate,
        (udp, tcp): (&[SocketAddr], &[SocketAddr]),
        estimate_bandwidth: bool,
        offer: Offer,
    ) -> Result<(Self, String), BadOffer> {
        let mut config = Rtc::builder()
            .set_crypto_provider(certificate.provider())
            .set_dtls_cert(certificate.dtls())
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .set_stats_interval(Some(STATISTICS_INTERVAL))
            .set_extension_map(codec::extensions());
        if estimate_bandwidth {
            config = config.enable_bwe(Some(INITIAL_ESTIMATE));
        }
        codec::configure(config.codec_config());
        let rtc = catch_unwind(AssertUnwindSafe(|| {
            let mut rtc = config.build(now);
            for address in udp {
                if let Ok(candidate) = Candidate::host(*address, "udp") {
                    rtc.add_local_candidate(candidate);
                }
            }
            for address in tcp {
                let passive = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive);
                if let Ok(candidate) = passive.build() {
                    rtc.add_local_candidate(candidate);
                }
            }
            rtc
        }))
        .map_err(|_| BadOffer::Unanswerable("the connection could not be created".to_owned()))?;
        let (sdp, origin, mids, encodings) = offer.into_parts();
        let mut connection = Self {
            rtc: GuardedRtc::new(rtc),
            origin,
            mids,
            encodings,
            state: State::Connecting(now + CONNECT_TIMEOUT),
            last_received_at: now,
            last_pumped_at: now,
            timeout: now,
            is_deferrable: false,
            ssrcs: Vec::new(),
            probe_target: (0, 0),
            is_srtp_profile_known: false,
            nacks: HashMap::new(),
        };
        let answer = connection.answer(sdp)?;
        Ok((connection, answer))
    }

    /// Accepts another offer of the same `RTCPeerConnection`, such as one of an ICE restart. Returns
    /// the answer.
    pub(crate) fn restart(&mut self, now: Instant, offer: Offer) -> Result<String, BadOffer> {
        let (sdp, _, mids, encodings) = offer.into_parts();
        let answer = self.answer(sdp)?;
        (self.mids, self.encodings) = (mids, encodings);
        self.ssrcs.clear();
        if self.state != State::Connected {
            self.state = State::Connecting(now + CONNECT_TIMEOUT);
        }
        Ok(answer)
    }

    fn answer(&mut self, offer: SdpOffer) -> Result<String, BadOffer> {
        let offered = offer.to_sdp_string();
        match self.rtc.call(|rtc| rtc.sdp_api().accept_offer(offer)) {
            Ok(answer) => Ok(order_codecs_as_offered(&answer.to_sdp_string(), &offered)),
            Err(Fault::Failed(error)) => Err(BadOffer::Unanswerable(offer::bounded_text(&error))),
            Err(Fault::Panicked) => {
                Err(BadOffer::Unanswerable("the negotiation was aborted".to_owned()))
            }
        }
    }

    /// Returns whether an offer continues this connection.
    pub(crate) fn continues(&self, offer: &Offer) -> bool {
        self.rtc.is_alive() && self.origin == *offer.origin()
    }

    /// Returns the local ICE user fragment; an ICE restart changes it.
    pub(crate) fn ufrag(&mut self) -> String {
        self.rtc.get_mut().direct_api().local_ice_credentials().ufrag
    }

    /// Returns whether packets can be sent.
    pub(crate) fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Records that ICE and DTLS are up. Returns whether they were not before.
    pub(crate) fn set_connected(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Connected) != State::Connected
    }

    /// Records that ICE is disconnected. Returns whether the connection was usable before.
    pub(crate) fn set_disconnected(&mut self) -> bool {
        let before = std::mem::replace(&mut self.state, State::Disconnected);
        !matches!(before, State::Inactive | State::Disconnected)
    }

    /// Records an authenticated check of the client. Returns whether the connection was inactive.
    pub(crate) fn record_check(&mut self, now: Instant) -> bool {
        self.last_received_at = now;
        self.state == State::Inactive
    }

    /// Marks a connected connection as inactive if nothing was received for too long since then.
    /// Returns whether it was.
    pub(crate) fn suspend_if_inactive(&mut self, now: Instant, receiving_since: Instant) -> bool {
        let since = self.last_received_at.max(receiving_since);
        let is_inactive = now.saturating_duration_since(since) >= MEDIA_INACTIVITY_TIMEOUT
            && self.state == State::Connected;
        if is_inactive {
            self.state = State::Inactive;
        }
        is_inactive
    }

    /// Returns whether DTLS is up, which it stays while ICE connects and disconnects.
    pub(crate) fn has_dtls(&self) -> bool {
        self.rtc.get().is_connected()
    }

    /// Returns whether ICE and DTLS took too long.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        matches!(self.state, State::Connecting(until) if until <= now)
    }

    /// Returns when to pump next.
    pub(crate) fn due(&self) -> Instant {
        match self.state {
            State::Connecting(until) => self.timeout.min(until),
            State::Connected => self.timeout,
            // Anything else that it would send, such as padding, reaches no client.
            State::Inactive | State::Disconnected => {
                self.timeout.max(self.last_pumped_at + INACTIVE_PUMP_INTERVAL)
            }
        }
    }

    /// Returns whether [`PeerConnection::due`] may be met some milliseconds later.
    pub(crate) fn is_deferrable(&self) -> bool {
        self.is_deferrable && !matches!(self.state, State::Connecting(_))
    }

    /// Returns the payload types of an m-line on which the participant sends this kind of media.
    pub(crate) fn receive_line(&self, mid: Mid, kind: MediaKind) -> Option<PayloadTypes> {
        let media = self.rtc.get().media(mid)?;
        let fits = media.kind() == kind && media.direction().is_receiving() && !media.disabled();
        fits.then(|| PayloadTypes::of(self.rtc.get(), media))
    }

    /// Returns the m-lines on which the participant only receives, in the order of the offer.
    pub(crate) fn send_lines(&mut self) -> Vec<SendLine> {
        let rtc = self.rtc.get_mut();
        let mut lines = Vec::new();
        for &mid in &self.mids {
            let Some(media) = rtc.media(mid) else { continue };
            let direction = media.direction();
            if !direction.is_sending() || direction.is_receiving() || media.disabled() {
                continue;
            }
            let kind = media.kind();
            let payload_types = PayloadTypes::of(rtc, media);
            let mut direct = rtc.direct_api();
            let Some(stream) = direct.stream_tx_by_mid(mid, None) else { continue };
            stream.set_rtx_cache(RETRANSMIT_PACKETS, RETRANSMIT_AGE, Some(RETRANSMIT_SHARE));
            // The publisher's encoder paces already. A queue here would only add delay.
            stream.set_unpaced(true);
            lines.push(SendLine { mid, kind, ssrc: stream.ssrc(), payload_types });
        }
        lines
    }

    /// Returns the m-line and the encoding of an incoming SSRC.
    pub(crate) fn stream_of(&mut self, ssrc: Ssrc) -> Option<(Mid, Option<Rid>)> {
        if let Some((_, mid, rid)) = self.ssrcs.iter().find(|(s, ..)| *s == ssrc) {
            return Some((*mid, *rid));
        }
        let mut direct = self.rtc.get_mut().direct_api();
        let stream = direct.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        if self.ssrcs.len() >= SSRCS {
            self.ssrcs.clear();
        }
        self.ssrcs.push((ssrc, mid, rid));
        Some((mid, rid))
    }

    /// Returns the encodings of an m-line on which the participant sends several, the lowest first.
    pub(crate) fn encodings(&self, mid: Mid) -> &[Rid] {
        self.encodings.iter().find(|(m, _)| *m == mid).map_or(&[], |(_, rids)| rids)
    }

    /// Returns the SRTP profile at the first packet that shows it, given the length of its datagram
    /// in bytes.
    pub(crate) fn detect_srtp_profile(
        &mut self,
        packet: &RtpPacket,
        datagram_len: usize,
    ) -> Option<SrtpProfile> {
        if self.is_srtp_profile_known || packet.header.has_padding {
            return None;
        }
        let plain_len = packet.header.header_len + packet.payload.len();
        let profile = SrtpProfile::of_tag(datagram_len.saturating_sub(plain_len))?;
        self.is_srtp_profile_known = true;
        Some(profile)
    }

    /// Sets the bitrates that the congestion control probes for, in bits per second: it maintains
    /// `next` by padding, and probes up to `ideal`.
    pub(crate) fn set_probe_target(&mut self, next: u64, ideal: u64) {
        // A tenth more or less makes no difference.
        let is_close = |a: u64, b: u64| a.abs_diff(b) * 10 <= a.max(b);
        if is_close(self.probe_target.0, next) && is_close(self.probe_target.1, ideal) {
            return;
        }
        self.probe_target = (next, ideal);
        self.rtc.get_mut().bwe().set_bitrate(Bitrate::from(next), Bitrate::from(ideal));
    }

    /// Records the total of NACKs on an m-line. Returns how many there were since the last call.
    pub(crate) fn update_nacks(&mut self, flow: Flow, mid: Mid, total: u64) -> u64 {
        let before = self.nacks.insert((mid, flow), total).unwrap_or(0);
        total.saturating_sub(before)
    }

    /// Receives an RTP or RTCP packet without handling what follows from it: a pump is due at once if
    /// it is urgent, and otherwise soon.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        receive: Receive<'_>,
    ) -> Result<ReceivedRtp, Fault> {
        self.last_received_at = now;
        // A timeout that is not deferrable is near anyway.
        if self.is_deferrable {
            self.timeout = self.timeout.min(now);
        }
        self.rtc.call(|rtc| rtc.receive_rtp(now, receive))
    }

    /// Sends a packet. Returns `false` if it is queued behind others, and a pump is due.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        packet: RtpWrite,
        output: &mut PumpOutput,
    ) -> Result<bool, Fault> {
        let queue = output.transmits();
        match self.rtc.call(|rtc| Ok(rtc.send_rtp(now, ssrc, packet, queue.buffer()))) {
            Ok(Some((protocol, source, destination))) => {
                queue.commit(protocol.into(), source, destination);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(fault) => {
                queue.discard();
                Err(fault)
            }
        }
    }

    /// Requests a key frame of the participant; the next pump sends the request. Returns `false` if
    /// nothing has been received on this m-line yet.
    pub(crate) fn request_key_frame(&mut self, mid: Mid, rid: Option<Rid>) -> Result<bool, Fault> {
        self.rtc.call(|rtc| {
            let mut direct = rtc.direct_api();
            let Some(stream) = direct.stream_rx_by_mid(mid, rid) else { return Ok(false) };
            stream.request_keyframe(KeyframeRequestKind::Pli);
            Ok(true)
        })
    }

    /// Returns whether an input belongs to this connection: for STUN, the integrity check.
    pub(crate) fn accepts(&mut self, input: &Input<'_>) -> Result<bool, Fault> {
        self.rtc.call(|rtc| Ok(rtc.accepts(input)))
    }

    /// Feeds an input and drains the output.
    pub(crate) fn pump(
        &mut self,
        now: Instant,
        input: Input<'_>,
        output: &mut PumpOutput,
    ) -> Result<(), Fault> {
        self.last_pumped_at = now;
        (self.timeout, self.is_deferrable) = self.rtc.pump(now, input, output)?;
        Ok(())
    }

    /// Closes the connection with RTCP BYE and a DTLS alert.
    pub(crate) fn close(&mut self, now: Instant, output: &mut PumpOutput) {
        self.rtc.close(now, output);
    }

    /// Panics as str0m could.
    #[cfg(test)]
    pub(crate) fn provoke_panic(&mut self) -> Result<(), Fault> {
        self.rtc.call(|rtc| {
            // Frames in RTP mode: against str0m's contract.
            rtc.writer("0".into());
            Ok(())
        })
    }
}

impl fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerConnection").field("state", &self.state).finish_non_exhaustive()
    }
}
