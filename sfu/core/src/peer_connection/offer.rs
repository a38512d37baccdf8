//! An offer, checked before str0m sees it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use signaling_protocol::limits::{MID_CHARS, SDP_BYTES};
use signaling_protocol::{Refusal, RefusalCode};
use str0m::change::SdpOffer;
use str0m::media::{Mid, Rid};

use crate::limits::{ENCODINGS, MEDIA_LINES, RID_CHARS, SSRC_LINES};

/// A well-formed offer within bounds.
pub(crate) struct Offer {
    pub(crate) sdp: SdpOffer,
    /// The m-lines' names in their order.
    pub(crate) mids: Vec<Mid>,
    /// The encodings of each m-line that sends several, as the client lists them: the lowest first.
    pub(crate) encodings: Vec<(Mid, Vec<Rid>)>,
    pub(crate) origin: Origin,
}

/// Tells an offer of the same `RTCPeerConnection` (an ICE restart) from one of a new one: the
/// session id of the `o=` line (RFC 8866 section 5.2) and the DTLS fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    session: String,
    fingerprint: String,
}

/// What is wrong with an offer.
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
    #[error("the offer cannot be read: {0}")]
    Unreadable(String),
    #[error("the offer cannot be answered: {0}")]
    Unanswerable(String),
}

impl BadOffer {
    /// The parser's or negotiator's own words, of bounded length.
    pub(crate) fn words(error: &impl std::fmt::Display) -> String {
        error.to_string().chars().take(200).collect()
    }

    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::new(RefusalCode::BadOffer, self.to_string())
    }
}

impl Offer {
    pub(crate) fn parse(text: &str) -> Result<Self, BadOffer> {
        if text.len() > SDP_BYTES {
            return Err(BadOffer::TooLong);
        }
        let mut kept = String::with_capacity(text.len());
        let mut mids: Vec<Mid> = Vec::new();
        let mut encodings: Vec<(Mid, Vec<Rid>)> = Vec::new();
        let (mut lines, mut ssrcs) = (0, 0);
        let (mut session, mut fingerprint) = (None, None);
        let mut repeatable = Repeatable::default();
        for line in text.lines().map(str::trim_end) {
            if line.starts_with("m=") {
                lines += 1;
                repeatable.take().write(&mut kept);
                repeatable.is_audio = line.starts_with("m=audio");
                if line.starts_with("m=application") {
                    return Err(BadOffer::DataChannel);
                }
            } else if let Some(origin) = line.strip_prefix("o=") {
                session = origin.split(' ').nth(1);
            } else if let Some(print) = line.strip_prefix("a=fingerprint:") {
                fingerprint.get_or_insert(print);
            } else if let Some(mid) = line.strip_prefix("a=mid:") {
                let short = !mid.is_empty() && mid.len() <= MID_CHARS && mid.is_ascii();
                let mid = Mid::from(mid);
                if !short || mids.contains(&mid) {
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
            if is_for_us(line) && !repeatable.holds_back(line) {
                kept.push_str(line);
                kept.push_str("\r\n");
            }
        }
        repeatable.take().write(&mut kept);
        if mids.len() != lines {
            return Err(BadOffer::BadMid);
        }
        let (Some(session), Some(fingerprint)) = (session, fingerprint) else {
            return Err(BadOffer::NoOrigin);
        };
        let origin = Origin { session: session.to_owned(), fingerprint: fingerprint.to_owned() };
        // A parser's bug must cost the one who triggers it, nobody else.
        let sdp = catch_unwind(AssertUnwindSafe(|| SdpOffer::from_sdp_string(&kept)))
            .map_err(|_| BadOffer::Unreadable("the parser gave up".to_owned()))?
            .map_err(|error| BadOffer::Unreadable(BadOffer::words(&error)))?;
        Ok(Self { sdp, mids, encodings, origin })
    }
}

/// An m-line while it is read: sound that is sent again has to be the same bit for bit.
///
/// Browsers have no RTX for sound: a packet that was lost comes again under its SRTP index. By AES-GCM,
/// which they prefer, another header under one index gives away the key of the authentication (RFC 5116
/// section 5.1.1). Two header extensions are written anew for each time that a packet is sent; without
/// them it does not change. So where a client sends sound and answers NACKs they are not negotiated.
#[derive(Default)]
struct Repeatable<'a> {
    is_audio: bool,
    is_nacked: bool,
    is_only_received: bool,
    held_back: Vec<&'a str>,
}

/// These tell when a packet was sent, the one by the time and the other by a number.
const OF_SENDING: [&str; 2] = ["/abs-send-time", "-transport-wide-cc-extensions-01"];

impl<'a> Repeatable<'a> {
    /// Whether a line may have to be left out, which only the rest of the m-line says.
    fn holds_back(&mut self, line: &'a str) -> bool {
        self.is_nacked |= line.starts_with("a=rtcp-fb:") && line.ends_with(" nack");
        self.is_only_received |= line == "a=recvonly" || line == "a=inactive";
        let holds = self.is_audio
            && line.starts_with("a=extmap:")
            && OF_SENDING.iter().any(|uri| line.ends_with(uri));
        if holds {
            self.held_back.push(line);
        }
        holds
    }

    /// The m-line has been read.
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn write(self, kept: &mut String) {
        if self.is_nacked && !self.is_only_received {
            return;
        }
        for line in self.held_back {
            kept.push_str(line);
            kept.push_str("\r\n");
        }
    }
}

/// Lines that are left out of what str0m sees.
fn is_for_us(line: &str) -> bool {
    // An ICE-lite agent learns its peer's addresses from authenticated checks. Candidates would
    // only make pairs that are never used, and may hold names under .local.
    !(line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates"))
}

/// The encodings of `a=simulcast:send` (RFC 8853 section 5.1): of alternatives the first, and a
/// paused one (`~`) like any other. `None` if they are too many or too long.
fn rids(simulcast: &str) -> Option<Vec<Rid>> {
    // What is received the other way may follow after a space.
    let list = simulcast.split(' ').next()?;
    let mut rids = Vec::new();
    for alternatives in list.split(';') {
        let rid = alternatives.split(',').next()?.trim_start_matches('~');
        let fits = (1..=RID_CHARS).contains(&rid.len())
            && rid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits || rids.len() == ENCODINGS || rids.contains(&Rid::from(rid)) {
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
    fn a_plain_offer_is_read() {
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
    fn sound_that_is_sent_again_has_nothing_in_its_header_that_changes() {
        const NACK: &str = "a=rtcp-fb:111 transport-cc\r\na=rtcp-fb:111 nack\r\n";
        const EXTENSIONS: &str = "\
            a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
            a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
            a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
        let kept = |line: &str, more: &str| {
            let head = HEAD.replace("BUNDLE 0", "BUNDLE 0 1");
            // A second m-line after it, of which nothing is left out.
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
        assert_eq!(kept(LINE, ""), [true; 3], "nothing is sent again");
        let receiving = LINE.replace("a=sendonly", "a=recvonly");
        assert_eq!(kept(&receiving, NACK), [true; 3], "it is ours to send the same");
    }

    #[test]
    fn the_encodings_are_read_in_the_order_of_the_offer() {
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
    fn what_is_too_much_is_refused_with_its_bound() {
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
    fn what_does_not_fit_is_refused_with_a_reason() {
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
            BadOffer::Unreadable(_)
        ));
    }
}
