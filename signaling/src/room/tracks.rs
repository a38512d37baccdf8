//! Validation of the tracks that a participant publishes, and of its receiver video constraints.

use std::collections::BTreeSet;

use signaling_protocol::{ReceiverVideoConstraint, Refusal, RefusalCode, Track, limits};

/// At most one track per source, each on an m-line of its own.
pub(super) fn check(tracks: &[Track]) -> Result<(), Refusal> {
    let refuse = |sentence: String| Err(Refusal::new(RefusalCode::BadMessage, sentence));
    let sources: BTreeSet<_> = tracks.iter().map(|track| track.source).collect();
    let mids: BTreeSet<_> = tracks.iter().map(|track| track.mid.as_str()).collect();
    if tracks.len() > limits::TRACKS || sources.len() != tracks.len() {
        return refuse(format!(
            "At most {} tracks can be sent, one per source; reload the page.",
            limits::TRACKS
        ));
    }
    if mids.len() != tracks.len() {
        return refuse("Two tracks name the same m-line; reload the page.".to_owned());
    }
    let fits = |mid: &str| {
        // RFC 8859 section 4: a mid is a token.
        (1..=limits::MID_CHARS).contains(&mid.len()) && mid.bytes().all(|b| b.is_ascii_graphic())
    };
    match mids.iter().find(|mid| !fits(mid)) {
        Some(_) => refuse(format!(
            "An m-line's id has 1 to {} characters; reload the page.",
            limits::MID_CHARS
        )),
        None => Ok(()),
    }
}

/// At most one constraint per track, and no more than a large room has tracks.
pub(super) fn check_constraints(constraints: &[ReceiverVideoConstraint]) -> Result<(), Refusal> {
    let tracks: BTreeSet<_> =
        constraints.iter().map(|constraint| (constraint.participant, constraint.source)).collect();
    if constraints.len() > limits::RECEIVER_VIDEO_CONSTRAINTS || tracks.len() != constraints.len() {
        return Err(Refusal::new(
            RefusalCode::BadMessage,
            format!(
                "at most {} receiver video constraints, one per track",
                limits::RECEIVER_VIDEO_CONSTRAINTS
            ),
        ));
    }
    Ok(())
}
