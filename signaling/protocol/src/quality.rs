//! What a participant wants to receive, and what others want of it.

use serde::{Deserialize, Serialize};

use crate::{ParticipantId, Source};

/// How one video track of somebody else is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReceiverVideoConstraint {
    /// Whose it is.
    pub participant: ParticipantId,
    /// Which of theirs.
    pub source: Source,
    /// How high it is shown, in pixels of the screen (not of the style sheet). 0: not at all.
    pub height: u16,
    /// The person at the screen picked it out: it comes before all that is not pinned.
    pub pinned: bool,
}

/// Which encodings of one of a participant's tracks anybody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SubscribedQuality {
    /// Which track.
    pub source: Source,
    /// One per encoding, in the order of the offer's `a=simulcast` line (RFC 8853); a single one
    /// for a track without it. What is not wanted need not be encoded or sent.
    pub wanted: Vec<bool>,
}

/// How the SFU sees the way to a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Downlink {
    /// What it is estimated to carry, in kbit/s.
    pub estimate_kbps: u32,
    /// What the participant's video constraints would take at the sizes they ask for, in kbit/s.
    pub wanted_kbps: u32,
    /// What is being sent, in kbit/s.
    pub sent_kbps: u32,
}
