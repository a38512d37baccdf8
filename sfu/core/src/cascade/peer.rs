//! The state that a worker keeps of the other workers of a room.

use std::collections::BTreeSet;

use super::messages::{CascadeControl, CascadeTarget, RemoteSubscription, RemoteTrack};
use crate::ids::{TrackId, WorkerId};

/// The other workers that have participants of a room.
#[derive(Debug, Default)]
pub(crate) struct CascadePeers {
    peers: Vec<Peer>,
    /// The state that they have been sent may be out of date.
    is_stale: bool,
}

impl CascadePeers {
    /// Replaces the set of workers. Returns those that are no longer in it.
    pub(crate) fn set(&mut self, others: &[WorkerId]) -> Vec<WorkerId> {
        let (kept, removed): (Vec<Peer>, Vec<Peer>) =
            self.peers.drain(..).partition(|peer| others.contains(&peer.id));
        self.peers = kept;
        for other in others {
            if self.peers.iter().all(|peer| peer.id != *other) {
                self.peers.push(Peer::new(*other));
            }
        }
        removed.into_iter().map(|peer| peer.id).collect()
    }

    /// Returns a worker of the room.
    pub(crate) fn get_mut(&mut self, id: WorkerId) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.id == id)
    }

    /// Marks the state that the workers have been sent as possibly out of date. Returns whether it
    /// was not marked before.
    pub(crate) fn mark_stale(&mut self) -> bool {
        !std::mem::replace(&mut self.is_stale, true)
    }

    /// Returns the changes to send to each worker, given the tracks that are published here and the
    /// subscriptions to the tracks of each worker.
    pub(crate) fn take_deltas(
        &mut self,
        tracks: &[RemoteTrack],
        subscriptions_to: impl Fn(WorkerId) -> Vec<RemoteSubscription>,
    ) -> Vec<(WorkerId, CascadeControl)> {
        self.is_stale = false;
        let deltas =
            self.peers.iter_mut().map(|p| (p.id, p.take_delta(tracks, subscriptions_to(p.id))));
        deltas.filter(|(_, delta)| !delta.is_empty()).collect()
    }

    /// Returns the workers that subscribe to a track that is published here.
    pub(crate) fn targets(&self, track: TrackId) -> impl Iterator<Item = CascadeTarget> {
        self.peers.iter().filter_map(move |peer| {
            let subscription = peer.subscriptions.iter().find(|s| s.track() == track)?;
            Some(CascadeTarget::new(peer.id, *subscription))
        })
    }
}

/// Another worker with participants of the room.
#[derive(Debug)]
pub(crate) struct Peer {
    id: WorkerId,
    /// Its subscriptions to tracks that are published here.
    subscriptions: Vec<RemoteSubscription>,
    /// Encodings of its tracks that need a key frame.
    key_frames: BTreeSet<(TrackId, usize)>,
    /// It has to be asked for everything.
    needs_resync: bool,
    /// The state that it was last sent.
    sent_tracks: Option<Vec<RemoteTrack>>,
    sent_subscriptions: Option<Vec<RemoteSubscription>>,
}

impl Peer {
    fn new(id: WorkerId) -> Self {
        Self {
            id,
            subscriptions: Vec::new(),
            key_frames: BTreeSet::new(),
            needs_resync: true,
            sent_tracks: None,
            sent_subscriptions: None,
        }
    }

    /// Forgets what the worker was sent, so that it is sent everything again.
    pub(crate) fn forget_sent(&mut self) {
        (self.sent_tracks, self.sent_subscriptions) = (None, None);
    }

    /// Replaces the worker's subscriptions to tracks that are published here.
    pub(crate) fn set_subscriptions(&mut self, subscriptions: Vec<RemoteSubscription>) {
        self.subscriptions = subscriptions;
    }

    /// Requests key frames of the worker's tracks.
    pub(crate) fn request_key_frames(&mut self, key_frames: Vec<(TrackId, usize)>) {
        self.key_frames.extend(key_frames);
    }

    fn take_delta(
        &mut self,
        tracks: &[RemoteTrack],
        subscriptions: Vec<RemoteSubscription>,
    ) -> CascadeControl {
        let changed_tracks = (self.sent_tracks.as_deref() != Some(tracks)).then(|| tracks.to_vec());
        if changed_tracks.is_some() {
            self.sent_tracks.clone_from(&changed_tracks);
        }
        let changed_subscriptions =
            (self.sent_subscriptions.as_ref() != Some(&subscriptions)).then_some(subscriptions);
        if changed_subscriptions.is_some() {
            self.sent_subscriptions.clone_from(&changed_subscriptions);
        }
        let resync = std::mem::take(&mut self.needs_resync);
        let key_frames = std::mem::take(&mut self.key_frames);
        CascadeControl::new(resync, changed_tracks, changed_subscriptions, key_frames)
    }
}
