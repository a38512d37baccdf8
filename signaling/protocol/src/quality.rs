//! Receiver video constraints, and their effect on senders.

use serde::{Deserialize, Serialize};

use crate::{ParticipantId, Source};

/// The size at which one video track of another participant is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReceiverVideoConstraint {
    /// The publisher.
    pub participant: ParticipantId,
    /// The track's source.
    pub source: Source,
    /// The displayed height, in device pixels. 0: not displayed.
    pub height: u16,
    /// Pinned by the user: comes before all tracks that are not.
    pub pinned: bool,
}

/// The encodings of one of a participant's tracks that others receive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SubscribedQuality {
    /// The track's source.
    pub source: Source,
    /// One per encoding, in the order of the offer's `a=simulcast` line (RFC 8853); a single one
    /// for a track without it. What is not wanted need not be encoded or sent.
    pub wanted: Vec<bool>,
}

/// The SFU's view of a participant's downlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Downlink {
    /// Estimated available bandwidth, in kbit/s.
    pub estimate_kbps: u32,
    /// Bandwidth that the participant's video constraints would need, in kbit/s.
    pub wanted_kbps: u32,
    /// Bandwidth in use, in kbit/s.
    pub sent_kbps: u32,
}
