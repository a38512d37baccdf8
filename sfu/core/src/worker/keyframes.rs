//! Key frame requests: from subscribers to the publishers of the tracks in their slots.

use std::time::Instant;

use signaling_protocol::RoomId;
use str0m::media::Mid;

use super::Worker;
use crate::ids::{ParticipantKey, TrackId};

impl Worker {
    /// Handles the request of a subscriber that cannot decode the track in a slot.
    pub(super) fn handle_key_frame_request(&mut self, now: Instant, key: ParticipantKey, mid: Mid) {
        self.counters.key_frame_requests_received += 1;
        let slot = self.participants.subscriber(key).and_then(|s| s.slot_by_mid(mid));
        if let Some(slot) = slot {
            self.request_key_frames_for_slot(now, key, slot);
        }
    }

    /// Requests key frames of everything in the slots of a subscriber that begins to receive.
    pub(super) fn request_key_frames_for(&mut self, now: Instant, key: ParticipantKey) {
        let slots = self.participants.subscriber(key).map_or(0, |s| s.slots().len());
        (0..slots).for_each(|slot| self.request_key_frames_for_slot(now, key, slot));
    }

    fn request_key_frames_for_slot(&mut self, now: Instant, key: ParticipantKey, slot: usize) {
        let subscriber = self.participants.subscriber(key);
        let Some(id) = subscriber.and_then(|s| s.slots().get(slot)?.track()) else { return };
        let Some(room) = self.participants.get(key).map(|p| p.room().clone()) else { return };
        let publisher = self.rooms.get(&room).and_then(|r| r.key_of(id.participant));
        let publisher = publisher.and_then(|publisher| self.participants.publisher(publisher));
        let Some(track) = publisher.and_then(|p| p.track(id.source)) else { return };
        // Besides the encoding that is sent, the next one: it begins with its key frame.
        for encoding in track.needed_encodings(key, slot) {
            self.request_key_frame(now, &room, id, encoding);
        }
    }

    /// Requests a key frame of an encoding, now or as soon as the publisher may be asked again.
    pub(super) fn request_key_frame(
        &mut self,
        now: Instant,
        room: &RoomId,
        id: TrackId,
        encoding: usize,
    ) {
        if id.source.is_audio() {
            return;
        }
        let Some(key) = self.rooms.get(room).and_then(|r| r.key_of(id.participant)) else { return };
        let publisher = self.participants.publisher_mut(key);
        let track = publisher.and_then(|p| p.track_mut(id.source));
        if track.is_some_and(|track| track.request_key_frame(now, encoding)) {
            self.schedule(now, key);
        }
    }

    /// Sends the due requests to a publisher. Returns whether there were any.
    pub(super) fn request_due_key_frames(&mut self, now: Instant, key: ParticipantKey) -> bool {
        let Some((publisher, subscriber)) = self.participants.both_mut(key) else { return false };
        let Some(connection) = subscriber.connection_mut() else { return false };
        let mut requested = false;
        let mut fault = None;
        for track in publisher.tracks_mut() {
            let mid = track.mid();
            for encoding in track.encodings_mut() {
                if !encoding.take_due_key_frame(now) {
                    continue;
                }
                match connection.request_key_frame(mid, encoding.rid()) {
                    Ok(true) => {
                        requested = true;
                        self.counters.key_frame_requests_sent += 1;
                    }
                    // The publisher has sent nothing yet. Its first frame may be lost on the way to
                    // a subscriber, so the request remains.
                    Ok(false) => encoding.retry_key_frame(),
                    Err(error) => fault = Some(error),
                }
            }
        }
        if let Some(fault) = fault {
            self.fail(now, key, &fault);
        }
        requested
    }

    /// Hands the due requests to a remote participant to the worker that has its connection.
    pub(super) fn cascade_due_key_frames(&mut self, now: Instant, key: ParticipantKey) {
        let Some(remote) = self.participants.get(key) else { return };
        let Some(owner) = remote.owner_worker() else { return };
        let (participant, room) = (remote.id(), remote.room().clone());
        let Some(publisher) = self.participants.publisher_mut(key) else { return };
        let mut due = Vec::new();
        for track in publisher.tracks_mut() {
            let id = TrackId { participant, source: track.source() };
            for (index, encoding) in track.encodings_mut().iter_mut().enumerate() {
                if encoding.take_due_key_frame(now) {
                    due.push((id, index));
                }
            }
        }
        self.schedule(now, key);
        if let Some(peer) = self.rooms.get_mut(&room).and_then(|room| room.peer_mut(owner)) {
            peer.request_key_frames(due);
            self.notify_peers(&room);
        }
    }
}
