//! An offer, validated before str0m parses it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use signaling_protocol::limits::{MID_CHARS, SDP_BYTES};
use signaling_protocol::{Refusal, RefusalCode};
use str0m::change::SdpOffer;
use str0m::media::{Mid, Rid};

use crate::limits::{ENCODINGS, MEDIA_LINES, RID_CHARS, SSRC_LINES};

/// A well-formed offer within bounds.
pub(crate) struct Offer {
    sdp: SdpOffer,
    mids: Vec<Mid>,
    encodings: Encodings,
    origin: Origin,
}

/// The encodings of each m-line that sends several.
type Encodings = Vec<(Mid, Vec<Rid>)>;

/// Distinguishes an offer of the same `RTCPeerConnection` (an ICE restart) from one of a new one: the
/// session id of the `o=` line (RFC 8866 section 5.2) and the DTLS fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    session: String,
    fingerprint: String,
}

/// The reason for refusing an offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadOffer {
    #[error("the offer is longer than {SDP_BYTES} bytes")]
    TooLong,
    #[error("the offer has more than {MEDIA_LINES} m-lines; offer fewer receive slots")]
    TooManyLines,
    #[error("the offer has more than {SSRC_LINES} a=ssrc lines")]
    TooManySsrcs,
    #[error("the offer has a data channel; this server carries media only")]
    DataChannel,
    #[error("every m-line needs its own a=mid of at most {MID_CHARS} characters")]
    BadMid,
    #[error("a=simulcast names up to {ENCODINGS} encodings of up to {RID_CHARS} characters each")]
    BadSimulcast,
    #[error("the offer has no o= line or no a=fingerprint")]
    NoOrigin,
    // The text of the error may quote the offer, so it is not kept: refusals are logged.
    #[error("the offer cannot be parsed")]
    Unreadable,
    #[error("the offer cannot be answered: {0}")]
    Unanswerable(String),
}

/// Returns the text of an error of the parser or the negotiation, with a bounded length.
pub(super) fn bounded_text(error: &impl std::fmt::Display) -> String {
    error.to_string().chars().take(200).collect()
}

impl BadOffer {
    /// Returns the refusal for the participant.
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::new(RefusalCode::BadOffer, self.to_string())
    }
}

