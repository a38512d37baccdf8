//! A participant's connection: one str0m `Rtc`, kept at arm's length.

pub(crate) mod certificate;
pub(crate) mod codec;
mod codec_order;
pub(crate) mod offer;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use str0m::bwe::Bitrate;
use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Rid};
use str0m::net::{Receive, TcpType};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, PacerReason, Reason, ReceivedRtp, Rtc, RtcError};

use crate::limits::{CONNECT, SSRCS};
use crate::metrics::Flow;
use crate::peer_connection::codec::PayloadTypes;
use crate::peer_connection::codec_order::order_codecs_as_offered;
use crate::peer_connection::offer::{BadOffer, Offer, Origin};
use crate::transport::transmit_queue::Outbox;
use crate::worker::WorkerConfig;
use crate::worker::liveness::SILENCE;

/// How far a pump works ahead of the time. str0m lets one packet out per timeout, and the next one a
/// microsecond later: what is due within this is done at once.
const AHEAD: Duration = Duration::from_millis(1);
/// Passes of one pump, in case that time should not advance.
const PASSES: usize = 4_096;
/// Where the bandwidth estimate starts, before any feedback: enough for one large picture, which most
/// lines carry, and on those that do not the estimate falls within a second.
const INITIAL_ESTIMATE: Bitrate = Bitrate::kbps(2_000);
/// Sent packets that can be sent again, per slot. Payloads are shared by all subscribers.
const RESEND_PACKETS: usize = 512;
/// How old a packet that is sent again may be. Later it would come too late to be shown.
const RESEND_AGE: Duration = Duration::from_secs(1);
/// Resends may take up to this share of what is sent. A link that is too narrow loses packets faster
/// than they can be sent again, and would otherwise carry nothing else.
const RESEND_SHARE: f32 = 0.4;
/// How often a connection is pumped over which nothing comes.
const LISTEN: Duration = Duration::from_secs(1);
/// How often str0m reports its counts.
const STATISTICS: Duration = Duration::from_secs(5);

/// A connection and its state.
pub(crate) struct Connection {
    rtc: Rtc,
    origin: Origin,
    mids: Vec<Mid>,
    /// The encodings of m-lines that send several, the lowest first.
    encodings: Vec<(Mid, Vec<Rid>)>,
    state: State,
    /// When anything last came from the client.
    heard: Instant,
    /// When it was last pumped.
    pumped: Instant,
    timeout: Instant,
    /// That time may come some milliseconds later.
    can_wait: bool,
    /// Which m-line and encoding an SSRC belongs to; the header extensions that say so are left out
    /// after the first packets.
    ssrcs: Vec<(Ssrc, Mid, Option<Rid>)>,
    /// What the congestion control was last asked to find out.
    aim: (u64, u64),
    /// Whether the SRTP profile has been counted.
    pub(crate) profile_known: bool,
    /// A call panicked: its state can't be trusted any more.
    broken: bool,
    /// What str0m last reported.
    nacks: HashMap<(Mid, Flow), u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// ICE or DTLS is not up yet, and must be by then.
    Connecting(Instant),
    Connected,
    /// Nothing has come from the client for a while. The next check brings it back.
    Silent,
    /// No checks from the client for a while. It may come back by itself or with an ICE restart.
    Lost,
}

/// Where what a connection brings out goes.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    pub(crate) outbox: Outbox,
    pub(crate) events: Vec<Event>,
}

/// Why a connection is over. Nobody else is affected.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A bug in the machinery below.
    Panicked,
    /// It failed, for instance because the certificate is not the one of the offer.
    Failed(RtcError),
}

/// An m-line on which the participant receives.
pub(crate) struct SendingLine {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_types: PayloadTypes,
}

