//! A room: its participants, the tracks that they publish, and who subscribes to which.

mod activity;
mod encoding;
mod participant;
mod participants;
mod published_track;
mod publisher;
mod receive_slot;
mod requested_encodings;
mod subscriber;
mod subscription;

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use signaling_protocol::ParticipantId;
use str0m::media::MediaKind;

pub(crate) use participant::Participant;
pub(crate) use participants::Participants;
pub(crate) use published_track::PublishedTrack;

use crate::cascade::{CascadeControl, CascadePeers, Peer, RemoteSubscription, RemoteTrack};
use crate::ids::{ParticipantKey, TrackId, WorkerId};
use crate::policy::{CandidateTrack, SlotAssignment, assign_slots};
use publisher::media_kind;
use receive_slot::ReceiveSlot;
use subscription::Subscription;

/// A worker's part of a room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// All participants, including remote ones.
    members: BTreeMap<ParticipantId, ParticipantKey>,
    /// The other workers of the room, if it spans several.
    cascade_peers: Option<Box<CascadePeers>>,
    /// A subscriber could receive more tracks than it has slots, so slots change with activity.
    is_contended: bool,
}

impl Room {
    /// Returns whether there are no participants, here or on other workers.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.cascade_peers.is_none()
    }

    /// Returns whether slots change with activity.
    pub(crate) fn is_contended(&self) -> bool {
        self.is_contended
    }

    /// Returns the key of a participant.
    pub(crate) fn key_of(&self, participant: ParticipantId) -> Option<ParticipantKey> {
        self.members.get(&participant).copied()
    }

    /// Returns the keys of all participants, including remote ones.
    pub(crate) fn keys(&self) -> impl Iterator<Item = ParticipantKey> {
        self.members.values().copied()
    }

    /// Returns the number of participants, including remote ones.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Adds a participant. Returns the key of the one with the same id that it replaces.
    pub(crate) fn insert(
        &mut self,
        participant: ParticipantId,
        key: ParticipantKey,
    ) -> Option<ParticipantKey> {
        self.members.insert(participant, key)
    }

    /// Removes a participant.
    pub(crate) fn remove(&mut self, participant: ParticipantId) {
        self.members.remove(&participant);
    }

    /// Keeps the participants for which `keep` returns `true`.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(ParticipantId, ParticipantKey) -> bool) {
        self.members.retain(|participant, key| keep(*participant, *key));
    }

    /// Returns the other workers of the room, if it spans several.
    pub(crate) fn cascade_peers_mut(&mut self) -> Option<&mut CascadePeers> {
        self.cascade_peers.as_deref_mut()
    }

    /// Returns another worker of the room.
    pub(crate) fn peer_mut(&mut self, id: WorkerId) -> Option<&mut Peer> {
        self.cascade_peers.as_mut()?.get_mut(id)
    }

    /// Replaces the set of the other workers. Returns those that are no longer in it.
    pub(crate) fn set_cascade_peers(&mut self, others: &[WorkerId]) -> Vec<WorkerId> {
        let removed = self.cascade_peers.get_or_insert_default().set(others);
        if others.is_empty() {
            self.cascade_peers = None;
        }
        removed
    }

    /// Assigns the slots of all subscribers anew, with as few changes as the policy permits.
    pub(crate) fn assign_slots(&mut self, now: Instant, participants: &mut Participants) {
        let candidates = self.candidates(now, participants);
        self.is_contended = false;
        for (id, key) in &self.members {
            let Some(subscriber) = participants.subscriber_mut(*key) else { continue };
            for kind in [MediaKind::Audio, MediaKind::Video] {
                let candidates: Vec<CandidateTrack> = candidates
                    .iter()
                    .filter(|c| c.track().participant != *id)
                    .filter(|c| media_kind(c.track().source) == kind)
                    .filter_map(|c| c.constrained(subscriber.constraint(c.track())))
                    .collect();
                let mut slots: Vec<&mut ReceiveSlot> =
                    subscriber.slots_mut().iter_mut().filter(|slot| slot.kind() == kind).collect();
                self.is_contended |= candidates.len() > slots.len() && !slots.is_empty();
                let before: Vec<Option<SlotAssignment>> =
                    slots.iter().map(|slot| slot.assignment()).collect();
                let after = assign_slots(now, &before, &candidates);
                for (slot, assignment) in slots.iter_mut().zip(after) {
                    slot.assign(assignment);
                }
            }
        }
        self.connect_subscriptions(participants);
        if self.cascade_peers.is_some() {
            self.connect_cascade_targets(participants);
        }
    }

    fn candidates(&self, now: Instant, participants: &Participants) -> Vec<CandidateTrack> {
        let mut candidates = Vec::new();
        for (id, key) in &self.members {
            let Some(publisher) = participants.publisher(*key) else { continue };
            let activity = publisher.activity();
            candidates.extend(publisher.tracks().iter().map(|track| {
                let id = TrackId { participant: *id, source: track.source() };
                CandidateTrack::new(id, track.muted_for(now), activity)
            }));
        }
        candidates
    }

    /// Stores at every track its subscriptions, which the packet path follows.
    fn connect_subscriptions(&self, participants: &mut Participants) {
        let mut subscriptions: HashMap<TrackId, Vec<Subscription>> = HashMap::new();
        for key in self.keys() {
            let Some(subscriber) = participants.subscriber(key) else { continue };
            for (index, slot) in subscriber.slots().iter().enumerate() {
                if let Some(track) = slot.track() {
                    // Audio has one encoding, which is always sent.
                    let encoding = track.source.is_audio().then_some(0);
                    let subscription = Subscription::new(key, index, encoding);
                    subscriptions.entry(track).or_default().push(subscription);
                }
            }
        }
        for (id, key) in &self.members {
            let Some(publisher) = participants.publisher_mut(*key) else { continue };
            for track in publisher.tracks_mut() {
                let id = TrackId { participant: *id, source: track.source() };
                track.set_subscriptions(subscriptions.remove(&id).unwrap_or_default());
            }
        }
    }

    /// Stores at every track that is published here which other workers subscribe to it.
    pub(crate) fn connect_cascade_targets(&self, participants: &mut Participants) {
        for (id, key) in &self.members {
            if !participants.is_local(*key) {
                continue;
            }
            let Some(publisher) = participants.publisher_mut(*key) else { continue };
            for track in publisher.tracks_mut() {
                let id = TrackId { participant: *id, source: track.source() };
                let peers = self.cascade_peers.iter();
                track.set_cascade_targets(peers.flat_map(|peers| peers.targets(id)));
            }
        }
    }

    /// Returns the changes to send to each other worker.
    pub(crate) fn take_cascade_deltas(
        &mut self,
        now: Instant,
        participants: &Participants,
    ) -> Vec<(WorkerId, CascadeControl)> {
        let Some(mut peers) = self.cascade_peers.take() else { return Vec::new() };
        let tracks = self.local_tracks(now, participants);
        let deltas =
            peers.take_deltas(&tracks, |worker| self.subscriptions_to(worker, participants));
        self.cascade_peers = Some(peers);
        deltas
    }

    /// Returns the tracks that are published here.
    fn local_tracks(&self, now: Instant, participants: &Participants) -> Vec<RemoteTrack> {
        let local = self.members.iter().filter(|(_, key)| participants.is_local(**key));
        local
            .filter_map(|(id, key)| Some((*id, participants.publisher(*key)?)))
            .flat_map(|(id, publisher)| {
                publisher.tracks().iter().map(move |track| track.description(now, id))
            })
            .collect()
    }

    /// Returns the subscriptions of participants here to the tracks of another worker.
    fn subscriptions_to(
        &self,
        worker: WorkerId,
        participants: &Participants,
    ) -> Vec<RemoteSubscription> {
        let remote = self.members.iter().filter(|(_, key)| {
            participants.get(**key).is_some_and(|p| p.owner_worker() == Some(worker))
        });
        remote
            .filter_map(|(id, key)| Some((*id, *key, participants.publisher(*key)?)))
            .flat_map(|(id, key, publisher)| {
                publisher.tracks().iter().filter_map(move |t| t.remote_subscription(id, key))
            })
            .collect()
    }
}