impl Offer {
    /// Parses an offer (RFC 8866).
    ///
    /// # Errors
    ///
    /// [`BadOffer`] if the offer is malformed or exceeds a bound.
    pub(crate) fn parse(text: &str) -> Result<Self, BadOffer> {
        if text.len() > SDP_BYTES {
            return Err(BadOffer::TooLong);
        }
        let mut kept = String::with_capacity(text.len());
        let mut mids: Vec<Mid> = Vec::new();
        let mut encodings = Encodings::new();
        let (mut lines, mut ssrcs) = (0, 0);
        let (mut session, mut fingerprint) = (None, None);
        let mut extensions = SendingExtensions::default();
        for line in text.lines().map(str::trim_end) {
            if line.starts_with("m=") {
                lines += 1;
                extensions.take().write(&mut kept);
                extensions.is_audio = line.starts_with("m=audio");
                if line.starts_with("m=application") {
                    return Err(BadOffer::DataChannel);
                }
            } else if let Some(origin) = line.strip_prefix("o=") {
                session = origin.split(' ').nth(1);
            } else if let Some(print) = line.strip_prefix("a=fingerprint:") {
                fingerprint.get_or_insert(print);
            } else if let Some(mid) = line.strip_prefix("a=mid:") {
                let is_valid = !mid.is_empty() && mid.len() <= MID_CHARS && mid.is_ascii();
                let mid = Mid::from(mid);
                if !is_valid || mids.contains(&mid) {
                    return Err(BadOffer::BadMid);
                }
                mids.push(mid);
            } else if let Some(simulcast) = line.strip_prefix("a=simulcast:send ") {
                let mid = *mids.last().ok_or(BadOffer::BadMid)?;
                encodings.push((mid, rids(simulcast).ok_or(BadOffer::BadSimulcast)?));
            } else if line.starts_with("a=ssrc:") {
                ssrcs += 1;
            }
            if lines > MEDIA_LINES {
                return Err(BadOffer::TooManyLines);
            }
            if ssrcs > SSRC_LINES {
                return Err(BadOffer::TooManySsrcs);
            }
            if !is_candidate(line) && !extensions.hold_back(line) {
                kept.push_str(line);
                kept.push_str("\r\n");
            }
        }
        extensions.take().write(&mut kept);
        if mids.len() != lines {
            return Err(BadOffer::BadMid);
        }
        let (Some(session), Some(fingerprint)) = (session, fingerprint) else {
            return Err(BadOffer::NoOrigin);
        };
        let origin = Origin { session: session.to_owned(), fingerprint: fingerprint.to_owned() };
        // A bug of the parser must affect only the participant that triggers it.
        let sdp = catch_unwind(AssertUnwindSafe(|| SdpOffer::from_sdp_string(&kept)))
            .map_err(|_| BadOffer::Unreadable)?
            .map_err(|_| BadOffer::Unreadable)?;
        Ok(Self { sdp, mids, encodings, origin })
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the parsed offer, its origin, the names of its m-lines in their order, and the
    /// encodings of each m-line that sends several, as the client lists them: the lowest first.
    pub(super) fn into_parts(self) -> (SdpOffer, Origin, Vec<Mid>, Encodings) {
        (self.sdp, self.origin, self.mids, self.encodings)
    }
}

/// The header extensions of an m-line that are not negotiated if the client retransmits audio.
///
/// Browsers have no RTX for audio: a lost packet is retransmitted under its SRTP index. With AES-GCM,
/// which they prefer, a different header under the same index reveals the authentication key (RFC
/// 5116 section 5.1.1). Two header extensions are rewritten each time that a packet is sent; without
/// them the packet stays identical bit for bit. So they are not negotiated on m-lines where a client
/// sends audio and answers NACKs.
#[derive(Default)]
struct SendingExtensions<'a> {
    is_audio: bool,
    has_nack: bool,
    is_receive_only: bool,
    held_back: Vec<&'a str>,
}

/// The extensions that describe the sending of a packet: its time, and a running number.
const SENDING_EXTENSIONS: [&str; 2] = ["/abs-send-time", "-transport-wide-cc-extensions-01"];

impl<'a> SendingExtensions<'a> {
    /// Reads a line of the m-line. Returns whether the line has to wait, because the rest of the
    /// m-line decides about it.
    fn hold_back(&mut self, line: &'a str) -> bool {
        self.has_nack |= line.starts_with("a=rtcp-fb:") && line.ends_with(" nack");
        self.is_receive_only |= line == "a=recvonly" || line == "a=inactive";
        let is_held_back = self.is_audio
            && line.starts_with("a=extmap:")
            && SENDING_EXTENSIONS.iter().any(|uri| line.ends_with(uri));
        if is_held_back {
            self.held_back.push(line);
        }
        is_held_back
    }

    /// Takes what was read at the end of an m-line.
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Writes the lines that were held back, if the extensions may be negotiated.
    fn write(self, kept: &mut String) {
        if self.has_nack && !self.is_receive_only {
            return;
        }
        for line in self.held_back {
            kept.push_str(line);
            kept.push_str("\r\n");
        }
    }
}

/// Returns whether a line is left out because it is about candidates. An ICE-lite agent learns its
/// peer's addresses from authenticated checks. Candidates would only make pairs that are never used,
/// and may contain names under .local.
fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates")
}

