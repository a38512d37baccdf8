//! The packet path: from a publisher's track to its subscribers' slots, and back with requests.

use std::time::Instant;

use signaling_protocol::RoomId;
use str0m::media::Mid;
use str0m::rtp::{RtpPacket, RtpWrite};

use crate::connection::Fault;
use crate::counters::{DropReason, Flow, SrtpProfile};
use crate::participants::Key;
use crate::slots::TrackId;
use crate::track::Forward;
use crate::worker::Worker;

impl Worker {
    /// A media packet of a publisher, with its SRTP taken off. Its payload stays what the client
    /// made it: all subscribers share one copy.
    pub(crate) fn forward(&mut self, now: Instant, key: Key, packet: &RtpPacket) {
        let Some(publisher) = self.participants.get_mut(key) else { return };
        let Some(connection) = &mut publisher.connection else { return };
        if !connection.profile_known && !packet.header.has_padding {
            let bare = packet.header.header_len + packet.payload.len();
            if let Some(profile) = SrtpProfile::of_tag(self.arriving.saturating_sub(bare)) {
                connection.profile_known = true;
                self.counters.count_srtp(profile);
            }
        }
        let mid = connection.mid_of(packet.header.ssrc);
        let wallclock = publisher.wallclock.map(packet);
        let Some(track) = mid.and_then(|mid| publisher.track_by_mid(mid)) else {
            return self.counters.drop(DropReason::UnannouncedTrack);
        };
        let Some(codec) = track.payload_types.codec(packet.header.payload_type) else {
            return self.counters.drop(DropReason::UnannouncedTrack);
        };
        track.count(packet.payload.len());

        // Taken out while the subscribers, who live in the same list, are worked on.
        let forwards = std::mem::take(&mut track.forwards);
        let mut faults: Vec<(Key, Fault)> = Vec::new();
        for &Forward { subscriber: to, slot } in &forwards {
            let Some(subscriber) = self.participants.get_mut(to) else { continue };
            let Some(connection) = subscriber.connection.as_mut().filter(|c| c.is_connected())
            else {
                continue;
            };
            let Some(slot) = subscriber.slots.get_mut(slot) else { continue };
            let Some(pt) = slot.payload_types.pt(codec) else {
                self.counters.drop(DropReason::NoCodec);
                continue;
            };
            let rewritten = slot.rewriter.rewrite(
                now,
                packet.header.ssrc,
                *packet.seq_no,
                packet.header.timestamp,
                codec.clock_rate(),
            );
            let Some(rewritten) = rewritten else {
                self.counters.drop(DropReason::BeforeSwitch);
                continue;
            };
            let write = RtpWrite::new(
                pt,
                rewritten.seq.into(),
                rewritten.timestamp,
                wallclock,
                packet.payload.clone(),
            )
            .marker(packet.header.marker)
            .nackable(true);
            match connection.write(slot.ssrc, write) {
                Ok(()) => self.counters.forwarded.add(packet.payload.len()),
                Err(fault) => faults.push((to, fault)),
            }
            if !std::mem::replace(&mut subscriber.dirty, true) {
                self.dirty.push(to);
            }
        }
        let publisher = self.participants.get_mut(key);
        if let Some(track) = publisher.and_then(|p| p.track_by_mid(mid?)) {
            track.forwards = forwards;
        }
        for (key, fault) in faults {
            self.fail(now, key, &fault);
        }
    }

    /// A subscriber cannot decode what a slot carries until a key frame comes.
    pub(crate) fn key_frame_wanted(&mut self, now: Instant, key: Key, mid: Mid) {
        self.counters.key_frames_wanted += 1;
        let Some(subscriber) = self.participants.get(key) else { return };
        let held = subscriber.slots.iter().find(|slot| slot.mid == mid).and_then(|s| s.held);
        if let Some(held) = held {
            let room = subscriber.room.clone();
            self.request_key_frame(now, &room, held.track);
        }
    }

    /// A subscriber begins to receive: everything in its slots needs a key frame.
    pub(crate) fn refresh_received(&mut self, now: Instant, key: Key) {
        let Some(subscriber) = self.participants.get(key) else { return };
        let room = subscriber.room.clone();
        let received: Vec<TrackId> =
            subscriber.slots.iter().filter_map(|slot| Some(slot.held?.track)).collect();
        for track in received {
            self.request_key_frame(now, &room, track);
        }
    }

    /// Asks for a key frame of a track, now or as soon as its publisher may be asked again.
    pub(crate) fn request_key_frame(&mut self, now: Instant, room: &RoomId, track: TrackId) {
        if track.source.is_audio() {
            return;
        }
        let key = self.rooms.get(room).and_then(|room| room.members.get(&track.participant));
        let Some(&key) = key else { return };
        let Some(publisher) = self.participants.get_mut(key) else { return };
        if let Some(published) = publisher.tracks.iter_mut().find(|t| t.source == track.source) {
            published.key_frames.request();
            self.schedule(now, key);
        }
    }

    /// Sends a publisher the requests whose time has come. Whether there were any.
    pub(crate) fn request_due_key_frames(&mut self, now: Instant, key: Key) -> bool {
        let Some(publisher) = self.participants.get_mut(key) else { return false };
        let Some(connection) = &mut publisher.connection else { return false };
        let mut asked = false;
        let mut fault = None;
        for track in &mut publisher.tracks {
            if !track.key_frames.take_due(now) {
                continue;
            }
            match connection.request_key_frame(track.mid) {
                Ok(true) => {
                    asked = true;
                    self.counters.key_frames_requested += 1;
                }
                // It has sent nothing yet. Its first frame may be lost on its way to those who
                // wait, so the request stays.
                Ok(false) => {
                    track.key_frames.request();
                }
                Err(broken) => fault = Some(broken),
            }
        }
        if let Some(fault) = fault {
            self.fail(now, key, &fault);
        }
        asked
    }

    /// str0m reports how many NACKs there have been on an m-line.
    pub(crate) fn count_nacks(&mut self, key: Key, flow: Flow, mid: Mid, total: u64) {
        let participant = self.participants.get_mut(key);
        let Some(connection) = participant.and_then(|p| p.connection.as_mut()) else { return };
        let more = connection.nacks_since(flow, mid, total);
        match flow {
            Flow::Received => self.counters.nacks_received += more,
            Flow::Sent => self.counters.nacks_sent += more,
        }
    }
}
