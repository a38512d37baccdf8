//! The bounds of a check: the constants of a configuration in `tla/configurations`.

use std::collections::BTreeSet;

use signaling_protocol::ParticipantId;

/// How many faults of each kind may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Faults {
    pub lost: u8,
    pub reconnects: u8,
    pub suspected: u8,
    pub frozen: u8,
    pub unresponsive: u8,
    pub reloads: u8,
}

/// The constants of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// The number of participants. One that rejoins counts again.
    pub participants: u32,
    /// The number of members from the start.
    pub members: u32,
    pub faults: Faults,
    /// Participants whose KeyPackages must not be added.
    pub bad: BTreeSet<ParticipantId>,
    /// Participants whose first commit no other member can process.
    pub poison: BTreeSet<ParticipantId>,
}