/// Returns the encodings of `a=simulcast:send` (RFC 8853 section 5.1): the first of alternatives, and
/// a paused one (`~`) like any other. `None` if there are too many or a name is not valid.
fn rids(simulcast: &str) -> Option<Vec<Rid>> {
    // The encodings in the other direction may follow after a space.
    let list = simulcast.split(' ').next()?;
    let mut rids = Vec::new();
    for alternatives in list.split(';') {
        let rid = alternatives.split(',').next()?.trim_start_matches('~');
        let is_valid = (1..=RID_CHARS).contains(&rid.len())
            && rid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !is_valid || rids.len() == ENCODINGS || rids.contains(&Rid::from(rid)) {
            return None;
        }
        rids.push(Rid::from(rid));
    }
    Some(rids)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 42 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n";
    const LINE: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
        a=setup:actpass\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";

    fn refused(text: &str) -> BadOffer {
        Offer::parse(text).err().expect("this offer is bad")
    }

    #[test]
    fn a_plain_offer_is_parsed() {
        let offer = Offer::parse(&format!("{HEAD}{LINE}")).unwrap();
        assert_eq!(offer.mids, ["0".into()]);
        assert_eq!(offer.origin.session, "42");
    }

    #[test]
    fn candidates_are_left_out() {
        let text = format!("{HEAD}{LINE}a=candidate:1 1 udp 1 secret-name.local 9 typ host\r\n");
        let sdp = Offer::parse(&text).unwrap().sdp.to_sdp_string();
        assert!(!sdp.contains("local 9"), "{sdp}");
    }

    #[test]
    fn the_header_of_retransmitted_audio_does_not_change() {
        const NACK: &str = "a=rtcp-fb:111 transport-cc\r\na=rtcp-fb:111 nack\r\n";
        const EXTENSIONS: &str = "\
            a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
            a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
            a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
        let kept = |line: &str, more: &str| {
            let head = HEAD.replace("BUNDLE 0", "BUNDLE 0 1");
            // A second m-line, of which nothing is left out.
            let video = LINE.replace("m=audio", "m=video").replace("mid:0", "mid:1");
            let video = video.replace("111 opus/48000/2", "111 VP8/90000");
            let text = format!("{head}{line}{EXTENSIONS}{more}{video}{NACK}{EXTENSIONS}");
            let sdp = Offer::parse(&text).unwrap().sdp.to_sdp_string();
            let (audio, video) = sdp.split_once("m=video").unwrap();
            let has = |part: &str| {
                ["abs-send-time", "transport-wide-cc", "sdes:mid"].map(|uri| part.contains(uri))
            };
            assert_eq!(has(video), [true; 3]);
            has(audio)
        };
        assert_eq!(kept(LINE, NACK), [false, false, true]);
        assert_eq!(kept(LINE, ""), [true; 3], "nothing is retransmitted");
        let receiving = LINE.replace("a=sendonly", "a=recvonly");
        assert_eq!(kept(&receiving, NACK), [true; 3], "the server sends here");
    }

    #[test]
    fn encodings_are_parsed_in_the_order_of_the_offer() {
        let offer = |list: &str| {
            Offer::parse(&format!(
                "{HEAD}{LINE}a=rid:q send\r\na=rid:h send\r\na=simulcast:send {list}\r\n"
            ))
        };
        let read = offer("q;~h,f").unwrap().encodings;
        assert_eq!(read, [("0".into(), vec!["q".into(), "h".into()])]);
        for bad in ["q;q", "a;b;c;d;e", "q;", "01234567890123456", "q;h\u{e4}"] {
            assert_eq!(offer(bad).err(), Some(BadOffer::BadSimulcast), "{bad}");
        }
    }

    #[test]
    fn an_offer_beyond_a_bound_is_refused_with_the_bound() {
        assert_eq!(refused(&"x".repeat(SDP_BYTES + 1)), BadOffer::TooLong);
        assert_eq!(
            refused(&format!("{HEAD}{}", "m=audio 9 x 1\r\n".repeat(65))),
            BadOffer::TooManyLines
        );
        assert_eq!(
            refused(&format!("{HEAD}{}", "a=ssrc:1 cname:x\r\n".repeat(257))),
            BadOffer::TooManySsrcs
        );
    }

    #[test]
    fn a_malformed_offer_is_refused_with_a_reason() {
        assert_eq!(refused(""), BadOffer::NoOrigin);
        assert_eq!(refused(&format!("{HEAD}{LINE}{LINE}")), BadOffer::BadMid);
        assert_eq!(
            refused(&format!("{HEAD}m=audio 9 x 1\r\na=mid:{}\r\n", "x".repeat(17))),
            BadOffer::BadMid
        );
        assert_eq!(
            refused(&format!("{HEAD}{LINE}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n")),
            BadOffer::DataChannel
        );
        assert!(matches!(
            refused(&format!("o=- 42 2 IN IP4 127.0.0.1\r\n{LINE}")),
            BadOffer::Unreadable
        ));
    }
}