impl Connection {
    /// A connection for this offer, and its answer.
    pub(crate) fn accept(
        now: Instant,
        worker: &WorkerConfig,
        offer: Offer,
    ) -> Result<(Self, String), BadOffer> {
        let WorkerConfig { certificate, candidates, tcp_candidates, .. } = worker;
        let mut config = Rtc::builder()
            .set_crypto_provider(certificate.provider.clone())
            .set_dtls_cert(certificate.dtls.clone())
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .set_stats_interval(Some(STATISTICS))
            .set_extension_map(codec::extensions());
        if worker.estimate_bandwidth {
            config = config.enable_bwe(Some(INITIAL_ESTIMATE));
        }
        codec::configure(config.codec_config());
        let rtc = catch_unwind(AssertUnwindSafe(|| {
            let mut rtc = config.build(now);
            for address in candidates {
                if let Ok(candidate) = Candidate::host(*address, "udp") {
                    rtc.add_local_candidate(candidate);
                }
            }
            for address in tcp_candidates {
                let passive = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive);
                if let Ok(candidate) = passive.build() {
                    rtc.add_local_candidate(candidate);
                }
            }
            rtc
        }))
        .map_err(|_| BadOffer::Unanswerable("the connection could not be made".to_owned()))?;
        let mut connection = Self {
            rtc,
            origin: offer.origin,
            mids: offer.mids,
            encodings: offer.encodings,
            state: State::Connecting(now + CONNECT),
            heard: now,
            pumped: now,
            timeout: now,
            can_wait: false,
            ssrcs: Vec::new(),
            aim: (0, 0),
            profile_known: false,
            broken: false,
            nacks: HashMap::new(),
        };
        let answer = connection.answer(offer.sdp)?;
        Ok((connection, answer))
    }

    /// Takes a further offer of the same `RTCPeerConnection`, as an ICE restart makes one.
    pub(crate) fn restart(&mut self, now: Instant, offer: Offer) -> Result<String, BadOffer> {
        let answer = self.answer(offer.sdp)?;
        self.mids = offer.mids;
        self.encodings = offer.encodings;
        self.ssrcs.clear();
        if self.state != State::Connected {
            self.state = State::Connecting(now + CONNECT);
        }
        Ok(answer)
    }

    fn answer(&mut self, offer: SdpOffer) -> Result<String, BadOffer> {
        let offered = offer.to_sdp_string();
        match self.guard(|rtc| rtc.sdp_api().accept_offer(offer)) {
            Ok(answer) => Ok(order_codecs_as_offered(&answer.to_sdp_string(), &offered)),
            Err(Fault::Failed(error)) => Err(BadOffer::Unanswerable(BadOffer::words(&error))),
            Err(Fault::Panicked) => {
                Err(BadOffer::Unanswerable("the negotiation gave up".to_owned()))
            }
        }
    }

    /// Whether this offer continues this connection.
    pub(crate) fn continues(&self, offer: &Offer) -> bool {
        !self.broken && self.origin == offer.origin && self.rtc.is_alive()
    }

    /// The local ICE user fragment; an ICE restart changes it.
    pub(crate) fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// ICE and DTLS are up. Whether they were not before.
    pub(crate) fn set_connected(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Connected) != State::Connected
    }

    /// ICE does not hear the client any more. Whether that is news.
    pub(crate) fn set_lost(&mut self) -> bool {
        let before = std::mem::replace(&mut self.state, State::Lost);
        !matches!(before, State::Silent | State::Lost)
    }

    /// The client has proved that it is there. Whether it had been given up for its silence.
    pub(crate) fn hear(&mut self, now: Instant) -> bool {
        self.heard = now;
        self.state == State::Silent
    }

    /// Gives it up if it is connected and silent, by one who has listened since then. Whether it was
    /// given up.
    pub(crate) fn give_up_if_silent(&mut self, now: Instant, listened_since: Instant) -> bool {
        let silent = now.saturating_duration_since(self.heard.max(listened_since)) >= SILENCE;
        let gives_up = silent && self.state == State::Connected;
        if gives_up {
            self.state = State::Silent;
        }
        gives_up
    }

    /// Whether DTLS is up, which it stays while ICE comes and goes.
    pub(crate) fn has_keys(&self) -> bool {
        self.rtc.is_connected()
    }

    /// Whether ICE and DTLS took too long.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        matches!(self.state, State::Connecting(until) if until <= now)
    }

    /// When to pump next.
    pub(crate) fn due(&self) -> Instant {
        match self.state {
            State::Connecting(until) => self.timeout.min(until),
            State::Connected => self.timeout,
            // Whatever else it would send, padding for one, is sent to nobody.
            State::Silent | State::Lost => self.timeout.max(self.pumped + LISTEN),
        }
    }

    /// Whether [`Connection::due`] may be met some milliseconds later.
    pub(crate) fn can_wait(&self) -> bool {
        self.can_wait && !matches!(self.state, State::Connecting(_))
    }

    /// The payload types of an m-line on which the participant sends this kind of media.
    pub(crate) fn receives(&self, mid: Mid, kind: MediaKind) -> Option<PayloadTypes> {
        let media = self.rtc.media(mid)?;
        let fits = media.kind() == kind && media.direction().is_receiving() && !media.disabled();
        fits.then(|| PayloadTypes::of(&self.rtc, media))
    }

    /// The m-lines on which the participant only receives, in the order of the offer.
    pub(crate) fn sending_lines(&mut self) -> Vec<SendingLine> {
        let mut lines = Vec::new();
        for &mid in &self.mids {
            let Some(media) = self.rtc.media(mid) else { continue };
            let direction = media.direction();
            if !direction.is_sending() || direction.is_receiving() || media.disabled() {
                continue;
            }
            let kind = media.kind();
            let payload_types = PayloadTypes::of(&self.rtc, media);
            let mut direct = self.rtc.direct_api();
            let Some(stream) = direct.stream_tx_by_mid(mid, None) else { continue };
            stream.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, Some(RESEND_SHARE));
            // The publisher's encoder paces already. A queue here would only add delay, since
            // nothing yet chooses to send less than what comes in.
            stream.set_unpaced(true);
            lines.push(SendingLine { mid, kind, ssrc: stream.ssrc(), payload_types });
        }
        lines
    }

    /// The m-line and the encoding that an incoming SSRC belongs to.
    pub(crate) fn stream_of(&mut self, ssrc: Ssrc) -> Option<(Mid, Option<Rid>)> {
        if let Some((_, mid, rid)) = self.ssrcs.iter().find(|(s, ..)| *s == ssrc) {
            return Some((*mid, *rid));
        }
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        if self.ssrcs.len() >= SSRCS {
            self.ssrcs.clear();
        }
        self.ssrcs.push((ssrc, mid, rid));
        Some((mid, rid))
    }

    /// The encodings of an m-line on which the participant sends several, the lowest first.
    pub(crate) fn encodings(&self, mid: Mid) -> &[Rid] {
        self.encodings.iter().find(|(m, _)| *m == mid).map_or(&[], |(_, rids)| rids)
    }

    /// Has the congestion control look for more: it keeps the rate up to `next` by padding, and
    /// probes up to `ideal`, in bits per second.
    pub(crate) fn aim_for(&mut self, next: u64, ideal: u64) {
        // A tenth more or less is the same question.
        let close = |a: u64, b: u64| a.abs_diff(b) * 10 <= a.max(b);
        if close(self.aim.0, next) && close(self.aim.1, ideal) {
            return;
        }
        self.aim = (next, ideal);
        self.rtc.bwe().set_bitrate(Bitrate::from(next), Bitrate::from(ideal));
    }

    /// How many NACKs an m-line has seen since this was last asked, given how many in all.
    pub(crate) fn nacks_since(&mut self, flow: Flow, mid: Mid, total: u64) -> u64 {
        let before = self.nacks.insert((mid, flow), total).unwrap_or(0);
        total.saturating_sub(before)
    }

    /// Takes a media packet or a report, without working on what follows from it: a pump is due at
    /// once if it is urgent, and otherwise soon.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        receive: Receive<'_>,
    ) -> Result<ReceivedRtp, Fault> {
        self.heard = now;
        // What cannot wait is near anyway.
        if self.can_wait {
            self.timeout = self.timeout.min(now);
        }
        self.guard(|rtc| rtc.receive_rtp(now, receive))
    }

    /// Sends a packet. False if others wait before it: it is queued, and a pump is due.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        packet: RtpWrite,
        drained: &mut Drained,
    ) -> Result<bool, Fault> {
        match self.guard(|rtc| Ok(rtc.send_rtp(now, ssrc, packet, drained.outbox.buffer()))) {
            Ok(Some((protocol, source, destination))) => {
                drained.outbox.commit(protocol.into(), source, destination);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(fault) => {
                drained.outbox.discard();
                Err(fault)
            }
        }
    }

    /// Asks the participant for a key frame; the next pump sends the request. False if it has sent
    /// nothing on this m-line yet.
    pub(crate) fn request_key_frame(&mut self, mid: Mid, rid: Option<Rid>) -> Result<bool, Fault> {
        self.guard(|rtc| {
            let mut direct = rtc.direct_api();
            let Some(stream) = direct.stream_rx_by_mid(mid, rid) else { return Ok(false) };
            stream.request_keyframe(KeyframeRequestKind::Pli);
            Ok(true)
        })
    }

    /// Whether the connection recognises this input as meant for it: for STUN, the integrity
    /// check.
    pub(crate) fn accepts(&mut self, input: &Input<'_>) -> Result<bool, Fault> {
        self.guard(|rtc| Ok(rtc.accepts(input)))
    }

    /// Feeds an input and drains everything that comes of it.
    pub(crate) fn pump(
        &mut self,
        now: Instant,
        input: Input<'_>,
        drained: &mut Drained,
    ) -> Result<(), Fault> {
        self.pumped = now;
        (self.timeout, self.can_wait) = self.guard(|rtc| {
            rtc.handle_input(input)?;
            for _ in 0..PASSES {
                let timeout = drain(rtc, drained)?;
                if timeout > now + AHEAD {
                    return Ok((timeout, !rtc.is_probing() && can_wait(rtc.last_timeout_reason())));
                }
                rtc.handle_input(Input::Timeout(timeout.max(now)))?;
            }
            drain(rtc, drained)?;
            Ok((now + AHEAD, false))
        })?;
        Ok(())
    }

    /// Says goodbye: RTCP BYE and a DTLS alert.
    pub(crate) fn close(&mut self, now: Instant, drained: &mut Drained) {
        // A connection that fails while it ends is over all the same.
        let _ = self.guard(|rtc| {
            rtc.close()?;
            drain(rtc, drained)?;
            rtc.handle_input(Input::Timeout(now))?;
            drain(rtc, drained)
        });
    }

    /// str0m may panic on a broken assumption of its own. That costs this connection, which is
    /// never called again, so no half-changed state is ever seen.
    fn guard<T>(&mut self, call: impl FnOnce(&mut Rtc) -> Result<T, RtcError>) -> Result<T, Fault> {
        if self.broken {
            return Err(Fault::Panicked);
        }
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| call(&mut self.rtc))) else {
            self.broken = true;
            return Err(Fault::Panicked);
        };
        result.map_err(Fault::Failed)
    }

    /// A panic as str0m could raise one.
    #[cfg(test)]
    pub(crate) fn break_down(&mut self) -> Result<(), Fault> {
        self.guard(|rtc| {
            // Frames in RTP mode: against str0m's contract.
            rtc.writer("0".into());
            Ok(())
        })
    }
}

/// Whether it makes no difference if this comes some milliseconds later: reports, estimates, checks.
/// Not so packets that are paced, and what has to be stamped before it can be sent.
fn can_wait(reason: Reason) -> bool {
    if let Reason::Pacer(reason) = reason {
        return reason == PacerReason::Handle;
    }
    reason != Reason::SendStream
}

fn drain(rtc: &mut Rtc, drained: &mut Drained) -> Result<Instant, RtcError> {
    loop {
        match rtc.poll_output()? {
            Output::Timeout(timeout) => return Ok(timeout),
            Output::Transmit(transmit) => {
                drained.outbox.buffer().extend_from_slice(&transmit.contents);
                drained.outbox.commit(transmit.proto.into(), transmit.source, transmit.destination);
            }
            Output::Event(event) => drained.events.push(event),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("state", &self.state).finish_non_exhaustive()
    }
}
