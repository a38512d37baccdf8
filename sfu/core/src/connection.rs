//! A participant's connection: one str0m `Rtc`, kept at arm's length.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use str0m::bwe::Bitrate;
use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid};
use str0m::net::Transmit;
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};

use crate::codec::{self, PayloadTypes};
use crate::counters::Flow;
use crate::limits::{CONNECT, SSRCS};
use crate::offer::{BadOffer, Offer, Origin};
use crate::worker::WorkerConfig;

/// How far a pump works ahead of the time. str0m lets one packet out per timeout, and the next one a
/// microsecond later: what is due within this is done at once.
const AHEAD: Duration = Duration::from_millis(1);
/// Passes of one pump, in case that time should not advance.
const PASSES: usize = 4_096;
/// Where the bandwidth estimate starts, before any feedback.
const INITIAL_ESTIMATE: Bitrate = Bitrate::kbps(1_000);
/// Sent packets that can be sent again, per slot. Payloads are shared by all subscribers.
const RESEND_PACKETS: usize = 512;
/// How old a packet that is sent again may be. Later it would come too late to be shown.
const RESEND_AGE: Duration = Duration::from_secs(1);
/// How often str0m reports its counts.
const STATISTICS: Duration = Duration::from_secs(5);

/// A connection and its state.
pub(crate) struct Connection {
    rtc: Rtc,
    origin: Origin,
    mids: Vec<Mid>,
    state: State,
    timeout: Instant,
    /// Which m-line an SSRC belongs to; the header extension that says so is left out after the
    /// first packets.
    ssrcs: Vec<(Ssrc, Mid)>,
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
    /// No checks from the client for a while. It may come back by itself or with an ICE restart.
    Lost,
}

/// What a pump brought out.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    pub(crate) transmits: VecDeque<Transmit>,
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
        let WorkerConfig { certificate, candidates, .. } = worker;
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
            rtc
        }))
        .map_err(|_| BadOffer::Unanswerable("the connection could not be made".to_owned()))?;
        let mut connection = Self {
            rtc,
            origin: offer.origin,
            mids: offer.mids,
            state: State::Connecting(now + CONNECT),
            timeout: now,
            ssrcs: Vec::new(),
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
        self.ssrcs.clear();
        if self.state != State::Connected {
            self.state = State::Connecting(now + CONNECT);
        }
        Ok(answer)
    }

    fn answer(&mut self, offer: SdpOffer) -> Result<String, BadOffer> {
        match self.guard(|rtc| rtc.sdp_api().accept_offer(offer)) {
            Ok(answer) => Ok(answer.to_sdp_string()),
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

    /// The client is not heard any more. Whether it was before.
    pub(crate) fn set_lost(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Lost) != State::Lost
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
            State::Connected | State::Lost => self.timeout,
        }
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
            stream.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, None);
            // The publisher's encoder paces already. A queue here would only add delay, since
            // nothing yet chooses to send less than what comes in.
            stream.set_unpaced(true);
            lines.push(SendingLine { mid, kind, ssrc: stream.ssrc(), payload_types });
        }
        lines
    }

    /// The m-line that an incoming SSRC belongs to.
    pub(crate) fn mid_of(&mut self, ssrc: Ssrc) -> Option<Mid> {
        if let Some((_, mid)) = self.ssrcs.iter().find(|(s, _)| *s == ssrc) {
            return Some(*mid);
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        if self.ssrcs.len() >= SSRCS {
            self.ssrcs.clear();
        }
        self.ssrcs.push((ssrc, mid));
        Some(mid)
    }

    /// How many NACKs an m-line has seen since this was last asked, given how many in all.
    pub(crate) fn nacks_since(&mut self, flow: Flow, mid: Mid, total: u64) -> u64 {
        let before = self.nacks.insert((mid, flow), total).unwrap_or(0);
        total.saturating_sub(before)
    }

    /// Queues a packet; the next pump sends it.
    pub(crate) fn write(&mut self, ssrc: Ssrc, packet: RtpWrite) -> Result<(), Fault> {
        self.guard(|rtc| {
            if let Some(stream) = rtc.direct_api().stream_tx(&ssrc) {
                stream.write_rtp(packet);
            }
            Ok(())
        })
    }

    /// Asks the participant for a key frame; the next pump sends the request. False if it has sent
    /// nothing on this m-line yet.
    pub(crate) fn request_key_frame(&mut self, mid: Mid) -> Result<bool, Fault> {
        self.guard(|rtc| {
            let mut direct = rtc.direct_api();
            let Some(stream) = direct.stream_rx_by_mid(mid, None) else { return Ok(false) };
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
        self.timeout = self.guard(|rtc| {
            rtc.handle_input(input)?;
            for _ in 0..PASSES {
                let timeout = drain(rtc, drained)?;
                if timeout > now + AHEAD {
                    return Ok(timeout);
                }
                rtc.handle_input(Input::Timeout(timeout.max(now)))?;
            }
            drain(rtc, drained)?;
            Ok(now + AHEAD)
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

fn drain(rtc: &mut Rtc, drained: &mut Drained) -> Result<Instant, RtcError> {
    loop {
        match rtc.poll_output()? {
            Output::Timeout(timeout) => return Ok(timeout),
            Output::Transmit(transmit) => drained.transmits.push_back(transmit),
            Output::Event(event) => drained.events.push(event),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("state", &self.state).finish_non_exhaustive()
    }
}
