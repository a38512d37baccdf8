//! What workers tell each other of a room that spans several of them.
//!
//! Each of them has a [`Worker`](crate::Worker) with a room of its own, in which the participants of
//! the others are guests: they publish, and have no connection. One copy of a packet goes to each
//! other worker on which somebody is sent it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use signaling_protocol::{RoomId, Source};
use str0m::rtp::Ssrc;

use crate::peer_connection::codec::Forwarded;
use crate::policy::bitrate_allocation::Rate;
use crate::policy::slot_allocation::TrackId;
use crate::room::participants::Key;

/// A worker, by its number among those that may share rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);

/// From one worker to another. Packets may be lost on the way. What is told of rooms may not, and
/// arrives in order, but some of it may be merged ([`RelayControl::merge`]).
#[derive(Debug)]
pub enum Relay {
    /// How things are in a room.
    Control(RoomId, RelayControl),
    /// A media packet.
    Packet(RelayPacket),
}

/// How things are with a worker's part of a room, as far as that has changed.
#[derive(Debug, Default)]
pub struct RelayControl {
    /// It knows nothing of the other part yet, and wants to be told everything.
    pub(crate) asks: bool,
    /// All tracks that are published there.
    pub(crate) tracks: Option<Vec<Offered>>,
    /// All tracks of the receiver that somebody there is sent or wants.
    pub(crate) wants: Option<Vec<Wants>>,
    /// Encodings of tracks of the receiver that need a key frame.
    pub(crate) key_frames: BTreeSet<(TrackId, usize)>,
}

impl RelayControl {
    /// Takes in what was said later. The outcome is as if both had arrived, and no larger than the
    /// room: what is kept for a reader that is late is bounded.
    pub fn merge(&mut self, later: Self) {
        self.asks |= later.asks;
        self.tracks = later.tracks.or(self.tracks.take());
        self.key_frames.extend(later.key_frames);
        if let Some(wants) = later.wants {
            self.key_frames.retain(|(track, _)| wants.iter().any(|w| w.track == *track));
            self.wants = Some(wants);
        }
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        !self.asks && self.tracks.is_none() && self.wants.is_none() && self.key_frames.is_empty()
    }
}

/// A track that is published on another worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) track: TrackId,
    pub(crate) muted_since: Option<Instant>,
    /// Payload bytes per second, smoothed.
    pub(crate) activity: u64,
    /// The lowest first; at least one.
    pub(crate) encodings: Vec<Condition>,
}

/// How an encoding comes in where it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) active: bool,
    /// Once it has been measured.
    pub(crate) rate: Option<Rate>,
}

/// What a worker wants of a track of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) track: TrackId,
    /// The guest that the track belongs to, where the packets go.
    pub(crate) seat: Key,
    /// What sizes and links there ask for.
    pub(crate) chosen: Encodings,
    /// What is sent, or begins with its next key frame: the packets that are to be copied.
    pub(crate) taken: Encodings,
}

/// A set of encodings of a track. There are at most four of them (`limits::ENCODINGS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Encodings(u8);

impl Encodings {
    pub(crate) fn insert(&mut self, encoding: usize) {
        self.0 |= bit(encoding);
    }

    pub(crate) fn has(self, encoding: usize) -> bool {
        self.0 & bit(encoding) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        (0..u8::BITS as usize).filter(move |encoding| self.has(*encoding))
    }
}

fn bit(encoding: usize) -> u8 {
    u32::try_from(encoding).ok().and_then(|n| 1_u8.checked_shl(n)).unwrap_or(0)
}

/// Another worker on which somebody is sent a track, or wants it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Branch {
    pub(crate) to: WorkerId,
    pub(crate) wants: Wants,
}

/// A media packet with its SRTP taken off.
#[derive(Debug)]
pub struct RelayPacket {
    pub(crate) seat: Key,
    pub(crate) source: Source,
    pub(crate) header: MediaHeader,
    pub(crate) payload: Arc<[u8]>,
}

impl RelayPacket {
    /// Whether it is sound, which goes first where not everything finds room.
    #[must_use]
    pub fn is_audio(&self) -> bool {
        self.source.is_audio()
    }

    /// Bytes of its payload.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payload.len()
    }
}

/// What forwarding has to know of a packet, beside its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MediaHeader {
    /// The place among the track's encodings.
    pub(crate) encoding: usize,
    pub(crate) codec: Forwarded,
    /// Whether a subscriber may begin with it.
    pub(crate) may_begin: bool,
    pub(crate) ssrc: Ssrc,
    /// Extended.
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// When it was captured.
    pub(crate) wallclock: Instant,
}

#[cfg(test)]
mod tests {
    use signaling_protocol::ParticipantId;

    use super::*;

    fn camera(participant: u32) -> TrackId {
        TrackId { participant: ParticipantId(participant), source: Source::Camera }
    }

    fn wants(participant: u32) -> Wants {
        let mut taken = Encodings::default();
        taken.insert(1);
        Wants { track: camera(participant), seat: Key::for_test(0), chosen: taken, taken }
    }

    #[test]
    fn what_a_late_reader_finds_is_the_latest_and_every_key_frame_that_is_still_wanted() {
        let mut control = RelayControl {
            asks: true,
            tracks: Some(Vec::new()),
            wants: Some(vec![wants(1), wants(2)]),
            key_frames: [(camera(1), 0), (camera(2), 1)].into(),
        };
        control.merge(RelayControl {
            wants: Some(vec![wants(2), wants(3)]),
            key_frames: [(camera(3), 0)].into(),
            ..RelayControl::default()
        });
        assert!(control.asks);
        assert_eq!(control.tracks, Some(Vec::new()), "nothing newer was said");
        assert_eq!(control.wants, Some(vec![wants(2), wants(3)]));
        assert_eq!(control.key_frames, [(camera(2), 1), (camera(3), 0)].into());
        assert!(!control.is_empty() && RelayControl::default().is_empty());
    }

    #[test]
    fn a_set_of_encodings_has_what_was_put_in() {
        let mut set = Encodings::default();
        assert!(set.is_empty() && !set.has(0));
        set.insert(0);
        set.insert(3);
        set.insert(64);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 3]);
    }
}
