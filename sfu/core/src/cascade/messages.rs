//! The messages between the workers of a room.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use signaling_protocol::{RoomId, Source};

use crate::ids::{ParticipantKey, TrackId, WorkerId};
use crate::rtp::{BitsPerSecond, MediaHeader};

/// A message from one worker to another. Packets may be lost on the way. Controls may not be, and
/// arrive in order, but consecutive ones may be merged ([`CascadeControl::merge`]).
#[derive(Debug)]
pub enum CascadeMessage {
    /// A change in the sender's part of a room.
    Control(RoomId, CascadeControl),
    /// A media packet.
    Packet(CascadePacket),
}

/// The changes in a worker's part of a room. Each field that has changed is sent whole, so that a
/// later message replaces an earlier one.
#[derive(Debug, Default)]
pub struct CascadeControl {
    /// The sender knows nothing of the receiver's part and asks for all of it.
    resync: bool,
    /// All tracks that are published in the sender's part.
    tracks: Option<Vec<RemoteTrack>>,
    /// All of the receiver's tracks that are subscribed to in the sender's part.
    subscriptions: Option<Vec<RemoteSubscription>>,
    /// Encodings of the receiver's tracks that need a key frame.
    key_frames: BTreeSet<(TrackId, usize)>,
}

impl CascadeControl {
    /// Creates a message; `None` stands for what has not changed.
    pub(crate) fn new(
        resync: bool,
        tracks: Option<Vec<RemoteTrack>>,
        subscriptions: Option<Vec<RemoteSubscription>>,
        key_frames: BTreeSet<(TrackId, usize)>,
    ) -> Self {
        Self { resync, tracks, subscriptions, key_frames }
    }

    /// Merges a later message into this one. The outcome is as if both had arrived, and its size is
    /// bounded by that of the room.
    pub fn merge(&mut self, later: Self) {
        self.resync |= later.resync;
        self.tracks = later.tracks.or(self.tracks.take());
        self.key_frames.extend(later.key_frames);
        if let Some(subscriptions) = later.subscriptions {
            self.key_frames.retain(|(track, _)| subscriptions.iter().any(|s| s.track == *track));
            self.subscriptions = Some(subscriptions);
        }
    }

    /// Returns whether the message has no content.
    pub(crate) fn is_empty(&self) -> bool {
        !self.resync
            && self.tracks.is_none()
            && self.subscriptions.is_none()
            && self.key_frames.is_empty()
    }

    /// Returns whether the sender asks for everything.
    pub(crate) fn requests_resync(&self) -> bool {
        self.resync
    }

    /// Takes the tracks of the sender's part, if they have changed.
    pub(crate) fn take_tracks(&mut self) -> Option<Vec<RemoteTrack>> {
        self.tracks.take()
    }

    /// Takes the subscriptions of the sender's part, if they have changed.
    pub(crate) fn take_subscriptions(&mut self) -> Option<Vec<RemoteSubscription>> {
        self.subscriptions.take()
    }

    /// Takes the encodings that need a key frame.
    pub(crate) fn take_key_frames(&mut self) -> BTreeSet<(TrackId, usize)> {
        std::mem::take(&mut self.key_frames)
    }
}

/// A track that is published on another worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteTrack {
    id: TrackId,
    muted_since: Option<Instant>,
    activity: u64,
    encodings: Vec<EncodingState>,
}

impl RemoteTrack {
    /// Creates a track with its smoothed activity in payload bytes per second and its encodings,
    /// the lowest first.
    pub(crate) fn new(
        id: TrackId,
        muted_since: Option<Instant>,
        activity: u64,
        encodings: Vec<EncodingState>,
    ) -> Self {
        Self { id, muted_since, activity, encodings }
    }

    pub(crate) fn id(&self) -> TrackId {
        self.id
    }

    pub(crate) fn muted_since(&self) -> Option<Instant> {
        self.muted_since
    }

    /// Returns the smoothed activity in payload bytes per second.
    pub(crate) fn activity(&self) -> u64 {
        self.activity
    }

    /// Returns the encodings, the lowest first.
    pub(crate) fn encodings(&self) -> &[EncodingState] {
        &self.encodings
    }
}

/// The state of an encoding at the worker that receives it from the publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EncodingState {
    pub(crate) active: bool,
    /// The bitrate, once measured.
    pub(crate) bitrate: Option<BitsPerSecond>,
}

/// The subscriptions of a worker to a track of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RemoteSubscription {
    track: TrackId,
    /// The remote participant that packets are addressed to.
    remote_key: ParticipantKey,
    /// The encodings that subscribers are allocated.
    wanted: EncodingSet,
    /// The encodings whose packets are to be copied: those that are sent to a subscriber, or will be
    /// from their next key frame on.
    forwarded: EncodingSet,
}

