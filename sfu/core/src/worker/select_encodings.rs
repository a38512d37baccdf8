//! Selects the encoding of each track in a subscriber's slots, and the encodings that publishers are
//! asked to send.

use std::time::Instant;

use signaling_protocol::{ReceiverVideoConstraint, RoomId, Source, SubscribedQuality};

use super::Worker;
use crate::ids::{ParticipantKey, TrackId};
use crate::media::MediaReport;
use crate::policy::{Demand, OverloadLevel, Priority, highest_useful_encoding};
use crate::room::PublishedTrack;

/// Assumed height in pixels of a track on which the subscriber has set no constraint.
const UNCONSTRAINED_HEIGHT: u16 = 180;

/// A video track in a subscriber's slot.
struct SlotTrack {
    slot: usize,
    publisher: ParticipantKey,
    id: TrackId,
    /// The choice is between the steps of its layers, not between encodings.
    is_layered: bool,
}

impl Worker {
    /// Selects anew what every subscriber of a room is sent.
    pub(super) fn select_encodings(&mut self, now: Instant, room: &RoomId) {
        self.notify_peers(room);
        let Some(room) = self.rooms.get(room) else { return };
        let local: Vec<ParticipantKey> =
            room.keys().filter(|key| self.participants.is_local(*key)).collect();
        for key in &local {
            self.select_encodings_for(now, *key);
        }
        for key in local {
            self.report_subscribed_quality(now, key);
        }
    }

    /// Selects anew what one subscriber is sent.
    pub(super) fn select_encodings_for(&mut self, now: Instant, key: ParticipantKey) {
        let Some(room) = self.participants.get(key).map(|p| p.room().clone()) else { return };
        let (tracks, demands) = self.demands(key);
        let Some(subscriber) = self.participants.subscriber_mut(key) else { return };
        let allocation = subscriber.allocate(now, &demands);
        if let Some(downlink) = subscriber.downlink_mut().take_report(now, &allocation) {
            self.report(key, MediaReport::Downlink(downlink));
        }
        for (SlotTrack { slot, publisher, id, is_layered }, chosen) in
            tracks.into_iter().zip(allocation.chosen())
        {
            let publisher = self.participants.publisher_mut(publisher);
            let Some(track) = publisher.and_then(|p| p.track_mut(id.source)) else { continue };
            let (encoding, step) =
                if is_layered { (chosen.map(|_| 0), *chosen) } else { (*chosen, None) };
            if let Some(encoding) = track.set_target(now, key, slot, encoding, step) {
                self.request_key_frame(now, &room, id, encoding);
            }
        }
    }

    /// Returns the video tracks in a subscriber's slots, and the demand for each.
    fn demands(&self, key: ParticipantKey) -> (Vec<SlotTrack>, Vec<Demand>) {
        let room = self.participants.get(key).and_then(|p| self.rooms.get(p.room()));
        let (Some(room), Some(subscriber)) = (room, self.participants.subscriber(key)) else {
            return Default::default();
        };
        let mut tracks = Vec::new();
        let mut demands = Vec::new();
        for (slot, id) in subscriber.slots().iter().map(|slot| slot.track()).enumerate() {
            let Some(id) = id.filter(|id| !id.source.is_audio()) else { continue };
            let Some(publisher) = room.key_of(id.participant) else { continue };
            let track = self.participants.publisher(publisher).and_then(|p| p.track(id.source));
            let Some(track) = track else { continue };
            let constraint = subscriber.constraint(id);
            let (demand, is_layered) = demand(track, constraint, key, slot, self.overload.level());
            demands.push(demand);
            tracks.push(SlotTrack { slot, publisher, id, is_layered });
        }
        (tracks, demands)
    }

    /// Reports to a publisher which encodings of its tracks are subscribed to, if that has changed.
    fn report_subscribed_quality(&mut self, now: Instant, key: ParticipantKey) {
        let Some(publisher) = self.participants.publisher_mut(key) else { return };
        let mut changed = Vec::new();
        for track in publisher.tracks_mut() {
            if let Some(wanted) = track.take_requested_encodings(now) {
                changed.push(SubscribedQuality { source: track.source(), wanted });
            }
        }
        for quality in changed {
            self.report(key, MediaReport::SubscribedQuality(quality));
        }
    }
}

/// Returns the demand for a track in a slot, and whether it is for the steps of its layers.
fn demand(
    track: &PublishedTrack,
    constraint: Option<ReceiverVideoConstraint>,
    subscriber: ParticipantKey,
    slot: usize,
    level: OverloadLevel,
) -> (Demand, bool) {
    let (bitrates, is_layered) = track.bitrates();
    let height = constraint.map_or(UNCONSTRAINED_HEIGHT, |constraint| constraint.height);
    let pinned = constraint.is_some_and(|constraint| constraint.pinned);
    let lowest_only = level > OverloadLevel::Normal && track.source() == Source::Camera && !pinned;
    let priority = Priority::new(pinned, track.source() == Source::Screen, height, slot);
    let count = bitrates.len();
    let wanted = if lowest_only { 0 } else { highest_useful_encoding(count, height) };
    let current = track.sent_to(subscriber, slot, count);
    (Demand::new(priority, bitrates, wanted, current), is_layered)
}
