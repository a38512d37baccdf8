//! The part of SDP (RFC 8866) that a headless client writes and parses.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::ClientError;

pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const VP8_RESEND: u8 = 97;

pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(crate) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub(crate) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
pub(crate) const TWCC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub(crate) const SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
/// The offered header extensions with their ids.
const EXTENSIONS: [(u8, &str); 5] =
    [(2, SEND_TIME), (3, TWCC), (4, MID), (10, RID), (11, REPAIRED_RID)];

/// The session-level values of a local description.
pub(crate) struct Local<'a> {
    pub(crate) session: u64,
    pub(crate) ufrag: &'a str,
    pub(crate) password: &'a str,
    /// SHA-256 of the certificate, in the form of RFC 8122.
    pub(crate) fingerprint: &'a str,
    pub(crate) setup: &'a str,
}

/// An m-line to write.
#[derive(Debug, Clone)]
pub(crate) struct LocalLine {
    pub(crate) mid: String,
    pub(crate) audio: bool,
    pub(crate) direction: &'static str,
    /// The SSRCs for media and for retransmissions.
    pub(crate) ssrc: Option<(u32, Option<u32>)>,
    /// RIDs of the simulcast encodings.
    pub(crate) rids: Vec<&'static str>,
    /// The m-line of the offer that is answered, for its payload types and extension ids.
    pub(crate) answered: Option<Line>,
}

/// Writes a description.
pub(crate) fn write(local: &Local<'_>, lines: &[LocalLine]) -> String {
    let mut sdp = String::with_capacity(1024 * lines.len());
    let mids: Vec<&str> = lines.iter().map(|line| line.mid.as_str()).collect();
    let _ = write!(
        sdp,
        "v=0\r\no=- {} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
        local.session,
        mids.join(" ")
    );
    for line in lines {
        write_line(&mut sdp, local, line);
    }
    sdp
}

fn write_line(sdp: &mut String, local: &Local<'_>, line: &LocalLine) {
    let types = line.answered.as_ref().map_or((OPUS, VP8, Some(VP8_RESEND)), |offered| {
        (offered.payload_type, offered.payload_type, offered.resend_type)
    });
    let (opus, vp8, resend) = types;
    let (kind, formats) = match (line.audio, resend) {
        (true, _) => ("audio", format!("{opus}")),
        (false, Some(resend)) => ("video", format!("{vp8} {resend}")),
        (false, None) => ("video", format!("{vp8}")),
    };
    let Local { ufrag, password, fingerprint, setup, .. } = local;
    let _ = write!(
        sdp,
        "m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{}\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\na=fingerprint:sha-256 {fingerprint}\r\n\
         a=setup:{setup}\r\na={}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
        line.mid, line.direction
    );
    if line.audio {
        let _ = write!(
            sdp,
            "a=rtpmap:{opus} opus/48000/2\r\na=rtcp-fb:{opus} transport-cc\r\n\
             a=fmtp:{opus} minptime=10;useinbandfec=1\r\n"
        );
        // The web client offers NACK for audio as well.
        if line.answered.as_ref().is_none_or(|offered| offered.nack) {
            let _ = write!(sdp, "a=rtcp-fb:{opus} nack\r\n");
        }
    } else {
        let _ = write!(sdp, "a=rtpmap:{vp8} VP8/90000\r\n");
        for feedback in ["transport-cc", "ccm fir", "nack", "nack pli"] {
            let _ = write!(sdp, "a=rtcp-fb:{vp8} {feedback}\r\n");
        }
        if let Some(resend) = resend {
            let _ = write!(sdp, "a=rtpmap:{resend} rtx/90000\r\na=fmtp:{resend} apt={vp8}\r\n");
        }
    }
    match &line.answered {
        None => {
            for (id, uri) in EXTENSIONS {
                let of_encodings = uri == RID || uri == REPAIRED_RID;
                if !(of_encodings && line.audio) {
                    let _ = write!(sdp, "a=extmap:{id} {uri}\r\n");
                }
            }
        }
        Some(offered) => {
            for (id, uri) in &offered.extensions {
                if EXTENSIONS.iter().any(|(_, ours)| ours == uri) {
                    let _ = write!(sdp, "a=extmap:{id} {uri}\r\n");
                }
            }
        }
    }
    if let Some((ssrc, resend)) = line.ssrc {
        let _ = write!(sdp, "a=msid:- track{}\r\n", line.mid);
        if line.rids.is_empty() {
            if let Some(resend) = resend {
                let _ = write!(sdp, "a=ssrc-group:FID {ssrc} {resend}\r\n");
            }
            for ssrc in [Some(ssrc), resend].into_iter().flatten() {
                let _ = write!(sdp, "a=ssrc:{ssrc} cname:headless\r\n");
            }
        }
        for rid in &line.rids {
            let _ = write!(sdp, "a=rid:{rid} send\r\n");
        }
        if !line.rids.is_empty() {
            let _ = write!(sdp, "a=simulcast:send {}\r\n", line.rids.join(";"));
        }
    }
}

