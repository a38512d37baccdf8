//! The packet path: from a publisher's track to the slots of its subscribers.

use std::sync::Arc;
use std::time::Instant;

use signaling_protocol::Source;
use str0m::media::Mid;
use str0m::rtp::RtpPacket;

use super::Worker;
use crate::ids::{ParticipantKey, TrackId};
use crate::metrics::{DropReason, Flow};
use crate::policy::ShedDecision;
use crate::rtp::{LayerPosition, MediaHeader, begins_key_frame};

impl Worker {
    /// Forwards a media packet of a publisher, after SRTP decryption. The payload stays end-to-end
    /// encrypted, and all subscribers share one copy of it.
    pub(super) fn forward(&mut self, now: Instant, key: ParticipantKey, packet: &RtpPacket) {
        let Some((publisher, subscriber)) = self.participants.both_mut(key) else { return };
        let Some(connection) = subscriber.connection_mut() else { return };
        if let Some(profile) = connection.detect_srtp_profile(packet, self.datagram_len) {
            self.counters.count_srtp(profile);
        }
        let stream = connection.stream_of(packet.header.ssrc);
        let captured_at = publisher.captured_at(packet);
        let Some((mid, rid)) = stream else {
            return self.counters.drop(DropReason::UnannouncedTrack);
        };
        let track = publisher.track_by_mid_mut(mid);
        let Some((track, encoding)) = track.and_then(|t| t.encoding_index(rid).map(|e| (t, e)))
        else {
            return self.counters.drop(DropReason::UnannouncedTrack);
        };
        let Some(codec) = track.codec(packet.header.payload_type) else {
            return self.counters.drop(DropReason::UnannouncedTrack);
        };
        track.count(now, encoding, packet.payload.len());
        // A track with one encoding is sent from the next packet on: frames that cannot be decoded
        // yet are better than to wait for a key frame that may not be recognised.
        let may_begin = track.has_single_encoding() || begins_key_frame(codec, &packet.payload);
        let header = MediaHeader {
            encoding,
            codec,
            may_begin,
            ssrc: packet.header.ssrc,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            captured_at,
        };
        let source = track.source();
        if !track.cascade_targets().is_empty() {
            let counter = &mut self.counters.cascaded;
            let targets = track.cascade_targets();
            self.cascade.copy_packet(targets, source, header, &packet.payload, counter);
        }
        self.fan_out(now, key, source, &header, &packet.payload);
    }

    /// Forwards a packet of a track to its subscribers here, whichever worker received it.
    pub(super) fn fan_out(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        source: Source,
        header: &MediaHeader,
        payload: &Arc<[u8]>,
    ) {
        let MediaHeader { encoding, codec, .. } = *header;
        let (publishers, subscribers) = self.participants.split_mut();
        let track = publishers.get_mut(key).and_then(|p| p.track_mut(source));
        let Some(track) = track else { return };
        let decision = track.decide(now, encoding, self.overload.sheds());
        if decision == ShedDecision::Shed {
            return self.counters.drop(DropReason::Shed);
        }
        let position = LayerPosition::of(codec, payload).filter(|_| track.has_single_encoding());
        if let Some(position) = &position {
            track.count_layer(now, position, payload.len());
        }
        let (subscriptions, layers) = track.forwarding();
        for subscription in subscriptions {
            if !subscription.accepts(encoding, header.may_begin) {
                continue;
            }
            let Some(subscriber) = subscribers.get_mut(subscription.subscriber()) else { continue };
            if !subscriber.is_connected() {
                continue;
            }
            let Some(slot) = subscriber.slots_mut().get_mut(subscription.slot()) else { continue };
            let Some(pt) = slot.payload_type(codec) else {
                self.counters.drop(DropReason::NoCodec);
                continue;
            };
            let mut marker = header.marker;
            if let Some(position) = &position {
                if !subscription.includes(layers, position) {
                    slot.skip(header);
                    continue;
                }
                marker |= subscription.ends_picture(layers, position);
            }
            // The subscription begins only with a packet that can be sent.
            let before = subscription.current();
            if subscription.begin(encoding) {
                slot.switch();
                self.counters.count_switch(before, encoding);
            }
            let Some(packet) = slot.rewrite(now, header, pt, marker, payload) else {
                self.counters.drop(DropReason::BeforeSwitch);
                continue;
            };
            subscriber.enqueue(now, packet);
            self.counters.forwarded.add(payload.len());
            if subscriber.mark_dirty() {
                self.dirty.push_back(subscription.subscriber());
            }
        }
        if decision == ShedDecision::Resume {
            let Some(publisher) = self.participants.get(key) else { return };
            let (room, participant) = (publisher.room().clone(), publisher.id());
            self.request_key_frame(now, &room, TrackId { participant, source }, encoding);
        }
    }

    /// Counts the NACKs on an m-line, given the total that str0m reports.
    pub(super) fn count_nacks(&mut self, key: ParticipantKey, flow: Flow, mid: Mid, total: u64) {
        let Some(connection) = self.connection_mut(key) else { return };
        let more = connection.update_nacks(flow, mid, total);
        match flow {
            Flow::Received => self.counters.nacks_received += more,
            Flow::Sent => self.counters.nacks_sent += more,
        }
    }
}
