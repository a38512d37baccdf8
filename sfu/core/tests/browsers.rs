//! Offers as browsers make them: two published m-lines that prefer VP9, two unused ones, and one
//! receive slot of each kind.

mod support;

use sfu_core::{MediaCommand, MediaReport};
use signaling_protocol::ParticipantId;
use support::Meeting;

const CHROMIUM: &str = include_str!("offers/chromium.sdp");
const FIREFOX: &str = include_str!("offers/firefox.sdp");

/// The m-lines of the answer, each with its attributes.
fn answer(offer: &str) -> Vec<String> {
    let mut m = Meeting::new(50);
    let participant = ParticipantId(1);
    m.command(MediaCommand::Offer { room: m.room.clone(), participant, sdp: offer.to_owned() });
    let Some(MediaReport::Answer { sdp }) = m.events.last().map(|event| &event.report) else {
        panic!("{:?}", m.events.last());
    };
    assert!(sdp.contains("\r\na=ice-lite\r\n"));
    assert_eq!(sdp.matches("a=candidate:").count(), 1);
    sdp.split("\r\nm=").skip(1).map(str::to_owned).collect()
}

fn has(line: &str, attribute: &str) -> bool {
    line.lines().any(|l| l == attribute)
}

#[test]
fn every_m_line_is_answered_the_other_way_round() {
    for offer in [CHROMIUM, FIREFOX] {
        let lines = answer(offer);
        assert_eq!(lines.len(), 6);
        for (i, line) in lines.iter().enumerate() {
            let kind = if [0, 3, 4].contains(&i) { "audio" } else { "video" };
            assert!(line.starts_with(&format!("{kind} 9 ")), "{i}: {line}");
            assert!(has(line, if i < 4 { "a=recvonly" } else { "a=sendonly" }), "{i}: {line}");
        }
    }
}

#[test]
fn slots_have_ssrcs_and_retransmissions_from_the_start() {
    for offer in [CHROMIUM, FIREFOX] {
        let lines = answer(offer);
        assert!(lines[4].contains("a=ssrc:") && !lines[4].contains("ssrc-group"));
        assert!(lines[5].contains("a=ssrc-group:FID "), "{}", lines[5]);
        assert!(lines[5].contains(" VP8/90000") && lines[5].contains(" VP9/90000"));
        assert!(lines[..4].iter().all(|line| !line.contains("a=ssrc:")));
    }
}

#[test]
fn the_browsers_own_payload_types_are_kept() {
    let firefox = answer(FIREFOX);
    assert!(has(&firefox[0], "a=rtpmap:109 opus/48000/2"));
    assert!(has(&firefox[1], "a=rtpmap:121 VP9/90000") && has(&firefox[1], "a=fmtp:125 apt=121"));
    let chromium = answer(CHROMIUM);
    assert!(has(&chromium[0], "a=rtpmap:111 opus/48000/2"));
    assert!(has(&chromium[1], "a=rtpmap:98 VP9/90000") && has(&chromium[1], "a=fmtp:99 apt=98"));
}

/// Browsers send what the answer names first.
#[test]
fn the_codec_that_the_browser_prefers_stays_first() {
    for offer in [CHROMIUM, FIREFOX] {
        let lines = answer(offer);
        let first = lines[1].lines().find(|line| line.starts_with("a=rtpmap:")).unwrap();
        assert!(first.ends_with(" VP9/90000"), "{}", lines[1]);
        let payload_type = first["a=rtpmap:".len()..].split(' ').next().unwrap();
        let named = lines[1].split(' ').nth(3);
        assert_eq!(named, Some(payload_type), "{}", lines[1]);
    }
}

#[test]
fn an_answer_lists_codecs_in_the_order_of_the_offer() {
    let vp9_first = CHROMIUM.replace("SAVPF 96 97 98 99 ", "SAVPF 98 99 96 97 ");
    assert_ne!(vp9_first, CHROMIUM);
    for (offer, order) in [(CHROMIUM, "96 97 98 99 "), (&vp9_first, "98 99 96 97 ")] {
        let lines = answer(offer);
        assert!(
            lines[5].starts_with(&format!("video 9 UDP/TLS/RTP/SAVPF {order}")),
            "{}",
            lines[5]
        );
    }
}

/// Returns Chromium's offer as the web client sends it: NACK for audio, in both directions.
#[test]
fn lost_audio_is_requested_again_if_that_is_offered() {
    const WITHOUT: &str = "a=rtcp-fb:111 transport-cc";
    const WITH: &str = "a=rtcp-fb:111 transport-cc\r\na=rtcp-fb:111 nack";
    let asked = |line: &String| has(line, "a=rtcp-fb:111 nack");
    let sound = |lines: Vec<String>| [0, 3, 4].map(|line| lines[line].clone());
    assert!(!sound(answer(CHROMIUM)).iter().any(asked), "nobody asked for it");
    let lines = sound(answer(&CHROMIUM.replace(WITHOUT, WITH)));
    assert!(lines.iter().all(asked), "{lines:?}");
    let changing = lines.map(|line| line.contains("transport-wide-cc"));
    assert_eq!(changing, [false, false, true], "what the browser sends has to stay the same");
}

/// A frame is forwarded by the payload type of its codec: two of them could not be told apart.
#[test]
fn each_codec_has_one_payload_type_on_a_line() {
    for (offer, codecs) in
        [(CHROMIUM, &["VP8", "VP9", "AV1", "H264"][..]), (FIREFOX, &["VP8", "VP9", "AV1"][..])]
    {
        let lines = answer(offer);
        for codec in codecs {
            let named = lines[5].matches(&format!(" {codec}/90000")).count();
            assert_eq!(named, 1, "{codec} in {}", lines[5]);
        }
    }
}

#[test]
fn only_what_forwarding_needs_is_negotiated() {
    for offer in [CHROMIUM, FIREFOX] {
        assert!(offer.contains("ssrc-audio-level"), "offered, so that its absence means something");
        for line in answer(offer) {
            assert!(!line.contains("audio-level"), "who speaks is nobody's business here");
            assert!(line.contains("transport-wide-cc") && line.contains("sdes:mid"));
            for codec in ["H265", "red/", "ulpfec", "PCMU", "telephone-event"] {
                assert!(!line.contains(codec), "{codec} in {line}");
            }
        }
    }
}