/// A parsed remote description.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remote {
    pub(crate) ufrag: String,
    pub(crate) password: String,
    /// SHA-256 of the certificate in lowercase hexadecimal without colons.
    pub(crate) fingerprint: String,
    /// The DTLS role; `active` starts the handshake.
    pub(crate) setup: String,
    pub(crate) candidates: Vec<SocketAddr>,
    pub(crate) lines: Vec<Line>,
}

/// An m-line of a remote description.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) mid: String,
    pub(crate) audio: bool,
    pub(crate) direction: String,
    /// The payload type of Opus or VP8.
    pub(crate) payload_type: u8,
    pub(crate) resend_type: Option<u8>,
    /// NACK is negotiated.
    pub(crate) nack: bool,
    pub(crate) extensions: Vec<(u8, String)>,
    pub(crate) ssrc: Option<u32>,
    pub(crate) resend_ssrc: Option<u32>,
    /// RIDs that it accepts.
    pub(crate) rids: Vec<String>,
}

impl Line {
    pub(crate) fn extension(&self, uri: &str) -> Option<u8> {
        self.extensions.iter().find(|(_, known)| known == uri).map(|(id, _)| *id)
    }
}

/// Parses a description.
///
/// # Errors
/// ICE credentials or the fingerprint are missing.
pub(crate) fn parse(sdp: &str) -> Result<Remote, ClientError> {
    let mut remote = Remote::default();
    for text in sdp.lines().map(str::trim_end) {
        if let Some(media) = text.strip_prefix("m=") {
            remote.lines.push(Line { audio: media.starts_with("audio"), ..Line::default() });
            continue;
        }
        let Some(attribute) = text.strip_prefix("a=") else { continue };
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "ice-ufrag" => value.clone_into(&mut remote.ufrag),
            "ice-pwd" => value.clone_into(&mut remote.password),
            "setup" => value.clone_into(&mut remote.setup),
            "fingerprint" => {
                let hex = value.strip_prefix("sha-256 ").unwrap_or_default();
                remote.fingerprint = hex.replace(':', "").to_lowercase();
            }
            "candidate" => remote.candidates.extend(parse_candidate(value)),
            _ => {
                if let Some(line) = remote.lines.last_mut() {
                    line.parse_attribute(name, value);
                }
            }
        }
    }
    if remote.ufrag.is_empty() || remote.password.is_empty() || remote.fingerprint.is_empty() {
        return Err(ClientError::Sdp("no ICE credentials or no SHA-256 fingerprint".into()));
    }
    remote.candidates.dedup();
    Ok(remote)
}

