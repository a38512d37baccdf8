//! The identifiers of participants, tracks and workers.

use signaling_protocol::{ParticipantId, Source};

/// A participant of this worker, as an index that is cheap to pass around.
///
/// Once the participant is removed, its key finds nothing, even if another participant occupies the
/// same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ParticipantKey {
    index: u32,
    generation: u32,
}

impl ParticipantKey {
    /// Creates the key of the participant at `index`, the `generation`-th one there.
    pub(crate) fn new(index: u32, generation: u32) -> Self {
        Self { index, generation }
    }

    /// Returns the place of the participant in tables of this worker's participants.
    pub(crate) fn index(self) -> usize {
        self.index as usize
    }

    /// Returns how many participants have occupied the place before.
    pub(crate) fn generation(self) -> u32 {
        self.generation
    }
}

/// A track of a room. Ids are never reused within a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TrackId {
    pub(crate) participant: ParticipantId,
    pub(crate) source: Source,
}

/// A worker, by its number among the workers that may share rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);
