//! The packet path: from a publisher's track to its subscribers' slots, and back with requests.

use std::sync::Arc;
use std::time::Instant;

use signaling_protocol::{RoomId, Source};
use str0m::media::Mid;
use str0m::rtp::{RtpPacket, RtpWrite};

use crate::cascade::messages::MediaHeader;
use crate::metrics::{DropReason, Flow, SrtpProfile};
use crate::peer_connection::Connection;
use crate::peer_connection::codec::Forwarded;
use crate::policy::overload::Passage;
use crate::policy::slot_allocation::TrackId;
use crate::room::participant::Outgoing;
use crate::room::participants::Key;
use crate::rtp::payload_descriptor::begins_key_frame;
use crate::rtp::svc_layers::Position;
use crate::transport::gso_order::line_up;
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
        let stream = connection.stream_of(packet.header.ssrc);
        let wallclock = publisher.wallclock.map(packet);
        let Some((mid, rid)) = stream else {
            return self.counters.drop(DropReason::UnannouncedTrack);
        };
        let track = publisher.track_by_mid(mid);
        let Some((track, encoding)) = track.and_then(|t| t.encoding(rid).map(|e| (t, e))) else {
            return self.counters.drop(DropReason::UnannouncedTrack);
        };
        let Some(codec) = track.payload_types.codec(packet.header.payload_type) else {
            return self.counters.drop(DropReason::UnannouncedTrack);
        };
        track.count(now, encoding, packet.payload.len());
        // A track with one encoding is sent from where it is: what cannot be decoded yet is better
        // than to wait for a key frame that may never look like one.
        let may_begin = track.encodings.len() == 1 || begins_key_frame(codec, &packet.payload);
        let header = MediaHeader {
            encoding,
            codec,
            may_begin,
            ssrc: packet.header.ssrc,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            wallclock,
        };
        let source = track.source;
        if !track.branches.is_empty() {
            let counter = &mut self.counters.relayed;
            self.relaying.copy(&track.branches, source, header, &packet.payload, counter);
        }
        self.fan_out(now, key, source, &header, &packet.payload);
    }

    /// A packet of a track goes to those who receive it here, whoever's connection it came over.
    pub(crate) fn fan_out(
        &mut self,
        now: Instant,
        key: Key,
        source: Source,
        header: &MediaHeader,
        payload: &Arc<[u8]>,
    ) {
        let MediaHeader { encoding, codec, .. } = *header;
        let publisher = self.participants.get_mut(key);
        let Some(track) = publisher.and_then(|p| p.track_mut(source)) else { return };
        let passage = track.passage(now, encoding, self.overload.sheds());
        if passage == Passage::Shed {
            return self.counters.drop(DropReason::Shed);
        }
        let position = Position::of(codec, payload).filter(|_| track.encodings.len() == 1);
        if let Some(position) = &position {
            track.layers.count(now, position, payload.len());
        }
        // Taken out while the subscribers, who live in the same list, are worked on.
        let mut forwards = std::mem::take(&mut track.forwards);
        let layers = position.map(|_| std::mem::take(&mut track.layers)).unwrap_or_default();
        for forward in &mut forwards {
            if !forward.takes(encoding, header.may_begin) {
                continue;
            }
            let (to, slot) = (forward.subscriber, forward.slot);
            let Some(subscriber) = self.participants.get_mut(to) else { continue };
            if !subscriber.connection.as_ref().is_some_and(Connection::is_connected) {
                continue;
            }
            let Some(slot) = subscriber.slots.get_mut(slot) else { continue };
            let Some(pt) = slot.payload_types.pt(codec) else {
                self.counters.drop(DropReason::NoCodec);
                continue;
            };
            let mut marker = header.marker;
            if let Some(position) = &position {
                if !forward.up_to.takes(&layers, position) {
                    slot.rewriter.skip(header.ssrc, header.seq);
                    continue;
                }
                marker |= forward.up_to.ends(&layers, position);
            }
            // Only now: who cannot be sent to has not begun with it either.
            let before = forward.current;
            if forward.begin(encoding) {
                slot.switch();
                self.counters.count_switch(before, encoding);
            }
            let rewritten = slot.rewriter.rewrite(
                now,
                header.ssrc,
                header.seq,
                header.timestamp,
                codec.clock_rate(),
            );
            let Some(numbers) = rewritten else {
                self.counters.drop(DropReason::BeforeSwitch);
                continue;
            };
            let patch = match codec {
                Forwarded::Vp8 => slot.pictures.rewrite(payload),
                Forwarded::Opus | Forwarded::Vp9 | Forwarded::Av1 | Forwarded::H264 => None,
            };
            subscriber.link.sent.add(now, payload.len());
            subscriber.outgoing.push(Outgoing {
                ssrc: slot.ssrc,
                pt,
                numbers,
                wallclock: header.wallclock,
                marker,
                patch,
                fill: 0,
                payload: payload.clone(),
            });
            self.counters.forwarded.add(payload.len());
            self.enlist(to);
        }
        let Some(publisher) = self.participants.get_mut(key) else { return };
        if let Some(track) = publisher.track_mut(source) {
            track.forwards = forwards;
            if position.is_some() {
                track.layers = layers;
            }
        }
        if passage == Passage::FreeAgain {
            let (room, participant) = (publisher.room.clone(), publisher.id);
            self.request_key_frame(now, &room, TrackId { participant, source }, encoding);
        }
    }

    /// Sends a subscriber what has been forwarded to it: all of it at once, so that its keys and
    /// state are fetched into the cache once, and its datagrams leave together.
    pub(crate) fn send_outgoing(&mut self, now: Instant, key: Key) {
        let Some(subscriber) = self.participants.get_mut(key) else { return };
        let Some(connection) = &mut subscriber.connection else {
            subscriber.outgoing.clear();
            return;
        };
        let mut outcome = Ok(());
        line_up(&mut subscriber.outgoing, &mut self.streams);
        for packet in subscriber.outgoing.drain(..) {
            let Outgoing { ssrc, pt, numbers, wallclock, marker, patch, fill, payload } = packet;
            let mut write =
                RtpWrite::new(pt, numbers.seq.into(), numbers.timestamp, wallclock, payload)
                    .marker(marker)
                    .nackable(true)
                    .padding(fill);
            if let Some(patch) = patch {
                write = write.vp8_patch(patch);
            }
            match connection.send(now, ssrc, write, &mut self.drained) {
                Ok(sent) => subscriber.stale |= !sent,
                Err(fault) => {
                    outcome = Err(fault);
                    break;
                }
            }
        }
        if let Err(fault) = outcome {
            self.fail(now, key, &fault);
        }
    }

    /// A subscriber cannot decode what a slot carries until a key frame comes.
    pub(crate) fn key_frame_wanted(&mut self, now: Instant, key: Key, mid: Mid) {
        self.counters.key_frames_wanted += 1;
        let Some(subscriber) = self.participants.get(key) else { return };
        if let Some(slot) = subscriber.slots.iter().position(|slot| slot.mid == mid) {
            self.refresh(now, key, slot);
        }
    }

    /// A subscriber begins to receive: everything in its slots needs a key frame.
    pub(crate) fn refresh_received(&mut self, now: Instant, key: Key) {
        let slots = self.participants.get(key).map_or(0, |subscriber| subscriber.slots.len());
        (0..slots).for_each(|slot| self.refresh(now, key, slot));
    }

    /// What is in a slot needs a key frame.
    fn refresh(&mut self, now: Instant, key: Key, slot: usize) {
        let Some(subscriber) = self.participants.get(key) else { return };
        let Some(held) = subscriber.slots.get(slot).and_then(|slot| slot.held) else { return };
        let room = subscriber.room.clone();
        let publisher = self.rooms.get(&room).and_then(|r| r.members.get(&held.track.participant));
        let track = publisher.and_then(|p| self.participants.get(*p)?.track(held.track.source));
        let Some(track) = track else { return };
        let forward = track.forwards.iter().find(|f| f.subscriber == key && f.slot == slot);
        // Not only the one that is sent: who waits for another one waits for its key frame.
        let encodings: Vec<usize> =
            forward.into_iter().flat_map(|f| [f.current, f.next]).flatten().collect();
        for encoding in encodings {
            self.request_key_frame(now, &room, held.track, encoding);
        }
    }

    /// Asks for a key frame of an encoding, now or as soon as its publisher may be asked again.
    pub(crate) fn request_key_frame(
        &mut self,
        now: Instant,
        room: &RoomId,
        track: TrackId,
        encoding: usize,
    ) {
        if track.source.is_audio() {
            return;
        }
        let key = self.rooms.get(room).and_then(|room| room.members.get(&track.participant));
        let Some(&key) = key else { return };
        let published = self.participants.get_mut(key).and_then(|p| p.track_mut(track.source));
        let encoding = published.and_then(|t| t.encodings.get_mut(encoding));
        // It would be shed.
        if let Some(encoding) = encoding.filter(|encoding| !encoding.is_left_out(now)) {
            encoding.key_frames.request();
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
            for encoding in &mut track.encodings {
                if !encoding.key_frames.take_due(now) {
                    continue;
                }
                match connection.request_key_frame(track.mid, encoding.rid) {
                    Ok(true) => {
                        asked = true;
                        self.counters.key_frames_requested += 1;
                    }
                    // It has sent nothing yet. Its first frame may be lost on its way to those who
                    // wait, so the request stays.
                    Ok(false) => {
                        encoding.key_frames.request();
                    }
                    Err(broken) => fault = Some(broken),
                }
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
