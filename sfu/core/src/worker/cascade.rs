//! Rooms that span several workers: messages from and to the others.

use std::collections::BTreeMap;
use std::time::Instant;

use signaling_protocol::limits::TRACKS;
use signaling_protocol::{ParticipantId, RoomId};

use super::Worker;
use crate::cascade::{
    CascadeControl, CascadeMessage, CascadePacket, RemoteSubscription, RemoteTrack,
};
use crate::ids::{ParticipantKey, TrackId, WorkerId};
use crate::limits::ENCODINGS;
use crate::room::Participant;

impl Worker {
    /// Sets which other workers have participants of a room; none if the room is on this worker
    /// alone. Each of them has to be told the same, in any order, and cascades the room to the others
    /// from then on.
    pub fn set_cascade_peers(&mut self, now: Instant, id: &RoomId, others: &[WorkerId]) {
        if others.is_empty() && !self.rooms.contains_key(id) {
            return;
        }
        let room = self.rooms.entry(id.clone()).or_default();
        for removed in room.set_cascade_peers(others) {
            self.set_remote_tracks(now, id, removed, &[]);
        }
        if self.rooms.get(id).is_some_and(|room| room.is_empty()) {
            self.rooms.remove(id);
            return;
        }
        self.assign_slots(now, id);
    }

    /// Processes a media packet of another worker. A packet for an unknown remote participant is
    /// ignored.
    pub fn handle_cascade_packet(&mut self, now: Instant, packet: &CascadePacket) {
        self.now = Some(now);
        let key = packet.remote_key();
        if self.participants.get(key).is_some_and(|p| !p.is_local()) {
            self.fan_out(now, key, packet.source(), packet.header(), packet.payload());
        }
    }

    /// Processes the changes in another worker's part of a room. If the room does not span that
    /// worker they are ignored; once it does, the worker is asked for everything.
    pub fn handle_cascade_control(
        &mut self,
        now: Instant,
        from: WorkerId,
        id: &RoomId,
        mut control: CascadeControl,
    ) {
        self.now = Some(now);
        let Some(peer) = self.rooms.get_mut(id).and_then(|room| room.peer_mut(from)) else {
            return;
        };
        if control.requests_resync() {
            peer.forget_sent();
            self.notify_peers(id);
        }
        if let Some(tracks) = control.take_tracks()
            && self.set_remote_tracks(now, id, from, &tracks)
        {
            self.assign_slots(now, id);
        }
        if let Some(subscriptions) = control.take_subscriptions() {
            self.set_remote_subscriptions(now, id, from, subscriptions);
        }
        for (track, encoding) in control.take_key_frames() {
            if self.is_published_here(id, track) {
                self.request_key_frame(now, id, track, encoding);
            }
        }
    }

    /// Returns a message to another worker. Call it after every input until it returns `None`.
    pub fn poll_cascade(&mut self, now: Instant) -> Option<(WorkerId, CascadeMessage)> {
        while let Some(id) = self.cascade.pop_room() {
            let Some(room) = self.rooms.get_mut(&id) else { continue };
            for (to, control) in room.take_cascade_deltas(now, &self.participants) {
                self.cascade.push_control(to, id.clone(), control);
            }
        }
        self.cascade.pop()
    }

    /// Has the changes in a room sent to its other workers, if it has any.
    pub(super) fn notify_peers(&mut self, id: &RoomId) {
        let peers = self.rooms.get_mut(id).and_then(|room| room.cascade_peers_mut());
        if peers.is_some_and(|peers| peers.mark_stale()) {
            self.cascade.push_room(id.clone());
        }
    }

    fn set_remote_subscriptions(
        &mut self,
        now: Instant,
        id: &RoomId,
        from: WorkerId,
        mut subscriptions: Vec<RemoteSubscription>,
    ) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        subscriptions.truncate(room.len() * TRACKS);
        if let Some(peer) = room.peer_mut(from) {
            peer.set_subscriptions(subscriptions);
        }
        room.connect_cascade_targets(&mut self.participants);
        self.select_encodings(now, id);
    }

    fn is_published_here(&self, id: &RoomId, track: TrackId) -> bool {
        let key = self.rooms.get(id).and_then(|room| room.key_of(track.participant));
        key.is_some_and(|key| self.participants.is_local(key))
    }

    /// Replaces the remote participants of a worker and their tracks. Returns whether that changes
    /// what subscribers could receive.
    fn set_remote_tracks(
        &mut self,
        now: Instant,
        id: &RoomId,
        owner: WorkerId,
        tracks: &[RemoteTrack],
    ) -> bool {
        let by_participant = group_by_participant(tracks);
        let Some(room) = self.rooms.get_mut(id) else { return false };
        let participants = &mut self.participants;
        let is_owned = |participants: &crate::room::Participants, key: ParticipantKey| {
            participants.get(key).is_some_and(|p| p.owner_worker() == Some(owner))
        };
        let mut changed = false;
        room.retain(|participant, key| {
            let has_left =
                is_owned(participants, key) && !by_participant.contains_key(&participant);
            if has_left {
                participants.remove(key);
                changed = true;
            }
            !has_left
        });
        let is_remote = |key: &ParticipantKey| !participants.is_local(*key);
        let mut remote_count = room.keys().filter(is_remote).count();
        for (participant, tracks) in by_participant {
            let key = match room.key_of(participant) {
                Some(key) => key,
                None if remote_count >= self.config.limits.participants_per_room => continue,
                None => {
                    let remote = Participant::remote(id.clone(), participant, owner);
                    let key = participants.insert(now, remote);
                    self.timers.forget(key);
                    remote_count += 1;
                    room.insert(participant, key);
                    key
                }
            };
            // A participant of this worker, or of a third one, is not replaced.
            if is_owned(participants, key)
                && let Some(publisher) = participants.publisher_mut(key)
            {
                changed |= publisher.set_remote_tracks(now, &tracks);
            }
        }
        changed
    }
}

/// Returns the valid tracks of each participant, within the limits.
fn group_by_participant(tracks: &[RemoteTrack]) -> BTreeMap<ParticipantId, Vec<&RemoteTrack>> {
    let mut by_participant: BTreeMap<ParticipantId, Vec<&RemoteTrack>> = BTreeMap::new();
    for track in tracks {
        let own = by_participant.entry(track.id().participant).or_default();
        if (1..=ENCODINGS).contains(&track.encodings().len()) && own.len() < TRACKS {
            own.push(track);
        }
    }
    by_participant
}