impl RemoteSubscription {
    /// Creates a subscription to encodings of a track, whose packets go to `remote_key`.
    pub(crate) fn new(
        track: TrackId,
        remote_key: ParticipantKey,
        wanted: impl Iterator<Item = usize>,
        forwarded: impl Iterator<Item = usize>,
    ) -> Self {
        let (wanted, forwarded) = (wanted.collect(), forwarded.collect());
        Self { track, remote_key, wanted, forwarded }
    }

    pub(crate) fn track(&self) -> TrackId {
        self.track
    }

    /// Returns whether no encoding is wanted or forwarded.
    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.forwarded.is_empty()
    }
}

/// Another worker that subscribes to a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CascadeTarget {
    worker: WorkerId,
    subscription: RemoteSubscription,
}

impl CascadeTarget {
    pub(crate) fn new(worker: WorkerId, subscription: RemoteSubscription) -> Self {
        Self { worker, subscription }
    }

    /// Returns the encodings that the worker's subscribers are allocated.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = usize> + use<> {
        self.subscription.wanted.iter()
    }

    /// Copies a packet for the worker, if it forwards the encoding.
    pub(crate) fn copy_packet(
        &self,
        source: Source,
        header: MediaHeader,
        payload: &Arc<[u8]>,
    ) -> Option<(WorkerId, CascadePacket)> {
        let RemoteSubscription { remote_key, forwarded, .. } = self.subscription;
        forwarded.contains(header.encoding).then(|| {
            (self.worker, CascadePacket { remote_key, source, header, payload: payload.clone() })
        })
    }
}

/// A media packet after SRTP decryption.
#[derive(Debug)]
pub struct CascadePacket {
    remote_key: ParticipantKey,
    source: Source,
    header: MediaHeader,
    payload: Arc<[u8]>,
}

impl CascadePacket {
    /// Returns whether the packet is audio, which takes precedence where not everything fits.
    #[must_use]
    pub fn is_audio(&self) -> bool {
        self.source.is_audio()
    }

    /// Returns the length of the payload in bytes.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payload.len()
    }

    /// Returns the remote participant at the receiving worker that the packet is addressed to.
    pub(crate) fn remote_key(&self) -> ParticipantKey {
        self.remote_key
    }

    pub(crate) fn source(&self) -> Source {
        self.source
    }

    pub(crate) fn header(&self) -> &MediaHeader {
        &self.header
    }

    pub(crate) fn payload(&self) -> &Arc<[u8]> {
        &self.payload
    }
}

/// A set of encodings of a track. There are at most four (`limits::ENCODINGS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct EncodingSet(u8);

impl EncodingSet {
    fn insert(&mut self, encoding: usize) {
        self.0 |= bit(encoding);
    }

    fn contains(self, encoding: usize) -> bool {
        self.0 & bit(encoding) != 0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn iter(self) -> impl Iterator<Item = usize> + use<> {
        (0..u8::BITS as usize).filter(move |encoding| self.contains(*encoding))
    }
}

impl FromIterator<usize> for EncodingSet {
    fn from_iter<I: IntoIterator<Item = usize>>(encodings: I) -> Self {
        let mut set = Self::default();
        encodings.into_iter().for_each(|encoding| set.insert(encoding));
        set
    }
}

fn bit(encoding: usize) -> u8 {
    u32::try_from(encoding).ok().and_then(|n| 1_u8.checked_shl(n)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use signaling_protocol::ParticipantId;

    use super::*;

    fn camera(participant: u32) -> TrackId {
        TrackId { participant: ParticipantId(participant), source: Source::Camera }
    }

    fn subscription(participant: u32) -> RemoteSubscription {
        let key = ParticipantKey::new(0, 0);
        RemoteSubscription::new(camera(participant), key, [1].into_iter(), [1].into_iter())
    }

    #[test]
    fn a_merged_message_has_the_latest_state_and_all_key_frames_that_are_still_needed() {
        let mut control = CascadeControl {
            resync: true,
            tracks: Some(Vec::new()),
            subscriptions: Some(vec![subscription(1), subscription(2)]),
            key_frames: [(camera(1), 0), (camera(2), 1)].into(),
        };
        control.merge(CascadeControl {
            subscriptions: Some(vec![subscription(2), subscription(3)]),
            key_frames: [(camera(3), 0)].into(),
            ..CascadeControl::default()
        });
        assert!(control.resync);
        assert_eq!(control.tracks, Some(Vec::new()), "there is no later state");
        assert_eq!(control.subscriptions, Some(vec![subscription(2), subscription(3)]));
        assert_eq!(control.key_frames, [(camera(2), 1), (camera(3), 0)].into());
        assert!(!control.is_empty() && CascadeControl::default().is_empty());
    }

    #[test]
    fn a_set_of_encodings_contains_what_was_inserted() {
        let mut set = EncodingSet::default();
        assert!(set.is_empty() && !set.contains(0));
        set.insert(0);
        set.insert(3);
        set.insert(64);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 3]);
    }
}