impl Line {
    fn parse_attribute(&mut self, name: &str, value: &str) {
        let number = |text: &str| text.parse::<u8>().ok();
        let (first, rest) = value.split_once(' ').unwrap_or((value, ""));
        match name {
            "mid" => value.clone_into(&mut self.mid),
            "sendonly" | "recvonly" | "sendrecv" | "inactive" => {
                name.clone_into(&mut self.direction);
            }
            "rtpmap" => {
                let codec = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
                let wanted = if self.audio { "opus" } else { "vp8" };
                if codec == wanted {
                    self.payload_type = number(first).unwrap_or_default();
                }
            }
            "rtcp-fb" => {
                self.nack |= number(first) == Some(self.payload_type) && rest == "nack";
            }
            "fmtp" => {
                let of = rest.strip_prefix("apt=").and_then(number);
                if of.is_some() && of == Some(self.payload_type) {
                    self.resend_type = number(first);
                }
            }
            "extmap" => {
                let id = first.split('/').next().and_then(number);
                self.extensions.extend(id.map(|id| (id, rest.to_owned())));
            }
            "ssrc-group" if first == "FID" => {
                let mut ssrcs = rest.split(' ').filter_map(|ssrc| ssrc.parse().ok());
                (self.ssrc, self.resend_ssrc) = (ssrcs.next(), ssrcs.next());
            }
            "ssrc" => self.ssrc = self.ssrc.or_else(|| first.parse().ok()),
            "simulcast" => {
                let taken = value.split(' ').skip_while(|word| *word != "recv").nth(1);
                let rids = taken.into_iter().flat_map(|list| list.split(';'));
                self.rids = rids.map(|rid| rid.trim_start_matches('~').to_owned()).collect();
            }
            _ => {}
        }
    }
}

/// Parses a candidate (RFC 8839 section 5.1); returns `None` unless it is a UDP address.
fn parse_candidate(value: &str) -> Option<SocketAddr> {
    let mut words = value.split(' ').skip(1);
    let (component, transport) = (words.next()?, words.next()?);
    let (ip, port) = (words.nth(1)?, words.next()?);
    let udp = component == "1" && transport.eq_ignore_ascii_case("udp");
    udp.then_some(SocketAddr::new(ip.parse::<IpAddr>().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mid: &str, audio: bool) -> LocalLine {
        LocalLine {
            mid: mid.into(),
            audio,
            direction: "sendonly",
            ssrc: Some((1, (!audio).then_some(2))),
            rids: Vec::new(),
            answered: None,
        }
    }

    #[test]
    fn a_written_description_is_parsed_back() {
        let fingerprint = "AB:CD";
        let local =
            Local { session: 7, ufrag: "user", password: "secret", fingerprint, setup: "actpass" };
        let sdp = write(&local, &[line("0", true), line("1", false)]);
        let remote = parse(&format!(
            "{sdp}a=candidate:1 1 udp 2130706431 127.0.0.1 8190 typ host\r\n\
             a=candidate:2 1 tcp 1 127.0.0.1 9 typ host tcptype passive\r\n"
        ))
        .expect("a whole description");
        assert_eq!((remote.ufrag.as_str(), remote.password.as_str()), ("user", "secret"));
        assert_eq!((remote.setup.as_str(), remote.fingerprint.as_str()), ("actpass", "abcd"));
        assert_eq!(remote.candidates, [SocketAddr::from(([127, 0, 0, 1], 8190))]);
        let [audio, video] = &remote.lines[..] else { panic!("two m-lines") };
        assert_eq!((audio.payload_type, audio.ssrc), (OPUS, Some(1)));
        assert!(audio.nack && video.nack);
        assert_eq!((video.payload_type, video.resend_type), (VP8, Some(VP8_RESEND)));
        assert_eq!((video.ssrc, video.resend_ssrc), (Some(1), Some(2)));
        assert_eq!((video.extension(TWCC), audio.extension(RID)), (Some(3), None));
        assert!(parse("v=0").is_err());
    }

    #[test]
    fn accepted_simulcast_encodings_are_parsed() {
        let mut line = Line::default();
        line.parse_attribute("simulcast", "recv q;~h;f");
        assert_eq!(line.rids, ["q", "h", "f"]);
    }
}
